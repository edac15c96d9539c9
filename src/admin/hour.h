/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* hour: the decisions of the last hour in the log, and the one reason for which
 * all of the last ones were refused. */
#ifndef CERTGATE_ADMIN_HOUR_H
#define CERTGATE_ADMIN_HOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/reason.h"

enum {
	HOUR_REFUSALS = 3, /* in a row, before a reason stands out */
	HOUR_NAME_SIZE = 136, /* bytes of a name from the log */
	HOUR_NOTE_SIZE = 512,
	HOUR_SITES = 64,
	HOUR_ACCEPTED = 4096 /* certificates; places of a table */
};

/* Refusals since the last event that passed the checks. */
struct hour_refusals {
	uint64_t count[REASONS];
	uint64_t first; /* hash of a certificate; 0: none */
	bool several; /* certificates */
	bool known; /* one of them was accepted in the hour */
};

struct hour_site {
	char name[HOUR_NAME_SIZE]; /* empty: events that name none */
	uint64_t accepted; /* clients */
	struct hour_refusals sender, client;
};

struct hour_note {
	int64_t time; /* UTC seconds; 0: none in the last day */
	char text[HOUR_NOTE_SIZE];
};

struct hour {
	int64_t now, begins; /* UTC seconds; of the log, 0: no decision */
	uint64_t count[REASONS + 1]; /* the last one: unknown reasons */
	uint64_t events, lost;
	bool losing; /* lines were lost before the last event */
	struct hour_site site[HOUR_SITES]; /* the last one: others, too */
	size_t n_sites;
	/* Of the last refusal for it. */
	char origin[HOUR_NAME_SIZE], hub[HOUR_NAME_SIZE];
	int64_t skew; /* seconds, of the last event that had a time */
	uint64_t skewed; /* events in a row; see HOUR_SKEW_MAX */
	char list[16]; /* word of the last decision; empty: none */
	struct hour_note load, failure; /* the last ones */
	uint64_t accepted_hash[HOUR_ACCEPTED];
};

enum { HOUR_SKEW_MAX = 300 /* seconds between the clocks */ };

/* Read the log of path (NULL: that of the settings, or the journal), for the
 * site of the settings.  False with e if it cannot be read. */
bool hour_read(struct hour *hour, const char *path, struct error *e)
	__attribute__((warn_unused_result));

/* Return the reason for which all of the last events, or clients, of a site
 * were refused; REASONS: none.  Set *site to its name, borrowed. */
enum reason hour_cause(const struct hour *hour, const char **site);

#endif
