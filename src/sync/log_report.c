/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "host/log.h"
#include "sync/log_report.h"

enum { SIZE_MAX_SENT = 65536 /* bytes; as certgate.report() takes */ };

/* Read the file into text, ended by NUL, if it is another than before.  It may
 * be of any user: it goes into the row of this host alone. */
static bool
read_changed(struct log_report *report, struct buffer *text)
{
	struct error e = { 0 };
	struct stat now;
	int fd = open(report->path,
		      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool ok = fd >= 0 && fstat(fd, &now) == 0 && S_ISREG(now.st_mode) &&
		  (now.st_ctim.tv_sec != report->sent.tv_sec ||
		   now.st_ctim.tv_nsec != report->sent.tv_nsec);

	if (ok) {
		report->sent = now.st_ctim;
		ok = file_read_all(fd, text, &e) && text->len > 0;
		buffer_add_byte(text, '\0');
	}
	if (e.set)
		error_where(&e, report->path);
	if (e.set)
		log_error(LOG_LEVEL_WARNING, &e);
	if (fd >= 0)
		close(fd);
	return ok && !text->failed;
}

void
log_report_send(struct log_report *report, struct database *database)
{
	struct buffer text;
	struct error e = { 0 };

	if (report->path == NULL)
		return;
	buffer_init(&text, SIZE_MAX_SENT + 1);
	if (read_changed(report, &text)) {
		const char *values[] = { text.data };
		struct rows *rows = database_ask(
			database, "select certgate.report($1)", values, 1, &e);
		if (rows == NULL)
			log_error(LOG_LEVEL_WARNING, &e);
		rows_free(rows);
	}
	buffer_free(&text);
}

void
log_report_again(struct log_report *report)
{
	report->sent = (struct timespec){ 0 };
}
