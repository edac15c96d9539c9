/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/x509.h>

#include "base/buffer.h"
#include "protocol/chain_twin.h"
#include "protocol/pem.h"

enum { HEAD_MAX = 8 /* bytes; a tag and a length */ };

/* True if OpenSSL, which keeps what is signed, writes x as it was read. */
static bool
is_der(X509 *x, struct span der)
{
	unsigned char *again = NULL;
	int length = i2d_X509(x, &again);
	bool same = length > 0 && span_equal((struct span){ (const char *)again,
							    (size_t)length },
					     der);

	OPENSSL_free(again);
	return same;
}

/* The signature with s negated, in DER: its length, or -1.  *out is
 * OpenSSL's. */
static int
negate(const ASN1_BIT_STRING *signature, EVP_PKEY *issuer, unsigned char **out)
{
	const unsigned char *at = signature->data;
	ECDSA_SIG *old = d2i_ECDSA_SIG(NULL, &at, signature->length);
	ECDSA_SIG *made = ECDSA_SIG_new();
	BIGNUM *order = NULL, *r = NULL;
	int length = -1;

	if (old != NULL && made != NULL &&
	    EVP_PKEY_get_bn_param(issuer, OSSL_PKEY_PARAM_EC_ORDER, &order) ==
		    1 &&
	    BN_sub(order, order, ECDSA_SIG_get0_s(old)) == 1 &&
	    (r = BN_dup(ECDSA_SIG_get0_r(old))) != NULL &&
	    ECDSA_SIG_set0(made, r, order) == 1) {
		r = order = NULL; /* made has them */
		length = i2d_ECDSA_SIG(made, out);
	}
	BN_free(r);
	BN_free(order);
	ECDSA_SIG_free(old);
	ECDSA_SIG_free(made);
	return length;
}

static void
add_head(struct buffer *out, bool constructed, int tag, size_t length)
{
	unsigned char head[HEAD_MAX], *at = head;

	ASN1_put_object(&at, constructed, (int)length, tag, V_ASN1_UNIVERSAL);
	buffer_add(out,
		   (struct span){ (const char *)head, (size_t)(at - head) });
}

/* Adds the certificate in der, its old signature, of old_length bytes, replaced
 * by the new one. */
static void
replace(struct span der, int old_length, struct span signature,
	struct buffer *out)
{
	const unsigned char *at = (const unsigned char *)der.ptr;
	struct buffer bits;
	long length;
	int tag, class;
	size_t tail =
		(size_t)ASN1_object_size(0, old_length + 1, V_ASN1_BIT_STRING);

	(void)ASN1_get_object(&at, &length, &tag, &class, (long)der.len);
	buffer_init(&bits, HEAD_MAX + 1);
	add_head(&bits, false, V_ASN1_BIT_STRING, signature.len + 1);
	buffer_add_byte(&bits, '\0'); /* no bit is unused */
	size_t kept = (size_t)length - tail;
	add_head(out, true, V_ASN1_SEQUENCE, kept + bits.len + signature.len);
	buffer_add(out, (struct span){ (const char *)at, kept });
	buffer_add(out, buffer_span(&bits));
	buffer_add(out, signature);
	out->failed |= bits.failed;
	buffer_free(&bits);
}

bool
chain_twin_find(X509 *x, struct span der, EVP_PKEY *issuer,
		struct chain_twin *twin)
{
	const ASN1_BIT_STRING *signature;
	unsigned char *negated = NULL;
	struct buffer out;

	*twin = (struct chain_twin){ 0 };
	if (!is_der(x, der) || issuer == NULL)
		return false;
	if (EVP_PKEY_is_a(issuer, "EC") != 1)
		return true;
	X509_get0_signature(&signature, NULL, x);
	int length = negate(signature, issuer, &negated);
	if (length <= 0)
		return false;
	buffer_init(&out, PEM_MAX);
	replace(der, signature->length,
		(struct span){ (const char *)negated, (size_t)length }, &out);
	twin->exists = !out.failed &&
		       digest_sha1(buffer_span(&out), twin->sha1) &&
		       digest_sha256(buffer_span(&out), twin->sha256);
	buffer_free(&out);
	OPENSSL_free(negated);
	return twin->exists;
}
