/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* journal_reader of a program that was built without libsystemd: it never
 * opens. */
#include "config.h"

#include "admin/journal_reader.h"

bool
journal_reader_open(struct log_reader *log, const char *folder, struct error *e)
{
	(void)log;
	return error_set(e, "%s: this build cannot read it (fix: --log FILE)",
			 folder == NULL ? "journal" : folder);
}

void
journal_reader_close(struct log_reader *log)
{
	(void)log;
}

int
journal_reader_next(struct log_reader *log)
{
	(void)log;
	return -1;
}

char *
journal_reader_cursor(const struct log_reader *log)
{
	(void)log;
	return NULL;
}
