/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/datagram.h"
#include "host/log.h"
#include "host/status.h"

const char hint_text[] = "every client comes without a certificate: is "
			 "tls.clientCertEnabled on for the resource?";

static bool
is_without(enum reason reason)
{
	return reason == REASON_NO_CERTIFICATE || reason == REASON_ANONYMOUS;
}

/* The list is looked for before the certificate is. */
static bool
is_with(enum reason reason)
{
	return reason == REASON_LISTED || reason == REASON_REPORT_ONLY ||
	       (reason_is_client(reason) && reason != REASON_LIST_UNREADABLE &&
		!is_without(reason));
}

bool
hint_is_due(struct hint *hint, enum reason reason, int64_t now_s)
{
	if (is_with(reason)) {
		hint->without = 0;
		hint->seen = true;
		hint->seen_s = now_s;
	}
	if (!is_without(reason))
		return false;
	hint->without++;
	if (hint->without < HINT_EVENTS ||
	    (hint->seen && now_s - hint->seen_s < HINT_PAUSE_S) ||
	    (hint->said && now_s - hint->said_s < HINT_PAUSE_S))
		return false;
	hint->said = true;
	hint->said_s = now_s;
	return true;
}

enum {
	TEXT_MAX = 1024, /* bytes */
	COUNTS_MAX = 256, /* bytes */
	HOUR_S = 3600,
	MINUTE_S = 60,
	REASONS_TOLD = 4 /* the most frequent ones of an hour */
};

static struct datagram manager = { NULL, -1 };
static char told[TEXT_MAX]; /* empty: nothing yet */
static unsigned long counts[REASONS]; /* of the current hour */
static int64_t hour = -1; /* since 1970; -1: not known yet */
static char this_hour[COUNTS_MAX], last_hour[COUNTS_MAX]; /* as text */

/* A web server that is a service itself may hand the variable on to handlers
 * that it starts: it is the server that systemd waits for. */
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

static bool
refuses(const struct configuration *store)
{
	return !store->has_settings || !store->has_list;
}

static int
write_main(char *text, const struct configuration *store)
{
	if (refuses(store))
		return snprintf(text, TEXT_MAX,
				"STATUS=refuses everybody: settings or list do "
				"not read; certgate check says why");
	return snprintf(text, TEXT_MAX, "STATUS=list %u: %zu entr%s%s",
			store->generation, store->list.n,
			store->list.n == 1 ? "y" : "ies",
			store->stale ? "; what is on the disk now does not "
				       "read, certgate check says why"
				     : "");
}

static int
write_sites(char *text, const struct sites *sites)
{
	size_t refusing = 0, stale = 0;

	for (size_t i = 0; i < sites->n; i++) {
		const struct configuration *store = &sites->site[i]->store;
		refusing += refuses(store);
		stale += !refuses(store) && store->stale;
	}
	return snprintf(text, TEXT_MAX,
			"STATUS=%zu sites: %zu refuse everybody, %zu have not "
			"what is on the disk now",
			sites->n, refusing, stale);
}

void
status_count(const struct decision *decision)
{
	if (decision->reason != REASON_VALIDATED &&
	    decision->reason != REASON_NOTIFIED)
		counts[decision->reason]++;
}

/* Adds the most frequent refusals: (not-listed 12, denied 5). */
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

/* 1204 allowed, 17 denied (not-listed 12, denied 5) */
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
		write_counts(this_hour);
		log_note(LOG_LEVEL_NOTE, "last hour: %s", last_hour);
	}
	hour = now / HOUR_S;
}

void
status_tell(const struct sites *sites, int64_t now)
{
	const struct span ready = SPAN("\nREADY=1");
	char text[TEXT_MAX];
	struct span words = { text, 0 };

	keep_counts(now);
	if (manager.path == NULL)
		return;
	int n = sites->in_use ? write_sites(text, sites)
			      : write_main(text, &sites->main);
	if (n > 0 && n < TEXT_MAX)
		n += snprintf(
			text + n, TEXT_MAX - (size_t)n, "; this hour: %s%s%s",
			this_hour,
			last_hour[0] == '\0' ? "" : "; last hour: ", last_hour);
	if (n < 0 || (size_t)n >= sizeof(text) - ready.len ||
	    strcmp(text, told) == 0)
		return;
	words.len = (size_t)n;
	if (told[0] == '\0') {
		memcpy(text + n, ready.ptr, ready.len);
		words.len += ready.len;
	}
	if (!datagram_send(&manager, words))
		return;
	memcpy(told, text, (size_t)n);
	told[n] = '\0';
}
