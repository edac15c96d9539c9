/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* journal_reader: what log_reader reads from systemd's journal: the handler's
 * entries, by its trusted fields; log_reader.h says which. */
#ifndef CERTGATE_ADMIN_JOURNAL_READER_H
#define CERTGATE_ADMIN_JOURNAL_READER_H

#include "admin/log_reader.h"

/* Opens the journal of this machine, or with folder that of the files there, as
 * the query of log says, and fills in journal, begins and lost; of the wanted
 * fields those remain that some entry has.  False with e if it cannot be
 * read. */
bool journal_reader_open(struct log_reader *log, const char *folder,
			 struct error *e) __attribute__((warn_unused_result));
void journal_reader_close(struct log_reader *log);

/* Takes the next entry, its time and the wanted fields: 1, or 0 behind the
 * last, or -1 if it failed. */
int journal_reader_next(struct log_reader *log);

/* Gives the cursor of the entry: free().  NULL if there is none. */
char *journal_reader_cursor(const struct log_reader *log);

#endif
