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

/* One more than the digit's value; 0 for what is none. */
static const uint8_t values[256] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* 0 to 15, or -1 for a byte that is no digit. */
static int
value_of(char c)
{
	return values[(unsigned char)c] - 1;
}

size_t
hex_length(struct span s)
{
	size_t n = 0;

	while (n < s.len && value_of(s.ptr[n]) >= 0)
		n++;
	return n;
}

bool
hex_decode(struct span text, uint8_t *bytes, size_t n)
{
	memset(bytes, 0, n);
	if (text.len != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = value_of(text.ptr[2 * i]);
		int low = value_of(text.ptr[2 * i + 1]);
		if (high < 0 || low < 0) {
			memset(bytes, 0, n);
			return false;
		}
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
