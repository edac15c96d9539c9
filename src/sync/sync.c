/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "host/clock.h"
#include "host/database.h"
#include "host/datagram.h"
#include "host/log.h"
#include "sync/applied.h"
#include "sync/log_report.h"
#include "sync/replica.h"
#include "sync/sync.h"

enum {
	ASK_MS = 1000, /* between two questions: no notification is needed */
	CONTACT_MS = 5000, /* between two notes of it in the store */
	REPEAT_MS = 60000, /* between two lines about the same fault */
	PULL_ROWS = 10000, /* changes of one transaction */
	FETCH_ROWS = 5000, /* entries of one answer */
	STATE_MAX = 512, /* bytes of a line about the state */
	NUMBER_SIZE = sizeof("-9223372036854775808")
};

struct sync {
	const struct sync_options *options;
	struct replica *replica; /* owned */
	struct database *database; /* owned; NULL: not connected */
	struct applied applied; /* they may turn out to be gone */
	char *refused; /* owned; the entry that does not parse; NULL: none */
	int64_t contact_ms; /* that the store has; -1: none yet */
	int64_t asked_ms; /* the last question to the database */
	int64_t began_ms;
	struct log_report report;
	bool missed; /* what may be gone was reported */
	bool ready; /* the service manager knows */
	bool caught_up; /* once */
	char problem[STATE_MAX]; /* why nothing is applied; empty: all well */
	char logged[STATE_MAX]; /* the last fault in the log */
	int64_t logged_ms;
	struct datagram manager;
};

/* Tell the service manager; sd_notify(3). */
static void tell(struct sync *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void
tell(struct sync *s, const char *format, ...)
{
	char text[STATE_MAX];
	va_list arguments;

	if (s->manager.path == NULL || s->manager.path[0] != '/')
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)datagram_send(&s->manager, span_of(text));
}

/* Log a fault, once a minute while it stays the same. */
static void
report(struct sync *s, const struct error *e)
{
	char text[STATE_MAX];
	int64_t now = clock_ms();

	error_text(e, text, sizeof(text));
	tell(s, "STATUS=late, revision %" PRId64 ": %s",
	     replica_at(s->replica).number, text);
	if (strcmp(text, s->logged) == 0 && now - s->logged_ms < REPEAT_MS)
		return;
	(void)snprintf(s->logged, sizeof(s->logged), "%s", text);
	s->logged_ms = now;
	log_error(LOG_LEVEL_ERROR, e);
}

/* Report it to the fleet, too. */
static void
stop_at(struct sync *s, const struct error *e)
{
	error_text(e, s->problem, sizeof(s->problem));
	report(s, e);
}

static void
say_well(struct sync *s)
{
	int64_t number = replica_at(s->replica).number;

	s->problem[0] = '\0';
	free(s->refused);
	s->refused = NULL;
	tell(s, "STATUS=in force: revision %" PRId64, number);
	if (s->logged[0] != '\0')
		log_note(LOG_LEVEL_NOTE, "sync: caught up, revision %" PRId64,
			 number);
	s->logged[0] = '\0';
}

static bool
read_number(struct span text, int64_t *number)
{
	uint64_t n;
	bool ok = span_number(text, 0, INT64_MAX, &n);

	*number = (int64_t)n;
	return ok;
}

static bool
read_revision(const struct rows *rows, size_t row, size_t number, size_t digest,
	      struct revision *at, struct error *e)
{
	return (read_number(rows_text(rows, row, number), &at->number) &&
		hex_decode(rows_text(rows, row, digest), at->digest,
			   sizeof(at->digest))) ||
	       error_set(e, "database: not a revision with a digest (fix: "
			    "certgate fleet init)");
}

/* Set *next to the revision behind at that this change makes. */
static bool
chain(const struct revision *at, struct span verb, struct span entry,
      struct revision *next, struct error *e)
{
	struct buffer bytes;
	uint64_t number = (uint64_t)at->number + 1;

