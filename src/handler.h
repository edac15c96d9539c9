/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * handler: one request, from what the web server handed over to the answer.
 *
 * Cannot fail: whatever goes wrong, the answer is a refusal with a reason.
 */
#ifndef CERTGATE_HANDLER_H
#define CERTGATE_HANDLER_H

#include <stdint.h>

#include "base/buffer.h"
#include "policy/decide.h"
#include "policy/list.h"
#include "policy/settings.h"
#include "protocol/request.h"
#include "protocol/response.h"

/* What decides; borrowed for one request. */
struct gate {
	const struct settings *settings; /* NULL: invalid */
	const struct list *list; /* NULL: there is no valid list */
	struct span site; /* of both; absent: main settings, or no such site */
	bool has_sites; /* a request must name one */
};

enum { HANDLER_CODE_DIGITS = 8 };

/* The answer and what is logged about it.  One can be used for any number of
 * requests, one after the other. */
struct answer {
	struct response response;
	struct decision decision;
	struct span event; /* the route's name: connect, validate, … */
	struct span origin; /* the configured one; else the first line, borrowed
			     * from the request as are hub and connection */
	struct span hub;
	struct span connection;
	struct span user; /* granted, or of the client's token; may be absent */
	struct span time; /* of the event, as sent; may be absent */
	char code[HANDLER_CODE_DIGITS + 1]; /* of a refusal; "" if none */
	bool verified; /* an event that is signed with one of the keys */
	bool mqtt; /* the response is an MQTT refusal */
	struct span site; /* in the request; may be absent */
	struct span setting; /* in a parameter; absent: none */
};

void answer_init(struct answer *answer);
void answer_free(struct answer *answer);

/* Fill answer, which borrows from gate and request. */
void handler_answer(const struct gate *gate, const struct request *request,
		    int64_t now, struct answer *answer);

/* Add the bytes of the answer for the web server to out. */
void handler_write(const struct answer *answer, const struct request *request,
		   struct buffer *out);

#endif
