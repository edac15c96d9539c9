/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "base/hex.h"
#include "policy/grant.h"

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

static bool
is_name(enum user_source source)
{
	return source == USER_COMMON_NAME || source == USER_ALTERNATIVE_NAME;
}

/* Where the user id comes from if the entry does not say.  Whoever holds a key
 * can have any name written beside it, so a public key has no name. */
static enum user_source
default_source(const struct client *c, const struct entry *entry)
{
	enum user_source source = c->settings->user_id;

	if (entry->pin.kind == THUMBPRINT_SPKI &&
	    (source == USER_DEFAULT || is_name(source)))
		return USER_PIN;
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
		return take_digits(&d->sha1, d);
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

/* The entry's user, else what the settings say; an id that came with the
 * client's token stays unless the entry has one. */
static bool
take_user(struct client *c, struct decision *d)
{
	const struct terms *terms = d->entry->terms;
	enum user_source source =
		terms == NULL ? USER_DEFAULT : terms->user_source;

	if (source == USER_LITERAL) {
		d->grant.user = span_of(terms->user);
		return true;
	}
	if (source == USER_DEFAULT) {
		if (!span_empty(c->request->user))
			return true;
		source = default_source(c, d->entry);
	}
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

bool
grant_take(struct client *c, struct decision *d)
{
	const struct terms *terms = d->entry->terms;

	if (!take_user(c, d))
		return false;
	if (terms != NULL) {
		d->grant.groups = terms->groups;
		d->grant.roles = terms->roles;
		take_subprotocol(c, d);
	}
	d->grants = !span_empty(d->grant.user) || d->grant.groups != NULL ||
		    d->grant.roles != NULL || !span_empty(d->grant.subprotocol);
	return true;
}
