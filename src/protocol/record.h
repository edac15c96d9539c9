/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * record: one FastCGI request out of a stream of records (FastCGI specification
 * 1.0, sections 3.3 to 5).
 *
 * A request is BEGIN_REQUEST as a responder, PARAMS up to an empty one, STDIN
 * up to an empty one, all of one id.  All else is bad: management records,
 * other roles, a second request in between, an abort, parameters whose lengths
 * do not fit.
 */
#ifndef CERTGATE_PROTOCOL_RECORD_H
#define CERTGATE_PROTOCOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum {
	RECORD_HEADER = 8, /* bytes before the content of a record */
	RECORD_CONTENT_MAX = 65535, /* bytes; the length has 16 bits */
	RECORD_PARAMS_MAX = 60000 /* bytes of parameters in one request */
};

enum record_state {
	RECORD_BAD = 0, /* the connection is to be closed */
	RECORD_MORE, /* bytes are missing */
	RECORD_COMPLETE /* the request is whole */
};

/* A request while it is received. */
struct record_reader {
	struct buffer params; /* the name-value pairs, checked when COMPLETE */
	struct buffer body; /* STDIN, emptied when it exceeds its max */
	uint64_t body_length; /* bytes of STDIN received, kept or not */
	unsigned char header[RECORD_HEADER]; /* of the current record */
	unsigned char begin[8]; /* content of BEGIN_REQUEST */
	size_t have; /* bytes of header */
	size_t content, padding; /* bytes that are missing */
	unsigned stage; /* which record may come next */
	uint16_t id;
	bool keep; /* FCGI_KEEP_CONN */
	bool padded; /* BEGIN_REQUEST or an empty record was */
};

/* body_max: bytes of the body that are kept; of a longer one, none are. */
void record_init(struct record_reader *r, size_t body_max);
void record_free(struct record_reader *r);

/* Make it ready for the next request on the same connection. */
void record_clear(struct record_reader *r);

/* Return true if nothing of a request has come yet. */
bool record_idle(const struct record_reader *r);

/* Return the bytes of memory that the request takes. */
size_t record_size(const struct record_reader *r);

/* Take bytes from the front of input until it is used up or the request is
 * complete.  Out of memory is BAD too. */
enum record_state record_take(struct record_reader *r, struct span *input);

/* Add the complete request to out, in as few records as possible, without
 * padding. */
void record_write(const struct record_reader *r, struct buffer *out);

#endif
