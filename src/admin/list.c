/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate list: the entries, the state of each, and with --last-used when each
 * last decided. */
#include "config.h"

#include <stdlib.h>
#include <time.h>

#include "admin/command.h"
#include "admin/log_reader.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/hex.h"
#include "base/text.h"
#include "host/file.h"
#include "policy/list.h"

/* From an edit until every handler has loaded it. */
enum { LOAD_SECONDS = 15 };

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

/* When each entry last allowed, or denied, a client. */
struct last_used {
	const struct list *list; /* borrowed */
	int64_t *at; /* owned; of each entry, UTC seconds; 0: not seen */
	int64_t lines_since; /* lines of the log are lines of this list */
	struct log_reader log; /* after its last line */
};

/* By every pin of the certificate: an entry in use is never said to be unused
 * because another one decided. */
static void
use_pins(struct last_used *used, bool allows)
{
	static const struct {
		enum log_field field;
		enum thumbprint_kind kind;
	} pins[] = {
		{ FIELD_SHA256, THUMBPRINT_SHA256 },
		{ FIELD_SPKI, THUMBPRINT_SPKI },
		{ FIELD_SHA1, THUMBPRINT_SHA1 },
	};
	uint8_t digest[DIGEST_MAX_SIZE];
	const struct list_key *found;

	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		if (!hex_decode(used->log.value[pins[i].field], digest,
				thumbprint_size(pins[i].kind)))
			continue;
		struct thumbprint pin = thumbprint_of(pins[i].kind, digest);
		size_t n = list_find(used->list, &pin, &found);
		for (size_t k = 0; k < n; k++) {
			int64_t *at =
				&used->at[found[k].entry - used->list->entries];
			if (found[k].entry->allows == allows &&
			    used->log.time > *at)
				*at = used->log.time;
		}
	}
}

/* An entry of a CA has only its line, and that only while the list is the same:
 * a line of "stale" or of the variable is one of another list. */
static void
use_line(struct last_used *used, bool allows)
{
	uint64_t line = log_reader_number(&used->log, FIELD_LINE);
	uint64_t generation = log_reader_number(&used->log, FIELD_LIST);

	if (used->log.time < used->lines_since || line == 0 || generation == 0)
		return;
	for (size_t i = 0; i < used->list->n_authorities; i++) {
		const struct entry *entry = used->list->authorities[i];
		int64_t *at = &used->at[entry - used->list->entries];
		if (entry->line == line && entry->allows == allows &&
		    used->log.time > *at)
			*at = used->log.time;
	}
}

static bool
last_used_read(struct last_used *used, const struct list *list,
	       const struct file_identity *identity, const char *path,
	       struct error *e)
{
	static const char *const reasons[] = { "listed", "denied", NULL };
	const struct log_query query = {
		.path = path,
		.reasons = reasons,
		.site = setup_site(),
		.fields = FIELD_BIT(FIELD_VERDICT) | FIELD_BIT(FIELD_SHA256) |
			  FIELD_BIT(FIELD_SPKI) | FIELD_BIT(FIELD_SHA1) |
			  FIELD_BIT(FIELD_LINE) | FIELD_BIT(FIELD_LIST),
	};

	used->list = list;
	used->lines_since = identity->changed.tv_sec + LOAD_SECONDS;
	used->at = calloc(list->n + 1, sizeof(*used->at));
	if (used->at == NULL)
		return error_set(e, "out of memory");
	if (!log_reader_open(&used->log, &query, e))
		return false;
	while (log_reader_next(&used->log)) {
		bool allows = span_equal(used->log.value[FIELD_VERDICT],
					 SPAN("allow"));
		use_pins(used, allows);
		use_line(used, allows);
	}
	return log_reader_ended(&used->log, e);
}

static void
last_used_free(struct last_used *used)
{
	log_reader_close(&used->log);
	free(used->at);
}

