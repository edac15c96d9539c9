/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * stages EVENTS LIST: where the handler's time goes, in process, one thread.
 * Takes the events that `events` made and times each stage by itself over all
 * of them; prints nanoseconds per event.
 */
#include "config.h"

#include <stdio.h>
#include <time.h>

#include "handler.h"
#include "host/log_line.h"
#include "protocol/certificate.h"
#include "protocol/event.h"
#include "protocol/pem.h"
#include "protocol/signature.h"
#include "replay.h"

static struct settings settings;
static struct list list;
static struct request request;
static struct replay_event given;
static struct answer answer;
static struct buffer out, der;
static struct event event;
static struct certificate certificate;
static bool sink;

static void
stage_request(void)
{
	request_read(&request, given.parameters, &given.body);
}

static void
stage_signature(void)
{
	sink ^= signature_check(settings.keys.key, settings.keys.n,
				request.signatures.line, request.signatures.n,
				request.connection) == SIGNATURE_GOOD;
}

static void
stage_json(void)
{
	sink ^= event_read(&event, given.body.bytes) == EVENT_READ;
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

	request_read(&request, given.parameters, &given.body);
	handler_answer(&gate, &request, time(NULL), &answer);
	buffer_clear(&out);
	handler_write(&answer, &request, &out);
	sink ^= answer.decision.verdict == VERDICT_ALLOW;
}

static void
stage_log(void)
{
	const struct log_details details = { .list = SPAN("1") };
	struct log_line line;

	buffer_clear(&out);
	log_line_fill(&line, &answer, &details);
	log_line_text(&out, &line);
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
	int64_t total[STAGES] = { 0 };
	struct error e = { 0 };
	uint64_t count = 0;

	if (argc != 3 || !digest_start(DIGEST_USE_HANDLER))
		return 2;
	struct span events = replay_file(argv[1]);
	replay_settings(&settings);
	if (!list_build(&list, replay_file(argv[2]), NULL, 0, &replay_files,
			&e)) {
		(void)fprintf(stderr, "stages: %s\n", e.text);
		return 3;
	}
	answer_init(&answer);
	buffer_init(&out, RESPONSE_MAX);
	buffer_init(&der, PEM_MAX);
	for (; replay_next(&events, &given); count++) {
		stage_request();
		if (event_read(&event, given.body.bytes) != EVENT_READ)
			return 3;
		struct event kept = event;
		for (size_t i = 0; i < STAGES; i++) {
			int64_t begin = replay_now_ns();
			for (unsigned k = 0; k < REPEATS; k++) {
				event = kept;
				stages[i].run();
			}
			total[i] += replay_now_ns() - begin;
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
