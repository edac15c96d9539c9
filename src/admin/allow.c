/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate allow: adds an entry, or with --replace puts it in the place of
 * those that have the same pin.  The pin may be that of a pending
 * certificate. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "admin/change.h"
#include "admin/pending.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/hex.h"
#include "policy/option.h"
#include "policy/value.h"

enum {
	DIGITS_MIN = 8, /* of a SHA-256 that is only begun */
	DIGITS_MAX = 2 * DIGEST_SHA256_SIZE - 1,
	SHA1_DIGITS = 2 * DIGEST_SHA1_SIZE,
	/* 128 bits: for fewer a certificate can be found whose SHA-256 begins
	 * with them. */
	UNASKED_DIGITS_MIN = 32,
	PIN_MAX = 80, /* bytes of a digest and what stands before it */
	HUBS_MAX = 65536 /* bytes of hub=... */
};

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

/* row is the certificate of the pin, if it came from the log. */
static enum exit_code
run(const struct command *command, const struct pending_row *row)
{
	struct change change;
	struct buffer text;
	enum exit_code code = change_open(&change, command);

	buffer_init(&text, CHANGE_TEXT_MAX);
	if (row != NULL) {
		change.target.is_certificate = true;
		change.target.sha1 = row->sha1;
		change.target.sha256 = row->sha256;
		change.target.spki = row->spki;
	}
	if (code == EXIT_DONE)
		code = allow(&change, command, &text);
	buffer_free(&text);
	change_close(&change);
	return code;
}

/* The rows of one certificate; 0, and said, if none or several match. */
static size_t
find_pending(const struct pending *pending, const char *digits, size_t *first)
{
	size_t n = pending_find(pending, span_of(digits), first);

	if (n == 0) {
		print_problem("%s: no pending certificate matches (fix: see "
			      "certgate pending; write ./ before the name of "
			      "a file)",
			      digits);
		return 0;
	}
	/* By their order, all others are between the first and the last. */
	if (thumbprint_compare(&pending->row[*first]->sha256,
			       &pending->row[*first + n - 1]->sha256) == 0)
		return n;
	print_problem("%s: several certificates match (fix: give more digits)",
		      digits);
	for (size_t i = *first; i < *first + n; i++)
		pending_print(pending->row[i], "    ");
	return 0;
}

static bool
has_option(const struct command *command, const char *name)
{
	for (int i = 1; i < command->n; i++)
		if (strncmp(command->arguments[i], name, strlen(name)) == 0)
			return true;
	return false;
}

/* Adds hub=A,B; the name of a hub may have a comma. */
static bool
add_hubs(struct buffer *text, struct pending_row *const *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct span hub = pending_text(&row[i]->hub);
		if (!option_is_hub(hub)) {
			print_problem("invalid hub \"%s\" (fix: give hub=NAME)",
				      error_word(hub));
			return false;
		}
		buffer_add(text, i == 0 ? SPAN("hub=") : SPAN(","));
		for (size_t k = 0; k < hub.len; k++) {
			if (hub.ptr[k] == ',')
				buffer_add_byte(text, '\\');
			buffer_add_byte(text, hub.ptr[k]);
		}
	}
	buffer_add_byte(text, '\0');
	return true;
}

static void
add_pin(struct buffer *text, const struct thumbprint *pin)
{
	char digits[2 * DIGEST_MAX_SIZE];
	size_t n = thumbprint_size(pin->kind);

	hex_encode(pin->digest, n, digits);
	if (pin->kind == THUMBPRINT_SPKI)
		buffer_add(text, SPAN("spki:"));
	buffer_add(text, (struct span){ digits, 2 * n });
	buffer_add_byte(text, '\0');
}

static void
print_pin(const char *name, const struct thumbprint *pin)
{
	print("%-10s ", name);
	print_digits(pin);
	print("\n");
}

/* The digests come last, where they are seen however long the names are. */
static void
show_pending(const struct command *command, struct pending_row *const *row,
	     size_t n)
{
	for (size_t i = 0; i < n; i++)
		pending_print(row[i], "");
	if (row[0]->not_after != 0) {
		print("%-10s ", "valid to");
		print_date(row[0]->not_after);
		print("\n");
	}
	print_pin("sha1", &row[0]->sha1);
	print_pin("sha256", &row[0]->sha256);
	print_pin("spki", &row[0]->spki);
	print("Names are the certificate's claim.  Compare the SHA-256 with "
	      "the one that the\ndevice shows.\n");
	if (!has_option(command, "user="))
		print("Without user=NAME the user id may be such a name.\n");
	print("entry      ");
	for (int i = 0; i < command->n; i++) {
		print(i > 0 ? " " : "");
		print_text(span_of(command->arguments[i]));
	}
	print("\n");
}

/* Without a question, require enough digits, and a log that only the handler
 * writes. */
