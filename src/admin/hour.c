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
set_text(char *to, size_t size, struct span from)
{
	(void)snprintf(to, size, "%.*s", (int)from.len,
		       from.len == 0 ? "" : from.ptr);
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

static void
add_event(struct hour *h, struct outage_events *events,
	  const struct log_reader *log)
{
	enum reason reason = reason_find(log->value[FIELD_REASON]);

	if (reason == REASONS)
		return;
	struct outage_event event = {
		.reason = reason,
		.certificate = hash_of(log->value[FIELD_SHA1]),
		.site = log->value[FIELD_SITE],
		.origin = log->value[FIELD_ORIGIN],
		.hub = log->value[FIELD_HUB],
	};
	h->last = log->time;
	read_skew(&event, log->value[FIELD_SKEW]);
	outage_events_add(events, &event);
}

static void
add_decision(struct hour *h, const struct log_reader *log)
{
	enum reason reason = reason_find(log->value[FIELD_REASON]);
	uint64_t count = log_reader_number(log, FIELD_COUNT);

	count += count == 0;
	h->count[reason] += count;
	h->events += count;
	h->losing = log_reader_number(log, FIELD_LOST) > 0;
	h->lost += log_reader_number(log, FIELD_LOST);
	if (log->value[FIELD_LIST].len > 0)
		set_text(h->list, sizeof(h->list), log->value[FIELD_LIST]);
	add_event(h, &h->outage, log);
}

/* Return the length of the words "site NAME: " at the front. */
static size_t
site_length(struct span text)
{
	const char *end = !span_starts(text, SPAN("site "))
				  ? NULL
				  : memmem(text.ptr, text.len, ": ", 2);

	return end == NULL ? 0 : (size_t)(end - text.ptr) + 2;
}

/* Return true if both are about the same site, or about none. */
static bool
is_same_site(struct span a, struct span b)
{
	return span_equal((struct span){ a.ptr, site_length(a) },
			  (struct span){ b.ptr, site_length(b) });
}

/* Add a load of the configuration.  A failure counts until its site loads. */
static void
add_note(struct hour *h, const struct log_reader *log)
{
	struct span text = log->note;
	struct span words = span_after(text, site_length(text));
	struct hour_note *note = NULL;

	if (span_starts(words, SPAN("list ")) &&
	    memmem(words.ptr, words.len, " entr", 5) != NULL)
		note = &h->load;
	else if (memmem(text.ptr, text.len, "see certgate check", 18) != NULL)
		note = &h->failure;
	if (note == NULL)
		return;
	if (note == &h->load)
		h->list[0] = '\0';
	if (note == &h->load && is_same_site(span_of(h->failure.text), text))
		h->failure.time = 0;
	note->time = log->time;
	set_text(note->text, sizeof(note->text), text);
}

static bool
read_lines(struct hour *h, struct log_reader *log, const char *path, bool loads,
	   struct error *e)
{
	const struct log_query query = {
		.path = path,
		.since = h->now - (loads ? DAY : HOUR),
		.site = setup_site(),
		.all_sites = setup_site().ptr == NULL,
		.notes = true,
		.fields = FIELD_BIT(FIELD_VERDICT) | FIELD_BIT(FIELD_REASON) |
			  FIELD_BIT(FIELD_ORIGIN) | FIELD_BIT(FIELD_HUB) |
			  FIELD_BIT(FIELD_SHA1) | FIELD_BIT(FIELD_SITE) |
			  FIELD_BIT(FIELD_LIST) | FIELD_BIT(FIELD_SKEW) |
			  FIELD_BIT(FIELD_COUNT) | FIELD_BIT(FIELD_LOST),
	};

	static struct outage_events day; /* since the last load */
	int64_t loaded = 0;

	if (!log_reader_open(log, &query, e))
		return false;
	memset(&day, 0, sizeof(day));
	while (log_reader_next(log)) {
		if (log->note.ptr != NULL) {
			add_note(h, log);
			if (h->load.time > loaded)
				memset(&day, 0, sizeof(day));
			loaded = h->load.time;
			continue;
		}
		add_event(h, &day, log);
		if (log->time >= h->now - HOUR)
			add_decision(h, log);
	}
	h->begins = log->begins;
	h->doubt = log->doubt;
	day.skewed = 0; /* the clock may be correct now */
	if (h->events < OUTAGE_REFUSALS && h->last > loaded)
		h->outage = day;
	return log_reader_ended(log, e);
}

bool
hour_read(struct hour *h, const char *path, bool loads, struct error *e)
{
	struct log_reader log = { .file = -1 };

	memset(h, 0, sizeof(*h));
	h->now = (int64_t)time(NULL);
	bool ok = read_lines(h, &log, path, loads, e);
	log_reader_close(&log);
	return ok;
}
