/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * serve: the loop that keeps connections, time and signals.
 *
 * One thread, which never waits for a peer: a request is answered when it is
 * complete.  A silent or slow peer occupies a place until another connection
 * needs it, and delays no other peer.
 */
#ifndef CERTGATE_HOST_SERVE_H
#define CERTGATE_HOST_SERVE_H

#include <stdbool.h>

#include "base/error.h"
#include "host/listener.h"

enum {
	SERVE_CONNECTIONS = 256, /* at once; then one is closed */
	SERVE_REQUEST_MS = 30000, /* from its first byte, or from the start of
				   * its connection, until it is whole */
	SERVE_STOP_MS = 5000 /* the same once the program stops */
};

/* Called each half second, and after SIGHUP with now set. */
typedef void serve_tick(void *context, bool now);

/* Block the signals that serve_run() handles, at once: a reload that comes
 * before it runs would end the program.  False and e on failure. */
bool serve_hold_signals(struct error *e) __attribute__((warn_unused_result));

/*
 * Answer requests until SIGTERM, SIGINT or SIGUSR1, then those that have come,
 * and return true.  False and e if it cannot begin.  A connection that waits at
 * a listener of another program is left to the next process.
 */
bool serve_run(struct listener *listener, serve_tick *tick, void *context,
	       struct error *e) __attribute__((warn_unused_result));

/* Answer what has come so far, if a tick is running; a long one calls it. */
void serve_meanwhile(void);

#endif
