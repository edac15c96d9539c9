/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "protocol/certificate.h"
#include "protocol/digest.h"
#include "protocol/pem.h"
#include "targets.h"

static int64_t
seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	assert(ASN1_TIME_to_tm(time, &tm) == 1);
	return timegm(&tm);
}

static void
compare_dates(const struct certificate *c, const X509 *x)
{
	assert(c->not_before == CERTIFICATE_NOT_BEFORE_INVALID ||
	       seconds_of(X509_get0_notBefore(x)) == c->not_before);
	assert(c->not_after == CERTIFICATE_NOT_AFTER_INVALID ||
	       seconds_of(X509_get0_notAfter(x)) == c->not_after);
}

static void
compare_key(const struct certificate *c, X509 *x)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	unsigned char *der = NULL;
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	assert(length > 0);
	assert(digest_sha256((struct span){ (const char *)der, (size_t)length },
			     digest));
	assert(memcmp(digest, c->spki, sizeof(digest)) == 0);
	OPENSSL_free(der);
}

/* ours: what is in the Name. */
static void
compare_name(struct span ours, X509_NAME *name)
{
	unsigned char *der = NULL;
	const unsigned char *at;
	int length = i2d_X509_NAME(name, &der), tag, class;
	long size;

	assert(length > 0);
	at = der;
	assert((ASN1_get_object(&at, &size, &tag, &class, length) & 0x80) == 0);
	assert(span_equal(ours,
			  (struct span){ (const char *)at, (size_t)size }));
	OPENSSL_free(der);
}

static void
compare_string(struct span ours, const ASN1_STRING *string)
{
	unsigned char *utf8 = NULL;
	int length = ASN1_STRING_to_UTF8(&utf8, string);

	assert(length >= 0);
	assert(span_equal(ours,
			  (struct span){ (const char *)utf8, (size_t)length }));
	OPENSSL_free(utf8);
}

static void
compare_common_name(const struct certificate *c, const X509 *x)
{
	const X509_NAME *name = X509_get_subject_name(x);
	int first = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	struct buffer ours;

	buffer_init(&ours, CERTIFICATE_NAME_MAX);
	switch (certificate_common_name(c, &ours)) {
	case CERTIFICATE_NAME_FOUND:
		assert(first >= 0);
		assert(X509_NAME_get_index_by_NID(name, NID_commonName, first) <
		       0);
		compare_string(buffer_span(&ours),
			       X509_NAME_ENTRY_get_data(
				       X509_NAME_get_entry(name, first)));
		break;
	case CERTIFICATE_NAME_NONE:
		assert(first < 0);
		break;
	case CERTIFICATE_NAME_UNUSABLE:
		break;
	}
	buffer_free(&ours);
}

/* The first name of this type, GEN_DNS for example; NULL if there is none. */
static const ASN1_STRING *
find(const GENERAL_NAMES *names, int type)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type == type)
			return name->d.ia5;
	}
	return NULL;
}

static void
compare_alternative_name(const struct certificate *c, const X509 *x)
{
	static const int types[] = { GEN_DNS, GEN_URI, GEN_EMAIL };
	const ASN1_STRING *theirs = NULL;
	struct buffer ours;
	enum certificate_kind kind;
	int state;
	GENERAL_NAMES *names =
		X509_get_ext_d2i(x, NID_subject_alt_name, &state, NULL);

	buffer_init(&ours, CERTIFICATE_NAME_MAX);
	enum certificate_name found =
		certificate_alternative_name(c, &ours, &kind);
	for (size_t i = 0; names != NULL && i < 3 && theirs == NULL; i++)
		theirs = find(names, types[i]);
	if (found == CERTIFICATE_NAME_FOUND) {
		struct span name = buffer_span(&ours);
		assert(theirs != NULL);
		assert(theirs ==
		       find(names, kind == CERTIFICATE_KIND_DNS	  ? GEN_DNS
				   : kind == CERTIFICATE_KIND_URI ? GEN_URI
								  : GEN_EMAIL));
		assert(span_equal(
			name,
			(struct span){
				(const char *)ASN1_STRING_get0_data(theirs),
				(size_t)ASN1_STRING_length(theirs) }));
	}
	if (found == CERTIFICATE_NAME_NONE)
		assert(names == NULL ? state == -1 : theirs == NULL);
	GENERAL_NAMES_free(names);
	buffer_free(&ours);
}

void
target_comparison(struct span input)
{
	struct certificate c;
	struct buffer der;

	buffer_init(&der, PEM_MAX);
	if (pem_decode(input, &der))
		input = buffer_span(&der);
	const unsigned char *at = (const unsigned char *)input.ptr;
	X509 *x = d2i_X509(NULL, &at, (long)input.len);
	if (x != NULL && certificate_read(input, &c)) {
		assert((const char *)at == input.ptr + input.len);
		compare_dates(&c, x);
		compare_key(&c, x);
		compare_name(c.issuer, X509_get_issuer_name(x));
		compare_name(c.subject, X509_get_subject_name(x));
		compare_common_name(&c, x);
		compare_alternative_name(&c, x);
	}
	X509_free(x);
	ERR_clear_error();
	buffer_free(&der);
}
