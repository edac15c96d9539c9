/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * certgate sweep: close the connections of clients that the list no longer
 * admits, by the log of those that it accepted.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/disconnect.h"
#include "admin/log_reader.h"
#include "admin/print.h"
#include "admin/recheck.h"
#include "admin/rest.h"
#include "admin/setup.h"
#include "host/log.h"

enum { HOST_SIZE = 320 /* of https://HOST */ };

/* A connection that is no longer accepted. */
struct target_connection {
	const struct configuration *by; /* borrowed; with hub and id the key */
	char *hub, *id; /* owned */
	char *user, *origin; /* owned; NULL: not known */
	enum reason reason;
	bool accepted; /* by a later line of the log */
};

struct sweep {
	const struct command *command;
	struct sites sites;
	int64_t now;
	struct target_connection *target; /* owned */
	size_t n, size;
	size_t *places; /* owned; a hash table of numbers of target, from 1 */
	size_t n_places; /* a power of 2, at least twice n */
	bool *seen; /* owned; entries of the main list whose pin is in the
		     * log */
	struct decision decision;

	/* What is not known. */
	uint64_t lost; /* lines of the log */
	uint64_t assumed; /* judged without what the log does not have */
	uint64_t unjudged; /* no current CRL, for instance */
	uint64_t unnamed; /* the log cut the id, or no URL can name it */
	uint64_t strange; /* of unknown sites */

	uint64_t closed, gone, open;
};

static uint64_t
hash_of(struct span hub, struct span id)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < id.len; i++)
		hash = (hash ^ (uint8_t)id.ptr[i]) * UINT64_C(1099511628211);
	for (size_t i = 0; i < hub.len; i++)
		hash = (hash ^ (uint8_t)hub.ptr[i]) * UINT64_C(1099511628211);
	return hash;
}

/* Return the place of a connection, or the empty one where it belongs. */
static size_t *
find_place(const struct sweep *s, const struct configuration *by,
	   struct span hub, struct span id)
{
	for (uint64_t at = hash_of(hub, id);; at++) {
		size_t *place = &s->places[at & (s->n_places - 1)];
		const struct target_connection *one =
			&s->target[*place - (*place > 0)];
		if (*place == 0 ||
		    (one->by == by && span_equal(span_of(one->hub), hub) &&
		     span_equal(span_of(one->id), id)))
			return place;
	}
}

/* Make room for one more. */
static bool
reserve(struct sweep *s)
{
	enum { FIRST_SIZE = 256 };
	size_t size = s->size == 0 ? FIRST_SIZE : 2 * s->size;

	if (s->n < s->size)
		return true;
	struct target_connection *target =
		reallocarray(s->target, size, sizeof(*target));
	if (target == NULL)
		return false;
	s->target = target;
	size_t *places = calloc(2 * size, sizeof(*places));
	if (places == NULL)
		return false;
	s->size = size;
	free(s->places);
	s->places = places;
	s->n_places = 2 * size;
	for (size_t i = 0; i < s->n; i++)
		*find_place(s, target[i].by, span_of(target[i].hub),
			    span_of(target[i].id)) = i + 1;
	return true;
}

/* Add the connection of the line.  False if there is no memory. */
static bool
add_target(struct sweep *s, const struct configuration *by,
	   const struct log_reader *log)
{
	const struct span *value = log->value;
	size_t *place =
		find_place(s, by, value[FIELD_HUB], value[FIELD_CONNECTION]);
	struct target_connection *one = &s->target[*place - (*place > 0)];

	if (*place == 0) {
		one = &s->target[s->n];
		*one = (struct target_connection){
			.by = by,
			.hub = span_copy(value[FIELD_HUB]),
			.id = span_copy(value[FIELD_CONNECTION]),
		};
		*place = ++s->n;
	}
	free(one->user);
	free(one->origin);
	one->user = span_copy(value[FIELD_USER]);
	one->origin = span_copy(value[FIELD_ORIGIN]);
	one->reason = s->decision.reason;
	one->accepted = false;
	return one->hub != NULL && one->id != NULL && one->user != NULL &&
	       one->origin != NULL;
}

/* An outage of ours is no end of the client. */
static bool
is_end(enum reason reason)
{
	return reason != REASON_CRL && reason != REASON_INTERNAL &&
	       reason != REASON_LIST_UNREADABLE;
}

static void
mark_pin(struct sweep *s, const struct thumbprint *pin)
{
	const struct list *list = &s->sites.main.list;
	const struct list_key *found;
	size_t n = list_find(list, pin, &found);

	for (size_t i = 0; i < n; i++)
		s->seen[found[i].entry - list->entries] = true;
}

/* Those with a pin of the certificate, and the one that decided. */
static void
mark_entries(struct sweep *s, const struct logged_client *logged)
{
	const struct list *list = &s->sites.main.list;

	mark_pin(s, &logged->sha256);
	mark_pin(s, &logged->spki);
	mark_pin(s, &logged->sha1);
	if (s->decision.entry != NULL)
		s->seen[s->decision.entry - list->entries] = true;
}