struct shown {
	const struct entry *entry;
	struct span text; /* of the entry */
	struct span pin, options; /* parts of that */
	struct span comment; /* behind it, with its mark; empty: none */
	int64_t now;
	const struct last_used *used; /* NULL: not asked for */
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

/* Before this time it is unknown whether the entry was used; 0: always. */
static int64_t
known_since(const struct last_used *used, const struct entry *entry)
{
	return entry->pin.kind == THUMBPRINT_NONE && used->log.begins != 0 &&
			       used->lines_since > used->log.begins
		       ? used->lines_since
		       : used->log.begins;
}

static void
show_used(const struct shown *shown)
{
	const struct last_used *used = shown->used;
	int64_t at = used->at[shown->entry - used->list->entries];
	int64_t since = known_since(used, shown->entry);

	if (at != 0)
		print("  (last used ");
	else if (since != 0)
		print("  (not used since ");
	else
		print("  (use unknown");
	if (at != 0 || since != 0)
		print_time(at != 0 ? at : since);
	print(")");
}

static void
show_used_json(const struct shown *shown)
{
	const struct last_used *used = shown->used;
	int64_t at = used->at[shown->entry - used->list->entries];
	int64_t since = known_since(used, shown->entry);

	if (at != 0)
		print_json_time("last-used", at);
	else
		print_json_null("last-used");
	if (since != 0)
		print_json_time("known-since", since);
	else
		print_json_null("known-since");
}

static void
show_text(const struct shown *shown)
{
	const struct entry *entry = shown->entry;

	print("%4u  %-8s %-7s ", entry->line, state_of(entry, shown->now),
	      kind_of(entry));
	show_pin(shown);
	if (shown->options.len > 0)
		print("  ");
	print_text(shown->options);
	if (shown->used != NULL)
		show_used(shown);
	print(span_empty(shown->comment) ? "" : "  ");
	print_text(shown->comment);
	print("\n");
}

static void
show_json(const struct shown *shown)
{
	const struct entry *entry = shown->entry;
	const struct terms *terms = entry->terms;

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
	if (shown->used != NULL)
		show_used_json(shown);
	print_json_close('}');
}

/* The entries are in the order of the lines. */
static void
show_entries(const struct list *list, struct span text,
	     const struct last_used *used, bool json)
{
	struct shown shown = { .now = (int64_t)time(NULL), .used = used };
	struct span line;
	unsigned number = 0;
	size_t next = 0;

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
}

static void
show(const struct command *command, const struct list *list, struct span text,
     const struct last_used *used)
{
	bool json = command->option[OPTION_JSON] != NULL;

	if (json)
		print_json_open(NULL, '[');
	show_entries(list, text, used, json);
	if (json)
		print_json_close(']');
	else if (used != NULL)
		log_reader_print_begin(&used->log, false);
}

static enum exit_code
show_list(const struct command *command, const char *path)
{
	struct file_identity identity;
	struct list list = { 0 };
	struct last_used used = { .log = { .file = -1 } };
	bool wants_use = command->option[OPTION_LAST_USED] != NULL;
	struct error e = { 0 };
	struct buffer text;
	enum exit_code code = EXIT_DONE;

	if (file_read(path, false, LIST_TEXT_MAX, &text, &identity, &e) !=
	    FILE_READ) {
		code = EXIT_SYSTEM;
	} else if (!list_build(&list, buffer_span(&text), NULL, 0, &setup_files,
			       &e)) {
		error_where(&e, path);
		code = EXIT_NO;
	} else if (wants_use &&
		   !last_used_read(&used, &list, &identity,
				   command->option[OPTION_LOG], &e)) {
		code = EXIT_SYSTEM;
	}
	if (code == EXIT_DONE)
		show(command, &list, buffer_span(&text),
		     wants_use ? &used : NULL);
	else
		print_error(&e);
	last_used_free(&used);
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
	enum exit_code code = show_list(command, path);
	free(path);
	return code;
}
