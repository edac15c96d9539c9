/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * outage: why clients are refused, in one sentence: the table of outages, which
 * the handler and certgate status share, and the rule by which the reason of
 * refused events stands out.
 */
#ifndef CERTGATE_HOST_OUTAGE_H
#define CERTGATE_HOST_OUTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "host/sites.h"
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

/* Of the last refusal for it. */
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

void outage_add(struct outage_events *events, const struct outage_event *event);

/* Return the reason for which all of the last events, or clients, of a site
 * were refused; REASONS: none, and *site is NULL. */
enum reason outage_reason(const struct outage_events *events,
			  const struct outage_site **site);

/* Move the events of from to to, whose own are forgotten. */
void outage_move(struct outage_events *to, struct outage_events *from);

/* Settings that load and refuse every client. */
struct outage_refusal {
	bool (*holds)(const struct configuration *c, int64_t now);
	const char *text;
	const char *fix; /* for outage_write_fix() */
};

/* Return why settings that load refuse every client; NULL: they do not. */
const struct outage_refusal *outage_find_refusal(const struct configuration *c,
						 int64_t now);

/* Return why the main settings, or those of a site, refuse every client; NULL:
 * they do not. */
const struct outage_refusal *outage_refusal(const struct sites *sites,
					    int64_t now);

/* Return true if the main settings, or those of a site, have allow entries of
 * which none is valid at that time.  Set *site to its name, borrowed. */
bool outage_is_over(const struct sites *sites, int64_t now, const char **site);

/* In the order of severity. */
enum outage {
	OUTAGE_STOPPED = 0, /* the handler */
	OUTAGE_RIGHTS, /* this user cannot read the configuration */
	OUTAGE_OTHER, /* the handler has another settings file */
	OUTAGE_SETTINGS, /* do not load */
	OUTAGE_LIST, /* does not load */
	OUTAGE_VARIABLES, /* of the handler, are unknown */
	OUTAGE_REFUSING, /* outage_refusal() */
	OUTAGE_ERRORS, /* in the configuration */
	OUTAGE_UNWIRED, /* no web server has the handler */
	OUTAGE_SENDERS, /* outage_reason(), not of clients */
	OUTAGE_SKEWED, /* clocks */
	OUTAGE_STALE, /* configuration of the handler */
	OUTAGE_CLIENTS, /* outage_reason() */
	OUTAGE_OVER, /* outage_is_over() */
	OUTAGE_FULL, /* the disk of the log */
	OUTAGE_LOST, /* lines of the log */
	OUTAGE_REPORTED, /* by the handler, and not found in the log */
	OUTAGE_NO_LOG,
	OUTAGE_UNKNOWN, /* whether the handler is running */
	OUTAGES
};

struct outage_text {
	char sentence[96];
	char detail[640]; /* empty: none */
	char fix[320]; /* for outage_write_fix() */
	char site[OUTAGE_NAME_SIZE]; /* empty: none */
};

/* Write the sentence and the fix of the outage, and what events, sites (NULL:
 * not read) and refusal (of OUTAGE_REFUSING) tell of it.  Names from outside
 * are escaped. */
void outage_tell(enum outage outage, const struct outage_events *events,
		 const struct sites *sites,
		 const struct outage_refusal *refusal,
		 struct outage_text *text);

/* Return what to do about a refusal for this reason, for outage_write_fix();
 * NULL: nothing special. */
const char *outage_fix(enum reason reason);

/* Write a fix to text: behind each verb that needs it, --site of the site.
 * site: empty: none. */
void outage_write_fix(const char *fix, const char *site, char *text,
		      size_t size);

#endif
