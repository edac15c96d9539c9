/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "base/lines.h"

/* Says where in the text the byte at is. */
static void
place(struct error *e, struct span text, const char *at)
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
		place(e, text, nul);
		return error_set(e, "a NUL byte: expected text");
	}
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		const char *at = find_break(text, &breaks[i]);
		if (at == NULL)
			continue;
		place(e, text, at);
		return error_set(e, "%s inside a line: expected a newline",
				 breaks[i].name);
	}
	if (text.ptr[text.len - 1] == '\n')
		return true;
	place(e, text, text.ptr + text.len);
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
