/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* The floor to measure against: libfcgi in the same loop, a constant answer. */
#include "config.h"

#include <unistd.h>

#include "host/serve.h"

static void
answer(void *context, char *const *parameters, const struct request_body *body,
       struct buffer *out)
{
	(void)context;
	(void)parameters;
	(void)body;
	buffer_add(out, SPAN("Status: 204 No Content\r\n\r\n"));
}

static void
tick(void *context, bool now)
{
	(void)context;
	(void)now;
}

int
main(void)
{
	struct service service = { .answer = answer, .tick = tick };
	struct listener listener;
	struct error e = { 0 };

	return listener_take(&listener, STDIN_FILENO, &e) &&
			       fastcgi_start(&e) &&
			       serve_run(&listener, &service, &e)
		       ? 0
		       : 3;
}
