/* SPDX-License-Identifier: ISC
 * Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/span.h"
#include "host/account.h"

/* Return the user with this name, or with this number if name is NULL; the
 * result is valid until the next call. */
static const struct passwd *
find_user(const char *name, uid_t number)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user = NULL;

	if (file == NULL)
		return NULL;
	while ((user = fgetpwent(file)) != NULL)
		if (name == NULL ? user->pw_uid == number
				 : strcmp(user->pw_name, name) == 0)
			break;
	fclose(file);
	return user;
}

static const struct group *
find_group(const char *name, gid_t number)
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *group = NULL;

	if (file == NULL)
		return NULL;
	while ((group = fgetgrent(file)) != NULL)
		if (name == NULL ? group->gr_gid == number
				 : strcmp(group->gr_name, name) == 0)
			break;
	fclose(file);
	return group;
}

void
account_user_name(uid_t user, char name[ACCOUNT_NAME_SIZE])
{
	const struct passwd *found = find_user(NULL, user);

	if (found == NULL)
		(void)snprintf(name, ACCOUNT_NAME_SIZE, "%u", user);
	else
		(void)snprintf(name, ACCOUNT_NAME_SIZE, "%s", found->pw_name);
}

void
account_group_name(gid_t group, char name[ACCOUNT_NAME_SIZE])
{
	const struct group *found = find_group(NULL, group);

	if (found == NULL)
		(void)snprintf(name, ACCOUNT_NAME_SIZE, "%u", group);
	else
		(void)snprintf(name, ACCOUNT_NAME_SIZE, "%s", found->gr_name);
}

bool
account_user(const char *name, uid_t *user, gid_t *group)
{
	const struct passwd *found = find_user(name, 0);

	if (found == NULL)
		return false;
	*user = found->pw_uid;
	*group = found->pw_gid;
	return true;
}

bool
account_home(uid_t user, char *home, size_t size)
{
	const struct passwd *found = find_user(NULL, user);

	if (found == NULL || found->pw_dir[0] != '/')
		return false;
	int n = snprintf(home, size, "%s", found->pw_dir);
	return n > 0 && (size_t)n < size;
}

bool
account_group(const char *name, gid_t *group)
{
	const struct group *found = find_group(name, 0);
	uint64_t number;

	if (found == NULL &&
	    !span_number(span_of(name), 0, UINT32_MAX - 1, &number))
		return false;
	*group = found == NULL ? (gid_t)number : found->gr_gid;
	return true;
}

static bool
is_member(const struct group *group, const char *name)
{
	for (char **member = group->gr_mem; *member != NULL; member++)
		if (strcmp(*member, name) == 0)
			return true;
	return false;
}

static bool
has_word(const char *words, const char *name)
{
	struct span rest = span_of(words), word;

	while (span_next(&rest, " ", &word))
		if (span_equal(word, span_of(name)))
			return true;
	return false;
}

/* Set the first group, the groups of the user in /etc/group, and more. */
static bool
set_groups(const char *name, gid_t first, const char *more)
{
	gid_t groups[NGROUPS_MAX] = { first };
	size_t count = 1;
	const struct group *group;
	FILE *file = fopen("/etc/group", "re");

	if (file == NULL)
		return false;
	while (count < NGROUPS_MAX && (group = fgetgrent(file)) != NULL)
		if (is_member(group, name) || has_word(more, group->gr_name))
			groups[count++] = group->gr_gid;
	fclose(file);
	return setgroups(count, groups) == 0;
}

bool
account_become(const char *name, uid_t user, gid_t group, const char *more)
{
	return set_groups(name, group, more) && setgid(group) == 0 &&
	       setuid(user) == 0;
}
