/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate rotate: adds a new pin with the options of an old one, which ends
 * some days later. */
#include "config.h"

#include <stdio.h>
#include <time.h>

#include "admin/change.h"
#include "admin/print.h"
#include "base/date.h"

enum {
	OVERLAP_DAYS = 14, /* without --overlap */
	OVERLAP_MAX = 3650 /* days */
};

struct rotation {
	struct change change; /* about the old pin */
	struct target fresh;
	const struct command *command;
	int64_t now, end; /* UTC seconds; the old one's last */
	char day[sizeof("-2147483648-12-31")]; /* of that */
	unsigned rotated; /* lines */
};

/* Nd */
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
	const char *overlap = r->command->option[OPTION_OVERLAP];
	struct date_time t;
	uint64_t days;

	if (!read_overlap(overlap, &days)) {
		print_problem("--overlap: expected days, such as %dd",
			      OVERLAP_DAYS);
		return false;
	}
	r->now = (int64_t)time(NULL);
	r->end = r->now - r->now % DATE_DAY_SECONDS +
		 ((int64_t)days + 1) * DATE_DAY_SECONDS - 1;
	date_from_seconds(r->end, &t);
	(void)snprintf(r->day, sizeof(r->day), "%04d-%02d-%02d", t.year,
		       t.month, t.day);
	return true;
}

/* The old pin, or the certificate by another of its digests; not by its key,
 * which the new one may have too. */
static bool
is_old(const struct rotation *r, const struct edit_line *line)
{
	const struct target *old = &r->change.target;

	return line->reads && line->entry.allows &&
	       (target_is(old, &line->entry, line->text) ||
		(line->entry.pin.kind != THUMBPRINT_SPKI &&
		 target_is_otherwise(old, &line->entry)));
}

static int64_t
end_of(const struct entry *entry)
{
	return entry->terms == NULL ? 0 : entry->terms->not_after;
}

static bool
has_ended(const struct rotation *r, const struct entry *entry)
{
	return end_of(entry) != 0 && end_of(entry) < r->now;
}

/* False, and said, if there is nothing to be rotated, or nowhere to. */
static bool
look(struct rotation *r)
{
	struct edit *edit = &r->change.edit;
	unsigned there = 0, found = 0;
	struct edit_line line;

	while (edit_next(edit, &line)) {
		if (line.reads && target_is(&r->fresh, &line.entry, line.text))
			there = line.number;
		if (is_old(r, &line) && !has_ended(r, &line.entry))
			found++;
		edit_line_free(&line);
	}
	edit_again(edit);
	if (there > 0)
		print_problem("line %u has the new pin already", there);
	else if (found == 0)
		print_problem("%s: no pin of it lets it in; an entry of a CA "
			      "needs no rotation",
			      error_word(span_of(r->command->arguments[0])));
	return there == 0 && found > 0;
}

/* The next NAME=VALUE; blanks in quotes are the value's. */
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

/* The entry as it is, but for its end. */
static void
write_old(const struct rotation *r, const struct edit_line *line,
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
}

/* All options: one that is dropped would open the gate further. */
static void
write_new(const struct rotation *r, const struct edit_line *line,
	  struct buffer *text)
{
	struct span options =
		span_trim(span_after(line->text, line->entry.pin_end));

	buffer_add(text, buffer_span(&r->fresh.pin));
	if (options.len > 0)
		buffer_add_byte(text, ' ');
	buffer_add(text, options);
}

static bool
rotate_line(struct rotation *r, const struct edit_line *line,
	    struct buffer *text)
{
	struct edit *edit = &r->change.edit;
	bool ends = end_of(&line->entry) != 0;
	bool stays = ends && end_of(&line->entry) <= r->end;

	buffer_clear(text);
	if (stays) {
		edit_keep(edit, line);
	} else {
		write_old(r, line, text);
		change_keep_comment(line, text);
		unsigned number = edit_replace(edit, line, text);
		change_note(&r->change, "will end", number, buffer_span(text));
	}
	unsigned old = edit->written;
	buffer_clear(text);
	write_new(r, line, text);
	if (r->command->option[OPTION_COMMENT] == NULL)
		change_keep_comment(line, text);
	else if (!change_add_comment(r->command, text))
		return false;
	unsigned number = edit_put(edit, text);
	change_note(&r->change, "added", number, buffer_span(text));
	change_advise(&r->change, number, buffer_span(text));
	if (ends)
		change_remark(&r->change, "The new one ends as line ", old,
			      stays ? " does." : " did until now.");
	return true;
}

static enum exit_code
rotate(struct rotation *r)
{
	struct edit *edit = &r->change.edit;
	struct edit_line line;
	struct buffer text;
	bool ok = true;

	buffer_init(&text, CHANGE_TEXT_MAX);
	while (ok && edit_next(edit, &line)) {
		if (is_old(r, &line) && !has_ended(r, &line.entry))
			ok = rotate_line(r, &line, &text);
		else
			edit_keep(edit, &line);
		edit_line_free(&line);
	}
	buffer_free(&text);
	if (!ok)
		return EXIT_MISUSED;
	return change_finish(&r->change, r->command);
}

static enum exit_code
read_fresh(struct rotation *r)
{
	bool spki = r->command->option[OPTION_SPKI] != NULL;
	struct error e = { 0 };

	if (!target_read(&r->fresh, r->command->arguments[1], spki, &e)) {
		print_error(&e);
		return EXIT_NO;
	}
	if (r->fresh.main.kind == THUMBPRINT_NONE ||
	    r->change.target.main.kind == THUMBPRINT_NONE) {
		print_problem("expected pins: a CA has no options to hand on");
		return EXIT_MISUSED;
	}
	return EXIT_DONE;
}

enum exit_code
rotate_run(const struct command *command)
{
	struct rotation r = { .command = command };
	enum exit_code code;

	if (!set_end(&r))
		return EXIT_MISUSED;
	code = change_open(&r.change, command);
	if (code == EXIT_DONE)
		code = read_fresh(&r);
	if (code == EXIT_DONE && !look(&r))
		code = EXIT_NO;
	if (code == EXIT_DONE)
		code = rotate(&r);
	target_free(&r.fresh);
	change_close(&r.change);
	return code;
}
