/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include <openssl/asn1.h>

#include "protocol/der.h"
#include "protocol/pem.h"
#include "protocol/pem_file.h"

#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"

enum { LABEL_MAX = 64 /* bytes; RFC 7468 sets no limit */ };

/* One block of a file. */
struct block {
	struct span label; /* absent: DER */
	struct span body; /* base64 and white space, or DER */
};

static bool
is_white(char c)
{
	return c <= ' ' || c > '~'; /* also if char is signed */
}

static const char *
find(struct span text, const char *word, size_t n)
{
	return text.len == 0 ? NULL : memmem(text.ptr, text.len, word, n);
}

/* Return the next line that begins a block; NULL: none. */
static const char *
find_begin(struct span text)
{
	struct span rest = text;
	const char *at;

	while ((at = find(rest, BEGIN, sizeof(BEGIN) - 1)) != NULL) {
		const char *front = at;
		while (front > text.ptr && is_white(front[-1]) &&
		       front[-1] != '\n' && front[-1] != '\r')
			front--;
		if (front == text.ptr || front[-1] == '\n' || front[-1] == '\r')
			return at;
		rest = span_after(rest, (size_t)(at - rest.ptr) + 1);
	}
	return NULL;
}

/* Take the label from the front of *rest, to the end of its line. */
static bool
take_label(struct span *rest, struct span *label, struct error *e)
{
	struct span line = *rest, tail;
	size_t n = 0;

	while (n < line.len && line.ptr[n] != '\n' && line.ptr[n] != '\r')
		n++;
	line.len = n;
	while (line.len > 0 && is_white(line.ptr[line.len - 1]))
		line.len--;
	const char *dashes = find(line, DASHES, sizeof(DASHES) - 1);
	if (dashes != NULL) {
		*label = line;
		label->len = (size_t)(dashes - line.ptr);
		tail = span_after(line, label->len);
	}
	if (dashes == NULL || !span_equal(tail, SPAN(DASHES)) ||
	    label->len > LABEL_MAX)
		return error_set(e, "expected " BEGIN "LABEL" DASHES
				    " on a line of its own");
	*rest = span_after(*rest, n);
	return true;
}

/* Take the block that *rest begins with, up to the end of its last line. */
static bool
take_block(struct span *rest, struct block *block, struct error *e)
{
	char end[sizeof(END) + LABEL_MAX + sizeof(DASHES)];
	struct span label;

	*rest = span_after(*rest, sizeof(BEGIN) - 1);
	if (!take_label(rest, &label, e))
		return false;
	char *tail = mempcpy(end, END, sizeof(END) - 1);
	tail = mempcpy(tail, label.ptr, label.len);
	tail = mempcpy(tail, DASHES, sizeof(DASHES) - 1);
	size_t n = (size_t)(tail - end);
	const char *at = find(*rest, end, n);
	*block = (struct block){ label, *rest };
	if (at != NULL)
		block->body.len = (size_t)(at - rest->ptr);
	if (at == NULL || find_begin(block->body) != NULL)
		return error_set(e, "%s without its " END "line",
				 error_word(label));
	*rest = span_after(*rest, block->body.len + n);
	return true;
}

/* Take a sequence whose first member is a sequence: a certificate, request or
 * CRL, not text that begins with the digit 0. */
static bool
take_der(struct span *rest, struct block *block)
{
	struct span after = *rest, outer, inner;

	if (!der_next_is(&after, V_ASN1_SEQUENCE, &outer) ||
	    !der_next_is(&outer, V_ASN1_SEQUENCE, &inner))
		return false;
	*block = (struct block){ .body = *rest };
	block->body.len -= after.len;
	*rest = after;
	return true;
}

/* Take the next block from *rest.  False without e behind the last one. */
static bool
next_block(struct span *rest, struct block *block, struct error *e)
{
	if (take_der(rest, block))
		return true;
	const char *at = find_begin(*rest);
	if (at == NULL)
		return false;
	*rest = span_after(*rest, (size_t)(at - rest->ptr));
	return take_block(rest, block, e);
}

/* Return body without its header fields, which end with an empty line (RFC 1421
 * 4.6). */
