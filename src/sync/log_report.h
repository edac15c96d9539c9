/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* log_report: the report of certgate fleet report, which another unit writes to
 * a file, sent to the fleet's database.  Nothing depends on it. */
#ifndef CERTGATE_SYNC_LOG_REPORT_H
#define CERTGATE_SYNC_LOG_REPORT_H

#include <time.h>

#include "host/database.h"

struct log_report {
	const char *path; /* borrowed; NULL: none */
	struct timespec sent; /* the change of the file that was sent last */
};

/* Send the file if it has changed; log a warning if the database refuses
 * it. */
void log_report_send(struct log_report *report, struct database *database);

/* Send it again, to another database. */
void log_report_again(struct log_report *report);

#endif
