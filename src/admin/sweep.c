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
	const struct configuration *by; /* borrowed; part of the key */
	char *hub, *id; /* owned; part of the key */
	char *origin; /* owned; part of the key without --endpoint */
	char *user; /* owned */
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
	bool *seen[SITES_MAX + 1]; /* owned; entries of each list whose pin is
				    * in the log; 0: the main one */
	struct decision decision;
	struct buffer token; /* of --token-file */
	struct span token_line; /* borrows token; absent: sign with the keys */
	bool dry_run; /* close nothing; also if others can write the log */
	const char *silent; /* a host that gave no answer; borrowed */

	/* Not checked, or not closed. */
	uint64_t lost; /* lines of the log */
	uint64_t cut; /* lines without their end */
	uint64_t assumed; /* judged without what the log does not have */
	uint64_t unjudged; /* no current CRL, for instance */
	uint64_t unnamed; /* the log cut the id, or no URL can name it */
	uint64_t strange; /* of unknown sites */

	uint64_t closed, gone, open;
};

static void
free_target(struct target_connection *one)
{
	free(one->hub);
	free(one->id);
	free(one->origin);
	free(one->user);
}

/* Which connection a line is of.  An MQTT client chooses its id: two services
 * can have the same.  --endpoint stands for all of them. */
struct key {
	const struct configuration *by;
	struct span hub, id, origin;
};

static struct key
key_of(const struct target_connection *one)
{
	return (struct key){ one->by, span_of(one->hub), span_of(one->id),
			     span_of(one->origin) };
}

