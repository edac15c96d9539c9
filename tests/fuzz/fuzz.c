/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * Everything that parses what strangers wrote, for a fuzzer and for its corpus.
 *
 * As a program: fuzz FOLDER runs each target over the files of FOLDER/TARGET
 * and over some damaged copies of each, and prints TAP; it fails by crashing,
 * or by an assertion on what must always hold.  With FUZZ_TARGET (a name below)
 * and clang's -fsanitize=fuzzer it is that target for libFuzzer.
 */
#include "config.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "handler.h"
#include "policy/entry_parse.h"
#include "protocol/certificate.h"
#include "protocol/pem.h"
#include "protocol/record.h"
#include "targets.h"

enum { INPUT_MAX = 262144, DAMAGES = 500 };

static bool
read_nothing(void *context, const char *path, struct buffer *text,
	     struct error *e)
{
	(void)context;
	(void)text;
	return error_set(e, "%s: no files here", error_word(span_of(path)));
}

static const struct entry_files files = { .read = read_nothing };

static void
compare_items(char *const *a, char *const *b)
{
	assert((a == NULL) == (b == NULL));
	for (; a != NULL && *a != NULL; a++, b++)
		assert(*b != NULL && strcmp(*a, *b) == 0);
	assert(b == NULL || *b == NULL);
}

static void
compare_texts(const char *a, const char *b)
{
	assert(a == b || (a != NULL && b != NULL && strcmp(a, b) == 0));
}

static void
compare_terms(const struct terms *a, const struct terms *b)
{
	assert((a == NULL) == (b == NULL));
	if (a == NULL)
		return;
	compare_items(a->groups, b->groups);
	compare_items(a->roles, b->roles);
	compare_items(a->subprotocols, b->subprotocols);
	compare_items(a->hubs, b->hubs);
	compare_texts(a->client_id.text, b->client_id.text);
	assert(a->client_id.source == b->client_id.source);
	assert(a->not_before == b->not_before);
	assert(a->n_queries == b->n_queries);
	for (size_t i = 0; i < a->n_queries; i++) {
		assert(a->queries[i].source == b->queries[i].source);
		compare_texts(a->queries[i].name, b->queries[i].name);
		compare_texts(a->queries[i].text, b->queries[i].text);
	}
}

/* Each entry is what its line alone makes: terms are shared by those alone that
 * have the same. */
static void
compare_lines(const struct list *list, struct span text)
{
	struct warnings warnings = { 0 };
	struct error e = { 0 };
	struct span line;
	size_t n = 0;

	text = lines_begin(text);
	while (span_next(&text, "\n", &line)) {
		struct entry own;
		line = list_entry_text(line);
		if (line.len == 0)
			continue;
		const struct entry *entry = &list->entries[n++];
		assert(entry_parse(&own, line, &files, &warnings, &e));
		assert(own.allows == entry->allows &&
		       own.user_source == entry->user_source &&
		       own.not_after == entry->not_after);
		compare_texts(own.user, entry->user);
		compare_terms(own.terms, entry->terms);
		entry_free(&own);
	}
	assert(n == list->n);
}

static void
target_list(struct span input)
{
	struct list list = { 0 };
	struct error e = { 0 };
	bool ok = list_build(&list, input, NULL, 0, &files, &e);

	assert(ok != e.set);
	assert(ok || (list.n == 0 && e.line > 0 && e.column > 0));
	if (ok)
		compare_lines(&list, input);
	for (size_t i = 0; i < list.n; i++) {
		const struct list_key *found;
		assert(list.entries[i].trust != NULL ||
		       list_find(&list, &list.entries[i].pin, &found) > 0);
	}
	list_free(&list);
}

static void
target_settings(struct span input)
{
	char *environment[] = { NULL };
	struct settings settings = { 0 };
	struct error e = { 0 };
	bool ok = settings_read(&settings, input, "settings", environment, &e);

	assert(ok != e.set);
	settings_free(&settings);
}

