/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "host/outage_events.h"

/* Return true for reasons about the sender.  These refused events may come from
 * any host that reaches the URL. */
static bool
is_sender(enum reason reason)
{
	return reason >= REASON_MALFORMED_REQUEST &&
	       reason <= REASON_SIGNATURE && reason != REASON_METHOD;
}

/* Return true for faults of a connect event whose sender passed the checks. */
static bool
is_content(enum reason reason)
{
	return reason == REASON_INTERNAL ||
	       (reason >= REASON_LENGTH && reason <= REASON_DUPLICATE_MEMBER);
}

/* Return false for a scanner: these reasons come before the code is checked, or
 * without it, and only the service names an origin in each event. */
static bool
is_of_service(const struct outage_event *event)
{
	bool is_connect = span_equal(event->name, SPAN("connect"));
	enum reason reason = event->reason;

	if (reason == REASON_NO_ORIGIN || is_content(reason))
		return is_connect;
	if (reason == REASON_MALFORMED_REQUEST && !is_connect)
		return false;
	return !span_empty(event->origin) ||
	       (reason != REASON_MALFORMED_REQUEST && reason != REASON_SITE &&
		reason != REASON_UNKNOWN_EVENT && reason != REASON_CODE);
}

static void
accept_client(struct outage_site *site, uint64_t certificate)
{
	site->accepted++;
	site->others |= site->one != 0 && site->one != certificate;
	site->one = certificate;
	memset(site->client, 0, sizeof(site->client));
}

static void
add_client(struct outage_events *events, struct outage_site *site,
	   const struct outage_event *event)
{
	uint64_t certificate = event->certificate;
	uint64_t *place = &events->accepted_hash[certificate % OUTAGE_ACCEPTED];
	struct outage_refusals *refusals = &site->client[event->reason];

	if (reason_is_acceptance(event->reason)) {
		*place = certificate;
		accept_client(site, certificate);
		return;
	}
	refusals->count++;
	refusals->line = event->line;
	if (certificate == 0)
		return;
	refusals->several |=
		refusals->first != 0 && refusals->first != certificate;
	refusals->known |= *place == certificate;
	refusals->first = certificate;
}

static void
add_sender(struct outage_site *site, const struct outage_event *event)
{
	site->sender[event->reason]++;
	if (event->reason == REASON_ORIGIN)
		span_write(event->origin, site->theirs, OUTAGE_NAME_SIZE);
	if (event->reason == REASON_HUB)
		span_write(event->hub, site->theirs, OUTAGE_NAME_SIZE);
}

static void
add_skew(struct outage_events *events, const struct outage_event *event)
{
	bool skewed = event->skew > OUTAGE_SKEW_MAX ||
		      event->skew < -(int64_t)OUTAGE_SKEW_MAX;

	if (!event->has_skew)
		return;
	events->skew = event->skew;
	events->skewed = skewed ? events->skewed + 1 : 0;
}

static struct span
cut(struct span name)
{
	if (name.len >= OUTAGE_NAME_SIZE)
		name.len = OUTAGE_NAME_SIZE - 1;
	return name;
}

/* Compare without strlen(), since there may be hundreds of texts. */
static bool
is_name(const char *text, struct span name)
{
	return name.len == 0 ? text[0] == '\0'
			     : strncmp(text, name.ptr, name.len) == 0 &&
				       text[name.len] == '\0';
}

static struct outage_site *
site_of(struct outage_events *events, struct span name, struct span origin)
{
	struct outage_site *site = events->site, *end = site + events->n_sites;

	name = cut(name);
	origin = cut(origin);
	while (site < end &&
	       !(is_name(site->name, name) &&
		 span_equal_nocase(span_of(site->origin), origin)))
		site++;
	if (site == events->site + OUTAGE_SITES)
		return site - 1;
	if (site < end)
		return site;
	*site = (struct outage_site){ .accepted = 0 };
	span_write(name, site->name, OUTAGE_NAME_SIZE);
	span_write(origin, site->origin, OUTAGE_NAME_SIZE);
	events->n_sites++;
	return site;
}

/* Return true if a client of the event's site was accepted. */
static bool
has_site(const struct outage_events *events, const struct outage_event *event)
{
	struct span name = cut(event->site);

	for (size_t i = 0; i < events->n_sites; i++)
		if (is_name(events->site[i].name, name) &&
		    events->site[i].accepted + events->site[i].before > 0)
			return true;
	return false;
}

static void
forget_sender(struct outage_site *site)
{
	memset(site->sender, 0, sizeof(site->sender));
}

/* Reset the refusals of a sender whose event passed the checks, and those of
 * events that name no site.  A log line for many notifications has no origin;
 * the only origin of a site is then meant. */
static void
forget_refusals(struct outage_events *events, const struct outage_event *event,
		struct outage_site *sender)
{
	struct outage_site *site = events->site, *end = site + events->n_sites;
	struct outage_site *only = NULL;
	size_t n = 0;

