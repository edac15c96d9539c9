/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "protocol/digest.h"

bool
digest_start(void)
{
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1;
}

/* The algorithm is fetched once: a fetch costs more than the digest of a
 * certificate. */
static bool
compute(EVP_MD **algorithm, const char *name, struct span bytes, uint8_t *out,
	size_t size)
{
	unsigned length = 0;

	memset(out, 0, size);
	if (*algorithm == NULL)
		*algorithm = EVP_MD_fetch(NULL, name, NULL);
	if (*algorithm == NULL ||
	    EVP_Digest(bytes.ptr, bytes.len, out, &length, *algorithm, NULL) !=
		    1 ||
	    length != size) {
		memset(out, 0, size);
		return false;
	}
	return true;
}

bool
digest_sha1(struct span bytes, uint8_t out[DIGEST_SHA1_SIZE])
{
	static EVP_MD *algorithm;

	return compute(&algorithm, "SHA1", bytes, out, DIGEST_SHA1_SIZE);
}

bool
digest_sha256(struct span bytes, uint8_t out[DIGEST_SHA256_SIZE])
{
	static EVP_MD *algorithm;

	return compute(&algorithm, "SHA256", bytes, out, DIGEST_SHA256_SIZE);
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
