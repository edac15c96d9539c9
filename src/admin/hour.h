/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* hour: the decisions of the last hour in the log, and outages of the day. */
#ifndef CERTGATE_ADMIN_HOUR_H
#define CERTGATE_ADMIN_HOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "host/outage.h"
#include "policy/reason.h"

enum {
	HOUR_NOTE_SIZE = 512,
	HOUR_SITES = SITES_MAX + 1,
	HOUR_CLIENTS = 4096 /* places of a table */
};

struct hour_note {
	int64_t time; /* UTC seconds; 0: none in the last day */
	char text[HOUR_NOTE_SIZE];
};

/* Of the main settings or a site, since its last load. */
struct hour_site {
	char name[OUTAGE_NAME_SIZE]; /* empty: the main settings */
	char list[16]; /* word of the last decision; empty: none */
	int64_t load; /* UTC seconds; 0: none in the last day */
	struct hour_note failure;
	char error[HOUR_NOTE_SIZE]; /* of the failure */
};

/* A client that was accepted. */
struct hour_client {
	uint64_t certificate; /* a hash; 0: none */
	const struct hour_site *site; /* NULL: none */
	/* The loads before the last acceptance, and before the last refusal
	 * because it is not listed. */
	int64_t accepted, dropped;
};

struct hour {
	int64_t now; /* UTC seconds */
	const char *doubt; /* of struct log_reader */
	/* Without those that certgate made; the last one: unknown reasons. */
	uint64_t count[REASONS + 1];
	uint64_t events, lost;
	bool losing; /* lines were lost before the last event */
	struct outage_events outage; /* of the day */
	int64_t last; /* UTC seconds; of the last event, 0: none */
	struct hour_note load; /* the last one, of any site */
	const struct hour_note *failure; /* the last one; NULL: none */
	struct hour_site site[HOUR_SITES];
	size_t n_sites;
	struct hour_client client[HOUR_CLIENTS];
};

/* Read the log of path (NULL: that of the settings, or the journal), for the
 * site of the settings.  With day, also what only outages need: events and
 * loads of the day before.  False with e if it cannot be read. */
bool hour_read(struct hour *hour, const char *path, bool day, struct error *e)
	__attribute__((warn_unused_result));

/* Return how many clients were accepted before the last load of their list, and
 * are not in it; 0: fewer than two. */
unsigned hour_dropped(const struct hour *hour);

/* Write that with the fix; "": fewer than two. */
void hour_tell_dropped(const struct hour *hour, char text[HOUR_NOTE_SIZE]);

#endif
