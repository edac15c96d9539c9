/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * error: what went wrong, where.
 *
 * Lives on the caller's stack and owns nothing.  The first error wins: once
 * set, later ones are ignored.  Text from outside is escaped when it is added,
 * and other control characters, as in the name of a file, become '?'.  So where
 * and text can be logged or printed as they are.
 */
#ifndef CERTGATE_BASE_ERROR_H
#define CERTGATE_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct error {
	bool set;
	bool severe; /* a warning that is reported as an error */
	char where[256]; /* a file or a setting; empty if not known */
	unsigned line; /* counted from 1; 0 if not known */
	unsigned column; /* counted from 1, in bytes; 0 if not known */
	char text[640]; /* what, and what was expected */
};

/* Set text from a format.  Always false, so that a function can return it. */
bool error_set(struct error *e, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* As error_set, with the message of errno behind ": ". */
bool error_system(struct error *e, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Put prefix and ": " before text, and drop the place, which was in another
 * file.  Always false. */
bool error_prefix(struct error *e, const char *prefix);

/* Say where, if that is not known yet; NULL: nowhere. */
void error_where(struct error *e, const char *where);

/* Say line and column, if they are not known yet. */
void error_at(struct error *e, unsigned line, unsigned column);

/* Takes every fault of a text, not only the first. */
struct report {
	/* NULL: faults are only counted */
	void (*fault)(void *context, const struct error *e);
	void *context;
	const char *where; /* of faults that do not say it; NULL: unknown */
	unsigned faults; /* so far */
};

/* Report e and clear it, to go on to the next fault.  False, and nothing done,
 * if report is NULL: the first fault ends the reading. */
bool error_report(struct report *report, struct error *e);

/* A copy of word for a message: printable ASCII, the rest as \xHH, cut at 40
 * bytes.  Valid until the fourth call after it.  Not for a word that did not
 * parse: it may be a secret in the wrong place. */
const char *error_word(struct span word);

enum { WARNINGS_MAX = 8 };

/* Things that are odd but not wrong; of many, those that are to be reported as
 * errors are kept, then the first and the last. */
struct warnings {
	struct error warning[WARNINGS_MAX];
	unsigned n; /* all that were added */
	const char *begin; /* of the line that is read; NULL: of none */
	unsigned line; /* its number */
};

/* The place for the next warning, empty but for the line and the column of at
 * in it, if both are known; never NULL. */
struct error *warnings_next(struct warnings *w, const char *at);

/* "where:line:column: text", leaving out what is not known.  text has room
 * for size bytes with the NUL. */
void error_text(const struct error *e, char *text, size_t size);

#endif
