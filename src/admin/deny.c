/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate deny: adds an entry that refuses, whatever others allow. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/change.h"
#include "admin/disconnect.h"
#include "admin/print.h"
#include "admin/setup.h"

/* Return true for a CA: its certificates are unknown. */
static bool
is_authority(const struct target *target)
{
	return target->main.kind == THUMBPRINT_NONE;
}

/* Report the entries that allow the target, and find one that denies it with
 * the same options. */
static void
look_at_lines(struct change *change, struct span options)
{
	struct edit_line line = { 0 };
	char place[ENTRY_PLACE_SIZE];

	while (edit_next(&change->edit, &line)) {
		enum target_match match = change_match(change, &line);
		if (match == TARGET_PIN && !line.entry.allows &&
		    edit_has_options(&line, options)) {
			change->there = line.number;
			change->there_text = edit_line_trimmed(&line);
		} else if (match != TARGET_NONE && line.entry.allows &&
			   !is_authority(&change->target)) {
			remarks_add(&change->remarks,
				    "%s allows the certificate; the deny entry "
				    "takes precedence.",
				    change_place(line.number, place));
		}
	}
}

static void
print_connected(const struct command *command, const struct target *target)
{
	bool by_user =
		is_authority(target) || command->option[OPTION_FLEET] != NULL;

	if (command->option[OPTION_DRY_RUN] == NULL &&
	    command->option[OPTION_DISCONNECT] == NULL)
		print("Connected clients stay connected (fix: %s%s%s).\n",
		      by_user ? "certgate disconnect" : "--disconnect",
		      by_user ? setup_config_options("") : "",
		      by_user ? " USER" : "");
}

/* Add the entry, also to an invalid list. */
static enum exit_code
deny(struct change *change, struct buffer *text)
{
	const struct target *target = &change->target;

	buffer_add(text, SPAN("deny "));
	buffer_add(text, buffer_span(&target->pin));
	size_t pin_end = text->len;
	if (!change_add_options(change, text))
		return EXIT_MISUSED;
	enum exit_code code = change_check_entry(text);
	if (code != EXIT_DONE)
		return code;
	size_t end = text->len;
	if (!change_add_comment(change, NULL, text))
		return EXIT_MISUSED;
	struct span entry = { text->data, end };
	look_at_lines(change, span_after(entry, pin_end));
	unsigned line = change->there;
	if (line == 0)
		line = edit_insert(&change->edit, "denied", NULL, text);
	change_advise(change, line, entry);
	code = change_finish(change, true);
	if (code == EXIT_DONE && change->there == 0)
		print_connected(change->command, target);
	return code;
}

/* Move the list, unless that was done; dry_run: only check.  Return the new
 * path, or NULL and e.  Gives: free(). */
static char *
move_list(const struct replacement *list, bool dry_run, struct error *e)
{
	char *away = NULL;
	struct stat s;
	bool ok = false;

	if (asprintf(&away, "%s" EDIT_DENIED, list->path) < 0) {
		error_set(e, "out of memory");
		return NULL;
	}
	if (lstat(list->path, &s) != 0)
		ok = (errno == ENOENT && access(away, F_OK) == 0) ||
		     error_system(e, "%s", list->path);
	else if (lstat(away, &s) == 0)
		error_set(e, "%s: already exists (fix: mv %s %s.old)", away,
			  away, away);
	else
		ok = dry_run ||
		     renameat2(AT_FDCWD, list->path, AT_FDCWD, away,
			       RENAME_NOREPLACE) == 0 ||
		     error_system(e, "%s", away);
	if (ok)
		return away;
	free(away);
	return NULL;
}

/* Move the list away, also an invalid one.  Without a list, the settings and
 * CERTGATE_REPORT_ONLY_UNTIL accept no client either. */
static enum exit_code
deny_all(const struct command *command)
{
	bool dry_run = command->option[OPTION_DRY_RUN] != NULL;
	struct replacement list = REPLACEMENT_NONE;
	struct error e = { 0 };
	char *path = setup_list(&e), *away = NULL;

	if (path != NULL && replace_open(&list, path, dry_run, &e))
		away = move_list(&list, dry_run, &e);
	if (away == NULL) {
		print_error(&e);
	} else {
		print_text(span_of(path));
		print(dry_run ? ": to be moved to " : ": moved to ");
		print_text(span_of(away));
		print("\nRunning handlers reject every client within seven "
		      "seconds, until there is a list again.\n");
		print_json_open(NULL, '{');
		print_json_string("file", span_of(list.path));
		print_json_bool("written", !dry_run);
		print_json_string("movedTo", span_of(away));
		print_json_string("verdict", SPAN("deny"));
		print_json_close('}');
	}
	replace_close(&list);
	free(path);
	free(away);
	return e.set ? EXIT_SYSTEM : EXIT_DONE;
}

static bool
is_all_alone(const struct command *command)
{
	static const enum command_option others[] = { OPTION_COMMENT,
						      OPTION_SPKI, OPTION_FLEET,
						      OPTION_DISCONNECT };
	bool alone = command->n == 0;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		alone &= command->option[others[i]] == NULL;
	return alone;
}

enum exit_code
deny_run(const struct command *command)
{
	struct change change = CHANGE_OF(command);
	struct buffer text;
	bool all = command->option[OPTION_ALL] != NULL;

	if (all ? !is_all_alone(command) : command->n == 0) {
		print_problem("deny: expected PIN or FILE, or --all alone");
		return EXIT_MISUSED;
	}
	if (!disconnect_check(command))
		return EXIT_MISUSED;
	if (all)
		return deny_all(command);
	enum exit_code code = change_open_target(&change);
	bool closes = command->option[OPTION_DISCONNECT] != NULL;

	if (code == EXIT_DONE && closes && is_authority(&change.target)) {
		print_problem("--disconnect: a CA names no user (fix: certgate "
			      "disconnect%s USER)",
			      setup_config_options(""));
		code = EXIT_MISUSED;
	}
	buffer_init(&text, CHANGE_TEXT_MAX);
	if (code == EXIT_DONE)
		code = deny(&change, &text);
	buffer_free(&text);
	change_release(&change);
	if (code == EXIT_DONE && closes)
		code = disconnect_finish(
			command, disconnect_prepare(command, &change.target));
	change_close(&change);
	return code;
}
