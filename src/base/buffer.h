/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * buffer: owned bytes that grow up to a ceiling and no further.
 *
 * Begins with buffer_init, ends with buffer_free (also on an all-zero one, or
 * twice).  An addition that does not fit, or for which there is no memory,
 * adds nothing and sets `failed`; so do all later ones.  A writer adds
 * everything and looks at `failed` once.
 */
#ifndef CERTGATE_BASE_BUFFER_H
#define CERTGATE_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct buffer {
	char *data; /* owned; NULL until the first byte */
	size_t len; /* bytes in use */
	size_t size; /* bytes allocated */
	size_t max; /* the ceiling, in bytes */
	bool failed;
};

void buffer_init(struct buffer *b, size_t max);
void buffer_free(struct buffer *b);

/* Forget the contents and a failure; keeps the memory. */
void buffer_clear(struct buffer *b);

/* As buffer_free, after overwriting: for secrets.  What it had before it grew
 * is overwritten in any case. */
void buffer_wipe(struct buffer *b);

void buffer_add(struct buffer *b, struct span bytes);
void buffer_add_byte(struct buffer *b, char byte);
void buffer_add_number(struct buffer *b, uint64_t number);

/* Add text percent-encoded, as a part of a path or of a query has it; RFC 3986
 * 2.1. */
void buffer_add_percent(struct buffer *b, struct span text);

/* Add base64 (RFC 4648 4); url: base64url without padding (RFC 4648 5). */
void buffer_add_base64(struct buffer *b, struct span bytes, bool url);

/* Return room for n more bytes at data + len, NULL (and set failed) if there is
 * none.  The caller adds to len the bytes that it fills. */
char *buffer_reserve(struct buffer *b, size_t n);

/* Borrow the contents until the next change. */
struct span buffer_span(const struct buffer *b);

#endif
