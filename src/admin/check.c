/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * certgate check: start what a handler starts, with a report of every fault,
 * and add what it does not look at: what ends soon, and the log.
 */
#include "config.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/cause.h"
#include "admin/check.h"
#include "admin/command.h"
#include "admin/facts.h"
#include "admin/findings.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/unit.h"
#include "host/file.h"
#include "host/sites.h"

static void
take_fault(void *context, const struct error *e)
{
	findings_add(context, LOG_LEVEL_ERROR, e);
}

static void
take_line(void *context, enum log_level level, const struct error *e)
{
	findings_add(context, level, e);
}

/* A log that the handler would make in folder. */
static bool
check_new_log(const char *path, const char *folder, struct error *e)
{
	const char *user = file_reader();

	if (!file_check_folder(folder, e))
		return false;
	if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0)
		return true;
	if (user == NULL || !file_may_be_shown(path))
		return error_system(e, "%s", file_shown(path));
	return error_set(e,
			 "%s: cannot be created by user %s (fix: install -o %s "
			 "-m 640 /dev/null %s)",
			 path, user, user, path);
}

/* Root can write every log: without --as, only the log's folder must exist. */
static bool
check_log(const char *path, bool is_handler, struct error *e)
{
	char *copy = strdup(path);

	if (copy == NULL)
		return error_set(e, "out of memory");
	const char *folder = dirname(copy);
	bool ok = true;
	if (access(folder, F_OK) != 0) {
		ok = error_system(e, "%s", file_shown(path));
	} else if (is_handler && access(path, F_OK) != 0) {
		ok = check_new_log(path, folder, e);
	} else if (is_handler) {
		int fd = file_open_log(path, false, e);
		ok = fd >= 0;
		if (ok)
			close(fd);
	}
	free(copy);
	return ok;
}

static void
find_log(struct findings *findings, const struct settings *settings,
	 bool is_handler)
{
	struct error e = { 0 };

	if (setup_site().ptr != NULL || settings->log_file == NULL ||
	    check_log(settings->log_file, is_handler, &e))
		return;
	error_where(&e, "CERTGATE_LOG");
	findings_add(findings, LOG_LEVEL_ERROR, &e);
}

/* What the start itself does not say. */
static void
find_more(struct findings *findings, const struct sites *sites, bool starts)
{
	const struct configuration *main = &sites->main;

	if (main->has_list)
		findings_advise(findings, &main->list, main->settings.list);
	for (size_t i = 0; i < sites->n; i++) {
		const struct configuration *site = &sites->site[i]->store;
		if (site->has_list)
			findings_advise(findings, &site->list,
					site->settings.list);
	}
	/* If it cannot be told, that was said. */
	if (sites->in_use && sites->unsure == 0) {
		findings->path = sites->folder;
		findings_warn(findings,
			      "there are sites: a request must name one, and "
			      "the main list allows no client (fix: --site "
			      "NAME checks one)");
		findings->path = NULL;
	} else if (!sites->in_use && starts && main->list.n == 0 &&
		   !main->settings.missing_allowed) {
		findings_warn(findings, "no entry: every client is rejected");
	}
}

static void
show_origin(const struct command *command, const struct setting_given *given,
	    const char *name, char *text, size_t size)
{
	if (given->value.ptr == NULL)
		(void)snprintf(text, size, "default");
	else if (given->line > 0)
		(void)snprintf(text, size, "%s:%u", setup_source().path,
			       given->line);
	else if (command->option[OPTION_LIST] != NULL &&
		 strcmp(name, "CERTGATE_LIST") == 0)
		(void)snprintf(text, size, "--list");
	else
		(void)snprintf(text, size, "environment");
}

/* Return the i-th setting's value, unless it may be a secret in the wrong
 * place: a value that does not parse, or a path where nothing is.  Then return
 * its length, written to text. */
static struct span
shown_value(size_t i, struct span value, char *text, size_t size)
{
	const struct setting *help = settings_help(i);
	bool shown = settings_accepts(i, value);

	if (value.ptr == NULL)
		return span_of(help->standard);
	if (help->secret)
		return SPAN("(secret)");
	if (shown && value.ptr[0] == '/') {
		char *path = span_copy(value);
		shown = path != NULL && file_may_be_shown(path);
		free(path);
	}
	if (shown)
		return value;
	(void)snprintf(text, size, "(%zu characters)", value.len);
	return span_of(text);
}

static void
show_setting(const struct command *command, size_t i,
	     const struct setting_given *given)
{
	char hidden[sizeof("( characters)") + SPAN_DIGITS_MAX];
	char origin[sizeof(((struct error *)0)->where)];
	const char *name = settings_help(i)->name;
	struct span value =
		shown_value(i, given->value, hidden, sizeof(hidden));

	show_origin(command, given, name, origin, sizeof(origin));
	print_json_open(NULL, '{');
	print_json_string("name", span_of(name));
	print_json_string("value", value);
	print_json_bool("given", given->value.ptr != NULL);
	print_json_string("origin", span_of(origin));
	print_json_close('}');
	print("%-34s ", name);
	print_text(value);
	print("  [");
	print_text(span_of(origin));
	print("]\n");
}

static void
show_settings(const struct command *command)
{
	struct report reported = { .fault = NULL };
	struct setting_given given[SETTINGS_MAX] = { 0 };
	struct buffer text;
	struct error e = { 0 };

	if (!setup_read_config(&text, &e) ||
	    !settings_given(given, buffer_span(&text), setup_source().path,
			    setup_source().environment, &reported, &e))
		e = (struct error){ 0 };
	print_json_open("settings", '[');
	for (size_t i = 0; settings_help(i) != NULL; i++)
		show_setting(command, i, &given[i]);
	print_json_close(']');
	print("\n");
	buffer_wipe(&text);
}

