/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * fastcgi: libfcgi as a codec, and nowhere else.
 *
 * libfcgi reads and writes blocking, waits at the end of a connection and
 * drains it after an error, and has faults in what it does with management
 * records and lengths (2.4.2).  So it never sees a connection: it is given
 * requests that came in whole and were checked (record.h) in a file in memory,
 * and the answer is taken from there.
 */
#ifndef CERTGATE_HOST_FASTCGI_H
#define CERTGATE_HOST_FASTCGI_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "protocol/record.h"
#include "protocol/request.h"
#include "protocol/response.h"

enum {
	FASTCGI_ANSWER_MAX = 2 * RESPONSE_MAX /* bytes of one in records */
};

/* Answers one request: parameters (ended by NULL) and body are borrowed for the
 * call; the answer's bytes go to out, which is empty. */
typedef void fastcgi_answer(void *context, char *const *parameters,
			    const struct request_body *body,
			    struct buffer *out);

/* Once, before signals are set up: libfcgi sets handlers of its own. */
bool fastcgi_start(struct error *e) __attribute__((warn_unused_result));

/* Lets answer make the answer to the complete request in reader; adds its
 * records to out.  False, and out as it was, if it could not be made: then the
 * connection is to be closed. */
bool fastcgi_serve(const struct record_reader *reader, fastcgi_answer *answer,
		   void *context, struct buffer *out)
	__attribute__((warn_unused_result));

void fastcgi_stop(void);

#endif
