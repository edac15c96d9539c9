/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * role: what a client may do, in the service's words.
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

enum { ROLE_GROUP_MAX = 1024 /* bytes; the service has as many characters */ };

/* What can stand behind the dot: a group's name as the service has them, text
 * that is not blank, or a pattern, which is not looked into. */
bool role_is_target(struct span target);

bool role_is_valid(struct span role, struct error *e);

/* Of the two verbs in the plural, whose target is a pattern. */
bool role_is_pattern(struct span role);

/* Puts the prefix before those of roles (ended by NULL, each owned) that lack
 * it; false if there is no memory. */
bool role_complete(char **roles, struct error *e)
	__attribute__((warn_unused_result));

#endif
