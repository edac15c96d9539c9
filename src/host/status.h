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

#include <stdint.h>

#include "host/sites.h"

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
