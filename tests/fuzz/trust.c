/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <assert.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "policy/list.h"
#include "protocol/certificate.h"
#include "protocol/chain.h"
#include "protocol/pem.h"
#include "targets.h"

/* What the two files have. */
struct texts {
	struct span ca, crl;
};

static bool
read_text(void *context, const char *path, struct buffer *text, struct error *e)
{
	const struct texts *texts = context;

	buffer_add(text, strcmp(path, "/ca") == 0 ? texts->ca : texts->crl);
	return !text->failed || error_set(e, "%s: too long", path);
}

/* Take the element that DER begins with; all of it if it is invalid. */
static struct span
take_element(struct span *rest)
{
	const unsigned char *at = (const unsigned char *)rest->ptr;
	struct span element = *rest;
	long length;
	int tag, class;

	if ((ASN1_get_object(&at, &length, &tag, &class, (long)rest->len) &
	     0x81) == 0)
		element.len =
			(size_t)((const char *)at - rest->ptr) + (size_t)length;
	ERR_clear_error();
	*rest = span_after(*rest, element.len);
	return element;
}

static struct span
armour(BIO *bio, const char *label, struct span der)
{
	char *text;

	assert(PEM_write_bio(bio, label, "", (const unsigned char *)der.ptr,
			     (long)der.len) >= 0);
	long length = BIO_get_mem_data(bio, &text);
	return (struct span){ text, (size_t)length };
}

static struct span
from(struct span text, const char *at)
{
	return span_after(text, (size_t)(at - text.ptr));
}

/* The CAs as clients of their own: whatever is found, it ends. */
static void
check_trust(const struct chain_trust *trust, struct span ca)
{
	struct certificate c;
	struct chain_verdict verdict;
	struct chain_memory memory = { 0 };
	struct buffer der;

	assert(trust->n_authorities > 0 && trust->n_crls > 0);
	buffer_init(&der, PEM_MAX);
	if (pem_decode(ca, &der) && certificate_read(buffer_span(&der), &c)) {
		struct chain_client client = {
			.der = buffer_span(&der),
			.issuer = c.issuer,
			.sha256 = c.sha256,
		};
		(void)chain_is_issuer(trust, &client);
		enum chain_result first = chain_verify(
			trust, &client, 1, c.not_before, &memory, &verdict);
		assert(first == CHAIN_GOOD || !verdict.twin.exists);
		assert((first == CHAIN_GOOD) == (verdict.error == 0));
		assert(chain_verify(trust, &client, 1, c.not_before, NULL,
				    &verdict) == first);
		chain_client_free(&client);
	}
	chain_memory_free(&memory);
	buffer_free(&der);
}

void
target_trust(struct span input)
{
	static const char text[] = "ca:/ca cn=* crl=/crl\n";
	struct texts texts = { .ca = input };
	struct entry_files files = { .read = read_text, .context = &texts };
	struct list list = { 0 };
	struct error e = { 0 };
	BIO *ca = BIO_new(BIO_s_mem()), *crl = BIO_new(BIO_s_mem());

	assert(ca != NULL && crl != NULL);
	const char *mark = memmem(input.ptr, input.len, "-----BEGIN X509 CRL",
				  strlen("-----BEGIN X509 CRL"));
	if (mark != NULL) {
		texts.crl = from(input, mark);
		texts.ca.len -= texts.crl.len;
	} else if (span_starts(input, SPAN("\x30"))) {
		struct span rest = input, der = take_element(&rest);
		texts.ca = armour(ca, PEM_STRING_X509, der);
		texts.crl = armour(crl, PEM_STRING_X509_CRL, rest);
	}
	bool ok = list_build(&list, span_of(text), NULL, 0, &files, &e);
	assert(ok != e.set);
	if (ok)
		check_trust(list.authorities[0]->trust, texts.ca);
	else
		assert(list.n == 0 && e.line == 1 && e.column > 0);
	list_free(&list);
	BIO_free(ca);
	BIO_free(crl);
}
