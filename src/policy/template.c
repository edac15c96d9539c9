/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "base/buffer.h"
#include "policy/option.h"
#include "policy/role.h"
#include "policy/template.h"

enum { FILLED_MAX = 4096 /* bytes; more than any group or role has */ };

static const struct span mark = SPAN_TEXT("{user}");

bool
template_has_user(struct span text)
{
	return span_contains(text, mark);
}

/* So that in a pattern text stands for itself. */
static void
add_escaped(struct buffer *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (strchr("\\*?", text.ptr[i]) != NULL)
			buffer_add_byte(out, '\\');
		buffer_add_byte(out, text.ptr[i]);
	}
}

/* How many bytes of text, which is not empty, come before the next mark; in a
 * pattern, what a backslash takes away stays away. */
static size_t
before_mark(struct span text, bool pattern)
{
	size_t n = 0;

	while (n < text.len && !span_starts(span_after(text, n), mark))
		n += pattern && text.ptr[n] == '\\' && n + 1 < text.len ? 2 : 1;
	return n;
}

static void
fill(struct buffer *out, struct span text, bool pattern, struct span user)
{
	while (text.len > 0) {
		size_t n = before_mark(text, pattern);
		buffer_add(out, (struct span){ text.ptr, n });
		text = span_after(text, n);
		if (text.len == 0)
			break;
		if (pattern)
			add_escaped(out, user);
		else
			buffer_add(out, user);
		text = span_after(text, mark.len);
	}
}

char *
template_fill(struct span text, bool role, struct span user)
{
	struct error e = { 0 };
	struct buffer out;

	if (!template_has_user(text))
		return span_copy(text);
	buffer_init(&out, FILLED_MAX);
	fill(&out, text, role && role_is_pattern(text), user);
	struct span made = buffer_span(&out);
	bool ok = !out.failed &&
		  (role ? role_is_valid(made, &e) : option_is_group(made, &e));
	buffer_add_byte(&out, '\0');
	if (ok && !out.failed)
		return out.data;
	buffer_free(&out);
	return NULL;
}
