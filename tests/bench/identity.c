/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "identity.h"

struct authority {
	X509 *certificate;
	EVP_PKEY *key;
};

static void
expect(int ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "events: cannot make %s\n", what);
	exit(3);
}

void
identity_hex(const unsigned char *bytes, size_t n, char *text)
{
	for (size_t i = 0; i < n; i++)
		(void)sprintf(text + 2 * i, "%02x", bytes[i]);
}

/* Unsigned, valid for ten days around now. */
static X509 *
begin(EVP_PKEY *key, const char *name, long serial)
{
	X509 *x = X509_new();

	expect(key != NULL && x != NULL, "a certificate");
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), 864000);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	return x;
}

static void
extend(X509 *x, int kind, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

	expect(e != NULL && X509_add_ext(x, e, -1) == 1, "an extension");
	X509_EXTENSION_free(e);
}

struct authority *
identity_authority(const char *path)
{
	struct authority *a = calloc(1, sizeof(*a));
	FILE *file = fopen(path, "w");

	expect(a != NULL && file != NULL, path);
	a->key = EVP_EC_gen("P-256");
	a->certificate = begin(a->key, "bench CA", 1);
	X509_set_issuer_name(a->certificate,
			     X509_get_subject_name(a->certificate));
	extend(a->certificate, NID_basic_constraints, "critical,CA:TRUE");
	extend(a->certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
	expect(X509_sign(a->certificate, a->key, EVP_sha256()) > 0 &&
		       PEM_write_X509(file, a->certificate) == 1 &&
		       fclose(file) == 0,
	       path);
	return a;
}

void
identity_crl(const struct authority *authority, const char *path, long first,
	     long count)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, -60);
	ASN1_TIME *next = X509_gmtime_adj(NULL, 864000);
	FILE *file = fopen(path, "w");

	expect(crl != NULL && now != NULL && next != NULL && file != NULL,
	       path);
	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl,
				 X509_get_subject_name(authority->certificate));
	X509_CRL_set1_lastUpdate(crl, now);
	X509_CRL_set1_nextUpdate(crl, next);
	for (long i = 0; i < count; i++) {
		X509_REVOKED *entry = X509_REVOKED_new();
		ASN1_INTEGER *serial = ASN1_INTEGER_new();
		ASN1_INTEGER_set(serial, first + i);
		X509_REVOKED_set_serialNumber(entry, serial);
		X509_REVOKED_set_revocationDate(entry, now);
		expect(X509_CRL_add0_revoked(crl, entry), "a CRL entry");
		ASN1_INTEGER_free(serial);
	}
	expect(X509_CRL_sort(crl) == 1 &&
		       X509_CRL_sign(crl, authority->key, EVP_sha256()) > 0 &&
		       PEM_write_X509_CRL(file, crl) == 1 && fclose(file) == 0,
	       path);
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	X509_CRL_free(crl);
}

/* As text that stands in JSON. */
static void
write_pem(X509 *x, struct identity *made)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *text;
	size_t at = 0;

	expect(memory != NULL && PEM_write_bio_X509(memory, x) == 1, "PEM");
	long length = BIO_get_mem_data(memory, &text);
	expect(2 * length < (long)sizeof(made->pem), "short PEM");
	for (long i = 0; i + 1 < length; i++) {
		if (text[i] == '\n') {
			memcpy(made->pem + at, "\\r\\n", 4);
			at += 4;
		} else {
			made->pem[at++] = text[i];
		}
	}
	made->pem[at] = '\0';
	BIO_free(memory);
}

void
identity_make(const struct authority *authority, const char *name, long serial,
	      struct identity *made)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = begin(key, name, serial);

	X509_set_issuer_name(
		x, X509_get_subject_name(
			   authority == NULL ? x : authority->certificate));
	if (authority != NULL)
		extend(x, NID_ext_key_usage, "clientAuth");
	expect(X509_sign(x, authority == NULL ? key : authority->key,
			 EVP_sha256()) > 0,
	       "a signature");
	write_pem(x, made);
	X509_digest(x, EVP_sha1(), digest, &size);
	identity_hex(digest, size, made->sha1);
	X509_digest(x, EVP_sha256(), digest, &size);
	identity_hex(digest, size, made->sha256);
	X509_free(x);
	EVP_PKEY_free(key);
}
