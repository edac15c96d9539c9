/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * seen: when a pin that is to end last let somebody in, so that it can be told
 * whether anybody still needs it.
 *
 * Only entries with expires= are noted.  When there are too many, the one that
 * has not been seen longest is forgotten.  No decision reads any of this.
 */
#ifndef CERTGATE_HOST_SEEN_H
#define CERTGATE_HOST_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "handler.h"
#include "host/sites.h"
#include "host/slots.h"

enum {
	SEEN_SIZE = 256, /* bytes of a slot in the file */
	SEEN_SPARE = SEEN_SIZE - SLOTS_CHECK - 8 - 32 - 2 - SITES_NAME_MAX
};

/* As in the file. */
struct seen_pin {
	int64_t last; /* UTC seconds; 0: the slot is empty */
	uint8_t digest[DIGEST_MAX_SIZE];
	uint8_t kind; /* enum thumbprint_kind */
	uint8_t site_length;
	char site[SITES_NAME_MAX]; /* none: length 0 */
	char spare[SEEN_SPARE]; /* all zero */
};

extern const struct slots_kind seen_kind;

/* The entry is one that ends, and lets in by a pin. */
bool seen_notes(const struct entry *entry);

/* Takes note of an answer that such an entry gave. */
void seen_note(struct slots *slots, const struct answer *answer, int64_t now);

/* The clock was wrong then, or somebody else wrote it: it counts as empty. */
bool seen_is_ahead(const struct seen_pin *seen, int64_t now);

/* True if it is this pin, at this site. */
bool seen_is(const struct seen_pin *seen, const struct thumbprint *pin,
	     struct span site);

#endif
