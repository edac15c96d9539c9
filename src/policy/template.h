/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* template: groups and roles with {user} in them. */
#ifndef CERTGATE_POLICY_TEMPLATE_H
#define CERTGATE_POLICY_TEMPLATE_H

#include <stdbool.h>

#include "base/span.h"

/* True if {user} stands in text. */
bool template_has_user(struct span text);

/*
 * text, a group or (role) a role in the service's words, with user in the
 * place of each {user}.  In a role's pattern the characters of user stand for
 * themselves, whatever they are, and a {user} behind a backslash is text.
 * Gives: free().  NULL if there is no memory, or if what comes out is none that
 * the service has.
 */
char *template_fill(struct span text, bool role, struct span user);

#endif
