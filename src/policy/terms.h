/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * terms: what entries with equal options share, and those of one list.
 */
#ifndef CERTGATE_POLICY_TERMS_H
#define CERTGATE_POLICY_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

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

/* What an entry grants, and to which certificates it is limited.  Entries of
 * one list with equal options share it. */
struct terms {
	unsigned uses; /* holders, see terms_release() */
	unsigned n_queries;
	char **groups; /* owned, ended by NULL; or NULL */
	char **roles; /* owned, ended by NULL; in the service's full names */
	char **subprotocols; /* owned, ended by NULL; in order of preference */
	struct binding client_id;
	struct binding *queries; /* owned; NULL: none */
	char *ca; /* owned absolute path; NULL: not an entry of a CA */
	char *crl; /* owned absolute path; NULL: none */
	char *common_name; /* owned pattern with '*'; NULL: any */
	char *alternative_name; /* the same */
	char *serial; /* owned lower-case digits, without zeros in front; NULL:
		       * any */
	char **hubs; /* owned, ended by NULL; NULL: all */
	int64_t not_before; /* UTC seconds, the first one */
};

/* Return terms without options, used once; NULL with e if there is no
 * memory. */
struct terms *terms_new(struct error *e);

/* End one use of terms (NULL: nothing), and free them after the last. */
void terms_release(struct terms *terms);

struct pooled_terms {
	uint64_t hash; /* of the key */
	char *key; /* owned */
	size_t length; /* of the key */
	struct terms *terms; /* one use; NULL: the slot is free */
	bool warned; /* the options have a warning */
};

/* Terms by a key, the text of their options.  All zero: empty. */
struct terms_pool {
	struct pooled_terms *slots; /* owned */
	size_t n, size; /* size: a power of two, or 0 */
	struct buffer key; /* owned; of the last entry */
};

/* Return the slot of pool->key, or the free one where it belongs: valid until
 * the next call.  NULL with e if there is no memory. */
struct pooled_terms *terms_pool_find(struct terms_pool *pool, struct error *e);

/* Put terms into slot, which is free and that of pool->key. */
bool terms_pool_fill(struct terms_pool *pool, struct pooled_terms *slot,
		     struct terms *terms, bool warned, struct error *e)
	__attribute__((warn_unused_result));

/* Release all that the pool holds; entries keep their terms. */
void terms_pool_free(struct terms_pool *pool);

#endif
