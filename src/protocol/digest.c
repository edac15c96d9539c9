/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

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

/* Fetched and allocated once: either costs more than the digest of a
 * certificate. */
struct algorithm {
	const char *name;
	size_t size; /* bytes of the digest */
	EVP_MD *method;
	EVP_MD_CTX *state;
};

static bool
prepare(struct algorithm *a)
{
	if (a->method == NULL)
		a->method = EVP_MD_fetch(NULL, a->name, NULL);
	if (a->state == NULL)
		a->state = EVP_MD_CTX_new();
	return a->method != NULL && a->state != NULL;
}

static bool
compute(struct algorithm *a, struct span bytes, uint8_t *out)
{
	unsigned length = 0;

	memset(out, 0, a->size);
	if (prepare(a) && EVP_DigestInit_ex2(a->state, a->method, NULL) == 1 &&
	    EVP_DigestUpdate(a->state, bytes.ptr, bytes.len) == 1 &&
	    EVP_DigestFinal_ex(a->state, out, &length) == 1 &&
	    length == a->size)
		return true;
	memset(out, 0, a->size);
	return false;
}

bool
digest_sha1(struct span bytes, uint8_t out[DIGEST_SHA1_SIZE])
{
	static struct algorithm sha1 = { "SHA1", DIGEST_SHA1_SIZE, NULL, NULL };

	return compute(&sha1, bytes, out);
}

bool
digest_sha256(struct span bytes, uint8_t out[DIGEST_SHA256_SIZE])
{
	static struct algorithm sha256 = { "SHA256", DIGEST_SHA256_SIZE, NULL,
					   NULL };

	return compute(&sha256, bytes, out);
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