static bool
can_name(struct span id)
{
	const struct span mark = SPAN("...");

	return disconnect_names(id) &&
	       (id.len != LOG_LINE_VALUE_MAX + mark.len ||
		!span_equal(span_after(id, LOG_LINE_VALUE_MAX), mark));
}

/* Judge the client of an acceptance. */
static bool
judge(struct sweep *s, const struct log_reader *log)
{
	const struct span *value = log->value;
	struct span hub = value[FIELD_HUB], id = value[FIELD_CONNECTION];
	const struct configuration *by =
		recheck_site(&s->sites, value[FIELD_SITE]);
	struct logged_client logged;

	if (by == NULL) {
		s->strange++;
		return true;
	}
	recheck_read(log, &logged);
	recheck_client(by, &logged, hub, s->now, &s->decision);
	if (by == &s->sites.main)
		mark_entries(s, &logged);
	if (!reserve(s))
		return false;
	if (s->decision.verdict == VERDICT_ALLOW) {
		size_t place = *find_place(s, by, hub, id);
		if (place > 0)
			s->target[place - 1].accepted = true;
		s->assumed += s->decision.assumed;
		return true;
	}
	if (!is_end(s->decision.reason))
		s->unjudged++;
	else if (!can_name(id))
		s->unnamed++;
	else
		return add_target(s, by, log);
	return true;
}

static bool
is_acceptance(struct span reason)
{
	static const enum reason accepted[] = { REASON_LISTED, REASON_ANONYMOUS,
						REASON_REPORT_ONLY };

	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
		if (span_equal(span_of(reason_name(accepted[i])), reason))
			return true;
	return false;
}

static bool
read_log(struct sweep *s, struct log_reader *log, struct error *e)
{
	const struct log_query query = {
		.path = s->command->option[OPTION_LOG],
		.site = setup_site(),
		.all_sites = setup_site().ptr == NULL,
		.fields = RECHECK_FIELDS | FIELD_BIT(FIELD_REASON) |
			  FIELD_BIT(FIELD_USER) | FIELD_BIT(FIELD_ORIGIN) |
			  FIELD_BIT(FIELD_CONNECTION) | FIELD_BIT(FIELD_LOST),
	};

	if (!log_reader_open(log, &query, e))
		return false;
	while (log_reader_next(log)) {
		s->lost += log_reader_number(log, FIELD_LOST);
		if (is_acceptance(log->value[FIELD_REASON]) && !judge(s, log))
			return error_set(e, "out of memory");
	}
	return log_reader_ended(log, e);
}

static void
print_target(const char *what, const struct target_connection *one)
{
	print("%s: connection ", what);
	print_text(span_of(one->id));
	if (one->user[0] != '\0') {
		print(" of ");
		print_text(span_of(one->user));
	}
	print(" in hub ");
	print_text(span_of(one->hub));
	print(": %s\n", reason_text(one->reason));
}

/* Close the connection at one host, if it is there.  False, with the problem,
 * if it may be open. */
static bool
close_at(struct sweep *s, const struct target_connection *one,
	 struct rest *rest, const char *host, char problem[REST_PROBLEM_SIZE])
{
	struct rest_call call = {
		.method = "HEAD",
		.host = host,
		.hub = one->hub,
		.before = SPAN("/connections/"),
		.id = span_of(one->id),
		.after = SPAN(""),
	};
	int status = rest_send(rest, &call, problem);

	if (status == 404) {
		s->gone++;
		return true;
	}
	if (status / 100 != 2)
		return false;
	if (s->command->option[OPTION_DRY_RUN] != NULL) {
		s->closed++;
		print_target("would close", one);
		return true;
	}
	call.method = "DELETE";
	status = rest_send(rest, &call, problem);
	if (status / 100 != 2)
		return false;
	s->closed++;
	print_target("closed", one);
	return true;
}

/* Return true if the settings name the host that the line is from. */
static bool
is_named(const struct settings *settings, const char *host)
{
	for (char *const *at = settings->origins; at != NULL && *at != NULL;
	     at++)
		if (span_equal_nocase(span_of(*at), span_of(host)))
			return true;
	return false;
}

static bool
close_target(struct sweep *s, const struct target_connection *one,
	     struct rest *rest)
{
	const char *endpoint = s->command->option[OPTION_ENDPOINT];
	const struct settings *settings = &one->by->settings;
	char problem[REST_PROBLEM_SIZE] = "", host[HOST_SIZE];

