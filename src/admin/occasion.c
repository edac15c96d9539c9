/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>
#include <time.h>

#include "admin/input.h"
#include "admin/occasion.h"
#include "admin/posting.h"
#include "admin/web.h"
#include "base/date.h"
#include "protocol/pem_file.h"

enum {
	WORDS_MAX = 65536 /* bytes of all parameters */
};

/* As the service makes one, where none is given. */
static const char standard_connection[] = "0f9c97a2f0bf4706afe87a14e0797b11";

void
occasion_init(struct occasion *occasion)
{
	*occasion = (struct occasion){ .now = (int64_t)time(NULL) };
	buffer_init(&occasion->body, INPUT_MAX);
	buffer_init(&occasion->words, WORDS_MAX);
}

void
occasion_free(struct occasion *occasion)
{
	buffer_free(&occasion->body);
	buffer_free(&occasion->words);
}

/* "YYYY-MM-DD" or "YYYY-MM-DDTHH:MM:SSZ" */
static bool
read_time(const char *text, int64_t *seconds, struct error *e)
{
	if (date_parse(span_of(text), seconds) ||
	    date_time_parse(span_of(text), seconds))
		return true;
	return error_set(e, "--now: expected YYYY-MM-DD or "
			    "YYYY-MM-DDTHH:MM:SSZ");
}

static enum exit_code
read_body(struct occasion *occasion, const struct command *command,
	  struct error *e)
{
	struct certificate c;
	struct buffer bytes, der;

	buffer_init(&der, INPUT_MAX);
	bool ok = input_read(command->arguments[0],
			     "a file with a certificate or a connect event",
			     &bytes, e);
	struct span rest = buffer_span(&bytes);
	struct span front = rest;
	while (front.len > 0 && strchr(" \t\r\n", front.ptr[0]) != NULL)
		front = span_after(front, 1);
	bool event = span_starts(front, SPAN("{")) || !pem_file_is_likely(rest);
	bool own = ok && event && occasion->query.ptr != NULL;
	if (own)
		ok = error_set(e, "--query: this event has a query of its own");
	else if (ok && event)
		buffer_add(&occasion->body, rest);
	else
		ok = ok && pem_file_first(rest, &der, &c, e);
	if (ok && !event) {
		struct posting_plan plan = {
			.der = buffer_span(&der),
			.mqtt = occasion->mqtt,
			.query = occasion->query,
		};
		ok = posting_body(&occasion->body, &plan);
	}
	error_where(e, input_name(command->arguments[0]));
	buffer_wipe(&bytes);
	buffer_free(&der);
	if (ok && !occasion->body.failed)
		return EXIT_DONE;
	error_set(e, "out of memory"); /* if it is nothing else */
	return own ? EXIT_MISUSED : EXIT_SYSTEM;
}

/* Adds NAME=value; nothing for a value that is absent. */
static void
add(struct occasion *occasion, const char *name, struct span value)
{
	if (value.ptr == NULL)
		return;
	buffer_add(&occasion->words, span_of(name));
	buffer_add_byte(&occasion->words, '=');
	buffer_add(&occasion->words, value);
	buffer_add_byte(&occasion->words, '\0');
}

static void
add_code(struct occasion *occasion, const char *code)
{
	if (code == NULL)
		return;
	buffer_add(&occasion->words, SPAN("QUERY_STRING=code="));
	web_escape(&occasion->words, span_of(code));
	buffer_add_byte(&occasion->words, '\0');
}

static void
add_sender(struct occasion *occasion, const struct settings *settings,
	   struct span connection)
{
	char token[SIGNATURE_TOKEN_SIZE];

	add(occasion, "HTTP_WEBHOOK_REQUEST_ORIGIN", posting_origin(settings));
	if (settings == NULL)
		return;
	add_code(occasion, settings->code);
	if (settings->n_keys > 0 &&
	    signature_make(settings->keys[0], connection, token))
		add(occasion, "HTTP_CE_SIGNATURE", span_of(token));
	if (settings->remote_user == NULL)
		return;
	add(occasion, "AUTH_TYPE", SPAN("explain"));
	add(occasion, "REMOTE_USER", span_of(settings->remote_user));
}

/* The words as the parameters of a web server. */
static bool
set_parameters(struct occasion *occasion, struct error *e)
{
	size_t n = 0;

	if (occasion->words.failed)
		return error_set(e, "the options are too long");
	for (size_t at = 0; at < occasion->words.len && n < OCCASION_PARAMETERS;
	     at += strlen(occasion->words.data + at) + 1)
		occasion->parameters[n++] = occasion->words.data + at;
	return true;
}

bool
occasion_read_options(struct occasion *occasion, const struct command *command,
		      struct error *e)
{
	const char *const *option = command->option;
	const char *now = option[OPTION_NOW];

	return posting_read_mqtt(option[OPTION_MQTT], &occasion->mqtt, e) &&
	       posting_read_query(option[OPTION_QUERY], &occasion->query, e) &&
	       (now == NULL || read_time(now, &occasion->now, e));
}

enum exit_code
occasion_make(struct occasion *occasion, const struct command *command,
	      const struct settings *settings, struct error *e)
{
	const char *connection = command->option[OPTION_CONNECTION_ID];

	enum exit_code code = read_body(occasion, command, e);
	if (code != EXIT_DONE)
		return code;
	if (connection == NULL)
		connection = standard_connection;
	add(occasion, "REQUEST_METHOD", SPAN("POST"));
	add(occasion, "CONTENT_TYPE", SPAN("application/json"));
	add(occasion, "HTTP_CE_SPECVERSION", SPAN("1.0"));
	add(occasion, "HTTP_CE_TYPE", SPAN("azure.webpubsub.sys.connect"));
	add(occasion, "HTTP_CE_EVENTNAME", SPAN("connect"));
	add(occasion, "HTTP_CE_CONNECTIONID", span_of(connection));
	add(occasion, "HTTP_CE_HUB",
	    posting_hub(command->option[OPTION_HUB], settings));
	add(occasion, "HTTP_CE_USERID", span_of(command->option[OPTION_USER]));
	if (occasion->mqtt != 0)
		add(occasion, "HTTP_CE_PHYSICALCONNECTIONID", SPAN("1"));
	add_sender(occasion, settings, span_of(connection));
	struct request_body body = {
		.bytes = buffer_span(&occasion->body),
		.length = occasion->body.len,
	};
	if (!set_parameters(occasion, e))
		return EXIT_MISUSED;
	request_read(&occasion->request, occasion->parameters, &body);
	return EXIT_DONE;
}
