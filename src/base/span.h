/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * span: borrowed bytes, not owned and not terminated.
 *
 * A span is valid as long as the bytes it was made from.  An all-zero span
 * is "absent" (ptr NULL); a span of length 0 with a ptr is "present, empty".
 */
#ifndef CERTGATE_BASE_SPAN_H
#define CERTGATE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *ptr;
	size_t len; /* bytes */
};

#define SPAN(literal) ((struct span){ "" literal, sizeof(literal) - 1 })

/* The same where a constant is needed, as in a table. */
#define SPAN_TEXT(literal)                                                     \
	{                                                                      \
		"" literal, sizeof(literal) - 1                                \
	}

/* What each request, or each line of a list, does many times is inline. */

/* Borrow text, which may be NULL: the absent span. */
static inline struct span
span_of(const char *text)
{
	return (struct span){ text, text == NULL ? 0 : strlen(text) };
}

/* Not there, or nothing in it. */
static inline bool
span_empty(struct span s)
{
	return s.len == 0;
}

/* The rest of s after its first n bytes; n is at most s.len. */
static inline struct span
span_after(struct span s, size_t n)
{
	return (struct span){ s.ptr + n, s.len - n };
}

static inline bool
span_equal(struct span a, struct span b)
{
	return a.len == b.len &&
	       (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool
span_starts(struct span s, struct span prefix)
{
	return s.len >= prefix.len &&
	       span_equal((struct span){ s.ptr, prefix.len }, prefix);
}

/* ASCII letters without case; other bytes as they are. */
bool span_equal_nocase(struct span a, struct span b);

bool span_starts_nocase(struct span s, struct span prefix);

bool span_ends(struct span s, struct span suffix);

/* True if needle, which is not empty, is somewhere in s. */
bool span_contains(struct span s, struct span needle);

/* Return how many times s has the byte. */
size_t span_count(struct span s, char byte);

/* s without blanks (space, tab) in front; at both ends. */
struct span span_skip_blanks(struct span s);
struct span span_trim(struct span s);

/* Take from *rest what comes before the first byte that is in separators and
 * that byte; false when *rest was used up.  Empty tokens are given too. */
bool span_next(struct span *rest, const char *separators, struct span *token);

/* As span_next, but passes over empty tokens. */
bool span_next_word(struct span *rest, const char *separators,
		    struct span *token);

/* Decimal digits only, min <= value <= max, else false and *value is 0. */
bool span_number(struct span s, uint64_t min, uint64_t max, uint64_t *value);

enum { SPAN_DIGITS_MAX = 20 /* of a number; UINT64_MAX has as many */ };

/* The decimal digits of number, at the end of text, without a NUL; borrows
 * text. */
struct span span_of_number(uint64_t number, char text[SPAN_DIGITS_MAX]);

/* Write s as text of at most size - 1 bytes; a longer one is cut. */
void span_write(struct span s, char *text, size_t size);

/* A copy with a NUL behind it; gives: free().  NULL when out of memory. */
char *span_copy(struct span s);

/* RFC 7230 3.2.6 token: at least one byte, only letters, digits and
 * !#$%&'*+-.^_`|~ */
bool span_is_token(struct span s);

/* The bytes of the UTF-8 sequence that s, not empty, begins with, and its
 * character in *c; 0 if it begins with none (RFC 3629 3: no overlong forms, no
 * surrogates, at most U+10FFFF). */
size_t span_character(struct span s, uint32_t *c);

/* Well-formed UTF-8 (RFC 3629) without control characters (C0, DEL, C1). */
bool span_is_text(struct span s);

/* Finds equal texts of one author; it resists no attack. */
uint64_t span_hash(struct span s);

#endif
