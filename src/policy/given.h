/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* given: settings as they were written, in the file and in the environment,
 * which wins. */
#ifndef CERTGATE_POLICY_GIVEN_H
#define CERTGATE_POLICY_GIVEN_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"

/* A value as it was written, and where. */
struct setting_given {
	struct span value; /* absent: not given; borrowed */
	unsigned line; /* in the file; 0: in the environment */
	unsigned column; /* in that line */
};

enum { SETTINGS_MAX = 64 /* room for every setting */ };

/* Fills given, all zero before, in the order of settings_help.  False with e if
 * a line, a name or the text as a whole does not read; with report, it is told
 * and the rest is read too. */
bool given_read(struct setting_given given[SETTINGS_MAX], struct span text,
		const char *name, char *const *environment,
		struct report *report, struct error *e)
	__attribute__((warn_unused_result));

/* Return the name of a setting for a message; an unknown one is cut to 12
 * characters, for it may be a secret.  Borrowed until the next call. */
const char *given_name(struct span name);

#endif
