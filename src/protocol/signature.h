/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * signature: the header ce-signature, a list of `sha256=` and the hexadecimal
 * HMAC-SHA256 of the connection id under an access key.
 *
 * The key is the access key's text as printed, not base64-decoded; nothing but
 * the connection id is signed (Web PubSub, "CloudEvents handlers").
 */
#ifndef CERTGATE_PROTOCOL_SIGNATURE_H
#define CERTGATE_PROTOCOL_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/span.h"

/* An access key with its HMAC state set up once. */
struct signature_key;

enum {
	/* Tokens in one request; with more it is rejected.  The service sends
	 * two. */
	SIGNATURE_MAX_TOKENS = 16,
	/* "sha256=", 64 digits, NUL */
	SIGNATURE_TOKEN_SIZE = 7 + 2 * 32 + 1
};

enum signature_result {
	SIGNATURE_WRONG = 0, /* also if it cannot be computed */
	SIGNATURE_MISSING, /* no token at all */
	SIGNATURE_GOOD
};

/* Give a key made from text: signature_key_free().  NULL and e on failure. */
struct signature_key *signature_key_new(struct span text, struct error *e);
void signature_key_free(struct signature_key *key);

/*
 * Return GOOD if any token of the n values is the HMAC of id under any of the
 * keys.  Every key is compared with every token, each in constant time.  An
 * empty id is WRONG: its HMAC says nothing about a connection.
 */
enum signature_result signature_check(struct signature_key *const *keys,
				      size_t n_keys, const struct span *values,
				      size_t n_values, struct span id);

/* Write the token of id under key, as the service sends it, with a NUL.  False
 * if it cannot be computed. */
bool signature_make(struct signature_key *key, struct span id,
		    char token[SIGNATURE_TOKEN_SIZE])
	__attribute__((warn_unused_result));

#endif
