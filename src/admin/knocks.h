/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * knocks: what all handlers of this host have noted of whom no entry had.
 *
 * Nothing in their files is believed: a knock is what its certificate is, with
 * the number of times and the hub that somebody wrote beside it.
 */
#ifndef CERTGATE_ADMIN_KNOCKS_H
#define CERTGATE_ADMIN_KNOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/span.h"
#include "host/pending.h"
#include "protocol/certificate.h"

enum {
	KNOCKS_DIGITS_MIN = 8, /* of a SHA-256 that is only begun */
	KNOCKS_DIGITS_MAX = 2 * DIGEST_SHA256_SIZE - 1
};

struct knock {
	struct pending_knock of; /* the same of several handlers, added up */
	struct certificate certificate; /* borrows of */
	unsigned digits; /* of the SHA-256, that tell it from others */
};

struct knocks {
	struct knock **knock; /* owned; by SHA-256, then by hub */
	size_t n;
	size_t size; /* allocated */
	size_t elsewhere; /* at other sites */
	bool failed; /* there was no memory */
	struct span site; /* borrowed */
	int64_t now;
};

/* Reads those at the site that is looked at.  knocks_free() whatever it
 * returns. */
bool knocks_read(struct knocks *knocks, struct error *e)
	__attribute__((warn_unused_result));
void knocks_free(struct knocks *knocks);

/* How many have a SHA-256 that begins with these digits; the first at
 * *first. */
size_t knocks_find(const struct knocks *knocks, struct span digits,
		   size_t *first);

bool knock_same_certificate(const struct knock *a, const struct knock *b);

/* Borrow the knock. */
struct span knock_hub(const struct knock *knock);
struct span knock_der(const struct knock *knock);

/* "DIGITS  hub HUB, N times, first TIME, last TIME", whether it is certgate
 * doctor's stranger, and a line end. */
void knock_print(const struct knock *knock);

#endif
