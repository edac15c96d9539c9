/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "protocol/json_text.h"

/* A word of eight bytes that are all b. */
#define EIGHT(b) (0x0101010101010101 * (uint64_t)(b))

/* What else may stand outside strings: white space, numbers, true, false,
 * null. */
static const bool plain[256] = {
	[' '] = true,	      ['\t'] = true, ['\r'] = true, ['\n'] = true,
	['+'] = true,	      ['-'] = true,  ['.'] = true,  ['E'] = true,
	['0' ... '9'] = true, ['a'] = true,  ['e'] = true,  ['f'] = true,
	['l'] = true,	      ['n'] = true,  ['r'] = true,  ['s'] = true,
	['t'] = true,	      ['u'] = true,
};

/* The bytes that matter inside a string: its end, an escape, and what may not
 * be there. */
static const bool special[256] = {
	[0 ... 31] = true,
	['"'] = true,
	['\\'] = true,
};

/* True if a byte of word is special.  Where a byte is less than the one that is
 * taken from it, its highest bit is borrowed; one that had it is no less. */
static bool
has_special(uint64_t word)
{
	uint64_t control = (word - EIGHT(0x20)) & ~word;
	uint64_t quote = word ^ EIGHT('"');
	uint64_t escape = word ^ EIGHT('\\');

	quote = (quote - EIGHT(1)) & ~quote;
	escape = (escape - EIGHT(1)) & ~escape;
	return ((control | quote | escape) & EIGHT(0x80)) != 0;
}

/* The first special byte, or end. */
static const char *
find_special(const char *at, const char *end)
{
	uint64_t word;

	while (end - at >= (ptrdiff_t)sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		if (has_special(word))
			break;
		at += sizeof(word);
	}
	while (at < end && !special[(unsigned char)*at])
		at++;
	return at;
}

/* Goes from behind an opening quote to behind the closing one; NULL if there
 * is none.  *nul is set if the string has a NUL. */
static const char *
skip_string(const char *at, const char *end, bool *nul)
{
	*nul = false;
	for (;;) {
		at = find_special(at, end);
		if (at == end || (unsigned char)*at < 0x20)
			return NULL;
		if (*at == '"')
			return at + 1;
		if (end - at >= 6 && memcmp(at, "\\u0000", 6) == 0)
			*nul = true;
		if (end - at < 2)
			return NULL;
		at += 2; /* the backslash and what it escapes */
	}
}

/* Eight bytes at a time: nearly every text is. */
static bool
is_ascii(struct span text)
{
	uint64_t all = 0, word;

	while (text.len >= sizeof(word)) {
		memcpy(&word, text.ptr, sizeof(word));
		all |= word;
		text = span_after(text, sizeof(word));
	}
	for (size_t i = 0; i < text.len; i++)
		all |= (unsigned char)text.ptr[i];
	return (all & EIGHT(0x80)) == 0;
}

bool
json_text_measure(struct span text, struct json_shape *shape)
{
	const char *at = text.ptr, *end = text.ptr + text.len;
	size_t depth = 0;
	bool nul = false;

	*shape = (struct json_shape){ .values = 1 };
	if (!is_ascii(text) && !span_is_utf8(text))
		return false;
	while (at < end) {
		switch (*at++) {
		case '"':
			at = skip_string(at, end, &nul);
			if (at == NULL)
				return false;
			break;
		case ':':
			if (nul)
				return false;
			shape->members++;
			break;
		case ',':
			shape->values++;
			break;
		case '{':
		case '[':
			shape->values++;
			if (++depth > shape->depth)
				shape->depth = depth;
			break;
		case '}':
		case ']':
			if (depth > 0)
				depth--;
			break;
		default:
			if (!plain[(unsigned char)at[-1]])
				return false;
			break;
		}
	}
	return shape->depth <= JSON_MAX_DEPTH &&
	       shape->values <= JSON_MAX_VALUES;
}
