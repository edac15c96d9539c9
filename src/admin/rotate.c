/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate rotate: adds a new pin with the options of an old one, which expires
 * some days later. */
#include "config.h"

#include <time.h>

#include "admin/change.h"
#include "admin/print.h"
#include "base/date.h"

enum {
	OVERLAP_DAYS = 14, /* without --overlap */
	OVERLAP_MAX = 3650 /* days */
};

struct rotation {
	struct change change; /* of the old pin */
	struct target fresh;
	int64_t now, end; /* UTC seconds; end: the last of the old entry */
	char day[DATE_TEXT_SIZE]; /* of that */
};

/* Read Nd. */
static bool
read_overlap(const char *text, uint64_t *days)
{
	struct span number = span_of(text);

	*days = OVERLAP_DAYS;
	if (text == NULL)
		return true;
	if (number.len == 0 || number.ptr[number.len - 1] != 'd')
		return false;
	number.len--;
	return span_number(number, 0, OVERLAP_MAX, days);
}

static bool
set_end(struct rotation *r)
{
	const char *overlap = r->change.command->option[OPTION_OVERLAP];
	uint64_t days;

	if (!read_overlap(overlap, &days)) {
		print_problem("--overlap: expected days, such as %dd",
			      OVERLAP_DAYS);
		return false;
	}
	r->now = (int64_t)time(NULL);
	r->end = r->now - r->now % DATE_DAY_SECONDS +
		 ((int64_t)days + 1) * DATE_DAY_SECONDS - 1;
	(void)date_text(r->end, r->day);
	return true;
}

/* Get the next NAME=VALUE; blanks in quotes belong to the value. */
static bool
next_option(struct span *rest, struct span *option)
{
	bool quoted = false;
	size_t n = 0;

	*rest = span_trim(*rest);
	for (; n < rest->len; n++) {
		char c = rest->ptr[n];
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && n + 1 < rest->len)
			n++;
		else if (!quoted && (c == ' ' || c == '\t'))
			break;
	}
	*option = (struct span){ rest->ptr, n };
	*rest = span_after(*rest, n);
	return n > 0;
}

/* Add the old entry with its new end. */
static void
add_old(const struct rotation *r, const struct edit_line *line,
	struct buffer *text)
{
	struct span rest = span_after(line->text, line->entry.pin_end), option;

	buffer_add(text, (struct span){ line->text.ptr, line->entry.pin_end });
	while (next_option(&rest, &option)) {
		if (span_starts(option, SPAN("expires=")))
			continue;
		buffer_add_byte(text, ' ');
		buffer_add(text, option);
	}
	buffer_add(text, SPAN(" expires="));
	buffer_add(text, span_of(r->day));
	change_keep_comment(line, text);
}

/* Add the new entry with all options: without one it would accept more
 * clients. */
static void
add_new(const struct rotation *r, const struct edit_line *line,
	struct buffer *text)
{
	struct span options =
		span_trim(span_after(line->text, line->entry.pin_end));

	buffer_add(text, buffer_span(&r->fresh.pin));
	if (options.len > 0)
		buffer_add_byte(text, ' ');
	buffer_add(text, options);
}

/* Rotate one line; print an error and return false if the comment is
 * invalid. */
static bool
rotate_line(struct rotation *r, const struct edit_line *line,
	    struct buffer *text)
{
	struct change *change = &r->change;
	int64_t end = line->entry.not_after;
	bool stays = end != 0 && end <= r->end;
	char place[ENTRY_PLACE_SIZE];

	buffer_clear(text);
	add_old(r, line, text);
	if (!stays)
		(void)edit_replace(&change->edit, "expires", line, text);
	buffer_clear(text);
	add_new(r, line, text);
	/* The comment is about the old certificate. */
	if (!change_add_comment(change, NULL, text))
		return false;
	unsigned number = edit_insert(&change->edit, "added", line, text);
	change_advise(change, number, buffer_span(text));
	change_warn_of_expiry(change, &r->fresh, number);
	if (number != ENTRY_LINE_STORED)
		number--;
	if (end != 0)
		remarks_add(&change->remarks,
			    "The new entry has the expires= that the old one "
			    "%s (%s).",
			    stays ? "has" : "had", entry_place(number, place));
	return true;
}

/* Return true for the old pin, or another digest of the certificate, but not
 * its key: the new one may have the same. */
static bool
is_old(const struct rotation *r, const struct edit_line *line)
{
	enum target_match match = change_match(&r->change, line);
	int64_t end = line->entry.not_after;

	return line->entry.allows && (end == 0 || end >= r->now) &&
	       (match == TARGET_PIN || match == TARGET_DIGEST);
}

static enum exit_code
rotate(struct rotation *r)
{
	struct edit_line line = { 0 };
	struct buffer text;
	unsigned there = 0;
	bool ok = true;
	char place[ENTRY_PLACE_SIZE];

	buffer_init(&text, CHANGE_TEXT_MAX);
	while (edit_next(&r->change.edit, &line)) {
		if (!line.reads)
			continue;
		if (target_match(&r->fresh, &line.entry, line.text) ==
		    TARGET_PIN)
			there = line.number;
		if (ok && is_old(r, &line))
			ok = rotate_line(r, &line, &text);
	}
	buffer_free(&text);
	if (there > 0)
		print_problem("%s has the new pin already",
			      entry_place(there, place));
	else if (ok && r->change.edit.n_changes == 0)
		print_problem(
			"%s: no allow entry matches; an entry of a CA "
			"needs no rotation",
			error_word(span_of(r->change.command->arguments[0])));
	else if (ok)
		return change_finish(&r->change, false);
	return ok ? EXIT_NO : EXIT_MISUSED;
}

static enum exit_code
read_fresh(struct rotation *r)
{
	const struct command *command = r->change.command;
	bool spki = command->option[OPTION_SPKI] != NULL;
	struct error e = { 0 };

	if (!target_read(&r->fresh, command->arguments[1], spki, &e)) {
		print_error(&e);
		return EXIT_NO;
	}
	if (r->fresh.main.kind == THUMBPRINT_NONE ||
	    r->change.target.main.kind == THUMBPRINT_NONE) {
		print_problem(
			"an entry of a CA cannot be rotated: expected two "
			"pins or files");
		return EXIT_MISUSED;
	}
	return change_add(&r->change, &r->fresh);
}

enum exit_code
rotate_run(const struct command *command)
{
	struct rotation r = { .change = CHANGE_OF(command) };
	enum exit_code code;

	if (!set_end(&r))
		return EXIT_MISUSED;
	code = change_open_target(&r.change);
	if (code == EXIT_DONE)
		code = read_fresh(&r);
	if (code == EXIT_DONE)
		code = rotate(&r);
	target_free(&r.fresh);
	change_close(&r.change);
	return code;
}
