/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate remove: takes entries out of the list, by pin, certificate or
 * line.  Deny entries stay unless --deny or their line is given. */
#include "config.h"

#include <limits.h>

#include "admin/change.h"
#include "admin/disconnect.h"
#include "admin/input.h"
#include "admin/print.h"

/* A thumbprint has forty digits or more. */
enum { LINE_DIGITS = 9 };

static void
remove_line(struct change *change, const struct edit_line *line)
{
	/* By its number, the entry says what the edit is about. */
	if (line->reads && change->target.main.kind == THUMBPRINT_NONE)
		change->target.main = line->entry.pin;
	edit_drop(&change->edit, "removed", line);
}

/* Remove the line if it is the target's; else remark why it stays. */
static void
look_at_line(struct change *change, const struct edit_line *line)
{
	bool denies = change->command->option[OPTION_DENY] != NULL;

	switch (change_match(change, line)) {
	case TARGET_NONE:
		return;
	case TARGET_KEY:
		change_remark(change, "Line %u has its public key and stays.",
			      line->number);
		return;
	case TARGET_PIN:
	case TARGET_DIGEST:
		break;
	}
	if (line->entry.allows || denies)
		remove_line(change, line);
	else if (change->fleet != NULL)
		change_remark(change,
			      "Line %u denies it and stays: use "
			      "--deny.",
			      line->number);
	else
		change_remark(change,
			      "Line %u denies it and stays: use --deny, or "
			      "certgate remove %u.",
			      line->number, line->number);
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
	for (size_t i = 0; i < change->n_remarks; i++)
		print("%s\n", change->remarks[i]);
	print_problem("no such entry");
	input_explain_code(change->command->arguments[0]);
	return EXIT_NO;
}

/* The users are those of the list as it was. */
static enum exit_code
finish(struct change *change)
{
	const struct command *command = change->command;
	bool closes = command->option[OPTION_DISCONNECT] != NULL;
	struct disconnection *users =
		closes ? disconnect_prepare(command, &change->target) : NULL;
	enum exit_code code = change_finish(change, false);

	edit_close(&change->edit); /* others need not wait for what follows */
	if (code == EXIT_DONE && closes)
		return disconnect_finish(command, users);
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
	enum exit_code code =
		by_number ? change_open(&change) : change_open_target(&change);
	if (code == EXIT_DONE) {
		collect(&change, number);
		code = change.edit.n_changes > 0 ? finish(&change)
						 : report_none(&change);
	}
	change_close(&change);
	return code;
}
