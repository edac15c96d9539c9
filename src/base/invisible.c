/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "base/invisible.h"

/* In UTF-8; names from the Unicode Character Database. */
static const struct span characters[] = {
	{ "\xc2\xa0", 2 }, /* U+00A0 no-break space */
	{ "\xc2\xad", 2 }, /* U+00AD soft hyphen */
	{ "\xd8\x9c", 2 }, /* U+061C Arabic letter mark */
	{ "\xe2\x80\x8b", 3 }, /* U+200B zero width space */
	{ "\xe2\x80\x8c", 3 }, /* U+200C zero width non-joiner */
	{ "\xe2\x80\x8d", 3 }, /* U+200D zero width joiner */
	{ "\xe2\x80\x8e", 3 }, /* U+200E left-to-right mark */
	{ "\xe2\x80\x8f", 3 }, /* U+200F right-to-left mark */
	{ "\xe2\x80\xa8", 3 }, /* U+2028 line separator */
	{ "\xe2\x80\xa9", 3 }, /* U+2029 paragraph separator */
	{ "\xe2\x80\xaa", 3 }, /* U+202A left-to-right embedding */
	{ "\xe2\x80\xab", 3 }, /* U+202B right-to-left embedding */
	{ "\xe2\x80\xac", 3 }, /* U+202C pop directional formatting */
	{ "\xe2\x80\xad", 3 }, /* U+202D left-to-right override */
	{ "\xe2\x80\xae", 3 }, /* U+202E right-to-left override */
	{ "\xe2\x80\xaf", 3 }, /* U+202F narrow no-break space */
	{ "\xe2\x81\xa0", 3 }, /* U+2060 word joiner */
	{ "\xe2\x81\xa6", 3 }, /* U+2066 left-to-right isolate */
	{ "\xe2\x81\xa7", 3 }, /* U+2067 right-to-left isolate */
	{ "\xe2\x81\xa8", 3 }, /* U+2068 first strong isolate */
	{ "\xe2\x81\xa9", 3 }, /* U+2069 pop directional isolate */
	{ "\xef\xbb\xbf", 3 }, /* U+FEFF byte order mark */
};

size_t
invisible_at(struct span s)
{
	if (s.len == 0 || (unsigned char)s.ptr[0] < 0x80)
		return 0; /* nearly all */
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++)
		if (span_starts(s, characters[i]))
			return characters[i].len;
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
	for (size_t n = 2; n <= 3 && n <= s.len; n++)
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
