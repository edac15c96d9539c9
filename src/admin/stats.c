/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate stats: events by verdict, reason and hub, from the log. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/log_reader.h"
#include "admin/metrics.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/date.h"
#include "policy/reason.h"

enum {
	HUBS_MAX = 256, /* a sender without a key can name any number */
	NAME_SIZE = 160, /* bytes of a hub's or a site's name */
	TIMES = METRICS_TIMES,
	HOUR = 3600, /* seconds */
	MINUTE = 60
};

struct hub {
	char site[NAME_SIZE], hub[NAME_SIZE]; /* "-": none */
	uint64_t allowed, denied;
};

/* Behind the single ones each reason, and the decisions up to each limit. */
enum counter {
	COUNT_US, /* all decisions took */
	COUNT_LOST, /* lines */
	COUNT_STALE, /* decisions by a list other than that on disk */
	COUNT_WITHOUT, /* a certificate */
	COUNT_REASON, /* the last one: unknown */
	COUNT_WITHIN = COUNT_REASON + REASONS + 1,
	COUNTERS = COUNT_WITHIN + TIMES + 1
};

struct totals {
	uint64_t count[COUNTERS];
	struct hub hub[HUBS_MAX + 1]; /* the last: all other hubs */
	size_t n_hubs;
};

static struct hub *
hub_of(struct totals *t, struct span site, struct span name)
{
	const struct span none = SPAN("-");
	struct hub wanted = { 0 };

	span_write(site.len == 0 ? none : site, wanted.site, NAME_SIZE);
	span_write(name.len == 0 ? none : name, wanted.hub, NAME_SIZE);
	for (size_t i = 0; i < t->n_hubs; i++)
		if (strcasecmp(t->hub[i].hub, wanted.hub) == 0 &&
		    strcmp(t->hub[i].site, wanted.site) == 0)
			return &t->hub[i];
	if (t->n_hubs == HUBS_MAX)
		return &t->hub[HUBS_MAX];
	t->hub[t->n_hubs] = wanted;
	return &t->hub[t->n_hubs++];
}

/* Add a line; a summary line counts many events, without their time. */
static void
add_line(struct totals *t, const struct log_reader *log)
{
	const struct span *value = log->value;
	uint64_t count = log_reader_number(log, FIELD_COUNT), us;
	enum reason reason = reason_find(value[FIELD_REASON]);
	bool allowed = span_equal(value[FIELD_VERDICT], SPAN("allow"));
	struct hub *hub = hub_of(t, value[FIELD_SITE], value[FIELD_HUB]);

	count += count == 0;
	t->count[COUNT_REASON + reason] += count;
	if (reason == REASON_NO_CERTIFICATE || reason == REASON_ANONYMOUS)
		t->count[COUNT_WITHOUT] += count;
	*(allowed ? &hub->allowed : &hub->denied) += count;
	t->count[COUNT_LOST] += log_reader_number(log, FIELD_LOST);
	if (span_equal(value[FIELD_LIST], SPAN("stale")))
		t->count[COUNT_STALE] += count;
	if (!span_number(value[FIELD_US], 0, UINT32_MAX, &us))
		return;
	t->count[COUNT_WITHIN + metrics_slot(us)]++;
	t->count[COUNT_US] += us;
}

static bool
read_log(struct totals *t, struct log_reader *log,
	 const struct log_query *query, struct error *e)
{
	if (!log_reader_open(log, query, e))
		return false;
	while (log_reader_next(log))
		add_line(t, log);
	return log_reader_ended(log, e);
}

static uint64_t
sum(const struct totals *t, size_t from, size_t to)
{
	uint64_t sum = 0;

	for (size_t i = from; i < to; i++)
		sum += t->count[i];
	return sum;
}

static uint64_t
events(const struct totals *t)
{
	return sum(t, COUNT_REASON, COUNT_WITHIN);
}

