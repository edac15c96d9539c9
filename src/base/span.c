/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/span.h"

struct span
span_of(const char *text)
{
	return (struct span){ text, text == NULL ? 0 : strlen(text) };
}

bool
span_empty(struct span s)
{
	return s.len == 0;
}

bool
span_equal(struct span a, struct span b)
{
	return a.len == b.len &&
	       (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool
span_equal_nocase(struct span a, struct span b)
{
	return a.len == b.len &&
	       (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

bool
span_starts(struct span s, struct span prefix)
{
	return s.len >= prefix.len &&
	       span_equal((struct span){ s.ptr, prefix.len }, prefix);
}

bool
span_starts_nocase(struct span s, struct span prefix)
{
	return s.len >= prefix.len &&
	       span_equal_nocase((struct span){ s.ptr, prefix.len }, prefix);
}

bool
span_contains(struct span s, struct span needle)
{
	return s.len >= needle.len &&
	       memmem(s.ptr, s.len, needle.ptr, needle.len) != NULL;
}

struct span
span_after(struct span s, size_t n)
{
	return (struct span){ s.ptr + n, s.len - n };
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct span
span_trim(struct span s)
{
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = span_after(s, 1);
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

bool
span_next(struct span *rest, const char *separators, struct span *token)
{
	size_t n = 0;

	if (rest->ptr == NULL) {
		*token = (struct span){ 0 };
		return false;
	}
	if (separators[0] != '\0' && separators[1] == '\0') {
		const char *at = memchr(rest->ptr, separators[0], rest->len);
		n = at == NULL ? rest->len : (size_t)(at - rest->ptr);
	} else {
		while (n < rest->len &&
		       (rest->ptr[n] == '\0' ||
			strchr(separators, rest->ptr[n]) == NULL))
			n++;
	}
	*token = (struct span){ rest->ptr, n };
	if (n == rest->len)
		*rest = (struct span){ 0 };
	else
		*rest = span_after(*rest, n + 1);
	return true;
}

bool
span_next_word(struct span *rest, const char *separators, struct span *token)
{
	while (span_next(rest, separators, token))
		if (!span_empty(*token))
			return true;
	return false;
}

bool
span_number(struct span s, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	*value = 0;
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(s.ptr[i] - '0');
		if (n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (n < min || n > max)
		return false;
	*value = n;
	return true;
}

char *
span_copy(struct span s)
{
	char *copy = malloc(s.len + 1);

	if (copy == NULL)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

bool
span_is_token(struct span s)
{
	static const char punctuation[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z'))
			continue;
		if (c == '\0' || strchr(punctuation, c) == NULL)
			return false;
	}
	return s.len > 0;
}

/* The length of the UTF-8 sequence that s begins with; 0 if it begins with
 * none, or with a control character (C0, DEL, C1). */
static size_t
character_length(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	uint32_t c = p[0];
	size_t n;

	if (c < 0x80)
		return c < 0x20 || c == 0x7f ? 0 : 1;
	if (c >= 0xc2 && c <= 0xdf) {
		n = 2;
		c &= 0x1f;
	} else if (c >= 0xe0 && c <= 0xef) {
		n = 3;
		c &= 0x0f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		n = 4;
		c &= 0x07;
	} else {
		return 0;
	}
	if (s.len < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	/* RFC 3629 3: no overlong forms, no surrogates, at most U+10FFFF */
	if ((n == 2 && c < 0xa0) || (n == 3 && c < 0x800) ||
	    (n == 4 && c < 0x10000) || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

bool
span_is_text(struct span s)
{
	while (s.len > 0) {
		size_t n = character_length(s);
		if (n == 0)
			return false;
		s = span_after(s, n);
	}
	return true;
}
