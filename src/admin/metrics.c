/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "admin/expiry_log.h"
#include "admin/loads.h"
#include "admin/log_reader.h"
#include "admin/metrics.h"
#include "admin/print.h"
#include "admin/replace.h"
#include "admin/setup.h"
#include "base/date.h"
#include "host/file.h"
#include "host/log.h"
#include "policy/reason.h"

enum {
	NAME_SIZE = 136, /* bytes of a hub's or a site's name */
	STATE_MAX = 16777216, /* bytes of the state file */
	EXPIRED_DAYS = 7, /* for which an expired item is still the next end */
	PER_SECOND = 1000000 /* microseconds */
};

const unsigned metrics_limit[METRICS_TIMES + 1] = { 10,	    20,	   50,	  100,
						    200,    500,   1000,  2000,
						    5000,   10000, 20000, 50000,
						    100000, 0 };

/* The label of all sites and hubs outside the configuration, since a sender can
 * invent names. */
static const char other[] = "(other)";

/* The events at a hub of a site; empty: no name. */
struct series {
	char site[NAME_SIZE], hub[NAME_SIZE];
	uint64_t count[REASONS + 1]; /* the last one: unknown */
	uint64_t stale; /* decisions by a list other than that on disk */
	int64_t end[EXPIRY_KINDS]; /* the next one, UTC seconds; 0: none */
};

struct metrics {
	struct series *series; /* owned */
	size_t n;
	uint64_t us, lost; /* of all decisions; lines */
	uint64_t within[METRICS_TIMES + 1]; /* decisions by metrics_slot() */
	struct loads loads;
	char *cursor; /* owned; NULL: there is no state */
	bool failed; /* out of memory */
};

unsigned
metrics_slot(uint64_t us)
{
	unsigned i = 0;

	while (metrics_limit[i] > 0 && us > metrics_limit[i])
		i++;
	return i;
}

const char *
metrics_verdict(enum reason reason)
{
	return reason_status(reason) == 0 ? "allow" : "deny";
}

/* Return the series, which is made if there is none; NULL: out of memory. */
static struct series *
make_series(struct metrics *m, struct span site, struct span hub)
{
	for (size_t i = 0; i < m->n; i++)
		if (span_equal(span_of(m->series[i].site), site) &&
		    span_equal_nocase(span_of(m->series[i].hub), hub))
			return &m->series[i];
	struct series *longer =
		reallocarray(m->series, m->n + 1, sizeof(*longer));
	m->failed |= longer == NULL;
	if (longer == NULL)
		return NULL;
	m->series = longer;
	longer += m->n++;
	*longer = (struct series){ .stale = 0 };
	span_write(site, longer->site, NAME_SIZE);
	span_write(hub, longer->hub, NAME_SIZE);
	return longer;
}

/* Add the configured hubs, and one for all others. */
static void
add_configuration(struct metrics *m, const char *site,
		  const struct configuration *c)
{
	char **hub = c->has_settings ? c->settings.hubs : NULL;

	for (; hub != NULL && *hub != NULL; hub++)
		(void)make_series(m, span_of(site), span_of(*hub));
	(void)make_series(m, span_of(site), span_of(other));
}

/* Return the name of the main configuration. */
static const char *
main_name(void)
{
	static char name[NAME_SIZE];

	span_write(setup_site(), name, sizeof(name));
	return name;
}

static void
add_configurations(struct metrics *m, const struct sites *sites)
{
	add_configuration(m, main_name(), &sites->main);
	for (size_t i = 0; i < sites->n; i++)
		add_configuration(m, sites->site[i]->name,
				  &sites->site[i]->store);
	(void)make_series(m, span_of(other), span_of(other));
}

/* Return the series of an event: of its hub, else of other hubs of its site,
 * else of other sites. */
static struct series *
find_series(struct metrics *m, struct span site, struct span hub)
{
	struct series *found = NULL;

	for (size_t i = 0; i < m->n; i++) {
		struct series *series = &m->series[i];
		bool same = span_equal(span_of(series->site), site);
		if (same && span_equal_nocase(span_of(series->hub), hub))
			return series;
		if (strcmp(series->hub, other) == 0 &&
		    (same ||
		     (found == NULL && strcmp(series->site, other) == 0)))
			found = series;
	}
	return found;
}

