/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/fleet_edit.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/hex.h"
#include "host/clock.h"
#include "host/database.h"

enum {
	WAIT_MS = 10000, /* for connected hosts */
	GONE_S = 15, /* without contact: the host is not waited for */
	ARRAY_MAX = 1048576 /* bytes of an array of PostgreSQL */
};

/* The server ends a change that waits for another one before this program stops
 * waiting for it: it is not made later. */
static const char time_limit[] = "set statement_timeout = 4500";

struct fleet_edit {
	struct database *database; /* owned */
	char revision[SPAN_DIGITS_MAX + 1]; /* the revision of the change */
	int64_t committed_ms;
};

const char *
fleet_connection(const struct command *command)
{
	const char *path = command->option[OPTION_CONNECTION];

	return path != NULL ? path : DATABASE_FLEET;
}

static void
add_pin(struct buffer *pins, const struct thumbprint *pin)
{
	char digits[2 * DIGEST_MAX_SIZE];
	size_t n = thumbprint_size(pin->kind);

	hex_encode(pin->digest, n, digits);
	if (n > 0)
		database_add_element(pins, (struct span){ digits, 2 * n });
}

/* Add the entries with these pins, as lines of a list. */
static bool
add_lines(const struct fleet_edit *fleet, struct edit *edit, const char *pins,
	  struct error *e)
{
	struct buffer *text = &edit->before;
	struct rows *rows =
		database_ask(fleet->database,
			     "select entry, comment from certgate.entry "
			     "where pin = any($1) order by rev",
			     &pins, 1, e);

	if (rows == NULL)
		return false;
	for (size_t i = 0; i < rows_count(rows); i++) {
		struct span comment = rows_text(rows, i, 1);
		buffer_add(text, rows_text(rows, i, 0));
		if (comment.len > 0)
			buffer_add(text, SPAN("   # "));
		buffer_add(text, comment);
		buffer_add_byte(text, '\n');
	}
	rows_free(rows);
	return !text->failed || error_set(e, "too many entries");
}

enum exit_code
fleet_edit_add(const struct fleet_edit *fleet, const struct target *target,
	       struct edit *edit)
{
	struct buffer pins;
	struct error e = { 0 };

	buffer_init(&pins, ARRAY_MAX);
	add_pin(&pins, &target->main);
	if (target->is_certificate) {
		add_pin(&pins, &target->sha1);
		add_pin(&pins, &target->sha256);
		add_pin(&pins, &target->spki);
	}
	const char *array = database_end_array(&pins);
	bool ok = array != NULL ? add_lines(fleet, edit, array, &e)
				: error_set(&e, "out of memory");
	buffer_free(&pins);
	if (!ok)
		print_error(&e);
	return ok ? EXIT_DONE : EXIT_SYSTEM;
}

enum exit_code
fleet_edit_open(struct fleet_edit **fleet, const struct command *command,
		struct target *target, struct edit *edit)
{
	struct error e = { 0 };

	/* Digits replace a file: target, since files may differ between
	 * hosts. */
	if (!target_write_digits(target)) {
		print_problem("--fleet: expected a pin or a certificate (fix: "
			      "put a CA into the list of each host)");
		return EXIT_MISUSED;
	}
	*fleet = calloc(1, sizeof(**fleet));
	edit->file.path = strdup("the fleet");
	edit->exists = true;
	buffer_init(&edit->before, LIST_TEXT_MAX);
	if (*fleet == NULL || edit->file.path == NULL) {
		print_problem("out of memory");
		return EXIT_SYSTEM;
	}
	(*fleet)->database =
		database_open(fleet_connection(command), "certgate", &e);
	if ((*fleet)->database == NULL) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	/* A comment, since a list without a line is an error. */
	buffer_add(&edit->before, SPAN("# entries of this pin\n"));
	return fleet_edit_add(*fleet, target, edit);
}

/* Split a line into the entry and the comment without its mark. */
static void
split(struct span line, struct span *entry, struct span *comment)
{
	*entry = list_entry_text(line);
	*comment = list_comment_text(line);
	if (comment->len > 0)
		*comment = span_trim(span_after(*comment, 1));
	if (comment->ptr == NULL)
		*comment = SPAN("");
}

/* Add the change of a line as changes of entries. */
static void
add_change(const struct edit *edit, const struct edit_change *change,
	   struct buffer *verbs, struct buffer *entries,
	   struct buffer *comments)
{
	struct span old = { 0 }, new = { 0 }, comment = SPAN("");

	if (change->text != NULL)
		split(span_of(change->text), &new, &comment);
	if (change->end > change->begin) {
		struct span unused;
		split(edit_old_text(edit, change), &old, &unused);
	}
	if (span_equal(old, new))
		return;
	if (old.len > 0) {
		database_add_element(verbs, SPAN("remove"));
		database_add_element(entries, old);
		database_add_element(comments, SPAN(""));
	}
	if (new.len > 0) {
		database_add_element(verbs, SPAN("add"));
		database_add_element(entries, new);
		database_add_element(comments, comment);
	}
}

bool
fleet_edit_commit(struct fleet_edit *fleet, struct edit *edit, bool there,
		  struct error *e)
{
	struct buffer verbs, entries, comments;
	struct rows *rows = NULL;

