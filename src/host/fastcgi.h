/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * fastcgi: requests through libfcgi, which is named nowhere else.
 *
 * libfcgi reads and writes blocking, drains a connection after an error, and
 * has faults in what it does with management records, lengths and padding
 * (2.4.2).  So it is given only what is whole and was checked (record.h), and
 * it never ends a connection.
 */
#ifndef CERTGATE_HOST_FASTCGI_H
#define CERTGATE_HOST_FASTCGI_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "protocol/record.h"
#include "protocol/request.h"

/* Answers one request: parameters (ended by NULL) and body are borrowed for the
 * call; the answer's bytes go to out, which is empty. */
typedef void fastcgi_answer(void *context, char *const *parameters,
			    const struct request_body *body,
			    struct buffer *out);

/* Once, after serve_hold_signals: libfcgi sets handlers where there are none.
 * All requests are answered by answer. */
bool fastcgi_start(fastcgi_answer *answer, void *context, struct error *e)
	__attribute__((warn_unused_result));

/* Serve the request that is at the front of the connection *fd: read found it
 * complete, not padded.  False: the answer did not go out whole, and the
 * connection is to be closed; *fd is -1 if libfcgi has closed it. */
bool fastcgi_serve(int *fd, const struct record_reader *read)
	__attribute__((warn_unused_result));

/* The same of the complete request that spool holds. */
bool fastcgi_serve_spool(int fd, const struct record_reader *spool)
	__attribute__((warn_unused_result));

void fastcgi_stop(void);

#endif
