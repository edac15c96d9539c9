/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * The core alone, for cases: no web server, the list's text and the files that
 * it names, and the time that the case names.
 *
 * Standard input: NAME=value strings, each ended by NUL, then an empty one,
 * then the body.  Settings come from the environment; CASE_LIST is the text of
 * the list, CASE_NOW the time in seconds.  Standard output: the answer.
 * Standard error: the line of the log.  With --reasons or --settings it prints
 * them all, to be compared with the documentation.
 *
 * With --many, standard input holds any number of such cases, each after a line
 * with its length in bytes.  CASE_LIST and CASE_NOW are then among the strings
 * of each case.  An empty line on standard error ends the log of each case.
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

enum { INPUT_MAX = 33554432 /* bytes */, PARAMETERS_MAX = 1024 };

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

/* Take CASE_NAME=value into the environment; false if string is another. */
static bool
set_variable(char *string)
{
	char *value = strchr(string, '=');

	if (strncmp(string, "CASE_", 5) != 0 || value == NULL)
		return false;
	*value = '\0';
	(void)setenv(string, value + 1, 1);
	return true;
}

/* Answer the case in input, n bytes. */
static void
answer_case(char *input, size_t n)
{
	static struct settings settings;
	static struct list list;
	char *parameters[PARAMETERS_MAX + 1] = { NULL };
	size_t at = 0, count = 0;
	struct request request;
	struct answer answer;
	struct buffer out;

	while (at < n && input[at] != '\0' && count < PARAMETERS_MAX) {
		char *string = input + at;
		at += strnlen(string, n - at) + 1;
		if (!set_variable(string))
			parameters[count++] = string;
	}
	struct request_body body = { .length = n - at - 1 };
	body.bytes = (struct span){ input + at + 1, body.length };
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
	(void)fwrite(out.data, 1, out.len, stdout);
	buffer_free(&out);
	answer_free(&answer);
	list_free(&list);
	settings_free(&settings);
}

/* Answer each case of standard input; 1 if the input is cut. */
static int
answer_many(char *input)
{
	char line[32];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		size_t n = strtoul(line, NULL, 10);
		if (n == 0 || n > INPUT_MAX || fread(input, 1, n, stdin) != n)
			return 1;
		answer_case(input, n);
		(void)fputc('\n', stderr);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static char input[INPUT_MAX];

	if (argc > 1 && strcmp(argv[1], "--reasons") == 0)
		return print_reasons();
	if (argc > 1 && strcmp(argv[1], "--settings") == 0)
		return print_settings();
	if (!digest_start(DIGEST_USE_HANDLER))
		return 1;
	if (argc > 1 && strcmp(argv[1], "--many") == 0)
		return answer_many(input);
	answer_case(input, fread(input, 1, sizeof(input), stdin));
	return 0;
}
