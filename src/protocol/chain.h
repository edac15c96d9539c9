/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * chain: whether a certificate chains to an anchor of a trust (RFC 5280 6), and
 * whether anything below that anchor is revoked.
 *
 * OpenSSL checks each chain as a whole, at a time that the caller gives:
 * signatures, dates, path length, name constraints, that client authentication
 * is among the purposes, and a floor for the strength of keys and signatures.
 * Which chains there are is found here, by name and key: every one is tried, so
 * that no order of the files and no second CA of the same name changes a
 * verdict.  Certificate policies are not evaluated.
 *
 * Not checked here: the client certificate's own dates, for which the caller
 * has one rule for all certificates, and the names in it.
 */
#ifndef CERTGATE_PROTOCOL_CHAIN_H
#define CERTGATE_PROTOCOL_CHAIN_H

#include <stdint.h>

#include "base/span.h"
#include "protocol/chain_memory.h"
#include "protocol/chain_trust.h"

enum {
	CHAIN_DEPTH_MAX = 8, /* CAs above a client */
	CHAIN_TRIES_MAX = 64, /* chains that are tried; bounds the work */
	CHAIN_LEVEL_MAX = 5 /* OpenSSL's security levels begin at 0 */
};

/* One certificate that is checked, in the form that OpenSSL has of it: parsed
 * when it is first needed.  All zero but for the first three members. */
struct chain_client {
	struct span der; /* borrowed, as the issuer */
	struct span issuer; /* what is in the Name */
	const uint8_t *sha256; /* borrowed; of der */
	struct x509_st *x; /* owned; NULL: not parsed, or invalid */
	struct X509_name_st *name; /* owned; the same of the issuer */
	bool parsed, name_parsed;
};

void chain_client_free(struct chain_client *client);

/* True if the client's certificate names one of the CAs as its issuer: all that
 * a certificate from elsewhere costs. */
bool chain_is_issuer(const struct chain_trust *trust,
		     struct chain_client *client);

/* Returns whether the client chains to an anchor at the time now, and in
 * *verdict why not, and its twin.  What was found is remembered in memory,
 * which may be NULL. */
enum chain_result chain_verify(const struct chain_trust *trust,
			       struct chain_client *client, unsigned level,
			       int64_t now, struct chain_memory *memory,
			       struct chain_verdict *verdict);

/* Returns OpenSSL's words for the error of a verdict. */
const char *chain_error_text(int error);

#endif
