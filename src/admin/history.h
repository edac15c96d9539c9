/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* history: the decisions of the last hour and of the last day in the log, by
 * time and reason, and the last refusals. */
#ifndef CERTGATE_ADMIN_HISTORY_H
#define CERTGATE_ADMIN_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/log_reader.h"
#include "base/error.h"
#include "policy/reason.h"

enum {
	HISTORY_MINUTES = 60, /* slots of the last hour */
	HISTORY_PARTS = 48, /* slots of the last day, half an hour each */
	HISTORY_REFUSALS = 25, /* that are kept */
	HISTORY_TEXT_MAX = 136 /* bytes of a value of the log, and a NUL */
};

struct history_refusal {
	int64_t time; /* UTC seconds */
	enum reason reason; /* REASONS: unknown to this version */
	char value[FIELDS][HISTORY_TEXT_MAX]; /* empty: unknown, or not kept */
};

struct history {
	int64_t now, begins; /* UTC seconds; of the log, 0: no decision */
	/* Events; the last slot ends now, the last reason is unknown. */
	uint64_t minute[HISTORY_MINUTES][REASONS + 1];
	uint64_t part[HISTORY_PARTS][REASONS + 1];
	struct history_refusal refusal[HISTORY_REFUSALS]; /* a ring */
	size_t refusals; /* all of the last day */
};

/* Read the log of path (NULL: that of the settings, or the journal), for the
 * site of the settings.  False with e if it cannot be read. */
bool history_read(struct history *history, const char *path, struct error *e)
	__attribute__((warn_unused_result));

/* The n-th last refusal, from 0; NULL: there is none, or it is not kept. */
const struct history_refusal *history_last(const struct history *history,
					   size_t n);

#endif
