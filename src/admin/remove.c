/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate remove: takes entries out of the list, by pin, certificate or
 * line. */
#include "config.h"

#include <limits.h>
#include <stdlib.h>

#include "admin/change.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/setup.h"

/* A thumbprint has forty digits or more. */
enum { LINE_DIGITS = 9 };

/* By its number, or else by the target: also a certificate's other pins, but
 * not by its key, which others may have. */
static bool
is_meant(const struct change *change, uint64_t number,
	 const struct edit_line *line)
{
	if (number > 0)
		return number == line->number;
	return line->reads &&
	       (target_is(&change->target, &line->entry, line->text) ||
		(line->entry.pin.kind != THUMBPRINT_SPKI &&
		 target_is_otherwise(&change->target, &line->entry)));
}

static enum exit_code
remove_lines(struct change *change, const struct command *command,
	     uint64_t number)
{
	struct edit *edit = &change->edit;
	struct edit_line line;

	while (edit_next(edit, &line)) {
		if (is_meant(change, number, &line)) {
			edit_drop(edit, &line);
			change_note(change, "removed", line.number,
				    edit_line_trimmed(&line));
		} else {
			edit_keep(edit, &line);
			if (line.reads &&
			    target_is_otherwise(&change->target, &line.entry))
				change_remark(change, "Line ", line.number,
					      " has its public key and stays.");
		}
		edit_line_free(&line);
	}
	if (edit->changes > 0)
		return change_finish(change, command);
	change_say_remarks(change);
	print_problem("no such entry");
	input_explain_code(command->arguments[0]);
	return EXIT_NO;
}

/* By a line's number, which needs no target. */
static enum exit_code
open_by_number(struct change *change, const struct command *command)
{
	*change = (struct change){ .edit = EDIT_CLOSED };
	return change_open_list(change, command);
}

enum exit_code
remove_run(const struct command *command)
{
	struct span word = span_of(command->arguments[0]);
	struct change change;
	uint64_t number = 0;

	enum exit_code code =
		word.len <= LINE_DIGITS &&
				span_number(word, 1, UINT_MAX, &number)
			? open_by_number(&change, command)
			: change_open(&change, command);
	if (code == EXIT_DONE)
		code = remove_lines(&change, command, number);
	change_close(&change);
	return code;
}
