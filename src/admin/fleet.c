/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate fleet: the database of a fleet, and its hosts. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "admin/fleet_edit.h"
#include "admin/fleet_schema.h"
#include "admin/hour.h"
#include "admin/pending.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "host/database.h"

enum {
	CONNECTED_S = 15, /* an older contact does not count */
	CERTIFICATES_MAX = 20 /* of the pending ones, in a report */
};

static enum exit_code
print_schema(void)
{
	for (size_t i = 0; fleet_schema[i] != NULL; i++)
		(void)fputs(fleet_schema[i], stdout);
	return EXIT_DONE;
}

static void
print_reasons(const struct hour *h)
{
	uint64_t sum[2] = { 0, 0 };

	print_json_open("reasons", '[');
	for (enum reason i = 0; i <= REASONS; i++) {
		sum[reason_status(i) == 0] += h->count[i];
		if (h->count[i] == 0)
			continue;
		print_json_open(NULL, '{');
		print_json_string("reason", span_of(reason_name(i)));
		print_json_number("events", (int64_t)h->count[i]);
		print_json_close('}');
	}
	print_json_close(']');
	print_json_number("allowed", (int64_t)sum[true]);
	print_json_number("denied", (int64_t)sum[false]);
	print_json_number("lost", (int64_t)h->lost);
}

/* Print the last pending certificates, and their number. */
static void
print_pending(const struct configuration *c, struct pending *pending)
{
	size_t n = 0;

	pending_sort(pending);
	print_json_open("certificates", '[');
	for (size_t i = 0; i < pending->n; i++) {
		const struct pending_row *row = pending->row[i];
		if (pending_is_settled(c, row) || n++ >= CERTIFICATES_MAX)
			continue;
		print_json_open(NULL, '{');
		print_json_digits("sha256", &row->sha256);
		print_json_string("hub", pending_text(&row->hub));
		print_json_string("subject", pending_text(&row->subject));
		print_json_number("count", (int64_t)row->count);
		print_json_time("last", row->last);
		print_json_close('}');
	}
	print_json_close(']');
	print_json_number("pending", (int64_t)(n + pending->more));
}

/* Print what the log of this host has of the last hour, as the host sends it to
 * the database; log: a file, NULL: as the settings say. */
static enum exit_code
report(const char *log)
{
	static struct hour hour;
	struct configuration c;
	struct pending pending;
	struct error e = { 0 };

	print_as_json();
	bool opened = setup_open(&c);
	bool ok = pending_read(&pending, log, &e) &&
		  hour_read(&hour, log, false, &e);
	if (!ok)
		print_error(&e);
	if (ok && opened) {
		print_json_open(NULL, '{');
		print_json_time("time", hour.now);
		print_reasons(&hour);
		print_pending(&c, &pending);
		print_json_close('}');
	}
	pending_free(&pending);
	configuration_close(&c);
	return ok && opened ? EXIT_DONE : EXIT_SYSTEM;
}

static void
print_number(const struct rows *rows, size_t i, size_t column, const char *name)
{
	uint64_t number;

	if (span_number(rows_text(rows, i, column), 0, INT64_MAX, &number))
		print_json_number(name, (int64_t)number);
	else
		print_json_null(name);
}

/* Print the report of a host, in the columns from first on. */
static void
print_report(const struct rows *rows, size_t i, size_t first)
{
	struct span time = rows_text(rows, i, first);

	if (time.len == 0) {
		print_json_null("report");
		return;
	}
	print_json_open("report", '{');
	print_json_string("time", time);
	print_number(rows, i, first + 1, "allowed");
	print_number(rows, i, first + 2, "denied");
	print_number(rows, i, first + 3, "lost");
	print_number(rows, i, first + 4, "pending");
	print_json_close('}');
	print("%*s ", 20, "");
	print_text(rows_text(rows, i, first + 1));
	print(" allowed, ");
	print_text(rows_text(rows, i, first + 2));
	print(" denied, ");
	print_text(rows_text(rows, i, first + 4));
	print(" pending, in the hour before ");
	print_text(time);
	print("\n");
}

