/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hex.h"
#include "policy/grant.h"
#include "policy/role.h"
#include "policy/value.h"

/* Bytes of all groups, or of all roles, with the user id in them: as long as an
 * option's value with the prefixes of its roles, and short enough for a socket
 * to take the whole answer at once, whose bytes JSON may double (208 KiB
 * unless more is set, socket(7)). */
enum { GRANT_MADE_MAX = 40960 };

/* The digits of a digest as the user id. */
static bool
take_digits(const struct thumbprint *t, struct decision *d)
{
	char digits[2 * DIGEST_MAX_SIZE];

	hex_encode(t->digest, thumbprint_size(t->kind), digits);
	buffer_clear(&d->user);
	buffer_add(&d->user,
		   (struct span){ digits, 2 * thumbprint_size(t->kind) });
	d->grant.user = buffer_span(&d->user);
	return !d->user.failed;
}

bool
grant_thumbprint(struct decision *d)
{
	return take_digits(&d->sha1, d);
}

static bool
is_name(enum user_source source)
{
	return source == USER_COMMON_NAME || source == USER_ALTERNATIVE_NAME;
}

/* Return the source of the user id if the entry has none.  The holder of a key
 * can get any name in a certificate, so a public key has no name. */
static enum user_source
default_source(const struct client *c, const struct entry *entry)
{
	enum user_source source = c->settings->user_id;

	if (entry->pin.kind == THUMBPRINT_SPKI &&
	    (source == USER_DEFAULT || is_name(source)))
		return USER_PIN;
	if (entry->trust == NULL ||
	    (source != USER_DEFAULT && !is_name(source)))
		return source;
	/* A name that the entry does not limit could be that of another
	 * client. */
	if (entry->terms->common_name == NULL)
		return USER_ALTERNATIVE_NAME;
	if (entry->terms->alternative_name == NULL || source == USER_DEFAULT)
		return USER_COMMON_NAME;
	return source;
}

/* The pin or the chain vouches for the bytes of content, and so for the names
 * in it. */
static bool
take_source(struct client *c, enum user_source source, struct decision *d)
{
	switch (source) {
	case USER_PIN:
		return take_digits(&d->entry->pin, d);
	case USER_THUMBPRINT:
		return grant_thumbprint(d);
	case USER_DEFAULT:
		d->grant.user = client_name_text(c, USER_COMMON_NAME);
		return !span_empty(d->grant.user) || take_digits(&d->sha1, d);
	case USER_COMMON_NAME:
	case USER_ALTERNATIVE_NAME:
		d->grant.user = client_name_text(c, source);
		return !span_empty(d->grant.user);
	case USER_ENTRY:
	case USER_LITERAL:
		break;
	}
	return true;
}

static enum user_source
entry_source(const struct entry *entry)
{
	return entry->user_source;
}

enum user_source
grant_source(const struct client *c, const struct entry *entry)
{
	enum user_source source = entry_source(entry);

	return source == USER_DEFAULT ? default_source(c, entry) : source;
}

/* The entry's user, else what the settings say; an id that came with the
 * client's token stays unless the entry has one. */
bool
grant_user(struct client *c, struct decision *d)
{
	enum user_source source = grant_source(c, d->entry);

	if (source == USER_LITERAL) {
		d->grant.user = span_of(d->entry->user);
		return true;
	}
	if (entry_source(d->entry) == USER_DEFAULT &&
	    !span_empty(c->request->user))
		return true;
	if (take_source(c, source, d))
		return true;
	d->reason = REASON_NO_USER_ID;
	return false;
}

/* The first of the entry's subprotocols that the client offers. */
static void
take_subprotocol(const struct client *c, struct decision *d)
{
	char *const *offer = d->entry->terms->subprotocols;

	for (; offer != NULL && *offer != NULL; offer++) {
		if (!event_offers(c->event, span_of(*offer)))
			continue;
		d->grant.subprotocol = span_of(*offer);
		return;
	}
}

/* An array of groups or roles with the user id in the place of {user}; NULL,
 * and the reason in d, if one of them is none that the service has, or all
 * together are too long. */
static char **
with_user(char *const *items, bool roles, struct span user, struct decision *d)
{
	size_t n = 0, size = 0;

	while (items[n] != NULL)
		n++;
	char **made = calloc(n + 1, sizeof(*made));
	bool ok = made != NULL;
	d->reason = ok ? REASON_GRANT : REASON_INTERNAL;
	for (size_t i = 0; ok && i < n; i++) {
		made[i] = role_fill(span_of(items[i]), roles, user);
		size += made[i] == NULL ? 0 : strlen(made[i]);
		ok = made[i] != NULL && size <= GRANT_MADE_MAX;
	}
	if (ok)
		return made;
	value_free_items(made);
	return NULL;
}

/* Groups and roles as they stand in the entry, or made for this user. */
static bool
take_lists(const struct client *c, struct decision *d)
{
	const struct terms *terms = d->entry->terms;
	bool groups = role_has_user(terms->groups);
	bool roles = role_has_user(terms->roles);
	struct span user = d->grant.user;

	d->grant.groups = terms->groups;
	d->grant.roles = terms->roles;
	if (!groups && !roles)
		return true;
	if (span_empty(user))
		user = c->request->user;
	if (span_empty(user)) {
		d->reason = REASON_NO_USER_ID;
		return false;
	}
	if (groups)
		d->grant.groups = d->groups =
			with_user(terms->groups, false, user, d);
	if (groups && d->groups == NULL)
		return false;
	if (roles)
		d->grant.roles = d->roles =
			with_user(terms->roles, true, user, d);
	return !roles || d->roles != NULL;
}

bool
grant_take(struct client *c, struct decision *d)
{
	const struct terms *terms = d->entry->terms;

	if (!grant_user(c, d))
		return false;
	if (terms != NULL) {
		if (!take_lists(c, d))
			return false;
		take_subprotocol(c, d);
	}
	d->grants = !span_empty(d->grant.user) || d->grant.groups != NULL ||
		    d->grant.roles != NULL || !span_empty(d->grant.subprotocol);
	return true;
}
