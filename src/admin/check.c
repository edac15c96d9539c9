/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * certgate check: start what a handler starts, with a report of every fault,
 * and add what it does not look at: what ends soon, and the log.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/cause.h"
#include "admin/command.h"
#include "admin/expiry_log.h"
#include "admin/facts.h"
#include "admin/findings.h"
#include "admin/print.h"
#include "admin/progress.h"
#include "admin/setup.h"
#include "admin/unit.h"
#include "base/date.h"
#include "host/file.h"
#include "host/sites.h"
#include "host/store.h"
#include "policy/stored.h"

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

/* The result for a store, which may have more entries than FINDINGS_MAX. */
struct store_summary {
	int64_t now; /* UTC seconds */
	uint64_t entries, weak, expired, soon, invalid;
	int64_t first; /* UTC seconds, the first of those that expire soon */
	struct error fault; /* of the first invalid entry */
	struct progress progress;
};

static void
add_entry(struct store_summary *summary, const struct thumbprint *pin,
	  struct span line)
{
	const int64_t soon =
		summary->now + (int64_t)EXPIRY_SOON_DAYS * DATE_DAY_SECONDS;
	struct entry entry;

	summary->entries++;
	if (!stored_parse(pin, line, &entry, &summary->fault)) {
		summary->invalid++;
		return;
	}
	summary->weak += pin->kind == THUMBPRINT_SHA1 && entry.allows;
	if (entry_has_expired(&entry, summary->now)) {
		summary->expired++;
	} else if (entry.not_after != 0 && entry.not_after <= soon) {
		summary->soon++;
		if (summary->first == 0 || entry.not_after < summary->first)
			summary->first = entry.not_after;
	}
	entry_free(&entry);
}

static bool
add_pin(void *context, const struct thumbprint *pin, struct span text)
{
	struct store_summary *summary = context;
	struct span line;

	while (stored_next(&text, &line))
		add_entry(summary, pin, line);
	progress_tell(&summary->progress, summary->entries);
	return true;
}

static void
warn_of(struct findings *findings, const struct store_summary *summary)
{
	char day[DATE_TEXT_SIZE];

	if (summary->weak > 0)
		findings_warn(findings,
			      "entries pinned by SHA-1: %" PRIu64
			      ": prefer SHA-256 (certgate thumbprint FILE)",
			      summary->weak);
	if (summary->expired > 0)
		findings_warn(findings, "entries that expired: %" PRIu64,
			      summary->expired);
	if (summary->soon > 0)
		findings_warn(findings,
			      "entries that expire within %d days: %" PRIu64
			      ", the first on %s",
			      EXPIRY_SOON_DAYS, summary->soon,
			      date_text(summary->first, day));
}

/* Check each entry of an open store.  Return their number. */
static uint64_t
check_store(struct findings *findings, const struct configuration *c)
{
	struct store_summary summary = { .now = findings->now };
	struct error e = { 0 };

	if (c->store == NULL)
		return 0;
	findings->path = c->settings.store;
	progress_begin(&summary.progress, "check ",
		       configuration_stored(c, true));
	if (store_each(c->store, add_pin, &summary, &e) && summary.invalid > 0)
		e = summary.fault;
	progress_end(&summary.progress);
	if (e.set) {
		error_where(&e, c->settings.store);
		findings_add(findings, LOG_LEVEL_ERROR, &e);
	}
	warn_of(findings, &summary);
	findings->path = NULL;
	return summary.entries;
}

/* Check the main store and those of the sites.  Return how many entries the
 * main one has. */
static uint64_t
check_stores(struct findings *findings, const struct sites *sites)
{
	if (findings->now == 0)
		findings->now = (int64_t)time(NULL);
	for (size_t i = 0; i < sites->n; i++)
		(void)check_store(findings, &sites->site[i]->store);
	return check_store(findings, &sites->main);
}

static void
show_result(const struct findings *findings, bool starts, size_t entries,
	    uint64_t stored)
{
	print_json_number("errors", findings->errors);
	print_json_number("warnings", findings->warnings);
	print_json_bool("starts", starts);
	print_json_number("entries", (int64_t)entries);
	print_json_number("stored", (int64_t)stored);
	print("%u error%s, %u warning%s; a handler that starts now ",
	      findings->errors, ending(findings->errors), findings->warnings,
	      ending(findings->warnings));
	if (!starts)
		print("rejects every client");
	else
		print("has %zu entr%s", entries, entries == 1 ? "y" : "ies");
	if (starts && stored > 0)
		print(", and %" PRIu64 " in the store", stored);
	print("%s\n", setup_site().ptr == NULL ? "" : " of this site");
}

static void
show(const struct command *command, struct findings *findings,
     const struct sites *sites, bool starts, uint64_t stored, const char *fix)
{
	bool all = command->option[OPTION_QUIET] == NULL ||
		   command->option[OPTION_JSON] != NULL;

	print_json_open(NULL, '{');
	if (all)
		show_settings(command);
	findings_print(findings);
	if (all) {
		show_trusts(&sites->main.list.trusts);
		show_result(findings, starts, sites->main.list.n, stored);
		if (strchr(fix, '\n') != NULL) /* lines to paste */
			print_fix(fix);
	}
	print_json_close('}');
}

