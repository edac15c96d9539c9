/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * log_reader: the decision lines that the handler logged, one at a time, from
 * the journal, a file or standard input.
 *
 * From the journal only lines count whose trusted fields are the handler's:
 * those of certgate.service, and those of the installed certgate.fcgi that ran
 * as root, as the user of this process or as _certgate.  In a file, lines of
 * other programs are passed over.  Before the file of CERTGATE_LOG, FILE.1 is
 * read, to which logrotate renames it.
 */
#ifndef CERTGATE_ADMIN_LOG_READER_H
#define CERTGATE_ADMIN_LOG_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "admin/journal_reader.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "host/log_line.h"

/* The lines that are wanted, of the site of the settings; what it points to is
 * borrowed while they are read. */
struct log_query {
	const char *path; /* a file, a folder of journal files, "-"; NULL: where
			   * the settings say, else the journal */
	int64_t since; /* UTC seconds; 0: all */
	const char *const *reasons; /* ended by NULL; NULL: all */
	bool one_site; /* without a site in the settings: only lines that name
			* none */
	const char *cursor; /* behind this line alone; NULL: from the start */
	unsigned fields; /* FIELD_BIT()s: what each line is read for */
	bool notes; /* also lines about the program, which have note alone */
};

struct log_reader {
	int64_t time; /* of the line, UTC seconds */
	struct span value[FIELDS]; /* decoded; absent: unknown.  Valid until the
				    * next line */
	struct span note; /* of a line about the program; absent: a decision */
	int64_t begins; /* of the first decision line; 0: none was read yet */
	const char *doubt; /* why a line may not be the handler's; NULL: only it
			    * can write this log */
	bool lost; /* the cursor leads nowhere any more: no line is read */
	bool failed; /* the log could not be read to its end */

	/* The rest is its own. */
	struct log_query query;
	bool all_sites; /* else of this site alone: */
	struct span site; /* absent: lines that name none */
	struct journal_reader journal; /* not open: it is a file */
	char *room; /* owned; bytes of the file, or values of the line */
	size_t at, end; /* of the room: what is not read yet */
	off_t offset; /* of the room in the file */
	int file;
	int next; /* the file to read after the rotated one; 0: none */
	char stamp[20]; /* of the line before */
	int64_t stamp_time;
};

/* False with e if there is no such log; log_reader_close() in any case. */
bool log_reader_open(struct log_reader *reader, const struct log_query *query,
		     struct error *e) __attribute__((warn_unused_result));
void log_reader_close(struct log_reader *reader);

/* Take the next line; false behind the last. */
bool log_reader_next(struct log_reader *reader);

/* False with e if it ended before the end of the log. */
bool log_reader_ended(const struct log_reader *reader, struct error *e)
	__attribute__((warn_unused_result));

/* 0 if the field is not a number. */
uint64_t log_reader_number(const struct log_reader *reader,
			   enum log_field field);

/* Add to out a text that leads behind the line that was read last, or behind
 * the cursor of the query if none was, or behind all there are if that is
 * lost. */
void log_reader_cursor(const struct log_reader *reader, struct buffer *out);

/* Print that lines may not be the handler's. */
void log_reader_print_doubt(const char *doubt, bool json);

/* Print the doubt, and where the log begins: what lies before is unknown. */
void log_reader_print_begin(const struct log_reader *reader, bool json);

#endif
