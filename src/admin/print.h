/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * print: one writer behind text and JSON to standard output, and messages to
 * standard error.
 *
 * A verb makes the same calls for both forms:
 *   print_*       is for people: nothing in the JSON form;
 *   print_json_*  is for scripts: nothing in the text form;
 *   print_field*  is for both.
 * Words from outside are escaped: no text of a certificate or a file steers a
 * terminal.
 */
#ifndef CERTGATE_ADMIN_PRINT_H
#define CERTGATE_ADMIN_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "host/exit_code.h"
#include "policy/thumbprint.h"
#include "protocol/certificate.h"

/* Print JSON from now on; text without this. */
void print_as_json(void);

/* Text of ours, as printf. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Return the bytes of the harmless character that text, not empty, begins with;
 * 0 if it begins with none: half of one, a control character, a mark of
 * direction. */
size_t print_harmless(struct span text);

/* Text as it is where that is harmless, else \xHH. */
void print_text(struct span text);

/* YYYY-MM-DD */
void print_date(int64_t seconds);

/* YYYY-MM-DDTHH:MM:SSZ */
void print_time(int64_t seconds);

/* Return a time as YYYY-MM-DDTHH:MM:SSZ, valid until the next call. */
struct span print_time_text(int64_t seconds);

/* Lower-case digits. */
void print_digits(const struct thumbprint *t);

/* An object '{' or a list '[' and its end.  name: NULL in a list, and for the
 * whole answer. */
void print_json_open(const char *name, char bracket);
void print_json_close(char bracket);

/* A value and its name (NULL: an element of a list). */
void print_json_string(const char *name, struct span value);
void print_json_number(const char *name, int64_t value);
void print_json_null(const char *name);
void print_json_bool(const char *name, bool value);
void print_json_date(const char *name, int64_t seconds);

/* null if there is none: 0 seconds, THUMBPRINT_NONE. */
void print_json_time(const char *name, int64_t seconds);
void print_json_digits(const char *name, const struct thumbprint *t);

/* A line "name      value", or a member of the object.  Nothing in the text
 * form if there are no digits. */
void print_field(const char *name, struct span value);

/* The same of a fix; the text form has each of its lines. */
void print_fix(const char *fix);

void print_field_digits(const char *name, const struct thumbprint *t);

/* The name of a line whose value is printed behind it, in text alone. */
void print_label(const char *name);

/* The fields of a certificate whose DER was read as c: subject, issuer, names,
 * dates, which are compared with now, and digests. */
void print_certificate(const struct certificate *c, int64_t now);

/* A message to standard error in both forms, as printf, with the program's name
 * before it. */
void print_problem(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
void print_error(const struct error *e);

/* End the answer.  Return code, or EXIT_SYSTEM if not all could be written. */
enum exit_code print_end(enum exit_code code);

/* Print the lines in front of the samples of a metric for Prometheus; name:
 * without certgate_. */
void print_family(const char *name, const char *type, const char *help);

#endif
