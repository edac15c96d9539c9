/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * outage_events: the events of a day, and the rule by which the reason of
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
	OUTAGE_REFUSALS_MAX = 20, /* the same, of clients without a
				   * certificate beside accepted ones */
	OUTAGE_NAME_SIZE = 136, /* bytes of a name from outside, with a NUL */
	OUTAGE_SITES = 512, /* and their origins */
	OUTAGE_ACCEPTED = 4096, /* certificates; places of a table */
	OUTAGE_SKEW_MAX = 300 /* seconds between the clocks */
};

/* The connection ids of events that certgate makes begin with it; the service
 * has other ones. */
#define OUTAGE_OWN "certgate-"

/* One event.  Spans are borrowed while it is added. */
struct outage_event {
	enum reason reason;
	uint64_t certificate; /* a hash; 0: none */
	unsigned line; /* of the entry in the list; 0: none, or unknown */
	struct span name; /* of the route: connect, validate */
	struct span site, origin, hub, connection; /* may be absent */
	int64_t time; /* UTC seconds */
	int64_t skew; /* seconds */
	bool has_skew; /* the event says when it was sent */
};

/* Clients refused for one reason since the last accepted client. */
struct outage_refusals {
	uint32_t count;
	bool several; /* certificates */
	bool known; /* one of them was accepted before */
	uint64_t first; /* hash of a certificate; 0: none */
	unsigned line; /* of the last one's entry in the list; 0: none */
};

/* Events of a site, or those of them that name an origin which the settings
 * have: each resource has its own keys. */
struct outage_site {
	char name[OUTAGE_NAME_SIZE]; /* empty: events that name none */
	char origin[OUTAGE_NAME_SIZE]; /* empty: all events */
	/* Origin or hub of the last event that was refused for it. */
	char theirs[OUTAGE_NAME_SIZE];
	int64_t last; /* UTC seconds of its last event */
	uint64_t accepted, before; /* clients since the last load, and before */
	uint64_t one; /* hash of a certificate accepted since the last load */
	bool others; /* several were */
	uint32_t sender[REASONS]; /* refusals since the last event that passed
				   * the checks of the sender */
	struct outage_refusals client[REASONS];
};

/* Events.  All zero: none. */
struct outage_events {
	size_t n_sites;
	struct outage_site site[OUTAGE_SITES]; /* the last one: others, too;
						* behind n_sites, undefined */
	int64_t skew; /* of the last event that had a time */
	uint64_t skewed; /* events in a row; see OUTAGE_SKEW_MAX */
	uint64_t accepted_hash[OUTAGE_ACCEPTED];
};

/* Add an event, unless certgate made it.  With OUTAGE_SITES names, further ones
 * share a place. */
void outage_events_add(struct outage_events *events,
		       const struct outage_event *event);

/* Forget the refusals of a site (absent: events that name none): another
 * configuration was loaded. */
void outage_events_load(struct outage_events *events, struct span site);

/* Forget the sites without an event since a time. */
void outage_events_forget(struct outage_events *events, int64_t since);

/* Return the reason for which all of the last events, or clients, of a site
 * were refused; REASONS: none, and *site is NULL. */
enum reason outage_events_reason(const struct outage_events *events,
				 const struct outage_site **site);

#endif
