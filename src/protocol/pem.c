/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

#include "protocol/pem.h"

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
	struct span begin = SPAN("-----BEGIN CERTIFICATE-----");
	struct span end = SPAN("-----END CERTIFICATE-----");

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

/* Joins lines, which end in \n or \r\n, the last one too, in out, which has
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

bool
pem_decode_base64(struct span text, struct buffer *der)
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
	return pem_decode_base64((struct span){ digits, n }, der);
}

void
pem_encode(struct span der, struct buffer *text)
{
	enum { LINE_BYTES = 48 /* 64 characters; RFC 7468 2 */ };
	unsigned char line[LINE_BYTES / 3 * 4 + 1];

	buffer_add(text, SPAN("-----BEGIN CERTIFICATE-----\n"));
	while (der.len > 0) {
		size_t n = der.len < LINE_BYTES ? der.len : LINE_BYTES;
		int length = EVP_EncodeBlock(
			line, (const unsigned char *)der.ptr, (int)n);
		buffer_add(text,
			   (struct span){ (const char *)line, (size_t)length });
		buffer_add_byte(text, '\n');
		der = span_after(der, n);
	}
	buffer_add(text, SPAN("-----END CERTIFICATE-----\n"));
}
