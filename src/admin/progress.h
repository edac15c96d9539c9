/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* progress: how far a long step is, on a terminal alone. */
#ifndef CERTGATE_ADMIN_PROGRESS_H
#define CERTGATE_ADMIN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	const char *what; /* borrowed; such as "check" */
	size_t all; /* entries, or what else is counted */
	int64_t begin_ms; /* monotonic, as is the next */
	int64_t shown_ms;
	bool shown; /* there is a line on the terminal */
	bool terminal; /* standard error is one */
};

/* Begin a step of all entries. */
void progress_begin(struct progress *progress, const char *what, size_t all);

/* done of all entries are done; cheap if it is called often. */
void progress_tell(struct progress *progress, size_t done);

/* Take the line off the terminal. */
void progress_end(struct progress *progress);

#endif
