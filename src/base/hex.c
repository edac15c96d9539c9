/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "base/hex.h"

void
hex_encode(const uint8_t *bytes, size_t n, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 0x0f];
	}
}

enum { DIGIT = 0x10, VALUE = 0x0f };

/* DIGIT and the value of a digit; 0 for every other byte. */
static const uint8_t values[256] = {
	['0'] = 0x10, ['1'] = 0x11, ['2'] = 0x12, ['3'] = 0x13, ['4'] = 0x14,
	['5'] = 0x15, ['6'] = 0x16, ['7'] = 0x17, ['8'] = 0x18, ['9'] = 0x19,
	['a'] = 0x1a, ['b'] = 0x1b, ['c'] = 0x1c, ['d'] = 0x1d, ['e'] = 0x1e,
	['f'] = 0x1f, ['A'] = 0x1a, ['B'] = 0x1b, ['C'] = 0x1c, ['D'] = 0x1d,
	['E'] = 0x1e, ['F'] = 0x1f,
};

static bool
is_digit(char c)
{
	return values[(unsigned char)c] != 0;
}

size_t
hex_length(struct span s)
{
	size_t n = 0;

	while (n < s.len && is_digit(s.ptr[n]))
		n++;
	return n;
}

size_t
hex_take(struct span s, uint8_t *bytes, size_t max)
{
	size_t n = 0, full = s.len / 2 < max ? s.len / 2 : max;

	for (; n < full; n++) {
		unsigned high = values[(unsigned char)s.ptr[2 * n]];
		unsigned low = values[(unsigned char)s.ptr[2 * n + 1]];
		if ((high & low) < DIGIT)
			break;
		bytes[n] = (uint8_t)(high << 4 | (low & VALUE));
	}
	bool odd = n < max && 2 * n < s.len && is_digit(s.ptr[2 * n]);
	return 2 * n + (odd ? 1 : 0);
}

bool
hex_decode(struct span text, uint8_t *bytes, size_t n)
{
	if (text.len == 2 * n && hex_take(text, bytes, n) == 2 * n)
		return true;
	memset(bytes, 0, n);
	return false;
}
