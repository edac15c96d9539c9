/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* terms: what an entry grants, and where it ends. */
#ifndef CERTGATE_POLICY_TERMS_H
#define CERTGATE_POLICY_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

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

enum { ENTRY_QUERIES_MAX = 8 /* query. options of one entry */ };

/* What the client has to say: a text, or a name of its certificate. */
struct binding {
	char *name; /* owned; of the query's member; NULL: client-id */
	enum user_source source; /* USER_DEFAULT: not bound */
	char *text; /* owned; with USER_LITERAL */
};

/* What an entry grants and where it ends.  All zero: no options. */
struct terms {
	enum user_source user_source;
	char *user; /* owned; with USER_LITERAL */
	char **groups; /* owned, ended by NULL; or NULL */
	char **roles; /* owned, ended by NULL; in the service's full names */
	char **subprotocols; /* owned, ended by NULL; in order of preference */
	bool groups_name_user, roles_name_user; /* have {user} in them */
	struct binding client_id;
	struct binding queries[ENTRY_QUERIES_MAX];
	size_t n_queries;
	char *ca; /* owned absolute path; NULL: not an entry of a CA */
	char *crl; /* owned absolute path; NULL: none */
	char *common_name; /* owned pattern with '*'; NULL: any */
	char *alternative_name; /* the same */
	char **hubs; /* owned, ended by NULL; NULL: all */
	int64_t not_before; /* UTC seconds, the first one */
	int64_t not_after; /* UTC seconds, the last one; 0: no end */
};

/* Whether the options make sense together; is_key: for an entry of a public
 * key, which vouches for no name. */
bool terms_check(const struct terms *terms, bool is_key, struct error *e)
	__attribute__((warn_unused_result));

/* Frees all of it; NULL is nothing. */
void terms_free(struct terms *terms);

#endif
