/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/role.h"

enum { STARS_MAX = 5 };

static const char *const words[] = {
	[ROLE_JOIN_LEAVE_GROUP] = "webpubsub.joinLeaveGroup",
	[ROLE_SEND_TO_GROUP] = "webpubsub.sendToGroup",
};

static bool
matches(const char *pattern, const char *name)
{
	while (*pattern != '\0') {
		if (*pattern == '*') {
			bool dots = pattern[1] == '*';
			pattern += dots ? 2 : 1;
			for (;; name++) {
				if (matches(pattern, name))
					return true;
				if (*name == '\0' || (*name == '.' && !dots))
					return false;
			}
		}
		if (*pattern == '?') {
			if (*name == '\0' || *name == '.')
				return false;
			name += g_utf8_skip[(guchar)*name];
			pattern++;
			continue;
		}
		if (*pattern == '\\' && pattern[1] != '\0')
			pattern++;
		if (*pattern++ != *name++)
			return false;
	}
	return *name == '\0';
}

bool
role_pattern_matches(const char *pattern, const char *name)
{
	unsigned stars = 0;

	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '*')
			stars++;
	}
	return stars <= STARS_MAX && matches(pattern, name);
}

static bool
permits(const char *role, const char *word, const char *group)
{
	if (!g_str_has_prefix(role, word))
		return false;
	role += strlen(word);
	if (*role == '\0')
		return true;
	if (*role == '.')
		return strcmp(role + 1, group) == 0;
	return g_str_has_prefix(role, "s.") &&
	       role_pattern_matches(role + strlen("s."), group);
}

bool
role_permits(const GPtrArray *roles, enum role_action action, const char *group)
{
	for (guint i = 0; i < roles->len; i++) {
		if (permits(roles->pdata[i], words[action], group))
			return true;
	}
	return false;
}

char *
role_of_permission(const char *permission, const char *group)
{
	for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
		if (strcmp(permission, words[i] + strlen("webpubsub.")) == 0)
			return g_strconcat(words[i], group ? "." : NULL, group,
					   NULL);
	}
	return NULL;
}