	forget_sender(sender);
	for (; site < end; site++) {
		bool is_same = is_name(site->name, cut(event->site));
		if (site->origin[0] == '\0') {
			if (is_same || site->name[0] == '\0')
				forget_sender(site);
		} else if (is_same) {
			only = site;
			n++;
		}
	}
	if (event->origin.len == 0 && n == 1)
		forget_sender(only);
}

/* Add an event whose sender passed the checks. */
static void
add_passed(struct outage_events *events, const struct outage_event *event,
	   struct outage_site *site, struct outage_site *sender)
{
	forget_refusals(events, event, sender);
	add_skew(events, event);
	if (event->reason != REASON_NOTIFIED)
		add_client(events, site, event);
}

void
outage_events_add(struct outage_events *events,
		  const struct outage_event *event)
{
	enum reason reason = event->reason;
	bool has_passed = reason_is_acceptance(reason) ||
			  reason_is_client(reason) || is_content(reason) ||
			  reason == REASON_NOTIFIED;
	/* For other reasons the origin is not verified. */
	bool has_origin =
		has_passed || reason == REASON_HUB ||
		reason == REASON_REMOTE_USER || reason == REASON_NO_KEY ||
		reason == REASON_NO_SIGNATURE || reason == REASON_SIGNATURE;
	/* A site that does not exist has no place, unless it was in use. */
	struct span name = reason == REASON_SITE && !has_site(events, event)
				   ? SPAN("")
				   : event->site;

	if (span_starts(event->connection, SPAN(OUTAGE_OWN)) ||
	    !is_of_service(event) || !(has_passed || is_sender(reason)))
		return;
	struct outage_site *site = site_of(events, name, SPAN(""));
	struct outage_site *sender = site;
	if (has_origin && event->origin.len > 0)
		sender = site_of(events, name, event->origin);
	site->last = sender->last = event->time;
	if (has_passed)
		add_passed(events, event, site, sender);
	else
		add_sender(sender, event);
}

void
outage_events_load(struct outage_events *events, struct span name)
{
	for (size_t i = 0; i < events->n_sites; i++) {
		struct outage_site *site = &events->site[i];
		if (!is_name(site->name, cut(name)))
			continue;
		forget_sender(site);
		memset(site->client, 0, sizeof(site->client));
		site->before += site->accepted;
		site->accepted = 0;
	}
}

void
outage_events_forget(struct outage_events *events, int64_t since)
{
	size_t n = 0;

	for (size_t i = 0; i < events->n_sites; i++)
		if (events->site[i].last >= since && n++ != i)
			events->site[n - 1] = events->site[i];
	events->n_sites = n;
}

/* Return true if these refusals may be those of all clients.
 *
 * Any stranger can cause the reasons up to not-listed; the others need an
 * entry.  One client that is unknown or denied is not an outage.  Beside
 * accepted clients, a client that was accepted before must be refused, and
 * several, or the only one.  Without certificates, clients cannot be told
 * apart: more refusals are needed beside more accepted clients. */
static bool
stands_out(const struct outage_site *site, enum reason reason)
{
	const struct outage_refusals *refusals = &site->client[reason];
	uint64_t all = site->accepted + site->before;
	uint64_t clients = reason <= REASON_NOT_LISTED ? all : site->accepted;

	if (refusals->count < OUTAGE_REFUSALS)
		return false;
	if (reason == REASON_STORE) /* whatever the certificate */
		return true;
	if ((reason == REASON_NOT_LISTED || reason == REASON_DENIED) &&
	    !refusals->several)
		return false;
	if (reason == REASON_DENIED && site->accepted > 0)
		return false;
	/* One client can send these again and again. */
	if (reason == REASON_BODY || reason == REASON_DUPLICATE_MEMBER)
		return all == 0;
	if (refusals->first == 0)
		return refusals->count >= all ||
		       refusals->count >= OUTAGE_REFUSALS_MAX;
	return (clients == 0 || refusals->known) &&
	       (refusals->several || !site->others);
}

/* Return how often the reason was, but 0 for strangers. */
static uint32_t
weight(const struct outage_site *site, enum reason reason)
{
	const struct outage_refusals *refusals = &site->client[reason];

	if ((reason == REASON_NOT_LISTED || reason == REASON_DENIED) &&
	    !refusals->known)
		return 0;
	return refusals->count;
}

/* Return the cause, or REASONS. */
static enum reason
site_cause(const struct outage_site *site)
{
	enum reason sender = REASONS, client = REASONS;

	for (enum reason i = 0; i < REASONS; i++) {
		if (site->sender[i] >= OUTAGE_REFUSALS &&
		    (sender == REASONS ||
		     site->sender[i] > site->sender[sender]))
			sender = i;
		if (stands_out(site, i) &&
		    (client == REASONS ||
		     weight(site, i) > weight(site, client)))
			client = i;
	}
	return sender != REASONS ? sender : client;
}

enum reason
outage_events_reason(const struct outage_events *events,
		     const struct outage_site **site)
{
	enum reason found = REASONS;

	*site = NULL;
	for (size_t i = 0; i < events->n_sites && found == REASONS; i++) {
		found = site_cause(&events->site[i]);
		*site = found == REASONS ? NULL : &events->site[i];
	}
	return found;
}
