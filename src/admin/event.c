/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "admin/event.h"
#include "admin/input.h"
#include "admin/web.h"
#include "base/date.h"
#include "base/hex.h"
#include "base/json_string.h"
#include "host/log_line.h"
#include "protocol/digest.h"
#include "protocol/pem.h"
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

enum {
	HEADERS_MAX = 65536, /* bytes */
	URL_MAX = 8192 /* bytes */
};

bool
posting_id(char id[POSTING_ID + 1], struct error *e)
{
	uint8_t bytes[POSTING_ID / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return error_system(e, "random bytes");
	hex_encode(bytes, sizeof(bytes), id);
	id[POSTING_ID] = '\0';
	return true;
}

bool
posting_read_mqtt(const char *text, unsigned *version, struct error *e)
{
	bool known = text == NULL || strcmp(text, "4") == 0 ||
		     strcmp(text, "5") == 0;

	*version = known && text != NULL ? (unsigned)(text[0] - '0') : 0;
	return known || error_set(e, "expected --mqtt 4 or 5");
}

static bool
is_query(struct span query)
{
	struct span rest = query, pair, name;

	if (!span_is_text(query))
		return false;
	while (span_next(&rest, "&", &pair)) {
		struct span earlier = query, other, key;
		span_next(&pair, "=", &name);
		if (span_empty(name) || pair.ptr == NULL)
			return false;
		while (span_next(&earlier, "&", &other) &&
		       other.ptr != name.ptr) {
			span_next(&other, "=", &key);
			if (span_equal(key, name))
				return false;
		}
	}
	return true;
}

bool
posting_read_query(const char *text, struct span *query, struct error *e)
{
	bool is = is_query(span_of(text));

	*query = is ? span_of(text) : (struct span){ 0 };
	return is || error_set(e, "expected --query NAME=VALUE, each name "
				  "once");
}

static struct span
first_of(char *const *values, struct span otherwise)
{
	return values == NULL || values[0] == NULL ? otherwise
						   : span_of(values[0]);
}

struct span
posting_hub(const char *hub, const struct settings *settings)
{
	return hub != NULL ? span_of(hub)
			   : first_of(settings == NULL ? NULL : settings->hubs,
				      SPAN("hub"));
}

struct span
posting_origin(const struct settings *settings)
{
	return first_of(settings == NULL ? NULL : settings->origins,
			SPAN("certgate.example"));
}

static bool
has_code(const char *query)
{
	return query != NULL && (strncmp(query, "?code=", 6) == 0 ||
				 strstr(query, "&code=") != NULL);
}

bool
posting_url(struct buffer *target, const char *url,
	    const struct settings *settings, struct error *e)
{
	const char *query = strchr(url, '?');

	buffer_init(target, URL_MAX);
	buffer_add(target, span_of(url));
	if (settings->code != NULL && !has_code(query)) {
		buffer_add(target,
			   query == NULL ? SPAN("?code=") : SPAN("&code="));
		web_escape(target, span_of(settings->code));
	}
	buffer_add_byte(target, '\0');
	return !target->failed || error_set(e, "the URL is too long");
}

static void
add_header(struct buffer *headers, const char *name, struct span value)
{
	if (value.ptr == NULL)
		return;
	buffer_add(headers, span_of(name));
	buffer_add(headers, SPAN(": "));
	buffer_add(headers, value);
	buffer_add_byte(headers, '\n');
}

/* One token for each key, as the service sends those of both its keys. */
static bool
add_signature(struct buffer *headers, const struct posting_plan *plan,
	      const struct settings *settings)
{
	if (settings->n_keys == 0)
		return true;
	buffer_add(headers, SPAN("ce-signature: "));
	for (size_t i = 0; i < settings->n_keys; i++) {
		char token[SIGNATURE_TOKEN_SIZE];
		if (!signature_make(settings->keys[i], plan->connection, token))
			return false;
		if (plan->wrong)
			memset(token + sizeof(token) - 9, '0', 8);
		if (i > 0)
			buffer_add_byte(headers, ',');
		buffer_add(headers, span_of(token));
	}
	buffer_add_byte(headers, '\n');
	return true;
}

static void
add_source(struct buffer *headers, const struct posting_plan *plan)
{
	buffer_add(headers, SPAN("ce-source: /hubs/"));
	buffer_add(headers, plan->hub);
	buffer_add(headers, SPAN("/client/"));
	buffer_add(headers, plan->connection);
	if (plan->mqtt != 0)
		buffer_add(headers, SPAN("/physical-1"));
	buffer_add_byte(headers, '\n');
}

static void
add_time(struct buffer *headers)
{
	buffer_add(headers, SPAN("ce-time: "));
	log_line_time(headers, (int64_t)time(NULL));
	buffer_add_byte(headers, '\n');
}

static bool
add_headers(struct buffer *headers, const struct posting_plan *plan,
	    const struct settings *settings)
{
	add_header(headers, "WebHook-Request-Origin", plan->origin);
	add_header(headers, "Content-Type",
		   SPAN("application/json; charset=utf-8"));
	add_header(headers, "ce-specversion", SPAN("1.0"));
	add_header(headers, "ce-awpsversion", SPAN("1.0"));
	add_header(headers, "ce-type", SPAN("azure.webpubsub.sys.connect"));
	add_header(headers, "ce-eventName", SPAN("connect"));
	add_header(headers, "ce-id", SPAN("0"));
	add_time(headers);
	add_source(headers, plan);
	add_header(headers, "ce-hub", plan->hub);
	add_header(headers, "ce-connectionId", plan->connection);
	add_header(headers, "ce-userId", plan->user);
	if (plan->mqtt != 0) {
		add_header(headers, "ce-subprotocol", SPAN("mqtt"));
		add_header(headers, "ce-physicalConnectionId",
			   SPAN("physical-1"));
	}
	add_header(headers, "Authorization", plan->authorization);
	return add_signature(headers, plan, settings);
}

/* As the service has it: lines end in CRLF, but for the last one. */
static void
add_pem(struct buffer *body, struct span der)
{
	struct buffer pem;
	struct span rest, line;

	buffer_init(&pem, PEM_MAX);
	pem_encode(der, &pem);
	rest = buffer_span(&pem);
	for (bool first = true; span_next_word(&rest, "\n", &line);
	     first = false) {
		if (!first)
			buffer_add(body, SPAN("\\r\\n"));
		buffer_add(body, line);
	}
	body->failed |= pem.failed;
	buffer_free(&pem);
}

static bool
add_certificate(struct buffer *body, struct span der)
{
	uint8_t sha1[DIGEST_SHA1_SIZE];
	char digits[2 * DIGEST_SHA1_SIZE];

	if (der.ptr == NULL)
		return true;
	if (!digest_sha1(der, sha1))
		return false;
	hex_encode(sha1, sizeof(sha1), digits);
	buffer_add(body, SPAN("{\"thumbprint\":\""));
	buffer_add(body, (struct span){ digits, sizeof(digits) });
	buffer_add(body, SPAN("\",\"content\":\""));
	add_pem(body, der);
	buffer_add(body, SPAN("\"}"));
	return true;
}

/* The service has a list of values for each name. */
static void
add_query(struct buffer *body, struct span query)
{
	struct span value, name;

	for (bool first = true; span_next(&query, "&", &value); first = false) {
		span_next(&value, "=", &name);
		if (!first)
			buffer_add_byte(body, ',');
		json_string_add(body, name);
		buffer_add(body, SPAN(":["));
		json_string_add(body, value);
		buffer_add_byte(body, ']');
	}
}

bool
posting_body(struct buffer *body, const struct posting_plan *plan)
{
	buffer_add(body, SPAN("{\"claims\":{},\"query\":{"));
	add_query(body, plan->query);
	buffer_add(body, SPAN("},\"headers\":{"));
	if (plan->padding > 0) {
		char *room;
		buffer_add(body, SPAN("\"X-Padding\":[\""));
		room = buffer_reserve(body, plan->padding);
		if (room == NULL)
			return false;
		memset(room, 'x', plan->padding);
		body->len += plan->padding;
		buffer_add(body, SPAN("\"]"));
	}
	buffer_add(body, SPAN("},\"subprotocols\":["));
	if (plan->mqtt != 0) {
		buffer_add(body,
			   SPAN("\"mqtt\"],\"mqtt\":{\"protocolVersion\":"));
		buffer_add_number(body, plan->mqtt);
		buffer_add(body, SPAN(",\"username\":null,\"password\":null,"
				      "\"userProperties\":null}"));
	} else {
		buffer_add_byte(body, ']');
	}
	buffer_add(body, SPAN(",\"clientCertificates\":["));
	bool ok = add_certificate(body, plan->der);
	buffer_add(body, SPAN("]}"));
	return ok && !body->failed;
}

bool
posting_make(struct posting *posting, const struct posting_plan *plan,
	     const struct settings *settings, struct error *e)
{
	buffer_init(&posting->headers, HEADERS_MAX);
	buffer_init(&posting->body, POSTING_MAX);
	if (!span_is_text(plan->hub) || !span_is_text(plan->connection) ||
	    !span_is_text(plan->user) || !span_is_text(plan->origin) ||
	    !span_is_text(plan->authorization))
		return error_set(e, "a control character in the event: "
				    "expected text");
	return (add_headers(&posting->headers, plan, settings) &&
		!posting->headers.failed &&
		posting_body(&posting->body, plan)) ||
	       error_set(e, "the event cannot be made: out of memory, or "
			    "too large");
}

void
posting_free(struct posting *posting)
{
	buffer_wipe(&posting->headers);
	buffer_free(&posting->body);
}
