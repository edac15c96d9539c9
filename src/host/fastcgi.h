/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * fastcgi: requests through libfcgi, which is named nowhere else.
 *
 * libfcgi blocks when it reads and writes, drains a connection after an error,
 * and has faults in management records, lengths and padding (2.4.2).  So it
 * gets only requests that are whole and were checked (record.h), and never
 * closes a connection that it answered.
 */
#ifndef CERTGATE_HOST_FASTCGI_H
#define CERTGATE_HOST_FASTCGI_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "protocol/record.h"
#include "protocol/request.h"

/* Answer one request: parameters (ended by NULL) and body are borrowed for the
 * call; the bytes of the answer go to out, which is empty. */
typedef void fastcgi_answer(void *context, char *const *parameters,
			    const struct request_body *body,
			    struct buffer *out);

/* Call once, after serve_hold_signals(): libfcgi sets handlers of signals that
 * have none.  answer answers all requests. */
bool fastcgi_start(fastcgi_answer *answer, void *context, struct error *e)
	__attribute__((warn_unused_result));

/* Serve the request that is at the front of the connection *fd: read found it
 * complete, not padded.  False: the answer did not go out whole, and the
 * connection is to be closed; *fd is -1 if libfcgi has closed it. */
bool fastcgi_serve(int *fd, const struct record_reader *read)
	__attribute__((warn_unused_result));

/* The same for the complete request in spool. */
bool fastcgi_serve_spool(int fd, const struct record_reader *spool)
	__attribute__((warn_unused_result));

void fastcgi_stop(void);

#endif
