/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * json_text: what must be known of a JSON text (RFC 8259) before and beside its
 * tree: how large the tree will be, and whether two members were equal.
 *
 * json-c keeps the last of two equal members and ends a name at a NUL, both
 * without a word; so members are counted in the text as well.
 */
#ifndef CERTGATE_PROTOCOL_JSON_TEXT_H
#define CERTGATE_PROTOCOL_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

enum {
	JSON_MAX_DEPTH = 16, /* arrays and objects inside each other */
	/* Values in one text; json-c takes up to 400 bytes for one. */
	JSON_MAX_VALUES = 16384
};

struct json_shape {
	size_t members; /* of all objects together */
	size_t values; /* at most; arrays and objects count too */
	size_t depth;
};

/* Measures text, which need not be valid JSON: the parser judges that.  False
 * for what a parser might read all the same and should not: anything larger
 * than the limits above, bytes that are not UTF-8, a control character or no
 * end in a string, a NUL in a member's name, words, quotes or comments that
 * are not JSON's. */
bool json_text_measure(struct span text, struct json_shape *shape)
	__attribute__((warn_unused_result));

#endif
