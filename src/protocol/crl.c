/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "protocol/certificate.h"
#include "protocol/crl.h"
#include "protocol/der.h"

/* Return true if OpenSSL or this file handles the extension, or if it is not
 * critical (RFC 5280 5.2). */
static bool
is_handled(X509_EXTENSION *extension)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

	return !X509_EXTENSION_get_critical(extension) ||
	       nid == NID_issuing_distribution_point ||
	       nid == NID_authority_key_identifier;
}

static bool
check_extensions(const X509_CRL *list, struct error *e)
{
	char name[128];

	if (X509_CRL_get_ext_by_NID(list, NID_delta_crl, -1) >= 0)
		return error_set(e, "delta CRL: give the complete CRL");
	for (int i = 0; i < X509_CRL_get_ext_count(list); i++) {
		X509_EXTENSION *extension = X509_CRL_get_ext(list, i);
		if (is_handled(extension))
			continue;
		(void)OBJ_obj2txt(name, sizeof(name),
				  X509_EXTENSION_get_object(extension), 1);
		return error_set(e, "unknown critical extension %s", name);
	}
	return true;
}

/* RFC 5280 5.3: an entry may name the issuer of its certificate, which makes
 * the CRL an indirect one whatever its scope says. */
static bool
check_entries(X509_CRL *list, struct error *e)
{
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(list);

	for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
		const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i);
		if (X509_REVOKED_get_ext_by_NID(entry, NID_certificate_issuer,
						-1) >= 0)
			return error_set(e, "indirect CRL: give the CRL that "
					    "the issuer itself signed");
		if (X509_REVOKED_get_ext_by_critical(entry, 1, -1) >= 0)
			return error_set(e, "unknown critical extension in an "
					    "entry");
	}
	return true;
}

/* RFC 5280 5.2.5 */
static bool
take_scope(struct crl *crl, struct error *e)
{
	int critical;
	ISSUING_DIST_POINT *scope = X509_CRL_get_ext_d2i(
		crl->list, NID_issuing_distribution_point, &critical, NULL);

	crl->scope = scope;
	if (scope == NULL)
		return critical == -1 ||
		       error_set(e, "invalid issuing distribution point");
	if (scope->indirectCRL > 0)
		return error_set(e, "indirect CRL: give the CRL that the "
				    "issuer itself signed");
	if (scope->onlysomereasons != NULL)
		return error_set(e, "CRL for some reasons only: give the "
				    "complete CRL");
	if (scope->onlyattr > 0)
		return error_set(e, "CRL for attribute certificates: give "
				    "the complete CRL");
	if (scope->onlyuser > 0 && scope->onlyCA > 0)
		return error_set(e, "invalid issuing distribution point");
	return scope->distpoint == NULL ||
	       DIST_POINT_set_dpname(scope->distpoint,
				     X509_CRL_get_issuer(crl->list)) == 1 ||
	       error_set(e, "invalid issuing distribution point");
}

static bool
take_time(const ASN1_TIME *time, int64_t *seconds)
{
	return time != NULL &&
	       der_time(
		       (struct span){ (const char *)ASN1_STRING_get0_data(time),
				      (size_t)ASN1_STRING_length(time) },
		       ASN1_STRING_type(time) == V_ASN1_UTCTIME, seconds);
}

static bool
take_dates(struct crl *crl, struct error *e)
{
	if (!take_time(X509_CRL_get0_lastUpdate(crl->list), &crl->from))
		return error_set(e, "invalid thisUpdate");
	if (X509_CRL_get0_nextUpdate(crl->list) == NULL)
		return error_set(e, "missing nextUpdate");
	if (!take_time(X509_CRL_get0_nextUpdate(crl->list), &crl->to))
		return error_set(e, "invalid nextUpdate");
	crl->to--; /* as with certificates: for OpenSSL the last one is over */
	return true;
}

/* Sort the entries now: OpenSSL does it in the first look-up. */
static void
sort(X509_CRL *list)
{
	X509_REVOKED *found;
	ASN1_INTEGER *zero = ASN1_INTEGER_new();

	if (zero != NULL)
		(void)X509_CRL_get0_by_serial(list, &found, zero);
	ASN1_INTEGER_free(zero);
}

