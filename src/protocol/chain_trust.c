/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/date.h"
#include "protocol/chain_trust.h"

bool
chain_seconds(const ASN1_TIME *time, int64_t *seconds)
{
	struct tm tm;

	if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	struct date_time t = {
		.year = tm.tm_year + 1900,
		.month = tm.tm_mon + 1,
		.day = tm.tm_mday,
		.hour = tm.tm_hour,
		.minute = tm.tm_min,
		.second = tm.tm_sec,
	};
	return date_to_seconds(&t, seconds);
}

/* Takes the DER of one block; false in its place if it is of another kind. */
typedef bool block_function(struct chain_trust *trust, unsigned char *der,
			    long length, struct error *e);

/* Calls take, which takes the bytes over, for each block of PEM in text; all
 * of them have this label, and there is at least one. */
static bool
read_blocks(struct chain_trust *trust, struct span text, const char *label,
	    block_function *take, struct error *e)
{
	BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
	char *name, *header;
	unsigned char *der;
	long length;
	size_t n = 0;
	bool ok = bio != NULL || error_set(e, "out of memory");

	while (ok && PEM_read_bio(bio, &name, &header, &der, &length) == 1) {
		if (strcmp(name, label) != 0 || header[0] != '\0') {
			ok = error_set(e, "block %zu: expected %s", n + 1,
				       label);
			OPENSSL_free(der);
		} else {
			ok = n < CHAIN_PARTS_MAX
				     ? take(trust, der, length, e)
				     : error_set(e, "expected at most %d",
						 CHAIN_PARTS_MAX);
			if (n >= CHAIN_PARTS_MAX)
				OPENSSL_free(der);
			n++;
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
	}
	if (ok && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		ok = error_set(e, "block %zu does not read as PEM", n + 1);
	if (ok && n == 0)
		ok = error_set(e, "no %s in PEM", label);
	ERR_clear_error();
	BIO_free(bio);
	return ok;
}

/* What makes a certificate a CA's: basic constraints, or that it is a root of
 * version 1, which had none. */
static bool
check_authority(X509 *x, size_t number, struct error *e)
{
	enum { CA = 1, ROOT_OF_VERSION_1 = 3 };
	int kind = X509_check_ca(x);
	EVP_PKEY *key = X509_get0_pubkey(x);

	if ((X509_get_extension_flags(x) & EXFLAG_INVALID) != 0 || key == NULL)
		return error_set(e, "certificate %zu does not read", number);
	if (kind != CA && kind != ROOT_OF_VERSION_1)
		return error_set(e, "certificate %zu is no CA's", number);
	return EVP_PKEY_get_bits(key) <= CHAIN_KEY_BITS_MAX ||
	       error_set(e,
			 "certificate %zu has a key of %d bits: expected at "
			 "most %d",
			 number, EVP_PKEY_get_bits(key), CHAIN_KEY_BITS_MAX);
}

static bool
take_authority(struct chain_trust *trust, unsigned char *der, long length,
	       struct error *e)
{
	struct chain_authority *a = &trust->authorities[trust->n_authorities++];
	struct span bytes = { (const char *)der, (size_t)length };
	const unsigned char *at = der;
	X509 *x = d2i_X509(NULL, &at, length);

	a->der = der;
	bool ok = (x != NULL && certificate_read(bytes, &a->fields)) ||
		  error_set(e, "certificate %zu does not read",
			    trust->n_authorities);
	ok = ok && check_authority(x, trust->n_authorities, e);
	if (ok && X509_STORE_add_cert(trust->store, x) != 1)
		ok = error_set(e, "out of memory");
	X509_free(x);
	return ok;
}

static bool
take_crl(struct chain_trust *trust, unsigned char *der, long length,
	 struct error *e)
{
	struct chain_part *part = &trust->crls[trust->n_crls++];
	const unsigned char *at = der;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, length);

	*part = (struct chain_part){ .is_crl = true };
	bool ok = (crl != NULL && at == der + length &&
		   chain_seconds(X509_CRL_get0_lastUpdate(crl), &part->from)) ||
		  error_set(e, "CRL %zu does not read", trust->n_crls);
	ok = ok && (chain_seconds(X509_CRL_get0_nextUpdate(crl), &part->to) ||
		    error_set(e, "CRL %zu does not say when the next one comes",
			      trust->n_crls));
	if (ok && X509_STORE_add_crl(trust->store, crl) != 1)
		ok = error_set(e, "out of memory");
	X509_CRL_free(crl);
	OPENSSL_free(der);
	return ok;
}

/* Digests by which signatures are looked up and weighed: a handler's OpenSSL
 * has no names but these (digest_start).  Once, however many trusts there
 * are. */
static bool
add_digests(void)
{
	static const EVP_MD *(*const digests[])(void) = {
		EVP_md5,       EVP_sha1,     EVP_sha224,     EVP_sha256,
		EVP_sha384,    EVP_sha512,   EVP_sha512_224, EVP_sha512_256,
		EVP_sha3_224,  EVP_sha3_256, EVP_sha3_384,   EVP_sha3_512,
#ifndef OPENSSL_NO_RMD160
		EVP_ripemd160,
#endif
#ifndef OPENSSL_NO_SM3
		EVP_sm3,
#endif
	};
	static size_t added;

	while (added < sizeof(digests) / sizeof(digests[0])) {
		if (EVP_add_digest(digests[added]()) != 1)
			return false;
		added++;
	}
	return true;
}

struct chain_trust *
chain_trust_new(struct span text, struct error *e)
{
	struct chain_trust *trust = calloc(1, sizeof(*trust));

	if (trust != NULL)
		trust->store = X509_STORE_new();
	bool ok = (trust != NULL && trust->store != NULL && add_digests() &&
		   digest_sha256(text, trust->identity)) ||
		  error_set(e, "out of memory");
	if (ok && text.len > CHAIN_CA_TEXT_MAX)
		ok = error_set(e, "expected at most %d bytes",
			       CHAIN_CA_TEXT_MAX);
	if (ok && read_blocks(trust, text, PEM_STRING_X509, take_authority, e))
		return trust;
	ERR_clear_error();
	chain_trust_free(trust);
	return NULL;
}

bool
chain_trust_add_crls(struct chain_trust *trust, struct span text,
		     struct error *e)
{
	uint8_t both[2 * DIGEST_SHA256_SIZE];
	struct span bytes = { (const char *)both, sizeof(both) };

	memcpy(both, trust->identity, DIGEST_SHA256_SIZE);
	if (text.len > CHAIN_CRL_TEXT_MAX)
		return error_set(e, "expected at most %d bytes",
				 CHAIN_CRL_TEXT_MAX);
	if (!digest_sha256(text, both + DIGEST_SHA256_SIZE) ||
	    !digest_sha256(bytes, trust->identity))
		return error_set(e, "out of memory");
	return read_blocks(trust, text, PEM_STRING_X509_CRL, take_crl, e);
}

void
chain_trust_free(struct chain_trust *trust)
{
	if (trust == NULL)
		return;
	for (size_t i = 0; i < trust->n_authorities; i++)
		OPENSSL_free(trust->authorities[i].der);
	X509_STORE_free(trust->store);
	free(trust);
}

bool
chain_trust_part(const struct chain_trust *trust, size_t i,
		 struct chain_part *part)
{
	*part = (struct chain_part){ 0 };
	if (i < trust->n_authorities) {
		part->from = trust->authorities[i].fields.not_before;
		part->to = trust->authorities[i].fields.not_after;
		return true;
	}
	i -= trust->n_authorities;
	if (i >= trust->n_crls)
		return false;
	*part = trust->crls[i];
	return true;
}

bool
chain_trust_names(const struct chain_trust *trust, struct span issuer)
{
	for (size_t i = 0; i < trust->n_authorities; i++)
		if (span_equal(trust->authorities[i].fields.subject, issuer))
			return true;
	return false;
}