	buffer_init(&bytes, DIGEST_SHA256_SIZE + sizeof(number) + verb.len + 1 +
				    entry.len);
	buffer_add(&bytes, (struct span){ (const char *)at->digest,
					  sizeof(at->digest) });
	for (int shift = 56; shift >= 0; shift -= 8)
		buffer_add_byte(&bytes, (char)(number >> shift & 0xff));
	buffer_add(&bytes, verb);
	buffer_add_byte(&bytes, ' ');
	buffer_add(&bytes, entry);
	next->number = at->number + 1;
	bool ok = !bytes.failed &&
		  digest_sha256(buffer_span(&bytes), next->digest);
	buffer_free(&bytes);
	return ok || error_set(e, "out of memory");
}

/* Remember an entry that does not parse: to read a million entries again each
 * second would not make it valid. */
static void
refuse(struct sync *s, struct span entry)
{
	free(s->refused);
	s->refused = span_copy(entry);
}

/* *there: the database still has the entry that does not parse. */
static bool
find_refused(struct sync *s, bool *there, struct error *e)
{
	const char *values[] = { s->refused };

	*there = false;
	if (s->refused == NULL)
		return true;
	struct rows *rows = database_ask(
		s->database,
		"select from certgate.entry where certgate.key(entry) = "
		"certgate.key($1)",
		values, 1, e);
	if (rows == NULL)
		return false;
	*there = rows_count(rows) > 0;
	rows_free(rows);
	return true;
}

/* Ready, so that the handler starts: with what is in force now, or after the
 * wait with what there is. */
static void
tell_ready(struct sync *s)
{
	int64_t waited = clock_ms() - s->began_ms;

	if (s->ready || (!s->caught_up && waited < 1000 * s->options->wait_s))
		return;
	if (!s->caught_up)
		log_note(LOG_LEVEL_WARNING,
			 "sync: not caught up after %d s: clients are decided "
			 "on by revision %" PRId64,
			 s->options->wait_s, replica_at(s->replica).number);
	tell(s, "READY=1");
	s->ready = true;
}

/* Put all entries into the transaction, by a cursor. */
static bool
copy_entries(struct sync *s, struct error *e)
{
	char fetch[64];
	size_t n;

	(void)snprintf(fetch, sizeof(fetch), "fetch %d from entries",
		       FETCH_ROWS);
	do {
		struct rows *rows =
			database_ask(s->database, fetch, NULL, 0, e);
		if (rows == NULL)
			return false;
		n = rows_count(rows);
		enum replica_result result = REPLICA_DONE;
		for (size_t i = 0; i < n && result == REPLICA_DONE; i++) {
			struct span entry = rows_text(rows, i, 0);
			result = replica_add(s->replica, entry, e);
			if (result == REPLICA_INVALID)
				refuse(s, entry);
		}
		rows_free(rows);
		tell_ready(s);
		if (result != REPLICA_DONE)
			return false;
	} while (n == FETCH_ROWS);
	return true;
}

/* Read all entries as they are at one revision, into an empty store. */
static bool
copy_all(struct sync *s, struct revision *at, struct error *e)
{
	struct rows *rows = database_ask(
		s->database,
		"select rev, encode(digest, 'hex') from certgate.head", NULL, 0,
		e);
	bool ok = rows != NULL && ((rows_count(rows) == 1 &&
				    read_revision(rows, 0, 0, 1, at, e)) ||
				   error_set(e, "database: no revision"));

	rows_free(rows);
	if (!ok ||
	    !database_do(s->database,
			 "declare entries no scroll cursor for "
			 "select entry from certgate.entry order by rev",
			 e) ||
	    !replica_begin(s->replica, true, e))
		return false;
	if (copy_entries(s, e))
		return replica_commit(s->replica, at, true, e);
	replica_abort(s->replica);
	return false;
}

static void
note_question(struct sync *s)
{
	s->asked_ms = clock_ms();
	replica_ask(s->replica);
}

/* Replace the store by what the database has; why: what is wrong with it. */
static bool
read_all(struct sync *s, const struct error *why, struct error *e)
{
	struct revision at = { .number = -1 }, was = replica_at(s->replica);
	int64_t begin = clock_ms();

	if (!s->missed) /* once for each doubt */
		s->missed = applied_tell(&s->applied, &was, s->database);
	note_question(s);
	if (!database_do(s->database,
			 "begin isolation level repeatable read read only", e))
		return false;
	bool ok = copy_all(s, &at, e);
	struct error end = { 0 };
	bool open = database_do(s->database, "rollback", &end);
	if (!ok)
		return false;
	applied_clear(&s->applied);
	s->missed = false;
	s->contact_ms = s->asked_ms;
	log_note(LOG_LEVEL_NOTE,
		 "sync: %s: all entries read: revision %" PRId64
		 " instead of %" PRId64 ", %" PRId64 " ms",
		 why->text, at.number, was.number, clock_ms() - begin);
	if (!open)
		*e = end;
	return open;
}

