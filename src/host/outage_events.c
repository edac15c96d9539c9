/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "host/outage_events.h"

static void
set_text(char to[OUTAGE_NAME_SIZE], struct span from)
{
	(void)snprintf(to, OUTAGE_NAME_SIZE, "%.*s", (int)from.len,
		       from.len == 0 ? "" : from.ptr);
}

/* Return true for reasons about the sender.  Other refused events may come from
 * any host that reaches the URL. */
static bool
is_sender(enum reason reason)
{
	static const enum reason of_sender[] = {
		REASON_SETTINGS, REASON_SITE,	      REASON_CODE,
		REASON_ORIGIN,	 REASON_HUB,	      REASON_REMOTE_USER,
		REASON_NO_KEY,	 REASON_NO_SIGNATURE, REASON_SIGNATURE,
	};

	for (size_t i = 0; i < sizeof(of_sender) / sizeof(of_sender[0]); i++)
		if (of_sender[i] == reason)
			return true;
	return false;
}

/* Return false for a scanner: the code is checked first, and only the service
 * names an origin in each event. */
static bool
is_of_service(const struct outage_event *event)
{
	return event->reason != REASON_CODE || !span_empty(event->origin);
}

static void
add_client(struct outage_events *events, struct outage_site *site,
	   enum reason reason, uint64_t certificate)
{
	uint64_t *place = &events->accepted_hash[certificate % OUTAGE_ACCEPTED];
	struct outage_refusals *refusals = &site->client;

	if (reason_is_acceptance(reason)) {
		site->accepted++;
		*place = certificate;
		*refusals = (struct outage_refusals){ .first = 0 };
		return;
	}
	refusals->count[reason]++;
	if (certificate == 0)
		return;
	refusals->several |=
		refusals->first != 0 && refusals->first != certificate;
	refusals->known |= *place == certificate;
	refusals->first = certificate;
}

static void
add_names(struct outage_events *events, const struct outage_event *event)
{
	if (event->reason == REASON_ORIGIN)
		set_text(events->names.origin, event->origin);
	if (event->reason == REASON_HUB)
		set_text(events->names.hub, event->hub);
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
	set_text(site->name, name);
	set_text(site->origin, origin);
	events->n_sites++;
	return site;
}

/* Reset the refusals of a sender whose event passed the checks.  A log line for
 * many notifications has no origin; the only origin of a site is then meant. */
static void
forget_refusals(struct outage_events *events, const struct outage_event *event,
		struct outage_site *sender)
{
	struct outage_site *site = events->site, *end = site + events->n_sites;
	struct outage_site *only = NULL;
	size_t n = 0;

	sender->sender = (struct outage_refusals){ .first = 0 };
	for (; site < end; site++) {
		if (!is_name(site->name, cut(event->site)))
			continue;
		if (site->origin[0] == '\0') {
			site->sender = (struct outage_refusals){ .first = 0 };
			continue;
		}
		only = site;
		n++;
	}
	if (event->origin.len == 0 && n == 1)
		only->sender = (struct outage_refusals){ .first = 0 };
}

void
outage_events_add(struct outage_events *events,
		  const struct outage_event *event)
{
	enum reason reason = event->reason;
	bool is_client =
		reason_is_acceptance(reason) || reason_is_client(reason);
	bool is_checked =
		reason == REASON_HUB || reason == REASON_REMOTE_USER ||
		reason == REASON_NO_KEY || reason == REASON_NO_SIGNATURE ||
		reason == REASON_SIGNATURE || reason == REASON_NOTIFIED ||
		is_client;

	if (!is_of_service(event))
		return;
	add_names(events, event);
	add_skew(events, event);
	struct outage_site *site = site_of(events, event->site, SPAN(""));
	struct outage_site *sender = site;
	/* For other reasons the origin is not verified. */
	if (is_checked && event->origin.len > 0)
		sender = site_of(events, event->site, event->origin);
	if (is_sender(reason))
		sender->sender.count[reason]++;
	else if (is_checked)
		forget_refusals(events, event, sender);
	if (is_client)
		add_client(events, site, reason, event->certificate);
}

void
outage_events_move(struct outage_events *to, struct outage_events *from)
{
	memcpy(to->site, from->site, from->n_sites * sizeof(*from->site));
	to->n_sites = from->n_sites;
	to->names = from->names;
	to->skew = from->skew;
	to->skewed = from->skewed;
	memcpy(to->accepted_hash, from->accepted_hash,
	       sizeof(to->accepted_hash));
	from->n_sites = 0;
	from->names = (struct outage_names){ .origin = "" };
	from->skewed = 0;
	memset(from->accepted_hash, 0, sizeof(from->accepted_hash));
}

/* Return the most frequent reason, if it is frequent enough. */
static enum reason
most(const struct outage_refusals *refusals)
{
	enum reason found = REASONS;

	for (enum reason i = 0; i < REASONS; i++)
		if (refusals->count[i] >= OUTAGE_REFUSALS &&
		    (found == REASONS ||
		     refusals->count[i] > refusals->count[found]))
			found = i;
	return found;
}

/* Return the cause, or REASONS.  One client that is unknown or denied is not an
 * outage; beside accepted clients, several that were accepted before are. */
static enum reason
site_cause(const struct outage_site *site)
{
	const struct outage_refusals *clients = &site->client;
	enum reason sender = most(&site->sender), client = most(clients);

	if (sender != REASONS || client == REASONS)
		return sender;
	if (client == REASON_STORE) /* whatever the certificate */
		return client;
	if ((client == REASON_NOT_LISTED || client == REASON_DENIED) &&
	    !clients->several)
		return REASONS;
	if (site->accepted > 0 && client != REASON_NO_CERTIFICATE &&
	    (!clients->several || !clients->known))
		return REASONS;
	return client;
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
