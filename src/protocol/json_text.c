/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "protocol/json_text.h"

/* The bytes that matter inside a string: its end, an escape, and what may not
 * be there. */
static const bool string_special[256] = {
	[0 ... 31] = true,
	['"'] = true,
	['\\'] = true,
};

/* What else may stand outside strings: white space, numbers, true, false,
 * null. */
static const bool plain[256] = {
	[' '] = true,	      ['\t'] = true, ['\r'] = true, ['\n'] = true,
	['+'] = true,	      ['-'] = true,  ['.'] = true,  ['E'] = true,
	['0' ... '9'] = true, ['a'] = true,  ['e'] = true,  ['f'] = true,
	['l'] = true,	      ['n'] = true,  ['r'] = true,  ['s'] = true,
	['t'] = true,	      ['u'] = true,
};

/* Goes from behind an opening quote to behind the closing one; NULL if there
 * is none.  *nul is set if the string has a NUL. */
static const char *
skip_string(const char *at, const char *end, bool *nul)
{
	*nul = false;
	for (;;) {
		while (at < end && !string_special[(unsigned char)*at])
			at++;
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
	return (all & 0x8080808080808080) == 0;
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
