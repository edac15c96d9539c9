/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate import: checks a file in the form of a list, and replaces all
 * entries of the store by it, in one transaction. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/progress.h"
#include "admin/setup.h"
#include "admin/store_edit.h"
#include "base/text.h"
#include "host/store_writer.h"
#include "policy/entry_parse.h"
#include "policy/list.h"

enum {
	FAULTS_MAX = 20, /* that are printed */
	TEXT_GIB = 64 /* of the text */
};

/* The place of an entry in the order of keys.  Sorting moves ten million places
 * many times, so each has the front of its key alone. */
struct place {
	uint64_t front; /* of the key, as a number */
	size_t row;
};

/* An entry, and its line. */
struct row {
	uint64_t offset; /* of the line in the text */
	uint32_t length; /* bytes of the line */
	uint16_t pin_end; /* as in an entry */
	bool allows;
	uint8_t key[STORED_KEY_MAX]; /* zero behind its end */
};

struct import {
	struct settings settings;
	struct buffer text; /* of the list */
	struct row *rows; /* owned; in the order of the lines */
	struct place *places; /* owned; in the order of the keys */
	size_t n, size;
	struct report report;
	struct store_writer *writer; /* owned */
	size_t number; /* of its first transaction; 0: none yet */
	struct progress progress;
};

static void
print_fault(void *context, const struct error *e)
{
	const struct import *it = context;

	if (it->report.faults < FAULTS_MAX)
		print_error(e);
}

static bool
add_row(struct import *it, const struct row *row, struct error *e)
{
	if (it->n == it->size) {
		size_t size = it->size == 0 ? 1024 : 2 * it->size;
		struct row *rows = reallocarray(it->rows, size, sizeof(*rows));
		if (rows == NULL)
			return error_set(e, "out of memory");
		it->rows = rows;
		it->size = size;
	}
	it->rows[it->n++] = *row;
	return true;
}

/* Take a line.  False with e if it is invalid. */
static bool
take_line(struct import *it, struct span line, struct error *e)
{
	struct row row = { .offset = (uint64_t)(line.ptr - it->text.data),
			   .length = (uint32_t)line.len };
	struct warnings warnings = { 0 };
	struct entry entry;

	if (line.len > LIST_LINE_MAX)
		return error_set(e, "line too long, at most %d bytes",
				 LIST_LINE_MAX);
	struct span text = list_entry_text(line);
	if (text.len == 0)
		return true;
	if (!entry_parse(&entry, text, &setup_files, &warnings, e)) {
		e->column += (unsigned)(text.ptr - line.ptr);
		return false;
	}
	bool ok = stored_key(&entry.pin, row.key) > 0;
	row.pin_end = entry.pin_end;
	row.allows = entry.allows;
	entry_free(&entry);
	if (!ok)
		return error_set(e, "an entry of a CA: the store has none of "
				    "those (fix: put it into the list)");
	return add_row(it, &row, e);
}

/* Check the text; print its errors and return false if it is invalid. */
static bool
check(struct import *it, const char *path)
{
	struct span rest = buffer_span(&it->text), line;
	struct error e = { 0 };
	unsigned number = 0;

	it->report = (struct report){ .fault = print_fault,
				      .context = it,
				      .where = input_name(path) };
	if (rest.len == 0)
		rest = SPAN("");
	if (!lines_start(&rest, "an entry", &it->report, &e))
		return false;
	progress_begin(&it->progress, "check ", span_count(rest, '\n') + 1);
	while (span_next(&rest, "\n", &line)) {
		number++;
		progress_tell(&it->progress, number);
		if (take_line(it, line, &e))
			continue;
		e.line = number;
		(void)error_report(&it->report, &e);
	}
	progress_end(&it->progress);
	if (it->report.faults > FAULTS_MAX)
		print_problem("%u more errors", it->report.faults - FAULTS_MAX);
	if (it->report.faults > 0)
		print_problem("the store stays as it is");
	return it->report.faults == 0;
}

/* Compare by pin, then by line. */
static int
compare(const void *a, const void *b, void *context)
{
	const struct place *one = a, *other = b;
	const struct row *rows = context;

	if (one->front != other->front)
		return one->front < other->front ? -1 : 1;
	int order = memcmp(rows[one->row].key, rows[other->row].key,
			   sizeof(rows->key));
	if (order != 0)
		return order;
	return one->row < other->row ? -1 : one->row > other->row;
}

static bool
sort(struct import *it, struct error *e)
{
	it->places = calloc(it->n + 1, sizeof(*it->places));
	if (it->places == NULL)
		return error_set(e, "out of memory");
	for (size_t i = 0; i < it->n; i++) {
		struct place *place = &it->places[i];
		place->row = i;
		for (size_t k = 0; k < sizeof(place->front); k++)
			place->front = place->front << 8 | it->rows[i].key[k];
	}
	qsort_r(it->places, it->n, sizeof(*it->places), compare, it->rows);
	return true;
}

