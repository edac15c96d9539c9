/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* journal_reader of a program that was built without libsystemd: it never
 * opens. */
#include "config.h"

#include "admin/journal_reader.h"

bool
journal_reader_open(struct journal_reader *j, const char *folder,
		    struct error *e)
{
	(void)j;
	return error_set(e, "%s: this build cannot read it (fix: --log FILE)",
			 folder == NULL ? "journal" : folder);
}

void
journal_reader_close(struct journal_reader *j)
{
	(void)j;
}

int
journal_reader_next(struct journal_reader *j)
{
	(void)j;
	return -1;
}

bool
journal_reader_value(struct journal_reader *j, unsigned wanted,
		     enum log_field *field, struct span *value)
{
	(void)j;
	(void)wanted;
	(void)field;
	(void)value;
	return false;
}

char *
journal_reader_cursor(const struct journal_reader *j)
{
	(void)j;
	return NULL;
}
