/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* connection: one peer of the FastCGI socket and what has come from it. */
#ifndef CERTGATE_HOST_CONNECTION_H
#define CERTGATE_HOST_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "host/fastcgi.h"
#include "protocol/record.h"

/* A place for one; begins all zero but for fd, -1, and keeps the memory of its
 * buffers from one connection to the next. */
struct connection {
	int fd; /* owned; -1: the place is free */
	bool watched; /* it is in the loop's epoll set */
	bool served; /* at least one request; it is a kept one */
	bool ended; /* nothing more is read; closed behind its last answer */
	int64_t since_ms; /* monotonic: begin of waiting for this request */
	struct buffer input;
	struct record_reader reader;
};

/* Makes c the connection fd at the time now_ms. */
void connection_open(struct connection *c, int fd, int64_t now_ms);
void connection_close(struct connection *c);

/* Frees the memory of a place. */
void connection_free(struct connection *c);

/* Nothing of a next request has come. */
bool connection_idle(const struct connection *c);

/* Reads what is there and adds to out the answers to all requests that are
 * whole.  True if the connection is to be kept, false if it is to be closed;
 * *progress is set if a request was answered. */
bool connection_advance(struct connection *c, fastcgi_answer *answer,
			void *context, struct buffer *out, bool *progress)
	__attribute__((warn_unused_result));

/* Sends without waiting.  False: not all of it; the connection is to be closed,
 * for its peer does not read. */
bool connection_send(const struct connection *c, struct span bytes)
	__attribute__((warn_unused_result));

#endif
