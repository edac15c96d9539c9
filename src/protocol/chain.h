/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * chain: whether a certificate chains to an anchor of a trust (RFC 5280 6), and
 * whether anything below that anchor is revoked.
 *
 * OpenSSL checks each chain as a whole, at a time that the caller gives:
 * signatures, dates, path length, name constraints, that client authentication
 * is among the purposes, and a floor for the strength of keys and signatures.
 * Chains are found here, by name and key.  Each is tried, up to
 * CHAIN_TRIES_MAX, so that neither the order of the files nor a second CA of
 * the same name changes a verdict.  Certificate policies are not evaluated.
 *
 * Not checked here: the client certificate's own dates and names.
 */
#ifndef CERTGATE_PROTOCOL_CHAIN_H
#define CERTGATE_PROTOCOL_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "protocol/chain_trust.h"
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

/*
 * Other bytes of a certificate for which the CA's signature is also valid.  A
 * CA signs only a part of the certificate.  The frame around this part can be
 * encoded in another way, and in an ECDSA signature (r, s), s can be negated
 * (SEC 1 4.1.4).  The result has other digests, so a deny of the thumbprint
 * would not match.  Therefore the frame must be DER, which has one encoding,
 * and a certificate with an ECDSA signature has a twin, which is compared too.
 */
struct chain_twin {
	bool exists; /* else all zero */
	uint8_t sha1[DIGEST_SHA1_SIZE]; /* of the whole DER, as a pin has it */
	uint8_t sha256[DIGEST_SHA256_SIZE];
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
	struct chain_proof *proofs[2]; /* owned; good, bad; NULL: none yet */
};

/* Return the remembered proof with the trust, certificate and level of proof
 * that holds at the time now; NULL: none.  Borrowed until the next
 * chain_memory_add(). */
const struct chain_proof *chain_memory_find(const struct chain_memory *memory,
					    const struct chain_proof *proof,
					    int64_t now);

/* Remember proof, if there is memory for it. */
void chain_memory_add(struct chain_memory *memory,
		      const struct chain_proof *proof);

void chain_memory_free(struct chain_memory *memory);

enum {
	CHAIN_DEPTH_MAX = 8, /* CAs above a client */
	CHAIN_STEPS_MAX =
		256, /* from CA to CA in one search; bounds the work */
	CHAIN_LEVEL_MAX = 5 /* OpenSSL's security levels begin at 0 */
};

/* A client's certificate, which OpenSSL parses when that is first needed.  The
 * caller sets the first three members; the others begin as zero. */
struct chain_client {
	struct span der; /* borrowed */
	struct span issuer; /* contents of the Name; borrowed */
	const uint8_t *sha256; /* of der; borrowed */
	struct x509_st *x; /* owned; NULL: not parsed, or invalid */
	struct X509_name_st *name; /* owned; NULL: not parsed, or invalid */
	bool parsed, name_parsed;
	/* Keys of CAs, and whether each signed the certificate. */
	struct {
		uint8_t key[DIGEST_SHA256_SIZE];
		bool signed_it;
	} keys[CHAIN_PARTS_MAX];
	size_t n_keys;
};

/* Free what was parsed. */
void chain_client_free(struct chain_client *client);

/* Return true if the client's certificate names one of the CAs as its issuer.
 * A certificate of another CA costs no more than this. */
bool chain_is_issuer(const struct chain_trust *trust,
		     struct chain_client *client);

/* Return CHAIN_GOOD if the client chains to an anchor at the time now.
 * *verdict gets the result, the error and the twin.  They are looked up in
 * memory, which may be NULL, and remembered there. */
enum chain_result chain_verify(const struct chain_trust *trust,
			       struct chain_client *client, unsigned level,
			       int64_t now, struct chain_memory *memory,
			       struct chain_verdict *verdict);

/* Return OpenSSL's words for the error of a verdict. */
const char *chain_error_text(int error);

#endif