static void
add_line(struct metrics *m, const struct log_reader *log)
{
	const struct span *value = log->value;
	struct series *series =
		find_series(m, value[FIELD_SITE], value[FIELD_HUB]);
	uint64_t count = log_reader_number(log, FIELD_COUNT), us;

	count += count == 0;
	if (series != NULL)
		series->count[reason_find(value[FIELD_REASON])] += count;
	if (series != NULL && span_equal(value[FIELD_LIST], SPAN("stale")))
		series->stale += count;
	m->lost += log_reader_number(log, FIELD_LOST);
	if (!span_number(value[FIELD_US], 0, UINT32_MAX, &us))
		return;
	m->within[metrics_slot(us)]++;
	m->us += us;
}

/* Read on from the cursor; or, without one, for loads alone. */
static bool
read_log(struct metrics *m, const struct command *command, bool decisions,
	 struct buffer *cursor, struct error *e)
{
	const struct log_query query = {
		.path = command->option[OPTION_LOG],
		.cursor = decisions ? m->cursor : "",
		.notes = true,
		.fields = FIELD_BIT(FIELD_VERDICT) | FIELD_BIT(FIELD_REASON) |
			  FIELD_BIT(FIELD_HUB) | FIELD_BIT(FIELD_SITE) |
			  FIELD_BIT(FIELD_LIST) | FIELD_BIT(FIELD_US) |
			  FIELD_BIT(FIELD_COUNT) | FIELD_BIT(FIELD_LOST),
	};
	struct log_reader log = { .file = -1 };

	bool ok = log_reader_open(&log, &query, e);
	bool lost = log.lost;
	while (ok && log_reader_next(&log))
		if (log.note.ptr != NULL)
			loads_add(&m->loads, log.time, log.note);
		else if (decisions)
			add_line(m, &log);
	ok = ok && log_reader_ended(&log, e);
	if (ok)
		log_reader_cursor(&log, cursor);
	log_reader_close(&log);
	return ok && !(lost && decisions);
}

static void
take_count(struct metrics *m, struct span name, struct span number)
{
	char known[NAME_SIZE];

	if (span_equal(name, SPAN("us")))
		(void)span_number(number, 0, INT64_MAX, &m->us);
	if (span_equal(name, SPAN("lost")))
		(void)span_number(number, 0, INT64_MAX, &m->lost);
	for (unsigned i = 0; i <= METRICS_TIMES; i++) {
		(void)snprintf(known, sizeof(known), "within.%u",
			       metrics_limit[i]);
		if (span_equal(span_of(known), name))
			(void)span_number(number, 0, INT64_MAX, &m->within[i]);
	}
}

/* Take "SITE HUB REASON NUMBER"; a missing name is '.'. */
static void
take_series(struct metrics *m, struct span rest)
{
	struct span word[3];
	uint64_t number;

	for (size_t i = 0; i < 3; i++)
		if (!span_next(&rest, " ", &word[i]))
			return;
	for (size_t i = 0; i < 2; i++)
		if (span_equal(word[i], SPAN(".")))
			word[i].len = 0;
	struct series *series = make_series(m, word[0], word[1]);
	if (series == NULL || !span_number(rest, 0, INT64_MAX, &number))
		return;
	if (span_equal(word[2], SPAN("stale")))
		series->stale = number;
	else
		series->count[reason_find(word[2])] = number;
}

/* Read a first line "cursor CURSOR", then "NAME NUMBER", "events …" and "load
 * …". */
static void
read_state(struct metrics *m, const char *path)
{
	struct file_identity identity;
	struct error e = { 0 };
	struct span rest, line, name;
	struct buffer text;

	(void)file_read(path, false, STATE_MAX, &text, &identity, &e);
	rest = buffer_span(&text);
	while (span_next(&rest, "\n", &line)) {
		if (!span_next(&line, " ", &name) || line.ptr == NULL)
			continue;
		if (m->cursor == NULL && span_equal(name, SPAN("cursor")))
			m->cursor = span_copy(line);
		else if (m->cursor == NULL)
			break;
		else if (span_equal(name, SPAN("events")))
			take_series(m, line);
		else if (span_equal(name, SPAN("load")))
			loads_take(&m->loads, line);
		else
			take_count(m, name, line);
	}
	buffer_free(&text);
}

static void
add_count(struct buffer *text, const char *name, uint64_t number)
{
	buffer_add(text, span_of(name));
	buffer_add_byte(text, ' ');
	buffer_add_number(text, number);
	buffer_add_byte(text, '\n');
}

static void
add_event(struct buffer *text, const struct series *series, const char *word,
	  uint64_t number)
{
	buffer_add(text, SPAN("events "));
	buffer_add(text, span_of(series->site[0] == '\0' ? "." : series->site));
	buffer_add_byte(text, ' ');
	buffer_add(text, span_of(series->hub));
	buffer_add_byte(text, ' ');
	add_count(text, word, number);
}

