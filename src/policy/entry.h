/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * entry: one line of the list: a pin, whether it allows or denies, and the
 * terms under which it does.
 */
#ifndef CERTGATE_POLICY_ENTRY_H
#define CERTGATE_POLICY_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "policy/thumbprint.h"
#include "protocol/chain_trust.h"

/* Where the userId of an accepted client comes from. */
enum user_source {
	USER_DEFAULT = 0, /* common name, else thumbprint */
	USER_ENTRY, /* only what the entry says, else none */
	USER_COMMON_NAME,
	USER_ALTERNATIVE_NAME,
	USER_THUMBPRINT,
	USER_LITERAL,
	USER_PIN /* the digits of the entry's pin */
};

enum {
	ENTRY_QUERIES_MAX = 8, /* query. options of one entry */
	ENTRY_SERIAL_MAX = 64 /* bytes of a serial number */
};

/* What the client has to say: a text, or a name of its certificate. */
struct binding {
	char *name; /* owned; of the query's member; NULL: client-id */
	enum user_source source; /* USER_DEFAULT: not bound */
	char *text; /* owned; with USER_LITERAL */
};

/* What an entry grants, to which certificates it is limited, and where it
 * ends.  All zero: no options. */
struct terms {
	enum user_source user_source;
	char *user; /* owned; with USER_LITERAL */
	char **groups; /* owned, ended by NULL; or NULL */
	char **roles; /* owned, ended by NULL; in the service's full names */
	char **subprotocols; /* owned, ended by NULL; in order of preference */
	struct binding client_id;
	struct binding queries[ENTRY_QUERIES_MAX];
	size_t n_queries;
	char *ca; /* owned absolute path; NULL: not an entry of a CA */
	char *crl; /* owned absolute path; NULL: none */
	char *common_name; /* owned pattern with '*'; NULL: any */
	char *alternative_name; /* the same */
	char *serial; /* owned lower-case digits, without zeros in front; NULL:
		       * any */
	char **hubs; /* owned, ended by NULL; NULL: all */
	int64_t not_before; /* UTC seconds, the first one */
	int64_t not_after; /* UTC seconds, the last one; 0: no end */
};

struct entry {
	struct thumbprint pin; /* THUMBPRINT_NONE: an entry of a CA */
	const struct chain_trust *trust; /* of a CA; borrowed from the list */
	bool allows; /* else it denies */
	uint16_t pin_end; /* byte of the line behind its pin; cut at 65535 */
	unsigned line; /* in the list; 0: from CLIENT_CERT_THUMBPRINT */
	int64_t ends; /* UTC seconds, notAfter of its file:; 0: none */
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

/* True if text begins with `ca:` and a path, not with a thumbprint whose first
 * byte is CA. */
bool entry_names_ca(struct span text);

/* Return true if the entry has expired at the time now. */
bool entry_has_expired(const struct entry *entry, int64_t now);

void entry_free(struct entry *entry);

#endif
