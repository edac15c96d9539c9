/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

void
lines_place(struct error *e, struct span text, const char *at)
{
	const char *begin = text.ptr;
	unsigned line = 1;

	for (const char *p = text.ptr; p < at; p++) {
		if (*p != '\n')
			continue;
		line++;
		begin = p + 1;
	}
	error_at(e, line, (unsigned)(at - begin) + 1);
}

/* What editors show as a new line though none begins here (Unicode UAX 14,
 * mandatory breaks): what stands behind one in a comment would look like an
 * entry. */
static const struct line_break {
	struct span bytes;
	const char *name;
} breaks[] = {
	{ SPAN_TEXT("\r"), "a carriage return" },
	{ SPAN_TEXT("\v"), "a vertical tab" },
	{ SPAN_TEXT("\f"), "a form feed" },
	{ SPAN_TEXT("\xc2\x85"), "U+0085 (next line)" },
	{ SPAN_TEXT("\xe2\x80\xa8"), "U+2028 (line separator)" },
	{ SPAN_TEXT("\xe2\x80\xa9"), "U+2029 (paragraph separator)" },
};

/* Where the next one in text is; NULL if there is none.  A carriage return
 * before a newline is part of the line's end. */
static const char *
find_break(struct span text, const struct line_break *what)
{
	const char *end = text.ptr + text.len, *at = text.ptr;

	for (;; at++) {
		at = memchr(at, what->bytes.ptr[0], (size_t)(end - at));
		if (at == NULL)
			return NULL;
		struct span rest = { at, (size_t)(end - at) };
		if (span_starts(rest, what->bytes) &&
		    !span_starts(rest, SPAN("\r\n")))
			return at;
	}
}

bool
lines_check(struct span text, struct error *e)
{
	if (text.len == 0)
		return true;
	const char *nul = memchr(text.ptr, '\0', text.len);
	if (nul != NULL) {
		lines_place(e, text, nul);
		if ((text.len > 1 &&
		     (text.ptr[0] == '\0') != (text.ptr[1] == '\0')) ||
		    span_starts(text, SPAN("\xff\xfe")) ||
		    span_starts(text, SPAN("\xfe\xff")))
			return error_set(e, "a NUL byte of UTF-16: expected "
					    "UTF-8 (fix: convert the file to "
					    "UTF-8, for example with iconv)");
		return error_set(e, "a NUL byte: expected text");
	}
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		const char *at = find_break(text, &breaks[i]);
		if (at == NULL)
			continue;
		lines_place(e, text, at);
		return error_set(e, "%s inside a line: expected a newline",
				 breaks[i].name);
	}
	if (text.ptr[text.len - 1] == '\n')
		return true;
	lines_place(e, text, text.ptr + text.len);
	return error_set(e, "the last line has no end: expected a newline "
			    "(is the file still being written?)");
}

bool
lines_any(struct span text)
{
	size_t i = 0;

	while (i < text.len && strchr(" \t\r\n", text.ptr[i]) != NULL &&
	       text.ptr[i] != '\0')
		i++;
	return i < text.len;
}

struct span
lines_begin(struct span text)
{
	struct span byte_order_mark = SPAN("\xef\xbb\xbf");

	return span_starts(text, byte_order_mark)
		       ? span_after(text, byte_order_mark.len)
		       : text;
}

bool
lines_start(struct span *text, const char *what, struct report *report,
	    struct error *e)
{
	if (!lines_check(*text, e) && !error_report(report, e))
		return false;
	*text = lines_begin(*text);
	/* As a copy to a full disk leaves it. */
	return text->ptr == NULL || lines_any(*text) ||
	       error_set(e, "empty: expected %s, or a comment", what) ||
	       error_report(report, e);
}

static const struct range {
	uint32_t first, last;
} ranges[] = {
	/* Shown as a blank, or as the end of a line. */
	{ 0xa0, 0xa0 }, /* no-break space */
	{ 0x1680, 0x1680 }, /* Ogham space mark */
	{ 0x2000, 0x200a }, /* quads and spaces of a width */
	{ 0x2028, 0x2029 }, /* line separator, paragraph separator */
	{ 0x202f, 0x202f }, /* narrow no-break space */
	{ 0x205f, 0x205f }, /* medium mathematical space */
	{ 0x2800, 0x2800 }, /* Braille pattern without a dot */
	{ 0x3000, 0x3000 }, /* ideographic space */
	{ 0x1d159, 0x1d159 }, /* musical symbol null notehead */
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
	{ 0xfff0, 0xfffc }, /* set aside, annotation, object replacement */
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
		if ((unsigned char)s.ptr[i] >= 0x80 &&
		    invisible_at(span_after(s, i)) > 0)
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
