/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* cgi: one request in the form of RFC 3875: the environment, standard input,
 * standard output. */
#ifndef CERTGATE_HOST_CGI_H
#define CERTGATE_HOST_CGI_H

#include <stdbool.h>

#include "base/buffer.h"
#include "protocol/request.h"

/* The environment is that of a CGI program. */
bool cgi_is_called(void);

/* Reads standard input to its end into body, whose bytes are kept in store
 * (initialised here).  Waits a bounded time; a body that does not end by then
 * is broken. */
void cgi_read_body(struct request_body *body, struct buffer *store);

/* Writes answer to standard output; false if it cannot be written. */
bool cgi_write(struct span answer);

#endif
