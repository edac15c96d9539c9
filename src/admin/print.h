/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * print: to standard output and standard error, for people and for scripts.
 *
 * Whatever came from outside is escaped: no text of a certificate or a file
 * steers a terminal.
 */
#ifndef CERTGATE_ADMIN_PRINT_H
#define CERTGATE_ADMIN_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "host/exit_code.h"
#include "policy/thumbprint.h"

/* Text as it is where that is harmless, else \xHH. */
void print_text(struct span text);

/* Text of ours, as printf. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same to standard error, with the program's name before it. */
void print_problem(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
void print_error(const struct error *e);

/* YYYY-MM-DD */
void print_date(int64_t seconds);

/* YYYY-MM-DDTHH:MM:SSZ */
void print_time(int64_t seconds);

/* Lower-case digits. */
void print_digits(const struct thumbprint *t);

/* A value of a JSON text: a comma before it where one is due, then its name if
 * it has one (else NULL). */
void print_json_open(const char *name, char bracket);
void print_json_close(char bracket);
void print_json_string(const char *name, struct span value);
void print_json_number(const char *name, int64_t value);
void print_json_null(const char *name);
void print_json_bool(const char *name, bool value);
void print_json_digits(const char *name, const struct thumbprint *t);
void print_json_date(const char *name, int64_t seconds);
void print_json_time(const char *name, int64_t seconds);

/* code, or EXIT_SYSTEM if not all could be written. */
enum exit_code print_end(enum exit_code code);

#endif
