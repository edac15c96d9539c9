/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate thumbprint: the pins of certificates, and a line for the list. */
#include "config.h"

#include <time.h>

#include "admin/command.h"
#include "admin/input.h"
#include "admin/print.h"
#include "base/hex.h"
#include "policy/thumbprint.h"
#include "protocol/certificate_text.h"

enum { TEXT_MAX = 65536 /* bytes of subject or names */ };

struct seen {
	struct certificate certificate;
	struct thumbprint sha1, sha256, spki;
	struct buffer subject, names, common_name;
};

static void
look_at(struct seen *seen, struct span der)
{
	const struct certificate *c = &seen->certificate;

	seen->sha1 = thumbprint_of(THUMBPRINT_SHA1, c->sha1);
	seen->sha256 = thumbprint_of(THUMBPRINT_SHA256, c->sha256);
	seen->spki = thumbprint_of(THUMBPRINT_SPKI, c->spki);
	buffer_init(&seen->subject, TEXT_MAX);
	buffer_init(&seen->names, TEXT_MAX);
	buffer_init(&seen->common_name, CERTIFICATE_NAME_MAX);
	if (!certificate_text(der, &seen->subject, &seen->names))
		buffer_clear(&seen->names);
	if (certificate_common_name(c, &seen->common_name) !=
	    CERTIFICATE_NAME_FOUND)
		buffer_clear(&seen->common_name);
}

static void
forget(struct seen *seen)
{
	buffer_free(&seen->subject);
	buffer_free(&seen->names);
	buffer_free(&seen->common_name);
}

/* A common name that is no reference to another name, as a user id. */
static void
make_line(const struct seen *seen, struct buffer *line)
{
	char digits[2 * DIGEST_SHA256_SIZE];
	struct span name = buffer_span(&seen->common_name);

	hex_encode(seen->sha256.digest, DIGEST_SHA256_SIZE, digits);
	buffer_add(line, (struct span){ digits, sizeof(digits) });
	if (span_empty(span_trim(name)) || name.ptr[0] == '@')
		return;
	buffer_add(line, SPAN(" user=\""));
	for (; name.len > 0; name = span_after(name, 1)) {
		if (name.ptr[0] == '"' || name.ptr[0] == '\\')
			buffer_add_byte(line, '\\');
		buffer_add_byte(line, name.ptr[0]);
	}
	buffer_add_byte(line, '"');
}

static void
show_pin(const char *name, const struct thumbprint *t)
{
	print("%-10s ", name);
	print_digits(t);
	print("\n");
}

static void
show_text(const struct seen *seen, struct span line)
{
	struct span names = buffer_span(&seen->names);
	const struct certificate *c = &seen->certificate;
	int64_t now = (int64_t)time(NULL);

	print("subject    ");
	print_text(buffer_span(&seen->subject));
	while (names.len > 0) {
		struct span one = span_of(names.ptr);
		print("\nname       ");
		print_text(one);
		names = span_after(names, one.len + 1);
	}
	print("\nvalid      ");
	print_date(c->not_before);
	print(" to ");
	print_date(c->not_after);
	print("%s\n", now > c->not_after    ? " (it has ended)"
		      : now < c->not_before ? " (not yet)"
					    : "");
	show_pin("sha1", &seen->sha1);
	show_pin("sha256", &seen->sha256);
	show_pin("spki", &seen->spki);
	print("entry      ");
	print_text(line);
	print("\n");
}

static void
show_json(const char *file, const struct seen *seen, struct span line)
{
	struct span names = buffer_span(&seen->names);

	print_json_open(NULL, '{');
	print_json_string("file", span_of(file));
	print_json_string("subject", buffer_span(&seen->subject));
	print_json_open("names", '[');
	while (names.len > 0) {
		struct span one = span_of(names.ptr);
		print_json_string(NULL, one);
		names = span_after(names, one.len + 1);
	}
	print_json_close(']');
	print_json_date("from", seen->certificate.not_before);
	print_json_date("to", seen->certificate.not_after);
	print_json_digits("sha1", &seen->sha1);
	print_json_digits("sha256", &seen->sha256);
	print_json_digits("spki", &seen->spki);
	print_json_string("entry", line);
	print_json_close('}');
}

static void
show(const struct command *command, const char *file, struct seen *seen,
     struct span der, bool first)
{
	enum {
		LINE_MAX_BYTES =
			2 * DIGEST_SHA256_SIZE + 2 * CERTIFICATE_NAME_MAX + 16
	};
	struct buffer line;

	look_at(seen, der);
	buffer_init(&line, LINE_MAX_BYTES);
	make_line(seen, &line);
	if (command->option[OPTION_JSON] != NULL) {
		show_json(file, seen, buffer_span(&line));
	} else {
		if (!first)
			print("\n");
		show_text(seen, buffer_span(&line));
	}
	buffer_free(&line);
	forget(seen);
}

/* Every certificate of one file; *shown counts them. */
static enum exit_code
show_file(const struct command *command, const char *file, unsigned *shown)
{
	struct buffer bytes, der;
	struct error e = { 0 };
	struct seen seen;
	enum exit_code code = EXIT_DONE;
	unsigned before = *shown;

	buffer_init(&der, INPUT_MAX);
	if (!input_read(file, &bytes, &e))
		code = EXIT_SYSTEM;
	struct span rest = buffer_span(&bytes);
	while (code == EXIT_DONE &&
	       input_next_certificate(&rest, &der, &seen.certificate, &e))
		show(command, file, &seen, buffer_span(&der), (*shown)++ == 0);
	if (code == EXIT_DONE && !e.set && *shown == before)
		error_set(&e, "no certificate in it: expected PEM or DER");
	buffer_free(&bytes);
	buffer_free(&der);
	if (!e.set)
		return code;
	error_where(&e, error_word(span_of(file)));
	print_error(&e);
	return code == EXIT_DONE ? EXIT_NO : code;
}

enum exit_code
thumbprint_run(const struct command *command)
{
	bool json = command->option[OPTION_JSON] != NULL;
	enum exit_code code = EXIT_DONE;
	unsigned shown = 0;

	if (json)
		print_json_open(NULL, '[');
	for (int i = 0; i < command->n; i++) {
		enum exit_code one =
			show_file(command, command->arguments[i], &shown);
		if (one > code)
			code = one;
	}
	if (json)
		print_json_close(']');
	return code;
}