/* The result of a pull. */
enum outcome {
	OUTCOME_LOST = 0,
	OUTCOME_STOPPED,
	OUTCOME_INVALID, /* an entry does not parse */
	OUTCOME_DOUBT,
	OUTCOME_DONE
};

/* Put one change into the transaction, and count *at on. */
static enum outcome
apply_row(struct sync *s, const struct rows *rows, size_t i,
	  struct revision *at, struct error *e)
{
	struct span verb = rows_text(rows, i, 1), entry = rows_text(rows, i, 2);
	struct revision next, said;
	enum replica_result result = REPLICA_DOUBT;

	if (!read_revision(rows, i, 0, 3, &said, e) ||
	    !chain(at, verb, entry, &next, e))
		return OUTCOME_DOUBT;
	if (said.number != next.number ||
	    !digest_equal(said.digest, next.digest, sizeof(next.digest))) {
		error_set(e, "revision %" PRId64 ": its digest is wrong",
			  next.number);
		return OUTCOME_DOUBT;
	}
	if (span_equal(verb, SPAN("add")))
		result = replica_add(s->replica, entry, e);
	else if (span_equal(verb, SPAN("remove")))
		result = replica_remove(s->replica, entry, e);
	if (result == REPLICA_DONE) {
		*at = next;
		return OUTCOME_DONE;
	}
	if (result == REPLICA_INVALID)
		refuse(s, entry);
	struct error inner = *e;
	*e = (struct error){ 0 };
	error_set(e, "revision %" PRId64 ": %s", next.number, inner.text);
	return result == REPLICA_FAILED	   ? OUTCOME_STOPPED
	       : result == REPLICA_INVALID ? OUTCOME_INVALID
					   : OUTCOME_DOUBT;
}

/* Apply the changes of a pull, whose first row is the revision that the store
 * is at, in one transaction: up to the first one that does not parse, and none
 * in doubt. */
static enum outcome
apply(struct sync *s, const struct rows *rows, struct error *e)
{
	struct revision at = replica_at(s->replica);
	size_t n = rows_count(rows), i = 1;
	enum outcome outcome = OUTCOME_DONE;
	struct error failed = { 0 };

	if (!replica_begin(s->replica, false, e))
		return OUTCOME_STOPPED;
	for (; i < n && outcome == OUTCOME_DONE; i++)
		outcome = apply_row(s, rows, i, &at, e);
	if (outcome == OUTCOME_STOPPED || outcome == OUTCOME_DOUBT ||
	    at.number == replica_at(s->replica).number) {
		replica_abort(s->replica);
		return outcome;
	}
	bool whole = outcome == OUTCOME_DONE && n < PULL_ROWS;
	if (!replica_commit(s->replica, &at, whole, &failed)) {
		*e = failed;
		return OUTCOME_STOPPED;
	}
	if (whole)
		s->contact_ms = s->asked_ms;
	for (i = 1; i < n; i++) {
		struct revision one;
		if (!read_revision(rows, i, 0, 3, &one, &failed) ||
		    one.number > at.number)
			break;
		applied_add(&s->applied, &one, rows_text(rows, i, 1),
			    rows_text(rows, i, 2));
	}
	return outcome;
}

/* Note in the store that it is what the database has. */
static bool
note_contact(struct sync *s, struct error *e)
{
	struct revision at = replica_at(s->replica);

	if (s->contact_ms >= 0 && s->asked_ms - s->contact_ms < CONTACT_MS)
		return true;
	if (!replica_begin(s->replica, false, e) ||
	    !replica_commit(s->replica, &at, true, e))
		return false;
	s->contact_ms = s->asked_ms;
	return true;
}

/* Ask for what is behind the revision of the store, which tells the database
 * of it, and apply that.  Set *more if there was something. */
