/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* chain_trust: the CAs of one file, with the CRLs of another. */
#ifndef CERTGATE_PROTOCOL_CHAIN_TRUST_H
#define CERTGATE_PROTOCOL_CHAIN_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "protocol/certificate.h"
#include "protocol/digest.h"

/* OpenSSL's names for X509_STORE and ASN1_TIME. */
struct x509_store_st;
struct asn1_string_st;

enum {
	CHAIN_CA_TEXT_MAX = 1048576, /* bytes of a file of CAs */
	CHAIN_CRL_TEXT_MAX = 4194304, /* bytes of a file of CRLs */
	CHAIN_PARTS_MAX = 64, /* certificates, and CRLs, of one trust */
	CHAIN_KEY_BITS_MAX = 8192 /* of any key; bounds one verification */
};

/* A certificate or CRL of a trust, for programs that tell when it ends. */
struct chain_part {
	bool is_crl;
	int64_t from, to; /* UTC seconds, the first and the last valid one */
};

struct chain_authority {
	unsigned char *der; /* owned, OpenSSL's */
	struct certificate fields; /* borrows der */
};

/* Never changes once it is made. */
struct chain_trust {
	struct x509_store_st *store; /* owned, OpenSSL's */
	struct chain_authority authorities[CHAIN_PARTS_MAX];
	size_t n_authorities;
	struct chain_part crls[CHAIN_PARTS_MAX];
	size_t n_crls;
	uint8_t identity[DIGEST_SHA256_SIZE]; /* of the text of both files */
};

/* An ASN1_TIME in UTC seconds; false if it is none. */
bool chain_seconds(const struct asn1_string_st *time, int64_t *seconds);

/* text: certificates in PEM, with any text around them; each must be a CA's.
 * NULL with e set if it does not read.  Gives: chain_trust_free(). */
struct chain_trust *chain_trust_new(struct span text, struct error *e)
	__attribute__((warn_unused_result));

/* Adds the CRLs in text; from then on a client's issuer must have one that is
 * valid.  Each must say when the next one comes. */
bool chain_trust_add_crls(struct chain_trust *trust, struct span text,
			  struct error *e) __attribute__((warn_unused_result));

void chain_trust_free(struct chain_trust *trust);

/* The i-th; false behind the last. */
bool chain_trust_part(const struct chain_trust *trust, size_t i,
		      struct chain_part *part);

/* True if issuer, what is in a certificate's Name, is byte for byte that of one
 * of the CAs: what a certificate costs that is not from here.  RFC 5280
 * 4.1.2.6: a CA writes its name the same everywhere. */
bool chain_trust_names(const struct chain_trust *trust, struct span issuer);

#endif
