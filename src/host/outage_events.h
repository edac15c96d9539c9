/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * outage_events: the events of an hour, and the rule by which the reason of
 * refused ones stands out.
 */
#ifndef CERTGATE_HOST_OUTAGE_EVENTS_H
#define CERTGATE_HOST_OUTAGE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "policy/reason.h"

enum {
	OUTAGE_REFUSALS = 3, /* in a row, before a reason stands out */
	OUTAGE_NAME_SIZE = 136, /* bytes of a name from outside, with a NUL */
	OUTAGE_SITES = 512, /* and their origins */
	OUTAGE_ACCEPTED = 4096, /* certificates; places of a table */
	OUTAGE_SKEW_MAX = 300 /* seconds between the clocks */
};

/* One event.  Spans are borrowed while it is added. */
struct outage_event {
	enum reason reason;
	uint64_t certificate; /* a hash; 0: none */
	struct span site, origin, hub; /* may be absent */
	int64_t skew; /* seconds */
	bool has_skew; /* the event has a time */
};

/* Refusals since the last event that passed the checks. */
struct outage_refusals {
	uint32_t count[REASONS];
	uint64_t first; /* hash of a certificate; 0: none */
	bool several; /* certificates */
	bool known; /* one of them was accepted before */
};

/* Events of a site, or those of them that name an origin which the settings
 * have: each resource has its own keys. */
struct outage_site {
	char name[OUTAGE_NAME_SIZE]; /* empty: events that name none */
	char origin[OUTAGE_NAME_SIZE]; /* empty: all events */
	uint64_t accepted; /* clients */
	struct outage_refusals sender, client;
};

/* What the event named that was last refused for its origin, or its hub. */
struct outage_names {
	char origin[OUTAGE_NAME_SIZE], hub[OUTAGE_NAME_SIZE];
};

/* Events of an hour.  All zero: none. */
struct outage_events {
	size_t n_sites;
	struct outage_site site[OUTAGE_SITES]; /* the last one: others, too;
						* behind n_sites, undefined */
	struct outage_names names;
	int64_t skew; /* of the last event that had a time */
	uint64_t skewed; /* events in a row; see OUTAGE_SKEW_MAX */
	uint64_t accepted_hash[OUTAGE_ACCEPTED];
};

/* Add an event.  With OUTAGE_SITES names, further ones share a place. */
void outage_events_add(struct outage_events *events,
		       const struct outage_event *event);

/* Return the reason for which all of the last events, or clients, of a site
 * were refused; REASONS: none, and *site is NULL. */
enum reason outage_events_reason(const struct outage_events *events,
				 const struct outage_site **site);

/* Replace the events of to by those of from, which has none afterwards. */
void outage_events_move(struct outage_events *to, struct outage_events *from);

#endif
