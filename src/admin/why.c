/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * certgate why: the last decisions about a client, in words, by the support
 * code in its answer, its connection, its user id or its certificate.
 */
#include "config.h"

#include <string.h>

#include "admin/command.h"
#include "admin/log_reader.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/hex.h"
#include "host/log.h"
#include "host/outage.h"
#include "policy/list.h"
#include "policy/reason.h"
#include "policy/stored.h"

enum {
	SHOWN = 5, /* decisions, the last ones */
	TEXT_SIZE = 160, /* bytes of a value */
	FIX_SIZE = 320, /* bytes */
	DIGITS_MIN = 8 /* of a certificate */
};

static const enum log_field kept[] = {
	FIELD_VERDICT, FIELD_REASON, FIELD_WOULD,      FIELD_HUB,
	FIELD_SITE,    FIELD_USER,   FIELD_CONNECTION, FIELD_SHA1,
	FIELD_SHA256,  FIELD_SPKI,   FIELD_SUBJECT,    FIELD_NOT_AFTER,
	FIELD_CODE,    FIELD_LINE,   FIELD_ORIGIN,
};

struct line {
	int64_t time;
	char value[FIELDS][TEXT_SIZE];
};

static struct line last[SHOWN];

/* Write what to do about a refusal; "" if nothing is to be done. */
static void
write_advice(enum reason reason, const char *site, char *text, size_t size)
{
	const char *fix = reason < REASONS ? outage_fix(reason) : NULL;

	if (fix == NULL && (reason == REASONS || reason_status(reason) != 0))
		fix = "certgate explain@ EVENT";
	setup_write_fix(fix == NULL ? "" : fix, site, text, size);
}

/* False with e if word is not a pin. */
static bool
read_pin(const char *word, struct thumbprint *pin, struct error *e)
{
	struct span rest = span_trim(span_of(word));
	struct warnings warnings = { 0 };

	return thumbprint_take(&rest, pin, &warnings, e) &&
	       (rest.len == 0 || error_set(e, "expected a pin alone"));
}

/* Return the digits of a pin, or of its first ones, without separators, in
 * lower case; of another word, the word. */
static void
read_word(const char *word, char digits[TEXT_SIZE])
{
	struct span rest = span_of(word);
	struct error unused = { 0 };
	struct thumbprint pin;
	size_t n = 0;

	if (read_pin(word, &pin, &unused)) {
		size_t size = thumbprint_size(pin.kind);
		hex_encode(pin.digest, size, digits);
		digits[2 * size] = '\0';
		return;
	}
	if (span_starts(rest, SPAN("sha1:")) ||
	    span_starts(rest, SPAN("spki:")))
		rest = span_after(rest, 5);
	else if (span_starts(rest, SPAN("sha256:")))
		rest = span_after(rest, 7);
	for (size_t i = 0; i < rest.len && n < TEXT_SIZE - 1; i++)
		if (strchr(":- ", rest.ptr[i]) == NULL)
			digits[n++] = rest.ptr[i] >= 'A' && rest.ptr[i] <= 'F'
					      ? (char)(rest.ptr[i] | 0x20)
					      : rest.ptr[i];
	digits[n] = '\0';
}

static bool
matches(const struct log_reader *log, const char *word, const char *digits)
{
	static const enum log_field names[] = { FIELD_CODE, FIELD_CONNECTION,
						FIELD_USER };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_equal(log->value[names[i]], span_of(word)))
			return true;
	if (strlen(digits) < DIGITS_MIN)
		return false;
	for (enum thumbprint_kind kind = THUMBPRINT_SHA256;
	     kind <= THUMBPRINT_SHA1; kind++)
		if (span_starts(log->value[log_pin_field[kind]],
				span_of(digits)))
			return true;
	return false;
}

static void
keep(struct line *line, const struct log_reader *log)
{
	*line = (struct line){ .time = log->time };
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		span_write(log->value[kept[i]], line->value[kept[i]],
			   TEXT_SIZE);
}

/* Return how many lines match. */
static size_t
read_lines(struct log_reader *log, const struct command *command,
	   struct error *e)
{
	struct log_query query = {
		.path = command->option[OPTION_LOG],
	};
	const char *word = command->arguments[0];
	char digits[TEXT_SIZE];
	size_t n = 0;

	read_word(word, digits);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		query.fields |= FIELD_BIT(kept[i]);
	if (!log_reader_open(log, &query, e))
		return 0;
	while (log_reader_next(log))
		if (matches(log, word, digits))
			keep(&last[n++ % SHOWN], log);
	return log_reader_ended(log, e) ? n : 0;
}

static bool
read_pin_of(const struct line *line, enum thumbprint_kind kind,
	    struct thumbprint *pin)
{
	return log_pin_read(kind, span_of(line->value[log_pin_field[kind]]),
			    pin);
}

static bool
has_pin(const struct line *line, const struct thumbprint *pin)
{
	struct thumbprint mine;

	return pin->kind != THUMBPRINT_NONE &&
	       read_pin_of(line, pin->kind, &mine) &&
	       thumbprint_compare(&mine, pin) == 0;
}

