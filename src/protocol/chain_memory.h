/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * chain_memory: verdicts on certificates, each for one trust and for the time
 * in which it holds.
 *
 * A verification is a function of the bytes of the trust, the bytes of the
 * certificate, the security level and the time.  Those are the key here, as
 * digests, so remembering can save work and nothing else: it cannot change a
 * verdict and needs no clearing when files change.
 *
 * Certificates that verify and those that do not have a table each, of a fixed
 * size.  A new verdict replaces an old one of its table, so self-made
 * certificates replace no verdict of a valid one.
 */
#ifndef CERTGATE_PROTOCOL_CHAIN_MEMORY_H
#define CERTGATE_PROTOCOL_CHAIN_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/chain_twin.h"
#include "protocol/digest.h"

enum {
	CHAIN_MEMORY_GOOD = 32768, /* certificates; about 6 MB in use */
	CHAIN_MEMORY_BAD = 4096 /* certificates; under 1 MB in use */
};

enum chain_result {
	CHAIN_UNTRUSTED = 0, /* every other error */
	CHAIN_PURPOSE, /* not for client authentication */
	CHAIN_WEAK, /* a key or signature below the level */
	CHAIN_CRL, /* no current CRL of an issuer */
	CHAIN_REVOKED,
	CHAIN_GOOD
};

/* All zero: untrusted. */
struct chain_verdict {
	enum chain_result result;
	int error; /* OpenSSL's X509_V_ERR_...; 0: none */
	unsigned depth; /* of the refused certificate; 0: the client's */
	bool names; /* authority is set */
	unsigned authority; /* number of the CA that is refused, or, with
			     * CHAIN_CRL, of the issuer without a CRL */
	struct chain_twin twin; /* with CHAIN_GOOD */
};

struct chain_proof {
	uint8_t trust[DIGEST_SHA256_SIZE];
	uint8_t certificate[DIGEST_SHA256_SIZE];
	unsigned level; /* of security */
	int64_t from, to; /* UTC seconds in which it holds */
	struct chain_verdict verdict;
};

/* All zero: empty. */
struct chain_memory {
	struct chain_proof *good; /* owned; NULL until the first one */
	struct chain_proof *bad; /* owned; NULL until the first one */
};

/* Return the remembered proof with the trust, certificate and level of proof
 * that holds at the time now; NULL: none.  Borrowed until the next
 * chain_memory_add(). */
const struct chain_proof *chain_memory_find(const struct chain_memory *memory,
					    const struct chain_proof *proof,
					    int64_t now);

/* Remembers proof, if there is memory for it. */
void chain_memory_add(struct chain_memory *memory,
		      const struct chain_proof *proof);

void chain_memory_free(struct chain_memory *memory);

#endif
