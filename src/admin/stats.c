/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate stats: what all handlers of this host have counted. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "host/numbered.h"
#include "host/site_counters.h"

enum {
	COUNTS_MAX = 512, /* names; a page has room for less than half */
	PER_MICROSECOND = 1000,
	PER_SECOND = 1000000000 /* nanoseconds */
};

struct count {
	char name[COUNTER_NAME_MAX + 1];
	uint64_t value;
};

/* A handler that runs, or ran. */
struct process {
	uint64_t id, since, list, entries, stale;
};

struct sums {
	struct count count[COUNTS_MAX];
	size_t n;
	struct process process[NUMBERED_FILES]; /* those that run */
	size_t n_processes;
	size_t pages; /* of all that run, or ran */
};

static void
add(struct sums *sums, struct span name, uint64_t value)
{
	size_t i = 0;

	while (i < sums->n && !span_equal(span_of(sums->count[i].name), name))
		i++;
	if (i == COUNTS_MAX)
		return;
	if (i == sums->n) {
		memcpy(sums->count[i].name, name.ptr, name.len);
		sums->n++;
	}
	sums->count[i].value += value;
}

static void
take_now(struct process *process, struct span name, uint64_t value)
{
	const struct {
		struct span name;
		uint64_t *to;
	} known[] = {
		{ SPAN_TEXT("now.process"), &process->id },
		{ SPAN_TEXT("now.since"), &process->since },
		{ SPAN_TEXT("now.list"), &process->list },
		{ SPAN_TEXT("now.entries"), &process->entries },
		{ SPAN_TEXT("now.stale"), &process->stale },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_equal(name, known[i].name))
			*known[i].to = value;
}

static void
take_page(void *context, struct span page, bool runs)
{
	struct sums *sums = context;
	struct process process = { 0 };
	struct span name;
	uint64_t value;

	sums->pages++;
	while (counter_page_next(&page, &name, &value)) {
		if (span_starts(name, COUNTER_NOW))
			take_now(&process, name, value);
		else
			add(sums, name, value);
	}
	if (runs)
		sums->process[sums->n_processes++] = process;
}

static uint64_t
value_of(const struct sums *sums, const char *name)
{
	for (size_t i = 0; i < sums->n; i++)
		if (strcmp(sums->count[i].name, name) == 0)
			return sums->count[i].value;
	return 0;
}

/* Clients that came without a certificate. */
static uint64_t
without(const struct sums *sums)
{
	return value_of(sums, "deny.no-certificate") +
	       value_of(sums, "allow.anonymous");
}

/* The word behind "allow." or "deny."; NULL if name is none of these. */
static const char *
reason_in(const char *name, const char **verdict)
{
	*verdict = strncmp(name, "allow.", 6) == 0 ? "allow" : "deny";
	if (strncmp(name, "allow.", 6) == 0)
		return name + 6;
	return strncmp(name, "deny.", 5) == 0 ? name + 5 : NULL;
}

/* Events that took no longer than the i-th limit; all, for the last one. */
static uint64_t
within(const struct sums *sums, unsigned i)
{
	uint64_t n = 0;

	for (unsigned k = 0; k <= i; k++) {
		char name[sizeof("time.4294967295")];
		unsigned limit = counters_time_limit(k);
		(void)snprintf(name, sizeof(name), "time.%u", limit);
		n += value_of(sums, limit > 0 ? name : "time.more");
	}
	return n;
}

static void
print_text_form(const struct sums *sums)
{
	const char *verdict, *reason;

	print("%-30s %12" PRIu64 "\n", "events", value_of(sums, "events"));
	for (size_t i = 0; i < sums->n; i++) {
		const struct count *count = &sums->count[i];
		reason = reason_in(count->name, &verdict);
		if (reason != NULL && count->value > 0)
			print("  %-5s %-22s %12" PRIu64 "\n", verdict, reason,
			      count->value);
	}
	print("%-30s %12" PRIu64 "\n", "without a certificate", without(sums));
	print("decided within\n");
	for (unsigned i = 0; i < COUNTERS_TIMES; i++)
		if (counters_time_limit(i) > 0)
			print("  %6u us %20s %12" PRIu64 "\n",
			      counters_time_limit(i), "", within(sums, i));
	print("handlers that run %25zu\n", sums->n_processes);
	for (size_t i = 0; i < sums->n_processes; i++) {
		const struct process *p = &sums->process[i];
		print("  process %" PRIu64 ", since ", p->id);
		print_date((int64_t)p->since);
		if (p->list == 0)
			print(", no list\n");
		else
			print(", list %" PRIu64 " of %" PRIu64 " entries%s\n",
			      p->list, p->entries,
			      p->stale > 0 ? ", stale" : "");
	}
}

