/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate deny: adds an entry that refuses, whatever others allow. */
#include "config.h"

#include "admin/change.h"
#include "admin/print.h"

/* Goes through the list and keeps it.  Says which entries that allow it stay;
 * the line that denies it already, else 0. */
static unsigned
keep_lines(struct change *change)
{
	struct edit_line line;
	unsigned denied = 0;

	while (edit_next(&change->edit, &line)) {
		const struct target *target = &change->target;
		bool mine =
			line.reads && target_is(target, &line.entry, line.text);
		if (mine && !line.entry.allows)
			denied = line.number;
		else if (line.reads && line.entry.allows &&
			 (mine || target_is_otherwise(target, &line.entry)))
			print("Line %u still allows it; the deny wins.\n",
			      line.number);
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
	size_t entry_length = text->len;
	if (!change_add_comment(command, text))
		return EXIT_MISUSED;
	struct span entry = { text->data, entry_length };
	unsigned denied = keep_lines(change);
	if (denied > 0) {
		change_say(change, "already there", denied, entry);
		return EXIT_DONE;
	}
	unsigned number = edit_put(&change->edit, buffer_span(text));
	enum exit_code code =
		change_finish(change, command, "denied", number, entry);
	if (code == EXIT_DONE && command->option[OPTION_DRY_RUN] == NULL)
		print("A client that is connected stays so until it is "
		      "closed.\n");
	return code;
}

enum exit_code
deny_run(const struct command *command)
{
	struct change change;
	struct buffer text;
	enum exit_code code = change_open(&change, command);

	buffer_init(&text, CHANGE_TEXT_MAX);
	if (code == EXIT_DONE)
		code = deny(&change, command, &text);
	buffer_free(&text);
	change_close(&change);
	return code;
}