/* Print a row of hosts. */
static bool
print_host(const struct rows *rows, size_t i)
{
	struct span name = rows_text(rows, i, 0),
		    problem = rows_text(rows, i, 4);
	uint64_t age = 0, behind = 0;
	bool connected =
		span_number(rows_text(rows, i, 3), 0, CONNECTED_S, &age);
	bool known = rows_text(rows, i, 2).len > 0 &&
		     span_number(rows_text(rows, i, 2), 0, INT64_MAX, &behind);
	bool well = connected && known && behind == 0 && problem.len == 0;

	(void)span_number(rows_text(rows, i, 3), 0, INT64_MAX, &age);
	print_text(name);
	print("%*s revision %-8s", (int)(name.len < 20 ? 20 - name.len : 0), "",
	      rows_text(rows, i, 1).ptr);
	if (!known)
		print(" not in the database");
	else if (behind > 0)
		print(" %llu behind", (unsigned long long)behind);
	print(connected ? " connected" : " last contact %llu s ago",
	      (unsigned long long)age);
	if (problem.len > 0)
		print(": ");
	print_text(problem);
	print("\n");
	print_json_open(NULL, '{');
	print_json_string("name", name);
	print_json_string("revision", rows_text(rows, i, 1));
	if (known)
		print_json_number("behind", (int64_t)behind);
	else
		print_json_null("behind");
	print_json_number("age", (int64_t)age);
	print_json_bool("connected", connected);
	print_json_string("problem", problem);
	print_report(rows, i, 5);
	print_json_close('}');
	return well;
}

/* Print revisions that hosts had in force and the database lost. */
static void
print_gone(const struct rows *rows)
{
	size_t n = rows_count(rows);

	if (n > 0)
		print("\ngone after a fail-over or from a backup (fix: make "
		      "these changes again if they still count, then select "
		      "certgate.settle()):\n");
	print_json_open("gone", '[');
	for (size_t i = 0; i < n; i++) {
		struct span text = rows_text(rows, i, 1);
		print("revision %-8s ", rows_text(rows, i, 0).ptr);
		print_text(text.len > 0 ? text : SPAN("(not known)"));
		print(", seen by ");
		print_text(rows_text(rows, i, 2));
		print(" at %s\n", rows_text(rows, i, 3).ptr);
		print_json_open(NULL, '{');
		print_json_string("revision", rows_text(rows, i, 0));
		print_json_string("change", text);
		print_json_string("host", rows_text(rows, i, 2));
		print_json_string("seen", rows_text(rows, i, 3));
		print_json_close('}');
	}
	print_json_close(']');
}

static bool
print_head(struct database *database, struct error *e)
{
	struct rows *rows = database_ask(
		database,
		"select h.rev, (select count(*) from certgate.entry), "
		"to_char(c.made at time zone 'UTC', "
		"'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), c.actor "
		"from certgate.head h join certgate.change c using (rev)",
		NULL, 0, e);

	if (rows == NULL || rows_count(rows) == 0) {
		rows_free(rows);
		return error_set(e, "no revision (fix: certgate fleet init)");
	}
	print("revision %s of %s by ", rows_text(rows, 0, 0).ptr,
	      rows_text(rows, 0, 2).ptr);
	print_text(rows_text(rows, 0, 3));
	print(", %s entries\n", rows_text(rows, 0, 1).ptr);
	print_json_string("revision", rows_text(rows, 0, 0));
	print_json_string("made", rows_text(rows, 0, 2));
	print_json_string("actor", rows_text(rows, 0, 3));
	print_json_string("entries", rows_text(rows, 0, 1));
	rows_free(rows);
	return true;
}

/* Print the hosts.  *well: all have the revision of the database. */
static bool
print_hosts(struct database *database, bool *well, struct error *e)
{
	struct rows *rows = database_ask(
		database,
		"select h.name, h.rev, (select d.rev - h.rev from "
		"certgate.head d where exists (select from certgate.change c "
		"where c.rev = h.rev and c.digest = h.digest) or h.rev < "
		"(select min(c.rev) from certgate.change c)), greatest(0, "
		"extract(epoch from clock_timestamp() - h.contact))::bigint, "
		"h.problem, h.report->>'time', h.report->>'allowed', "
		"h.report->>'denied', h.report->>'lost', h.report->>'pending' "
		"from certgate.host h order by h.name",
		NULL, 0, e);

	if (rows == NULL)
		return false;
	print_json_open("hosts", '[');
	*well = true;
	for (size_t i = 0; i < rows_count(rows); i++)
		*well &= print_host(rows, i);
	print_json_close(']');
	if (rows_count(rows) == 0)
		print("no host has been in contact\n");
	rows_free(rows);
	return true;
}

