/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * status: tells systemd that this service is ready, and its state, which is the
 * line Status: of systemctl status (sd_notify(3)); counts the decisions of the
 * current and the last hour, and finds the outage that they show.
 *
 * A handler with invalid settings starts, to reject every client, and says so
 * here.  No answer depends on this.
 */
#ifndef CERTGATE_HOST_STATUS_H
#define CERTGATE_HOST_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/sites.h"

/* Connects, if systemd waits for this very process; in the sandbox that is too
 * late. */
void status_open(void);

/* Count an answer in the current hour; validations and notifications are not
 * counted. */
void status_count(const struct answer *answer, int64_t now);

/* Log the counts of an hour that is over.  Tell systemd the state if it has
 * changed, the counts at most once a minute; the first time, also that the
 * service is ready.  An outage is the first sentence of the state, and logged
 * at most once in each hour.  A message that is not taken is sent by the next
 * call. */
void status_tell(const struct sites *sites, int64_t now);

#endif
