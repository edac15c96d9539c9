/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* grant: what an accepted client is given: a user id, groups, roles. */
#ifndef CERTGATE_POLICY_GRANT_H
#define CERTGATE_POLICY_GRANT_H

#include <stdbool.h>

#include "policy/decision.h"
#include "policy/match.h"

/* Fill d->grant by d->entry; false, with the reason in d, if the entry asks
 * for something that the client does not have. */
bool grant_take(struct client *c, struct decision *d);

/* The same for the user id alone. */
bool grant_user(struct client *c, struct decision *d);

/* Return where entry takes the user id of a client without a token from. */
enum user_source grant_source(const struct client *c,
			      const struct entry *entry);

/* Make the digits of the label, d->sha1, the user id; false: no memory. */
bool grant_thumbprint(struct decision *d);

#endif
