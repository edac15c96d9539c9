/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* last_seen: when entries that are to end last let somebody in, as all handlers
 * of this host have noted it. */
#ifndef CERTGATE_ADMIN_LAST_SEEN_H
#define CERTGATE_ADMIN_LAST_SEEN_H

#include <stdint.h>

#include "base/error.h"
#include "policy/list.h"

struct last_seen {
	const struct list *list; /* borrowed */
	int64_t now; /* UTC seconds */
	int64_t *at; /* owned; of each entry; NULL: nothing is known */
	/* Why it cannot be told of what is not noted; "": it can. */
	char why[sizeof(struct error) + sizeof(":4294967295:4294967295: ")];
};

/* Reads what there is about the list of the site that is looked at. */
void last_seen_read(struct last_seen *seen, const struct list *list);
void last_seen_free(struct last_seen *seen);

/* True if it is asked of this entry; then *at is when, in UTC seconds, or 0: it
 * was not, or if there is a why, that cannot be told. */
bool last_seen_of(const struct last_seen *seen, const struct entry *entry,
		  int64_t *at);

#endif
