/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * chain_trust: the CAs of one file, with the CRLs of another.
 *
 * A CA is an anchor if it is self-signed, or if its issuer's name is the
 * subject of no other CA in the file.  Every other one is an intermediate, and
 * is trusted only as far as it chains to an anchor.
 *
 * CAs are kept in the order of their digests, and all CRLs are looked at, so
 * the order in the files changes no verdict.
 */
#ifndef CERTGATE_PROTOCOL_CHAIN_TRUST_H
#define CERTGATE_PROTOCOL_CHAIN_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "protocol/crl.h"
#include "protocol/digest.h"

/* OpenSSL's names for X509 and X509_NAME. */
struct x509_st;
struct X509_name_st;

enum {
	CHAIN_CA_TEXT_MAX = 1048576, /* bytes of a file of CAs */
	CHAIN_CRL_TEXT_MAX = 16777216, /* bytes of a file of CRLs */
	CHAIN_PARTS_MAX = 64, /* CAs, and CRLs, of one trust; bits of a word */
	CHAIN_KEY_BITS_MAX = 8192, /* of any key; bounds one verification */
	CHAIN_SUBJECT_MAX = 1024 /* bytes of a name in a message */
};

struct chain_authority {
	struct x509_st *x; /* owned, OpenSSL's */
	struct span subject; /* contents of the Name; borrowed from x */
	uint8_t sha256[DIGEST_SHA256_SIZE];
	uint8_t key[DIGEST_SHA256_SIZE]; /* of its SubjectPublicKeyInfo */
	int64_t from, to; /* UTC seconds, the first and the last valid one */
	uint64_t issuers; /* bit i: the i-th CA issued it, and leads to an
			   * anchor */
	unsigned block; /* in its file, counted from 1 */
	bool anchor;
	bool reached; /* it is an anchor, or chains to one */
};

/* Never changes once it is made. */
struct chain_trust {
	struct chain_authority authorities[CHAIN_PARTS_MAX];
	size_t n_authorities;
	struct crl crls[CHAIN_PARTS_MAX];
	size_t n_crls;
	bool needs_crls; /* each certificate below an anchor needs one */
	uint8_t identity[DIGEST_SHA256_SIZE]; /* of the text of both files */
};

/* Load the certificates in text, PEM or DER; each must be a CA's.  NULL with e
 * set on failure.  Gives: chain_trust_free(). */
struct chain_trust *chain_trust_new(struct span text, struct error *e)
	__attribute__((warn_unused_result));

/* Add the CRLs in text; from then on every certificate below an anchor needs a
 * current one of its issuer.  After false, only chain_trust_free() is allowed.
 */
bool chain_trust_add_crls(struct chain_trust *trust, struct span text,
			  struct error *e) __attribute__((warn_unused_result));

void chain_trust_free(struct chain_trust *trust);

/* Add warnings about an intermediate that reaches no anchor and a CRL of
 * another CA; and, as errors, about a CA without a CRL and a CRL that its
 * issuer did not sign.  ca and crl are the paths of the files; crl may be NULL.
 */
void chain_trust_warn(const struct chain_trust *trust, const char *ca,
		      const char *crl, struct warnings *warnings);

/* Return how many of the CAs are anchors. */
size_t chain_trust_anchors(const struct chain_trust *trust);

/* Add the subject of the i-th CA to text, as in RFC 4514. */
void chain_trust_subject(const struct chain_trust *trust, size_t i,
			 struct buffer *text);

/* Return true if name is the subject of one of the CAs (RFC 5280 7.1). */
bool chain_trust_names(const struct chain_trust *trust,
		       const struct X509_name_st *name);

/* Return true if the issuer of the i-th CRL has the name of one of the CAs. */
bool chain_trust_has_issuer(const struct chain_trust *trust, size_t i);

/* Return the CAs that signed the CRL and may sign CRLs; bit i: the i-th. */
uint64_t chain_trust_signers(const struct chain_trust *trust,
			     const struct crl *crl);

/* Set *from and *to, UTC seconds, to the time around now in which no CA or CRL
 * becomes valid or expires. */
void chain_trust_window(const struct chain_trust *trust, int64_t now,
			int64_t *from, int64_t *to);

#endif