bool
crl_load(struct crl *crl, struct span der, struct error *e)
{
	const unsigned char *at = (const unsigned char *)der.ptr;

	*crl = (struct crl){ .list = d2i_X509_CRL(NULL, &at, (long)der.len) };
	bool ok =
		(crl->list != NULL && (const char *)at == der.ptr + der.len) ||
		error_set(e, "invalid CRL");
	ok = ok && check_extensions(crl->list, e) &&
	     check_entries(crl->list, e) && take_scope(crl, e) &&
	     take_dates(crl, e);
	ERR_clear_error();
	if (ok)
		sort(crl->list);
	else
		crl_free(crl);
	return ok;
}

void
crl_free(struct crl *crl)
{
	X509_CRL_free(crl->list);
	ISSUING_DIST_POINT_free(crl->scope);
	*crl = (struct crl){ 0 };
}

bool
crl_is_signed(const struct crl *crl, X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);

	if (key == NULL || X509_NAME_cmp(X509_get_subject_name(x),
					 X509_CRL_get_issuer(crl->list)) != 0)
		return false;
	AUTHORITY_KEYID *identifier = X509_CRL_get_ext_d2i(
		crl->list, NID_authority_key_identifier, NULL, NULL);
	bool ok = X509_check_akid(x, identifier) == X509_V_OK &&
		  X509_CRL_verify(crl->list, key) == 1;
	AUTHORITY_KEYID_free(identifier);
	ERR_clear_error();
	return ok;
}

/* Return the i-th name of a point, NULL behind the last.  *made is for a name
 * relative to the issuer's, which DIST_POINT_set_dpname() made whole. */
static GENERAL_NAME *
name_of(const DIST_POINT_NAME *point, int i, GENERAL_NAME *made)
{
	enum { FULL = 0 }; /* DIST_POINT_NAME.type */

	if (point->type == FULL)
		return sk_GENERAL_NAME_value(point->name.fullname, i);
	*made = (GENERAL_NAME){ .type = GEN_DIRNAME,
				.d.directoryName = point->dpname };
	return i == 0 && point->dpname != NULL ? made : NULL;
}

/* Return true if both name the same place. */
static bool
is_same_point(const DIST_POINT_NAME *a, const DIST_POINT_NAME *b)
{
	GENERAL_NAME made[2], *x, *y;

	for (int i = 0; (x = name_of(a, i, &made[0])) != NULL; i++)
		for (int k = 0; (y = name_of(b, k, &made[1])) != NULL; k++)
			if (GENERAL_NAME_cmp(x, y) == 0)
				return true;
	return false;
}

/* Return true if one of the points is this one.  A point for some reasons only,
 * or for CRLs of another issuer, has no complete CRL of the issuer. */
static bool
names_point(const STACK_OF(DIST_POINT) * points, const DIST_POINT_NAME *point,
	    const X509_NAME *issuer)
{
	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *one = sk_DIST_POINT_value(points, i);
		if (one->distpoint != NULL && one->reasons == NULL &&
		    one->CRLissuer == NULL &&
		    DIST_POINT_set_dpname(one->distpoint, issuer) == 1 &&
		    is_same_point(one->distpoint, point))
			return true;
	}
	return false;
}

static bool
is_in_scope(const ISSUING_DIST_POINT *scope, X509 *x)
{
	bool ca = (X509_get_extension_flags(x) & EXFLAG_CA) != 0;

	if (scope == NULL)
		return true;
	if (ca ? scope->onlyuser > 0 : scope->onlyCA > 0)
		return false;
	if (scope->distpoint == NULL)
		return true;
	STACK_OF(DIST_POINT) *points =
		X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
	bool found =
		names_point(points, scope->distpoint, X509_get_issuer_name(x));
	sk_DIST_POINT_pop_free(points, DIST_POINT_free);
	return found;
}

bool
crl_covers(const struct crl *crl, X509 *x)
{
	return X509_NAME_cmp(X509_CRL_get_issuer(crl->list),
			     X509_get_issuer_name(x)) == 0 &&
	       is_in_scope(crl->scope, x);
}

bool
crl_revokes(const struct crl *crl, X509 *x)
{
	X509_REVOKED *found;

	/* 2 is removeFromCRL, which only a delta CRL may have: revoked. */
	return X509_CRL_get0_by_serial(crl->list, &found,
				       X509_get_serialNumber(x)) != 0;
}