static struct span
without_header(struct span body)
{
	struct span rest = body, line;
	bool header = false;

	while (rest.len > 0 && is_white(rest.ptr[0]))
		rest = span_after(rest, 1);
	while (span_next(&rest, "\n", &line)) {
		while (line.len > 0 && is_white(line.ptr[line.len - 1]))
			line.len--;
		if (header && line.len == 0)
			return rest;
		if (!header && !span_contains(line, SPAN(":")))
			return body;
		header = true;
	}
	return body;
}

static bool
decode_base64(struct span body, struct buffer *der)
{
	struct buffer digits;

	buffer_init(&digits, body.len);
	(void)buffer_reserve(&digits, body.len);
	for (size_t i = 0; i < body.len; i++)
		if (!is_white(body.ptr[i]))
			buffer_add_byte(&digits, body.ptr[i]);
	bool ok =
		!digits.failed && pem_decode_base64(buffer_span(&digits), der);
	buffer_free(&digits);
	return ok;
}

/* Decode the block into der, which is initialised here. */
static bool
decode(const struct block *block, struct buffer *der, struct error *e)
{
	buffer_init(der, block->body.len);
	if (block->label.ptr != NULL)
		return decode_base64(without_header(block->body), der) ||
		       error_set(e, "%s: invalid base64",
				 error_word(block->label));
	buffer_add(der, block->body);
	return !der->failed || error_set(e, "out of memory");
}

/* What is in a block or a file. */
enum kind {
	KIND_UNKNOWN = 0,
	KIND_CERTIFICATE,
	KIND_TRUSTED,
	KIND_CRL,
	KIND_REQUEST,
	KIND_PKCS7,
	KIND_PKCS12,
	KIND_PRIVATE_KEY,
	KIND_PUBLIC_KEY
};

static const struct {
	const char *text;
	const char *fix; /* a command that gives a certificate; NULL: none */
} kinds[] = {
	[KIND_UNKNOWN] = { "unknown data", NULL },
	[KIND_CERTIFICATE] = { "a certificate", NULL },
	[KIND_TRUSTED] = { "a TRUSTED CERTIFICATE, which has trust settings",
			   " (fix: openssl x509 -in FILE -out NEW)" },
	[KIND_CRL] = { "a CRL", NULL },
	[KIND_REQUEST] = { "a certificate request (CSR)", NULL },
	[KIND_PKCS7] = { "PKCS#7",
			 " (fix: openssl pkcs7 -print_certs -in FILE -out NEW; "
			 "-inform DER if it is binary)" },
	[KIND_PKCS12] = { "PKCS#12", " (fix: openssl pkcs12 -nokeys -in FILE "
				     "-out NEW, with -cacerts for CAs, or "
				     "-clcerts for a client)" },
	[KIND_PRIVATE_KEY] = { "a private key", NULL },
	[KIND_PUBLIC_KEY] = { "a public key", NULL },
};

static enum kind
kind_of_label(struct span label)
{
	static const struct {
		struct span label;
		enum kind kind;
	} labels[] = {
		{ SPAN_TEXT("CERTIFICATE"), KIND_CERTIFICATE },
		{ SPAN_TEXT("X509 CERTIFICATE"), KIND_CERTIFICATE },
		{ SPAN_TEXT("TRUSTED CERTIFICATE"), KIND_TRUSTED },
		{ SPAN_TEXT("X509 CRL"), KIND_CRL },
		{ SPAN_TEXT("CERTIFICATE REQUEST"), KIND_REQUEST },
		{ SPAN_TEXT("NEW CERTIFICATE REQUEST"), KIND_REQUEST },
		{ SPAN_TEXT("PKCS7"), KIND_PKCS7 },
		{ SPAN_TEXT("PKCS #7 SIGNED DATA"), KIND_PKCS7 },
		{ SPAN_TEXT("CMS"), KIND_PKCS7 },
		{ SPAN_TEXT("PUBLIC KEY"), KIND_PUBLIC_KEY },
	};
	struct span key = SPAN("PRIVATE KEY");

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (span_equal(label, labels[i].label))
			return labels[i].kind;
	if (label.len >= key.len &&
	    span_equal(span_after(label, label.len - key.len), key))
		return KIND_PRIVATE_KEY;
	return KIND_UNKNOWN;
}

/* Return the kind of a sequence whose first member is the sequence inner, with
 * the other members in rest.  Except in a key, inner is what is signed. */
