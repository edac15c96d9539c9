/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * certgate status: whether the handler does its work, and if not, the likely
 * cause and its fix, from systemd, the web servers, the log and the files.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/cause.h"
#include "admin/expiry.h"
#include "admin/expiry_log.h"
#include "admin/log_reader.h"
#include "admin/metrics.h"
#include "admin/page.h"
#include "admin/print.h"
#include "admin/setup.h"

enum { BAR_MAX = 30 /* characters */ };

static void
show_cause(const struct cause *cause)
{
	bool coloured = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	const char *colour = cause->code == EXIT_DONE ? "\033[32m" : "\033[31m";
	bool has_detail = cause->detail[0] != '\0';

	print_json_bool("well", cause->code == EXIT_DONE);
	print_json_string("cause", span_of(cause->sentence));
	print_json_string("detail", span_of(cause->detail));
	print("%s%s%s%s", coloured ? colour : "", cause->sentence,
	      coloured ? "\033[0m" : "", has_detail ? " (" : "");
	print_text(span_of(cause->detail));
	print("%s\n", has_detail ? ")" : "");
	if (cause->code != EXIT_DONE)
		print_fix(cause->fix);
	if (cause->site[0] != '\0')
		print_field("site", span_of(cause->site));
}

static void
show_handler(const struct facts *f)
{
	const char *state = unit_state_text(f->unit.state);

	print_json_string("handler", span_of(state));
	if (f->unit.process > 0)
		print_json_number("process", f->unit.process);
	if (f->unit.restarts > 0)
		print_json_number("restarts", f->unit.restarts);
	print_label("handler");
	print("%s", state);
	if (f->unit.process > 0)
		print(", process %d", f->unit.process);
	if (f->unit.restarts > 0)
		print(", restarts: %u", f->unit.restarts);
	print("\n");
	if (f->socket != NULL)
		print_field("socket", span_of(f->socket));
	if (f->server.wiring != NULL)
		print_field("server", span_of(f->server.file[0] == '\0'
						      ? "none"
						      : f->server.file));
}

static void
show_note(const char *name, const char *json, const struct hour_note *note)
{
	if (note->time == 0)
		return;
	print_json_open(json, '{');
	print_json_time("time", note->time);
	print_json_string("text", span_of(note->text));
	print_json_close('}');
	print_label(name);
	print_time(note->time);
	print(" ");
	print_text(span_of(note->text));
	print("\n");
}

static void
show_configuration(const struct facts *f)
{
	const char *path = setup_source().path;
	const struct hour *h = &f->hour;
	char files[FACTS_FILES_SIZE];

	print_field("settings", span_of(path == NULL ? "none" : path));
	if (f->sites.main.settings.list != NULL)
		print_field("list", span_of(f->sites.main.settings.list));
	if (f->sites.main.has_list) {
		print_json_number("entries", (int64_t)f->sites.main.list.n);
		print_label("entries");
		print("%zu\n", f->sites.main.list.n);
	}
	if (f->sites.main.settings.store != NULL) {
		uint64_t stored = configuration_stored(&f->sites.main, true);
		print_field("store", span_of(f->sites.main.settings.store));
		print_json_number("stored", (int64_t)stored);
		print_label("stored");
		print("%" PRIu64 "\n", stored);
	}
	if (f->has_files) {
		print_json_number("errors", f->findings.errors);
		print_json_number("warnings", f->findings.warnings);
	}
	facts_tell_files(f, files);
	print_label("files");
	print("%s\n", files);
	show_note("loaded", "loaded", &h->load);
	if (h->failure != NULL)
		show_note("failed", "failed", h->failure);
}