/* Return true if the handler has other settings than those that were read. */
static bool
add_other(struct findings *findings)
{
	const char *path = unit_other_config();
	struct error e = { 0 };

	if (path == NULL)
		return false;
	error_where(&e, "handler");
	error_set(&e,
		  "its unit names another settings file (fix: certgate check "
		  "--config %s)",
		  path);
	findings_add(findings, LOG_LEVEL_ERROR, &e);
	return true;
}

/* Add the refusal, whose words become those of cause. */
static void
add_refusal(const struct facts *f, struct findings *findings,
	    struct cause *cause)
{
	const char *path = setup_source().path;
	struct outage_text text;
	struct error e = { 0 };
	char fix[sizeof(cause->fix)];

	outage_tell(OUTAGE_REFUSING, NULL, &f->sites, f->refusal, findings->now,
		    &text);
	cause_set(cause, &text);
	error_where(&e, text.site[0] != '\0' ? text.site
			: path != NULL	     ? path
					     : "settings");
	(void)snprintf(fix, sizeof(fix), "%s", cause->fix);
	for (char *end = fix; (end = strchr(end, '\n')) != NULL;)
		*end = ' ';
	error_set(&e, "every client is refused: %s (fix: %s)", cause->detail,
		  fix);
	findings_add(findings, LOG_LEVEL_ERROR, &e);
}

static void
add_no_valid_entry(struct findings *findings, const struct sites *sites)
{
	struct error e = { 0 };
	const char *site;

	if (!outage_lacks_valid_entry(sites, findings->now, &site))
		return;
	error_where(&e, site[0] == '\0' ? sites->main.settings.list : site);
	error_set(&e,
		  "no allow entry is valid today: every client is rejected "
		  "(fix: certgate list%s prints the dates of the entries)",
		  setup_options(site));
	findings_add(findings, LOG_LEVEL_ERROR, &e);
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

/* Return true if the handler may never have logged: its file does not exist,
 * and no handler is running. */
static bool
is_new_log(const struct facts *f)
{
	struct setup_log log = { .path = NULL };
	struct error e = { 0 };
	bool is_new = setup_log(&log, &e) && log.path != NULL &&
		      access(log.path, F_OK) != 0 && errno == ENOENT &&
		      f->unit.state != UNIT_RUNNING;

	free(log.path);
	return is_new;
}

/* Return false if the settings do not load, which is reported elsewhere. */
static bool
names_log(void)
{
	struct setup_log log = { .path = NULL };
	struct error e = { 0 };
	bool ok = setup_log(&log, &e);

	free(log.path);
	return ok;
}

/* Return the certificates in the log; NULL: there is no log, or it cannot be
 * read.  Set *unread if there may be refusals that are not known. */
static struct expiry_log *
read_log(struct facts *f, const char *path, bool *unread)
{
	struct expiry_log *log = NULL;
	struct error e = f->log;

	if (path == NULL && (!setup_has_log() || !names_log()))
		return NULL;
	if (f->has_log)
		log = expiry_log_read(path, &e);
	if (log != NULL)
		return log;
	*unread = path != NULL || !is_new_log(f);
	findings_add(&f->findings,
		     *unread ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, &e);
	return NULL;
}

/* Return true for another list or other settings than those of the log. */
static bool
is_candidate(const struct command *command)
{
	return command->option[OPTION_LOG] == NULL &&
	       ((command->option[OPTION_CONFIG] != NULL &&
		 !setup_is_installed()) ||
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

enum exit_code
check_run(const struct command *command)
{
	static struct facts facts;
	struct findings *findings = &facts.findings;
	const char *log = command->option[OPTION_LOG];
	bool whole = !is_candidate(command);
	struct expiry_log *expiring = NULL;
	struct cause cause = { .fix = "" };
	bool unread = false;
	struct error e = { 0 };

	if (!setup_now(command, &findings->now, &e)) {
		print_error(&e);
		return EXIT_MISUSED;
	}
	if (whole) {
		facts_collect(&facts, NULL, log);
		expiring = read_log(&facts, log, &unread);
	}
	if (!unit_become(command->option[OPTION_AS]))
		return EXIT_SYSTEM;
	facts_read_files(&facts, findings->now);
	bool refuses = facts.refusal != NULL && !unit_lacks_variables();
	if (refuses)
		add_refusal(&facts, findings, &cause);
	add_no_valid_entry(findings, &facts.sites);
	bool has_other = add_other(findings);
	if (whole)
		add_cause(&facts, findings);
	uint64_t stored = check_stores(findings, &facts.sites);
	if (expiring != NULL)
		find_expiring(findings, expiring, &facts.sites);
	bool starts = facts.starts && (!refuses || facts.sites.in_use);
	bool good = starts &&
		    findings->errors == (unsigned)unread + (unsigned)has_other;
	show(command, findings, &facts.sites, starts, stored, cause.fix);
	expiry_log_free(expiring);
	facts_free(&facts);
	return !good ? EXIT_NO : unread || has_other ? EXIT_SYSTEM : EXIT_DONE;
}