static enum exit_code
check_unasked(const struct command *command, const char *digits,
	      const char *doubt)
{
	bool yes = command->option[OPTION_YES] != NULL;

	if (doubt != NULL)
		print_problem("%s (fix: run it at a terminal, without --yes)",
			      doubt);
	else if (strlen(digits) < UNASKED_DIGITS_MIN)
		print_problem("%s: too few digits without a question (fix: "
			      "--yes and %d to %d digits of the sha256 of "
			      "certgate pending --json)",
			      digits, UNASKED_DIGITS_MIN, DIGITS_MAX);
	else if (yes)
		return EXIT_DONE;
	else
		print_problem("not a terminal: use --yes to confirm");
	return EXIT_MISUSED;
}

/* EXIT_DONE if the certificate is to be allowed. */
static enum exit_code
ask(const struct command *command, const char *digits, const char *doubt)
{
	const char *path = command->option[OPTION_LOG];
	bool yes = command->option[OPTION_YES] != NULL;
	char answer[sizeof("yes\n")] = "";

	if (!yes && command->option[OPTION_DRY_RUN] != NULL)
		return EXIT_DONE;
	bool is_input = path != NULL && strcmp(path, "-") == 0;
	FILE *from = yes ? NULL : is_input ? fopen("/dev/tty", "re") : stdin;
	if (from == NULL || isatty(fileno(from)) != 1)
		return check_unasked(command, digits, doubt);
	print("Allow it? [y/N] ");
	(void)fflush(stdout);
	bool agreed = fgets(answer, sizeof(answer), from) != NULL &&
		      (strcasecmp(answer, "y\n") == 0 ||
		       strcasecmp(answer, "yes\n") == 0);
	if (is_input)
		(void)fclose(from);
	if (!agreed)
		print("Nothing was changed.\n");
	return agreed ? EXIT_DONE : EXIT_NO;
}

/* The command with the pin instead of the digits, and the hubs.  In a log that
 * others can write, the public key may be another certificate's. */
static enum exit_code
allow_rows(const struct command *command, const struct pending *pending,
	   size_t first, size_t n)
{
	bool spki = command->option[OPTION_SPKI] != NULL;
	struct pending_row *const *row = pending->row + first;
	char **arguments = calloc((size_t)command->n + 2, sizeof(*arguments));
	struct command own = *command;
	struct buffer pin, hubs;
	enum exit_code code = EXIT_NO;

	buffer_init(&pin, PIN_MAX);
	buffer_init(&hubs, HUBS_MAX);
	add_pin(&pin, spki ? &row[0]->spki : &row[0]->sha256);
	if (spki && (pending->log.doubt != NULL ||
		     row[0]->spki.kind == THUMBPRINT_NONE)) {
		print_problem("--spki: this log does not prove the public key "
			      "(fix: give the file of the certificate)");
		code = EXIT_MISUSED;
	} else if (has_option(command, "hub=") || add_hubs(&hubs, row, n)) {
		code = EXIT_DONE;
	}
	if (code == EXIT_DONE &&
	    (arguments == NULL || pin.failed || hubs.failed)) {
		print_problem("out of memory");
		code = EXIT_SYSTEM;
	}
	if (code == EXIT_DONE) {
		memcpy(arguments, command->arguments,
		       (size_t)command->n * sizeof(*arguments));
		arguments[0] = pin.data;
		if (hubs.len > 0)
			arguments[own.n++] = hubs.data;
		own.arguments = arguments;
		show_pending(&own, row, n);
		code = ask(command, command->arguments[0], pending->log.doubt);
	}
	if (code == EXIT_DONE)
		code = run(&own, row[0]);
	free(arguments);
	buffer_free(&pin);
	buffer_free(&hubs);
	return code;
}

/* Digits that are too few for a pin, or those with which the SHA-256 of a
 * pending certificate begins.  The list is locked after the question. */
enum exit_code
allow_run(const struct command *command)
{
	const char *digits = command->arguments[0];
	size_t length = hex_length(span_of(digits)), first, n;
	struct pending pending;
	struct error e = { 0 };
	enum exit_code code = EXIT_NO;

	if (digits[length] != '\0' || length < DIGITS_MIN ||
	    length > DIGITS_MAX)
		return run(command, NULL);
	bool read = pending_read(&pending, command->option[OPTION_LOG], &e);
	if (length >= SHA1_DIGITS &&
	    (!read || pending_find(&pending, span_of(digits), &first) == 0)) {
		code = run(command, NULL);
	} else if (!read) {
		print_error(&e);
		code = EXIT_SYSTEM;
	} else if ((n = find_pending(&pending, digits, &first)) > 0) {
		if (length == SHA1_DIGITS)
			print("The %d digits begin the SHA-256 of a pending "
			      "certificate: they are not taken\n"
			      "as a SHA-1.\n",
			      SHA1_DIGITS);
		code = allow_rows(command, &pending, first, n);
	} else {
		log_reader_print_begin(&pending.log, false);
	}
	pending_free(&pending);
	return code;
}
