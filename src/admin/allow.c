/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate allow: adds an entry to the store or the list, or with --replace
 * puts it in the place of those that have the same pin.  The pin may be that of
 * a pending certificate. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "admin/change.h"
#include "admin/pending.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/hex.h"
#include "policy/value.h"
#include "protocol/certificate.h"

enum {
	DIGITS_MIN = 8, /* of a SHA-256 that is only begun */
	DIGITS_MAX = 2 * DIGEST_SHA256_SIZE - 1,
	SHA1_DIGITS = 2 * DIGEST_SHA1_SIZE,
	/* 128 bits: for fewer a certificate can be found whose SHA-256 begins
	 * with them. */
	UNASKED_DIGITS_MIN = 32
};

struct addition {
	struct change change;
	struct pending pending; /* if digits were given */
	struct pending_row *const *row; /* of one certificate; borrowed */
	size_t n_rows; /* 0: a pin or a file was given */
	struct buffer entry; /* without a comment */
};

/* Add hub=A,B; the name of a hub may have a comma. */
static bool
add_hubs(const struct addition *a, struct buffer *text)
{
	for (size_t i = 0; i < a->n_rows; i++) {
		struct span hub = pending_text(&a->row[i]->hub);
		if (!value_is_hub(hub)) {
			print_problem("invalid hub \"%s\" (fix: give hub=NAME)",
				      error_word(hub));
			return false;
		}
		buffer_add(text, i == 0 ? SPAN(" hub=") : SPAN(","));
		for (size_t k = 0; k < hub.len; k++) {
			if (hub.ptr[k] == ',')
				buffer_add_byte(text, '\\');
			buffer_add_byte(text, hub.ptr[k]);
		}
	}
	return true;
}

static bool
has_option(const struct command *command, const char *name)
{
	for (int i = 1; i < command->n; i++)
		if (strncmp(command->arguments[i], name, strlen(name)) == 0)
			return true;
	return false;
}

/* The options come before the hubs.  A fault of the entry is reported before
 * what the list has of it. */
static enum exit_code
make_entry(struct addition *a)
{
	const struct command *command = a->change.command;
	struct buffer *text = &a->entry;

	buffer_add(text, buffer_span(&a->change.target.pin));
	if (!change_add_options(&a->change, text))
		return EXIT_MISUSED;
	if (!has_option(command, "hub=") && !add_hubs(a, text))
		return EXIT_NO;
	return change_check_entry(text);
}

/* What the list has already of this pin. */
struct state {
	unsigned same, other, denied, otherwise; /* lines; 0: none */
	struct span same_text; /* that line, with its comment */
};

static void
look_at(struct state *state, const struct addition *a,
	const struct edit_line *line, enum target_match match)
{
	const struct target *target = &a->change.target;
	struct span options =
		span_after(buffer_span(&a->entry), target->pin.len);

	if (!line->entry.allows) {
		/* Of a CA, other certificates may be denied. */
		if (target->main.kind != THUMBPRINT_NONE &&
		    !entry_has_expired(&line->entry, (int64_t)time(NULL)))
			state->denied = line->number;
	} else if (match != TARGET_PIN) {
		state->otherwise = line->number;
	} else if (edit_has_options(line, options)) {
		state->same = line->number;
		state->same_text = edit_line_trimmed(line);
	} else if (state->other == 0 && target->main.kind != THUMBPRINT_NONE) {
		state->other = line->number; /* a CA may have several */
	}
}

/* EXIT_DONE if there is nothing against the new entry, or nothing to be done:
 * then it is there already. */
static enum exit_code
judge(struct change *change, const struct state *state)
{
	bool replace = change->command->option[OPTION_REPLACE] != NULL;
	const char *options = setup_options("");
	char place[ENTRY_PLACE_SIZE];

	if (state->denied > 0 && change->fleet != NULL) {
		print_problem("an entry of the fleet denies the certificate; a "
			      "deny entry takes precedence (fix: certgate "
			      "remove --fleet%s --deny PIN)",
			      setup_connection_option());
		return EXIT_NO;
	}
	if (state->denied == ENTRY_LINE_STORED) {
		print_problem("an entry of the store denies the certificate; a "
			      "deny entry takes precedence (fix: certgate "
			      "remove%s --deny PIN)",
			      options);
		return EXIT_NO;
	}
	if (state->denied > 0) {
		print_problem("line %u denies the certificate; a deny entry "
			      "takes precedence (fix: certgate remove%s %u)",
			      state->denied, options, state->denied);
		return EXIT_NO;
	}
	if (state->other > 0 && !replace) {
		print_problem("%s has this pin with other options (fix: "
			      "--replace)",
			      entry_place(state->other, place));
		return EXIT_NO;
	}
	if (state->other == 0) {
		change->there = state->same;
		change->there_text = state->same_text;
	}
	return EXIT_DONE;
}

