/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "host/clock.h"
#include "host/database.h"
#include "host/file.h"
#include "host/library.h"

#define FUNCTIONS(X)                                                           \
	X(clear)                                                               \
	X(connectdbParams)                                                     \
	X(conninfoFree)                                                        \
	X(conninfoParse)                                                       \
	X(consumeInput)                                                        \
	X(errorMessage)                                                        \
	X(finish)                                                              \
	X(flush)                                                               \
	X(freemem)                                                             \
	X(getResult)                                                           \
	X(getlength)                                                           \
	X(getvalue)                                                            \
	X(isBusy)                                                              \
	X(notifies)                                                            \
	X(ntuples)                                                             \
	X(resultErrorField)                                                    \
	X(resultErrorMessage)                                                  \
	X(resultStatus)                                                        \
	X(sendQueryParams)                                                     \
	X(setNoticeReceiver)                                                   \
	X(setnonblocking)                                                      \
	X(socket)                                                              \
	X(status)

/* The functions of libpq, each by its name without PQ. */
static struct {
#define FIELD(name) __typeof__(PQ##name) *name;
	FUNCTIONS(FIELD)
} pq;

static bool
load(struct error *e)
{
#define ROW(name) { "PQ" #name, &pq.name },
	static const struct library_function functions[] = { FUNCTIONS(ROW) };

	return library_load("libpq.so.5", functions,
			    sizeof(functions) / sizeof(functions[0]), e);
}

struct database {
	PGconn *connection; /* owned */
	bool refused; /* the server refused the last statement */
};

/* The defaults of the connection string.  The server's name is verified, since
 * entries from another server would be in force.  TCP detects a lost peer
 * within seconds, also while unsent bytes wait. */
static const char *const standard[][2] = {
	{ "target_session_attrs", "read-write" },
	{ "sslmode", "verify-full" },
	/* Seconds for each address of a host; libpq's least is 2. */
	{ "connect_timeout", "3" },
	{ "tcp_user_timeout", "5000" }, /* ms */
	{ "keepalives_idle", "5" }, /* s */
	{ "keepalives_interval", "2" }, /* s */
	{ "keepalives_count", "3" },
	{ "client_encoding", "UTF8" },
	{ "gssencmode", "disable" }, /* it would take the place of TLS */
};

enum { STANDARDS = sizeof(standard) / sizeof(standard[0]) };

/* Copy the lines without comments as one, and end it with NUL. */
static void
take_lines(struct span text, struct buffer *info)
{
	struct span line;

	while (span_next(&text, "\r\n", &line)) {
		line = span_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		if (info->len > 0)
			buffer_add_byte(info, ' ');
		buffer_add(info, line);
	}
	buffer_add_byte(info, '\0');
}

static bool
is_given(const PQconninfoOption *option, const char *name)
{
	for (; option->keyword != NULL; option++)
		if (strcmp(option->keyword, name) == 0)
			return option->val != NULL;
	return false;
}

/* Connect with the given options and the defaults. */
static PGconn *
connect_with(const PQconninfoOption *given, const char *name)
{
	enum { NAMES_MAX = 128 /* libpq knows 40 */ };
	const char *names[NAMES_MAX + 1] = { NULL };
	const char *values[NAMES_MAX + 1] = { NULL };
	size_t n = 0;

	for (size_t i = 0; i < STANDARDS; i++) {
		if (is_given(given, standard[i][0]))
			continue;
		names[n] = standard[i][0];
		values[n++] = standard[i][1];
	}
	names[n] = "fallback_application_name";
	values[n++] = name;
	for (const PQconninfoOption *o = given; o->keyword != NULL; o++) {
		if (o->val == NULL || n >= NAMES_MAX)
			continue;
		names[n] = o->keyword;
		values[n++] = o->val;
	}
	return pq.connectdbParams(names, values, 0);
}

/* Report the first line of libpq's message, the lines about other servers, and
 * the fix.  libpq's hints are left out.  The message contains no secret. */
static bool
fault_with_fix(const char *where, const char *message, const char *fix,
	       struct error *e)
{
	enum {
		LINES_MAX = 400 /* bytes; the fix needs the rest of an error */
	};
	struct span text = span_of(message), line;
	char lines[LINES_MAX] = "";
	size_t n = 0;

	while (n < sizeof(lines) - 1 && span_next_word(&text, "\n", &line)) {
		if (n > 0 && !span_starts(line, SPAN("connection to server")))
			continue;
		line = span_trim(line);
		(void)snprintf(lines + n, sizeof(lines) - n, "%s%.*s",
			       n > 0 ? "; " : "", (int)line.len, line.ptr);
		n = strlen(lines);
	}
	error_where(e, where);
	error_set(e, "%s%s", n == 0 ? "failed" : lines, fix);
	return false;
}

