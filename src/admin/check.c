/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * certgate check: would a handler that starts now be as it should?
 *
 * Looks at the files one by one, for all that is wrong with them, and then
 * starts what the handler starts: what that says of them counts too.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/findings.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "host/file.h"
#include "host/sites.h"

struct check {
	struct findings findings;
	const struct command *command;
	struct buffer config; /* the text of the settings file */
	struct setting_given given[SETTINGS_MAX];
	const char *file; /* whose faults are told of */
	struct list list; /* as far as it loads by itself */
};

static void
take_fault(void *context, const struct error *e)
{
	struct check *check = context;
	struct error fault = *e;

	error_where(&fault, check->file);
	findings_add(&check->findings, LOG_LEVEL_ERROR, &fault);
}

static void
take_line(void *context, enum log_level level, const struct error *e)
{
	findings_add(context, level, e);
}

/* Whom "Permission denied" is about, and the first folder on the way to path
 * that does not let him in, if one does not. */
static void
check_way(struct check *check, const char *path)
{
	const struct passwd *user = getpwuid(geteuid());
	char *folder = strdup(path), *end = folder;

	while (end != NULL && (end = strchr(end + 1, '/')) != NULL) {
		*end = '\0';
		if (faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) != 0)
			break;
		*end = '/';
	}
	if (end != NULL && errno == EACCES) {
		struct error e = { 0 };
		error_set(&e, "the user %s may not enter this folder",
			  user == NULL ? "of this program" : user->pw_name);
		error_where(&e, folder);
		take_fault(check, &e);
	}
	free(folder);
}

static void
check_settings(struct check *check)
{
	struct report report = { take_fault, check };
	const char *path = setup_config();
	struct error e = { 0 };

	if (!setup_read_config(&check->config, &e)) {
		take_fault(check, &e);
		check_way(check, path);
	}
	check->file = path != NULL && file_may_be_shown(path) ? path : NULL;
	settings_report(buffer_span(&check->config), path, environ,
			(int64_t)time(NULL), check->given, &report);
	check->file = NULL;
}

/* All of the list's faults; of a list without any, what else is odd. */
static void
check_list(struct check *check, const char *path)
{
	struct report report = { take_fault, check };
	struct file_identity identity;
	struct list *list = &check->list;
	struct buffer text;
	struct error e = { 0 };

	check->file = path;
	if (file_read(path, false, LIST_TEXT_MAX, &text, &identity, &e) !=
	    FILE_READ) {
		check->file = NULL;
		take_fault(check, &e);
		check_way(check, path);
	} else {
		list_report(buffer_span(&text), &setup_files, &report);
		if (list_build(list, buffer_span(&text), NULL, 0, &setup_files,
			       &e)) {
			advice_find(&check->findings, list, path);
			ending_find(&check->findings, list, buffer_span(&text),
				    path, (int64_t)time(NULL));
		}
	}
	check->file = NULL;
	buffer_free(&text);
}

/* Gives the absolute path that a setting names, even if other settings do not
 * read: free(). NULL if it names none. */
static char *
named_file(const struct check *check, const char *setting)
{
	for (size_t i = 0; settings_help(i) != NULL; i++) {
		struct span value = check->given[i].value;
		if (strcmp(settings_help(i)->name, setting) == 0 &&
		    !span_empty(value) && value.ptr[0] == '/')
			return span_copy(value);
	}
	return NULL;
}

static void
check_secret(struct check *check, const char *path,
	     bool (*take)(struct settings *, struct span, struct error *))
{
	struct settings unused = { 0 };
	struct file_identity identity;
	struct buffer text;
	struct error e = { 0 };

	if (file_read(path, true, SETTINGS_SECRET_MAX, &text, &identity, &e) !=
	    FILE_READ) {
		take_fault(check, &e);
		check_way(check, path);
	} else if (!take(&unused, buffer_span(&text), &e)) {
		error_where(&e, path);
		take_fault(check, &e);
	}
	settings_free(&unused);
	buffer_wipe(&text);
}

static void
check_files(struct check *check)
{
	char *keys = named_file(check, "CERTGATE_ACCESS_KEYS_FILE");
	char *code = named_file(check, "CERTGATE_CODE_FILE");
	char *list = named_file(check, "CERTGATE_LIST");

	if (keys != NULL)
		check_secret(check, keys, settings_add_keys);
	if (code != NULL)
		check_secret(check, code, settings_set_code);
	if (list != NULL)
		check_list(check, list);
	free(keys);
	free(code);
	free(list);
}

/* What the handler itself would say; true if it would have settings and a
 * list. */
static bool
check_start(struct check *check, size_t *entries)
{
	struct sites sites;

	log_divert(take_line, &check->findings);
	sites_open(&sites, environ);
	sites_read(&sites);
	bool ok = sites.main.has_settings && sites.main.has_list;
	*entries = sites.main.list.n;
	/* If it cannot be told, that was said. */
	if (sites.in_use && sites.unsure == 0)
		findings_warn(&check->findings, sites.folder, 0,
			      "there are sites: a request must name one, and "
			      "the main list lets nobody in; see each by "
			      "--site");
	else if (!sites.in_use && ok && *entries == 0 &&
		 !sites.main.settings.missing_allowed)
		findings_warn(&check->findings, NULL, 0,
			      "there is no entry: nobody is let in");
	sites_close(&sites);
	return ok;
}