static enum kind
kind_of_signed(struct span inner, struct span rest)
{
	struct span skipped;

	if (der_next_is(&rest, V_ASN1_OCTET_STRING, &skipped))
		return KIND_PRIVATE_KEY; /* RFC 5208 6, encrypted */
	if (der_next_is(&rest, V_ASN1_BIT_STRING, &skipped))
		return KIND_PUBLIC_KEY; /* RFC 5280 4.1 */
	if (der_next_context(&inner, 0, true, &skipped))
		return KIND_CERTIFICATE;
	der_next_is(&inner, V_ASN1_INTEGER, &skipped);
	if (!der_next_is(&inner, V_ASN1_SEQUENCE, &skipped) ||
	    !der_next_is(&inner, V_ASN1_SEQUENCE, &skipped))
		return KIND_UNKNOWN;
	if (der_next_is(&inner, V_ASN1_UTCTIME, &skipped) ||
	    der_next_is(&inner, V_ASN1_GENERALIZEDTIME, &skipped))
		return KIND_CRL; /* RFC 5280 5.1 */
	return inner.len == 0 || der_next_context(&inner, 0, true, &skipped)
		       ? KIND_REQUEST /* RFC 2986 4 */
		       : KIND_CERTIFICATE; /* of version 1 */
}

/* Return the kind of der by its first members.  PKCS#12 and PKCS#7 may have
 * indefinite lengths. */
static enum kind
kind_of_der(struct span der)
{
	enum { SEQUENCE = 0x30, LONG = 0x80 };
	struct span rest = der, outer, inner;
	size_t head = 2;

	if (der.len < 2 || der.ptr[0] != SEQUENCE)
		return KIND_UNKNOWN;
	if ((der.ptr[1] & LONG) != 0)
		head += der.ptr[1] & (LONG - 1);
	if (head > der.len)
		return KIND_UNKNOWN;
	rest = span_after(der, head);
	if (span_starts(rest, SPAN("\x02\x01\x03")))
		return KIND_PKCS12; /* RFC 7292 4: version 3 */
	if (span_starts(rest, SPAN("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07")))
		return KIND_PKCS7; /* RFC 2315 14 */
	if (span_starts(rest, SPAN("\x02\x01")))
		return KIND_PRIVATE_KEY; /* RFC 5208 5, 8017 A.1.2, 5915 3 */
	rest = der;
	if (!der_next_is(&rest, V_ASN1_SEQUENCE, &outer) ||
	    !der_next_is(&outer, V_ASN1_SEQUENCE, &inner))
		return KIND_UNKNOWN;
	return kind_of_signed(inner, outer);
}

static bool
is_utf16(struct span text)
{
	return span_starts(text, SPAN("\xff\xfe")) ||
	       span_starts(text, SPAN("\xfe\xff")) ||
	       find(text, "-\0-\0-", sizeof("-\0-\0-") - 1) != NULL;
}

static bool
is_blank(struct span text)
{
	struct span word;

	return !span_next_word(&text, " \t\r\n\v\f", &word);
}

/* Set e to what was found in place of what was expected; the label, if there is
 * one, names data that is unknown. */
static bool
set_found(enum kind kind, struct span label, enum kind expected,
	  struct error *e)
{
	const char *text = kind == KIND_UNKNOWN && label.ptr != NULL
				   ? error_word(label)
				   : kinds[kind].text;
	const char *fix = expected == KIND_CERTIFICATE ? kinds[kind].fix : NULL;

	return error_set(e, "found %s: expected %s%s", text,
			 kinds[expected].text, fix == NULL ? "" : fix);
}

/* Set e to what text is, which has no block that was expected. */
static bool
set_absent(struct span text, enum kind expected, struct error *e)
{
	struct span rest = text;
	struct block block = { .label = { 0 } };

	if (is_blank(text))
		return error_set(e, "empty: expected %s in PEM or DER",
				 kinds[expected].text);
	if (is_utf16(text))
		return error_set(e,
				 "found UTF-16: expected %s in ASCII or "
				 "UTF-8 (fix: iconv -f UTF-16 -t UTF-8 "
				 "FILE >NEW)",
				 kinds[expected].text);
	enum kind kind = kind_of_der(text);
	if (kind == KIND_UNKNOWN && next_block(&rest, &block, e))
		kind = kind_of_label(block.label);
	if (kind != KIND_UNKNOWN || block.label.ptr != NULL)
		return set_found(kind, block.label, expected, e);
	return error_set(e, "no block: expected %s in PEM or DER",
			 kinds[expected].text);
}