static void
add_state(struct buffer *text, const struct metrics *m, struct span cursor)
{
	char name[NAME_SIZE];

	buffer_add(text, SPAN("cursor "));
	buffer_add(text, cursor);
	buffer_add_byte(text, '\n');
	add_count(text, "us", m->us);
	add_count(text, "lost", m->lost);
	for (unsigned i = 0; i <= METRICS_TIMES; i++) {
		(void)snprintf(name, sizeof(name), "within.%u",
			       metrics_limit[i]);
		add_count(text, name, m->within[i]);
	}
	for (size_t i = 0; i < m->n; i++) {
		const struct series *series = &m->series[i];
		add_event(text, series, "stale", series->stale);
		for (size_t j = 0; j <= REASONS; j++)
			if (series->count[j] > 0)
				add_event(text, series,
					  reason_name((enum reason)j),
					  series->count[j]);
	}
	loads_write(&m->loads, text);
}

static bool
write_state(const struct metrics *m, struct span cursor, const char *path,
	    struct error *e)
{
	struct replacement state = REPLACEMENT_NONE;
	struct buffer text;

	buffer_init(&text, STATE_MAX);
	add_state(&text, m, cursor);
	bool ok = text.failed || m->failed
			  ? error_set(e, "out of memory")
			  : replace_open(&state, path, false, e) &&
				    replace_commit(&state, buffer_span(&text),
						   NULL, e);
	replace_close(&state);
	buffer_free(&text);
	return ok;
}

/* Print the events.  Names of sites and hubs need no escapes. */
static void
print_events(const struct metrics *m)
{
	print_family("events_total", "counter",
		     "Events by site, hub, verdict and reason.");
	for (size_t i = 0; i < m->n; i++)
		for (size_t j = 0; j <= REASONS; j++)
			print("certgate_events_total{site=\"%s\",hub=\"%s\","
			      "verdict=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
			      m->series[i].site, m->series[i].hub,
			      metrics_verdict((enum reason)j),
			      reason_name((enum reason)j),
			      m->series[i].count[j]);
	print_family("stale_decisions_total", "counter",
		     "Decisions by a configuration other than that on disk.");
	for (size_t i = 0; i < m->n; i++)
		print("certgate_stale_decisions_total{site=\"%s\",hub=\"%s\"} "
		      "%" PRIu64 "\n",
		      m->series[i].site, m->series[i].hub, m->series[i].stale);
	print_family("lost_lines_total", "counter",
		     "Lines of the log that could not be written.");
	print("certgate_lost_lines_total %" PRIu64 "\n", m->lost);
}

static void
print_times(const struct metrics *m)
{
	uint64_t sum = 0;

	print_family("decision_seconds", "histogram",
		     "Time from a whole request to its answer.");
	for (unsigned i = 0; i <= METRICS_TIMES; i++) {
		sum += m->within[i];
		print("certgate_decision_seconds_bucket{le=\"");
		if (i < METRICS_TIMES)
			print("%u.%06u", metrics_limit[i] / PER_SECOND,
			      metrics_limit[i] % PER_SECOND);
		else
			print("+Inf");
		print("\"} %" PRIu64 "\n", sum);
	}
	print("certgate_decision_seconds_sum %" PRIu64 ".%06" PRIu64 "\n"
	      "certgate_decision_seconds_count %" PRIu64 "\n",
	      m->us / PER_SECOND, m->us % PER_SECOND, sum);
}

static void
print_valid(const char *site, const struct configuration *c)
{
	print("certgate_configuration_valid{site=\"%s\"} %d\n", site,
	      c->has_settings && c->has_list && !c->stale);
}

static void
print_age(const char *site, const struct configuration *c)
{
	int64_t age = store_age(c->store);

	if (age < 0)
		return;
	print("certgate_store_age_seconds{site=\"%s\"} ", site);
	if (age == INT64_MAX)
		print("+Inf\n");
	else
		print("%" PRId64 "\n", age);
}

/* Print the ages of the stores of a fleet. */
static void
print_ages(const struct sites *sites)
{
	print_family("store_age_seconds", "gauge",
		     "Time since the store was last what the fleet's database "
		     "has.");
	print_age(main_name(), &sites->main);
	for (size_t i = 0; i < sites->n; i++)
		print_age(sites->site[i]->name, &sites->site[i]->store);
}

