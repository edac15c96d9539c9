/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* journal_reader: the handler's entries in systemd's journal, by its trusted
 * fields; log_reader.h says which. */
#ifndef CERTGATE_ADMIN_JOURNAL_READER_H
#define CERTGATE_ADMIN_JOURNAL_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "host/log_line.h"

struct sd_journal;

struct journal_reader {
	/* Which entries are wanted, as in struct log_query; borrowed. */
	const char *cursor;
	int64_t since;
	const char *const *reasons;
	bool by_text; /* entries may have no fields, and a long message */

	unsigned fields; /* FIELD_BIT()s that are wanted; once it is open, those
			  * that some entry has */
	struct sd_journal *open; /* owned; NULL: it is not */
	int64_t begins; /* UTC seconds, of the first entry; 0: unknown */
	int64_t time; /* the same of this entry */
	bool lost; /* the cursor leads nowhere any more */
};

/* Open the journal of this machine, or with folder that of the files there.
 * False with e if it cannot be read; journal_reader_close() in any case. */
bool journal_reader_open(struct journal_reader *j, const char *folder,
			 struct error *e) __attribute__((warn_unused_result));
void journal_reader_close(struct journal_reader *j);

/* Take the next entry and its time.  Return 1, 0 behind the last, or -1 if it
 * failed. */
int journal_reader_next(struct journal_reader *j);

/* Take the next value of the entry that is of one of the wanted FIELD_BIT()s,
 * or with FIELDS its message; valid until the next call.  False behind the
 * last. */
bool journal_reader_value(struct journal_reader *j, unsigned wanted,
			  enum log_field *field, struct span *value);

/* Gives the cursor of the entry: free().  NULL if there is none. */
char *journal_reader_cursor(const struct journal_reader *j);

#endif
