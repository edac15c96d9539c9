/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate remove: takes entries out of the list, by pin, certificate or
 * line. */
#include "config.h"

#include <limits.h>

#include "admin/change.h"
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

static enum exit_code
remove_lines(struct change *change, uint64_t number)
{
	struct edit_line line = { 0 };
	enum target_match match;

	while (edit_next(&change->edit, &line)) {
		match = number == 0 ? change_match(change, &line) : TARGET_NONE;
		if (number == line.number || match == TARGET_PIN ||
		    match == TARGET_DIGEST)
			remove_line(change, &line);
		else if (match == TARGET_KEY)
			change_remark(change,
				      "Line %u has its public key and stays.",
				      line.number);
	}
	if (change->edit.n_changes > 0)
		return change_finish(change, false);
	for (size_t i = 0; i < change->n_remarks; i++)
		print("%s\n", change->remarks[i]);
	print_problem("no such entry");
	input_explain_code(change->command->arguments[0]);
	return EXIT_NO;
}

enum exit_code
remove_run(const struct command *command)
{
	struct span word = span_of(command->arguments[0]);
	struct change change = CHANGE_OF(command);
	uint64_t number = 0;

	bool by_number = word.len <= LINE_DIGITS &&
			 span_number(word, 1, UINT_MAX, &number);
	enum exit_code code =
		by_number ? change_open(&change) : change_open_target(&change);
	if (code == EXIT_DONE)
		code = remove_lines(&change, number);
	change_close(&change);
	return code;
}
