/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * fixed: the settings that a process takes at its start and keeps.
 *
 * What it writes it opens before it is in the sandbox, which lets it open
 * nothing to be written later.
 */
#ifndef CERTGATE_HOST_FIXED_H
#define CERTGATE_HOST_FIXED_H

#include <stdbool.h>

#include "policy/settings.h"

struct fixed {
	enum log_target log_target;
	char *log_file; /* owned; NULL: none */
	enum log_format log_format;
	/* That another one is set by now. */
	bool said_target, said_format;
};

/* At the start. */
void fixed_take(struct fixed *fixed, const struct settings *settings);

/* The log warns of each that settings have otherwise, once until they do not
 * any more. */
void fixed_compare(struct fixed *fixed, const struct settings *settings);

void fixed_free(struct fixed *fixed);

#endif
