/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* input: what the administrator points at: a file or standard input, and the
 * certificates in it. */
#ifndef CERTGATE_ADMIN_INPUT_H
#define CERTGATE_ADMIN_INPUT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "protocol/certificate.h"

enum { INPUT_MAX = 1048576 /* bytes; a bundle of some hundred certificates */ };

/* Read the file path, or standard input if that is "-", into bytes
 * (initialised here, freed by the caller).  If it is not there, e says what was
 * expected. */
bool input_read(const char *path, const char *expected, struct buffer *bytes,
		struct error *e) __attribute__((warn_unused_result));

/* The same with another limit. */
bool input_read_large(const char *path, const char *expected, size_t max,
		      struct buffer *bytes, struct error *e)
	__attribute__((warn_unused_result));

enum { INPUT_LINE_MAX = 16384 /* bytes; a token has some thousand */ };

/* Read a file of one line, a secret, into bytes (initialised here, wiped by the
 * caller) and line, which borrows it.  If it is not there or has another form,
 * e says what was expected.  A file that others can read is an error. */
bool input_line(const char *path, const char *expected, struct buffer *bytes,
		struct span *line, struct error *e)
	__attribute__((warn_unused_result));

/* Return the path, or "standard input", for a message.  Borrowed until the next
 * call. */
const char *input_name(const char *path);

/* Say of a word that is nothing else where to look, if it could be the support
 * code of a refusal. */
void input_explain_code(const char *word);

/* Read the first certificate in the file path, or of standard input, into der
 * (initialised by the caller). */
bool input_certificate(const char *path, struct buffer *der, struct error *e)
	__attribute__((warn_unused_result));

#endif
