/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "base/hex.h"
#include "base/json_string.h"

static void
add_escaped(struct buffer *out, char c)
{
	char digits[2];

	if (c == '"' || c == '\\') {
		buffer_add_byte(out, '\\');
		buffer_add_byte(out, c);
		return;
	}
	hex_encode((const uint8_t *)&c, 1, digits);
	buffer_add(out, SPAN("\\u00"));
	buffer_add(out, (struct span){ digits, sizeof(digits) });
}

/* Bytes from ' ' to last stand for themselves. */
static void
add(struct buffer *out, struct span text, unsigned char last)
{
	buffer_add_byte(out, '"');
	while (text.len > 0) {
		size_t n = 0;
		while (n < text.len && text.ptr[n] != '"' &&
		       text.ptr[n] != '\\' &&
		       (unsigned char)text.ptr[n] >= ' ' &&
		       (unsigned char)text.ptr[n] <= last)
			n++;
		buffer_add(out, (struct span){ text.ptr, n });
		text = span_after(text, n);
		if (text.len == 0)
			break;
		add_escaped(out, text.ptr[0]);
		text = span_after(text, 1);
	}
	buffer_add_byte(out, '"');
}

void
json_string_add(struct buffer *out, struct span text)
{
	add(out, text, UINT8_MAX);
}

void
json_string_add_bytes(struct buffer *out, struct span bytes)
{
	add(out, bytes, '~');
}
