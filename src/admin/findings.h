/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* findings: errors and warnings of a check; each once. */
#ifndef CERTGATE_ADMIN_FINDINGS_H
#define CERTGATE_ADMIN_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/expiry.h"
#include "base/error.h"
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
	bool incomplete; /* out of memory */
	const char *path; /* of findings_warn(); borrowed; NULL: no file */
	unsigned line; /* the same; 0: the file as a whole */
	int64_t now; /* 0: the clock's */
};

/* Note are ignored, and so is what was found before. */
void findings_add(struct findings *findings, enum log_level level,
		  const struct error *e);

/* Add a warning about findings->path and its line. */
void findings_warn(struct findings *findings, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Warn of pins by SHA-1, of CAs whose every name is accepted, and of all that
 * the list has and that has expired or expires within 30 days.  path: of the
 * list; NULL: none. */
void findings_advise(struct findings *findings, const struct list *list,
		     const char *path);

/* Warn of all from the first on that has expired or expires within 30 days. */
void findings_expire(struct findings *findings, const struct expiries *all,
		     size_t first);

/* Print them: of each file, in the order in which it was found first, by line;
 * of a line, as they were found. */
void findings_print(struct findings *findings);

void findings_free(struct findings *findings);

#endif
