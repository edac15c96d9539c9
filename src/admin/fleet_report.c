/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>

#include "admin/fleet_report.h"
#include "admin/hour.h"
#include "admin/metrics.h"
#include "admin/pending.h"
#include "admin/print.h"
#include "admin/setup.h"

enum { CERTIFICATES_MAX = 20 /* of the pending ones */ };

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

enum exit_code
fleet_report(const char *log)
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

void
fleet_report_print(const struct rows *rows, size_t i, size_t first)
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

bool
fleet_report_pending(struct database *database, struct error *e)
{
	/* A report of a host may have any form.  No host hides those of others,
	 * by more rows than print_pending() writes; the first
	 * column is copied into a command. */
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
