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

/* Return true if crl has the serial number of these hexadecimal digits. */
bool crl_has_serial(const struct crl *crl, struct span digits);

#endif
