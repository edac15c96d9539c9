/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * role: groups, and what a client may do, in the service's words.
 *
 * `webpubsub.joinLeaveGroup` and `webpubsub.sendToGroup` for all groups, with
 * `.GROUP` for one, in the plural with `.PATTERN` for those that match; the
 * prefix `webpubsub.` may be left out.
 */
#ifndef CERTGATE_POLICY_ROLE_H
#define CERTGATE_POLICY_ROLE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"

/* A group's name as the service has them: text that is not blank. */
bool role_check_group(struct span group, struct error *e);

bool role_check(struct span role, struct error *e);

/* Put the prefix before those of roles (ended by NULL, each owned) that lack
 * it; false if there is no memory. */
bool role_complete(char **roles, struct error *e)
	__attribute__((warn_unused_result));

/* True if {user} is in one of items (ended by NULL; NULL: none). */
bool role_has_user(char *const *items);

/*
 * text, a group or (role) a role in the service's words, with user in the
 * place of each {user}.  In a role's pattern the characters of user stand for
 * themselves, whatever they are, and a {user} behind a backslash is text.
 * Gives: free().  NULL if there is no memory, or if what comes out is none that
 * the service has.
 */
char *role_fill(struct span text, bool role, struct span user);

#endif