/* Add what the store has for the line of a row. */
static void
add_line(const struct import *it, const struct row *row, struct buffer *text)
{
	struct span line = { it->text.data + row->offset, row->length };
	struct entry entry = { .pin_end = row->pin_end, .allows = row->allows };

	stored_from_line(&entry, line, text);
}

/* Write the rows from *i on that have the same pin. */
static bool
write_pin(struct import *it, size_t *i, struct buffer *text, struct error *e)
{
	const struct row *first = &it->rows[it->places[*i].row];
	struct span key = { (const char *)first->key, STORED_KEY_MAX };
	struct thumbprint pin;

	key.len = 1 + thumbprint_size((enum thumbprint_kind)first->key[0]);
	if (!stored_pin(key, &pin))
		return error_set(e, "an entry without a pin");
	buffer_clear(text);
	for (size_t k = *i; *i < it->n; (*i)++) {
		const struct row *row = &it->rows[it->places[*i].row];
		if (memcmp(row->key, first->key, sizeof(row->key)) != 0)
			break;
		if (*i > k)
			buffer_add_byte(text, '\n');
		add_line(it, row, text);
	}
	if (text->failed)
		return error_set(e, "the entries of a pin: at most %d bytes",
				 STORED_TEXT_MAX);
	struct span lines = text->len == 0 ? SPAN("") : buffer_span(text);
	return store_writer_append(it->writer, &pin, lines, e);
}

/* Lines in the order of their keys are far apart in memory: ask for those that
 * come soon. */
static void
fetch(const struct import *it, size_t i)
{
	enum { ROWS = 32, LINES = 16 };

	if (it->n - i > ROWS)
		__builtin_prefetch(&it->rows[it->places[i + ROWS].row]);
	if (it->n - i > LINES) {
		const struct row *row = &it->rows[it->places[i + LINES].row];
		__builtin_prefetch(it->text.data + row->offset);
		__builtin_prefetch(it->text.data + row->offset + 64);
	}
}

/* Begin a transaction.  A change since the first one is an error: it would be
 * overwritten by a text from before.  EXIT_DONE, or the error was printed. */
static enum exit_code
begin(struct import *it)
{
	struct error e = { 0 };

	if (!store_writer_begin(it->writer, &e)) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	enum exit_code code =
		store_edit_check_local(it->writer, it->settings.store);
	size_t number = store_writer_number(it->writer);
	if (code == EXIT_DONE && it->number != 0 && number != it->number) {
		error_set(&e,
			  "%s: changed while the file was read (fix: run the "
			  "command again)",
			  it->settings.store);
		print_error(&e);
		code = EXIT_SYSTEM;
	}
	it->number = number;
	return code;
}

static bool
write_all(struct import *it, struct error *e)
{
	struct buffer text;
	bool ok = store_writer_clear(it->writer, e);

	buffer_init(&text, STORED_TEXT_MAX);
	progress_begin(&it->progress, "import", it->n);
	for (size_t i = 0; ok && i < it->n;) {
		fetch(it, i);
		ok = write_pin(it, &i, &text, e);
		progress_tell(&it->progress, i);
	}
	progress_end(&it->progress);
	buffer_free(&text);
	return ok && store_writer_commit(it->writer, e);
}

static enum exit_code
replace(struct import *it)
{
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	if (sort(it, &e))
		code = begin(it);
	if (code == EXIT_DONE && !write_all(it, &e))
		code = EXIT_SYSTEM;
	if (e.set)
		print_error(&e);
	if (code != EXIT_DONE)
		print_problem("the store stays as it is");
	return code;
}

static enum exit_code
import(struct import *it, const struct command *command)
{
	const char *path = command->arguments[0];
	struct error e = { 0 };

	/* Fail early; the lock is not held while the list is read. */
	enum exit_code code = begin(it);
	store_writer_abort(it->writer);
	if (code != EXIT_DONE)
		return code;
	if (!input_read_large(path, "a list", (size_t)TEXT_GIB << 30, &it->text,
			      &e)) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	if (!check(it, path))
		return EXIT_NO;
	if (command->option[OPTION_DRY_RUN] == NULL)
		code = replace(it);
	if (code != EXIT_DONE)
		return code;
	print_text(span_of(it->settings.store));
	print(": %zu entr%s\n", it->n, it->n == 1 ? "y" : "ies");
	return EXIT_DONE;
}

enum exit_code
import_run(const struct command *command)
{
	struct import it = { 0 };
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	if (setup_store(&it.settings, &e))
		it.writer = store_writer_open(it.settings.store,
					      it.settings.store_owner, &e);
	if (it.writer == NULL)
		print_error(&e);
	else
		code = import(&it, command);
	store_writer_close(it.writer);
	settings_free(&it.settings);
	buffer_free(&it.text);
	free(it.rows);
	free(it.places);
	return code;
}
