/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * store_contact: when the store of this host was last what the fleet's database
 * had, as the value "contact" of the store.
 *
 * By two clocks, of the day and since the boot: either can be wrong, one after
 * a step, the other after a boot.  The older age counts.  A clock of the day
 * that is set back makes nothing younger until the next boot; after that, a
 * contact in its future counts as old.  Only one that was set back before the
 * boot, to a time behind the contact, is not noticed.
 */
#ifndef CERTGATE_HOST_STORE_CONTACT_H
#define CERTGATE_HOST_STORE_CONTACT_H

#include <stdint.h>

#include "base/span.h"

enum {
	STORE_CONTACT_SIZE = 48, /* bytes of its text, with the NUL */
	STORE_STALE_S = 60 /* an age that is warned of */
};

/* Write the present time. */
void store_contact_write(char text[STORE_CONTACT_SIZE]);

/* Return how many seconds ago that was.  INT64_MAX if text is not a time, or
 * is one in the future: the age is unknown. */
int64_t store_contact_age(struct span text);

#endif
