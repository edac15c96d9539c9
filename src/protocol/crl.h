/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * crl: a complete list of revoked certificates (RFC 5280 5).
 *
 * A delta CRL, an indirect CRL, a CRL for some reasons only, and a CRL with an
 * unknown critical extension fail to load: none is ignored silently.  The
 * caller checks the signature.
 */
#ifndef CERTGATE_PROTOCOL_CRL_H
#define CERTGATE_PROTOCOL_CRL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

/* OpenSSL's names for X509, X509_CRL and ISSUING_DIST_POINT. */
struct x509_st;
struct X509_crl_st;
struct ISSUING_DIST_POINT_st;

struct crl {
	struct X509_crl_st *list; /* owned */
	struct ISSUING_DIST_POINT_st *scope; /* owned; NULL: no limit */
	int64_t from, to; /* UTC seconds, the first and the last valid one */
	uint64_t signers; /* bit i: the i-th CA of the trust signed it */
	unsigned block; /* in its file, counted from 1 */
};

/* Load the CRL in der.  False with e, and crl all zero, if the CRL is invalid
 * or must not be used.  Gives: crl_free(). */
bool crl_load(struct crl *crl, struct span der, struct error *e)
	__attribute__((warn_unused_result));

void crl_free(struct crl *crl);

/* Return true if the CA x has the name and the key identifier of crl's issuer,
 * and its key signed crl. */
bool crl_is_signed(const struct crl *crl, struct x509_st *x);

/* Return true if x has the issuer of crl by name, and is in its scope. */
bool crl_covers(const struct crl *crl, struct x509_st *x);

/* Return true if crl has the serial number of x. */
bool crl_revokes(const struct crl *crl, struct x509_st *x);

/* Return as memcmp() which is newer, by number if both have one, else by the
 * time from which they hold. */
int crl_compare(const struct crl *a, const struct crl *b);

/* Return true if both are the same bytes. */
bool crl_is_equal(const struct crl *a, const struct crl *b);

/* Return true if a takes the place of b: the same issuer and scope. */
bool crl_has_scope_of(const struct crl *a, const struct crl *b);

/* Add its number, as hexadecimal digits, to text; "none". */
void crl_add_number(const struct crl *crl, struct buffer *text);

/* Add it as PEM to text. */
void crl_write(const struct crl *crl, struct buffer *text);

/* Add the http: and https: URLs of x's CRL distribution points to urls, each
 * with a NUL behind it. */
void crl_add_urls(struct x509_st *x, struct buffer *urls);

/* Return true if crl has the serial number of these hexadecimal digits. */
bool crl_has_serial(const struct crl *crl, struct span digits);

#endif
