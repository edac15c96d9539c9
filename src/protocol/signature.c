/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

/* Not EVP_MAC or HMAC(): the first use costs 0.84 million instructions, of 3
 * million that a plain CGI event takes (static, OpenSSL 3.0, callgrind). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "base/hex.h"
#include "protocol/digest.h"
#include "protocol/signature.h"

/* RFC 2104 2: HMAC is outer(inner(message)); each begins with a block, the key
 * XOR a byte. */
struct signature_key {
	SHA256_CTX inner, outer;
};

static bool
begin(SHA256_CTX *state, const uint8_t key[SHA256_CBLOCK], uint8_t pad)
{
	uint8_t block[SHA256_CBLOCK];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	bool ok = SHA256_Init(state) == 1 &&
		  SHA256_Update(state, block, sizeof(block)) == 1;
	explicit_bzero(block, sizeof(block));
	return ok;
}

/* A key that is longer than a block is replaced by its digest. */
static bool
set_key(struct signature_key *key, struct span text)
{
	enum { INNER = 0x36, OUTER = 0x5c };
	uint8_t bytes[SHA256_CBLOCK] = { 0 };
	bool ok = text.len > 0;

	if (text.len > sizeof(bytes))
		ok = digest_sha256(text, bytes);
	else if (ok)
		memcpy(bytes, text.ptr, text.len);
	ok = ok && begin(&key->inner, bytes, INNER) &&
	     begin(&key->outer, bytes, OUTER);
	explicit_bzero(bytes, sizeof(bytes));
	return ok;
}

struct signature_key *
signature_key_new(struct span text, struct error *e)
{
	struct signature_key *key = calloc(1, sizeof(*key));

	if (key != NULL && set_key(key, text))
		return key;
	signature_key_free(key);
	error_set(e, "an access key cannot be used for HMAC-SHA256");
	return NULL;
}

void
signature_key_free(struct signature_key *key)
{
	if (key != NULL)
		explicit_bzero(key, sizeof(*key));
	free(key);
}

static bool
finish(const SHA256_CTX *begun, struct span text,
       uint8_t out[DIGEST_SHA256_SIZE])
{
	SHA256_CTX state = *begun;

	bool ok = SHA256_Update(&state, text.ptr, text.len) == 1 &&
		  SHA256_Final(out, &state) == 1;
	explicit_bzero(&state, sizeof(state));
	return ok;
}

static bool
compute(const struct signature_key *key, struct span id,
	uint8_t out[DIGEST_SHA256_SIZE])
{
	uint8_t digest[DIGEST_SHA256_SIZE];

	return finish(&key->inner, id, digest) &&
	       finish(&key->outer,
		      (struct span){ (const char *)digest, sizeof(digest) },
		      out);
}

struct tokens {
	size_t count; /* all that were sent, well-formed or not */
	size_t n; /* those decoded */
	uint8_t digest[SIGNATURE_MAX_TOKENS][DIGEST_SHA256_SIZE];
};

/* A token of another form is ignored: the service may add algorithms. */
static void
read_tokens(struct tokens *tokens, struct span value)
{
	struct span prefix = SPAN("sha256=");
	struct span token;

	while (span_next_word(&value, ", \t", &token)) {
		if (++tokens->count > SIGNATURE_MAX_TOKENS)
			return;
		if (span_starts_nocase(token, prefix) &&
		    hex_decode(span_after(token, prefix.len),
			       tokens->digest[tokens->n], DIGEST_SHA256_SIZE))
			tokens->n++;
	}
}

enum signature_result
signature_check(struct signature_key *const *keys, size_t n_keys,
		const struct span *values, size_t n_values, struct span id)
{
	struct tokens tokens = { 0 };
	unsigned matches = 0;

	for (size_t i = 0; i < n_values; i++)
		read_tokens(&tokens, values[i]);
	if (tokens.count == 0)
		return SIGNATURE_MISSING;
	if (tokens.count > SIGNATURE_MAX_TOKENS || span_empty(id))
		return SIGNATURE_WRONG;
	for (size_t k = 0; k < n_keys; k++) {
		uint8_t expected[DIGEST_SHA256_SIZE];
		if (!compute(keys[k], id, expected))
			return SIGNATURE_WRONG;
		for (size_t t = 0; t < tokens.n; t++)
			matches += digest_equal(tokens.digest[t], expected,
						sizeof(expected));
	}
	return matches > 0 ? SIGNATURE_GOOD : SIGNATURE_WRONG;
}

bool
signature_make(struct signature_key *key, struct span id,
	       char token[SIGNATURE_TOKEN_SIZE])
{
	static const char prefix[] = "sha256=";
	enum { DIGITS_AT = sizeof(prefix) - 1 };
	uint8_t digest[DIGEST_SHA256_SIZE];

	if (!compute(key, id, digest))
		return false;
	memcpy(token, prefix, DIGITS_AT);
	hex_encode(digest, sizeof(digest), token + DIGITS_AT);
	token[SIGNATURE_TOKEN_SIZE - 1] = '\0';
	return true;
}
