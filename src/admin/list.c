/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate list: the entries, and how each stands. */
#include "config.h"

#include <stdlib.h>
#include <time.h>

#include "admin/command.h"
#include "admin/edit.h"
#include "admin/last_seen.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/lines.h"
#include "policy/list.h"

static const char *
kind_of(const struct entry *entry)
{
	static const char *const names[] = {
		[THUMBPRINT_NONE] = "ca",
		[THUMBPRINT_SHA256] = "sha256",
		[THUMBPRINT_SPKI] = "spki",
		[THUMBPRINT_SHA1] = "sha1",
	};

	return names[entry->pin.kind];
}

static const char *
state_of(const struct entry *entry, int64_t now)
{
	const struct terms *terms = entry->terms;

	if (!entry->allows)
		return "denied";
	if (terms != NULL && now < terms->not_before)
		return "not yet";
	if (terms != NULL && terms->not_after != 0 && now > terms->not_after)
		return "ended";
	return "allowed";
}

struct shown {
	const struct entry *entry;
	struct span text; /* of the entry */
	struct span pin, options; /* parts of that */
	struct span comment; /* behind it, with its mark; empty: none */
	int64_t now;
	struct last_seen seen;
};

static void
split(struct shown *shown)
{
	struct span deny = SPAN("deny");
	size_t end = shown->entry->pin_end;

	if (end > shown->text.len)
		end = shown->text.len;
	shown->pin = (struct span){ shown->text.ptr, end };
	shown->options = span_trim(span_after(shown->text, end));
	if (!shown->entry->allows)
		shown->pin = span_after(shown->pin, deny.len);
	shown->pin = span_trim(shown->pin);
}

static void
show_pin(const struct shown *shown)
{
	if (shown->entry->pin.kind == THUMBPRINT_NONE)
		print_text(shown->pin);
	else
		print_digits(&shown->entry->pin);
}

/* A pin that is in use must not be said to be unused. */
static void
show_seen(const struct last_seen *seen, int64_t at)
{
	if (at != 0) {
		print("  (last seen ");
		print_time(at);
	} else if (seen->why[0] != '\0') {
		print("  (whether it was seen cannot be told");
	} else {
		print("  (not seen since it is to end");
	}
	if (seen->why[0] != '\0') {
		print(at != 0 ? "; later is not known: " : ": ");
		print_text(span_of(seen->why));
	}
	print(")");
}

static void
show_text(const struct shown *shown)
{
	const struct entry *entry = shown->entry;
	int64_t at;

	print("%4u  %-8s %-7s ", entry->line, state_of(entry, shown->now),
	      kind_of(entry));
	show_pin(shown);
	if (shown->options.len > 0)
		print("  ");
	print_text(shown->options);
	if (last_seen_of(&shown->seen, entry, &at))
		show_seen(&shown->seen, at);
	print(span_empty(shown->comment) ? "" : "  ");
	print_text(shown->comment);
	print("\n");
}

static void
show_json(const struct shown *shown)
{
	const struct entry *entry = shown->entry;
	const struct terms *terms = entry->terms;
	int64_t at;

	print_json_open(NULL, '{');
	print_json_number("line", entry->line);
	print_json_string("state", span_of(state_of(entry, shown->now)));
	print_json_string("kind", span_of(kind_of(entry)));
	if (entry->pin.kind == THUMBPRINT_NONE)
		print_json_string("pin", shown->pin);
	else
		print_json_digits("pin", &entry->pin);
	print_json_string("options", shown->options);
	if (!span_empty(shown->comment))
		print_json_string("comment",
				  span_trim(span_after(shown->comment, 1)));
	if (terms != NULL && terms->user != NULL)
		print_json_string("user", span_of(terms->user));
	if (terms != NULL && terms->not_before != 0)
		print_json_date("not-before", terms->not_before);
	if (terms != NULL && terms->not_after != 0)
		print_json_date("expires", terms->not_after);
	if (last_seen_of(&shown->seen, entry, &at)) {
		if (at != 0)
			print_json_time("last-seen", at);
		if (shown->seen.why[0] != '\0')
			print_json_string("last-seen-unknown",
					  span_of(shown->seen.why));
	}
	print_json_close('}');
}

/* The entries are in the order of the lines. */
static void
show_entries(const struct list *list, struct span text, bool json)
{
	struct shown shown = { .now = (int64_t)time(NULL) };
	struct span line;
	unsigned number = 0;
	size_t next = 0;

	last_seen_read(&shown.seen, list);
	text = lines_begin(text);
	while (next < list->n && span_next(&text, "\n", &line)) {
		if (list->entries[next].line != ++number)
			continue;
		shown.entry = &list->entries[next++];
		shown.text = list_entry_text(line);
		shown.comment = list_comment_text(line);
		split(&shown);
		if (json)
			show_json(&shown);
		else
			show_text(&shown);
	}
	last_seen_free(&shown.seen);
}

static enum exit_code
show_list(const char *path, bool json)
{
	struct file_identity identity;
	struct list list = { 0 };
	struct error e = { 0 };
	struct buffer text;
	enum exit_code code = EXIT_DONE;

	if (file_read(path, false, LIST_TEXT_MAX, &text, &identity, &e) !=
	    FILE_READ)
		code = EXIT_SYSTEM;
	else if (!list_build(&list, buffer_span(&text), NULL, 0, &setup_files,
			     &e)) {
		error_where(&e, path);
		code = EXIT_NO;
	}
	if (code == EXIT_DONE) {
		if (json)
			print_json_open(NULL, '[');
		show_entries(&list, buffer_span(&text), json);
		if (json)
			print_json_close(']');
	} else {
		print_error(&e);
	}
	list_free(&list);
	buffer_free(&text);
	return code;
}

enum exit_code
list_run(const struct command *command)
{
	struct error e = { 0 };
	char *path = setup_list(&e);

	if (path == NULL) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	enum exit_code code =
		show_list(path, command->option[OPTION_JSON] != NULL);
	free(path);
	return code;
}
