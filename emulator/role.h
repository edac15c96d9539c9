/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * role: what a client may do in groups.
 *
 * webpubsub.joinLeaveGroup and webpubsub.sendToGroup are for all groups, with
 * .NAME for one; the plural words take a pattern: ? is one character but ".",
 * * any run without ".", ** any run, \ escapes; at most five * in one.
 */
#ifndef CERTGATE_EMULATOR_ROLE_H
#define CERTGATE_EMULATOR_ROLE_H

#include <glib.h>
#include <stdbool.h>

enum role_action { ROLE_JOIN_LEAVE_GROUP, ROLE_SEND_TO_GROUP };

/* roles: of char *, as in a token. */
bool role_permits(const GPtrArray *roles, enum role_action action,
		  const char *group);

bool role_pattern_matches(const char *pattern, const char *name);

/* The role that a permission of the REST API stands for, for one group or, if
 * group is NULL, all; NULL if there is no such permission.  The caller frees
 * it. */
char *role_of_permission(const char *permission, const char *group);

#endif
