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
#include "policy/thumbprint.h"

/* Where the userId of an accepted client comes from. */
enum user_source {
	USER_DEFAULT = 0, /* common name, else thumbprint */
	USER_ENTRY, /* only what the entry says, else none */
	USER_LITERAL,
	USER_COMMON_NAME,
	USER_ALTERNATIVE_NAME,
	USER_THUMBPRINT,
	USER_PIN /* the digits of the entry's pin */
};

/* What an entry grants and where it ends.  All zero: no options. */
struct terms {
	enum user_source user_source;
	char *user; /* owned; with USER_LITERAL */
	char **groups; /* owned, ended by NULL; or NULL */
	char **roles; /* owned, ended by NULL; in the service's full names */
	char **subprotocols; /* owned, ended by NULL; in order of preference */
	char **hubs; /* owned, ended by NULL; NULL: all */
	int64_t not_before; /* UTC seconds, the first one */
	int64_t not_after; /* UTC seconds, the last one; 0: no end */
};

struct entry {
	struct thumbprint pin;
	bool allows; /* else it denies */
	unsigned line; /* in the list; 0: from CLIENT_CERT_THUMBPRINT */
	uint64_t text_hash; /* of the line, to find the same line twice */
	struct terms *terms; /* owned; NULL: none */
};

/* Reads the certificate file that `file:PATH` names: its PEM text goes to
 * text.  The core opens nothing itself. */
struct entry_files {
	bool (*read)(void *context, const char *path, struct buffer *text,
		     struct error *e);
	void *context;
};

/*
 * Parses line, which has no line end, no comment and no blanks around it.
 * False with e and its column set, and nothing to free, if it does not read.
 */
bool entry_parse(struct entry *entry, struct span line,
		 const struct entry_files *files, struct warnings *warnings,
		 struct error *e) __attribute__((warn_unused_result));

void entry_free(struct entry *entry);

#endif
