/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "admin/html.h"
#include "admin/print.h"
#include "base/date.h"
#include "protocol/digest.h"

void
html_add(struct buffer *out, const char *markup)
{
	buffer_add(out, span_of(markup));
}

void
html_format(struct buffer *out, const char *format, ...)
{
	enum { FORMATTED_MAX = 512 /* bytes; ours are shorter */ };
	char text[FORMATTED_MAX];
	va_list arguments;

	va_start(arguments, format);
	int n = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	out->failed |= n < 0 || n >= FORMATTED_MAX;
	buffer_add(out, span_of(text));
}

static struct span
entity_of(char c)
{
	switch (c) {
	case '<':
		return SPAN("&lt;");
	case '>':
		return SPAN("&gt;");
	case '&':
		return SPAN("&amp;");
	case '"':
		return SPAN("&#34;");
	case '\'':
		return SPAN("&#39;");
	default:
		return (struct span){ 0 };
	}
}

void
html_text(struct buffer *out, struct span text)
{
	while (text.len > 0) {
		struct span entity = entity_of(text.ptr[0]);
		size_t n = print_harmless(text);
		if (entity.ptr != NULL)
			buffer_add(out, entity);
		else if (n == 0)
			html_format(out, "\\x%02x", (uint8_t)text.ptr[0]);
		else
			buffer_add(out, (struct span){ text.ptr, n });
		text = span_after(text, n > 0 ? n : 1);
	}
}

void
html_time(struct buffer *out, int64_t seconds)
{
	struct date_time t;

	date_from_seconds(seconds, &t);
	html_format(out,
		    "<time datetime=\"%04d-%02d-%02dT%02d:%02d:%02dZ\">"
		    "%04d-%02d-%02d %02d:%02d:%02d</time>",
		    t.year, t.month, t.day, t.hour, t.minute, t.second, t.year,
		    t.month, t.day, t.hour, t.minute, t.second);
}

/* Add the source of an inline text (CSP Level 3, 2.3.1). */
void
html_source(struct buffer *out, struct span text)
{
	uint8_t digest[DIGEST_SHA256_SIZE];

	if (!digest_sha256(text, digest))
		return;
	html_add(out, "'sha256-");
	buffer_add_base64(out,
			  (struct span){ (const char *)digest, sizeof(digest) },
			  false);
	html_add(out, "'");
}