/* Look at each line.  With --replace the new entry goes in the place of the
 * first line of this pin, and the others are dropped; else it goes to the end.
 * Its number; 0, and printed, if the comment is invalid. */
static unsigned
collect(struct addition *a, struct state *state, struct buffer *text)
{
	struct change *change = &a->change;
	bool replace = change->command->option[OPTION_REPLACE] != NULL;
	struct edit_line line = { 0 };
	unsigned number = 0;
	bool ok = true;

	while (edit_next(&change->edit, &line)) {
		enum target_match match = change_match(change, &line);
		if (match != TARGET_NONE)
			look_at(state, a, &line, match);
		if (match != TARGET_PIN || !replace)
			continue;
		if (number > 0) {
			edit_drop(&change->edit, "removed", &line);
			continue;
		}
		ok = change_add_comment(change, &line, text);
		number = edit_replace(&change->edit, "allowed", &line, text);
	}
	if (number == 0) {
		ok = change_add_comment(change, NULL, text);
		number = edit_insert(&change->edit, "allowed", NULL, text);
	}
	return ok ? number : 0;
}

/* Warn if the common name cannot be the user id. */
static void
warn_of_name(struct addition *a, unsigned number)
{
	const struct target *target = &a->change.target;
	struct certificate c;
	char place[ENTRY_PLACE_SIZE];

	if (target->der.len > 0 && target->main.kind != THUMBPRINT_SPKI &&
	    a->change.settings.user_id == USER_DEFAULT &&
	    !has_option(a->change.command, "user=") &&
	    certificate_read(buffer_span(&target->der), &c) &&
	    certificate_has_unusable_name(&c))
		remarks_add(&a->change.remarks,
			    "Warning: %s: the user id is the "
			    "thumbprint: " CERTIFICATE_UNUSABLE_NAME
			    " (fix: user=NAME)",
			    entry_place(number, place));
}

static enum exit_code
allow(struct addition *a)
{
	struct change *change = &a->change;
	struct state state = { 0 };
	char place[ENTRY_PLACE_SIZE];
	struct buffer text;
	enum exit_code code = EXIT_MISUSED;

	buffer_init(&text, CHANGE_TEXT_MAX);
	buffer_add(&text, buffer_span(&a->entry));
	unsigned number = collect(a, &state, &text);
	if (number > 0)
		code = judge(change, &state);
	if (code == EXIT_DONE) {
		if (change->there > 0)
			number = change->there;
		change_advise(change, number, buffer_span(&a->entry));
		change_warn_of_expiry(change, &change->target, number);
		warn_of_name(a, number);
		if (change->there == 0 && state.otherwise > 0)
			remarks_add(&change->remarks,
				    "%s allows the same certificate by "
				    "another pin.",
				    change_place(state.otherwise, place));
		code = change_finish(change, false);
	}
	buffer_free(&text);
	return code;
}

static enum exit_code
check_rows(const struct addition *a, const char *digits)
{
	size_t n = a->n_rows;

	/* By their order, all others are between the first and the last. */
	if (thumbprint_compare(&a->row[0]->sha256, &a->row[n - 1]->sha256) !=
	    0) {
		print_problem("%s: several certificates match (fix: give more "
			      "digits)",
			      digits);
		for (size_t i = 0; i < n; i++)
			pending_print(a->row[i], "    ");
		return EXIT_NO;
	}
	if (strlen(digits) == SHA1_DIGITS)
		print("The %d digits begin the SHA-256 of a pending "
		      "certificate: they are not taken\nas a SHA-1.\n",
		      SHA1_DIGITS);
	return EXIT_DONE;
}

/* Find the rows of one certificate, if the first argument is digits that are
 * too few for a pin, or those with which the SHA-256 of a pending certificate
 * begins. */
