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
	const struct settings *settings; /* NULL: they do not read */
	const struct list *list; /* NULL: there is none that reads */
	struct span site; /* whose both are; absent: the request's is none */
	bool has_sites; /* a request must name one */
};

enum { HANDLER_CODE_DIGITS = 8 };

/* The answer and what is told about it in the log.  One may serve any number of
 * requests, one after the other. */
struct answer {
	struct response response;
	struct decision decision;
	struct span event; /* the route's name: connect, validate, … */
	struct span origin; /* the first line of those sent; borrowed from the
			     * request, as are hub and connection */
	struct span hub;
	struct span connection;
	struct span user; /* granted, or of the client's token; may be absent */
	struct span time; /* of the event, as sent; may be absent */
	char code[HANDLER_CODE_DIGITS + 1]; /* of a refusal; "" if none */
	bool verified; /* an event that is signed with one of the keys */
	bool mqtt; /* the response is a refusal in MQTT's terms */
	struct span site; /* that the request names; may be absent */
	struct span setting; /* a setting that came as a parameter */
};

void answer_init(struct answer *answer);
void answer_free(struct answer *answer);

/* Fills answer, which borrows from gate and request. */
void handler_answer(const struct gate *gate, const struct request *request,
		    int64_t now, struct answer *answer);

/* Adds the bytes of the answer for the web server to out. */
void handler_write(const struct answer *answer, const struct request *request,
		   struct buffer *out);

#endif
