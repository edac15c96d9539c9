/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate allow: adds an entry, or with --replace puts it in the place of
 * those that have the same pin.  The pin may be that of somebody who
 * knocked. */
#include "config.h"

#include <string.h>

#include "admin/admission.h"
#include "admin/change.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "policy/value.h"

/* The value in quotes, if it has none and needs them: a shell took them off.
 * An escape stays one. */
static void
add_value(struct buffer *text, const char *value)
{
	if (value[0] == '"' || value[strcspn(value, " \t#\"")] == '\0') {
		buffer_add(text, span_of(value));
		return;
	}
	buffer_add_byte(text, '"');
	for (; *value != '\0'; value++) {
		if (*value == '"')
			buffer_add_byte(text, '\\');
		buffer_add_byte(text, *value);
		if (*value == '\\' && value[1] != '\0')
			buffer_add_byte(text, *++value);
	}
	buffer_add_byte(text, '"');
}

/* What is behind a value in one argument would be an option that nobody gave,
 * or a comment that hides those that follow. */
static bool
check_value(struct span written, struct error *e)
{
	struct value value = { 0 };

	buffer_init(&value.text, VALUE_MAX);
	bool ok = value_take(&written, &value, e) &&
		  (written.len == 0 ||
		   error_set(e, "something is behind the value"));
	buffer_free(&value.text);
	return ok;
}

/* Adds one NAME=VALUE. */
static bool
add_option(struct buffer *text, const char *argument)
{
	size_t name = strcspn(argument, "= \t#\"\\");
	struct error e = { 0 };

	if (argument[name] != '=' || !span_is_text(span_of(argument))) {
		print_problem("an argument of %zu characters: expected "
			      "NAME=VALUE",
			      strlen(argument));
		return false;
	}
	buffer_add_byte(text, ' ');
	buffer_add(text, (struct span){ argument, name + 1 });
	size_t begin = text->len;
	add_value(text, argument + name + 1);
	if (text->failed ||
	    check_value(span_after(buffer_span(text), begin), &e))
		return true;
	error_where(&e, "a value");
	print_error(&e);
	return false;
}

static bool
make_entry(const struct command *command, const struct target *target,
	   struct buffer *text)
{
	buffer_add(text, buffer_span(&target->pin));
	for (int i = 1; i < command->n; i++)
		if (!add_option(text, command->arguments[i]))
			return false;
	if (!text->failed)
		return true;
	print_problem("the entry is too long");
	return false;
}

/* What is wrong with the entry itself comes before what the list has of it. */
static bool
check_entry(struct span text)
{
	struct warnings warnings = { 0 };
	struct entry entry;
	struct error e = { 0 };

	if (entry_parse(&entry, text, &setup_files, &warnings, &e)) {
		entry_free(&entry);
		return true;
	}
	print_error(&e);
	print_problem("the list stays as it is");
	return false;
}

/* The same words, whatever blanks are between them. */
static bool
same_words(struct span a, struct span b)
{
	struct span one = { 0 }, other = { 0 };
	bool more;

	do {
		more = span_next_word(&a, " \t", &one);
		if (more != span_next_word(&b, " \t", &other) ||
		    (more && !span_equal(one, other)))
			return false;
	} while (more);
	return true;
}

/* What the list has already of this pin. */
struct state {
	unsigned same, other, denied, otherwise; /* lines; 0: none */
	struct span same_text; /* that line, with its comment */
};

static void
look_at(struct state *state, const struct change *change,
	const struct edit_line *line, struct span entry)
{
	if (!line->reads)
		return;
	bool otherwise = target_is_otherwise(&change->target, &line->entry);
	if (!otherwise && !target_is(&change->target, &line->entry, line->text))
		return;
	if (!line->entry.allows)
		state->denied = line->number;
	else if (otherwise)
		state->otherwise = line->number;
	else if (same_words(span_after(line->text, line->entry.pin_end),
			    span_after(entry, change->target.pin.len))) {
		state->same = line->number;
		state->same_text = edit_line_trimmed(line);
	} else if (state->other == 0 &&
		   change->target.main.kind != THUMBPRINT_NONE)
		state->other = line->number; /* a CA may have several */
}

