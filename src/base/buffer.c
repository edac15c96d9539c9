/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hex.h"

enum { FIRST_SIZE = 256 /* bytes of the first allocation */ };

void
buffer_init(struct buffer *b, size_t max)
{
	*b = (struct buffer){ .max = max };
}

void
buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){ .max = b->max };
}

void
buffer_clear(struct buffer *b)
{
	b->len = 0;
	b->failed = false;
}

void
buffer_wipe(struct buffer *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->size);
	buffer_free(b);
}

/* Not realloc(3), which may leave a copy of what is to be wiped. */
static bool
grow(struct buffer *b, size_t size)
{
	char *data = malloc(size);

	if (data == NULL)
		return false;
	if (b->len > 0)
		memcpy(data, b->data, b->len);
	if (b->data != NULL)
		explicit_bzero(b->data, b->size);
	free(b->data);
	b->data = data;
	b->size = size;
	return true;
}

char *
buffer_reserve(struct buffer *b, size_t n)
{
	size_t size = b->size == 0 ? FIRST_SIZE : b->size;

	if (b->failed || n > b->max - b->len) {
		b->failed = true;
		return NULL;
	}
	while (size - b->len < n)
		size = size > b->max / 2 ? b->max : size * 2;
	if (size > b->size && !grow(b, size)) {
		b->failed = true;
		return NULL;
	}
	return b->data + b->len;
}

void
buffer_add(struct buffer *b, struct span bytes)
{
	if (bytes.len == 0)
		return;
	char *room = buffer_reserve(b, bytes.len);
	if (room == NULL)
		return;
	memcpy(room, bytes.ptr, bytes.len);
	b->len += bytes.len;
}

void
buffer_add_byte(struct buffer *b, char byte)
{
	if (b->len < b->size && b->len < b->max && !b->failed)
		b->data[b->len++] = byte;
	else
		buffer_add(b, (struct span){ &byte, 1 });
}

void
buffer_add_number(struct buffer *b, uint64_t number)
{
	char text[SPAN_DIGITS_MAX];

	buffer_add(b, span_of_number(number, text));
}

/* RFC 3986 2.3 */
static bool
is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

void
buffer_add_percent(struct buffer *b, struct span text)
{
	for (; text.len > 0; text = span_after(text, 1)) {
		char digits[2];
		if (is_unreserved(text.ptr[0])) {
			buffer_add_byte(b, text.ptr[0]);
			continue;
		}
		hex_encode((const uint8_t *)text.ptr, 1, digits);
		buffer_add_byte(b, '%');
		buffer_add(b, (struct span){ digits, sizeof(digits) });
	}
}

void
buffer_add_base64(struct buffer *b, struct span bytes, bool url)
{
	const char *digits = url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789-_"
				 : "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < bytes.len; i += 3) {
		uint32_t bits = 0;
		for (size_t j = i; j < i + 3; j++)
			bits = bits << 8 |
			       (j < bytes.len ? (uint8_t)bytes.ptr[j] : 0);
		for (size_t j = i; j < i + 4; j++, bits <<= 6)
			if (j <= bytes.len)
				buffer_add_byte(b, digits[bits >> 18 & 63]);
			else if (!url)
				buffer_add_byte(b, '=');
	}
}

struct span
buffer_span(const struct buffer *b)
{
	return (struct span){ b->data, b->len };
}
