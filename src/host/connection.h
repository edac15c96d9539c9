/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * connection: one peer of the FastCGI socket.
 *
 * What has come is looked at in the socket.  A request that is whole, with
 * nothing behind it, is served from there; any other one is read into a spool
 * and served from that.
 */
#ifndef CERTGATE_HOST_CONNECTION_H
#define CERTGATE_HOST_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/record.h"

struct connection {
	int fd; /* owned; -1: the place is free */
	size_t seen; /* bytes of a request that are in the socket */
	struct record_reader *spool; /* owned; NULL: none */
	bool served; /* at least one request; it is a kept one */
	bool watched; /* it is in the loop's epoll set */
	int64_t since_ms; /* monotonic: begin of this request, or of waiting */
	int64_t progress_ms; /* monotonic: the same, or bytes came since */
};

enum connection_state {
	CONNECTION_ENDS = 0, /* to be closed */
	CONNECTION_WAITS, /* for bytes */
	CONNECTION_AGAIN, /* there may be bytes: let others go first */
	CONNECTION_SPOOLS /* can only go on with a spool */
};

struct connection connection_open(int fd);
void connection_close(struct connection *c);

/* Nothing of a next request has been seen. */
bool connection_idle(const struct connection *c);

/* Look at what has come, and serve it if it is one whole request.  last: no
 * more will come. */
enum connection_state connection_look(struct connection *c, bool last);

/* Give it a spool; false if there is no memory. */
bool connection_spool(struct connection *c) __attribute__((warn_unused_result));

/* Read what has come into the spool, and serve each request that is whole.
 * last: no more will come. */
enum connection_state connection_read(struct connection *c, bool last);

#endif
