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

/* Return a hash of the digits; 0: no certificate. */
static uint64_t
hash_of(struct span digits)
{
	uint64_t hash = span_hash(digits);

	return digits.len == 0 ? 0 : hash == 0 ? 1 : hash;
}

static void
read_skew(struct outage_event *event, struct span text)
{
	bool negative = span_starts(text, SPAN("-"));
	uint64_t number;

	event->has_skew =
		span_number(span_after(text, negative), 0, INT32_MAX, &number);
	event->skew = negative ? -(int64_t)number : (int64_t)number;
}

/* Return the main settings (name empty) or a site; further ones share the last
 * place. */
static struct hour_site *
site_of(struct hour *h, struct span name)
{
	struct hour_site *site = h->site, *end = site + h->n_sites;

	while (site < end && !span_equal(span_of(site->name), name))
		site++;
	if (site == h->site + HOUR_SITES)
		return site - 1;
	if (site == end) {
		*site = (struct hour_site){ .name = "" };
		span_write(name, site->name, sizeof(site->name));
		h->n_sites++;
	}
	return site;
}

static void
add_client(struct hour *h, const struct outage_event *event)
{
	uint64_t certificate = event->certificate ^ span_hash(event->site);
	struct hour_client *client = &h->client[certificate % HOUR_CLIENTS];

	if (event->certificate == 0 ||
	    span_starts(event->connection, SPAN(OUTAGE_OWN)))
		return;
	if (reason_is_acceptance(event->reason)) {
		client->certificate = certificate;
		client->site = site_of(h, event->site);
		client->accepted = client->dropped = client->site->load;
	} else if (event->reason == REASON_NOT_LISTED && client->site != NULL &&
		   client->certificate == certificate) {
		client->dropped = client->site->load;
	}
}

/* An old event before the last load does not count, wherever it is in the log,
 * and its time says nothing about the clocks of today. */
static void
add_event(struct hour *h, const struct log_reader *log, enum reason reason,
	  bool is_old)
{
	uint64_t line = log_reader_number(log, FIELD_LINE);
	struct outage_event event = {
		.reason = reason,
		.certificate = hash_of(log->value[FIELD_SHA1]),
		.line = line > UINT32_MAX || log->doubt != NULL
				? 0
				: (unsigned)line,
		.name = log->value[FIELD_EVENT],
		.site = log->value[FIELD_SITE],
		.origin = log->value[FIELD_ORIGIN],
		.hub = log->value[FIELD_HUB],
		.connection = log->value[FIELD_CONNECTION],
		.time = log->time,
	};

	h->last = log->time;
	if (is_old && log->time < h->load.time)
		return;
	if (!is_old)
		read_skew(&event, log->value[FIELD_SKEW]);
	outage_events_add(&h->outage, &event);
	add_client(h, &event);
}

/* Add the word for the list of a decision.  A number shows that it loaded. */
static void
add_list(struct hour_site *site, struct span list)
{
	span_write(list, site->list, sizeof(site->list));
	if (list.ptr[0] >= '0' && list.ptr[0] <= '9')
		site->failure.time = 0;
}

static void
add_decision(struct hour *h, const struct log_reader *log)
{
	enum reason reason = reason_find(log->value[FIELD_REASON]);
	bool is_old = log->time < h->now - HOUR;
	struct span list = log->value[FIELD_LIST];
	uint64_t count = log_reader_number(log, FIELD_COUNT);

	if (reason != REASONS)
		add_event(h, log, reason, is_old);
	if (is_old)
		return;
	count += count == 0;
	if (span_starts(log->value[FIELD_CONNECTION], SPAN(OUTAGE_OWN)))
		count = 0;
	h->count[reason] += count;
	h->events += count;
	h->losing = log_reader_number(log, FIELD_LOST) > 0;
	h->lost += log_reader_number(log, FIELD_LOST);
	if (list.len > 0)
		add_list(site_of(h, log->value[FIELD_SITE]), list);
}

/* Remove the words "site NAME: " from the front of a note, and return the
 * name. */
