/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* applied: the last changes that this host applied, to tell the fleet of them
 * if the database no longer has them.  Nothing depends on it. */
#ifndef CERTGATE_SYNC_APPLIED_H
#define CERTGATE_SYNC_APPLIED_H

#include "host/database.h"
#include "sync/replica.h"

enum {
	APPLIED_MAX = 256, /* changes that are remembered */
	APPLIED_DIGITS = 2 * DIGEST_SHA256_SIZE
};

/* The last changes, as a ring.  All zero: empty. */
struct applied {
	struct {
		struct revision at;
		char *text; /* owned; verb and entry; NULL: none */
	} recent[APPLIED_MAX];
	size_t n; /* all, so far */
};

/* Remember that this change led to the revision at. */
void applied_add(struct applied *applied, const struct revision *at,
		 struct span verb, struct span entry);

/* Tell the database which revisions this host had, and the one that it is at:
 * they were in force here.  Log a warning if the database refuses that.  Return
 * false if the connection or the memory was lost: tell it again. */
bool applied_tell(const struct applied *applied, const struct revision *at,
		  struct database *database)
	__attribute__((warn_unused_result));

/* Forget all changes. */
void applied_clear(struct applied *applied);

/* Write the digest of a revision as hexadecimal digits with a NUL. */
void applied_digits(const struct revision *at, char digits[APPLIED_DIGITS + 1]);

#endif
