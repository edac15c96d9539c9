/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * json_text: checks a whole JSON text (RFC 8259) in one pass, and finds members
 * of its outermost object.  It decodes no values.
 */
#ifndef CERTGATE_PROTOCOL_JSON_TEXT_H
#define CERTGATE_PROTOCOL_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

enum {
	JSON_MAX_DEPTH = 16, /* arrays and objects inside each other */
	JSON_MAX_VALUES = 16384 /* in one text */
};

struct json_member {
	struct span name; /* given; ASCII */
	struct span value; /* borrows the text; absent: there is none */
	size_t members; /* of all objects in value together */
};

/* True if text is one object by the grammar of RFC 8259, in UTF-8, within the
 * limits above, and no name in it has a NUL or half a surrogate pair.  Then
 * found[i] is the outermost object's member of that name, and *duplicate is set
 * if two members of any object have the same name, however it is escaped. */
bool json_text_read(struct span text, struct json_member *found, size_t n,
		    bool *duplicate) __attribute__((warn_unused_result));

#endif
