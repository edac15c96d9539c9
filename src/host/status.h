/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * status: tells systemd that this service is ready, and how it stands, which is
 * the line Status: of systemctl status (sd_notify(3)); counts the decisions of
 * the current and the last hour.
 *
 * A handler with broken settings starts, for it has to refuse: this is where it
 * is seen.  No answer depends on any of this.
 */
#ifndef CERTGATE_HOST_STATUS_H
#define CERTGATE_HOST_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/sites.h"
#include "policy/reason.h"

enum {
	HINT_EVENTS = 3, /* without a certificate, before anything is said */
	HINT_PAUSE_S = 3600 /* between two hints, and since the last
			     * certificate */
};

/* All zero at the start. */
struct hint {
	unsigned without; /* a certificate, since one came */
	bool seen, said;
	int64_t seen_s, said_s; /* when one came; when this was said */
};

extern const char hint_text[];

/* Takes note of one event at the time now_s; true if it is to be said. */
bool hint_is_due(struct hint *hint, enum reason reason, int64_t now_s);

/* Connects, if systemd waits for this very process; in the sandbox that is too
 * late. */
void status_open(void);

/* Count a decision in the current hour; validations and notifications are not
 * counted. */
void status_count(const struct decision *decision);

/* Log the counts of an hour that is over, and tell systemd the state if it has
 * changed, the counts at most once a minute; the first time, also that the
 * service is ready.  A message that is not taken is sent by the next call. */
void status_tell(const struct sites *sites, int64_t now);

#endif