/* The numbers in each output form. */
static const struct number {
	enum counter counter;
	const char *text, *json;
} numbers[] = {
	{ COUNT_WITHOUT, "without a certificate", "withoutCertificate" },
	{ COUNT_STALE, "by a stale configuration", "stale" },
	{ COUNT_LOST, "lost lines of the log", "lost" },
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

/* Return the number of decisions within the i-th limit. */
static uint64_t
within(const struct totals *t, unsigned i)
{
	return sum(t, COUNT_WITHIN, COUNT_WITHIN + i + 1);
}

/* Return true if the hub has events. */
static bool
has_events(const struct hub *hub)
{
	return hub->allowed + hub->denied > 0;
}

static void
print_hub(const struct hub *hub)
{
	bool sited = strcmp(hub->site, "-") != 0;

	print("hub ");
	print_text(span_of(hub->hub));
	if (sited)
		print(" of site ");
	if (sited)
		print_text(span_of(hub->site));
	print(": %" PRIu64 " allowed, %" PRIu64 " denied\n", hub->allowed,
	      hub->denied);
}

static void
print_row(const char *name, uint64_t value)
{
	print("%-30s %12" PRIu64 "\n", name, value);
}

static void
print_text_form(const struct totals *t)
{
	print_row("events", events(t));
	for (size_t i = 0; i <= REASONS; i++)
		if (t->count[COUNT_REASON + i] > 0)
			print("  %-5s %-22s %12" PRIu64 "\n",
			      metrics_verdict((enum reason)i),
			      reason_name((enum reason)i),
			      t->count[COUNT_REASON + i]);
	for (size_t i = 0; i < NUMBERS; i++)
		print_row(numbers[i].text, t->count[numbers[i].counter]);
	print("decided within\n");
	for (unsigned i = 0; i < TIMES; i++)
		print("  %6u us %20s %12" PRIu64 "\n", metrics_limit[i], "",
		      within(t, i));
	for (size_t i = 0; i <= HUBS_MAX; i++)
		if (has_events(&t->hub[i]))
			print_hub(&t->hub[i]);
}

static void
print_json_hub(const struct hub *hub)
{
	print_json_open(NULL, '{');
	if (strcmp(hub->site, "-") != 0)
		print_json_string("site", span_of(hub->site));
	print_json_string("hub", span_of(hub->hub));
	print_json_number("allow", (int64_t)hub->allowed);
	print_json_number("deny", (int64_t)hub->denied);
	print_json_close('}');
}

static void
print_json_form(const struct totals *t)
{
	print_json_number("events", (int64_t)events(t));
	print_json_open("reasons", '[');
	for (size_t i = 0; i <= REASONS; i++) {
		if (t->count[COUNT_REASON + i] == 0)
			continue;
		print_json_open(NULL, '{');
		print_json_string("verdict",
				  span_of(metrics_verdict((enum reason)i)));
		print_json_string("reason",
				  span_of(reason_name((enum reason)i)));
		print_json_number("events",
				  (int64_t)t->count[COUNT_REASON + i]);
		print_json_close('}');
	}
	print_json_close(']');
	for (size_t i = 0; i < NUMBERS; i++)
		print_json_number(numbers[i].json,
				  (int64_t)t->count[numbers[i].counter]);
	print_json_number("microseconds", (int64_t)t->count[COUNT_US]);
	print_json_open("within", '[');
	for (unsigned i = 0; i < TIMES; i++) {
		print_json_open(NULL, '{');
		print_json_number("microseconds", metrics_limit[i]);
		print_json_number("events", (int64_t)within(t, i));
		print_json_close('}');
	}
	print_json_close(']');
	print_json_open("hubs", '[');
	for (size_t i = 0; i <= HUBS_MAX; i++)
		if (has_events(&t->hub[i]))
			print_json_hub(&t->hub[i]);
	print_json_close(']');
}

/* Read 30m, 1h, 7d, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ. */
static bool
read_since(const char *text, int64_t *since, struct error *e)
{
	struct span s = span_of(text == NULL ? "1h" : text);
	char unit = s.len > 0 ? s.ptr[s.len - 1] : '\0';
	int64_t seconds = unit == 'm'	? MINUTE
			  : unit == 'h' ? HOUR
					: DATE_DAY_SECONDS;
	uint64_t number;

	if (date_parse(s, since) || date_time_parse(s, since))
		return true;
	if (s.len > 0)
		s.len--;
	if (strchr("mhd", unit) == NULL || unit == '\0' ||
	    !span_number(s, 1, 100000, &number))
		return error_set(e,
				 "--since %s: expected 30m, 1h, 7d, YYYY-MM-DD "
				 "or YYYY-MM-DDTHH:MM:SSZ",
				 error_word(span_of(text)));
	*since = (int64_t)time(NULL) - (int64_t)number * seconds;
	return true;
}

/* Check the site; a removed one is still in the log. */
static bool
check_site(const struct totals *t, struct error *e)
{
	const char *config = setup_source().path;

	if (setup_site().ptr == NULL || events(t) > 0 ||
	    access(config, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
		return true;
	*e = (struct error){ 0 };
	error_where(e, config);
	return error_set(e, "unknown site: no settings file and no event");
}

static void
show(const struct command *command, const struct totals *t,
     const struct log_reader *log, int64_t since)
{
	if (command->option[OPTION_JSON] != NULL) {
		print_json_open(NULL, '{');
		print_json_time("since", since);
		log_reader_print_begin(log, true);
		print_json_form(t);
		print_json_close('}');
	} else {
		print("since ");
		print_time(since);
		print("\n");
		print_text_form(t);
		log_reader_print_begin(log, false);
	}
}

enum exit_code
stats_run(const struct command *command)
{
	static struct totals totals;
	struct log_query query = {
		.path = command->option[OPTION_LOG],
		.fields = FIELD_BIT(FIELD_VERDICT) | FIELD_BIT(FIELD_REASON) |
			  FIELD_BIT(FIELD_HUB) | FIELD_BIT(FIELD_SITE) |
			  FIELD_BIT(FIELD_LIST) | FIELD_BIT(FIELD_US) |
			  FIELD_BIT(FIELD_COUNT) | FIELD_BIT(FIELD_LOST),
	};
	struct log_reader log = { .file = -1 };
	struct error e = { 0 };

	if (command->option[OPTION_PROMETHEUS] != NULL ||
	    command->option[OPTION_STATE] != NULL)
		return metrics_run(command);
	if (!read_since(command->option[OPTION_SINCE], &query.since, &e)) {
		print_error(&e);
		return EXIT_MISUSED;
	}
	bool ok =
		read_log(&totals, &log, &query, &e) && check_site(&totals, &e);
	if (ok)
		show(command, &totals, &log, query.since);
	else
		print_error(&e);
	log_reader_close(&log);
	return ok ? EXIT_DONE : EXIT_SYSTEM;
}
