/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* entry_parse: an entry from the text of its line. */
#ifndef CERTGATE_POLICY_ENTRY_PARSE_H
#define CERTGATE_POLICY_ENTRY_PARSE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"
#include "policy/entry.h"
#include "policy/terms.h"

/*
 * Parse line, which has no line end, no comment and no blanks around it.  The
 * list loads the trust of a CA entry.
 * False with e and its column set, and nothing to free, if line is invalid.
 */
bool entry_parse(struct entry *entry, struct span line,
		 const struct entry_files *files, struct warnings *warnings,
		 struct error *e) __attribute__((warn_unused_result));

/* The same; entries that one pool parsed, and that have equal options, share
 * their terms. */
bool entry_parse_shared(struct entry *entry, struct span line,
			const struct entry_files *files,
			struct terms_pool *pool, struct warnings *warnings,
			struct error *e) __attribute__((warn_unused_result));

/* True if text begins with `ca:` and a path, not with a thumbprint whose first
 * byte is CA. */
bool entry_names_ca(struct span text);

#endif
