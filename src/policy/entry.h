/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * entry: one line of the list: a pin, whether it allows or denies, and the
 * terms under which it does; see entry_parse.
 */
#ifndef CERTGATE_POLICY_ENTRY_H
#define CERTGATE_POLICY_ENTRY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "policy/terms.h"
#include "policy/thumbprint.h"
#include "protocol/chain_trust.h"

/* The line of an entry of the store, which has none. */
#define ENTRY_LINE_STORED UINT_MAX

enum { ENTRY_PLACE_SIZE = sizeof("line 4294967295") };

/* A list has up to 100,000, so the size counts. */
struct entry {
	struct thumbprint pin; /* THUMBPRINT_NONE: an entry of a CA */
	unsigned line; /* in the list; 0: from CLIENT_CERT_THUMBPRINT;
		       * ENTRY_LINE_STORED: from the store */
	uint32_t text_hash; /* of the line, to find the same line twice */
	uint16_t pin_end; /* byte of the line behind its pin; cut at 65535 */
	uint8_t user_source; /* an enum user_source */
	bool allows; /* else it denies */
	const struct chain_trust *trust; /* of a CA; borrowed from the list */
	int64_t ends; /* UTC seconds, notAfter of its file:; 0: none */
	/* Of user= and expires=, which differ from entry to entry. */
	char *user; /* owned; with USER_LITERAL, else NULL */
	int64_t not_after; /* UTC seconds, the last one; 0: no end */
	struct terms *terms; /* shared; NULL: no options */
};

/* Reads a file that an entry names (file:, ca:, crl=): its PEM text goes to
 * text, up to the ceiling of that.  The core opens nothing itself. */
struct entry_files {
	bool (*read)(void *context, const char *path, struct buffer *text,
		     struct error *e);
	void *context;
	/* Called each few lines of a long list; NULL: not. */
	void (*pause)(void);
};

/* Name where an entry with this line is: "line 7", "the store" or
 * "CLIENT_CERT_THUMBPRINT"; in text, or a constant. */
const char *entry_place(unsigned line, char text[ENTRY_PLACE_SIZE]);

/* Return true if the entry has expired at the time now. */
bool entry_has_expired(const struct entry *entry, int64_t now);

void entry_free(struct entry *entry);

#endif
