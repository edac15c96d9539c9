/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/span.h"

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Not strncasecmp, which ends at a NUL. */
bool
span_equal_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (a.ptr[i] != b.ptr[i] && lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

bool
span_starts_nocase(struct span s, struct span prefix)
{
	return s.len >= prefix.len &&
	       span_equal_nocase((struct span){ s.ptr, prefix.len }, prefix);
}

bool
span_ends(struct span s, struct span suffix)
{
	return s.len >= suffix.len &&
	       span_equal(span_after(s, s.len - suffix.len), suffix);
}

bool
span_contains(struct span s, struct span needle)
{
	return s.len >= needle.len &&
	       memmem(s.ptr, s.len, needle.ptr, needle.len) != NULL;
}

size_t
span_count(struct span s, char byte)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == byte;
	return n;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct span
span_skip_blanks(struct span s)
{
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = span_after(s, 1);
	return s;
}

struct span
span_trim(struct span s)
{
	s = span_skip_blanks(s);
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* How many bytes are before the first that is in separators; strcspn(3) for
 * bytes that may have a NUL. */
static size_t
length_before(struct span s, const char *separators)
{
	bool separates[256] = { false };
	size_t n = 0;

	for (const char *at = separators; *at != '\0'; at++)
		separates[(unsigned char)*at] = true;
	while (n < s.len && !separates[(unsigned char)s.ptr[n]])
		n++;
	return n;
}

bool
span_next(struct span *rest, const char *separators, struct span *token)
{
	size_t n;

	if (rest->ptr == NULL) {
		*token = (struct span){ 0 };
		return false;
	}
	if (separators[0] != '\0' && separators[1] == '\0') {
		const char *at = memchr(rest->ptr, separators[0], rest->len);
		n = at == NULL ? rest->len : (size_t)(at - rest->ptr);
	} else {
		n = length_before(*rest, separators);
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

struct span
span_of_number(uint64_t number, char text[SPAN_DIGITS_MAX])
{
	char *end = text + SPAN_DIGITS_MAX, *at = end;

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return (struct span){ at, (size_t)(end - at) };
}

void
span_write(struct span s, char *text, size_t size)
{
	size_t n = s.len < size ? s.len : size - 1;

	if (n > 0)
		memcpy(text, s.ptr, n);
	text[n] = '\0';
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

size_t
span_character(struct span s, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	*c = p[0];
	if (n == 1)
		return 1;
	if (p[0] < 0xc0 || p[0] > 0xf7 || s.len < n)
		return 0;
	*c &= 0x7fU >> n;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return n;
}

bool
span_is_text(struct span s)
{
	uint32_t c;

	while (s.len > 0) {
		size_t n = span_character(s, &c);
		if (n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
			return false;
		s = span_after(s, n);
	}
	return true;
}

/* FNV-1a by eight bytes at a time. */
uint64_t
span_hash(struct span s)
{
	uint64_t h = 0xcbf29ce484222325, word;

	while (s.len > 0) {
		size_t n = s.len < sizeof(word) ? s.len : sizeof(word);
		word = 0;
		memcpy(&word, s.ptr, n);
		h = (h ^ word) * 0x100000001b3;
		h ^= h >> 32;
		s = span_after(s, n);
	}
	return h;
}
