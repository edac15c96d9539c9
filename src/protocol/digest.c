/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

/* Not EVP: its first digest is a fifth of the instructions of plain CGI. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "protocol/digest.h"

bool
digest_start(enum digest_use use)
{
	uint64_t without = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT;

	if (use == DIGEST_USE_HANDLER)
		without |= OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
			   OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
			   OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS;
	return OPENSSL_init_crypto(without, NULL) == 1;
}

bool
digest_sha1(struct span bytes, uint8_t out[DIGEST_SHA1_SIZE])
{
	SHA_CTX state;

	if (SHA1_Init(&state) == 1 &&
	    SHA1_Update(&state, bytes.ptr, bytes.len) == 1 &&
	    SHA1_Final(out, &state) == 1)
		return true;
	memset(out, 0, DIGEST_SHA1_SIZE);
	return false;
}

bool
digest_sha256(struct span bytes, uint8_t out[DIGEST_SHA256_SIZE])
{
	SHA256_CTX state;

	if (SHA256_Init(&state) == 1 &&
	    SHA256_Update(&state, bytes.ptr, bytes.len) == 1 &&
	    SHA256_Final(out, &state) == 1)
		return true;
	memset(out, 0, DIGEST_SHA256_SIZE);
	return false;
}

bool
digest_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

bool
digest_secrets_equal(struct span a, struct span b)
{
	return a.len == b.len && a.len > 0 &&
	       CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}