bool
crl_has_serial(const struct crl *crl, struct span digits)
{
	enum { BYTES_MAX = 64 }; /* RFC 5280 4.1.2.2 allows 20 */
	uint8_t bytes[BYTES_MAX];
	size_t n = digits.len / 2;
	X509_REVOKED *found;

	if (n == 0 || n > BYTES_MAX || !hex_decode(digits, bytes, n))
		return false;
	BIGNUM *number = BN_bin2bn(bytes, (int)n, NULL);
	ASN1_INTEGER *serial =
		number == NULL ? NULL : BN_to_ASN1_INTEGER(number, NULL);
	bool has = serial != NULL &&
		   X509_CRL_get0_by_serial(crl->list, &found, serial) != 0;
	ASN1_INTEGER_free(serial);
	BN_free(number);
	return has;
}

static ASN1_INTEGER *
number_of(const struct crl *crl)
{
	return X509_CRL_get_ext_d2i(crl->list, NID_crl_number, NULL, NULL);
}

int
crl_compare(const struct crl *a, const struct crl *b)
{
	ASN1_INTEGER *one = number_of(a), *other = number_of(b);
	int order = 0;

	if (one != NULL && other != NULL)
		order = ASN1_INTEGER_cmp(one, other);
	if (order == 0)
		order = (a->from > b->from) - (a->from < b->from);
	ASN1_INTEGER_free(one);
	ASN1_INTEGER_free(other);
	return order;
}

bool
crl_is_equal(const struct crl *a, const struct crl *b)
{
	return X509_CRL_match(a->list, b->list) == 0;
}

/* Return the DER of the scope's extension; NULL: there is none. */
static ASN1_OCTET_STRING *
scope_of(const struct crl *crl)
{
	int at = X509_CRL_get_ext_by_NID(crl->list,
					 NID_issuing_distribution_point, -1);

	return at < 0 ? NULL
		      : X509_EXTENSION_get_data(
				X509_CRL_get_ext(crl->list, at));
}

bool
crl_has_scope_of(const struct crl *a, const struct crl *b)
{
	const ASN1_OCTET_STRING *one = scope_of(a), *other = scope_of(b);

	if (X509_NAME_cmp(X509_CRL_get_issuer(a->list),
			  X509_CRL_get_issuer(b->list)) != 0)
		return false;
	return one == NULL || other == NULL
		       ? one == other
		       : ASN1_OCTET_STRING_cmp(one, other) == 0;
}

void
crl_add_number(const struct crl *crl, struct buffer *text)
{
	ASN1_INTEGER *number = number_of(crl);
	BIGNUM *value =
		number == NULL ? NULL : ASN1_INTEGER_to_BN(number, NULL);
	char *digits = value == NULL ? NULL : BN_bn2hex(value);

	buffer_add(text, digits == NULL ? SPAN("none") : span_of(digits));
	OPENSSL_free(digits);
	BN_free(value);
	ASN1_INTEGER_free(number);
}

void
crl_write(const struct crl *crl, struct buffer *text)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *bytes = NULL;

	if (memory != NULL && PEM_write_bio_X509_CRL(memory, crl->list) == 1) {
		long n = BIO_get_mem_data(memory, &bytes);
		buffer_add(text, (struct span){ bytes, (size_t)n });
	} else {
		text->failed = true;
	}
	BIO_free(memory);
}

static void
add_url(const GENERAL_NAME *name, struct buffer *urls)
{
	if (name->type != GEN_URI)
		return;
	const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;
	struct span url = { (const char *)ASN1_STRING_get0_data(uri),
			    (size_t)ASN1_STRING_length(uri) };
	if (!span_is_text(url) || (!span_starts_nocase(url, SPAN("http://")) &&
				   !span_starts_nocase(url, SPAN("https://"))))
		return;
	buffer_add(urls, url);
	buffer_add_byte(urls, '\0');
}

void
crl_add_urls(X509 *x, struct buffer *urls)
{
	enum { FULL = 0 }; /* DIST_POINT_NAME.type */
	STACK_OF(DIST_POINT) *points =
		X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);

	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT_NAME *point =
			sk_DIST_POINT_value(points, i)->distpoint;
		if (point == NULL || point->type != FULL)
			continue;
		const GENERAL_NAMES *names = point->name.fullname;
		for (int k = 0; k < sk_GENERAL_NAME_num(names); k++)
			add_url(sk_GENERAL_NAME_value(names, k), urls);
	}
	sk_DIST_POINT_pop_free(points, DIST_POINT_free);
	ERR_clear_error();
}
