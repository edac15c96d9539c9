/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/connection.h"

enum {
	READ_SIZE =
		16384, /* bytes asked for at once; most requests have less */
	READS = 16 /* in one turn, so that a fast peer holds up nobody */
};

void
connection_open(struct connection *c, int fd, int64_t now_ms)
{
	if (c->input.max == 0) {
		buffer_init(&c->input, RECORD_INPUT_MAX);
		record_init(&c->reader, REQUEST_BODY_MAX);
	}
	c->fd = fd;
	c->since_ms = now_ms;
}

void
connection_close(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->watched = false;
	c->served = false;
	c->ended = false;
	buffer_clear(&c->input);
	record_clear(&c->reader);
}

void
connection_free(struct connection *c)
{
	buffer_free(&c->input);
	record_free(&c->reader);
}

bool
connection_idle(const struct connection *c)
{
	return c->input.len == 0 && record_idle(&c->reader);
}

/* Answers the requests that are whole; false: close. */
static bool
answer_whole(struct connection *c, fastcgi_answer *answer, void *context,
	     struct buffer *out, bool *progress)
{
	for (;;) {
		switch (record_take(&c->reader, &c->input)) {
		case RECORD_BAD:
			return false;
		case RECORD_MORE:
			return true;
		case RECORD_COMPLETE:
			break;
		}
		bool made = fastcgi_serve(&c->reader, answer, context, out);
		*progress = true;
		c->served = true;
		if (!made || !c->reader.keep)
			return false;
		record_clear(&c->reader);
	}
}

bool
connection_advance(struct connection *c, fastcgi_answer *answer, void *context,
		   struct buffer *out, bool *progress)
{
	*progress = false;
	for (unsigned i = 0; i < READS; i++) {
		char *room = buffer_reserve(&c->input, READ_SIZE);
		if (room == NULL)
			return false;
		ssize_t n = recv(c->fd, room, READ_SIZE, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		c->input.len += (size_t)n;
		if (!answer_whole(c, answer, context, out, progress))
			return false;
		if (*progress || n < READ_SIZE)
			break;
	}
	return true; /* others first; the rest comes again */
}

bool
connection_send(const struct connection *c, struct span bytes)
{
	return send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	       (ssize_t)bytes.len;
}