static bool
fault(const char *where, const char *message, struct error *e)
{
	return fault_with_fix(where, message, "", e);
}

/* Check that a file of the connection can be read: libpq reports that with
 * random bytes. */
static bool
check_readable(const char *path, struct error *e)
{
	struct file_identity identity;
	struct buffer text;

	if (access(path, R_OK) == 0 || errno != EACCES)
		return true;
	file_set_reader();
	(void)file_read(path, false, DATABASE_TEXT_MAX, &text, &identity, e);
	buffer_wipe(&text);
	return error_set(e, "%s: %s", file_shown(path), strerror(EACCES));
}

static bool
check_files(const PQconninfoOption *option, struct error *e)
{
	static const char *const files[] = { "sslcert", "sslkey", "sslrootcert",
					     "sslcrl" };

	for (; option->keyword != NULL; option++)
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			if (strcmp(option->keyword, files[i]) == 0 &&
			    option->val != NULL && option->val[0] == '/' &&
			    !check_readable(option->val, e))
				return false;
	return true;
}

static PGconn *
connect_as(struct span text, const char *path, const char *name,
	   struct error *e)
{
	struct buffer info;
	PGconn *connection = NULL;

	buffer_init(&info, DATABASE_TEXT_MAX + 1);
	take_lines(text, &info);
	/* Ignore the message of libpq: it quotes the file, which has
	 * secrets. */
	PQconninfoOption *given = info.failed || info.len < 2
					  ? NULL
					  : pq.conninfoParse(info.data, NULL);
	if (given == NULL) {
		error_where(e, path);
		error_set(e, "not a connection string (expected host=NAME "
			     "dbname=NAME user=NAME ...)");
	} else {
		if (check_files(given, e))
			connection = connect_with(given, name);
		pq.conninfoFree(given);
		if (connection == NULL)
			error_set(e, "out of memory");
	}
	buffer_wipe(&info);
	return connection;
}

static void
ignore_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

/* Set the error of a missing file.  The default path is shown even if its
 * folder is missing. */
static void
set_absent(const char *path, struct error *e)
{
	*e = (struct error){ 0 };
	error_set(e,
		  "%s: no such file (fix: write a connection string of libpq "
		  "to it: host=NAME dbname=NAME user=NAME ...; mode 0600)",
		  strcmp(path, DATABASE_FLEET) == 0 ||
				  strcmp(path, DATABASE_SYNC) == 0
			  ? path
			  : file_shown(path));
}

struct database *
database_open(const char *path, const char *name, struct error *e)
{
	struct file_identity identity;
	struct buffer text;
	enum file_result result =
		file_read(path, true, DATABASE_TEXT_MAX, &text, &identity, e);
	if (result == FILE_ABSENT)
		set_absent(path, e);
	struct database *database = calloc(1, sizeof(*database));
	bool loaded = load(e);

	if (loaded && result == FILE_READ && database != NULL)
		database->connection =
			connect_as(buffer_span(&text), path, name, e);
	buffer_wipe(&text);
	if (database == NULL || database->connection == NULL) {
		error_set(e, "out of memory");
		free(database);
		return NULL;
	}
	(void)pq.setNoticeReceiver(database->connection, ignore_notice, NULL);
	if (pq.status(database->connection) == CONNECTION_OK &&
	    pq.setnonblocking(database->connection, 1) == 0)
		return database;
	fault("database", pq.errorMessage(database->connection), e);
	database_close(database);
	return NULL;
}

void
database_close(struct database *database)
{
	if (database == NULL)
		return;
	pq.finish(database->connection);
	free(database);
}

static bool
lost(struct database *database, struct error *e)
{
	return fault("database", pq.errorMessage(database->connection), e);
}

/* Wait until the connection can be read, or written if writes is set.  Return 0
 * after the time limit, -1 on failure. */
static int
poll_for(struct database *database, bool writes, int64_t until)
{
	struct pollfd fd = { .fd = pq.socket(database->connection),
			     .events = (short)(writes ? POLLIN | POLLOUT
						      : POLLIN) };

	for (;;) {
		int64_t left = until - clock_ms();
		int n = poll(&fd, 1, left > 0 ? (int)left : 0);
		if (n >= 0 || errno != EINTR)
			return n;
	}
}

static bool
send_all(struct database *database, int64_t until, struct error *e)
{
	int left;

	while ((left = pq.flush(database->connection)) > 0) {
		int n = poll_for(database, true, until);
		if (n == 0)
			return fault("database", "does not take a statement",
				     e);
		if (n < 0 || pq.consumeInput(database->connection) == 0)
			return lost(database, e);
	}
	return left == 0 || lost(database, e);
}