static enum outcome
pull(struct sync *s, bool *more, struct error *e)
{
	struct revision at = replica_at(s->replica);
	char number[NUMBER_SIZE], digest[APPLIED_DIGITS + 3] = "\\x", most[16];
	const char *values[] = { number, digest, s->problem, most };
	struct error why = { 0 };

	(void)snprintf(number, sizeof(number), "%" PRId64, at.number);
	(void)snprintf(most, sizeof(most), "%d", PULL_ROWS);
	applied_digits(&at, digest + 2);
	note_question(s);
	struct rows *rows =
		database_ask(s->database,
			     "select rev, verb, entry, encode(digest, 'hex') "
			     "from certgate.pull($1, $2, $3, $4)",
			     values, 4, e);
	*more = false;
	if (rows == NULL)
		return OUTCOME_LOST;
	size_t n = rows_count(rows);
	enum outcome outcome = OUTCOME_DONE;
	struct revision first;
	/* The row may be dropped between the two statements of pull. */
	if (n > 0 && (!read_revision(rows, 0, 0, 3, &first, &why) ||
		      first.number != at.number))
		n = 0;
	if (n == 0) {
		error_set(&why,
			  "revision %" PRId64 ": the database does not have it",
			  at.number);
		outcome = OUTCOME_DOUBT;
	} else if (n == 1) {
		outcome = note_contact(s, e) ? OUTCOME_DONE : OUTCOME_STOPPED;
	} else {
		*more = true;
		outcome = apply(s, rows, &why);
		if (outcome == OUTCOME_STOPPED)
			*e = why;
	}
	rows_free(rows);
	if (outcome != OUTCOME_DOUBT && outcome != OUTCOME_INVALID)
		return outcome;
	bool there;
	if (!find_refused(s, &there, e))
		return OUTCOME_LOST;
	if (there && outcome == OUTCOME_INVALID)
		*e = why; /* which has the revision */
	else if (there)
		error_set(e, "%s", s->problem);
	*more = !there;
	return !there && read_all(s, &why, e) ? OUTCOME_DONE : OUTCOME_STOPPED;
}

static void
disconnect(struct sync *s, const struct error *e)
{
	report(s, e);
	s->missed = false; /* the next one may be another database */
	database_close(s->database);
	s->database = NULL;
}

/* Connect, or wait a second. */
static bool
connect_database(struct sync *s)
{
	struct error e = { 0 };

	s->database =
		database_open(s->options->connection, "certgate-sync", &e);
	log_report_again(&s->report);
	if (s->database != NULL &&
	    database_do(s->database, "listen certgate", &e))
		return true;
	disconnect(s, &e);
	(void)poll(NULL, 0, ASK_MS);
	return false;
}

static void
step(struct sync *s)
{
	struct error e = { 0 };
	bool more = false;
	enum outcome outcome;

	if (s->database == NULL && !connect_database(s))
		return;
	do {
		outcome = pull(s, &more, &e);
		if (outcome == OUTCOME_DONE && !more) {
			s->caught_up = true;
			more = s->problem[0] != '\0'; /* tell that it is over */
			say_well(s);
		}
		tell_ready(s);
	} while (outcome == OUTCOME_DONE && more);
	/* The connection counts as lost but where the store is at fault. */
	if (outcome == OUTCOME_STOPPED)
		stop_at(s, &e);
	if (outcome != OUTCOME_LOST)
		log_report_send(&s->report, s->database);
	struct error wait = { 0 };
	if (outcome == OUTCOME_LOST) {
		disconnect(s, &e);
		(void)poll(NULL, 0, ASK_MS);
	} else if (!database_wait(s->database, ASK_MS, &wait)) {
		disconnect(s, &wait);
	}
}

enum exit_code
sync_run(const struct sync_options *options)
{
	struct error e = { 0 };
	struct sync s = {
		.options = options,
		.report = { .path = options->report },
		.contact_ms = -1,
		.began_ms = clock_ms(),
		.manager = { getenv("NOTIFY_SOCKET"), -1 },
	};

	log_start(LOG_TARGET_DEFAULT, NULL, LOG_FORMAT_TEXT);
	if (digest_start(DIGEST_USE_TLS))
		s.replica = replica_open(options->store, &e);
	else
		error_set(&e, "cannot start OpenSSL");
	if (s.replica == NULL) {
		log_error(LOG_LEVEL_ERROR, &e);
		return EXIT_SYSTEM;
	}
	for (;;) {
		tell_ready(&s);
		step(&s);
	}
}
