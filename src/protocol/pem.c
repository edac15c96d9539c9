/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

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

/* Copies the digits of lines to out, which has room for all of lines; false
 * for anything that is neither digit, padding at the end, nor line end. */
static bool
join_lines(struct span lines, char *out, size_t *length, size_t *padding)
{
	size_t n = 0;

	*padding = 0;
	for (size_t i = 0; i < lines.len; i++) {
		char c = lines.ptr[i];
		if (base64_digit[(unsigned char)c] && *padding == 0) {
			out[n++] = c;
		} else if (c == '=' && *padding < 2) {
			out[n++] = c;
			(*padding)++;
		} else if (c == '\r') {
			if (i + 1 == lines.len || lines.ptr[i + 1] != '\n')
				return false;
		} else if (c != '\n') {
			return false;
		}
	}
	*length = n;
	return n > 0 && n % 4 == 0;
}

bool
pem_decode(struct span text, struct buffer *der)
{
	char digits[PEM_MAX];
	struct span lines;
	size_t n, padding;

	buffer_clear(der);
	if (text.len > PEM_MAX || !between_armour(text, &lines) ||
	    !join_lines(lines, digits, &n, &padding))
		return false;
	unsigned char *out = (unsigned char *)buffer_reserve(der, n / 4 * 3);
	if (out == NULL || EVP_DecodeBlock(out, (const unsigned char *)digits,
					   (int)n) != (int)(n / 4 * 3))
		return false;
	der->len = n / 4 * 3 - padding;
	return true;
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
