/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* datagram: lines to a local daemon, never waiting for it. */
#ifndef CERTGATE_HOST_DATAGRAM_H
#define CERTGATE_HOST_DATAGRAM_H

#include <stdbool.h>

#include "base/span.h"

struct datagram {
	const char *path; /* of the daemon's socket */
	int fd; /* owned; -1: not connected */
};

/* True if the daemon is there. */
bool datagram_open(struct datagram *d);

/* Send bytes, after connecting again if the daemon was restarted.  What it
 * does not take at once is lost: false. */
bool datagram_send(struct datagram *d, struct span bytes);

#endif
