/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* trace: one line for each thing that happens, as the service's live trace. */
#ifndef CERTGATE_EMULATOR_TRACE_H
#define CERTGATE_EMULATOR_TRACE_H

#include <glib.h>

enum trace_level { TRACE_INFORMATION, TRACE_WARNING, TRACE_ERROR };

/* Print time, level, name and what the format gives, on one line of standard
 * output; whatever is not printable ASCII is escaped. */
void trace_line(enum trace_level level, const char *name, const char *format,
		...) G_GNUC_PRINTF(3, 4);

/* A stranger's word for a line: no blanks, at most 128 bytes, "-" for none.
 * The caller frees it. */
char *trace_word(const char *word);

#endif
