/* SPDX-License-Identifier: ISC
 * Copyright The certgate authors
 *
 * The users and groups of /etc/passwd and /etc/group; those of a directory
 * service have numbers alone.  The C library's own search loads shared files,
 * which a static program cannot. */
#ifndef CERTGATE_HOST_ACCOUNT_H
#define CERTGATE_HOST_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	ACCOUNT_NAME_SIZE = 257, /* bytes with the NUL; LOGIN_NAME_MAX + 1 */
};

/* A user's name, or the digits of its number. */
void account_user_name(uid_t user, char name[ACCOUNT_NAME_SIZE]);
void account_group_name(gid_t group, char name[ACCOUNT_NAME_SIZE]);

/* Whether there is such a user; group: its first group. */
bool account_user(const char *name, uid_t *user, gid_t *group)
	__attribute__((warn_unused_result));

/* Whether /etc/passwd has an absolute path as this user's home folder, and it
 * fits. */
bool account_home(uid_t user, char *home, size_t size)
	__attribute__((warn_unused_result));

/* The group of a name or of digits; whether there is one. */
bool account_group(const char *name, gid_t *group)
	__attribute__((warn_unused_result));

/* Become the user, with this first group, those that the user is in, and the
 * groups named in more, with blanks between; errno on failure. */
bool account_become(const char *name, uid_t user, gid_t group, const char *more)
	__attribute__((warn_unused_result));

#endif