/* Get the next result of a statement; *result is NULL after the last one. */
static bool
next_result(struct database *database, PGresult **result, struct error *e)
{
	while (pq.isBusy(database->connection) != 0) {
		int n = poll_for(database, false,
				 clock_ms() + DATABASE_ANSWER_MS);
		if (n == 0)
			return fault("database", "does not answer", e);
		if (n < 0 || pq.consumeInput(database->connection) == 0)
			return lost(database, e);
	}
	*result = pq.getResult(database->connection);
	return true;
}

/* Keep the last result; after an error that is the error. */
static bool
take_results(struct database *database, PGresult **kept, struct error *e)
{
	PGresult *result = NULL;

	for (;;) {
		if (!next_result(database, &result, e))
			return false;
		if (result == NULL)
			return *kept != NULL || lost(database, e);
		pq.clear(*kept);
		*kept = result;
	}
}

#define OLD " (fix: run the SQL that certgate fleet init prints)"

/* Return what to do about a refused statement, by its SQLSTATE. */
static const char *
find_fix(const char *state)
{
	static const char *const fixes[][2] = {
		{ "3F000", OLD }, /* schema */
		{ "42P01", OLD }, /* table */
		{ "42703", OLD }, /* column */
		{ "42883", OLD }, /* function */
		{ "23514", " (fix: use shorter values and plain spaces; the "
			   "database refuses a few forms that a list may "
			   "have)" }, /* check constraint */
		{ "42501", " (fix: use the connection of a login with the "
			   "right role: certgate_host for certgate-sync, "
			   "certgate_admin for an administrator; after an "
			   "upgrade, run the SQL that certgate fleet init "
			   "prints)" },
	};

	for (size_t i = 0; i < sizeof(fixes) / sizeof(fixes[0]); i++)
		if (state != NULL && strcmp(state, fixes[i][0]) == 0)
			return fixes[i][1];
	return "";
}

struct rows *
database_ask(struct database *database, const char *statement,
	     const char *const *values, size_t n, struct error *e)
{
	PGconn *connection = database->connection;
	PGresult *result = NULL;

	database->refused = false;
	if (pq.sendQueryParams(connection, statement, (int)n, NULL, values,
			       NULL, NULL, 0) == 0) {
		lost(database, e);
		return NULL;
	}
	if (!send_all(database, clock_ms() + DATABASE_ANSWER_MS, e) ||
	    !take_results(database, &result, e)) {
		pq.clear(result);
		return NULL;
	}
	ExecStatusType status = pq.resultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return (struct rows *)result;
	const char *primary =
		pq.resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	fault_with_fix(
		"database",
		primary != NULL ? primary : pq.resultErrorMessage(result),
		find_fix(pq.resultErrorField(result, PG_DIAG_SQLSTATE)), e);
	database->refused = pq.status(connection) == CONNECTION_OK;
	pq.clear(result);
	return NULL;
}

bool
database_do(struct database *database, const char *statement, struct error *e)
{
	struct rows *rows = database_ask(database, statement, NULL, 0, e);

	rows_free(rows);
	return rows != NULL;
}

bool
database_refused(const struct database *database)
{
	return database->refused;
}

bool
database_wait(struct database *database, int ms, struct error *e)
{
	int64_t until = clock_ms() + ms;
	PGnotify *notification;

	for (;;) {
		if (pq.consumeInput(database->connection) == 0)
			return lost(database, e);
		notification = pq.notifies(database->connection);
		if (notification != NULL)
			break;
		int n = poll_for(database, false, until);
		if (n < 0)
			return lost(database, e);
		if (n == 0)
			return true;
	}
	/* All pending notifications cause one look. */
	while (notification != NULL) {
		pq.freemem(notification);
		notification = pq.notifies(database->connection);
	}
	return true;
}

void
database_add_element(struct buffer *array, struct span text)
{
	buffer_add_byte(array, array->len == 0 ? '{' : ',');
	buffer_add_byte(array, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			buffer_add_byte(array, '\\');
		buffer_add_byte(array, text.ptr[i]);
	}
	buffer_add_byte(array, '"');
}

const char *
database_end_array(struct buffer *array)
{
	buffer_add(array, array->len == 0 ? SPAN("{}\0") : SPAN("}\0"));
	return array->failed ? NULL : array->data;
}

size_t
rows_count(const struct rows *rows)
{
	return (size_t)pq.ntuples((const PGresult *)rows);
}

struct span
rows_text(const struct rows *rows, size_t row, size_t column)
{
	const PGresult *result = (const PGresult *)rows;
	int length = pq.getlength(result, (int)row, (int)column);

	return (struct span){ pq.getvalue(result, (int)row, (int)column),
			      (size_t)length };
}

void
rows_free(struct rows *rows)
{
	pq.clear((PGresult *)rows);
}
