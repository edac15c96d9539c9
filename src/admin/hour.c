/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/hour.h"
#include "admin/log_reader.h"
#include "admin/setup.h"

enum { HOUR = 3600, DAY = 86400 /* seconds */ };

static enum reason
reason_of(struct span name)
{
	enum reason i = 0;

	while (i < REASONS && !span_equal(span_of(reason_name(i)), name))
		i++;
	return i;
}

/* FNV-1a; 0: no certificate. */
static uint64_t
hash_of(struct span digits)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	if (digits.len == 0)
		return 0;
	for (size_t i = 0; i < digits.len; i++)
		hash = (hash ^ (uint8_t)digits.ptr[i]) *
		       UINT64_C(1099511628211);
	return hash == 0 ? 1 : hash;
}

static void
set_text(char *to, size_t size, struct span from)
{
	(void)snprintf(to, size, "%.*s", (int)from.len,
		       from.len == 0 ? "" : from.ptr);
}

/* Senders without a name of a reason here may be anything that reaches the
 * URL. */
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

static bool
is_acceptance(enum reason reason)
{
	return reason == REASON_LISTED || reason == REASON_ANONYMOUS ||
	       reason == REASON_REPORT_ONLY;
}

static void
add_client(struct hour *h, struct hour_site *site, enum reason reason,
	   uint64_t certificate)
{
	uint64_t *place = &h->accepted_hash[certificate % HOUR_ACCEPTED];
	struct hour_refusals *refusals = &site->client;

	if (is_acceptance(reason)) {
		site->accepted++;
		*place = certificate;
		*refusals = (struct hour_refusals){ .first = 0 };
		return;
	}
	refusals->count[reason]++;
	refusals->several |=
		refusals->first != 0 && refusals->first != certificate;
	refusals->known |= certificate != 0 && *place == certificate;
	refusals->first = certificate;
}

static void
add_names(struct hour *h, enum reason reason, const struct log_reader *log)
{
	if (reason == REASON_ORIGIN)
		set_text(h->origin, sizeof(h->origin),
			 log->value[FIELD_ORIGIN]);
	if (reason == REASON_HUB)
		set_text(h->hub, sizeof(h->hub), log->value[FIELD_HUB]);
	if (log->value[FIELD_LIST].len > 0)
		set_text(h->list, sizeof(h->list), log->value[FIELD_LIST]);
}

static void
add_skew(struct hour *h, struct span text)
{
	bool negative = span_starts(text, SPAN("-"));
	uint64_t number;

	if (!span_number(span_after(text, negative), 0, INT32_MAX, &number))
		return;
	h->skew = negative ? -(int64_t)number : (int64_t)number;
	h->skewed = number > HOUR_SKEW_MAX ? h->skewed + 1 : 0;
}

static struct hour_site *
site_of(struct hour *h, struct span name)
{
	struct hour_site *site = h->site;

	while (site < h->site + h->n_sites &&
	       !span_equal(span_of(site->name), name))
		site++;
	if (site == h->site + HOUR_SITES)
		return site - 1;
	if (site == h->site + h->n_sites)
		set_text(h->site[h->n_sites++].name, sizeof(site->name), name);
	return site;
}

static void
add_decision(struct hour *h, const struct log_reader *log)
{
	enum reason reason = reason_of(log->value[FIELD_REASON]);
	uint64_t count = log_reader_number(log, FIELD_COUNT);

	count += count == 0;
	h->count[reason] += count;
	h->events += count;
	h->losing = log_reader_number(log, FIELD_LOST) > 0;
	h->lost += log_reader_number(log, FIELD_LOST);
	if (reason == REASONS)
		return;
	add_names(h, reason, log);
	add_skew(h, log->value[FIELD_SKEW]);
	struct hour_site *site = site_of(h, log->value[FIELD_SITE]);
	if (is_sender(reason))
		site->sender.count[reason]++;
	else if (is_acceptance(reason) || reason_is_client(reason) ||
		 reason == REASON_NOTIFIED)
		site->sender = (struct hour_refusals){ .first = 0 };
	if (is_acceptance(reason) || reason_is_client(reason))
		add_client(h, site, reason, hash_of(log->value[FIELD_SHA1]));
}

/* What a load of the configuration logs. */
static void
add_note(struct hour *h, const struct log_reader *log)
{
	struct span text = log->note;
	struct hour_note *note = NULL;

	if (span_starts(text, SPAN("list ")) &&
	    memmem(text.ptr, text.len, " entr", 5) != NULL)
		note = &h->load;
	else if (memmem(text.ptr, text.len, "see certgate check", 18) != NULL)
		note = &h->failure;
	if (note == NULL)
		return;
	note->time = log->time;
	set_text(note->text, sizeof(note->text), text);
}

static bool
read_lines(struct hour *h, struct log_reader *log, const char *path,
	   struct error *e)
{
	const struct log_query query = {
		.path = path,
		.since = h->now - DAY,
		.site = setup_site(),
		.all_sites = setup_site().ptr == NULL,
		.notes = true,
		.fields = FIELD_BIT(FIELD_VERDICT) | FIELD_BIT(FIELD_REASON) |
			  FIELD_BIT(FIELD_ORIGIN) | FIELD_BIT(FIELD_HUB) |
			  FIELD_BIT(FIELD_SHA1) | FIELD_BIT(FIELD_SITE) |
			  FIELD_BIT(FIELD_LIST) | FIELD_BIT(FIELD_SKEW) |
			  FIELD_BIT(FIELD_COUNT) | FIELD_BIT(FIELD_LOST),
	};

	if (!log_reader_open(log, &query, e))
		return false;
	while (log_reader_next(log))
		if (log->note.ptr != NULL)
			add_note(h, log);
		else if (log->time >= h->now - HOUR)
			add_decision(h, log);
	h->begins = log->begins;
	return log_reader_ended(log, e);
}

bool
hour_read(struct hour *h, const char *path, struct error *e)
{
	struct log_reader log = { .file = -1 };

	memset(h, 0, sizeof(*h));
	h->now = (int64_t)time(NULL);
	bool ok = read_lines(h, &log, path, e);
	log_reader_close(&log);
	return ok;
}

/* Return the most frequent reason, if it is frequent enough. */
static enum reason
most(const struct hour_refusals *refusals)
{
	enum reason found = REASONS;

	for (enum reason i = 0; i < REASONS; i++)
		if (refusals->count[i] >= HOUR_REFUSALS &&
		    (found == REASONS ||
		     refusals->count[i] > refusals->count[found]))
			found = i;
	return found;
}

/* One stranger that comes again and again is no outage, nor are strangers
 * beside clients that are connected; a client that was accepted before is. */
static enum reason
site_cause(const struct hour_site *site)
{
	const struct hour_refusals *clients = &site->client;
	enum reason sender = most(&site->sender), client = most(clients);

	if (sender != REASONS || client == REASONS)
		return sender;
	if ((client == REASON_NOT_LISTED || client == REASON_DENIED) &&
	    !clients->several)
		return REASONS;
	if (site->accepted > 0 && client != REASON_NO_CERTIFICATE &&
	    (!clients->several || !clients->known))
		return REASONS;
	return client;
}

enum reason
hour_cause(const struct hour *h, const char **site)
{
	enum reason found = REASONS;

	*site = "";
	for (size_t i = 0; i < h->n_sites && found == REASONS; i++) {
		found = site_cause(&h->site[i]);
		*site = found == REASONS ? "" : h->site[i].name;
	}
	return found;
}
