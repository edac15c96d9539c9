/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate deny: adds an entry that refuses, whatever others allow. */
#include "config.h"

#include <stdlib.h>

#include "admin/change.h"
#include "admin/disconnect.h"
#include "admin/print.h"
#include "admin/setup.h"

/* Goes through the list and keeps it.  Remarks which entries that allow it
 * stay; the line that denies it already and its text, else 0. */
static unsigned
keep_lines(struct change *change, struct span *text)
{
	struct edit_line line;
	unsigned denied = 0;

	while (edit_next(&change->edit, &line)) {
		const struct target *target = &change->target;
		bool mine =
			line.reads && target_is(target, &line.entry, line.text);
		if (mine && !line.entry.allows) {
			denied = line.number;
			*text = edit_line_trimmed(&line);
		} else if (line.reads && line.entry.allows &&
			   (mine || target_is_otherwise(target, &line.entry))) {
			change_remark(change, "Line ", line.number,
				      " still allows it; the deny wins.");
		}
		edit_keep(&change->edit, &line);
		edit_line_free(&line);
	}
	return denied;
}

static enum exit_code
deny(struct change *change, const struct command *command, struct buffer *text)
{
	buffer_add(text, SPAN("deny "));
	buffer_add(text, buffer_span(&change->target.pin));
	if (!change_add_comment(command, text))
		return EXIT_MISUSED;
	struct span there;
	unsigned denied = keep_lines(change, &there);
	if (denied > 0) {
		change_say(change, SPAN("already there"), denied, there);
		change_say_remarks(change);
		return EXIT_DONE;
	}
	unsigned number = edit_put(&change->edit, text);
	change_note(change, "denied", number, buffer_span(text));
	enum exit_code code = change_finish(change, command);
	if (code == EXIT_DONE && command->option[OPTION_DRY_RUN] == NULL &&
	    command->option[OPTION_DISCONNECT] == NULL)
		print("A client that is connected stays so until it is closed: "
		      "--disconnect does that.\n");
	return code;
}

/* No option without a meaning: who gives one expects that something is
 * closed. */
static bool
check(const struct command *command)
{
	static const enum command_option closing[] = { OPTION_HUB,
						       OPTION_ENDPOINT,
						       OPTION_CA };

	if (command->option[OPTION_DISCONNECT] != NULL)
		return disconnect_check(command);
	for (size_t i = 0; i < sizeof(closing) / sizeof(closing[0]); i++)
		if (command->option[closing[i]] != NULL) {
			print_problem("--hub, --endpoint and --ca are for "
				      "--disconnect");
			return false;
		}
	return true;
}

/* Without a list, pins in the settings and CERTGATE_REPORT_ONLY_UNTIL admit no
 * client either. */
static enum exit_code
deny_all(const struct command *command)
{
	bool look = command->option[OPTION_DRY_RUN] != NULL;
	struct error e = { 0 };
	char *path = setup_list(&e), *away = NULL;

	if (path != NULL)
		away = edit_move_away(path, look, &e);
	if (away == NULL) {
		print_error(&e);
	} else {
		print(look ? "to be moved to " : "moved to ");
		print_text(span_of(away));
		print(": ");
		print_text(span_of(path));
		print("\nRunning handlers reject every client within seven "
		      "seconds, until there is a list again.\n");
	}
	free(path);
	free(away);
	return e.set ? EXIT_SYSTEM : EXIT_DONE;
}

static bool
is_all_alone(const struct command *command)
{
	static const enum command_option others[] = { OPTION_COMMENT,
						      OPTION_SPKI,
						      OPTION_DISCONNECT };
	bool alone = command->n == 0;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		alone &= command->option[others[i]] == NULL;
	return alone;
}

enum exit_code
deny_run(const struct command *command)
{
	struct change change;
	struct buffer text;
	bool all = command->option[OPTION_ALL] != NULL;

	if (all ? !is_all_alone(command) : command->n != 1) {
		print_problem("deny: expected PIN or FILE, or --all alone");
		return EXIT_MISUSED;
	}
	if (!check(command))
		return EXIT_MISUSED;
	if (all)
		return deny_all(command);
	enum exit_code code = change_open(&change, command);

	buffer_init(&text, CHANGE_TEXT_MAX);
	if (code == EXIT_DONE)
		code = deny(&change, command, &text);
	buffer_free(&text);
	edit_close(&change.edit); /* others need not wait for what follows */
	if (code == EXIT_DONE && command->option[OPTION_DISCONNECT] != NULL)
		code = disconnect_target(command, &change.target);
	change_close(&change);
	return code;
}
