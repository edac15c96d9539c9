/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "policy/role.h"
#include "policy/value.h"

enum {
	WILDCARDS_MAX = 5, /* in one pattern; constraint of the service */
	GROUP_MAX = 1024, /* bytes; the service has as many characters */
	ROLE_MAX = 2048, /* bytes with the prefix */
	FILLED_MAX = 4096 /* bytes; more than any group or role has */
};

static const struct span prefix = { "webpubsub.", 10 };

/* '?', '*' and '**' are wildcards, '\' escapes one character. */
static bool
is_pattern(struct span pattern)
{
	unsigned wildcards = 0;

	for (size_t i = 0; i < pattern.len; i++) {
		char c = pattern.ptr[i];
		if (c == '\\' && ++i == pattern.len)
			return false;
		if (c == '*') {
			wildcards++;
			if (i + 1 < pattern.len && pattern.ptr[i + 1] == '*')
				i++;
		}
	}
	return wildcards <= WILDCARDS_MAX;
}

/* What can stand behind the dot: a group's name as the service has them, text
 * that is not blank, or a pattern, which is not looked into. */
static bool
is_target(struct span target)
{
	return target.len <= GROUP_MAX && !span_empty(span_trim(target)) &&
	       span_is_text(target);
}

bool
role_check_group(struct span group, struct error *e)
{
	return is_target(group) ||
	       value_fault(e, "a group", group, "1 to %d bytes of text",
			   GROUP_MAX);
}

static const struct verb {
	struct span name;
	bool patterns; /* needs one */
} verbs[] = {
	{ SPAN_TEXT("joinLeaveGroup"), false },
	{ SPAN_TEXT("sendToGroup"), false },
	{ SPAN_TEXT("joinLeaveGroups"), true },
	{ SPAN_TEXT("sendToGroups"), true },
};

/* NULL if there is none; else *target is what stands behind it, absent if
 * nothing does. */
static const struct verb *
find_verb(struct span role, struct span *target)
{
	struct span name;

	*target = role;
	if (span_starts(*target, prefix))
		*target = span_after(*target, prefix.len);
	span_next(target, ".", &name);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (span_equal(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

/* Of the two verbs in the plural, whose target is a pattern. */
static bool
is_pattern_role(struct span role)
{
	struct span target;
	const struct verb *verb = find_verb(role, &target);

	return verb != NULL && verb->patterns;
}

bool
role_check(struct span role, struct error *e)
{
	struct span target;
	const struct verb *verb = find_verb(role, &target);

	if (verb != NULL && target.ptr == NULL && !verb->patterns)
		return true;
	if (verb != NULL && target.ptr != NULL && is_target(target) &&
	    (!verb->patterns || is_pattern(target)))
		return true;
	return value_fault(
		e, "a role", role,
		"joinLeaveGroup or sendToGroup, alone or with .GROUP, or "
		"joinLeaveGroups or sendToGroups with .PATTERN");
}

bool
role_complete(char **roles, struct error *e)
{
	for (; *roles != NULL; roles++) {
		struct buffer full;
		if (span_starts(span_of(*roles), prefix))
			continue;
		buffer_init(&full, ROLE_MAX);
		buffer_add(&full, prefix);
		buffer_add(&full, span_of(*roles));
		buffer_add_byte(&full, '\0');
		if (full.failed) {
			buffer_free(&full);
			return error_set(e, "role too long, or out of memory");
		}
		free(*roles);
		*roles = full.data;
	}
	return true;
}

static const struct span mark = SPAN_TEXT("{user}");

bool
role_has_user(char *const *items)
{
	while (items != NULL && *items != NULL &&
	       !span_contains(span_of(*items), mark))
		items++;
	return items != NULL && *items != NULL;
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
role_fill(struct span text, bool role, struct span user)
{
	struct error e = { 0 };
	struct buffer out;

	buffer_init(&out, FILLED_MAX);
	fill(&out, text, role && is_pattern_role(text), user);
	struct span made = buffer_span(&out);
	bool ok = !out.failed &&
		  (role ? role_check(made, &e) : role_check_group(made, &e));
	buffer_add_byte(&out, '\0');
	if (ok && !out.failed)
		return out.data;
	buffer_free(&out);
	return NULL;
}
