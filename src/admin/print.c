/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin/print.h"
#include "base/date.h"
#include "base/hex.h"
#include "base/text.h"
#include "host/log_line.h"

enum {
	DATE_SIZE = sizeof("-YYYY-MM-DD") + 16,
	TIME_MAX = 64 /* bytes of a date and time */
};

static bool comma; /* before the next value of the JSON text */

/* The bytes of the harmless character that text begins with; 0 if it is none:
 * half of one, a control character, a mark of direction. */
static size_t
harmless(struct span text)
{
	unsigned char first = (unsigned char)text.ptr[0];
	size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (n > text.len || invisible_at(text) > 0 ||
	    !span_is_text((struct span){ text.ptr, n }))
		return 0;
	return n;
}

void
print_text(struct span text)
{
	while (text.len > 0) {
		size_t n = harmless(text);
		if (n > 0)
			(void)fwrite(text.ptr, 1, n, stdout);
		else
			(void)printf("\\x%02x", (unsigned char)text.ptr[0]);
		text = span_after(text, n > 0 ? n : 1);
	}
}

void
print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vprintf(format, arguments);
	va_end(arguments);
}

void
print_problem(const char *format, ...)
{
	va_list arguments;

	(void)fputs("certgate: ", stderr);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
}

void
print_error(const struct error *e)
{
	char text[sizeof(*e) + sizeof(":4294967295:4294967295: ")];

	error_text(e, text, sizeof(text));
	print_problem("%s", text);
}

static void
write_date(int64_t seconds, char text[DATE_SIZE])
{
	struct date_time t;

	date_from_seconds(seconds, &t);
	(void)snprintf(text, DATE_SIZE, "%04d-%02d-%02d", t.year, t.month,
		       t.day);
}

void
print_date(int64_t seconds)
{
	char text[DATE_SIZE];

	write_date(seconds, text);
	(void)fputs(text, stdout);
}

void
print_time(int64_t seconds)
{
	struct buffer text;

	buffer_init(&text, TIME_MAX);
	log_line_time(&text, seconds);
	print_text(buffer_span(&text));
	buffer_free(&text);
}

void
print_digits(const struct thumbprint *t)
{
	for (size_t i = 0; i < thumbprint_size(t->kind); i++)
		(void)printf("%02x", t->digest[i]);
}

/* RFC 8259 7; what is no UTF-8, and what is invisible, as the code point of
 * that number. */
static void
json_text(struct span text)
{
	(void)putchar('"');
	while (text.len > 0) {
		size_t n = harmless(text);
		if (n == 0)
			(void)printf("\\u%04x", (unsigned char)text.ptr[0]);
		else if (text.ptr[0] == '"' || text.ptr[0] == '\\')
			(void)printf("\\%c", text.ptr[0]);
		else
			(void)fwrite(text.ptr, 1, n, stdout);
		text = span_after(text, n > 0 ? n : 1);
	}
	(void)putchar('"');
}

static void
json_name(const char *name)
{
	if (comma)
		(void)putchar(',');
	comma = true;
	if (name == NULL)
		return;
	json_text(span_of(name));
	(void)putchar(':');
}

void
print_json_open(const char *name, char bracket)
{
	json_name(name);
	(void)putchar(bracket);
	comma = false;
}

void
print_json_close(char bracket)
{
	(void)putchar(bracket);
	comma = true;
}

void
print_json_string(const char *name, struct span value)
{
	json_name(name);
	json_text(value);
}

void
print_json_number(const char *name, int64_t value)
{
	json_name(name);
	(void)printf("%" PRId64, value);
}

void
print_json_null(const char *name)
{
	json_name(name);
	(void)fputs("null", stdout);
}

void
print_json_bool(const char *name, bool value)
{
	json_name(name);
	(void)fputs(value ? "true" : "false", stdout);
}

void
print_json_digits(const char *name, const struct thumbprint *t)
{
	char text[2 * DIGEST_MAX_SIZE];
	size_t n = thumbprint_size(t->kind);

	if (n == 0) {
		print_json_null(name);
		return;
	}
	hex_encode(t->digest, n, text);
	print_json_string(name, (struct span){ text, 2 * n });
}

void
print_json_date(const char *name, int64_t seconds)
{
	char text[DATE_SIZE];

	write_date(seconds, text);
	print_json_string(name, span_of(text));
}

void
print_json_time(const char *name, int64_t seconds)
{
	struct buffer text;

	buffer_init(&text, TIME_MAX);
	log_line_time(&text, seconds);
	print_json_string(name, buffer_span(&text));
	buffer_free(&text);
}

enum exit_code
print_end(enum exit_code code)
{
	if (comma)
		(void)putchar('\n');
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	print_problem("standard output: %s", "not all could be written");
	return EXIT_SYSTEM;
}