static void
show_row(const struct hour *h, enum reason reason)
{
	const char *name = reason_name(reason);
	const char *verdict = metrics_verdict(reason);
	size_t bar = (size_t)((double)h->count[reason] * BAR_MAX /
			      (double)h->events);

	print_json_open(NULL, '{');
	print_json_string("verdict", span_of(verdict));
	print_json_string("reason", span_of(name));
	print_json_number("events", (int64_t)h->count[reason]);
	print_json_close('}');
	print("  %-5s %-22s %10" PRIu64 " ", verdict, name, h->count[reason]);
	for (size_t i = 0; i <= bar; i++)
		print("#");
	print("\n");
}

static void
show_hour(const struct hour *h, const struct cause *cause)
{
	char dropped[HOUR_NOTE_SIZE];

	hour_tell_dropped(h, dropped);
	if (dropped[0] != '\0') {
		print_json_number("dropped", hour_dropped(h));
		print_label("note");
		print("%s\n", dropped);
	}
	if (h->doubt != NULL)
		log_reader_print_doubt(h->doubt, true);
	if (h->doubt != NULL && strcmp(h->doubt, cause->detail) != 0)
		log_reader_print_doubt(h->doubt, false);
	print_json_number("events", (int64_t)h->events);
	print_json_number("lost", (int64_t)h->lost);
	print_label("last hour");
	print("%" PRIu64 " events\n", h->events);
	print_json_open("reasons", '[');
	for (enum reason i = 0; i <= REASONS; i++)
		if (h->count[i] > 0)
			show_row(h, i);
	print_json_close(']');
}

/* Print all; n: the number of expiries to print. */
static void
show(const struct facts *f, const struct cause *cause,
     const struct expiries *all, size_t n, int64_t now)
{
	print_json_open(NULL, '{');
	show_cause(cause);
	show_handler(f);
	show_configuration(f);
	if (f->has_log)
		show_hour(&f->hour, cause);
	expiries_print(all, n, now);
	if (cause->code == EXIT_DONE)
		print_field("next", span_of(cause->fix));
	print_json_close('}');
}

/* If all is well, add the number of expired certificates among the first n to
 * the sentence. */
static void
add_expired(struct cause *cause, const struct expiries *all, size_t n,
	    int64_t now)
{
	size_t expired = 0;

	for (size_t i = 0; i < n; i++)
		expired += (all->expiry[i].kind == EXPIRY_CERTIFICATE ||
			    all->expiry[i].kind == EXPIRY_FILE) &&
			   all->expiry[i].not_after < now;
	if (cause->code == EXIT_DONE && expired > 0)
		(void)snprintf(cause->sentence, sizeof(cause->sentence),
			       "All is well, but %zu certificate%s expired.",
			       expired, expired == 1 ? " has" : "s have");
}

/* Read the log before the process changes to the handler's user, which may not
 * be able to. */
static enum exit_code
run(const struct command *command, struct buffer *page)
{
	static struct facts facts;
	const char *log = command->option[OPTION_LOG];
	struct expiry_log *expiring = NULL;
	struct expiries all = { .n = 0 };
	int64_t now = (int64_t)time(NULL);
	struct error e = { 0 };
	struct cause cause;

	facts_collect(&facts, command->option[OPTION_SOCKET], log);
	if (facts.has_log)
		expiring = expiry_log_read(log, &facts.log);
	if (page != NULL && facts.has_log)
		facts.has_log = expiring != NULL && page_read(log, &facts.log);
	if (unit_become(command->option[OPTION_AS]))
		facts_read_files(&facts, now);
	else if (command->option[OPTION_AS] != NULL)
		return EXIT_SYSTEM;
	cause_find(&facts, &cause);
	if (!expiries_add(&all, &facts.sites, expiring, now, &e)) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	size_t n = expiries_sort(&all, now);
	add_expired(&cause, &all, n, now);
	if (page != NULL)
		page_add(page, &facts, &cause, &all, n);
	else
		show(&facts, &cause, &all, n, now);
	expiries_free(&all);
	expiry_log_free(expiring);
	facts_free(&facts);
	return cause.code;
}

enum exit_code
status_run(const struct command *command)
{
	return command->option[OPTION_HTML] != NULL ? page_write(command, run)
						    : run(command, NULL);
}