static bool
count_block(void *context, struct span der, unsigned block, struct error *e)
{
	size_t *n = context;

	(void)e;
	assert(der.len > 0 && block == *n + 1);
	(*n)++;
	return true;
}

/* The reader of an administrator's file takes a certificate that the strict
 * reader takes as the same one. */
static void
check_file(struct span input, struct span strict)
{
	struct certificate c;
	struct buffer der;
	struct error e = { 0 }, other = { 0 };
	size_t n = 0;

	buffer_init(&der, PEM_MAX);
	bool ok = pem_file_only(input, &der, &c, &e);
	assert(ok != e.set);
	assert(!ok || (der.len > 0 && der.len <= PEM_DER_MAX));
	if (certificate_read(strict, &c) && strict.len <= PEM_DER_MAX)
		assert(ok && span_equal(strict, buffer_span(&der)));
	ok = pem_file_read(input, PEM_FILE_CERTIFICATE, count_block, &n,
			   &other);
	assert(ok != other.set && (!ok || n > 0));
	pem_file_has_key(input);
	pem_file_is_likely(input);
	buffer_free(&der);
}

/* A name by which ca: allows is one that a deny entry sees. */
static void
check_alternative_names(const struct certificate *c, struct buffer *name)
{
	enum certificate_kind kind;
	struct span names, one;
	bool found = certificate_alternative_name(c, name, &kind) ==
		     CERTIFICATE_NAME_FOUND;
	enum certificate_name all = certificate_names(c, &names);
	bool seen = all == CERTIFICATE_NAME_UNUSABLE;

	while (all == CERTIFICATE_NAME_FOUND &&
	       certificate_next_name(&names, &one)) {
		assert(span_is_text(one));
		seen |= span_equal(one, buffer_span(name));
	}
	assert(!found || seen);
}

/* PEM, else DER. */
static void
target_certificate(struct span input)
{
	struct certificate c;
	struct buffer der, name;

	buffer_init(&der, PEM_MAX);
	buffer_init(&name, CERTIFICATE_NAME_MAX);
	struct span file = input;
	if (pem_decode(input, &der))
		input = buffer_span(&der);
	check_file(file, input);
	if (certificate_read(input, &c)) {
		if (certificate_common_name(&c, &name) !=
		    CERTIFICATE_NAME_FOUND)
			assert(name.len == 0);
		buffer_clear(&name);
		check_alternative_names(&c, &name);
		assert(span_is_text(buffer_span(&name)));
	}
	buffer_free(&der);
	buffer_free(&name);
}

/* Whole or a byte at a time, it is the same request; and so is what is written
 * of it. */
static void
target_records(struct span input)
{
	struct record_reader r, slow;
	struct buffer out;

	buffer_init(&out, REQUEST_BODY_MAX + INPUT_MAX);
	record_init(&r, REQUEST_BODY_MAX);
	record_init(&slow, REQUEST_BODY_MAX);
	enum record_state state = RECORD_COMPLETE, other;
	while (state == RECORD_COMPLETE && input.len > 0) {
		struct span rest = input;
		state = record_take(&r, &rest);
		do {
			struct span byte = { input.ptr, 1 };
			other = record_take(&slow, &byte);
			input = span_after(input, 1);
		} while (other == RECORD_MORE && input.len > 0);
		assert(state == other);
		assert(state != RECORD_COMPLETE || input.len == rest.len);
		if (state != RECORD_COMPLETE)
			break;
		assert(r.body_length == slow.body_length);
		record_write(&r, &out);
		struct span written = buffer_span(&out);
		record_clear(&slow);
		assert(record_take(&slow, &written) == RECORD_COMPLETE);
		assert(written.len == 0 && !slow.padded && slow.keep == r.keep);
		assert(span_equal(buffer_span(&r.params),
				  buffer_span(&slow.params)));
		assert(span_equal(buffer_span(&r.body),
				  buffer_span(&slow.body)));
		buffer_clear(&out);
		record_clear(&r);
		record_clear(&slow);
	}
	record_free(&r);
	record_free(&slow);
	buffer_free(&out);
}

