/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* log_line: a decision as named fields, and these as one line. */
#ifndef CERTGATE_HOST_LOG_LINE_H
#define CERTGATE_HOST_LOG_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"
#include "handler.h"

enum {
	LOG_LINE_MAX = 4096, /* bytes; within what a pipe takes as one */
	LOG_LINE_FIELDS = 15, /* at most, in one line */
	LOG_LINE_VALUE_MAX = 128 /* bytes of a value from outside */
};

struct log_field {
	const char *name;
	struct span value; /* bytes as they came; empty is written as '-' */
};

struct log_fields {
	struct log_field field[LOG_LINE_FIELDS];
	size_t n;
	char sha1[2 * DIGEST_SHA1_SIZE];
	char sha256[2 * DIGEST_SHA256_SIZE];
	char line[SPAN_DIGITS_MAX];
	char verify[SPAN_DIGITS_MAX];
};

/* Borrows from answer; list says which list decided. */
void log_fields_of(struct log_fields *fields, const struct answer *answer,
		   struct span list);

/* name=value name=value …; what is no visible ASCII, and '=' '"' '\' too, as
 * \xHH; values are cut at LOG_LINE_VALUE_MAX bytes. */
void log_line_text(struct buffer *out, const struct log_fields *fields);

/* The members of a JSON object, without its braces: "name":"value",… */
void log_line_json(struct buffer *out, const struct log_fields *fields);

/* One value as in log_line_text. */
void log_line_escape(struct buffer *out, struct span value);

/* YYYY-MM-DDTHH:MM:SSZ */
void log_line_time(struct buffer *out, int64_t seconds);

#endif
