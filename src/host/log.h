/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * log: where lines go: the web server's error log or a terminal (stderr), the
 * syslog, the journal with its fields, or a file.
 *
 * Each line is one write, and no answer depends on it.  A write to a pipe or a
 * socket never waits.  A decision whose line cannot be written is counted, and
 * the next line has the number (lost=).
 */
#ifndef CERTGATE_HOST_LOG_H
#define CERTGATE_HOST_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "host/log_line.h"
#include "policy/settings.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTE = 5
};

/* Hold back lines about the program until log_start(), which has their target
 * and format.  Without this call lines go to stderr as text. */
void log_hold(void);

/* Drop notes: plain CGI has one line for its event, and warnings. */
void log_warnings_only(void);

/* LOG_TARGET_DEFAULT is the journal if stderr goes there, else stderr.  If a
 * target cannot be opened it is stderr, with a warning.  path is borrowed until
 * log_stop. */
void log_start(enum log_target target, const char *path,
	       enum log_format format);

/* Lines go to a file. */
bool log_to_file(void);

/* Open the file again, which log rotation may have replaced.  If that fails,
 * the old one stays in use, with a warning. */
void log_reopen(void);

/* True if lines go to a local daemon, which is connected to again if it was
 * restarted. */
bool log_to_daemon(void);

/* From now on pass lines about the program itself to take alone. */
typedef void log_taker(void *context, enum log_level level,
		       const struct error *e);
void log_divert(log_taker *take, void *context);

/* For log_divert(): drop the lines. */
log_taker log_ignore;

/* Write the line of one decision.  An accepted notification is counted instead,
 * and has a line a minute together with those of its hub and event. */
void log_decision(const struct answer *answer,
		  const struct log_details *details);

/* Write the counts of a minute that is over. */
void log_tick(int64_t now);

/* Return errno of the last decision line, which could not be written; 0: it
 * was. */
int log_fault(void);

/* Write what is left at the end of the process. */
void log_stop(int64_t now);

/* A line about the program itself; the text has no words from outside that are
 * not escaped. */
void log_note(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* From now on lines about the program are about this site (borrowed); NULL:
 * about all of it.  Return what they were about. */
const char *log_about(const char *site);

void log_error(enum log_level level, const struct error *e);

#endif
