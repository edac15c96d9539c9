/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * chain: whether a certificate was issued by one of the CAs in a file
 * (RFC 5280 6), and not revoked.
 *
 * Everything is checked by OpenSSL, at a time that the caller gives:
 * signatures, dates, path length, name constraints, that client authentication
 * is among the purposes, and a floor for the strength of keys and signatures.
 * Of the client there is one certificate and nothing more, so each certificate
 * in the file is an anchor, be it self-signed or not.
 *
 * Not checked here: the client certificate's own dates, for which the caller
 * has one rule for all certificates, and whose name is in it.
 */
#ifndef CERTGATE_PROTOCOL_CHAIN_H
#define CERTGATE_PROTOCOL_CHAIN_H

#include <stdint.h>

#include "base/span.h"
#include "protocol/chain_memory.h"
#include "protocol/chain_trust.h"

enum {
	CHAIN_DEPTH_MAX = 4, /* CAs above a client that are looked at; as each
			      * is an anchor, this bounds work alone */
	CHAIN_LEVEL_MAX = 5 /* OpenSSL's security levels begin at 0 */
};

enum chain_result {
	CHAIN_UNTRUSTED = 0, /* whatever has no word of its own */
	CHAIN_PURPOSE, /* not for client authentication */
	CHAIN_WEAK, /* a key or signature below the level */
	CHAIN_CRL, /* no CRL of the issuer that is valid now */
	CHAIN_REVOKED,
	CHAIN_GOOD
};

/* Verifies the certificate in der, with this SHA-256, at the time now.  What
 * was found good is remembered in memory, which may be NULL; *twin is of that
 * too, else all zero. */
enum chain_result chain_verify(const struct chain_trust *trust, struct span der,
			       const uint8_t *sha256, unsigned level,
			       int64_t now, struct chain_memory *memory,
			       struct chain_twin *twin);

#endif
