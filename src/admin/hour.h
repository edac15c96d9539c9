/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* hour: the decisions of the last hour in the log. */
#ifndef CERTGATE_ADMIN_HOUR_H
#define CERTGATE_ADMIN_HOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "host/outage.h"
#include "policy/reason.h"

enum { HOUR_NOTE_SIZE = 512 };

struct hour_note {
	int64_t time; /* UTC seconds; 0: none in the last day */
	char text[HOUR_NOTE_SIZE];
};

struct hour {
	int64_t now, begins; /* UTC seconds; of the log, 0: no decision */
	const char *doubt; /* of struct log_reader */
	uint64_t count[REASONS + 1]; /* the last one: unknown reasons */
	uint64_t events, lost;
	bool losing; /* lines were lost before the last event */
	/* The same events; if they are too few for a cause, those of the day
	 * since the last load of a configuration. */
	struct outage_events outage;
	int64_t last; /* UTC seconds; of the last event, 0: none */
	char list[16]; /* word of the last decision since the last load; empty:
			* none */
	/* The last ones, of any site; a failure until that site loads. */
	struct hour_note load, failure;
};

/* Read the log of path (NULL: that of the settings, or the journal), for the
 * site of the settings.  With loads, also what was loaded in the last day,
 * which takes longer.  False with e if it cannot be read. */
bool hour_read(struct hour *hour, const char *path, bool loads, struct error *e)
	__attribute__((warn_unused_result));

#endif
