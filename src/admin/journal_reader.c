/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "admin/journal_reader.h"
#include "admin/unit.h"
#include "host/account.h"
#include "host/file.h"
#include "host/library.h"

#define FUNCTIONS(X)                                                           \
	X(add_conjunction)                                                     \
	X(add_disjunction)                                                     \
	X(add_match)                                                           \
	X(close)                                                               \
	X(enumerate_available_data)                                            \
	X(enumerate_unique)                                                    \
	X(flush_matches)                                                       \
	X(get_cursor)                                                          \
	X(get_realtime_usec)                                                   \
	X(get_usage)                                                           \
	X(next)                                                                \
	X(open)                                                                \
	X(open_directory)                                                      \
	X(previous)                                                            \
	X(query_unique)                                                        \
	X(seek_cursor)                                                         \
	X(seek_head)                                                           \
	X(seek_realtime_usec)                                                  \
	X(seek_tail)                                                           \
	X(set_data_threshold)                                                  \
	X(test_cursor)

/* Each as sd_journal_ and its name. */
static struct {
#define FIELD(name) __typeof__(sd_journal_##name) *name;
	FUNCTIONS(FIELD)
} journal;

static bool
load(struct error *e)
{
#define ROW(name) { "sd_journal_" #name, &journal.name },
	static const struct library_function functions[] = { FUNCTIONS(ROW) };

	return library_load("libsystemd.so.0", functions,
			    sizeof(functions) / sizeof(functions[0]), e);
}

enum {
	PER_SECOND = 1000000, /* microseconds */
	MATCH_MAX = 256, /* bytes of NAME=value */
	VALUE_MAX = 512 /* bytes of a value, except messages */
};

/* Return the time of the entry in UTC seconds; 0: unknown. */
static int64_t
time_of(sd_journal *j)
{
	uint64_t us;

	return journal.get_realtime_usec(j, &us) < 0
		       ? 0
		       : (int64_t)(us / PER_SECOND);
}

static bool
match(sd_journal *j, const char *name, const char *value)
{
	char text[MATCH_MAX];

	(void)snprintf(text, sizeof(text), "%s=%s", name, value);
	return journal.add_match(j, text, 0) >= 0;
}

/* Match the program when a web server started it. */
static bool
match_program(sd_journal *j)
{
	uid_t users[] = { 0, geteuid(), 0 };
	gid_t group;
	char digits[SPAN_DIGITS_MAX + 1];
	bool ok = match(j, "_EXE", CERTGATE_HANDLER);

	if (!account_user(unit_user(), &users[2], &group))
		users[2] = 0;
	for (size_t i = 0; ok && i < sizeof(users) / sizeof(users[0]); i++) {
		(void)snprintf(digits, sizeof(digits), "%ju",
			       (uintmax_t)users[i]);
		ok = match(j, "_UID", digits);
	}
	return ok;
}

/* Match the fields that journald itself adds (systemd.journal-fields(7)).  Each
 * entry costs a third less without an unused program. */
static bool
match_handler(sd_journal *j)
{
	if (!match_program(j) || journal.seek_head(j) < 0)
		return false;
	bool has_program = journal.next(j) > 0;
	journal.flush_matches(j);
	return match(j, "_SYSTEMD_UNIT", "certgate.service") &&
	       (!has_program ||
		(journal.add_disjunction(j) >= 0 && match_program(j))) &&
	       journal.add_conjunction(j) >= 0;
}

static bool
match_reasons(sd_journal *j, const char *const *reason)
{
	while (reason != NULL && *reason != NULL)
		if (!match(j, "REASON", *reason++))
			return false;
	return true;
}

/* Drop optional fields that the whole journal does not have, so that no entry
 * is searched for them. */
