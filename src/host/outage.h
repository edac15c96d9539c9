/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * outage: why clients are refused, in one sentence: the table of outages, which
 * the handler and certgate status share.
 */
#ifndef CERTGATE_HOST_OUTAGE_H
#define CERTGATE_HOST_OUTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/outage_events.h"
#include "host/sites.h"
#include "policy/reason.h"

/* Settings that load and refuse every client. */
struct outage_refusal {
	bool (*holds)(const struct configuration *c, int64_t now);
	const char *text;
	const char *fix; /* as in outage_text */
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
bool outage_lacks_valid_entry(const struct sites *sites, int64_t now,
			      const char **site);

/* Return how many seconds ago the store of the main settings, or of a site, was
 * last what the fleet's database has, if that is too long ago to be normal;
 * INT64_MAX: not known; 0: none is.  Set *site to its name, borrowed; empty:
 * the main settings. */
int64_t outage_store_age(const struct sites *sites, const char **site);

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
	OUTAGE_OTHER_LOG, /* the handler does not write to CERTGATE_LOG */
	OUTAGE_SERVER, /* is not running */
	OUTAGE_UNWIRED, /* no web server has the handler */
	OUTAGE_ACCESS, /* of the web server to the handler's socket */
	OUTAGE_SENDERS, /* outage_events_reason(), not of clients */
	OUTAGE_SKEWED, /* clocks */
	OUTAGE_NONE, /* configuration of the handler */
	OUTAGE_STALE, /* the same: an older one */
	OUTAGE_CLIENTS, /* outage_events_reason() */
	OUTAGE_NO_VALID_ENTRY, /* outage_lacks_valid_entry() */
	OUTAGE_AGED, /* outage_store_age() */
	OUTAGE_FULL, /* the disk of the log */
	OUTAGE_LOST, /* lines of the log */
	OUTAGE_REPORTED, /* by the handler, and not found in the log */
	OUTAGE_NO_LOG,
	OUTAGE_UNKNOWN, /* whether the handler is running */
	OUTAGE_DOUBT, /* none is found in a log that others can write */
	OUTAGES
};

struct outage_text {
	char sentence[96];
	char detail[640]; /* empty: none */
	/* An @ stands for the options that a verb needs to use the same
	 * settings, and a % for those of a verb without --list. */
	char fix[320];
	char site[OUTAGE_NAME_SIZE]; /* empty: none */
};

/* Return the sentence of the outage, without a reason of events. */
const char *outage_sentence(enum outage outage);

/* Write the sentence and the fix of the outage, and what events, sites (NULL:
 * not read) and refusal (of OUTAGE_REFUSING) tell of it.  Names from outside
 * are escaped. */
void outage_tell(enum outage outage, const struct outage_events *events,
		 const struct sites *sites,
		 const struct outage_refusal *refusal, int64_t now,
		 struct outage_text *text);

/* Return what to do about a refusal for this reason, as in outage_text;
 * NULL: nothing special. */
const char *outage_fix(enum reason reason);

#endif
