/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "policy/decide.h"
#include "policy/grant.h"
#include "policy/match.h"
#include "policy/value.h"
#include "protocol/pem.h"

/* What the checks work on, and what the middle ones find. */
struct subject {
	struct client client;
	struct match match;
};

/* Each check leaves d->reason and says whether to go on. */
typedef bool check_function(struct subject *s, struct decision *d);

static bool
refuse(struct decision *d, enum reason reason)
{
	d->reason = reason;
	return false;
}

static bool
check_presented(struct subject *s, struct decision *d)
{
	switch (s->client.event->presented) {
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

static bool
check_logged(struct client *c, struct decision *d)
{
	d->sha1 = c->sha1;
	d->sha256 = c->sha256;
	d->spki = c->spki;
	d->not_after = c->certificate.not_after;
	return c->has_content || !c->settings->require_content ||
	       refuse(d, REASON_CONTENT_MISSING);
}

/* The label is a claim: with content, it must be the SHA-1 of that. */
static bool
check_certificate(struct subject *s, struct decision *d)
{
	struct client *c = &s->client;
	struct thumbprint label;

	if (c->logged != NULL)
		return check_logged(c, d);
	if (!thumbprint_from_label(c->event->thumbprint, &label))
		return refuse(d, REASON_CERTIFICATE);
	if (c->event->content.ptr == NULL) {
		d->sha1 = c->sha1 = label;
		return !c->settings->require_content ||
		       refuse(d, REASON_CONTENT_MISSING);
	}
	if (!pem_decode(c->event->content, &d->der))
		return refuse(d, REASON_CERTIFICATE);
	if (!client_read(c, buffer_span(&d->der)))
		return refuse(d, REASON_CERTIFICATE);
	d->serial = c->certificate.serial;
	d->issuer = c->certificate.issuer;
	d->subject = c->certificate.subject;
	d->not_after = c->certificate.not_after;
	d->sha1 = c->sha1;
	d->sha256 = c->sha256;
	d->spki = c->spki;
	return thumbprint_compare(&label, &d->sha1) == 0 ||
	       refuse(d, REASON_LABEL_MISMATCH);
}

/* Return true if a deny entry may need more than the label. */
static bool
may_be_denied_by_content(const struct client *c)
{
	return c->now <= stored_content_denied_until(c->stored) ||
	       c->now <= c->list->content_denied_until;
}

static bool
check_not_denied(struct subject *s, struct decision *d)
{
	if (!client_take_stored(&s->client))
		return refuse(d, REASON_STORE);
	if (!match_has_denies(&s->client))
		return true;
	d->entry = match_deny(&s->client);
	d->assumed = s->client.assumed;
	if (d->entry != NULL)
		return refuse(d, REASON_DENIED);
	return s->client.has_content || !may_be_denied_by_content(&s->client) ||
	       refuse(d, REASON_CONTENT_NEEDED);
}

static bool
check_listed(struct subject *s, struct decision *d)
{
	match_find(&s->client, &s->match);
	d->entry = s->match.entry;
	d->reason = s->match.reason;
	d->chain = s->match.chain;
	d->assumed |= s->match.assumed;
	return true;
}

static bool
check_grant(struct subject *s, struct decision *d)
{
	/* The log does not have all that the user id is made of. */
	return s->client.logged != NULL || grant_take(&s->client, d);
}

static bool
has_denies(const struct subject *s)
{
	return match_has_denies(&s->client);
}

static bool
has_conditions(const struct subject *s)
{
	return s->match.entry != NULL && s->match.entry->terms != NULL;
}

static bool
has_dates(const struct subject *s)
{
	return s->match.entry != NULL &&
	       match_has_dates(&s->client, s->match.entry);
}

static bool
has_chain(const struct subject *s)
{
	return s->match.entry != NULL && s->match.entry->trust != NULL;
}

/* The heart: in this order, and all of them.  A check passes if its function
 * does and if the match got as far as stage.  Each check is made; applies says
 * whether there was anything to check. */
static const struct {
	const char *text;
	check_function *passes; /* NULL: stage alone */
	enum match_stage stage;
	bool (*applies)(const struct subject *s); /* NULL: always */
} checks[] = {
	{ "the client presented a certificate", check_presented, MATCH_NONE,
	  NULL },
	{ "the certificate is valid and agrees with its label",
	  check_certificate, MATCH_NONE, NULL },
	{ "no deny entry matches", check_not_denied, MATCH_NONE, has_denies },
	{ "an allow entry matches", check_listed, MATCH_ENTRY, NULL },
	{ "the entry's conditions hold", NULL, MATCH_LIMITS, has_conditions },
	{ "the certificate's dates hold", NULL, MATCH_DATES, has_dates },
	{ "the certificate chains to an anchor, and no CRL revokes it", NULL,
	  MATCH_ALL, has_chain },
	{ "the user id and the grants are valid", check_grant, MATCH_ALL,
	  NULL },
};

enum { CHECKS = sizeof(checks) / sizeof(checks[0]) };

const char *
decide_check(size_t i)
{
	return i < CHECKS ? checks[i].text : NULL;
}

static char *no_roles[] = { NULL };

static void
admit_anonymous(const struct settings *settings, struct decision *d)
{
	d->grant.user = span_of(settings->missing_user);
	d->grant.roles = no_roles;
	d->grants = true;
	d->reason = REASON_ANONYMOUS;
	d->verdict = VERDICT_ALLOW;
}

/* An unverified certificate grants nothing, nor does an entry that has expired
 * or is for another name: no name, group or role. */
static bool
admit_reported(const struct subject *s, struct decision *d)
{
	const struct client *c = &s->client;

	if (!s->match.only || !settings_report_only(c->settings, c->now))
		return false;
	if (span_empty(c->request->user) && !grant_thumbprint(d))
		return refuse(d, REASON_INTERNAL);
	d->grant.roles = no_roles;
	d->grants = true;
	d->would = d->reason;
	d->reason = REASON_REPORT_ONLY;
	d->verdict = VERDICT_ALLOW;
	return true;
}

/* Make the i-th check; one that refuses has applied, too. */
static bool
run_check(struct subject *s, struct decision *d, size_t i)
{
	bool passed = (checks[i].passes == NULL || checks[i].passes(s, d)) &&
		      s->match.stage >= checks[i].stage;

	if (!passed || checks[i].applies == NULL || checks[i].applies(s))
		d->applied |= 1U << i;
	return passed;
}

static void
decide(const struct settings *settings, const struct list *list,
       const struct request *request, struct event *event,
       const struct logged_client *logged, int64_t now, struct decision *d)
{
	struct subject s = {
		.client = {
			.settings = settings,
			.list = list,
			.request = request,
			.event = event,
			.now = now,
			.memory = &d->memory,
			.common_name = { .text = &d->common_name },
			.alternative_name = { .text = &d->alternative_name },
		},
	};

	decision_clear(d);
	if (logged != NULL)
		client_recall(&s.client, logged);
	if (list == NULL) {
		refuse(d, REASON_LIST_UNREADABLE);
		return;
	}
	if (list->store != NULL) {
		s.client.stored = &d->stored;
		if (!stored_begin(&d->stored, list->store)) {
			refuse(d, REASON_STORE);
			return;
		}
	}
	if (event->presented == PRESENTED_NONE && settings->missing_allowed) {
		admit_anonymous(settings, d);
		return;
	}
	while (d->passed < CHECKS && run_check(&s, d, d->passed))
		d->passed++;
	if (d->passed < CHECKS) {
		(void)admit_reported(&s, d);
	} else {
		d->reason = REASON_LISTED;
		d->verdict = VERDICT_ALLOW;
	}
	client_free(&s.client);
}

void
decide_connect(const struct settings *settings, const struct list *list,
	       const struct request *request, struct event *event, int64_t now,
	       struct decision *d)
{
	decide(settings, list, request, event, NULL, now, d);
}

void
decide_logged(const struct settings *settings, const struct list *list,
	      const struct request *request, const struct logged_client *logged,
	      int64_t now, struct decision *d)
{
	struct event event = {
		.presented = logged->sha1.kind == THUMBPRINT_NONE
				     ? PRESENTED_NONE
				     : PRESENTED_ONE,
	};

	decide(settings, list, request, &event, logged, now, d);
}
