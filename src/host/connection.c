/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/connection.h"
#include "host/fastcgi.h"

enum {
	LOOK_SIZE = 65536, /* bytes; longer requests are never complete */
	READ_SIZE = 16384, /* bytes asked for at once */
	PROGRESS = 1024, /* bytes at once; fewer do not count as progress */
	READS = 16 /* in one turn, so that a fast peer does not delay others */
};

static char bytes[LOOK_SIZE];

struct connection
connection_open(int fd)
{
	int64_t now = clock_ms();

	return (struct connection){ .fd = fd,
				    .since_ms = now,
				    .progress_ms = now };
}

static void
end_spool(struct connection *c)
{
	if (c->spool != NULL)
		record_free(c->spool);
	free(c->spool);
	c->spool = NULL;
}

void
connection_close(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	end_spool(c);
}

bool
connection_idle(const struct connection *c)
{
	return c->seen == 0 && (c->spool == NULL || record_idle(c->spool));
}

static void
begin_request(struct connection *c)
{
	c->since_ms = clock_ms();
	c->progress_ms = c->since_ms;
}

static void
note_progress(struct connection *c, size_t n)
{
	if (n >= PROGRESS)
		c->progress_ms = clock_ms();
}

/* Return the state after recv(2) gave no bytes. */
static enum connection_state
nothing_came(ssize_t n)
{
	return n < 0 && errno == EAGAIN ? CONNECTION_WAITS : CONNECTION_ENDS;
}

enum connection_state
connection_look(struct connection *c, bool last)
{
	static struct record_reader check = {
		.params.max = RECORD_PARAMS_MAX
	}; /* keeps no body */
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_PEEK);

	if (n <= 0)
		return nothing_came(n);
	struct span rest = { bytes, (size_t)n };
	bool first = c->seen == 0;
	if (first)
		begin_request(c);
	note_progress(c, rest.len - c->seen);
	c->seen = rest.len;
	record_clear(&check);
	enum record_state state = record_take(&check, &rest);
	if (state != RECORD_BAD && c->seen == LOOK_SIZE)
		return CONNECTION_SPOOLS;
	switch (state) {
	case RECORD_BAD:
		break;
	case RECORD_MORE:
		if (last)
			break;
		return first ? CONNECTION_AGAIN : CONNECTION_SPOOLS;
	case RECORD_COMPLETE:
		if (rest.len > 0 || check.padded)
			return CONNECTION_SPOOLS;
		c->seen = 0;
		c->served = true;
		if (fastcgi_serve(&c->fd, &check) && check.keep && !last)
			return CONNECTION_WAITS;
	}
	return CONNECTION_ENDS;
}

bool
connection_spool(struct connection *c)
{
	c->spool = malloc(sizeof(*c->spool));
	if (c->spool == NULL)
		return false;
	record_init(c->spool, REQUEST_BODY_MAX);
	return true;
}

enum connection_state
connection_read(struct connection *c, bool last)
{
	for (unsigned i = 0; i < READS; i++) {
		bool progress = false;
		ssize_t n = recv(c->fd, bytes, READ_SIZE, 0);
		if (n <= 0)
			return nothing_came(n);
		size_t known = c->seen < (size_t)n ? c->seen : (size_t)n;
		c->seen -= known;
		note_progress(c, (size_t)n - known);
		struct span rest = { bytes, (size_t)n };
		enum record_state state;
		while ((state = record_take(c->spool, &rest)) ==
		       RECORD_COMPLETE) {
			c->served = progress = true;
			if (!fastcgi_serve_spool(c->fd, c->spool) ||
			    !c->spool->keep)
				return CONNECTION_ENDS;
			record_clear(c->spool);
			begin_request(c);
		}
		if (state == RECORD_BAD)
			return CONNECTION_ENDS;
		if (progress) {
			if (record_idle(c->spool))
				end_spool(c);
			break;
		}
		if (n < READ_SIZE && !last)
			return CONNECTION_WAITS; /* the socket is empty */
	}
	return CONNECTION_AGAIN;
}
