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
	LOG_LINE_FIELDS = 27, /* at most, in one line */
	LOG_LINE_VALUE_MAX = 128, /* bytes of a value from outside */
	LOG_LINE_ESCAPED_MAX = 400, /* bytes of the same in the line */
	LOG_LINE_NUMBER_MAX = SPAN_DIGITS_MAX + 1 /* bytes, with its sign */
};

/* What the log has of a decision besides the answer. */
struct log_details {
	struct span list; /* the one that decided */
	int64_t now; /* UTC seconds */
	uint64_t us; /* microseconds that the decision took */
	uint64_t count; /* events in a summary; 0: one decision */
	uint64_t lost; /* lines that could not be written before; 0: none */
};

enum { LOG_LINE_TIME_MAX = sizeof("YYYY-MM-DDTHH:MM:SSZ") + 16 };

struct log_field {
	const char *name;
	struct span value; /* bytes as they came; empty is written as '-' */
};

struct log_fields {
	struct log_field field[LOG_LINE_FIELDS];
	size_t n;
	char sha1[2 * DIGEST_SHA1_SIZE];
	char sha256[2 * DIGEST_SHA256_SIZE];
	char spki[2 * DIGEST_SHA256_SIZE];
	char serial[LOG_LINE_VALUE_MAX + 2]; /* as the next two: one byte or
					      * digit more than is written */
	char issuer[LOG_LINE_VALUE_MAX + 1];
	char subject[LOG_LINE_VALUE_MAX + 1];
	char not_after[LOG_LINE_TIME_MAX];
	char verify[LOG_LINE_NUMBER_MAX];
	char line[LOG_LINE_NUMBER_MAX], skew[LOG_LINE_NUMBER_MAX];
	char us[LOG_LINE_NUMBER_MAX], count[LOG_LINE_NUMBER_MAX];
	char lost[LOG_LINE_NUMBER_MAX];
};

/* Borrows from answer and details. */
void log_fields_of(struct log_fields *fields, const struct answer *answer,
		   const struct log_details *details);

/* name=value name=value …; what is no visible ASCII, and '=' '"' '\' too, as
 * \xHH; values are cut at LOG_LINE_VALUE_MAX bytes, or where they would take
 * more than LOG_LINE_ESCAPED_MAX, so that every line fits. */
void log_line_text(struct buffer *out, const struct log_fields *fields);

/* The members of a JSON object, without its braces: "name":"value",… */
void log_line_json(struct buffer *out, const struct log_fields *fields);

/* One value as in log_line_text. */
void log_line_escape(struct buffer *out, struct span value);

/* YYYY-MM-DDTHH:MM:SSZ */
void log_line_time(struct buffer *out, int64_t seconds);

#endif