/* Give the n-th block to take if it is of the kind that is expected. */
static bool
read_block(const struct block *block, unsigned n, enum kind expected,
	   pem_file_function *take, void *context, struct error *e)
{
	struct buffer der = { 0 };
	enum kind kind = block->label.ptr == NULL ? expected
						  : kind_of_label(block->label);

	if (kind != expected)
		return set_found(kind, block->label, expected, e);
	bool ok = decode(block, &der, e);
	if (ok)
		kind = kind_of_der(buffer_span(&der));
	if (ok && kind != expected && kind != KIND_UNKNOWN)
		ok = set_found(kind, block->label, expected, e);
	ok = ok && take(context, buffer_span(&der), n, e);
	buffer_free(&der);
	return ok;
}

bool
pem_file_read(struct span text, enum pem_file_content content,
	      pem_file_function *take, void *context, struct error *e)
{
	enum kind expected =
		content == PEM_FILE_CRL ? KIND_CRL : KIND_CERTIFICATE;
	struct error inner = { 0 };
	struct span rest = text;
	struct block block;
	unsigned n = 1;

	while (next_block(&rest, &block, &inner) &&
	       read_block(&block, n, expected, take, context, &inner))
		n++;
	if (inner.set)
		return error_set(e, "block %u: %s", n, inner.text);
	return n > 1 || set_absent(text, expected, e);
}

/* Take a certificate as `openssl x509` does: what follows it, such as trust
 * settings, is ignored. */
static bool
take_certificate(const struct block *block, struct buffer *der, struct error *e)
{
	struct buffer all;
	struct span rest;
	struct der_element skipped;

	bool ok = decode(block, &all, e);
	rest = buffer_span(&all);
	size_t n =
		ok && der_next(&rest, &skipped) ? all.len - rest.len : all.len;
	if (ok && n > PEM_DER_MAX)
		ok = error_set(e,
			       "certificate of %zu bytes: expected at most "
			       "%d",
			       n, PEM_DER_MAX);
	if (ok)
		buffer_add(der, (struct span){ all.data, n });
	buffer_free(&all);
	return ok && (!der->failed || error_set(e, "out of memory"));
}

static bool
read_certificate(struct span der, struct certificate *c, struct error *e)
{
	if (certificate_read(der, c))
		return true;
	enum kind kind = kind_of_der(der);
	if (kind != KIND_UNKNOWN && kind != KIND_CERTIFICATE)
		return set_found(kind, (struct span){ 0 }, KIND_CERTIFICATE, e);
	return error_set(e, "invalid certificate: expected X.509 in PEM or "
			    "DER");
}

bool
pem_file_next(struct span *rest, struct buffer *der, struct certificate *c,
	      struct error *e)
{
	struct block block;

	buffer_clear(der);
	while (next_block(rest, &block, e)) {
		enum kind kind = block.label.ptr == NULL
					 ? KIND_CERTIFICATE
					 : kind_of_label(block.label);
		if (kind == KIND_CERTIFICATE || kind == KIND_TRUSTED)
			return take_certificate(&block, der, e) &&
			       read_certificate(buffer_span(der), c, e);
	}
	return false;
}

bool
pem_file_first(struct span text, struct buffer *der, struct certificate *c,
	       struct error *e)
{
	struct span rest = text;

	return pem_file_next(&rest, der, c, e) ||
	       (!e->set && set_absent(text, KIND_CERTIFICATE, e));
}

bool
pem_file_only(struct span text, struct buffer *der, struct certificate *c,
	      struct error *e)
{
	struct certificate second;
	struct span rest = text;

	bool ok = pem_file_next(&rest, der, c, e);
	if (!ok && !e->set)
		return set_absent(text, KIND_CERTIFICATE, e);
	struct buffer other;
	buffer_init(&other, PEM_MAX);
	if (ok && pem_file_next(&rest, &other, &second, e))
		error_set(e, "several certificates: expected one");
	buffer_free(&other);
	return !e->set;
}

bool
pem_file_is_likely(struct span text)
{
	return kind_of_der(text) != KIND_UNKNOWN || is_utf16(text) ||
	       find_begin(text) != NULL;
}

bool
pem_file_has_key(struct span text)
{
	struct error e = { 0 };
	struct block block;

	while (next_block(&text, &block, &e))
		if (block.label.ptr != NULL &&
		    kind_of_label(block.label) == KIND_PRIVATE_KEY)
			return true;
	return false;
}
