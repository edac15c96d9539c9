/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * pending: the rejected certificates that can be allowed, from the log.
 *
 * The digests are those that the handler computed.  Names are the certificate's
 * claim.  If a signature is required, only events with a good one count.
 */
#ifndef CERTGATE_ADMIN_PENDING_H
#define CERTGATE_ADMIN_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/log_reader.h"
#include "host/configuration.h"
#include "policy/thumbprint.h"

enum {
	PENDING_MAX = 10000, /* certificates in memory */
	PENDING_TEXT_MAX = 136 /* bytes of a value of the log */
};

struct pending_text {
	uint8_t length;
	char text[PENDING_TEXT_MAX];
};

/* A certificate that was rejected at a hub. */
struct pending_row {
	struct thumbprint sha256, sha1, spki; /* NONE: unknown; not sha256 */
	struct pending_text hub, subject, issuer;
	int64_t not_after; /* UTC seconds; 0: unknown */
	int64_t last; /* UTC seconds */
	uint64_t count; /* lines */
};

struct pending {
	struct log_reader log; /* after its last line */
	struct pending_row **row; /* owned; by SHA-256, then by hub */
	size_t n;
	uint64_t more; /* certificates that are not in memory, seen once */
	struct pending_table *table; /* owned */
};

/* Read the log of path (see log_query) for the site of the settings.
 * pending_free() in any case. */
bool pending_read(struct pending *pending, const char *path, struct error *e)
	__attribute__((warn_unused_result));
void pending_free(struct pending *pending);

/* How many rows have a SHA-256 that begins with these digits; the first at
 * *first. */
size_t pending_find(const struct pending *pending, struct span digits,
		    size_t *first);

/* Put the rows that were seen last first; pending_find() needs them by SHA-256
 * still. */
void pending_sort(struct pending *pending);

/* True if an entry, whatever it says, has one of its pins. */
bool pending_is_settled(const struct configuration *store,
			const struct pending_row *row);

/* Borrow text. */
struct span pending_text(const struct pending_text *text);

/* "DIGITS  hub HUB, N times, last TIME" and a line with each name. */
void pending_print(const struct pending_row *row, const char *indent);

#endif
