/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * json: a string written in JSON, and a JSON text (RFC 8259) checked in one
 * pass, with members of its outermost object found.  No value is decoded.
 */
#ifndef CERTGATE_BASE_JSON_H
#define CERTGATE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/span.h"

/* Add text, which is UTF-8, to out as a string with its quotes. */
void json_string_add(struct buffer *out, struct span text);

/* The same for any bytes: one that is not printable ASCII becomes the character
 * of that number. */
void json_string_add_bytes(struct buffer *out, struct span bytes);

enum {
	JSON_MAX_DEPTH = 16, /* arrays and objects inside each other */
	JSON_MAX_VALUES = 16384 /* in one text */
};

struct json_member {
	struct span name; /* given; ASCII */
	struct span value; /* borrows the text; absent: no such member */
	size_t values; /* this one and those in it, at any depth */
};

/* Return true if text is one object by the grammar of RFC 8259, in UTF-8,
 * within the limits above, and no name in it has a NUL or half a surrogate
 * pair.  Then found[i] is the outermost object's member of that name, and
 * *duplicate is true if two members of any object have the same name, however
 * it is escaped. */
bool json_read(struct span text, struct json_member *found, size_t n,
	       bool *duplicate) __attribute__((warn_unused_result));

#endif
