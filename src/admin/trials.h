/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * trials: what the service would send to a handler, sent from outside; what
 * came of each is printed, and a fault with what to change.
 */
#ifndef CERTGATE_ADMIN_TRIALS_H
#define CERTGATE_ADMIN_TRIALS_H

#include <stdbool.h>

#include "admin/diagnosis.h"
#include "admin/event.h"
#include "admin/web.h"
#include "base/buffer.h"
#include "policy/settings.h"

/* Borrows all that its pointers and spans name. */
struct trials {
	const struct settings *settings;
	const char *url; /* with the code of the settings */
	const char *authorities; /* a file of CAs; NULL: the system's */
	struct posting_plan plan; /* by the options; of --admitted */
	char origin_text[256];
	struct buffer stranger, admitted; /* certificates, DER */
	struct span authorization; /* the service's; absent: it has none */
	struct web_answer answer; /* the last one; freed by who set all this */
	struct diagnosis last; /* the fault that was said last */
	bool reached; /* the handler has answered */
	unsigned faults;
};

/* A validation that names the origin behind what stands in before.  False: what
 * is wrong makes each further trial fail. */
bool trials_validate(struct trials *trials, const char *what,
		     const char *before);

/* Each kind of connect event that says something with these settings. */
void trials_post(struct trials *trials);

void trials_good(const char *what);
void trials_fault(struct trials *trials, const char *what,
		  const struct diagnosis *d);
void trials_note(const char *text);

#endif
