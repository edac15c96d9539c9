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

/* The first carriage return that is no part of a line's end; NULL if none. */
static const char *
find_stray_return(struct span text)
{
	const char *end = text.ptr + text.len, *at = text.ptr;

	while ((at = memchr(at, '\r', (size_t)(end - at))) != NULL) {
		if (end - at < 2 || at[1] != '\n')
			return at;
		at++;
	}
	return NULL;
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
	/* Some editors show a new line, and it could be in a comment here. */
	const char *stray = find_stray_return(text);
	if (stray != NULL) {
		place(e, text, stray);
		return error_set(e, "a carriage return inside a line: expected "
				    "a newline");
	}
	if (text.ptr[text.len - 1] == '\n')
		return true;
	place(e, text, text.ptr + text.len);
	return error_set(e, "the last line has no end: expected a newline "
			    "(is the file still being written?)");
}

struct span
lines_begin(struct span text)
{
	struct span byte_order_mark = SPAN("\xef\xbb\xbf");

	return span_starts(text, byte_order_mark)
		       ? span_after(text, byte_order_mark.len)
		       : text;
}
