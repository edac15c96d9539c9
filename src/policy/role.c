/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "policy/form.h"
#include "policy/role.h"

enum {
	WILDCARDS_MAX = 5, /* in one pattern; constraint of the service */
	ROLE_MAX = 2048 /* bytes with the prefix */
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

bool
role_is_target(struct span target)
{
	return target.len <= ROLE_GROUP_MAX && !span_empty(span_trim(target)) &&
	       span_is_text(target);
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

bool
role_is_pattern(struct span role)
{
	struct span target;
	const struct verb *verb = find_verb(role, &target);

	return verb != NULL && verb->patterns;
}

bool
role_is_valid(struct span role, struct error *e)
{
	struct span target;
	const struct verb *verb = find_verb(role, &target);

	if (verb != NULL && target.ptr == NULL && !verb->patterns)
		return true;
	if (verb != NULL && target.ptr != NULL && role_is_target(target) &&
	    (!verb->patterns || is_pattern(target)))
		return true;
	return form_fault(
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