/* Print a certificate that one or more hosts rejected. */
static void
print_certificate_row(const struct rows *rows, size_t i)
{
	print_text(rows_text(rows, i, 0));
	print("\n    hub ");
	print_text(rows_text(rows, i, 1));
	print(", ");
	print_text(rows_text(rows, i, 3));
	print(" times, last ");
	print_text(rows_text(rows, i, 4));
	print(", on ");
	print_text(rows_text(rows, i, 5));
	print("\n    subject    ");
	print_text(rows_text(rows, i, 2));
	print("\n");
	print_json_open(NULL, '{');
	print_json_string("sha256", rows_text(rows, i, 0));
	print_json_string("hub", rows_text(rows, i, 1));
	print_json_string("subject", rows_text(rows, i, 2));
	print_number(rows, i, 3, "count");
	print_json_string("last", rows_text(rows, i, 4));
	print_json_string("hosts", rows_text(rows, i, 5));
	print_json_close('}');
}

/* Print the pending certificates of all hosts. */
static bool
print_rejected(struct database *database, struct error *e)
{
	/* A report of a host may have any form.  No host hides those of others,
	 * by more rows than print_pending() writes; the first column is
	 * copied into a command. */
	struct rows *rows = database_ask(
		database,
		"select c->>'sha256', c->>'hub', max(c->>'subject'), "
		"sum(case when c->>'count' ~ '^[0-9]{1,15}$' then "
		"(c->>'count')::bigint else 0 end), max(c->>'last'), "
		"string_agg(h.name, ' ' order by h.name) "
		"from certgate.host h, jsonb_array_elements(case "
		"jsonb_typeof(h.report->'certificates') when 'array' then "
		"h.report->'certificates' else '[]' end) "
		"with ordinality r(c, n) "
		"where n <= 20 and c->>'sha256' ~ '^[0-9a-f]{64}$' "
		"group by 1, 2 order by 5 desc, 1, 2 limit 100",
		NULL, 0, e);

	if (rows == NULL)
		return false;
	size_t n = rows_count(rows);
	if (n > 0)
		print("\npending (a name is the certificate's claim):\n");
	print_json_open("pending", '[');
	for (size_t i = 0; i < n; i++)
		print_certificate_row(rows, i);
	print_json_close(']');
	rows_free(rows);
	return true;
}

static enum exit_code
print_status(struct database *database, struct error *e)
{
	bool well = false;

	print_json_open(NULL, '{');
	bool ok = print_head(database, e) && print_hosts(database, &well, e) &&
		  print_rejected(database, e);
	struct rows *gone =
		ok ? database_ask(
			     database,
			     "select rev, change, name, to_char(seen at "
			     "time zone 'UTC', "
			     "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from "
			     "(select distinct on (rev, digest) g.*, name "
			     "from certgate.host, jsonb_to_recordset(gone) "
			     "g(rev bigint, digest text, change text, "
			     "seen timestamptz) order by rev, digest, "
			     "change desc, seen) g order by seen, rev",
			     NULL, 0, e)
		   : NULL;
	if (gone != NULL)
		print_gone(gone);
	print_json_close('}');
	bool none = gone != NULL && rows_count(gone) == 0;
	rows_free(gone);
	if (gone == NULL)
		return EXIT_SYSTEM;
	return well && none ? EXIT_DONE : EXIT_NO;
}

/* Remove a host that is out of service, which every change would wait for. */
static enum exit_code
forget(struct database *database, const char *name, struct error *e)
{
	struct rows *rows = database_ask(
		database, "select certgate.forget($1)::int", &name, 1, e);

	if (rows == NULL)
		return EXIT_SYSTEM;
	bool found = span_equal(rows_text(rows, 0, 0), SPAN("1"));
	rows_free(rows);
	if (!found)
		print_problem("%s: no such host (fix: see certgate fleet "
			      "status%s)",
			      error_word(span_of(name)),
			      setup_connection_option());
	return found ? EXIT_DONE : EXIT_NO;
}

enum exit_code
fleet_run(const struct command *command)
{
	const char *what = command->arguments[0];
	bool forgets = strcmp(what, "forget") == 0;
	bool status = strcmp(what, "status") == 0;
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	if (strcmp(what, "init") == 0 && command->n == 1)
		return print_schema();
	if (strcmp(what, "report") == 0 && command->n == 1)
		return report(command->option[OPTION_LOG]);
	if (!(status && command->n == 1) && !(forgets && command->n == 2)) {
		print_problem("expected init, status, report or forget HOST");
		return EXIT_MISUSED;
	}
	struct database *database =
		database_open(fleet_connection(command), "certgate", &e);
	if (database != NULL)
		code = status ? print_status(database, &e)
			      : forget(database, command->arguments[1], &e);
	if (e.set)
		print_error(&e);
	database_close(database);
	return code;
}