/* Return the place of a connection, or the empty one where it belongs. */
static size_t *
find_place(const struct sweep *s, const struct key *key)
{
	bool by_origin = s->command->option[OPTION_ENDPOINT] == NULL;
	uint64_t at = span_hash(key->id) ^ span_hash(key->hub);

	for (;; at++) {
		size_t *place = &s->places[at & (s->n_places - 1)];
		if (*place == 0)
			return place;
		struct key known = key_of(&s->target[*place - 1]);
		if (known.by == key->by && span_equal(known.hub, key->hub) &&
		    span_equal(known.id, key->id) &&
		    (!by_origin ||
		     span_equal_nocase(known.origin, key->origin)))
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
	for (size_t i = 0; i < s->n; i++) {
		struct key key = key_of(&target[i]);
		*find_place(s, &key) = i + 1;
	}
	return true;
}

/* Add the connection of a line of this user; with a place it is known, and
 * the newer line counts.  False if there is no memory. */
static bool
add_target(struct sweep *s, const struct key *key, struct span user)
{
	size_t *place = find_place(s, key);
	struct target_connection one = {
		.by = key->by,
		.hub = span_copy(key->hub),
		.id = span_copy(key->id),
		.origin = span_copy(key->origin),
		.user = span_copy(user),
		.reason = s->decision.reason,
	};

	if (one.hub == NULL || one.id == NULL || one.origin == NULL ||
	    one.user == NULL) {
		free_target(&one);
		return false;
	}
	if (*place == 0)
		*place = ++s->n;
	else
		free_target(&s->target[*place - 1]);
	s->target[*place - 1] = one;
	return true;
}

/* Return false for faults of this host, which must not close connections. */
static bool
is_end(enum reason reason)
{
	return reason != REASON_CRL && reason != REASON_INTERNAL &&
	       reason != REASON_LIST_UNREADABLE && reason != REASON_STORE;
}

/* The i-th configuration; 0: the main one. */
static const struct configuration *
configuration_at(const struct sweep *s, size_t i)
{
	return i == 0 ? &s->sites.main : &s->sites.site[i - 1]->store;
}

static void
mark_pin(const struct list *list, bool *seen, const struct thumbprint *pin)
{
	const struct list_key *found;
	size_t n = list_find(list, pin, &found);

	for (size_t i = 0; i < n; i++)
		seen[found[i].entry - list->entries] = true;
}

/* Those with a pin of the certificate, and the one that decided. */
static void
mark_entries(struct sweep *s, const struct configuration *by,
	     const struct logged_client *logged)
{
	size_t i = 0;

	while (configuration_at(s, i) != by)
		i++;
	mark_pin(&by->list, s->seen[i], &logged->sha256);
	mark_pin(&by->list, s->seen[i], &logged->spki);
	mark_pin(&by->list, s->seen[i], &logged->sha1);
	if (s->decision.entry != NULL &&
	    s->decision.entry->line != ENTRY_LINE_STORED)
		s->seen[i][s->decision.entry - by->list.entries] = true;
}

static bool
can_name(struct span word)
{
	return disconnect_names(word) && !log_line_may_be_cut(word);
}

/* Judge the client of an acceptance. */
static bool
judge(struct sweep *s, const struct log_reader *log)
{
	const struct span *value = log->value;
	struct key key = { recheck_site(&s->sites, value[FIELD_SITE]),
			   value[FIELD_HUB], value[FIELD_CONNECTION],
			   value[FIELD_ORIGIN] };
	struct logged_client logged;

	/* The last field: a syslog that cuts a line cuts pins, too. */
	if (value[FIELD_US].ptr == NULL) {
		s->cut++;
		return true;
	}
	if (key.by == NULL) {
		s->strange++;
		return true;
	}
	recheck_read(log, &logged);
	recheck_client(key.by, &logged, key.hub, s->now, &s->decision);
	mark_entries(s, key.by, &logged);
	if (!reserve(s))
		return false;
	if (s->decision.verdict == VERDICT_ALLOW) {
		size_t place = *find_place(s, &key);
		if (place > 0)
			s->target[place - 1].accepted = true;
		s->assumed += s->decision.assumed;
		return true;
	}
	if (!is_end(s->decision.reason))
		s->unjudged++;
	else if (!can_name(key.id) || !can_name(key.hub))
		s->unnamed++;
	else
		return add_target(s, &key, value[FIELD_USER]);
	return true;
}

static bool
read_log(struct sweep *s, struct log_reader *log, struct error *e)
{
	const struct log_query query = {
		.path = s->command->option[OPTION_LOG],
		.fields = RECHECK_FIELDS | FIELD_BIT(FIELD_REASON) |
			  FIELD_BIT(FIELD_USER) | FIELD_BIT(FIELD_ORIGIN) |
			  FIELD_BIT(FIELD_CONNECTION) | FIELD_BIT(FIELD_US) |
			  FIELD_BIT(FIELD_LOST),
	};

	if (!log_reader_open(log, &query, e))
		return false;
	while (log_reader_next(log)) {
		s->lost += log_reader_number(log, FIELD_LOST);
		enum reason reason = reason_find(log->value[FIELD_REASON]);
		if (reason_is_acceptance(reason) && !judge(s, log))
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

	if (status == 0)
		s->silent = one->origin;
	if (status == 404) {
		s->gone++;
		return true;
	}
	if (status / 100 != 2)
		return false;
	if (s->dry_run) {
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

static bool
close_target(struct sweep *s, const struct target_connection *one,
	     struct rest *rest)
{
	const char *endpoint = s->command->option[OPTION_ENDPOINT];
	const struct settings *settings = &one->by->settings;
	char problem[REST_PROBLEM_SIZE] = "", host[HOST_SIZE];

	if (settings->keys.n == 0 && span_empty(s->token_line))
		(void)snprintf(problem, sizeof(problem),
			       "no access key (fix: set CERTGATE_ACCESS_KEYS, "
			       "or use --token-file FILE)");
	else if (s->silent != NULL &&
		 (endpoint != NULL || strcmp(s->silent, one->origin) == 0))
		(void)snprintf(problem, sizeof(problem),
			       "no answer to the call before");
	else if (endpoint == NULL &&
		 (settings->origins == NULL ||
		  !settings_names(settings->origins, span_of(one->origin))))
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
				.token = s->token_line,
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
print_unseen(const struct sweep *s, size_t at)
{
	const struct list *list = &configuration_at(s, at)->list;

	for (size_t i = 0; i < list->n; i++) {
		const struct entry *entry = &list->entries[i];
		if (s->seen[at][i] || entry->line == 0 ||
		    !is_over(entry, s->now))
			continue;
		print("not checked: clients of line %u", entry->line);
		if (at > 0)
			print(" of site %s", s->sites.site[at - 1]->name);
		if (entry->user != NULL) {
			print(", user ");
			print_text(span_of(entry->user));
		}
		print(": the log has none\n");
	}
}

static void
print_count(const char *text, uint64_t n, const char *fix)
{
	if (n > 0)
		print("%s: %" PRIu64 "%s\n", text, n, fix);
}

static void
show(const struct sweep *s, const struct log_reader *log)
{
	for (size_t i = 0; i <= s->sites.n; i++)
		print_unseen(s, i);
	print_count("not checked: lost lines of the log", s->lost, "");
	print_count("not checked: cut lines of the log", s->cut, "");
	print_count("not checked: connections of unknown sites", s->strange,
		    " (fix: restore the settings of the site)");
	if (s->unjudged > 0)
		print("not checked: connections without a current CRL: %" PRIu64
		      " (fix: certgate crl fetch%s)\n",
		      s->unjudged, setup_config_options(""));
	print_count("not checked: connections with conditions on names, "
		    "chain, client-id= or query.NAME=",
		    s->assumed, " (the log has none of these)");
	print_count("not closed: connections with an id or a hub that is cut "
		    "in the log or invalid in a URL",
		    s->unnamed, "");
	log_reader_print_begin(log, false);
	print("not checked: clients that connected before the log begins (fix: "
	      "certgate disconnect%s USER)\n",
	      setup_config_options(""));
	if (s->lost + s->cut + s->strange + s->unjudged + s->assumed +
		    s->unnamed >
	    0)
		print("Connections that are not checked stay open.\n");
	if (s->closed + s->gone + s->open + s->unnamed == 0) {
		print("No connection to close was found.\n");
		return;
	}
	print("%" PRIu64 " %s, %" PRIu64 " not connected, %" PRIu64
	      " may be open\n",
	      s->closed, s->dry_run ? "would be closed" : "closed", s->gone,
	      s->open);
}

/* False, and printed, if there is a site, or none, that cannot decide: its
 * clients would all seem to be rejected. */
static bool
open_sites(struct sweep *s)
{
	setup_print_errors();
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

static bool
reserve_seen(struct sweep *s)
{
	for (size_t i = 0; i <= s->sites.n; i++) {
		const struct list *list = &configuration_at(s, i)->list;
		s->seen[i] = calloc(list->n + 1, sizeof(*s->seen[i]));
		if (s->seen[i] == NULL)
			return false;
	}
	return true;
}

/* Lines of a log that others can write close nothing: a stranger could end any
 * connection whose id is known. */
static enum exit_code
close_and_show(struct sweep *s, const struct log_reader *log)
{
	bool dry = s->command->option[OPTION_DRY_RUN] != NULL;

	s->dry_run = dry || log->doubt != NULL;
	close_all(s);
	show(s, log);
	if (s->dry_run && !dry) /* the note says why */
		print_problem("nothing is closed: the log is not trusted (fix: "
			      "certgate disconnect%s CONNECTION)",
			      setup_config_options(""));
	return s->open == 0 && (s->closed == 0 || dry || !s->dry_run)
		       ? EXIT_DONE
		       : EXIT_SYSTEM;
}

static void
close_sweep(struct sweep *s)
{
	for (size_t i = 0; i < s->n; i++)
		free_target(&s->target[i]);
	free(s->target);
	free(s->places);
	for (size_t i = 0; i <= s->sites.n; i++)
		free(s->seen[i]);
	buffer_wipe(&s->token);
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

	decision_init(&s.decision);
	if (!disconnect_check_service(command) ||
	    !disconnect_read_token(command, &s.token, &s.token_line))
		code = EXIT_MISUSED;
	else if (open_sites(&s)) {
		if (!reserve_seen(&s))
			error_set(&e, "out of memory");
		else if (read_log(&s, &log, &e))
			code = close_and_show(&s, &log);
	}
	if (e.set)
		print_error(&e);
	log_reader_close(&log);
	close_sweep(&s);
	return code;
}
