/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "policy/match.h"

static const struct entry *
deny_by(const struct client *c, const struct thumbprint *pin)
{
	const struct list_key *found;
	size_t n = list_find(c->list, pin, &found);

	for (size_t i = 0; i < n; i++)
		if (!found[i].entry->allows)
			return found[i].entry;
	return NULL;
}

const struct entry *
match_deny(const struct client *c)
{
	const struct thumbprint *pins[] = { &c->sha256, &c->spki, &c->sha1 };
	const struct entry *entry = NULL;

	for (size_t i = 0; i < 3 && entry == NULL; i++)
		entry = deny_by(c, pins[i]);
	return entry;
}

static bool
is_bound(struct client *c, const struct binding *binding, struct span value)
{
	struct span wanted = binding->source == USER_LITERAL
				     ? span_of(binding->text)
				     : client_name_text(c, binding->source);

	return !span_empty(wanted) && span_equal(wanted, value);
}

/* The connection id of an MQTT client is the client id that it chose; that of
 * any other is the service's own. */
static bool
has_client_id(struct client *c, const struct binding *binding)
{
	return binding->source == USER_DEFAULT ||
	       (client_is_mqtt(c) &&
		is_bound(c, binding, c->request->connection));
}

static bool
has_queries(struct client *c, const struct terms *terms)
{
	for (size_t i = 0; i < terms->n_queries; i++) {
		const struct binding *query = &terms->queries[i];
		struct span value;
		if (!event_query(c->event, query->name, &value) ||
		    !is_bound(c, query, value))
			return false;
	}
	return true;
}

/* REASON_LISTED, or which of the entry's limits refuses. */
static enum reason
limits_of(struct client *c, const struct terms *terms)
{
	if (!settings_names(terms->hubs, c->request->hub))
		return REASON_ENTRY_HUB;
	if (c->now < terms->not_before)
		return REASON_ENTRY_NOT_YET;
	if (terms->not_after != 0 && c->now > terms->not_after)
		return REASON_ENTRY_EXPIRED;
	if (!has_client_id(c, &terms->client_id))
		return REASON_ENTRY_CLIENT_ID;
	if (!has_queries(c, terms))
		return REASON_ENTRY_QUERY;
	return REASON_LISTED;
}

/* The same for the certificate's dates. */
static enum reason
dates_of(const struct client *c)
{
	if (!c->has_content || c->settings->ignore_dates)
		return REASON_LISTED;
	if (c->now < c->certificate.not_before - MATCH_LEEWAY)
		return REASON_CERTIFICATE_NOT_YET;
	if (c->now > c->certificate.not_after + MATCH_LEEWAY)
		return REASON_CERTIFICATE_EXPIRED;
	return REASON_LISTED;
}

static struct match
match_of(struct client *c, const struct entry *entry)
{
	struct match m = { .entry = entry, .stage = MATCH_ENTRY };

	m.reason = entry->terms == NULL ? REASON_LISTED
					: limits_of(c, entry->terms);
	if (m.reason != REASON_LISTED)
		return m;
	m.stage = MATCH_LIMITS;
	m.reason = dates_of(c);
	if (m.reason == REASON_LISTED)
		m.stage = MATCH_ALL;
	return m;
}

/* True when entry lets the client in; otherwise the best so far is in best. */
static bool
try(struct client *c, const struct entry *entry, struct match *best)
{
	struct match m = match_of(c, entry);

	if (m.stage > best->stage)
		*best = m;
	return best->stage == MATCH_ALL;
}

void
match_find(struct client *c, struct match *match)
{
	const struct thumbprint *pins[] = { &c->sha256, &c->spki, &c->sha1 };

	*match = (struct match){ .reason = REASON_NOT_LISTED };
	for (size_t i = 0; i < 3; i++) {
		const struct list_key *found;
		size_t n = list_find(c->list, pins[i], &found);
		for (size_t k = 0; k < n; k++)
			if (found[k].entry->allows &&
			    try(c, found[k].entry, match))
				return;
	}
}
