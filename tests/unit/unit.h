/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* unit: cmocka and what every unit test includes before it. */
#ifndef CERTGATE_TESTS_UNIT_H
#define CERTGATE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/span.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Equal, and both are shown if not. */
static inline void
assert_span(struct span got, const char *expected)
{
	if (!span_equal(got, span_of(expected)))
		fail_msg("got '%.*s', expected '%s'", (int)got.len,
			 got.ptr == NULL ? "" : got.ptr, expected);
}

/* The text of a file; "" stands for no file, which an empty one is not. */
static inline struct span
file_text(const char *text)
{
	return text == NULL || text[0] == '\0' ? (struct span){ 0 }
					       : span_of(text);
}

#endif