static enum exit_code
find_rows(struct addition *a)
{
	const char *digits = a->change.command->arguments[0];
	size_t length = hex_length(span_of(digits)), first = 0;
	struct error e = { 0 };

	if (digits[length] != '\0' || length < DIGITS_MIN ||
	    length > DIGITS_MAX)
		return EXIT_DONE;
	bool read = pending_read(&a->pending,
				 a->change.command->option[OPTION_LOG], &e);
	if (read)
		a->n_rows = pending_find(&a->pending, span_of(digits), &first);
	if (a->n_rows > 0) {
		a->row = a->pending.row + first;
		return check_rows(a, digits);
	}
	if (length >= SHA1_DIGITS)
		return EXIT_DONE;
	if (!read) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	print_problem("%s: no pending certificate matches (fix: see certgate "
		      "pending; write ./ before the name of a file)",
		      digits);
	log_reader_print_begin(&a->pending.log, false);
	return EXIT_NO;
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
show_rows(const struct addition *a)
{
	const struct pending_row *row = a->row[0];

	for (size_t i = 0; i < a->n_rows; i++)
		pending_print(a->row[i], "");
	if (row->not_after != 0) {
		print("%-10s ", "valid to");
		print_date(row->not_after);
		print("\n");
	}
	print_pin("sha1", &row->sha1);
	print_pin("sha256", &row->sha256);
	print_pin("spki", &row->spki);
	print("Names are the certificate's claim.  Compare the SHA-256 with "
	      "the one that the\ndevice shows.\n");
	if (!has_option(a->change.command, "user="))
		print("Without user=NAME the user id may be such a name.\n");
	print("entry      ");
	print_text(buffer_span(&a->entry));
	print("\n");
}

/* Without a question, require enough digits, and a log that only the handler
 * writes. */
static enum exit_code
check_unasked(const struct addition *a)
{
	const struct command *command = a->change.command;
	const char *digits = command->arguments[0];
	bool yes = command->option[OPTION_YES] != NULL;

	if (a->pending.log.doubt != NULL)
		print_problem("%s (fix: run it at a terminal, without --yes)",
			      a->pending.log.doubt);
	else if (strlen(digits) < UNASKED_DIGITS_MIN)
		print_problem("%s: too few digits without confirmation (fix: "
			      "--yes and %d to %d digits of the sha256 of "
			      "certgate pending%s --json)",
			      digits, UNASKED_DIGITS_MIN, DIGITS_MAX,
			      setup_options(""));
	else if (yes)
		return EXIT_DONE;
	else
		print_problem("not a terminal, or --json: use --yes to "
			      "confirm");
	return EXIT_MISUSED;
}

/* EXIT_DONE if the certificate is to be allowed. */
static enum exit_code
ask(const struct addition *a)
{
	const struct command *command = a->change.command;
	const char *path = command->option[OPTION_LOG];
	bool yes = command->option[OPTION_YES] != NULL;
	char answer[sizeof("yes\n")] = "";

	if (!yes && command->option[OPTION_DRY_RUN] != NULL)
		return EXIT_DONE;
	bool is_input = path != NULL && strcmp(path, "-") == 0;
	bool json = command->option[OPTION_JSON] != NULL;
	FILE *from = yes || json ? NULL
		     : is_input	 ? fopen("/dev/tty", "re")
				 : stdin;
	if (from == NULL || isatty(fileno(from)) != 1)
		return check_unasked(a);
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

/* In a log that others can write, the public key may be another
 * certificate's. */
static enum exit_code
take_row(struct addition *a)
{
	bool spki = a->change.command->option[OPTION_SPKI] != NULL;
	const struct pending_row *row = a->row[0];
	struct target *target = &a->change.target;

	if (spki && (a->pending.log.doubt != NULL ||
		     row->spki.kind == THUMBPRINT_NONE)) {
		print_problem("--spki: this log does not prove the public key "
			      "(fix: give the file of the certificate)");
		return EXIT_MISUSED;
	}
	target->sha1 = row->sha1;
	target->sha256 = row->sha256;
	target->spki = row->spki;
	target->not_after = row->not_after;
	target_set_certificate(target, spki);
	return EXIT_DONE;
}

/* List and store are locked after the question. */
static enum exit_code
allow_pending(struct addition *a)
{
	enum exit_code code = take_row(a);

	if (code == EXIT_DONE)
		code = make_entry(a);
	if (code != EXIT_DONE)
		return code;
	show_rows(a);
	code = ask(a);
	return code == EXIT_DONE ? change_open(&a->change) : code;
}

enum exit_code
allow_run(const struct command *command)
{
	struct addition a = {
		.change = CHANGE_OF(command),
		.pending = { .log = { .file = -1 } },
	};

	buffer_init(&a.entry, CHANGE_TEXT_MAX);
	enum exit_code code = find_rows(&a);
	if (code == EXIT_DONE && a.n_rows > 0) {
		code = allow_pending(&a);
	} else if (code == EXIT_DONE) {
		code = change_open_target(&a.change);
		if (code == EXIT_DONE)
			code = make_entry(&a);
	}
	if (code == EXIT_DONE)
		code = allow(&a);
	buffer_free(&a.entry);
	pending_free(&a.pending);
	change_close(&a.change);
	return code;
}
