/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * The core alone, for cases: no web server, the list's text and the files that
 * it names, and the time that the case names.
 *
 * Standard input holds any number of cases, each after a line with its length
 * in bytes: the variables of the environment, NAME=value, each ended by NUL,
 * and an empty one; the parameters of the request in the same way; the body.
 * CASE_LIST is the text of the list, CASE_NOW the time in seconds.  Standard
 * output: each answer, after a line with its length.  Standard error: the lines
 * of the log, and an empty line after those of each case.
 *
 * --reasons prints all reasons, --settings all settings; the tests compare them
 * with the documentation.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handler.h"
#include "host/file.h"
#include "host/log.h"
#include "host/store.h"
#include "protocol/digest.h"

enum { INPUT_MAX = 33554432 /* bytes */, STRINGS_MAX = 1024 };

static bool
read_named(void *context, const char *path, struct buffer *text,
	   struct error *e)
{
	struct file_identity identity;
	struct buffer file;

	(void)context;
	bool ok = file_read(path, false, text->max, &file, &identity, e) ==
		  FILE_READ;
	buffer_add(text, buffer_span(&file));
	buffer_free(&file);
	return ok;
}

/* Settings and list as they are at a start. */
static struct gate
open_gate(struct settings *settings, struct list *list, int64_t now)
{
	static const struct entry_files files = { .read = read_named };
	struct gate gate = { 0 };
	struct error e = { 0 };

	if (settings_read(settings, (struct span){ 0 }, "none", environ, &e) &&
	    settings_check_time(settings, "none", now, &e)) {
		gate.settings = settings;
		if (list_build(list, span_of(getenv("CASE_LIST")),
			       settings->pins, settings->n_pins, &files, &e))
			gate.list = list;
		if (settings->store != NULL)
			list->store = store_source(store_open(
				settings->store, settings->store_owner, &e));
	}
	if (e.set)
		log_error(LOG_LEVEL_ERROR, &e);
	return gate;
}

static int
print_reasons(void)
{
	for (int i = 0; i < REASONS; i++) {
		enum reason reason = (enum reason)i;
		(void)printf("%s\t%d\t%s\n", reason_name(reason),
			     reason_status(reason), reason_text(reason));
	}
	return 0;
}

static int
print_settings(void)
{
	const struct setting *help;

	for (size_t i = 0; (help = settings_help(i)) != NULL; i++)
		(void)printf("%s\t%s\t%s\n", help->name, help->expected,
			     help->standard);
	return 0;
}

/* Take strings from *input, up to an empty one; add NULL at the end. */
static void
take_strings(char **input, const char *end, char *strings[STRINGS_MAX + 1])
{
	size_t count = 0;

	while (*input < end) {
		char *string = *input;
		*input += strnlen(string, (size_t)(end - string)) + 1;
		if (*string == '\0')
			break;
		if (count < STRINGS_MAX)
			strings[count++] = string;
	}
	strings[count] = NULL;
}

static void
answer_case(char *input, const char *end)
{
	static struct settings settings;
	static struct list list;
	char *variables[STRINGS_MAX + 1], *parameters[STRINGS_MAX + 1];
	struct request request;
	struct answer answer;
	struct buffer out;

	take_strings(&input, end, variables);
	take_strings(&input, end, parameters);
	environ = variables;
	struct request_body body = { .length = (size_t)(end - input) };
	body.bytes = (struct span){ input, body.length };
	if (body.length > REQUEST_BODY_MAX)
		body.bytes = (struct span){ 0 };
	int64_t now = strtoll(getenv("CASE_NOW"), NULL, 10);
	struct gate gate = open_gate(&settings, &list, now);
	answer_init(&answer);
	buffer_init(&out, RESPONSE_MAX);
	request_read(&request, parameters, &body);
	handler_answer(&gate, &request, now, &answer);
	handler_write(&answer, &request, &out);
	struct log_details details = { .now = now, .list = SPAN("1") };
	if (gate.list == NULL)
		details.list = SPAN("none");
	log_decision(&answer, &details);
	log_stop(now);
	(void)printf("%zu\n", out.len);
	(void)fwrite(out.data, 1, out.len, stdout);
	(void)fputc('\n', stderr);
	buffer_free(&out);
	answer_free(&answer);
	list_free(&list);
	settings_free(&settings);
}

/* Answer each case of standard input; 1 if the input is cut. */
static int
answer_cases(void)
{
	char line[32];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		size_t n = strtoul(line, NULL, 10);
		/* n bytes, so that a sanitizer detects a read beyond. */
		char *input = n > INPUT_MAX ? NULL : malloc(n + (n == 0));
		bool whole = input != NULL && fread(input, 1, n, stdin) == n;
		if (whole)
			answer_case(input, input + n);
		free(input);
		if (!whole)
			return 1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--reasons") == 0)
		return print_reasons();
	if (argc > 1 && strcmp(argv[1], "--settings") == 0)
		return print_settings();
	return digest_start(DIGEST_USE_HANDLER) ? answer_cases() : 1;
}