static struct stored stored; /* of one line; has its user */

/* The same of the store, which has no lines: the first user= of an entry with a
 * pin of the certificate. */
static const char *
find_stored_user(const struct list *list, const struct line *line)
{
	const struct entry *entries;
	struct thumbprint pin;

	stored_free(&stored);
	if (list->store == NULL || !stored_begin(&stored, list->store))
		return "";
	for (enum thumbprint_kind kind = THUMBPRINT_SHA256;
	     kind <= THUMBPRINT_SHA1; kind++) {
		if (!read_pin_of(line, kind, &pin))
			continue;
		if (!stored_take(&stored, &pin))
			return "";
		size_t n = stored_find(&stored, &pin, &entries);
		for (size_t k = 0; k < n; k++)
			if (entries[k].user_source == USER_LITERAL)
				return entries[k].user;
	}
	return "";
}

/* Return user= of the entry that the line names, if the list has that pin in
 * the same line still; "" if not. */
static const char *
find_user(const struct list *list, const struct line *line)
{
	uint64_t number;

	if (strcmp(line->value[FIELD_LINE], "store") == 0)
		return find_stored_user(list, line);
	if (!span_number(span_of(line->value[FIELD_LINE]), 1, UINT32_MAX,
			 &number))
		return "";
	for (size_t i = 0; i < list->n; i++) {
		const struct entry *entry = &list->entries[i];
		if (entry->line == number && has_pin(line, &entry->pin) &&
		    entry->user_source == USER_LITERAL)
			return entry->user;
	}
	return "";
}

static void
show_value(const char *name, const char *value)
{
	if (value[0] != '\0')
		print_field(name, span_of(value));
}

static void
show_line(const struct list *list, const struct line *line)
{
	enum reason reason = reason_find(span_of(line->value[FIELD_REASON]));
	char fix[FIX_SIZE];

	print_json_open(NULL, '{');
	print_json_time("time", line->time);
	print_time(line->time);
	print(" ");
	print_text(span_of(line->value[FIELD_VERDICT]));
	print(": ");
	print("%s\n", reason_text(reason));
	print_json_string("verdict", span_of(line->value[FIELD_VERDICT]));
	print_json_string("text", span_of(reason_text(reason)));
	show_value("reason", line->value[FIELD_REASON]);
	show_value("would", line->value[FIELD_WOULD]);
	show_value("hub", line->value[FIELD_HUB]);
	show_value("site", line->value[FIELD_SITE]);
	show_value("origin", line->value[FIELD_ORIGIN]);
	show_value("connection", line->value[FIELD_CONNECTION]);
	show_value("code", line->value[FIELD_CODE]);
	show_value("subject", line->value[FIELD_SUBJECT]);
	show_value("sha256", line->value[FIELD_SHA256]);
	show_value("sha1", line->value[FIELD_SHA1]);
	show_value("expires", line->value[FIELD_NOT_AFTER]);
	show_value("line", line->value[FIELD_LINE]);
	show_value("user", line->value[FIELD_USER][0] != '\0'
				   ? line->value[FIELD_USER]
				   : find_user(list, line));
	write_advice(reason, line->value[FIELD_SITE], fix, sizeof(fix));
	show_value("fix", fix);
	print_json_close('}');
}

static void
show(const struct list *list, size_t n, const struct log_reader *log)
{
	print_json_open(NULL, '{');
	print_json_number("decisions", (int64_t)n);
	print_json_open("last", '[');
	for (size_t i = 0; i < SHOWN && i < n; i++)
		show_line(list, &last[(n - 1 - i) % SHOWN]);
	print_json_close(']');
	if (n > SHOWN)
		print("%zu earlier decisions\n", n - SHOWN);
	if (n == 0)
		print("no decision in the log matches\n");
	log_reader_print_begin(log, false);
	log_reader_print_begin(log, true);
	print_json_close('}');
}

/* A word that is neither in the log nor a pin, but looks like one. */
static void
explain_pin(const char *word)
{
	struct thumbprint pin;
	struct error e = { 0 };

	if (thumbprint_is_likely(span_of(word)) && !read_pin(word, &pin, &e))
		print_error(&e);
}

enum exit_code
why_run(const struct command *command)
{
	struct log_reader log = { .file = -1 };
	struct configuration store;
	struct error e = { 0 };
	size_t n = read_lines(&log, command, &e);

	/* Faults of the files are for certgate check. */
	log_divert(log_ignore, NULL);

	if (e.set) {
		print_error(&e);
	} else {
		configuration_open(&store, setup_source(), NULL);
		show(&store.list, n, &log);
		stored_free(&stored);
		configuration_close(&store);
	}
	log_reader_close(&log);
	if (!e.set && n == 0)
		explain_pin(command->arguments[0]);
	return e.set ? EXIT_SYSTEM : n == 0 ? EXIT_NO : EXIT_DONE;
}
