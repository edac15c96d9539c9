/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <limits.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "protocol/der.h"
#include "protocol/pem.h"

#define BEGIN "-----BEGIN"
#define END "-----END "
#define DASHES "-----"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What stands between the armour lines, line ends included; false if the
 * armour is not exactly one certificate's. */
static bool
between_armour(struct span text, struct span *base64)
{
	struct span begin = SPAN(BEGIN " CERTIFICATE" DASHES);
	struct span end = SPAN(END "CERTIFICATE" DASHES);

	while (text.len > 0 && is_space(text.ptr[0]))
		text = span_after(text, 1);
	while (text.len > 0 && is_space(text.ptr[text.len - 1]))
		text.len--;
	if (!span_starts(text, begin))
		return false;
	text = span_after(text, begin.len);
	if (text.len < end.len ||
	    !span_equal(span_after(text, text.len - end.len), end))
		return false;
	text.len -= end.len;
	*base64 = text;
	return text.len > 0 && (text.ptr[0] == '\r' || text.ptr[0] == '\n') &&
	       text.ptr[text.len - 1] == '\n';
}

/* Which characters are base64 digits (RFC 4648 4). */
static const bool base64_digit[256] = {
	['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['0' ... '9'] = true,
	['+'] = true,	      ['/'] = true,
};

/* Join lines, which end in \n or \r\n, the last one too, in out, which has
 * room for all of them.  Gives the length. */
static size_t
join(struct span lines, char *out)
{
	struct span line;
	size_t n = 0;

	while (span_next(&lines, "\n", &line)) {
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0)
			memcpy(out + n, line.ptr, line.len);
		n += line.len;
	}
	return n;
}

/* True if text is nothing but digits and at its end up to two of padding, in
 * groups of four. */
static bool
is_base64(struct span text, size_t *padding)
{
	bool all = true;

	*padding = 0;
	if (text.len == 0 || text.len % 4 != 0)
		return false;
	while (*padding < 2 && text.ptr[text.len - 1] == '=') {
		text.len--;
		(*padding)++;
	}
	for (size_t i = 0; i < text.len; i++)
		all &= base64_digit[(unsigned char)text.ptr[i]];
	return all;
}

static bool
decode_base64(struct span text, struct buffer *der)
{
	size_t padding, n = text.len / 4 * 3;

	if (!is_base64(text, &padding) || text.len > INT_MAX)
		return false;
	unsigned char *out = (unsigned char *)buffer_reserve(der, n);
	if (out == NULL || EVP_DecodeBlock(out, (const unsigned char *)text.ptr,
					   (int)text.len) != (int)n)
		return false;
	der->len += n - padding;
	return true;
}

bool
pem_decode(struct span text, struct buffer *der)
{
	char digits[PEM_MAX];
	struct span lines;

	buffer_clear(der);
	if (text.len > PEM_MAX || !between_armour(text, &lines))
		return false;
	size_t n = join(lines, digits);
	return decode_base64((struct span){ digits, n }, der);
}

void
pem_encode(struct span der, struct buffer *text)
{
	enum { LINE_BYTES = 48 /* 64 characters; RFC 7468 2 */ };

	buffer_add(text, SPAN(BEGIN " CERTIFICATE" DASHES "\n"));
	while (der.len > 0) {
		size_t n = der.len < LINE_BYTES ? der.len : LINE_BYTES;
		buffer_add_base64(text, (struct span){ der.ptr, n }, false);
		buffer_add_byte(text, '\n');
		der = span_after(der, n);
	}
	buffer_add(text, SPAN(END "CERTIFICATE" DASHES "\n"));
}

/* One block of an administrator's file. */
struct block {
	struct span label; /* absent: DER */
	struct span body; /* base64 and white space, or DER */
};

static bool
is_white(char c)
{
	return c <= ' ' || c > '~'; /* also if char is signed */
}

static struct span
trim(struct span line)
{
	while (line.len > 0 && is_white(line.ptr[0]))
		line = span_after(line, 1);
	while (line.len > 0 && is_white(line.ptr[line.len - 1]))
		line.len--;
	return line;
}

static bool
next_line(struct span *rest, struct span *line)
{
	bool is_line = span_next(rest, "\r\n", line);

	*line = trim(*line);
	return is_line;
}

/* Skip prefix at the front of *line. */
static bool
skip(struct span *line, struct span prefix)
{
	if (!span_starts(*line, prefix))
		return false;
	*line = span_after(*line, prefix.len);
	return true;
}

