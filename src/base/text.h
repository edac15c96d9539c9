/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* text: the text of a file that people edit, and characters that are not seen
 * in it. */
#ifndef CERTGATE_BASE_TEXT_H
#define CERTGATE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/span.h"

/* Set the place of e: line and column of the byte at. */
void lines_place(struct error *e, struct span text, const char *at);

/* False, with the place in e, if text has a NUL byte, something inside a line
 * that editors show as a new one, such as a carriage return, or a last line
 * without an end: of a file that is still being written a part would be
 * read. */
bool lines_check(struct span text, struct error *e)
	__attribute__((warn_unused_result));

/* True if text has at least one byte that is not white space. */
bool lines_any(struct span text);

/* text without a byte order mark in front. */
struct span lines_begin(struct span text);

/* Drop a byte order mark from *text, the whole of a file.  An error of
 * lines_check(), or white space alone where what was expected, goes to report;
 * return false without one. */
bool lines_start(struct span *text, const char *what, struct report *report,
		 struct error *e) __attribute__((warn_unused_result));

/* The bytes of the invisible character that s begins with; 0 if none. */
size_t invisible_at(struct span s);

/* Where in s the first one is; s.len if there is none. */
size_t invisible_find(struct span s);

/* Drop them at both ends; return how many bytes went at the front. */
size_t invisible_trim(struct span *s);

#endif