static void
print_json_form(const struct sums *sums)
{
	const char *verdict, *reason;

	print_json_open(NULL, '{');
	print_json_number("events", (int64_t)value_of(sums, "events"));
	print_json_open("reasons", '[');
	for (size_t i = 0; i < sums->n; i++) {
		reason = reason_in(sums->count[i].name, &verdict);
		if (reason == NULL)
			continue;
		print_json_open(NULL, '{');
		print_json_string("verdict", span_of(verdict));
		print_json_string("reason", span_of(reason));
		print_json_number("events", (int64_t)sums->count[i].value);
		print_json_close('}');
	}
	print_json_close(']');
	print_json_number("withoutCertificate", (int64_t)without(sums));
	print_json_number("nanoseconds",
			  (int64_t)value_of(sums, "nanoseconds"));
	print_json_open("within", '[');
	for (unsigned i = 0; i < COUNTERS_TIMES; i++) {
		if (counters_time_limit(i) == 0)
			continue;
		print_json_open(NULL, '{');
		print_json_number("microseconds", counters_time_limit(i));
		print_json_number("events", (int64_t)within(sums, i));
		print_json_close('}');
	}
	print_json_close(']');
	print_json_open("handlers", '[');
	for (size_t i = 0; i < sums->n_processes; i++) {
		const struct process *p = &sums->process[i];
		print_json_open(NULL, '{');
		print_json_number("process", (int64_t)p->id);
		print_json_number("since", (int64_t)p->since);
		print_json_number("list", (int64_t)p->list);
		print_json_number("entries", (int64_t)p->entries);
		print_json_bool("stale", p->stale > 0);
		print_json_close('}');
	}
	print_json_close(']');
	print_json_close('}');
}

static void
print_family(const char *name, const char *type, const char *help)
{
	print("# HELP certgate_%s %s\n# TYPE certgate_%s %s\n", name, help,
	      name, type);
}

static void
print_times(const struct sums *sums)
{
	uint64_t ns = value_of(sums, "nanoseconds");

	print_family("decision_seconds", "histogram",
		     "Time from a whole request to its answer.");
	for (unsigned i = 0; i < COUNTERS_TIMES; i++) {
		unsigned limit = counters_time_limit(i);
		print("certgate_decision_seconds_bucket{le=\"");
		if (limit > 0)
			print("%u.%06u", limit / 1000000, limit % 1000000);
		else
			print("+Inf");
		print("\"} %" PRIu64 "\n", within(sums, i));
	}
	print("certgate_decision_seconds_sum %" PRIu64 ".%09" PRIu64 "\n"
	      "certgate_decision_seconds_count %" PRIu64 "\n",
	      ns / PER_SECOND, ns % PER_SECOND, value_of(sums, "events"));
}

/* Prometheus, "Exposition formats", 0.0.4. */
static void
print_prometheus(const struct sums *sums)
{
	const char *verdict, *reason;
	uint64_t least = UINT64_MAX, stale = 0;

	print_family("events_total", "counter",
		     "Events by verdict and "
		     "reason.");
	for (size_t i = 0; i < sums->n; i++) {
		reason = reason_in(sums->count[i].name, &verdict);
		if (reason != NULL)
			print("certgate_events_total{verdict=\"%s\","
			      "reason=\"%s\"} %" PRIu64 "\n",
			      verdict, reason, sums->count[i].value);
	}
	print_family("without_certificate_total", "counter",
		     "Clients that came without a certificate.");
	print("certgate_without_certificate_total %" PRIu64 "\n",
	      without(sums));
	print_times(sums);
	for (size_t i = 0; i < sums->n_processes; i++) {
		const struct process *p = &sums->process[i];
		uint64_t entries = p->list == 0 ? 0 : p->entries;
		least = entries < least ? entries : least;
		stale += p->stale > 0 || p->list == 0;
	}
	print_family("handlers", "gauge", "Handlers that run.");
	print("certgate_handlers %zu\n", sums->n_processes);
	print_family("stale_handlers", "gauge",
		     "Handlers whose list or settings are not those on the "
		     "disk.");
	print("certgate_stale_handlers %" PRIu64 "\n", stale);
	print_family("list_entries", "gauge",
		     "Entries of the list, the least of all handlers.");
	print("certgate_list_entries %" PRIu64 "\n",
	      least == UINT64_MAX ? 0 : least);
}

/* One that was taken away has its counters still. */
static bool
check_site(const struct sums *sums, struct span site, struct error *e)
{
	const char *config = setup_config();

	if (sums->pages > 0 || access(config, F_OK) == 0 ||
	    (errno != ENOENT && errno != ENOTDIR))
		return true;
	error_where(e, config);
	return error_set(e,
			 "there is no site '%s': no settings file, and no "
			 "counters of it",
			 error_word(site));
}

/* Sums from the folder that the main settings name. */
static bool
read_folder(struct sums *sums, struct error *e)
{
	struct span site = setup_site();
	char *folder = setup_stats(e);
	bool ok = folder != NULL &&
		  (site.ptr == NULL ? counters_read(folder, take_page, sums, e)
				    : site_counters_read(folder, site,
							 take_page, sums, e));

	free(folder);
	return ok && (site.ptr == NULL || check_site(sums, site, e));
}

enum exit_code
stats_run(const struct command *command)
{
	static struct sums sums;
	struct error e = { 0 };

	if (!read_folder(&sums, &e)) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	if (command->option[OPTION_PROMETHEUS] != NULL)
		print_prometheus(&sums);
	else if (command->option[OPTION_JSON] != NULL)
		print_json_form(&sums);
	else
		print_text_form(&sums);
	return EXIT_DONE;
}
