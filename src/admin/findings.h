/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* findings: what a check finds wrong or odd; each once. */
#ifndef CERTGATE_ADMIN_FINDINGS_H
#define CERTGATE_ADMIN_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "host/log.h"
#include "policy/list.h"

struct finding {
	enum log_level level;
	struct error error;
	size_t file; /* the first finding about the same one */
	size_t at; /* when it was found */
};

struct findings {
	struct finding *found; /* owned */
	size_t n, size;
	unsigned errors, warnings;
	bool incomplete; /* there was no memory for all */
};

/* Notes are passed over, and so is what was found already. */
void findings_add(struct findings *findings, enum log_level level,
		  const struct error *e);

/* A warning about a line of file (0: the file as a whole; NULL: of none). */
void findings_warn(struct findings *findings, const char *file, unsigned line,
		   const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Orders them by line, those about one file together where its first one was
 * found; of a line, as they were found. */
void findings_sort(struct findings *findings);

/* As text, one in a line: "error: FILE:LINE:COLUMN: what". */
void findings_print(const struct findings *findings);
void findings_print_json(const struct findings *findings);

void findings_free(struct findings *findings);

/* Warns of every entry of the list, made from text in the file path, that has
 * ended or ends within 30, 14, 7 or 1 days: by its own date, or by that of the
 * certificate, a CA or a CRL in its file. */
void ending_find(struct findings *findings, const struct list *list,
		 struct span text, const char *path, int64_t now);

/* Warns of entries that are pinned by SHA-1, and of CAs whose every name is let
 * in, in the list of the file path. */
void advice_find(struct findings *findings, const struct list *list,
		 const char *path);

#endif
