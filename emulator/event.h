/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* event: a CloudEvent in binary mode from a connection to its handler. */
#ifndef CERTGATE_EMULATOR_EVENT_H
#define CERTGATE_EMULATOR_EVENT_H

#include "emulator/connection.h"
#include "emulator/upstream.h"

struct event {
	bool is_user;
	const char *name;
	const char *content_type;
	GBytes *body;
	SoupMessageHeaders *more; /* further headers; may be NULL */
};

enum event_outcome {
	EVENT_UNWANTED, /* no handler asks for it */
	EVENT_FAILED, /* no answer, or the handler may not be posted to */
	EVENT_ANSWERED,
};

/* answer is NULL unless the event was answered, and lives as long as the
 * call. */
typedef void (*event_done)(struct connection *connection,
			   enum event_outcome outcome,
			   const struct upstream_answer *answer, gpointer data);

/* done may be called before this returns, and is called once. */
void event_send(struct connection *connection, const struct event *event,
		event_done done, gpointer data);

/* A system event whose answer changes nothing. */
void event_notify(struct connection *connection, const char *name,
		  const char *body);

/* Hub, connection and user for the trace; the caller frees it. */
char *event_label(const struct connection *connection);

/* The value of ce-signature; the caller frees it. */
char *event_signature(const char *const *keys, const char *connection_id);

#endif