/* Lines of NAME=value, then an empty one, then the body: with a list without
 * entries, no client is accepted. */
static void
target_parameters(struct span input)
{
	enum { PARAMETERS = 64 };
	static char hub[] = "CERTGATE_SIGNATURE=off";
	char *environment[] = { hub, NULL }, *parameters[PARAMETERS + 1];
	struct settings settings = { 0 };
	struct list list = { 0 };
	struct error e = { 0 };
	struct request request;
	struct answer answer;
	struct buffer out;
	struct span line;
	size_t n = 0;

	while (n < PARAMETERS && span_next(&input, "\n", &line) && line.len > 0)
		parameters[n++] = span_copy(line);
	parameters[n] = NULL;
	struct request_body body = { .bytes = input, .length = input.len };
	bool ok = settings_read(&settings, (struct span){ 0 }, "", environment,
				&e) &&
		  list_build(&list, (struct span){ 0 }, NULL, 0, &files, &e);
	assert(ok);
	struct gate gate = { &settings, &list };
	answer_init(&answer);
	buffer_init(&out, RESPONSE_MAX);
	request_read(&request, parameters, &body);
	handler_answer(&gate, &request, 0, &answer);
	handler_write(&answer, &request, &out);
	assert(answer.decision.verdict == VERDICT_DENY ||
	       !span_equal(answer.event, SPAN("connect")));
	assert(span_starts(buffer_span(&out), SPAN("Status: ")));
	buffer_free(&out);
	answer_free(&answer);
	list_free(&list);
	settings_free(&settings);
	while (n > 0)
		free(parameters[--n]);
}

#ifdef FUZZ_TARGET
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;

	if (!started)
		started = digest_start(DIGEST_USE_HANDLER);
	FUZZ_TARGET((struct span){ (const char *)data, size });
	return 0;
}
#endif

static const struct target {
	const char *name;
	void (*run)(struct span input);
} targets[] = {
	{ "list", target_list },
	{ "settings", target_settings },
	{ "event", target_event },
	{ "certificate", target_certificate },
	{ "comparison", target_comparison },
	{ "trust", target_trust },
	{ "records", target_records },
	{ "parameters", target_parameters },
};

#ifndef FUZZ_TARGET
/* The same damage in every run. */
static void
damage(char *data, size_t n, uint32_t *seed)
{
	for (int i = 0; i < 3 && n > 0; i++) {
		*seed = *seed * 1664525 + 1013904223;
		data[*seed % n] = (char)(*seed >> 24);
	}
}

static void
run_file(const struct target *target, const char *path)
{
	static char data[INPUT_MAX], copy[INPUT_MAX];
	FILE *file = fopen(path, "r");
	uint32_t seed = 1;

	if (file == NULL)
		return;
	size_t n = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	target->run((struct span){ data, n });
	for (int i = 0; i < DAMAGES; i++) {
		memcpy(copy, data, n);
		damage(copy, n, &seed);
		target->run((struct span){ copy, n - seed % (n + 1) / 4 });
	}
}

int
main(int argc, char **argv)
{
	size_t n = sizeof(targets) / sizeof(targets[0]), count = 0;
	char folder[4096];

	if (argc != 2 || !digest_start(DIGEST_USE_HANDLER))
		return 2;
	(void)printf("1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		struct dirent *entry;
		(void)snprintf(folder, sizeof(folder), "%s/%s", argv[1],
			       targets[i].name);
		DIR *d = opendir(folder);
		size_t before = count;
		while (d != NULL && (entry = readdir(d)) != NULL) {
			char path[8192];
			if (entry->d_name[0] == '.')
				continue;
			(void)snprintf(path, sizeof(path), "%s/%s", folder,
				       entry->d_name);
			run_file(&targets[i], path);
			count++;
		}
		if (d != NULL)
			(void)closedir(d);
		(void)printf("%s %zu - corpus of %s\n",
			     count > before ? "ok" : "not ok", i + 1,
			     targets[i].name);
		(void)fflush(stdout);
	}
	return 0;
}
#endif
