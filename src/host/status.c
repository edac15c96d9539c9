/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "host/datagram.h"
#include "host/log.h"
#include "host/outage.h"
#include "host/status.h"

enum {
	TEXT_MAX = 2048, /* bytes */
	COUNTS_MAX = 256, /* bytes */
	HOUR_S = 3600,
	DAY_S = 24 * HOUR_S,
	MINUTE_S = 60,
	REASONS_TOLD = 4 /* the most frequent reasons of an hour */
};

static struct datagram manager = { NULL, -1 };
static unsigned long counts[REASONS]; /* of the current hour */
static struct outage_events events;
static int64_t hour = -1; /* since 1970; -1: not known yet */
static char this_hour[COUNTS_MAX], last_hour[COUNTS_MAX]; /* as text */

/* Return true if systemd started this process.  A web server that is a service
 * passes NOTIFY_SOCKET on to the handlers that it starts. */
static bool
is_service(void)
{
	const char *process = getenv("SYSTEMD_EXEC_PID"); /* from 248 on */
	char own[sizeof("-2147483648")];

	(void)snprintf(own, sizeof(own), "%d", (int)getpid());
	return process == NULL || strcmp(process, own) == 0;
}

void
status_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (path == NULL || path[0] != '/' || !is_service())
		return;
	manager.path = path;
	(void)datagram_open(&manager);
}

static void
add_number(struct buffer *out, uint64_t number, const char *one,
	   const char *several)
{
	buffer_add_number(out, number);
	buffer_add(out, span_of(number == 1 ? one : several));
}

static void
add_main(struct buffer *out, const struct configuration *c)
{
	buffer_add(out, SPAN(CONFIGURATION_NOTE_LIST));
	buffer_add_number(out, c->generation);
	buffer_add(out, SPAN(": "));
	add_number(out, c->list.n, " entry", " entries");
}

static uint64_t
hash_of(const struct thumbprint *t)
{
	uint64_t hash = 0;

	if (thumbprint_size(t->kind) >= sizeof(hash))
		memcpy(&hash, t->digest, sizeof(hash));
	return hash;
}

void
status_count(const struct answer *answer, int64_t now)
{
	enum reason reason = answer->decision.reason;
	const struct entry *entry = answer->decision.entry;
	struct outage_event event = {
		.reason = reason,
		.certificate = hash_of(&answer->decision.sha1),
		.line = entry == NULL || entry->line == ENTRY_LINE_STORED
				? 0
				: entry->line,
		.name = answer->event,
		.site = log_line_site(answer->site),
		.origin = answer->origin,
		.hub = answer->hub,
		.connection = answer->connection,
		.time = now,
	};
	int64_t sent;

	event.has_skew = date_time_parse(answer->time, &sent);
	event.skew = event.has_skew ? now - sent : 0;
	outage_events_add(&events, &event);
	if (reason != REASON_VALIDATED && reason != REASON_NOTIFIED)
		counts[reason]++;
}

/* Add the most frequent refusals: (not-listed 12, denied 5). */
static void
add_refusals(struct buffer *out)
{
	unsigned long left[REASONS];

	memcpy(left, counts, sizeof(left));
	for (int n = 0; n < REASONS_TOLD; n++) {
		int most = REASON_INTERNAL;
		for (int i = 0; i < REASONS; i++)
			if (reason_status((enum reason)i) != 0 &&
			    left[i] > left[most])
				most = i;
		if (left[most] == 0)
			break;
		buffer_add(out, n == 0 ? SPAN(" (") : SPAN(", "));
		buffer_add(out, span_of(reason_name((enum reason)most)));
		buffer_add_byte(out, ' ');
		buffer_add_number(out, left[most]);
		left[most] = 0;
	}
}

/* Write: 1204 allowed, 17 denied (not-listed 12, denied 5) */
static void
write_counts(char text[COUNTS_MAX])
{
	unsigned long sum[2] = { 0, 0 };
	struct buffer out;

	for (int i = 0; i < REASONS; i++)
		sum[reason_status((enum reason)i) == 0] += counts[i];
	buffer_init(&out, COUNTS_MAX);
	buffer_add_number(&out, sum[true]);
	buffer_add(&out, SPAN(" allowed, "));
	buffer_add_number(&out, sum[false]);
	buffer_add(&out, SPAN(" denied"));
	if (sum[false] > 0) {
		add_refusals(&out);
		buffer_add_byte(&out, ')');
	}
	(void)snprintf(text, COUNTS_MAX, "%.*s", (int)out.len, out.data);
	buffer_free(&out);
}

/* Begin a new hour if the clock says so, and make the text of this one each
 * minute. */
static void
keep_counts(int64_t now)
{
	static int64_t minute;
	bool over = hour >= 0 && now / HOUR_S != hour;

	if (over || now / MINUTE_S != minute)
		write_counts(this_hour);
	minute = now / MINUTE_S;
	if (over) {
		memcpy(last_hour, this_hour, sizeof(last_hour));
		memset(counts, 0, sizeof(counts));
		events.skewed = 0; /* the clock may be correct now */
		outage_events_forget(&events, now - DAY_S);
		write_counts(this_hour);
		log_note(LOG_LEVEL_NOTE, "last hour: %s", last_hour);
	}
	hour = now / HOUR_S;
}

