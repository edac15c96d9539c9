/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate remove: takes entries out of list and store, by pin, certificate or
 * line.  Deny entries stay unless --deny or their line is given. */
#include "config.h"

#include <limits.h>

#include "admin/change.h"
#include "admin/disconnect.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/setup.h"

/* A thumbprint has forty digits or more. */
enum { LINE_DIGITS = 9 };

static void
remove_line(struct change *change, const struct edit_line *line)
{
	/* A line number is given: the entry has the pin. */
	if (line->reads && change->target.main.kind == THUMBPRINT_NONE)
		change->target.main = line->entry.pin;
	edit_drop(&change->edit, "removed", line);
}

/* Remove the line if it is the target's; else remark why it stays. */
static void
look_at_line(struct change *change, const struct edit_line *line)
{
	bool denies = change->command->option[OPTION_DENY] != NULL;
	unsigned number = edit_line_after(&change->edit, line->number);
	bool by_number = change->fleet == NULL && number != ENTRY_LINE_STORED &&
			 change->command->option[OPTION_DRY_RUN] == NULL;
	char place[ENTRY_PLACE_SIZE];

	switch (change_match(change, line)) {
	case TARGET_NONE:
		return;
	case TARGET_KEY:
		remarks_add(&change->remarks,
			    "%s has its public key and stays.",
			    change_place(number, place));
		return;
	case TARGET_PIN:
	case TARGET_DIGEST:
		break;
	}
	if (line->entry.allows || denies)
		remove_line(change, line);
	else if (!by_number)
		remarks_add(&change->remarks,
			    "%s denies it and stays: use --deny.",
			    change_place(number, place));
	else
		remarks_add(&change->remarks,
			    "%s denies it and stays: use --deny, or "
			    "certgate remove%s %u.",
			    change_place(number, place), setup_options(""),
			    number);
}

static void
collect(struct change *change, uint64_t number)
{
	struct edit_line line = { 0 };

	while (edit_next(&change->edit, &line)) {
		if (number == 0)
			look_at_line(change, &line);
		else if (number == line.number)
			remove_line(change, &line);
	}
}

static enum exit_code
report_none(const struct change *change)
{
	for (size_t i = 0; i < change->remarks.n; i++)
		print("%s\n", change->remarks.remark[i]);
	/* What was typed may be a secret. */
	if (change->fleet != NULL)
		print_problem("no such entry (fix: in psql, select entry "
			      "from certgate.entry)");
	else
		print_problem("no such entry (fix: certgate list%s prints the "
			      "entries)",
			      setup_options(""));
	input_explain_code(change->command->arguments[0]);
	return EXIT_NO;
}

/* End the edit. users: NULL without --disconnect, or if they are unknown. */
static enum exit_code
finish(struct change *change, struct disconnection *users)
{
	const struct command *command = change->command;
	enum exit_code code = change_finish(change, false);

	change_release(change);
	if (code == EXIT_DONE && command->option[OPTION_DISCONNECT] != NULL)
		return disconnect_finish(command, users);
	disconnect_free(users);
	return code;
}

static enum exit_code
remove_by_line(struct change *change, uint64_t number)
{
	const struct command *command = change->command;
	enum exit_code code = change_open(change);

	if (code != EXIT_DONE)
		return code;
	collect(change, number);
	if (change->edit.n_changes == 0)
		return report_none(change);
	return finish(change,
		      command->option[OPTION_DISCONNECT] == NULL
			      ? NULL
			      : disconnect_prepare(command, &change->target));
}

/* Remove by pin.  The users are found before the edit, since a process opens a
 * store once. */
static enum exit_code
remove_by_pin(struct change *change)
{
	const struct command *command = change->command;
	struct disconnection *users = NULL;
	enum exit_code code = change_read_target(change);

	if (code != EXIT_DONE)
		return code;
	if (command->option[OPTION_DISCONNECT] != NULL)
		users = disconnect_prepare(command, &change->target);
	code = change_open(change);
	if (code == EXIT_DONE) {
		collect(change, 0);
		if (change->edit.n_changes > 0)
			return finish(change, users);
		code = report_none(change);
	}
	disconnect_free(users);
	return code;
}

enum exit_code
remove_run(const struct command *command)
{
	struct span word = span_of(command->arguments[0]);
	struct change change = CHANGE_OF(command);
	uint64_t number = 0;

	if (!disconnect_check(command))
		return EXIT_MISUSED;
	change.says_verdict = true;
	bool by_number = command->option[OPTION_FLEET] == NULL &&
			 word.len <= LINE_DIGITS &&
			 span_number(word, 1, UINT_MAX, &number);
	enum exit_code code = by_number ? remove_by_line(&change, number)
					: remove_by_pin(&change);
	change_close(&change);
	return code;
}
