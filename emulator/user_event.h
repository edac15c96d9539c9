/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * user_event: what clients send to the handler, one after the other for each
 * connection, and what comes back.
 */
#ifndef CERTGATE_EMULATOR_USER_EVENT_H
#define CERTGATE_EMULATOR_USER_EVENT_H

#include "emulator/event.h"

/* As event_send, in its turn.  done is not called for what still waits when
 * the connection leaves, but forget is, if it is not NULL: data goes. */
void user_event_send(struct connection *connection, const struct event *event,
		     event_done done, gpointer data, GDestroyNotify forget);

/* Tell the client what the handler has answered; where the service drops the
 * connection for the answer, close it and return false. */
bool user_event_conclude(struct connection *connection,
			 enum event_outcome outcome,
			 const struct upstream_answer *answer);

/* The Content-Type in which a client's message goes to the handler. */
const char *user_event_content_type(enum message_type type);

#endif