/* Take the next line that begins a block; *label is what follows on it. */
static bool
next_begin(struct span *rest, struct span *label)
{
	while (next_line(rest, label))
		if (skip(label, SPAN(BEGIN)))
			return true;
	return false;
}

/* Take the rest of a block from *rest, up to the dashes of its last line. */
static bool
take_block(struct span *rest, struct block *block, struct error *e)
{
	struct span label = block->label, all = *rest, line;

	if (!skip(&label, SPAN(" ")) || label.len < sizeof(DASHES) - 1 ||
	    memmem(label.ptr, label.len, DASHES, sizeof(DASHES) - 1) !=
		    label.ptr + label.len - (sizeof(DASHES) - 1))
		return error_set(e, "expected " BEGIN " LABEL" DASHES
				    " on a line of its own");
	label.len -= sizeof(DASHES) - 1;
	while (next_line(rest, &line) && !span_starts(line, SPAN(BEGIN))) {
		struct span end = line;
		if (!skip(&end, SPAN(END)) || !skip(&end, label) ||
		    !skip(&end, SPAN(DASHES)))
			continue;
		size_t length = (size_t)(line.ptr - all.ptr);
		*block = (struct block){ label, { all.ptr, length } };
		*rest = span_after(all, (size_t)(end.ptr - all.ptr));
		return true;
	}
	return error_set(e, "%s without its " END "line", error_word(label));
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
	*block = (struct block){ .label = { 0 } };
	return next_begin(rest, &block->label) && take_block(rest, block, e);
}

/* Return body without its header fields, which end with an empty line (RFC 1421
 * 4.6). */
static struct span
without_header(struct span body)
{
	struct span rest = body, line;
	bool header = false;

	while (span_next(&rest, "\n", &line)) {
		bool empty = trim(line).len == 0;
		if (header && empty)
			return rest;
		if (!header && !empty && !span_contains(line, SPAN(":")))
			return body;
		header |= !empty;
	}
	return body;
}

/* Decode the block into der, which is initialised here. */
static bool
decode(const struct block *block, struct buffer *der, struct error *e)
{
	struct span body = block->body;
	struct buffer digits;

	buffer_init(der, body.len);
	if (block->label.ptr == NULL) {
		buffer_add(der, body);
		return !der->failed || error_set(e, "out of memory");
	}
	buffer_init(&digits, body.len);
	(void)buffer_reserve(&digits, body.len);
	body = without_header(body);
	for (size_t i = 0; i < body.len; i++)
		if (!is_white(body.ptr[i]))
			buffer_add_byte(&digits, body.ptr[i]);
	bool ok = !digits.failed && decode_base64(buffer_span(&digits), der);
	buffer_free(&digits);
	return ok ||
	       error_set(e, "%s: invalid base64", error_word(block->label));
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
	       span_contains(text, SPAN("-\0-\0-"));
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

	if (!lines_any(text))
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
	struct error inner = { 0 };
	struct buffer der = { 0 };
	enum kind kind = block->label.ptr == NULL ? expected
						  : kind_of_label(block->label);

	if (kind != expected)
		return set_found(kind, block->label, expected, e);
	bool ok = decode(block, &der, &inner) &&
		  take(context, buffer_span(&der), n, &inner);
	if (!ok)
		kind = kind_of_der(buffer_span(&der));
	if (!ok && kind != expected && kind != KIND_UNKNOWN)
		set_found(kind, block->label, expected, e);
	else if (!ok)
		*e = inner;
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

static bool
first(struct span *rest, struct buffer *der, struct certificate *c,
      struct error *e)
{
	struct span text = *rest;

	return pem_file_next(rest, der, c, e) ||
	       (!e->set && set_absent(text, KIND_CERTIFICATE, e));
}

bool
pem_file_first(struct span text, struct buffer *der, struct certificate *c,
	       struct error *e)
{
	return first(&text, der, c, e);
}

bool
pem_file_only(struct span text, struct buffer *der, struct certificate *c,
	      struct error *e)
{
	struct certificate second;
	struct buffer other;

	if (!first(&text, der, c, e))
		return false;
	buffer_init(&other, PEM_MAX);
	if (pem_file_next(&text, &other, &second, e))
		error_set(e, "several certificates: expected one");
	buffer_free(&other);
	return !e->set;
}

bool
pem_file_is_likely(struct span text)
{
	struct span rest = text, label;

	return kind_of_der(text) != KIND_UNKNOWN || is_utf16(text) ||
	       next_begin(&rest, &label);
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