/* Forget the refusals of each configuration that was loaded since the last
 * call. */
static void
keep_loads(const struct sites *sites)
{
	static unsigned main;

	if (sites->main.generation != main)
		outage_events_load(&events, (struct span){ 0 });
	main = sites->main.generation;
	for (size_t i = 0; i < sites->n; i++) {
		struct site *site = sites->site[i];
		if (site->generation != site->store.generation)
			outage_events_load(&events, span_of(site->name));
		site->generation = site->store.generation;
	}
}

static enum outage
find_in_files(const struct sites *sites, int64_t now)
{
	const struct configuration *c = &sites->main;

	if (!c->has_settings || c->stale == CONFIGURATION_NO_SETTINGS)
		return OUTAGE_SETTINGS;
	if (!c->has_list || c->stale == CONFIGURATION_NO_LIST)
		return OUTAGE_LIST;
	if (outage_refusal(sites, now) != NULL)
		return OUTAGE_REFUSING;
	for (size_t i = 0; i < sites->n; i++) {
		c = &sites->site[i]->store;
		if (!c->has_settings || !c->has_list || c->stale)
			return OUTAGE_ERRORS;
	}
	return OUTAGES;
}

/* Return the outage as certgate status does, from the data of this process;
 * OUTAGES: none. */
static enum outage
find_outage(const struct sites *sites, int64_t now)
{
	const struct outage_site *site;
	const char *name;
	enum outage in_files = find_in_files(sites, now);
	enum reason reason = outage_events_reason(&events, &site);

	if (in_files != OUTAGES)
		return in_files;
	if (reason != REASONS && !reason_is_client(reason))
		return OUTAGE_SENDERS;
	if (events.skewed >= OUTAGE_REFUSALS)
		return OUTAGE_SKEWED;
	if (reason != REASONS)
		return OUTAGE_CLIENTS;
	if (outage_lacks_valid_entry(sites, now, &name))
		return OUTAGE_NO_VALID_ENTRY;
	if (outage_store_age(sites, &name) > 0)
		return OUTAGE_AGED;
	if (log_fault() != 0)
		return log_fault() == ENOSPC ? OUTAGE_FULL : OUTAGE_LOST;
	return OUTAGES;
}

/* Add the sentence of an outage, and log it once an hour. */
static void
add_outage(struct buffer *out, const struct sites *sites, int64_t now)
{
	static int64_t logged[OUTAGES]; /* hours since 1970 plus 1; 0: never */
	enum outage outage = find_outage(sites, now);
	/* A store can change meanwhile. */
	const struct outage_refusal *refusal = outage_refusal(sites, now);
	struct outage_text t;
	char text[2 * sizeof(t)];

	if (outage == OUTAGES || (outage == OUTAGE_REFUSING && refusal == NULL))
		return;
	outage_tell(outage, &events, sites, refusal, now, &t);
	bool has_site = t.site[0] != '\0', has_detail = t.detail[0] != '\0';
	(void)snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", t.sentence,
		       has_detail ? " (" : "", t.detail, has_detail ? ")" : "",
		       has_site ? " (site " : "", t.site, has_site ? ")" : "");
	buffer_add(out, span_of(text));
	buffer_add_byte(out, ' ');
	if (logged[outage] != now / HOUR_S + 1)
		log_note(LOG_LEVEL_WARNING, "%s See certgate status.", text);
	logged[outage] = now / HOUR_S + 1;
}

static void
add_counts(struct buffer *out)
{
	buffer_add(out, SPAN("; this hour: "));
	buffer_add(out, span_of(this_hour));
	if (last_hour[0] == '\0')
		return;
	buffer_add(out, SPAN("; last hour: "));
	buffer_add(out, span_of(last_hour));
}

/* Send the text if it changed; keep it if it was sent. */
static void
send_status(struct buffer *text)
{
	static struct buffer told; /* empty: nothing yet */
	size_t n = text->len;

	if (manager.path == NULL || text->failed ||
	    span_equal(buffer_span(text), buffer_span(&told)))
		return;
	if (told.len == 0)
		buffer_add(text, SPAN("\nREADY=1"));
	if (text->failed || !datagram_send(&manager, buffer_span(text)))
		return;
	buffer_free(&told);
	told = *text;
	told.len = n;
	*text = (struct buffer){ 0 };
}

void
status_tell(const struct sites *sites, int64_t now)
{
	struct buffer text;

	keep_counts(now);
	keep_loads(sites);
	buffer_init(&text, TEXT_MAX);
	buffer_add(&text, SPAN("STATUS="));
	add_outage(&text, sites, now);
	if (sites->in_use)
		add_number(&text, sites->n, " site", " sites");
	else
		add_main(&text, &sites->main);
	add_counts(&text);
	send_status(&text);
	buffer_free(&text);
}