	if (settings->keys.n == 0)
		(void)snprintf(problem, sizeof(problem),
			       "no access key (fix: set "
			       "CERTGATE_ACCESS_KEYS)");
	else if (endpoint == NULL && !is_named(settings, one->origin))
		(void)snprintf(problem, sizeof(problem),
			       "not a host of CERTGATE_ORIGINS: '%s' (fix: "
			       "--endpoint https://HOST)",
			       error_word(span_of(one->origin)));
	else if (endpoint == NULL)
		(void)snprintf(host, sizeof(host), "https://%s", one->origin);
	else
		(void)snprintf(host, sizeof(host), "%.*s",
			       (int)(strlen(endpoint) -
				     (endpoint[strlen(endpoint) - 1] == '/')),
			       endpoint);
	if (problem[0] == '\0' && close_at(s, one, rest, host, problem))
		return true;
	print_problem("still open: connection '%s' in hub %s: %s",
		      error_word(span_of(one->id)),
		      error_word(span_of(one->hub)), problem);
	return false;
}

static void
close_all(struct sweep *s)
{
	struct rest rest = { .settings = NULL };

	for (size_t i = 0; i < s->n; i++) {
		const struct target_connection *one = &s->target[i];
		if (one->accepted)
			continue;
		if (rest.settings != &one->by->settings)
			rest = (struct rest){
				.settings = &one->by->settings,
				.authorities = s->command->option[OPTION_CA],
			};
		s->open += !close_target(s, one, &rest);
	}
}

/* The entry rejects now, whatever else the client has. */
static bool
is_over(const struct entry *entry, int64_t now)
{
	return !entry->allows || entry_has_expired(entry, now);
}

/* Entries that ended, and whose clients the log does not have, may have clients
 * that connected before it begins. */
static void
print_unseen(const struct sweep *s)
{
	const struct list *list = &s->sites.main.list;

	for (size_t i = 0; i < list->n; i++) {
		const struct entry *entry = &list->entries[i];
		if (s->seen[i] || entry->line == 0 || !is_over(entry, s->now))
			continue;
		print("not known: clients of line %u", entry->line);
		if (entry->user != NULL) {
			print(", user ");
			print_text(span_of(entry->user));
		}
		print(": not in the log\n");
	}
}

static void
print_count(uint64_t n, const char *text)
{
	if (n > 0)
		print("not known: %" PRIu64 " %s\n", n, text);
}

static void
show(const struct sweep *s, const struct log_reader *log)
{
	bool dry = s->command->option[OPTION_DRY_RUN] != NULL;

	print_unseen(s);
	print_count(s->lost, "lost lines of the log");
	print_count(s->strange, "connections of unknown sites");
	print_count(s->unnamed, "connections whose id no URL can name");
	print_count(s->unjudged, "connections without a current CRL");
	print_count(s->assumed,
		    "connections whose names, chain, client-id= or query. the "
		    "log does not have");
	log_reader_print_begin(log, false);
	print("clients that connected before are not known\n");
	if (log->doubt != NULL)
		print("others can write this log: %s\n", log->doubt);
	print("%" PRIu64 " %s, %" PRIu64 " had ended, %" PRIu64
	      " may be open\n",
	      s->closed, dry ? "would be closed" : "closed", s->gone, s->open);
}

/* Warnings are for certgate check. */
static void
take_error(void *context, enum log_level level, const struct error *e)
{
	(void)context;
	if (level == LOG_LEVEL_ERROR)
		print_error(e);
}

/* False, and printed, if there is a site, or none, that cannot decide: its
 * clients would all seem to be rejected. */
static bool
open_sites(struct sweep *s)
{
	log_divert(take_error, NULL);
	sites_open(&s->sites, setup_source(), NULL);
	sites_read(&s->sites);
	bool ok = s->sites.main.has_settings && s->sites.main.has_list &&
		  s->sites.unsure == 0;
	for (size_t i = 0; i < s->sites.n; i++)
		ok &= s->sites.site[i]->store.has_settings &&
		      s->sites.site[i]->store.has_list;
	if (!ok)
		print_problem("no list is loaded: nothing is closed");
	return ok;
}

static void
close_sweep(struct sweep *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->target[i].hub);
		free(s->target[i].id);
		free(s->target[i].user);
		free(s->target[i].origin);
	}
	free(s->target);
	free(s->places);
	free(s->seen);
	decision_free(&s->decision);
	sites_close(&s->sites);
}

enum exit_code
sweep_run(const struct command *command)
{
	struct sweep s = { .command = command, .now = (int64_t)time(NULL) };
	struct log_reader log = { .file = -1 };
	enum exit_code code = EXIT_SYSTEM;
	struct error e = { 0 };

	if (!disconnect_check_service(command))
		return EXIT_MISUSED;
	decision_init(&s.decision);
	if (open_sites(&s)) {
		s.seen = calloc(s.sites.main.list.n + 1, sizeof(*s.seen));
		if (s.seen == NULL)
			error_set(&e, "out of memory");
		else if (read_log(&s, &log, &e)) {
			close_all(&s);
			show(&s, &log);
			code = s.open == 0 ? EXIT_DONE : EXIT_SYSTEM;
		}
	}
	if (e.set)
		print_error(&e);
	log_reader_close(&log);
	close_sweep(&s);
	return code;
}
