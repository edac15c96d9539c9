/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "base/hex.h"
#include "policy/decide.h"
#include "protocol/certificate.h"
#include "protocol/pem.h"

/* What came of the client, read. */
struct client {
	const struct settings *settings;
	const struct list *list;
	const struct request *request;
	const struct event *event;
	int64_t now;
	bool has_content;
	struct certificate certificate; /* with has_content */
};

void
decision_init(struct decision *d)
{
	*d = (struct decision){ 0 };
	buffer_init(&d->user, CERTIFICATE_NAME_MAX);
	buffer_init(&d->der, PEM_MAX);
}

void
decision_free(struct decision *d)
{
	buffer_free(&d->user);
	buffer_free(&d->der);
	decision_init(d);
}

void
decision_clear(struct decision *d)
{
	struct buffer user = d->user, der = d->der;

	buffer_clear(&user);
	buffer_clear(&der);
	*d = (struct decision){ .user = user, .der = der };
}

/* Each check leaves d->reason and says whether to go on. */
static bool
refuse(struct decision *d, enum reason reason)
{
	d->reason = reason;
	return false;
}

static bool
check_presented(const struct client *c, struct decision *d)
{
	switch (c->event->presented) {
	case PRESENTED_ONE:
		return true;
	case PRESENTED_NONE:
		return refuse(d, REASON_NO_CERTIFICATE);
	case PRESENTED_TOO_MANY:
		return refuse(d, REASON_TOO_MANY_CERTIFICATES);
	case PRESENTED_UNREADABLE:
		break;
	}
	return refuse(d, REASON_CERTIFICATE);
}

/* The label is a claim: with content, it must be the SHA-1 of that. */
static bool
check_certificate(struct client *c, struct decision *d)
{
	struct thumbprint label;

	if (!thumbprint_from_label(c->event->thumbprint, &label))
		return refuse(d, REASON_CERTIFICATE);
	if (c->event->content.ptr == NULL) {
		d->sha1 = label;
		return !c->settings->require_content ||
		       refuse(d, REASON_CONTENT_MISSING);
	}
	if (!pem_decode(c->event->content, &d->der) ||
	    !certificate_read(buffer_span(&d->der), &c->certificate))
		return refuse(d, REASON_CERTIFICATE);
	c->has_content = true;
	d->sha1 = thumbprint_of(THUMBPRINT_SHA1, c->certificate.sha1);
	d->sha256 = thumbprint_of(THUMBPRINT_SHA256, c->certificate.sha256);
	return thumbprint_compare(&label, &d->sha1) == 0 ||
	       refuse(d, REASON_LABEL_MISMATCH);
}

static bool
is_denied_by(const struct client *c, const struct thumbprint *pin,
	     struct decision *d)
{
	const struct list_key *found;
	size_t n = list_find(c->list, pin, &found);

	for (size_t i = 0; i < n; i++) {
		if (found[i].entry->allows)
			continue;
		d->entry = found[i].entry;
		return true;
	}
	return false;
}

static bool
check_not_denied(const struct client *c, struct decision *d)
{
	if (!c->list->denies)
		return true;
	if (is_denied_by(c, &d->sha256, d) || is_denied_by(c, &d->sha1, d))
		return refuse(d, REASON_DENIED);
	return c->has_content || !c->list->denies_by_content ||
	       refuse(d, REASON_CONTENT_NEEDED);
}

/* REASON_LISTED, or which of the entry's limits refuses. */
static enum reason
limits_of(const struct client *c, const struct entry *entry)
{
	const struct terms *terms = entry->terms;

	if (terms == NULL)
		return REASON_LISTED;
	if (!settings_names(terms->hubs, c->request->hub))
		return REASON_ENTRY_HUB;
	if (c->now < terms->not_before)
		return REASON_ENTRY_NOT_YET;
	if (terms->not_after != 0 && c->now > terms->not_after)
		return REASON_ENTRY_EXPIRED;
	return REASON_LISTED;
}

/* Looks at the entries with pin; true when one lets the client in.  The first
 * reason of all that do not stays in d. */
static bool
is_allowed_by(const struct client *c, const struct thumbprint *pin,
	      struct decision *d)
{
	const struct list_key *found;
	size_t n = list_find(c->list, pin, &found);

	for (size_t i = 0; i < n; i++) {
		enum reason reason = limits_of(c, found[i].entry);
		if (reason == REASON_LISTED || d->entry == NULL) {
			d->entry = found[i].entry;
			d->reason = reason;
		}
		if (reason == REASON_LISTED)
			return true;
	}
	return false;
}

