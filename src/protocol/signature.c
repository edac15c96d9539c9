/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Not EVP_MAC: to fetch it is a twentieth of what an event costs by plain
 * CGI. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/hmac.h>

#include "base/hex.h"
#include "protocol/digest.h"
#include "protocol/signature.h"

struct signature_key {
	HMAC_CTX *mac; /* owned; keyed, to be begun again for each message */
};

struct signature_key *
signature_key_new(struct span text, struct error *e)
{
	struct signature_key *key = calloc(1, sizeof(*key));

	if (key != NULL)
		key->mac = HMAC_CTX_new();
	if (key == NULL || key->mac == NULL || text.len == 0 ||
	    text.len > INT_MAX ||
	    HMAC_Init_ex(key->mac, text.ptr, (int)text.len, EVP_sha256(),
			 NULL) != 1) {
		signature_key_free(key);
		error_set(e, "an access key cannot be used for HMAC-SHA256");
		return NULL;
	}
	return key;
}

void
signature_key_free(struct signature_key *key)
{
	if (key == NULL)
		return;
	HMAC_CTX_free(key->mac);
	free(key);
}

static bool
compute(struct signature_key *key, struct span id,
	uint8_t out[DIGEST_SHA256_SIZE])
{
	unsigned length = 0;

	return HMAC_Init_ex(key->mac, NULL, 0, NULL, NULL) == 1 &&
	       HMAC_Update(key->mac, (const unsigned char *)id.ptr, id.len) ==
		       1 &&
	       HMAC_Final(key->mac, out, &length) == 1 &&
	       length == DIGEST_SHA256_SIZE;
}

struct tokens {
	size_t count; /* all that were sent, well-formed or not */
	size_t n; /* those decoded */
	uint8_t digest[SIGNATURE_MAX_TOKENS][DIGEST_SHA256_SIZE];
};

/* A token of another form is passed over: the service may add algorithms. */
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
