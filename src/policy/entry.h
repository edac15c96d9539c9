/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * entry: one line of the list: a pin, whether it allows or denies, and the
 * terms under which it allows.
 */
#ifndef CERTGATE_POLICY_ENTRY_H
#define CERTGATE_POLICY_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "policy/terms.h"
#include "policy/thumbprint.h"
#include "protocol/chain_trust.h"

struct entry {
	struct thumbprint pin; /* THUMBPRINT_NONE: an entry of a CA */
	const struct chain_trust *trust; /* of a CA; borrowed from the list */
	bool allows; /* else it denies */
	uint16_t pin_end; /* byte of the line behind its pin; cut at 65535 */
	unsigned line; /* in the list; 0: from CLIENT_CERT_THUMBPRINT */
	uint64_t text_hash; /* of the line, to find the same line twice */
	struct terms *terms; /* owned; NULL: none */
};

/* Reads a file that an entry names (file:, ca:, crl=): its PEM text goes to
 * text, up to the ceiling of that.  The core opens nothing itself. */
struct entry_files {
	bool (*read)(void *context, const char *path, struct buffer *text,
		     struct error *e);
	void *context;
};

/*
 * Parses line, which has no line end, no comment and no blanks around it.  The
 * trust of a CA entry is left to the list.
 * False with e and its column set, and nothing to free, if it does not read.
 */
bool entry_parse(struct entry *entry, struct span line,
		 const struct entry_files *files, struct warnings *warnings,
		 struct error *e) __attribute__((warn_unused_result));

void entry_free(struct entry *entry);

#endif