static struct span
take_site(struct span *note)
{
	const struct span mark = SPAN("site ");
	struct span rest = span_after(*note, mark.len), name;

	if (!span_starts(*note, mark) ||
	    memmem(rest.ptr, rest.len, ": ", 2) == NULL)
		return SPAN("");
	(void)span_next(&rest, ":", &name);
	*note = span_skip_blanks(rest);
	return name;
}

/* Add a load of the configuration.  A failure counts until its site loads; its
 * error is the note before. */
static void
add_note(struct hour *h, const struct log_reader *log, struct hour_note *before)
{
	const struct span list = SPAN(CONFIGURATION_NOTE_LIST),
			  entries = SPAN(CONFIGURATION_NOTE_ENTRIES),
			  failed = SPAN(CONFIGURATION_NOTE_FAILED);
	struct span text = log->note, words = text;
	struct span name = take_site(&words);
	struct hour_note note = { .time = log->time };

	if (setup_site().ptr != NULL && !span_equal(name, setup_site()))
		return;
	span_write(text, note.text, sizeof(note.text));
	if (span_starts(words, list) && span_contains(words, entries)) {
		h->load = note;
		outage_events_load(&h->outage, name);
		struct hour_site *site = site_of(h, name);
		site->list[0] = '\0';
		site->failure.time = 0;
		site->load = log->time;
	} else if (span_contains(words, failed)) {
		struct hour_site *site = site_of(h, name);
		site->failure = note;
		span_write(span_of(before->text), site->error,
			   sizeof(site->error));
	}
	*before = note;
}

static void
find_failure(struct hour *h)
{
	for (size_t i = 0; i < h->n_sites; i++) {
		const struct hour_note *note = &h->site[i].failure;
		if (note->time != 0 &&
		    (h->failure == NULL || note->time >= h->failure->time))
			h->failure = note;
	}
}

static bool
read_lines(struct hour *h, struct log_reader *log, const char *path, bool day,
	   struct error *e)
{
	const struct log_query query = {
		.path = path,
		.since = h->now - (day ? DAY : HOUR),
		.notes = true,
		.fields = FIELD_BIT(FIELD_VERDICT) | FIELD_BIT(FIELD_REASON) |
			  FIELD_BIT(FIELD_EVENT) | FIELD_BIT(FIELD_ORIGIN) |
			  FIELD_BIT(FIELD_HUB) | FIELD_BIT(FIELD_CONNECTION) |
			  FIELD_BIT(FIELD_SHA1) | FIELD_BIT(FIELD_SITE) |
			  FIELD_BIT(FIELD_LINE) | FIELD_BIT(FIELD_LIST) |
			  FIELD_BIT(FIELD_SKEW) | FIELD_BIT(FIELD_COUNT) |
			  FIELD_BIT(FIELD_LOST),
	};
	struct hour_note before = { .time = 0 };

	if (!log_reader_open(log, &query, e))
		return false;
	while (log_reader_next(log)) {
		if (log->note.ptr != NULL)
			add_note(h, log, &before);
		else
			add_decision(h, log);
	}
	find_failure(h);
	h->doubt = log->doubt;
	return log_reader_ended(log, e);
}

bool
hour_read(struct hour *h, const char *path, bool day, struct error *e)
{
	struct log_reader log = { .file = -1 };

	memset(h, 0, sizeof(*h));
	h->now = (int64_t)time(NULL);
	bool ok = read_lines(h, &log, path, day, e);
	log_reader_close(&log);
	return ok;
}

unsigned
hour_dropped(const struct hour *h)
{
	unsigned n = 0;

	for (size_t i = 0; i < HOUR_CLIENTS; i++) {
		const struct hour_client *client = &h->client[i];
		n += client->dropped != client->accepted &&
		     client->dropped == client->site->load;
	}
	return n > 1 ? n : 0;
}

void
hour_tell_dropped(const struct hour *h, char text[HOUR_NOTE_SIZE])
{
	unsigned n = hour_dropped(h);

	text[0] = '\0';
	if (n > 0)
		(void)snprintf(text, HOUR_NOTE_SIZE,
			       "%u clients that were accepted before the last "
			       "load of the list are not in it: certgate "
			       "pending%s lists them",
			       n, setup_config_options(""));
}
