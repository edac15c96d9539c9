/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <time.h>

#include "admin/outcome.h"
#include "admin/setup.h"
#include "policy/match.h"

static bool
is_current(const struct entry *entry, int64_t now)
{
	return !entry_has_expired(entry, now) &&
	       (entry->terms == NULL || now >= entry->terms->not_before);
}

static void
remark_setting(struct remarks *remarks, const struct thumbprint *pin,
	       bool denied)
{
	char text[THUMBPRINT_TEXT_SIZE];

	remarks_add(remarks, "CLIENT_CERT_THUMBPRINT still allows %s%s.",
		    thumbprint_text(pin, text),
		    denied ? "; the deny entry takes precedence" : "");
}

/* Note what the entry, which allows the target, does now.  Pins of the settings
 * are remarked. */
static bool
note_entry(struct client *c, const struct entry *entry, void *context)
{
	struct outcome *outcome = context;
	const struct entry **place = &outcome->allows;

	if (entry->line == 0)
		remark_setting(outcome->remarks, &entry->pin,
			       outcome->denies != NULL);
	if (entry->trust != NULL && !match_is_named(c, entry))
		return false;
	if (!is_current(entry, c->now))
		place = &outcome->ended;
	else if (entry->trust != NULL)
		place = &outcome->perhaps;
	if (*place == NULL || (*place)->line == 0)
		*place = entry;
	return false;
}

/* Set what is known of the certificate. */
static bool
set_client(struct client *c, const struct target *target)
{
	const struct thumbprint *pin = &target->main;

	if (target->der.len > 0)
		return client_read(c, buffer_span(&target->der));
	if (target->is_certificate || pin->kind == THUMBPRINT_SHA1)
		c->sha1 = target->is_certificate ? target->sha1 : *pin;
	if (target->is_certificate || pin->kind == THUMBPRINT_SHA256)
		c->sha256 = target->is_certificate ? target->sha256 : *pin;
	if (target->is_certificate || pin->kind == THUMBPRINT_SPKI)
		c->spki = target->is_certificate ? target->spki : *pin;
	return true;
}

static bool
is_allowed(const struct outcome *outcome)
{
	return outcome->known && outcome->allows != NULL &&
	       outcome->denies == NULL && !outcome->expired;
}

/* Take the entries that the store has for the target. */
static bool
take_stored(struct outcome *outcome, struct client *c,
	    const struct stored_source *store)
{
	if (store == NULL)
		return true;
	c->stored = &outcome->stored;
	return stored_begin(c->stored, store) && client_take_stored(c);
}

/* Ask list and store about the client. */
static void
ask(struct outcome *outcome, struct client *c)
{
	const struct settings *settings = c->settings;

	outcome->denies = match_deny(c);
	match_each(c, note_entry, outcome);
	/* One of a CA may deny what only the certificate says. */
	outcome->known = outcome->denies != NULL || c->has_content ||
			 c->list->n_denials == 0;
	/* A store that is not asked may allow it. */
	outcome->known &= outcome->denies != NULL || settings->store == NULL ||
			  c->stored != NULL;
	/* The list's terms win over CLIENT_CERT_THUMBPRINT. */
	if (outcome->allows != NULL && outcome->allows->line == 0 &&
	    outcome->ended != NULL && outcome->ended->trust == NULL)
		outcome->allows = NULL;
}

bool
outcome_find(struct outcome *outcome, const struct list *list,
	     const struct stored_source *store, struct error *e)
{
	const struct settings *settings = outcome->settings;
	const struct target *target = outcome->target;
	struct buffer common, alternative;
	struct client c = {
		.settings = settings,
		.list = list,
		.now = (int64_t)time(NULL),
		.common_name = { .text = &common },
		.alternative_name = { .text = &alternative },
	};

	buffer_init(&common, CERTIFICATE_NAME_MAX);
	buffer_init(&alternative, CERTIFICATE_NAME_MAX);
	outcome->known =
		target->main.kind != THUMBPRINT_NONE && set_client(&c, target);
	outcome->expired = target->not_after != 0 &&
			   target->not_after < c.now && !settings->ignore_dates;
	outcome->has_authorities = list->n_authorities > 0 && !c.has_content;
	bool ok = take_stored(outcome, &c, store) ||
		  error_set(e, "%s: an entry cannot be read", settings->store);
	if (ok && outcome->known)
		ask(outcome, &c);
	outcome->accepts = is_allowed(outcome);
	client_free(&c);
	buffer_free(&common);
	buffer_free(&alternative);
	return ok;
}

void
outcome_remark(const struct outcome *outcome)
{
	struct remarks *remarks = outcome->remarks;
	const char *of = outcome->target->der.len > 0 ? "The certificate is"
						      : "By this pin it is";
	const struct entry *allows =
		outcome->allows != NULL ? outcome->allows : outcome->perhaps;
	bool reports =
		settings_report_only(outcome->settings, (int64_t)time(NULL));
	char name[ENTRY_PLACE_SIZE];

	if (!outcome->known)
		remarks_add(remarks,
			    "The verdict on its clients is unknown "
			    "(fix: certgate explain%s FILE).",
			    setup_options(""));
	else if (outcome->denies != NULL)
		remarks_add(remarks, "%s rejected: %s denies it.", of,
			    entry_place(outcome->denies->line, name));
	else if (outcome->expired)
		remarks_add(remarks, "%s rejected: it has expired.", of);
	else if (allows != NULL)
		remarks_add(remarks, "%s %s: %s allows it%s.", of,
			    allows == outcome->allows ? "still accepted"
						      : "perhaps accepted",
			    entry_place(allows->line, name),
			    allows == outcome->allows
				    ? ""
				    : " if its chain is valid");
	else if (reports)
		remarks_add(remarks,
			    "%s still accepted: "
			    "CERTGATE_REPORT_ONLY_UNTIL allows it.",
			    of);
	else if (outcome->ended != NULL)
		remarks_add(remarks, "%s rejected: %s is not valid today.", of,
			    entry_place(outcome->ended->line, name));
	else
		remarks_add(remarks, "%s rejected: no entry matches%s.", of,
			    outcome->has_authorities
				    ? ", unless one of a CA does (fix: give "
				      "the file of the certificate)"
				    : "");
}

void
outcome_free(struct outcome *outcome)
{
	stored_free(&outcome->stored);
}
