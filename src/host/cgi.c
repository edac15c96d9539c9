/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/cgi.h"
#include "host/clock.h"

enum {
	BODY_TIMEOUT_S = 30, /* for the whole body */
	CHUNK = 65536 /* bytes read at once */
};

bool
cgi_is_called(void)
{
	return getenv("GATEWAY_INTERFACE") != NULL ||
	       getenv("REQUEST_METHOD") != NULL;
}

/* Read as read(2), but return -1 after the time end (monotonic ms). */
static ssize_t
read_until(char *to, size_t n, int64_t end)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	for (;;) {
		int64_t left = end - clock_ms();
		if (left <= 0)
			return -1;
		int ready = poll(&input, 1, (int)left);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return -1;
		ssize_t got = read(STDIN_FILENO, to, n);
		if (got >= 0 || (errno != EINTR && errno != EAGAIN))
			return got;
	}
}

/* Return the length that the server states: the body ends there, although the
 * server may leave the input open (RFC 3875 4.2).  Without one it ends with the
 * input. */
static uint64_t
stated_length(void)
{
	uint64_t length;

	return span_number(span_of(getenv("CONTENT_LENGTH")), 0, UINT64_MAX - 1,
			   &length)
		       ? length
		       : UINT64_MAX;
}

static size_t
room(uint64_t left)
{
	return left < CHUNK ? (size_t)left : CHUNK;
}

void
cgi_read_body(struct request_body *body, struct buffer *store)
{
	static char chunk[CHUNK];
	int64_t end = clock_ms() + BODY_TIMEOUT_S * 1000;
	uint64_t stated = stated_length();
	ssize_t n = 0;

	*body = (struct request_body){ 0 };
	buffer_init(store, REQUEST_BODY_MAX);
	while (body->length < stated &&
	       (n = read_until(chunk, room(stated - body->length), end)) > 0) {
		body->length += (uint64_t)n;
		if (body->length > REQUEST_BODY_MAX)
			buffer_free(store);
		else
			buffer_add(store, (struct span){ chunk, (size_t)n });
	}
	body->broken = n < 0 || store->failed;
	body->bytes = buffer_span(store);
}

bool
cgi_write(struct span answer)
{
	while (answer.len > 0) {
		ssize_t n = write(STDOUT_FILENO, answer.ptr, answer.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		answer = span_after(answer, (size_t)n);
	}
	return true;
}
