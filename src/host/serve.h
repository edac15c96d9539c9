/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * serve: the loop that keeps connections, time and signals.
 *
 * One thread, which never waits for a peer: a request is answered once it is
 * whole.  So a silent, slow or half-speaking peer costs a place until another
 * needs it, and delays no other.
 */
#ifndef CERTGATE_HOST_SERVE_H
#define CERTGATE_HOST_SERVE_H

#include <stdbool.h>

#include "base/error.h"
#include "host/listener.h"

enum {
	SERVE_CONNECTIONS = 256, /* at once; then the oldest one goes */
	SERVE_REQUEST_MS = 30000, /* from the first byte, or from the start of
				   * a connection, to a whole request */
	SERVE_STOP_MS = 5000 /* the same once the program is to stop */
};

/* Called every second, and with now set after SIGHUP. */
typedef void serve_tick(void *context, bool now);

/* At once: what signals say to a program that is not serving yet, it does once
 * it serves.  Else a reload that comes too early would end it. */
bool serve_hold_signals(struct error *e) __attribute__((warn_unused_result));

/*
 * Answers requests until SIGTERM, SIGINT or SIGUSR1, then those that have come
 * in, and returns true.  False and e if it cannot begin.  A connection that
 * waits at a listener of somebody else's is left to the next process.
 */
bool serve_run(struct listener *listener, serve_tick *tick, void *context,
	       struct error *e) __attribute__((warn_unused_result));

#endif
