/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * entries ROUNDS FOLDER…: what kinds of entries cost, in process, one thread:
 * each FOLDER, which `events` made, is a row.  In each round, one FOLDER after
 * the other, all events are answered twice: at the first sight of their
 * certificates, as the memory of verified chains is empty before, and again.
 * Prints the medians, over accepted clients, of nanoseconds from parameters
 * to the bytes of the answer, and how many times the first row that is.  Ends 1
 * after a wrong answer.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handler.h"
#include "replay.h"

enum { ROWS_MAX = 8, TURNS = 2 };

struct row {
	const char *name;
	struct span events;
	struct list list;
	uint32_t *samples[TURNS]; /* nanoseconds */
	size_t n;
};

static struct settings settings;
static struct answer answer;
static struct buffer out;

static void
read_row(struct row *row, const char *folder, unsigned rounds)
{
	char path[4096];
	struct error e = { 0 };
	struct replay_event event;
	size_t n = 0;

	const char *slash = strrchr(folder, '/');
	row->name = slash == NULL ? folder : slash + 1;
	(void)snprintf(path, sizeof(path), "%s/events", folder);
	row->events = replay_file(path);
	for (struct span rest = row->events; replay_next(&rest, &event); n++)
		continue;
	(void)snprintf(path, sizeof(path), "%s/list", folder);
	if (!list_build(&row->list, replay_file(path), NULL, 0, &replay_files,
			&e)) {
		(void)fprintf(stderr, "entries: %s: %s\n", path, e.text);
		exit(3);
	}
	for (int turn = 0; turn < TURNS; turn++) {
		row->samples[turn] = calloc(n * rounds + 1, sizeof(uint32_t));
		if (row->samples[turn] == NULL)
			exit(3);
	}
}

/* What the web server would get, against what it must. */
static void
judge(const struct row *row, const struct replay_event *event)
{
	struct span all = buffer_span(&out);
	const char *end = memmem(all.ptr, all.len, "\r\n\r\n", 4);
	unsigned status =
		(unsigned)strtoul(all.ptr + strlen("Status: "), NULL, 10);
	struct span body = span_after(all, (size_t)(end + 4 - all.ptr));

	if (status == event->status && span_starts(body, event->expected))
		return;
	(void)fprintf(stderr, "entries: %s: expected %u %.*s, got %.*s\n",
		      row->name, event->status, (int)event->expected.len,
		      event->expected.ptr, (int)all.len, all.ptr);
	exit(1);
}

static uint32_t
answer_once(const struct row *row, struct replay_event *event, int64_t now)
{
	struct gate gate = { &settings, &row->list };
	struct request request;
	int64_t begin = replay_now_ns();

	request_read(&request, event->parameters, &event->body);
	handler_answer(&gate, &request, now, &answer);
	buffer_clear(&out);
	handler_write(&answer, &request, &out);
	int64_t took = replay_now_ns() - begin;
	judge(row, event);
	return (uint32_t)took;
}

static void
run_row(struct row *row)
{
	static struct replay_event event;
	int64_t now = time(NULL);
	size_t before = row->n;

	chain_memory_free(&answer.decision.memory);
	for (int turn = 0; turn < TURNS; turn++) {
		struct span rest = row->events;
		row->n = before;
		while (replay_next(&rest, &event)) {
			row->samples[turn][row->n] =
				answer_once(row, &event, now);
			row->n += event.status == 200;
		}
	}
}

static int
compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
print(const struct row *rows, size_t n)
{
	double first[TURNS];

	(void)printf("  %-24s%14s%8s%14s%8s\n", "", "first sight", "ratio",
		     "again", "ratio");
	for (size_t i = 0; i < n; i++) {
		(void)printf("  %-24s", rows[i].name);
		for (int turn = 0; turn < TURNS; turn++) {
			uint32_t *samples = rows[i].samples[turn];
			qsort(samples, rows[i].n, sizeof(*samples), compare);
			double median = samples[rows[i].n / 2];
			if (i == 0)
				first[turn] = median;
			(void)printf("%11.0f ns%8.2f", median,
				     median / first[turn]);
		}
		(void)printf("\n");
	}
}

int
main(int argc, char **argv)
{
	static struct row rows[ROWS_MAX];
	size_t n = (size_t)argc - 2;

	if (argc < 3 || n > ROWS_MAX || !digest_start(DIGEST_USE_HANDLER))
		return 2;
	unsigned rounds = (unsigned)strtoul(argv[1], NULL, 10);
	replay_settings(&settings);
	for (size_t i = 0; i < n; i++)
		read_row(&rows[i], argv[i + 2], rounds);
	answer_init(&answer);
	buffer_init(&out, RESPONSE_MAX);
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < n; i++)
			run_row(&rows[i]);
	print(rows, n);
	return 0;
}