static void
print_configurations(const struct metrics *m, const struct sites *sites)
{
	print_family("configuration_valid", "gauge",
		     "1 if the configuration on disk loads, else 0.");
	print_valid(main_name(), &sites->main);
	for (size_t i = 0; i < sites->n; i++)
		print_valid(sites->site[i]->name, &sites->site[i]->store);
	loads_print(&m->loads);
	print_ages(sites);
	print_family("stats_timestamp_seconds", "gauge",
		     "When these metrics were written, in Unix time.");
	print("certgate_stats_timestamp_seconds %" PRId64 "\n",
	      (int64_t)time(NULL));
}

/* Add the next end of each kind, or one of the last days: an alert must not
 * stop when the certificate expires. */
static void
add_ends(struct metrics *m, const struct expiries *all)
{
	int64_t past =
		(int64_t)time(NULL) - (int64_t)EXPIRED_DAYS * DATE_DAY_SECONDS;

	for (size_t i = 0; i < all->n; i++) {
		const struct expiry *one = &all->expiry[i];
		struct series *series =
			find_series(m, span_of(one->site), span_of(one->hub));
		if (series == NULL || one->not_after < past)
			continue;
		int64_t *end = &series->end[one->kind];
		if (*end == 0 || one->not_after < *end)
			*end = one->not_after;
	}
}

static void
print_ends(const struct metrics *m)
{
	print_family("certificate_expires_seconds", "gauge",
		     "When the next certificate, entry, CA or CRL expires, in "
		     "Unix time.");
	for (size_t i = 0; i < m->n; i++)
		for (size_t kind = 0; kind < EXPIRY_KINDS; kind++)
			if (m->series[i].end[kind] != 0)
				print("certgate_certificate_expires_seconds{"
				      "site=\"%s\",hub=\"%s\",kind=\"%s\"} "
				      "%" PRId64 "\n",
				      m->series[i].site, m->series[i].hub,
				      expiry_words[kind].metric,
				      m->series[i].end[kind]);
}

static void
reset(struct metrics *m)
{
	m->us = m->lost = 0;
	memset(m->within, 0, sizeof(m->within));
	for (size_t i = 0; i < m->n; i++) {
		memset(m->series[i].count, 0, sizeof(m->series[i].count));
		m->series[i].stale = 0;
	}
}

/* Count the new lines.  Without a state, or if the log lost its cursor, all
 * counters begin at 0 now. */
static bool
count(struct metrics *m, const struct command *command,
      const struct sites *sites, struct error *e)
{
	const char *path = command->option[OPTION_STATE];
	struct buffer cursor;

	read_state(m, path);
	add_configurations(m, sites);
	buffer_init(&cursor, STATE_MAX);
	bool ok = m->cursor != NULL && read_log(m, command, true, &cursor, e);
	if (!ok && !e->set) {
		reset(m);
		buffer_clear(&cursor);
		ok = read_log(m, command, false, &cursor, e);
	}
	loads_keep(&m->loads, sites, main_name());
	ok = ok && write_state(m, buffer_span(&cursor), path, e);
	buffer_free(&cursor);
	return ok;
}

static bool
show(struct metrics *m, const struct sites *sites, struct expiry_log *log,
     struct error *e)
{
	struct expiries all = { .n = 0 };
	bool ok = expiries_add(&all, sites, log, (int64_t)time(NULL), e);

	if (ok) {
		print_events(m);
		print_times(m);
		print_configurations(m, sites);
		add_ends(m, &all);
		print_ends(m);
	}
	expiries_free(&all);
	return ok;
}

enum exit_code
metrics_run(const struct command *command)
{
	static struct metrics metrics;
	static struct sites sites;
	struct expiry_log *log = NULL;
	struct error e = { 0 };

	if (command->option[OPTION_PROMETHEUS] == NULL ||
	    command->option[OPTION_STATE] == NULL ||
	    command->option[OPTION_SINCE] != NULL) {
		print_problem("--prometheus requires --state FILE and "
			      "excludes --since");
		return EXIT_MISUSED;
	}
	/* Errors of the files are reported by certgate check. */
	log_divert(log_ignore, NULL);
	sites_open(&sites, setup_source(), NULL);
	sites_read(&sites);
	bool ok = count(&metrics, command, &sites, &e);
	if (ok)
		log = expiry_log_read(command->option[OPTION_LOG], &e);
	ok = ok && log != NULL && show(&metrics, &sites, log, &e);
	if (!ok)
		print_error(&e);
	expiry_log_free(log);
	sites_close(&sites);
	free(metrics.series);
	free(metrics.cursor);
	return ok ? EXIT_DONE : EXIT_SYSTEM;
}