static void
drop_unused(struct journal_reader *j)
{
	const void *data;
	size_t length;

	for (size_t i = 0; i < FIELDS; i++) {
		if (!log_field_names[i].optional ||
		    (j->fields & FIELD_BIT(i)) == 0)
			continue;
		if (journal.query_unique(j->open,
					 log_field_names[i].journal.ptr) < 0 ||
		    journal.enumerate_unique(j->open, &data, &length) <= 0)
			j->fields &= ~FIELD_BIT(i);
	}
}

/* Seek to the start of the query; return true if it exists. */
static bool
seek(struct journal_reader *j)
{
	const char *cursor = j->cursor;
	uint64_t since = (uint64_t)j->since * PER_SECOND;

	if (cursor == NULL || cursor[0] == '\0')
		return journal.seek_realtime_usec(j->open, since) >= 0;
	if (journal.seek_cursor(j->open, cursor) >= 0 &&
	    journal.next(j->open) > 0 &&
	    journal.test_cursor(j->open, cursor) > 0)
		return true;
	j->lost = true;
	return journal.seek_tail(j->open) >= 0 &&
	       journal.previous(j->open) >= 0;
}

static bool
prepare(struct journal_reader *j)
{
	if (!match_handler(j->open) || journal.seek_head(j->open) < 0)
		return false;
	if (journal.next(j->open) > 0)
		j->begins = time_of(j->open);
	drop_unused(j);
	return (j->by_text || match_reasons(j->open, j->reasons)) && seek(j);
}

bool
journal_reader_open(struct journal_reader *j, const char *folder,
		    struct error *e)
{
	uint64_t bytes = 0;

	if (!load(e))
		return false;
	int n = folder == NULL ? journal.open(&j->open, SD_JOURNAL_LOCAL_ONLY)
			       : journal.open_directory(&j->open, folder, 0);
	error_where(e, folder == NULL ? "journal" : file_shown(folder));
	if (n < 0)
		return error_set(e, "cannot be opened: %s", strerror(-n));
	if (journal.get_usage(j->open, &bytes) < 0 || bytes == 0)
		return error_set(e,
				 "no journal file that this user can read "
				 "(fix: --log FILE%s)",
				 geteuid() == 0 ? "" : ", or run it as root");
	if (!j->by_text)
		(void)journal.set_data_threshold(j->open, VALUE_MAX);
	return prepare(j) || error_set(e, "cannot be searched");
}

void
journal_reader_close(struct journal_reader *j)
{
	if (j->open != NULL)
		journal.close(j->open);
}

/* Return the wanted field of data, NAME=value; FIELDS: none. */
static enum log_field
find(unsigned wanted, struct span data)
{
	for (; wanted != 0; wanted &= wanted - 1) {
		int field = ffs((int)wanted) - 1;
		struct span name = log_field_names[field].journal;
		if (name.len < data.len && name.ptr[0] == data.ptr[0] &&
		    data.ptr[name.len] == '=' && span_starts(data, name))
			return (enum log_field)field;
	}
	return FIELDS;
}

int
journal_reader_next(struct journal_reader *j)
{
	int n = journal.next(j->open);

	if (n > 0)
		j->time = time_of(j->open);
	return n < 0 ? -1 : n > 0;
}

bool
journal_reader_value(struct journal_reader *j, unsigned wanted,
		     enum log_field *field, struct span *value)
{
	const struct span message = SPAN("MESSAGE=");
	const void *data;
	size_t length;

	while (journal.enumerate_available_data(j->open, &data, &length) > 0) {
		struct span text = { data, length };
		*field = find(wanted, text);
		if (*field == FIELDS && !span_starts(text, message))
			continue;
		struct span name = *field == FIELDS
					   ? message
					   : log_field_names[*field].journal;
		*value = span_after(text, name.len);
		if (*field != FIELDS)
			*value = span_after(*value, 1);
		return true;
	}
	return false;
}

char *
journal_reader_cursor(const struct journal_reader *j)
{
	char *cursor = NULL;

	return journal.get_cursor(j->open, &cursor) < 0 ? NULL : cursor;
}
