/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * stages EVENTS LIST: where the handler's time goes, in process, one thread.
 * Takes the events that `events` made and times each stage by itself over all
 * of them; prints nanoseconds per event.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handler.h"
#include "host/log_line.h"
#include "protocol/certificate.h"
#include "protocol/event.h"
#include "protocol/pem.h"
#include "protocol/signature.h"

enum { PARAMETERS = 32, FILE_MAX = 268435456 };

static struct span events, text;
static struct settings settings;
static struct list list;
static struct request request;
static char *parameters[PARAMETERS + 1];
static char parameter_text[PARAMETERS][8192];
static struct request_body body;
static struct answer answer;
static struct buffer out, der;
static struct event event;
static struct certificate certificate;
static bool sink;

static struct span
read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *data = malloc(FILE_MAX);
	size_t n = 0;

	if (file == NULL || data == NULL) {
		perror(path);
		exit(3);
	}
	n = fread(data, 1, FILE_MAX, file);
	(void)fclose(file);
	return (struct span){ data, n };
}

/* From the bytes of an HTTP request to what a web server hands over. */
static void
take_http(struct span http)
{
	struct span line, rest = http;
	size_t n = 0;

	(void)snprintf(parameter_text[n++], sizeof(parameter_text[0]),
		       "REQUEST_METHOD=POST");
	span_next(&rest, "\n", &line);
	while (span_next(&rest, "\n", &line) && line.len > 1 &&
	       n < PARAMETERS) {
		char *at = parameter_text[n++];
		bool value = false;
		struct span value_text = line, name;
		span_next(&value_text, ":", &name);
		bool bare = span_equal_nocase(name, SPAN("Content-Type")) ||
			    span_equal_nocase(name, SPAN("Content-Length"));
		at += sprintf(at, "%s", bare ? "" : "HTTP_");
		for (size_t i = 0; i + 1 < line.len; i++) {
			char c = line.ptr[i];
			if (!value && c == ':') {
				*at++ = '=';
				value = true;
				i++;
			} else if (!value) {
				*at++ = c == '-'	       ? '_'
					: c >= 'a' && c <= 'z' ? (char)(c - 32)
							       : c;
			} else {
				*at++ = c;
			}
		}
		*at = '\0';
	}
	for (size_t i = 0; i < n; i++)
		parameters[i] = parameter_text[i];
	parameters[n] = NULL;
	body = (struct request_body){ .bytes = rest, .length = rest.len };
}

static void
stage_request(void)
{
	request_read(&request, parameters, &body);
}

static void
stage_signature(void)
{
	sink ^= signature_check(settings.keys, settings.n_keys,
				request.signatures.line, request.signatures.n,
				request.connection) == SIGNATURE_GOOD;
}

static void
stage_json(void)
{
	sink ^= event_read(&event, body.bytes) == EVENT_READ;
	event_free(&event);
}

static void
stage_pem(void)
{
	sink ^= pem_decode(event.content, &der);
}

static void
stage_certificate(void)
{
	sink ^= certificate_read(buffer_span(&der), &certificate);
}

static void
stage_lookup(void)
{
	struct thumbprint pin =
		thumbprint_of(THUMBPRINT_SHA256, certificate.sha256);
	const struct list_key *found;

	sink ^= list_find(&list, &pin, &found) > 0;
}

static void
stage_whole(void)
{
	struct gate gate = { &settings, &list };

	request_read(&request, parameters, &body);
	handler_answer(&gate, &request, time(NULL), &answer);
	buffer_clear(&out);
	handler_write(&answer, &request, &out);
	sink ^= answer.decision.verdict == VERDICT_ALLOW;
}

static void
stage_log(void)
{
	struct log_fields fields;

	buffer_clear(&out);
	log_fields_of(&fields, &answer, SPAN("1"));
	log_line_text(&out, &fields);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static const struct stage {
	const char *name;
	void (*run)(void);
} stages[] = {
	{ "parameters to a request", stage_request },
	{ "signature, one key, two tokens", stage_signature },
	{ "JSON to an event (json-c)", stage_json },
	{ "PEM to DER", stage_pem },
	{ "certificate: SHA-1, SHA-256, fields", stage_certificate },
	{ "look-up in the list", stage_lookup },
	{ "all of it, request to answer", stage_whole },
	{ "the line of the log", stage_log },
};

enum { STAGES = sizeof(stages) / sizeof(stages[0]), REPEATS = 20 };

int
main(int argc, char **argv)
{
	static const struct entry_files files = { 0 };
	static char keys[] = "CERTGATE_ACCESS_KEYS=bench-access-key";
	static char hub[] = "CERTGATE_HUB=bench";
	char *environment[] = { keys, hub, NULL };
	int64_t total[STAGES] = { 0 };
	struct error e = { 0 };
	uint64_t count = 0;

	if (argc != 3 || !digest_start())
		return 2;
	events = read_file(argv[1]);
	text = read_file(argv[2]);
	if (!settings_read(&settings, (struct span){ 0 }, "", environment,
			   &e) ||
	    !list_build(&list, text, NULL, 0, &files, &e)) {
		(void)fprintf(stderr, "stages: %s\n", e.text);
		return 3;
	}
	answer_init(&answer);
	buffer_init(&out, RESPONSE_MAX);
	buffer_init(&der, PEM_MAX);
	for (struct span rest = events; rest.len > 10; count++) {
		uint32_t sizes[2];
		memcpy(sizes, rest.ptr, sizeof(sizes));
		take_http((struct span){ rest.ptr + 10, sizes[0] });
		rest = span_after(rest, 10 + sizes[0] + sizes[1]);
		stage_request();
		if (event_read(&event, body.bytes) != EVENT_READ)
			return 3;
		struct event kept = event;
		for (size_t i = 0; i < STAGES; i++) {
			int64_t begin = now_ns();
			for (unsigned k = 0; k < REPEATS; k++) {
				event = kept;
				stages[i].run();
			}
			total[i] += now_ns() - begin;
		}
		event = kept;
		event_free(&event);
	}
	for (size_t i = 0; i < STAGES; i++)
		(void)printf("  %-38s %7.0f ns\n", stages[i].name,
			     (double)total[i] / REPEATS / (double)count);
	(void)printf("  (the last one: %s)\n",
		     reason_name(answer.decision.reason));
	return sink && count == 0;
}
