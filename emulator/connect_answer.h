/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* connect_answer: what a handler has said to a connect event. */
#ifndef CERTGATE_EMULATOR_CONNECT_ANSWER_H
#define CERTGATE_EMULATOR_CONNECT_ANSWER_H

#include <json-glib/json-glib.h>
#include <stdbool.h>

#include "emulator/upstream.h"

/* Borrows from itself; a member that the handler left out is NULL. */
struct connect_answer {
	bool is_accepted;
	guint status; /* for the client, if not accepted */
	const char *user_id, *subprotocol;
	JsonArray *roles, *groups; /* of strings */
	JsonObject *mqtt; /* of a refusal, too */
	JsonObject *body; /* owned */
};

/* An invalid answer is a refusal with status 500. */
void connect_answer_read(struct connect_answer *answer,
			 const struct upstream_answer *upstream);
void connect_answer_clear(struct connect_answer *answer);

#endif
