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

#include <stdint.h>

#include "base/span.h"
#include "protocol/chain_memory.h"
#include "protocol/chain_trust.h"

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
