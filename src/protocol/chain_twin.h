/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * chain_twin: the other bytes of a certificate that its CA's signature vouches
 * for just as well.
 *
 * What a CA signs is a part of the certificate.  Whoever has a certificate can
 * write its frame in another way, and in an ECDSA signature (r, s) negate s
 * (SEC 1 4.1.4), and has one with other digests: a deny of its thumbprint would
 * not meet it.  So the frame must be DER, which leaves one way, and a
 * certificate with an ECDSA signature is its twin too.
 */
#ifndef CERTGATE_PROTOCOL_CHAIN_TWIN_H
#define CERTGATE_PROTOCOL_CHAIN_TWIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "protocol/digest.h"

/* OpenSSL's names for X509 and EVP_PKEY. */
struct x509_st;
struct evp_pkey_st;

struct chain_twin {
	bool exists; /* else all zero */
	uint8_t sha1[DIGEST_SHA1_SIZE]; /* of the whole DER, as a pin has it */
	uint8_t sha256[DIGEST_SHA256_SIZE];
};

/* The twin of x, read from der and signed with issuer's key.  False if der is
 * not DER around what is signed, or if there is no memory. */
bool chain_twin_find(struct x509_st *x, struct span der,
		     struct evp_pkey_st *issuer, struct chain_twin *twin)
	__attribute__((warn_unused_result));

#endif
