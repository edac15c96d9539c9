/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* cause: the likely cause if the handler does not do its work, and its fix. */
#ifndef CERTGATE_ADMIN_CAUSE_H
#define CERTGATE_ADMIN_CAUSE_H

#include <stdbool.h>

#include "admin/facts.h"
#include "host/exit_code.h"

struct cause {
	enum exit_code code; /* EXIT_DONE: all is well; EXIT_SYSTEM: unknown */
	bool is_file; /* the files have it, so certgate check prints it */
	char sentence[96]; /* as struct outage_text, like the rest */
	char detail[640]; /* empty: none */
	char fix[640]; /* if all is well: what shows more */
	char site[OUTAGE_NAME_SIZE]; /* empty: none */
};

void cause_find(const struct facts *f, struct cause *cause);

/* Set the words, for the site of the text or of the settings. */
void cause_set(struct cause *cause, const struct outage_text *text);

/* Find the cause of the installed handler in a child process, which reads files
 * as the handler's user: this process stays as it is.  Return false if all is
 * well, or the settings are not the installed ones, or it is unknown. */
bool cause_ask(struct cause *cause);

#endif
