/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * status: tells systemd that this service is ready, and how it stands, which is
 * the line Status: of systemctl status (sd_notify(3)).
 *
 * A handler with broken settings starts, for it has to refuse: this is where it
 * is seen.  No answer depends on any of this.
 */
#ifndef CERTGATE_HOST_STATUS_H
#define CERTGATE_HOST_STATUS_H

#include "host/sites.h"

/* Connects, if systemd waits for this very process; in the sandbox that is too
 * late. */
void status_open(void);

/* Tells how it stands, if that is otherwise than was told; the first time, that
 * it is ready, too.  What is not taken at once is told with the next call. */
void status_tell(const struct sites *sites);

#endif
