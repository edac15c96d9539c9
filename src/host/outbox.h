/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * outbox: answers that are made and wait to be sent, a few at a time.
 *
 * Each send wakes the web server, which would go back to sleep before the next
 * one: some answers in a row cost it and us a twentieth less than one by one.
 * The loop sends before it sleeps, so that nobody waits for an answer to which
 * there is no more to come.
 */
#ifndef CERTGATE_HOST_OUTBOX_H
#define CERTGATE_HOST_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "host/connection.h"

enum { OUTBOX_CONNECTIONS = 4 /* with an answer; more gain nothing */ };

struct outbox {
	struct buffer bytes; /* of all answers, one behind the other */
	size_t n;
	struct parcel {
		struct connection *to; /* borrowed; NULL: it is closed */
		size_t length; /* of its bytes */
		bool last; /* the connection is to be closed behind it */
	} parcel[OUTBOX_CONNECTIONS];
};

/* An empty one; the answer of any request fits as long as outbox_full is not
 * true. */
void outbox_init(struct outbox *box);
void outbox_free(struct outbox *box);

/* What was added to bytes since they were `before` long is for `to`, which has
 * to be given to outbox_forget when it is closed. */
void outbox_add(struct outbox *box, struct connection *to, size_t before);

/* It has to be sent now. */
bool outbox_full(const struct outbox *box);

/* Makes the last parcel for c the last of c; false if there is none. */
bool outbox_end(struct outbox *box, const struct connection *c)
	__attribute__((warn_unused_result));

/* Sends all without waiting.  Returns the number of connections that are to be
 * closed now: because of outbox_end, or because their peer does not read. */
size_t outbox_send(struct outbox *box,
		   struct connection *ended[OUTBOX_CONNECTIONS])
	__attribute__((warn_unused_result));

/* Nothing more is for c. */
void outbox_forget(struct outbox *box, const struct connection *c);

#endif
