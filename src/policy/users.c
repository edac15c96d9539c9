/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "policy/decision.h"
#include "policy/grant.h"
#include "policy/match.h"
#include "policy/users.h"

struct teller {
	struct decision decision; /* has the buffers of names */
	void (*take)(void *context, const struct user *user);
	void *context;
};

/* Without the certificate itself, its names are not known, nor whether it has
 * any. */
static bool
is_certain(const struct client *c, enum user_source source)
{
	return c->has_content || source == USER_LITERAL || source == USER_PIN ||
	       source == USER_THUMBPRINT;
}

static bool
tell(struct client *c, const struct entry *entry, void *context)
{
	struct teller *teller = context;
	struct decision *d = &teller->decision;
	enum user_source source = grant_source(c, entry);
	struct user user = { .entry = entry,
			     .certain = is_certain(c, source),
			     .settled = entry->user_source != USER_DEFAULT };

	if (entry->trust != NULL && !match_is_named(c, entry))
		return false;
	d->entry = entry;
	d->grant.user = (struct span){ 0 };
	if (grant_user(c, d))
		user.id = d->grant.user;
	teller->take(teller->context, &user);
	return false;
}

static void
tell_reported(struct teller *teller)
{
	struct user user = { .certain = true };

	if (teller->decision.sha1.kind == THUMBPRINT_NONE ||
	    !grant_thumbprint(&teller->decision))
		return;
	user.id = teller->decision.grant.user;
	teller->take(teller->context, &user);
}

/* What is known of the certificate. */
static bool
know(struct client *c, struct span der, const struct thumbprint *pin)
{
	if (der.ptr != NULL)
		return client_read(c, der);
	if (pin->kind == THUMBPRINT_SHA1)
		c->sha1 = *pin;
	else if (pin->kind == THUMBPRINT_SHA256)
		c->sha256 = *pin;
	else if (pin->kind == THUMBPRINT_SPKI)
		c->spki = *pin;
	return true;
}

/* Take what the store has for the client. */
static bool
take_stored(struct client *c)
{
	if (c->list->store == NULL)
		return true;
	return stored_begin(c->stored, c->list->store) && client_take_stored(c);
}

bool
users_tell(const struct settings *settings, const struct list *list,
	   struct span der, const struct thumbprint *pin, int64_t now,
	   void (*take)(void *context, const struct user *user), void *context)
{
	struct teller teller = { .take = take, .context = context };
	const struct request request = { 0 };
	struct event event = { 0 };
	struct client c = {
		.settings = settings,
		.list = list,
		.stored = &teller.decision.stored,
		.request = &request,
		.event = &event,
		.now = now,
		.common_name = { .text = &teller.decision.common_name },
		.alternative_name = { .text = &teller.decision
						       .alternative_name },
	};

	decision_init(&teller.decision);
	bool ok = know(&c, der, pin) && take_stored(&c);
	teller.decision.sha1 = c.sha1;
	if (ok) {
		match_each(&c, tell, &teller);
		if (settings->report_only_until > 0)
			tell_reported(&teller);
	}
	client_free(&c);
	decision_free(&teller.decision);
	return ok;
}
