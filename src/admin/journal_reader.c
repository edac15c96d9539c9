/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "admin/journal_reader.h"
#include "host/file.h"

enum {
	PER_SECOND = 1000000, /* microseconds */
	MATCH_MAX = 256 /* bytes of NAME=value */
};

static bool
match(sd_journal *j, const char *name, const char *value)
{
	char text[MATCH_MAX];

	(void)snprintf(text, sizeof(text), "%s=%s", name, value);
	return sd_journal_add_match(j, text, 0) >= 0;
}

static bool
match_user(sd_journal *j, uid_t user)
{
	char digits[SPAN_DIGITS_MAX + 1];

	(void)snprintf(digits, sizeof(digits), "%ju", (uintmax_t)user);
	return match(j, "_UID", digits);
}

/* journald adds these fields itself: systemd.journal-fields(7). */
static bool
match_handler(sd_journal *j)
{
	const struct passwd *user = getpwnam("_certgate");

	return match(j, "_SYSTEMD_UNIT", "certgate.service") &&
	       sd_journal_add_disjunction(j) >= 0 &&
	       match(j, "_EXE", CERTGATE_HANDLER) && match_user(j, 0) &&
	       match_user(j, geteuid()) &&
	       (user == NULL || match_user(j, user->pw_uid)) &&
	       sd_journal_add_conjunction(j) >= 0;
}

static bool
match_reasons(sd_journal *j, const char *const *reason)
{
	while (reason != NULL && *reason != NULL)
		if (!match(j, "REASON", *reason++))
			return false;
	return true;
}

/* Most lines have none of these: without one in the whole journal, no entry is
 * searched for them to its end. */
static void
drop_unused(struct log_reader *log)
{
	static const struct {
		enum log_field field;
		const char *name;
	} rare[] = { { LOG_WOULD, "WOULD" },
		     { LOG_SITE, "SITE" },
		     { LOG_COUNT, "COUNT" },
		     { LOG_LOST, "LOST" } };
	const void *data;
	size_t length;

	for (size_t i = 0; i < sizeof(rare) / sizeof(rare[0]); i++)
		if (sd_journal_query_unique(log->journal, rare[i].name) < 0 ||
		    sd_journal_enumerate_unique(log->journal, &data, &length) <=
			    0)
			log->query.fields &= ~LOG_BIT(rare[i].field);
}

/* To where the query begins; true if that is there. */
static bool
seek(struct log_reader *log)
{
	const char *cursor = log->query.cursor;
	uint64_t since = (uint64_t)log->query.since * PER_SECOND;

	if (cursor == NULL || cursor[0] == '\0')
		return sd_journal_seek_realtime_usec(log->journal, since) >= 0;
	if (sd_journal_seek_cursor(log->journal, cursor) >= 0 &&
	    sd_journal_next(log->journal) > 0 &&
	    sd_journal_test_cursor(log->journal, cursor) > 0)
		return true;
	log->lost = true;
	return sd_journal_seek_tail(log->journal) >= 0 &&
	       sd_journal_previous(log->journal) >= 0;
}

static bool
prepare(struct log_reader *log)
{
	if (!match_handler(log->journal) ||
	    sd_journal_seek_head(log->journal) < 0)
		return false;
	if (journal_reader_next(log) == 1)
		log->begins = log->time;
	drop_unused(log);
	return (log->by_text ||
		match_reasons(log->journal, log->query.reasons)) &&
	       seek(log);
}

bool
journal_reader_open(struct log_reader *log, const char *folder, struct error *e)
{
	uint64_t bytes = 0;
	int n = folder == NULL
			? sd_journal_open(&log->journal, SD_JOURNAL_LOCAL_ONLY)
			: sd_journal_open_directory(&log->journal, folder, 0);

	error_where(e, folder == NULL ? "journal" : file_shown(folder));
	if (n < 0)
		return error_set(e, "cannot be opened: %s", strerror(-n));
	if (sd_journal_get_usage(log->journal, &bytes) < 0 || bytes == 0)
		return error_set(e, "no journal file that this user can read "
				    "(fix: --log FILE, or run it as root)");
	return prepare(log) || error_set(e, "cannot be searched");
}

void
journal_reader_close(struct log_reader *log)
{
	sd_journal_close(log->journal);
}

int
journal_reader_next(struct log_reader *log)
{
	uint64_t us = 0;
	int n = sd_journal_next(log->journal);

	if (n > 0 && sd_journal_get_realtime_usec(log->journal, &us) < 0)
		n = -1;
	log->time = (int64_t)(us / PER_SECOND);
	return n < 0 ? -1 : n;
}

bool
journal_reader_field(struct log_reader *log, struct span *field)
{
	const void *data;
	size_t length;
	int n = sd_journal_enumerate_available_data(log->journal, &data,
						    &length);

	*field = (struct span){ data, length };
	return n > 0;
}

char *
journal_reader_cursor(const struct log_reader *log)
{
	char *cursor = NULL;

	return sd_journal_get_cursor(log->journal, &cursor) < 0 ? NULL : cursor;
}
