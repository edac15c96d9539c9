/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "replay.h"

enum { FILE_MAX = 268435456 };

struct span
replay_file(const char *path)
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

/* A line of a header, without its end, as RFC 3875 4.1.18 has it. */
static void
take_line(struct span line, char *at, size_t size)
{
	struct span value = line, name;

	span_next(&value, ":", &name);
	bool bare = span_equal_nocase(name, SPAN("Content-Type")) ||
		    span_equal_nocase(name, SPAN("Content-Length"));
	value = span_trim(value);
	(void)snprintf(at, size, "%s%.*s=%.*s", bare ? "" : "HTTP_",
		       (int)name.len, name.ptr, (int)value.len, value.ptr);
	for (; *at != '=' && *at != '\0'; at++) {
		if (*at == '-')
			*at = '_';
		else if (*at >= 'a' && *at <= 'z')
			*at = (char)(*at - 'a' + 'A');
	}
}

/* From the bytes of an HTTP request to what a web server hands over. */
static void
take_http(struct span http, struct replay_event *event)
{
	struct span line, rest = http;
	size_t n = 0;

	span_next(&rest, " ", &line);
	(void)snprintf(event->text[n], sizeof(event->text[n]),
		       "REQUEST_METHOD=%.*s", (int)line.len, line.ptr);
	event->parameters[n] = event->text[n];
	n++;
	span_next(&rest, "\n", &line);
	while (span_next(&rest, "\n", &line) && line.len > 1 &&
	       n < REPLAY_PARAMETERS) {
		line.len--; /* the carriage return */
		take_line(line, event->text[n], sizeof(event->text[n]));
		event->parameters[n] = event->text[n];
		n++;
	}
	event->parameters[n] = NULL;
	event->body =
		(struct request_body){ .bytes = rest, .length = rest.len };
}

bool
replay_next(struct span *rest, struct replay_event *event)
{
	enum { HEAD = 10 };
	uint32_t sizes[2];
	uint16_t status;

	if (rest->len < HEAD)
		return false;
	memcpy(sizes, rest->ptr, sizeof(sizes));
	memcpy(&status, rest->ptr + sizeof(sizes), sizeof(status));
	*rest = span_after(*rest, HEAD);
	event->status = status;
	take_http((struct span){ rest->ptr, sizes[0] }, event);
	*rest = span_after(*rest, sizes[0]);
	event->expected = (struct span){ rest->ptr, sizes[1] };
	*rest = span_after(*rest, sizes[1]);
	return true;
}

void
replay_settings(struct settings *settings)
{
	static char keys[] = "CERTGATE_ACCESS_KEYS=bench-access-key";
	static char hub[] = "CERTGATE_HUB=bench";
	char *environment[] = { keys, hub, NULL };
	struct error e = { 0 };

	if (settings_read(settings, (struct span){ 0 }, "", environment, &e))
		return;
	(void)fprintf(stderr, "%s\n", e.text);
	exit(3);
}

static bool
read_whole(void *context, const char *path, struct buffer *text,
	   struct error *e)
{
	struct span file = replay_file(path);

	(void)context;
	buffer_add(text, file);
	free((char *)(uintptr_t)file.ptr);
	return !text->failed || error_set(e, "%s: too long", path);
}

const struct entry_files replay_files = { .read = read_whole };

int64_t
replay_now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
