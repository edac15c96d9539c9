/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* log_line: a decision as named values, and these as text, as JSON and as
 * fields of the journal. */
#ifndef CERTGATE_HOST_LOG_LINE_H
#define CERTGATE_HOST_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"
#include "handler.h"
#include "policy/thumbprint.h"

enum {
	LOG_LINE_MAX = 4096, /* bytes; within what a pipe takes as one */
	LOG_LINE_VALUE_MAX = 128, /* bytes of a value from outside */
	LOG_LINE_ESCAPED_MAX = 400, /* bytes of the same in the line */
	LOG_LINE_ROOM = 1024 /* bytes of values that are made for the line */
};

/* In the order of a line. */
enum log_field {
	FIELD_VERDICT,
	FIELD_REASON,
	FIELD_WOULD,
	FIELD_EVENT,
	FIELD_SIGNED,
	FIELD_ORIGIN,
	FIELD_HUB,
	FIELD_SITE,
	FIELD_USER,
	FIELD_CONNECTION,
	FIELD_SHA1,
	FIELD_SHA256,
	FIELD_SPKI,
	FIELD_SERIAL,
	FIELD_ISSUER,
	FIELD_NOT_AFTER,
	FIELD_CODE,
	FIELD_LIST,
	FIELD_LINE,
	FIELD_VERIFY,
	FIELD_SKEW,
	FIELD_US,
	FIELD_SUBJECT,
	FIELD_COUNT,
	FIELD_LOST,
	FIELDS
};

#define FIELD_BIT(field) (1U << (field))

struct log_field_name {
	struct span name, journal; /* in a line, and in the journal */
	bool optional; /* a line without a value leaves it out; others have
			* '-' */
};

extern const struct log_field_name log_field_names[FIELDS];

/* Return true if value, as a reader of the log has it, may be cut (...). */
bool log_line_may_be_cut(struct span value);

/* The field of this name, in either case; FIELDS: none. */
enum log_field log_field_find(struct span name);

struct log_line {
	struct span value[FIELDS]; /* bytes as they came */
	char room[LOG_LINE_ROOM];
	size_t used; /* of room */
};

/* What the log has of a decision besides the answer. */
struct log_details {
	struct span list; /* the one that decided */
	int64_t now; /* UTC seconds */
	uint64_t us; /* microseconds that the decision took */
	uint64_t count; /* events in a summary; 0: one decision */
	uint64_t lost; /* lines that could not be written before; 0: none */
};

/* Return what is shown of the site that a request names: the name, but not what
 * cannot be one, which may be a secret. */
struct span log_line_site(struct span name);

/* Borrows from answer and details. */
void log_line_fill(struct log_line *line, const struct answer *answer,
		   const struct log_details *details);

/* Write name=value name=value …  A byte that is not visible ASCII, and '=' '"'
 * '\', is written as \xHH.  A value is cut at LOG_LINE_VALUE_MAX bytes, or at
 * LOG_LINE_ESCAPED_MAX as written, so that every line fits. */
void log_line_text(struct buffer *out, const struct log_line *line);

/* The members of a JSON object, without its braces: "name":"value",… */
void log_line_json(struct buffer *out, const struct log_line *line);

/* "\nNAME=value" of each field, with values as in log_line_text. */
void log_line_journal(struct buffer *out, const struct log_line *line);

/* One value as in log_line_text. */
void log_line_escape(struct buffer *out, struct span value);

/* YYYY-MM-DDTHH:MM:SSZ */
void log_line_time(struct buffer *out, int64_t seconds);

/* The field of each kind of pin; from THUMBPRINT_SHA256 to THUMBPRINT_SHA1 is
 * the order of look-ups. */
extern const enum log_field log_pin_field[];

/* Set *pin from the value of such a field.  Return false and keep *pin if the
 * value is not a pin. */
bool log_pin_read(enum thumbprint_kind kind, struct span value,
		  struct thumbprint *pin);

#endif
