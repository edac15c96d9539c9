/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * fleet_report: what the log of a host has of the last hour, as the host sends
 * it to the fleet's database and the fleet prints it.
 */
#ifndef CERTGATE_ADMIN_FLEET_REPORT_H
#define CERTGATE_ADMIN_FLEET_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "host/database.h"
#include "host/exit_code.h"

/* Columns of a host's report, as fleet_report_print() takes them. */
#define FLEET_REPORT_COLUMNS                                                   \
	"h.report->>'time', h.report->>'allowed', h.report->>'denied', "       \
	"h.report->>'lost', h.report->>'pending'"

/* Print the report of this host as JSON; log: a file, NULL: as the settings
 * say. */
enum exit_code fleet_report(const char *log);

/* Print the report in the i-th row, from the column first on. */
void fleet_report_print(const struct rows *rows, size_t i, size_t first);

/* Print the pending certificates of all hosts.  False with e if the database
 * cannot be asked. */
bool fleet_report_pending(struct database *database, struct error *e)
	__attribute__((warn_unused_result));

#endif
