/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* cgi: one request in the form of RFC 3875: the environment, standard input,
 * standard output. */
#ifndef CERTGATE_HOST_CGI_H
#define CERTGATE_HOST_CGI_H

#include <stdbool.h>

#include "base/buffer.h"
#include "protocol/request.h"

/* Return true if the environment is that of a CGI program. */
bool cgi_is_called(void);

/* Read standard input, to the length that the server states or else to its end,
 * into body, whose bytes are in store (initialised here).  A body that does not
 * end within 30 seconds is broken. */
void cgi_read_body(struct request_body *body, struct buffer *store);

/* Write answer to standard output; false if it cannot be written. */
bool cgi_write(struct span answer);

#endif
