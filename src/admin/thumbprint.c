/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate thumbprint: the pins of certificates, and a line for the list. */
#include "config.h"

#include <time.h>

#include "admin/command.h"
#include "admin/input.h"
#include "admin/print.h"
#include "base/hex.h"
#include "protocol/pem.h"

/* The user id is the common name, unless it would name another one: @cn. */
static void
make_line(const struct certificate *c, struct buffer *line)
{
	char digits[2 * DIGEST_SHA256_SIZE];
	struct buffer common_name;

	buffer_init(&common_name, CERTIFICATE_NAME_MAX);
	bool named = certificate_common_name(c, &common_name) ==
		     CERTIFICATE_NAME_FOUND;
	struct span name = buffer_span(&common_name);
	hex_encode(c->sha256, DIGEST_SHA256_SIZE, digits);
	buffer_add(line, (struct span){ digits, sizeof(digits) });
	if (named && !span_empty(span_trim(name)) && name.ptr[0] != '@') {
		buffer_add(line, SPAN(" user=\""));
		for (; name.len > 0; name = span_after(name, 1)) {
			if (name.ptr[0] == '"' || name.ptr[0] == '\\')
				buffer_add_byte(line, '\\');
			buffer_add_byte(line, name.ptr[0]);
		}
		buffer_add_byte(line, '"');
	}
	buffer_free(&common_name);
}

static void
show(const char *file, const struct certificate *c)
{
	enum {
		LINE_SIZE =
			2 * DIGEST_SHA256_SIZE + 2 * CERTIFICATE_NAME_MAX + 16
	};
	struct buffer line;

	buffer_init(&line, LINE_SIZE);
	make_line(c, &line);
	print_json_open(NULL, '{');
	print_json_string("file", span_of(file));
	print_certificate(c, (int64_t)time(NULL));
	print_field("entry", buffer_span(&line));
	print_json_close('}');
	buffer_free(&line);
}

/* Every certificate of one file; *shown counts them. */
static enum exit_code
show_file(const char *file, unsigned *shown)
{
	struct certificate c;
	struct buffer bytes, der;
	struct error e = { 0 };
	enum exit_code code = EXIT_DONE;
	unsigned before = *shown;

	buffer_init(&der, INPUT_MAX);
	if (!input_read(file, "a file with certificates", &bytes, &e))
		code = EXIT_SYSTEM;
	struct span rest = buffer_span(&bytes);
	while (code == EXIT_DONE && pem_file_next(&rest, &der, &c, &e)) {
		print((*shown)++ == 0 ? "" : "\n");
		show(file, &c);
	}
	/* Without a certificate, e says why. */
	if (code == EXIT_DONE && !e.set && *shown == before &&
	    !pem_file_first(buffer_span(&bytes), &der, &c, &e))
		code = EXIT_NO;
	buffer_wipe(&bytes);
	buffer_free(&der);
	if (!e.set)
		return code;
	error_where(&e, input_name(file));
	print_error(&e);
	return code == EXIT_DONE ? EXIT_NO : code;
}

enum exit_code
thumbprint_run(const struct command *command)
{
	enum exit_code code = EXIT_DONE;
	unsigned shown = 0;

	print_json_open(NULL, '[');
	for (int i = 0; i < command->n; i++) {
		enum exit_code one = show_file(command->arguments[i], &shown);
		if (one > code)
			code = one;
	}
	print_json_close(']');
	return code;
}
