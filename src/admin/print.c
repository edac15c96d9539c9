/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "admin/print.h"
#include "base/date.h"
#include "base/hex.h"
#include "base/text.h"

static bool is_json;
static bool comma; /* write a comma before the next JSON value */

void
print_as_json(void)
{
	is_json = true;
}

void
print(const char *format, ...)
{
	va_list arguments;

	if (is_json)
		return;
	va_start(arguments, format);
	(void)vprintf(format, arguments);
	va_end(arguments);
}

size_t
print_harmless(struct span text)
{
	unsigned char first = (unsigned char)text.ptr[0];
	size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (n > text.len || invisible_at(text) > 0 ||
	    !span_is_text((struct span){ text.ptr, n }))
		return 0;
	return n;
}

/* RFC 8259 7; what is not UTF-8, and what is invisible, as the code point of
 * that number. */
static void
write_text(struct span text)
{
	while (text.len > 0) {
		size_t n = print_harmless(text);
		if (n == 0)
			(void)printf(is_json ? "\\u%04x" : "\\x%02x",
				     (unsigned char)text.ptr[0]);
		else if (is_json && (text.ptr[0] == '"' || text.ptr[0] == '\\'))
			(void)printf("\\%c", text.ptr[0]);
		else
			(void)fwrite(text.ptr, 1, n, stdout);
		text = span_after(text, n > 0 ? n : 1);
	}
}

void
print_text(struct span text)
{
	if (!is_json)
		write_text(text);
}

/* As the next ones, valid until the next call. */
static struct span
day_text(int64_t seconds)
{
	static char text[DATE_TEXT_SIZE];

	return span_of(date_text(seconds, text));
}

struct span
print_time_text(int64_t seconds)
{
	static char text[64];
	struct date_time t;

	date_from_seconds(seconds, &t);
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ",
		       t.year, t.month, t.day, t.hour, t.minute, t.second);
	return span_of(text);
}

static struct span
digits_text(const struct thumbprint *t)
{
	static char text[2 * DIGEST_MAX_SIZE];
	size_t n = thumbprint_size(t->kind);

	hex_encode(t->digest, n, text);
	return (struct span){ text, 2 * n };
}

void
print_date(int64_t seconds)
{
	print_text(day_text(seconds));
}

void
print_time(int64_t seconds)
{
	print_text(print_time_text(seconds));
}

void
print_digits(const struct thumbprint *t)
{
	print_text(digits_text(t));
}

static void
write_string(struct span text)
{
	(void)putchar('"');
	write_text(text);
	(void)putchar('"');
}

/* Begin a JSON value; return false in the text form. */
static bool
begin_value(const char *name)
{
	if (is_json && comma)
		(void)putchar(',');
	comma = is_json;
	if (is_json && name != NULL) {
		write_string(span_of(name));
		(void)putchar(':');
	}
	return is_json;
}

void
print_json_open(const char *name, char bracket)
{
	if (begin_value(name))
		(void)putchar(bracket);
	comma = false;
}

void
print_json_close(char bracket)
{
	if (is_json)
		(void)putchar(bracket);
	comma = is_json;
}

void
print_json_string(const char *name, struct span value)
{
	if (begin_value(name))
		write_string(value);
}

void
print_json_number(const char *name, int64_t value)
{
	if (begin_value(name))
		(void)printf("%" PRId64, value);
}

void
print_json_null(const char *name)
{
	if (begin_value(name))
		(void)fputs("null", stdout);
}

void
print_json_bool(const char *name, bool value)
{
	if (begin_value(name))
		(void)fputs(value ? "true" : "false", stdout);
}

void
print_json_date(const char *name, int64_t seconds)
{
	print_json_string(name, day_text(seconds));
}

void
print_json_time(const char *name, int64_t seconds)
{
	if (seconds == 0)
		print_json_null(name);
	else
		print_json_string(name, print_time_text(seconds));
}

void
print_json_digits(const char *name, const struct thumbprint *t)
{
	if (t->kind == THUMBPRINT_NONE)
		print_json_null(name);
	else
		print_json_string(name, digits_text(t));
}

void
print_label(const char *name)
{
	print("%-9s ", name);
}

void
print_field(const char *name, struct span value)
{
	print_json_string(name, value);
	print_label(name);
	print_text(value);
	print("\n");
}

void
print_fix(const char *fix)
{
	struct span rest = span_of(fix), line;
	const char *label = "fix";

	print_json_string(label, rest);
	for (; span_next(&rest, "\n", &line); label = "") {
		print_label(label);
		print_text(line);
		print("\n");
	}
}

void
print_field_digits(const char *name, const struct thumbprint *t)
{
	print_json_digits(name, t);
	if (t->kind == THUMBPRINT_NONE)
		return;
	print_label(name);
	print_digits(t);
	print("\n");
}

/* Print names; each ends with NUL. */
static void
print_names(struct span names)
{
	print_json_open("names", '[');
	while (names.len > 0) {
		struct span name = span_of(names.ptr);
		print_json_string(NULL, name);
		print_label("name");
		print_text(name);
		print("\n");
		names = span_after(names, name.len + 1);
	}
	print_json_close(']');
}

static void
print_end_of_validity(const char *name, int64_t seconds, const char *field)
{
	bool valid = seconds != CERTIFICATE_NOT_BEFORE_INVALID &&
		     seconds != CERTIFICATE_NOT_AFTER_INVALID;
	struct span date = valid ? day_text(seconds) : SPAN("invalid date");

	print_json_string(name, date);
	if (!valid)
		print("%s: ", field);
	print_text(date);
}

static void
print_validity(const struct certificate *c, int64_t now)
{
	print_label("valid");
	print_end_of_validity("from", c->not_before, "notBefore");
	print(" to ");
	print_end_of_validity("to", c->not_after, "notAfter");
	if (c->not_before == CERTIFICATE_NOT_BEFORE_INVALID ||
	    c->not_after == CERTIFICATE_NOT_AFTER_INVALID)
		print("\n");
	else
		print("%s\n", now > c->not_after    ? " (it has expired)"
			      : now < c->not_before ? " (not yet)"
						    : "");
}

static void
print_digest(const char *name, enum thumbprint_kind kind, const uint8_t *digest)
{
	struct thumbprint t = thumbprint_of(kind, digest);

	print_field_digits(name, &t);
}

enum { NAME_TEXT_MAX = 65536 /* bytes of subject, issuer or other names */ };

static void
print_name(const char *field, struct span name)
{
	char text[NAME_TEXT_MAX];
	size_t n = certificate_write_name(name, text, sizeof(text));

	print_field(field, (struct span){ text, n });
}

void
print_certificate(const struct certificate *c, int64_t now)
{
	struct buffer names;

	buffer_init(&names, NAME_TEXT_MAX);
	print_name("subject", c->subject);
	print_name("issuer", c->issuer);
	certificate_alternative_names(c, &names);
	print_names(buffer_span(&names));
	print_validity(c, now);
	print_digest("sha1", THUMBPRINT_SHA1, c->sha1);
	print_digest("sha256", THUMBPRINT_SHA256, c->sha256);
	print_digest("spki", THUMBPRINT_SPKI, c->spki);
	buffer_free(&names);
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

void
print_family(const char *name, const char *type, const char *help)
{
	print("# HELP certgate_%s %s\n# TYPE certgate_%s %s\n", name, help,
	      name, type);
}