static void
show_origin(const struct check *check, size_t i, char *text, size_t size)
{
	const struct setting_given *given = &check->given[i];

	if (given->value.ptr == NULL)
		(void)snprintf(text, size, "default");
	else if (given->line > 0)
		(void)snprintf(text, size, "%s:%u", setup_config(),
			       given->line);
	else if (check->command->option[OPTION_LIST] != NULL &&
		 strcmp(settings_help(i)->name, "CERTGATE_LIST") == 0)
		(void)snprintf(text, size, "--list");
	else
		(void)snprintf(text, size, "environment");
}

/* Return the i-th setting's value, unless it may be a secret in the wrong
 * place: a value that did not parse, or a path where nothing is.  Then return
 * its length, written to text. */
static struct span
shown_value(const struct check *check, size_t i, char *text, size_t size)
{
	const struct setting_help *help = settings_help(i);
	const struct setting_given *given = &check->given[i];
	bool shown = !given->invalid;

	if (given->value.ptr == NULL)
		return span_of(help->standard);
	if (help->secret)
		return SPAN("(secret)");
	if (shown && given->value.len > 0 && given->value.ptr[0] == '/') {
		char *path = span_copy(given->value);
		shown = path != NULL && file_may_be_shown(path);
		free(path);
	}
	if (shown)
		return given->value;
	(void)snprintf(text, size, "(%zu characters)", given->value.len);
	return span_of(text);
}

static void
show_settings(const struct check *check, bool json)
{
	char hidden[sizeof("( characters)") + SPAN_DIGITS_MAX];
	char origin[sizeof(((struct error *)0)->where)];

	for (size_t i = 0; settings_help(i) != NULL; i++) {
		const struct setting_help *help = settings_help(i);
		struct span value =
			shown_value(check, i, hidden, sizeof(hidden));
		bool given = check->given[i].value.ptr != NULL;
		show_origin(check, i, origin, sizeof(origin));
		if (json) {
			print_json_open(NULL, '{');
			print_json_string("name", span_of(help->name));
			print_json_string("value", value);
			print_json_bool("given", given);
			print_json_string("origin", span_of(origin));
			print_json_close('}');
		} else {
			print("%-34s ", help->name);
			print_text(value);
			print("  [");
			print_text(span_of(origin));
			print("]\n");
		}
	}
}

/* Show the CAs and CRLs of each pair of files that the list names. */
static void
show_trusts(const struct check *check, bool json)
{
	const struct trusts *trusts = &check->list.trusts;

	for (size_t i = 0; i < trusts->n; i++) {
		const struct chain_trust *chain = trusts->trust[i].chain;
		size_t anchors = chain_trust_anchors(chain);
		size_t rest = chain->n_authorities - anchors;
		if (json) {
			print_json_open(NULL, '{');
			print_json_string("ca", span_of(trusts->trust[i].ca));
			print_json_number("anchors", (int64_t)anchors);
			print_json_number("intermediates", (int64_t)rest);
			print_json_number("crls", (int64_t)chain->n_crls);
			print_json_close('}');
			continue;
		}
		print_text(span_of(trusts->trust[i].ca));
		print(": %zu anchor%s, %zu intermediate%s, %zu CRL%s\n",
		      anchors, anchors == 1 ? "" : "s", rest,
		      rest == 1 ? "" : "s", chain->n_crls,
		      chain->n_crls == 1 ? "" : "s");
	}
}

static void
show_text(const struct check *check, bool ok, size_t entries)
{
	const struct findings *findings = &check->findings;

	if (check->command->option[OPTION_QUIET] == NULL) {
		show_settings(check, false);
		print("\n");
	}
	findings_print(findings);
	if (check->command->option[OPTION_QUIET] != NULL)
		return;
	show_trusts(check, false);
	const char *of = setup_site().ptr == NULL ? "" : " of this site";
	print("%u error%s, %u warning%s; a handler that starts now ",
	      findings->errors, findings->errors == 1 ? "" : "s",
	      findings->warnings, findings->warnings == 1 ? "" : "s");
	if (ok)
		print("has %zu %s%s\n", entries,
		      entries == 1 ? "entry" : "entries", of);
	else
		print("refuses everybody%s\n", of);
}

static void
show_json(const struct check *check, bool ok, size_t entries)
{
	print_json_open(NULL, '{');
	print_json_open("settings", '[');
	show_settings(check, true);
	print_json_close(']');
	findings_print_json(&check->findings);
	print_json_open("cas", '[');
	show_trusts(check, true);
	print_json_close(']');
	print_json_number("errors", check->findings.errors);
	print_json_number("warnings", check->findings.warnings);
	print_json_bool("starts", ok);
	print_json_number("entries", (int64_t)entries);
	print_json_close('}');
}

/* Files are read, and owners judged, as that user would. */
static bool
become(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL) {
		print_problem("--as: no such user");
		return false;
	}
	if (user->pw_uid == geteuid())
		return true;
	if (initgroups(name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 &&
	    setuid(user->pw_uid) == 0)
		return true;
	print_problem("only root can look as another user: %s",
		      error_word(span_of(name)));
	return false;
}

enum exit_code
check_run(const struct command *command)
{
	struct check check = { .command = command };
	size_t entries;

	if (command->option[OPTION_AS] != NULL &&
	    !become(command->option[OPTION_AS]))
		return EXIT_SYSTEM;
	if (command->option[OPTION_AS] != NULL)
		file_set_reader();
	check_settings(&check);
	check_files(&check);
	bool ok = check_start(&check, &entries);
	findings_sort(&check.findings);
	if (command->option[OPTION_JSON] != NULL)
		show_json(&check, ok, entries);
	else
		show_text(&check, ok, entries);
	bool good = ok && check.findings.errors == 0;
	findings_free(&check.findings);
	list_free(&check.list);
	buffer_wipe(&check.config);
	return good ? EXIT_DONE : EXIT_NO;
}
