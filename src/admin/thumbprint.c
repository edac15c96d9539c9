/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate thumbprint: the pins of certificates, and a line for the list. */
#include "config.h"

#include "admin/command.h"
#include "admin/input.h"
#include "admin/portrait.h"
#include "admin/print.h"
#include "base/hex.h"
#include "protocol/pem_file.h"

struct seen {
	struct certificate certificate;
	struct portrait portrait;
	struct buffer common_name;
};

static void
look_at(struct seen *seen, struct span der)
{
	const struct certificate *c = &seen->certificate;

	portrait_take(&seen->portrait, der, c);
	buffer_init(&seen->common_name, CERTIFICATE_NAME_MAX);
	if (certificate_common_name(c, &seen->common_name) !=
	    CERTIFICATE_NAME_FOUND)
		buffer_clear(&seen->common_name);
}

static void
forget(struct seen *seen)
{
	portrait_free(&seen->portrait);
	buffer_free(&seen->common_name);
}

/* A common name that is no reference to another name, as a user id. */
static void
make_line(const struct seen *seen, struct buffer *line)
{
	char digits[2 * DIGEST_SHA256_SIZE];
	struct span name = buffer_span(&seen->common_name);

	hex_encode(seen->certificate.sha256, DIGEST_SHA256_SIZE, digits);
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
show_text(const struct seen *seen, struct span line)
{
	portrait_print_names(&seen->portrait, "", false);
	portrait_print_pins(&seen->portrait);
	print("entry      ");
	print_text(line);
	print("\n");
}

static void
show_json(const char *file, const struct seen *seen, struct span line)
{
	print_json_open(NULL, '{');
	print_json_string("file", span_of(file));
	portrait_print_json(&seen->portrait);
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
	if (!input_read(file, "a file with certificates", &bytes, &e))
		code = EXIT_SYSTEM;
	struct span rest = buffer_span(&bytes);
	while (code == EXIT_DONE &&
	       pem_file_next(&rest, &der, &seen.certificate, &e))
		show(command, file, &seen, buffer_span(&der), (*shown)++ == 0);
	if (code == EXIT_DONE && !e.set && *shown == before &&
	    !pem_file_first(buffer_span(&bytes), &der, &seen.certificate, &e))
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
