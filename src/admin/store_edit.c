/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "admin/print.h"
#include "admin/setup.h"
#include "admin/store_edit.h"
#include "policy/entry_parse.h"
#include "policy/stored.h"

enum {
	PINS_MAX = 8 /* of two targets: of each the one named, and three of its
		      * certificate */
};

struct store_edit {
	struct store_writer *writer; /* owned */
	struct thumbprint pins[PINS_MAX];
	size_t n;
};

enum exit_code
store_edit_check_local(struct store_writer *writer, const char *path)
{
	struct buffer revision;
	struct error e = { 0 };

	buffer_init(&revision, STORED_VALUE_MAX);
	bool ok = store_writer_value(writer, "revision", &revision, &e);
	bool local = revision.len == 0;
	buffer_free(&revision);
	if (ok && local)
		return EXIT_DONE;
	if (ok)
		error_set(&e,
			  "%s: certgate-sync writes this store, and would "
			  "overwrite this change (fix: change the fleet, with "
			  "--fleet)",
			  path);
	print_error(&e);
	return ok ? EXIT_MISUSED : EXIT_SYSTEM;
}

/* Add the entries of a pin as lines, unless they are there. */
static bool
add_pin(struct store_edit *store, const struct thumbprint *pin,
	struct edit *edit, struct error *e)
{
	struct span lines, line;
	struct buffer text;
	bool found;

	for (size_t i = 0; i < store->n; i++)
		if (thumbprint_compare(&store->pins[i], pin) == 0)
			return true;
	if (pin->kind == THUMBPRINT_NONE || store->n == PINS_MAX)
		return true;
	store->pins[store->n++] = *pin;
	buffer_init(&text, STORED_TEXT_MAX);
	bool ok = store_writer_get(store->writer, pin, &text, &found, e);
	lines = text.len == 0 ? SPAN("") : buffer_span(&text);
	while (ok && found && stored_next(&lines, &line)) {
		stored_write_line(pin, line, &edit->stored);
		buffer_add_byte(&edit->stored, '\n');
	}
	buffer_free(&text);
	return ok && (!edit->stored.failed || error_set(e, "out of memory"));
}

enum exit_code
store_edit_add(struct store_edit *store, const struct target *target,
	       struct edit *edit)
{
	const struct thumbprint *pins[] = { &target->main, &target->sha256,
					    &target->spki, &target->sha1 };
	size_t n = target->is_certificate ? sizeof(pins) / sizeof(pins[0]) : 1;
	struct error e = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (add_pin(store, pins[i], edit, &e))
			continue;
		print_error(&e);
		return EXIT_SYSTEM;
	}
	return EXIT_DONE;
}

enum exit_code
store_edit_open(struct store_edit **store, const struct settings *settings,
		const struct target *target, struct edit *edit)
{
	struct store_edit *it = calloc(1, sizeof(*it));
	struct error e = { 0 };

	*store = it;
	if (it == NULL)
		error_set(&e, "out of memory");
	else
		it->writer = store_writer_open(settings->store,
					       settings->store_owner, &e);
	if (e.set || !store_writer_begin(it->writer, &e)) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	enum exit_code code =
		store_edit_check_local(it->writer, settings->store);
	if (code == EXIT_MISUSED)
		print_problem("--list FILE edits the list of this host alone");
	if (code != EXIT_DONE)
		return code;
	buffer_init(&edit->stored, LIST_TEXT_MAX);
	edit->has_store = true;
	return store_edit_add(it, target, edit);
}

/* Add what the store has for the lines of the edit that have the pin. */
static bool
collect(const struct edit *edit, const struct thumbprint *pin,
	struct buffer *lines, size_t *n, struct error *e)
{
	struct span rest = buffer_span(&edit->stored_after), line;
	struct warnings warnings = { 0 };
	struct entry entry;

	*n = 0;
	while (rest.len > 0 && span_next(&rest, "\n", &line)) {
		if (!entry_parse(&entry, list_entry_text(line), &setup_files,
				 &warnings, e))
			return false;
		if (thumbprint_compare(&entry.pin, pin) == 0) {
			if ((*n)++ > 0)
				buffer_add_byte(lines, '\n');
			stored_from_line(&entry, line, lines);
		}
		entry_free(&entry);
	}
	return !lines->failed ||
	       error_set(e, "the entries of a pin: at most %d bytes",
			 STORED_TEXT_MAX);
}

bool
store_edit_apply(struct store_edit *store, const struct edit *edit,
		 struct error *e)
{
	struct buffer lines;
	bool ok = true, found;
	size_t n;

	buffer_init(&lines, STORED_TEXT_MAX);
	for (size_t i = 0; ok && i < store->n; i++) {
		const struct thumbprint *pin = &store->pins[i];
		buffer_clear(&lines);
		ok = collect(edit, pin, &lines, &n, e);
		if (ok && n == 0)
			ok = store_writer_remove(store->writer, pin, &found, e);
		else if (ok)
			ok = store_writer_put(
				store->writer, pin,
				lines.len == 0 ? SPAN("") : buffer_span(&lines),
				e);
	}
	buffer_free(&lines);
	return ok;
}

const struct stored_source *
store_edit_source(const struct store_edit *store)
{
	return store_writer_source(store->writer);
}

bool
store_edit_commit(struct store_edit *store, struct error *e)
{
	return store_writer_commit(store->writer, e);
}

bool
store_edit_has_reader(const struct store_edit *store)
{
	return store_writer_has_reader(store->writer);
}

void
store_edit_close(struct store_edit *store)
{
	if (store != NULL)
		store_writer_close(store->writer);
	free(store);
}