/* True if there is nothing to be done, or it must not be. */
static bool
is_settled(struct change *change, const struct command *command,
	   const struct state *state, enum exit_code *code)
{
	*code = EXIT_NO;
	if (state->denied > 0) {
		print_problem("line %u denies it, and a deny wins: first take "
			      "out that line alone: certgate remove %u",
			      state->denied, state->denied);
		return true;
	}
	if (state->same > 0 && state->other == 0) {
		*code = EXIT_DONE;
		change_say(change, SPAN("already there"), state->same,
			   state->same_text);
		change_advise(change, state->same, state->same_text);
		change_say_remarks(change);
		return true;
	}
	if (state->other > 0 && command->option[OPTION_REPLACE] == NULL) {
		print_problem("line %u has other options for it: give "
			      "--replace to put this in its place",
			      state->other);
		return true;
	}
	return false;
}

/* The comment of the line stays if there is no new one. */
static unsigned
replace_line(struct edit *edit, const struct command *command,
	     const struct edit_line *line, struct buffer *text)
{
	if (command->option[OPTION_COMMENT] == NULL)
		change_keep_comment(line, text);
	return edit_replace(edit, line, text);
}

/* With --replace the first line of this pin becomes the new one, and the others
 * go; text is then as it is in the list. */
static unsigned
write_lines(struct change *change, const struct command *command,
	    struct buffer *text)
{
	bool replace = command->option[OPTION_REPLACE] != NULL;
	struct edit *edit = &change->edit;
	struct edit_line line;
	unsigned number = 0;

	edit_again(edit);
	while (edit_next(edit, &line)) {
		bool mine = replace && line.reads &&
			    target_is(&change->target, &line.entry, line.text);
		if (!mine)
			edit_keep(edit, &line);
		else if (number > 0)
			edit_drop(edit, &line);
		else
			number = replace_line(edit, command, &line, text);
		edit_line_free(&line);
	}
	if (number == 0)
		number = edit_put(edit, text);
	return number;
}

static enum exit_code
allow(struct change *change, const struct command *command, struct buffer *text)
{
	struct state state = { 0 };
	struct edit_line line;
	enum exit_code code;

	if (!make_entry(command, &change->target, text))
		return EXIT_MISUSED;
	if (!check_entry(buffer_span(text)))
		return EXIT_NO;
	while (edit_next(&change->edit, &line)) {
		look_at(&state, change, &line, buffer_span(text));
		edit_line_free(&line);
	}
	if (is_settled(change, command, &state, &code))
		return code;
	if (!change_add_comment(command, text))
		return EXIT_MISUSED;
	unsigned number = write_lines(change, command, text);
	change_note(change, "allowed", number, buffer_span(text));
	change_advise(change, number, buffer_span(text));
	if (state.otherwise > 0)
		change_remark(change, "Line ", state.otherwise,
			      " allows the same certificate by another pin.");
	return change_finish(change, command);
}

/* certificate is that of the pin, if it is known apart from the command. */
static enum exit_code
run(const struct command *command, const struct certificate *certificate)
{
	struct change change;
	struct buffer text;
	enum exit_code code = change_open(&change, command);

	buffer_init(&text, CHANGE_TEXT_MAX);
	if (certificate != NULL)
		target_know(&change.target, certificate);
	if (code == EXIT_DONE)
		code = allow(&change, command, &text);
	buffer_free(&text);
	change_close(&change);
	return code;
}

/* Whoever is asked for has all the time: the list is not locked yet. */
enum exit_code
allow_run(const struct command *command)
{
	struct admission admission;

	if (!admission_is_meant(command->arguments[0]))
		return run(command, NULL);
	enum exit_code code = admission_ask(&admission, command);
	if (code == EXIT_DONE)
		code = run(&admission.command, &admission.certificate);
	admission_free(&admission);
	return code;
}
