/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdint.h>

#include "base/invisible.h"

static const struct range {
	uint32_t first, last;
} ranges[] = {
	/* Shown as a blank, or as the end of a line. */
	{ 0xa0, 0xa0 }, /* no-break space */
	{ 0x2028, 0x2029 }, /* line separator, paragraph separator */
	{ 0x202f, 0x202f }, /* narrow no-break space */
	/* Shown as nothing, most of them: Default_Ignorable_Code_Point (UAX 44,
	 * DerivedCoreProperties.txt), with what is set aside for such. */
	{ 0xad, 0xad }, /* soft hyphen */
	{ 0x34f, 0x34f }, /* combining grapheme joiner */
	{ 0x61c, 0x61c }, /* Arabic letter mark */
	{ 0x115f, 0x1160 }, /* Hangul fillers */
	{ 0x17b4, 0x17b5 }, /* Khmer inherent vowels */
	{ 0x180b, 0x180f }, /* Mongolian variation selectors, vowel separator */
	{ 0x200b, 0x200f }, /* zero width, marks of direction */
	{ 0x202a, 0x202e }, /* embeddings and overrides of direction */
	{ 0x2060, 0x206f }, /* word joiner, mathematics, isolates */
	{ 0x3164, 0x3164 }, /* Hangul filler */
	{ 0xfe00, 0xfe0f }, /* variation selectors */
	{ 0xfeff, 0xfeff }, /* byte order mark */
	{ 0xffa0, 0xffa0 }, /* halfwidth Hangul filler */
	{ 0xfff0, 0xfff8 }, /* set aside */
	{ 0x1bca0, 0x1bca3 }, /* controls of shorthand */
	{ 0x1d173, 0x1d17a }, /* controls of music */
	{ 0xe0000, 0xe0fff }, /* tags, variation selectors, set aside */
};

size_t
invisible_at(struct span s)
{
	uint32_t c;

	if (s.len == 0 || (unsigned char)s.ptr[0] < 0x80)
		return 0; /* nearly all */
	size_t n = span_character(s, &c);
	for (size_t i = 0; n > 0 && i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return n;
	return 0;
}

size_t
invisible_find(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (invisible_at(span_after(s, i)) > 0)
			return i;
	return s.len;
}

/* The bytes of the invisible character that s ends with; 0 if none. */
static size_t
at_end(struct span s)
{
	for (size_t n = 2; n <= 4 && n <= s.len; n++)
		if (invisible_at(span_after(s, s.len - n)) == n)
			return n;
	return 0;
}

size_t
invisible_trim(struct span *s)
{
	const char *begin = s->ptr;
	size_t n;

	while ((n = invisible_at(*s)) > 0)
		*s = span_after(*s, n);
	while ((n = at_end(*s)) > 0)
		s->len -= n;
	return (size_t)(s->ptr - begin);
}