static bool
check_listed(const struct client *c, struct decision *d)
{
	d->reason = REASON_NOT_LISTED;
	return is_allowed_by(c, &d->sha256, d) || is_allowed_by(c, &d->sha1, d);
}

static bool
check_dates(const struct client *c, struct decision *d)
{
	if (!c->has_content || c->settings->ignore_dates)
		return true;
	if (c->now < c->certificate.not_before - DECIDE_LEEWAY)
		return refuse(d, REASON_CERTIFICATE_NOT_YET);
	if (c->now > c->certificate.not_after + DECIDE_LEEWAY)
		return refuse(d, REASON_CERTIFICATE_EXPIRED);
	return true;
}

static bool
take_thumbprint(struct decision *d)
{
	char digits[2 * DIGEST_SHA1_SIZE];

	hex_encode(d->sha1.digest, DIGEST_SHA1_SIZE, digits);
	buffer_clear(&d->user);
	buffer_add(&d->user, (struct span){ digits, sizeof(digits) });
	return !d->user.failed;
}

/* The pin vouches for the bytes of content, and so for the names in it. */
static bool
take_name(const struct client *c, enum user_source source, struct decision *d)
{
	if (!c->has_content)
		return false;
	if (source == USER_ALTERNATIVE_NAME)
		return certificate_alternative_name(&c->certificate,
						    &d->user) ==
		       CERTIFICATE_NAME_FOUND;
	return certificate_common_name(&c->certificate, &d->user) ==
	       CERTIFICATE_NAME_FOUND;
}

/* The entry's user, else what the settings say; an id that came with the
 * client's token stays unless the entry has one. */
static bool
take_user(const struct client *c, struct decision *d)
{
	const struct terms *terms = d->entry->terms;
	enum user_source source = USER_DEFAULT;

	if (terms != NULL)
		source = terms->user_source;
	if (source == USER_LITERAL) {
		d->grant.user = span_of(terms->user);
		return true;
	}
	if (source == USER_DEFAULT) {
		if (!span_empty(c->request->user))
			return true;
		source = c->settings->user_id;
	}
	if (source == USER_ENTRY)
		return true;
	bool found = source == USER_THUMBPRINT ? take_thumbprint(d)
					       : take_name(c, source, d);
	if (!found && source == USER_DEFAULT)
		found = take_thumbprint(d);
	if (!found)
		return refuse(d, REASON_NO_USER_ID);
	d->grant.user = buffer_span(&d->user);
	return true;
}

static void
take_grant(const struct client *c, struct decision *d)
{
	const struct terms *terms = d->entry->terms;

	if (terms != NULL) {
		d->grant.groups = terms->groups;
		d->grant.roles = terms->roles;
		char **offer = terms->subprotocols;
		for (; offer != NULL && *offer != NULL; offer++) {
			if (!event_offers(c->event, span_of(*offer)))
				continue;
			d->grant.subprotocol = span_of(*offer);
			break;
		}
	}
	d->grants = !span_empty(d->grant.user) || d->grant.groups != NULL ||
		    d->grant.roles != NULL || !span_empty(d->grant.subprotocol);
}

static void
admit_anonymous(const struct client *c, struct decision *d)
{
	static char *no_roles[] = { NULL };

	d->grant.user = span_of(c->settings->missing_user);
	d->grant.roles = no_roles;
	d->grants = true;
	d->reason = REASON_ANONYMOUS;
	d->verdict = VERDICT_ALLOW;
}

void
decide_connect(const struct settings *settings, const struct list *list,
	       const struct request *request, const struct event *event,
	       int64_t now, struct decision *d)
{
	struct client c = {
		.settings = settings,
		.list = list,
		.request = request,
		.event = event,
		.now = now,
	};

	decision_clear(d);
	if (list == NULL) {
		refuse(d, REASON_LIST_UNREADABLE);
		return;
	}
	if (event->presented == PRESENTED_NONE && settings->missing_allowed) {
		admit_anonymous(&c, d);
		return;
	}
	if (!check_presented(&c, d) || !check_certificate(&c, d) ||
	    !check_not_denied(&c, d) || !check_listed(&c, d) ||
	    !check_dates(&c, d) || !take_user(&c, d))
		return;
	take_grant(&c, d);
	d->reason = REASON_LISTED;
	d->verdict = VERDICT_ALLOW;
}