static const char *
ending(size_t n)
{
	return n == 1 ? "" : "s";
}

/* Show the CAs and CRLs of each pair of files that the list names. */
static void
show_trusts(const struct trusts *trusts)
{
	print_json_open("cas", '[');
	for (size_t i = 0; i < trusts->n; i++) {
		const struct chain_trust *chain = trusts->trust[i].chain;
		struct span ca = span_of(trusts->trust[i].ca);
		size_t anchors = chain_trust_anchors(chain);
		size_t rest = chain->n_authorities - anchors;
		print_json_open(NULL, '{');
		print_json_string("ca", ca);
		print_json_number("anchors", (int64_t)anchors);
		print_json_number("intermediates", (int64_t)rest);
		print_json_number("crls", (int64_t)chain->n_crls);
		print_json_close('}');
		print_text(ca);
		print(": %zu anchor%s, %zu intermediate%s, %zu CRL%s\n",
		      anchors, ending(anchors), rest, ending(rest),
		      chain->n_crls, ending(chain->n_crls));
	}
	print_json_close(']');
}

static void
show_result(const struct findings *findings, bool starts, size_t entries)
{
	print_json_number("errors", findings->errors);
	print_json_number("warnings", findings->warnings);
	print_json_bool("starts", starts);
	print_json_number("entries", (int64_t)entries);
	print("%u error%s, %u warning%s; a handler that starts now ",
	      findings->errors, ending(findings->errors), findings->warnings,
	      ending(findings->warnings));
	if (starts)
		print("has %zu entr%s", entries, entries == 1 ? "y" : "ies");
	else
		print("rejects every client");
	print("%s\n", setup_site().ptr == NULL ? "" : " of this site");
}

static void
show(const struct command *command, struct findings *findings,
     const struct sites *sites, bool starts,
     const struct outage_refusal *refusal)
{
	bool all = command->option[OPTION_QUIET] == NULL ||
		   command->option[OPTION_JSON] != NULL;

	print_json_open(NULL, '{');
	if (all)
		show_settings(command);
	findings_print(findings);
	if (all) {
		show_trusts(&sites->main.list.trusts);
		show_result(findings, starts, sites->main.list.n);
		if (!starts && refusal != NULL)
			print_fix(refusal->fix);
	}
	print_json_close('}');
}

/* Add the cause of an outage that the files do not show. */
static void
add_cause(const struct facts *f, struct findings *findings)
{
	struct error e = { 0 };
	struct cause cause;

	cause_find(f, &cause);
	if (cause.code != EXIT_NO || cause.is_file)
		return;
	error_where(&e, "handler");
	error_set(&e, "%s%s%s%s (fix: %s)", cause.sentence,
		  cause.detail[0] == '\0' ? "" : " (", cause.detail,
		  cause.detail[0] == '\0' ? "" : ")", cause.fix);
	findings_add(findings, LOG_LEVEL_ERROR, &e);
}

/* Return the certificates in the log; NULL: there is no log, or it cannot be
 * read, which is a warning. */
static struct expiry_log *
read_log(struct findings *findings, const char *path)
{
	struct error e = { 0 };

	if (path == NULL && !setup_has_log())
		return NULL;
	struct expiry_log *log = expiry_log_read(path, &e);
	if (log == NULL)
		findings_add(findings, LOG_LEVEL_WARNING, &e);
	return log;
}

/* Another list, or other settings, than those that the log is of. */
static bool
is_candidate(const struct command *command)
{
	return command->option[OPTION_LOG] == NULL &&
	       (command->option[OPTION_CONFIG] != NULL ||
		command->option[OPTION_LIST] != NULL);
}

/* Warn of certificates in the log that expire; the list's own are known. */
static void
find_expiring(struct findings *findings, struct expiry_log *log,
	      const struct sites *sites)
{
	struct expiries all = { .n = 0 };
	struct error e = { 0 };

	if (expiries_add_log(&all, log, sites, findings->now, &e))
		findings_expire(findings, &all, 0);
	else
		findings->incomplete = true;
	expiries_free(&all);
}

bool
check_files(struct findings *findings, struct report *report,
	    struct sites *sites)
{
	*report = (struct report){ .fault = take_fault, .context = findings };
	log_divert(take_line, findings);
	sites_open(sites, setup_source(), report);
	sites_read(sites);
	bool starts = sites->main.has_settings && sites->main.has_list;
	find_log(findings, &sites->main.settings, unit_is_handler());
	find_more(findings, sites, starts);
	return starts;
}

enum exit_code
check_run(const struct command *command)
{
	static struct facts facts;
	struct findings *findings = &facts.findings;
	const char *log = command->option[OPTION_LOG];
	bool whole = !is_candidate(command);
	struct expiry_log *expiring = NULL;
	struct error e = { 0 };

	if (!setup_now(command, &findings->now, &e)) {
		print_error(&e);
		return EXIT_MISUSED;
	}
	if (whole) {
		facts_collect(&facts, NULL, log, false);
		expiring = read_log(findings, log);
	}
	if (!unit_become(command->option[OPTION_AS]))
		return EXIT_SYSTEM;
	facts_read_files(&facts);
	if (whole)
		add_cause(&facts, findings);
	if (expiring != NULL)
		find_expiring(findings, expiring, &facts.sites);
	bool starts = facts.starts &&
		      (facts.refusal == NULL || unit_lacks_variables());
	bool good = starts && findings->errors == 0;
	show(command, findings, &facts.sites, starts, facts.refusal);
	expiry_log_free(expiring);
	facts_free(&facts);
	return good ? EXIT_DONE : EXIT_NO;
}