	if (fleet == NULL)
		return edit_commit(edit, e);
	buffer_init(&verbs, ARRAY_MAX);
	buffer_init(&entries, ARRAY_MAX);
	buffer_init(&comments, ARRAY_MAX);
	for (size_t i = 0; i < edit->n_changes && !there; i++)
		if (edit->changes[i].what != NULL)
			add_change(edit, &edit->changes[i], &verbs, &entries,
				   &comments);
	bool some = verbs.len > 0;
	const char *values[] = { database_end_array(&verbs),
				 database_end_array(&entries),
				 database_end_array(&comments) };
	const char *statement = some ? "select certgate.make($1, $2, $3)"
				     : "select rev from certgate.head";
	if (values[0] == NULL || values[1] == NULL || values[2] == NULL)
		error_set(e, "too many changes");
	else if (database_do(fleet->database, "listen certgate_host", e) &&
		 database_do(fleet->database, time_limit, e)) {
		rows = database_ask(fleet->database, statement, values,
				    some ? 3 : 0, e);
		if (rows == NULL && some && !database_refused(fleet->database))
			print_problem("the change may be in the database (fix: "
				      "certgate fleet status%s)",
				      setup_connection_option());
	}
	fleet->committed_ms = clock_ms();
	if (rows != NULL)
		(void)snprintf(fleet->revision, sizeof(fleet->revision), "%s",
			       rows_text(rows, 0, 0).ptr);
	rows_free(rows);
	buffer_free(&verbs);
	buffer_free(&entries);
	buffer_free(&comments);
	return rows != NULL;
}

/* A host, with the revision that was waited for; the columns of hosts(). */
enum column {
	COLUMN_NAME,
	COLUMN_THERE,
	COLUMN_REVISION,
	COLUMN_AGE,
	COLUMN_PROBLEM
};

static struct rows *
hosts(const struct fleet_edit *fleet, struct error *e)
{
	const char *values[] = { fleet->revision };

	return database_ask(
		fleet->database,
		"select h.name, (h.rev >= $1 and exists (select from "
		"certgate.change c where c.rev = h.rev and c.digest = "
		"h.digest))::int, h.rev, greatest(0, extract(epoch from "
		"clock_timestamp() - h.contact))::bigint, h.problem "
		"from certgate.host h order by h.name",
		values, 1, e);
}

/* Return the number of hosts with the revision; *waits: a connected host is
 * late. */
static size_t
count(const struct rows *rows, bool *waits)
{
	size_t n = 0;

	*waits = false;
	for (size_t i = 0; i < rows_count(rows); i++) {
		uint64_t age;
		bool there =
			span_equal(rows_text(rows, i, COLUMN_THERE), SPAN("1"));
		n += there;
		if (!there && span_number(rows_text(rows, i, COLUMN_AGE), 0,
					  GONE_S, &age))
			*waits = true;
	}
	return n;
}

static void
print_late(const struct rows *rows)
{
	print_json_open("late", '[');
	for (size_t i = 0; i < rows_count(rows); i++) {
		struct span problem = rows_text(rows, i, COLUMN_PROBLEM);
		if (span_equal(rows_text(rows, i, COLUMN_THERE), SPAN("1")))
			continue;
		print("late: ");
		print_text(rows_text(rows, i, COLUMN_NAME));
		print(", revision %s, last contact %s s ago%s",
		      rows_text(rows, i, COLUMN_REVISION).ptr,
		      rows_text(rows, i, COLUMN_AGE).ptr,
		      problem.len > 0 ? ": " : "");
		print_text(problem);
		print("\n");
		print_json_string(NULL, rows_text(rows, i, COLUMN_NAME));
	}
	print_json_close(']');
}

static enum exit_code
print_hosts(const struct fleet_edit *fleet, const struct rows *rows, size_t n)
{
	size_t all = rows_count(rows);
	int64_t ms = clock_ms() - fleet->committed_ms;

	print("revision %s: in force on %zu of %zu host%s after %" PRId64
	      " ms\n",
	      fleet->revision, n, all, all == 1 ? "" : "s", ms);
	print_json_open("fleet", '{');
	print_json_string("revision", span_of(fleet->revision));
	print_json_number("hosts", (int64_t)all);
	print_json_number("inForce", (int64_t)n);
	print_json_number("afterMs", ms);
	print_late(rows);
	print_json_close('}');
	return n == all ? EXIT_DONE : EXIT_NO;
}

enum exit_code
fleet_edit_wait(const struct fleet_edit *fleet)
{
	int64_t until = fleet->committed_ms + WAIT_MS;
	struct error e = { 0 };
	bool waits;

	for (;;) {
		struct rows *rows = hosts(fleet, &e);
		if (rows == NULL)
			break;
		size_t n = count(rows, &waits);
		int64_t left = until - clock_ms();
		if (!waits || left <= 0) {
			enum exit_code code = print_hosts(fleet, rows, n);
			rows_free(rows);
			return code;
		}
		rows_free(rows);
		if (!database_wait(fleet->database,
				   left < 500 ? (int)left : 500, &e))
			break;
	}
	print_error(&e);
	print_problem("revision %s is in the database; on which hosts it is in "
		      "force is unknown (fix: certgate fleet status%s)",
		      fleet->revision, setup_connection_option());
	return EXIT_SYSTEM;
}

void
fleet_edit_close(struct fleet_edit *fleet)
{
	if (fleet != NULL)
		database_close(fleet->database);
	free(fleet);
}
