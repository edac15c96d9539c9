/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* digest: SHA-1 and SHA-256 (FIPS 180-4), and comparisons that take the same
 * time wherever the bytes differ. */
#ifndef CERTGATE_PROTOCOL_DIGEST_H
#define CERTGATE_PROTOCOL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum {
	DIGEST_SHA1_SIZE = 20, /* bytes */
	DIGEST_SHA256_SIZE = 32, /* bytes */
	DIGEST_MAX_SIZE = DIGEST_SHA256_SIZE
};

/* What else the process does with OpenSSL. */
enum digest_use {
	DIGEST_USE_HANDLER, /* signatures of certificates (chain_trust) */
	DIGEST_USE_TLS
};

/* Start OpenSSL; call it once, before all else of this layer.  Its
 * configuration file, which could replace algorithms, and its clean-up at exit
 * are left out; in a handler, so are the names of ciphers and digests and the
 * texts of errors, which plain CGI would load for each event. */
bool digest_start(enum digest_use use) __attribute__((warn_unused_result));

/* False, and out all zero, if OpenSSL cannot compute it. */
bool digest_sha1(struct span bytes, uint8_t out[DIGEST_SHA1_SIZE])
	__attribute__((warn_unused_result));
bool digest_sha256(struct span bytes, uint8_t out[DIGEST_SHA256_SIZE])
	__attribute__((warn_unused_result));

/* Constant time in n. */
bool digest_equal(const uint8_t *a, const uint8_t *b, size_t n);

/* Constant time but for the lengths; empty never equals empty. */
bool digest_secrets_equal(struct span a, struct span b);

#endif
