/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "admin/event.h"
#include "admin/web.h"
#include "base/hex.h"
#include "base/json.h"
#include "host/log_line.h"
#include "host/outage_events.h"
#include "protocol/digest.h"
#include "protocol/pem.h"

enum {
	ID_BYTES = 16, /* of a connection id */
	HEADERS_MAX = 65536, /* bytes; of the parameters too */
	BODY_MAX = 4194304, /* bytes */
	URL_MAX = 8192 /* bytes */
};

static bool
read_mqtt(const char *text, unsigned *version, struct error *e)
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
posting_read_options(struct posting_plan *plan, const struct command *command,
		     struct error *e)
{
	const char *const *option = command->option;

	plan->hub = span_of(option[OPTION_HUB]);
	plan->connection = span_of(option[OPTION_CONNECTION_ID]);
	plan->user = span_of(option[OPTION_USER]);
	plan->query = span_of(option[OPTION_QUERY]);
	return read_mqtt(option[OPTION_MQTT], &plan->mqtt, e) &&
	       (is_query(plan->query) ||
		error_set(e, "expected --query NAME=VALUE, each name once"));
}

static void
set_default(struct span *value, char *const *values, struct span otherwise)
{
	if (value->ptr == NULL)
		*value = values == NULL || values[0] == NULL
				 ? otherwise
				 : span_of(values[0]);
}

void
posting_default(struct posting_plan *plan, const struct settings *settings)
{
	set_default(&plan->hub, settings == NULL ? NULL : settings->hubs,
		    SPAN("hub"));
	set_default(&plan->origin, settings == NULL ? NULL : settings->origins,
		    SPAN("certgate.example"));
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

static void
add_source(struct buffer *headers, const struct posting_plan *plan)
{
	buffer_add(headers, SPAN("ce-source: /hubs/"));
	buffer_add(headers, plan->hub);
	buffer_add(headers, SPAN("/client/"));
	buffer_add(headers, plan->connection);
	if (plan->mqtt != 0)
		buffer_add(headers, SPAN("/physical-1"));
	buffer_add(headers, SPAN("\nce-time: "));
	log_line_time(headers, (int64_t)time(NULL));
	buffer_add_byte(headers, '\n');
}

/* Add the signature by each key, as the service does. */
static bool
add_signature(struct buffer *headers, const struct posting_plan *plan,
	      const struct settings *settings)
{
	enum { WRONG = 8 /* digits */ };

	if (settings == NULL || settings->keys.n == 0)
		return true;
	buffer_add(headers, SPAN("ce-signature: "));
	for (size_t i = 0; i < settings->keys.n; i++) {
		char token[SIGNATURE_TOKEN_SIZE];
		if (!signature_make(settings->keys.key[i], plan->connection,
				    token))
			return false;
		if (plan->wrong_signature)
			memset(token + sizeof(token) - 1 - WRONG, '0', WRONG);
		if (i > 0)
			buffer_add_byte(headers, ',');
		buffer_add(headers, span_of(token));
	}
	buffer_add_byte(headers, '\n');
	return true;
}

static bool
add_headers(struct buffer *headers, const struct posting_plan *plan,
	    const struct settings *settings)
{
	static const char fixed[] =
		"Content-Type: application/json; charset=utf-8\n"
		"ce-specversion: 1.0\n"
		"ce-awpsversion: 1.0\n"
		"ce-type: azure.webpubsub.sys.connect\n"
		"ce-eventName: connect\n"
		"ce-id: 0\n";

	add_header(headers, "WebHook-Request-Origin", plan->origin);
	buffer_add(headers, span_of(fixed));
	add_source(headers, plan);
	add_header(headers, "ce-hub", plan->hub);
	add_header(headers, "ce-connectionId", plan->connection);
	add_header(headers, "ce-userId", plan->user);
	if (plan->mqtt != 0)
		buffer_add(headers, SPAN("ce-subprotocol: mqtt\n"
					 "ce-physicalConnectionId: "
					 "physical-1\n"));
	add_header(headers, "Authorization", plan->authorization);
	return add_signature(headers, plan, settings);
}

/* Add the certificate as PEM; as from the service, each line but the last ends
 * with CRLF. */
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

/* Add the query: a list of values for each name, as from the service. */
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

static void
add_padding(struct buffer *body, size_t n)
{
	if (n == 0)
		return;
	buffer_add(body, SPAN("\"X-Padding\":[\""));
	char *room = buffer_reserve(body, n);
	if (room == NULL)
		return;
	memset(room, 'x', n);
	body->len += n;
	buffer_add(body, SPAN("\"]"));
}

static bool
add_body(struct buffer *body, const struct posting_plan *plan)
{
	buffer_add(body, SPAN("{\"claims\":{},\"query\":{"));
	add_query(body, plan->query);
	buffer_add(body, SPAN("},\"headers\":{"));
	add_padding(body, plan->padding);
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
	return ok;
}

static bool
is_text(const struct posting_plan *plan)
{
	return span_is_text(plan->hub) && span_is_text(plan->connection) &&
	       span_is_text(plan->user) && span_is_text(plan->origin) &&
	       span_is_text(plan->authorization);
}

bool
posting_make(struct posting *posting, const struct posting_plan *plan,
	     const struct settings *settings, struct error *e)
{
	struct posting_plan whole = *plan;
	uint8_t bytes[ID_BYTES];
	char id[sizeof(OUTAGE_OWN) - 1 + 2 * ID_BYTES] = OUTAGE_OWN;

	*posting = (struct posting){ 0 };
	buffer_init(&posting->headers, HEADERS_MAX);
	buffer_init(&posting->body, BODY_MAX);
	buffer_init(&posting->words, HEADERS_MAX);
	if (!is_text(plan))
		return error_set(e, "a control character in the event: "
				    "expected text");
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return error_system(e, "random bytes");
	hex_encode(bytes, sizeof(bytes), id + sizeof(OUTAGE_OWN) - 1);
	if (plan->connection.ptr == NULL)
		whole.connection = (struct span){ id, sizeof(id) };
	buffer_add(&posting->body, plan->body);
	bool ok = add_headers(&posting->headers, &whole, settings) &&
		  (plan->body.ptr != NULL || add_body(&posting->body, &whole));
	return (ok && !posting->headers.failed && !posting->body.failed) ||
	       error_set(e, "the event cannot be made: out of memory, or "
			    "too large");
}

void
posting_free(struct posting *posting)
{
	buffer_wipe(&posting->headers);
	buffer_wipe(&posting->words);
	buffer_free(&posting->body);
}

/* Add the variable of a header (RFC 3875 4.1.18). */
static void
add_header_name(struct buffer *words, struct span name)
{
	if (!span_equal(name, SPAN("Content-Type")))
		buffer_add(words, SPAN("HTTP_"));
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool lower = c >= 'a' && c <= 'z';
		buffer_add_byte(words, c == '-' ? '_'
				       : lower	? (char)(c - 'a' + 'A')
						: c);
	}
	buffer_add_byte(words, '=');
}

static void
add_sender(struct buffer *words, const struct settings *settings)
{
	if (settings != NULL && settings->code != NULL) {
		buffer_add(words, SPAN("QUERY_STRING=code="));
		buffer_add_percent(words, span_of(settings->code));
		buffer_add_byte(words, '\0');
	}
	if (settings != NULL && settings->remote_user != NULL) {
		buffer_add(words, SPAN("AUTH_TYPE=explain\0REMOTE_USER="));
		buffer_add(words, span_of(settings->remote_user));
		buffer_add_byte(words, '\0');
	}
}

bool
posting_request(struct posting *posting, const struct settings *settings,
		struct request *request)
{
	struct buffer *words = &posting->words;
	struct span rest = buffer_span(&posting->headers), line, name;
	size_t n = 0;

	buffer_add(words, SPAN("REQUEST_METHOD=POST\0"));
	while (span_next_word(&rest, "\n", &line)) {
		span_next(&line, ":", &name);
		add_header_name(words, name);
		buffer_add(words, span_trim(line));
		buffer_add_byte(words, '\0');
	}
	add_sender(words, settings);
	if (words->failed)
		return false;
	for (size_t at = 0; at < words->len && n < POSTING_PARAMETERS;
	     at += strlen(words->data + at) + 1)
		posting->parameters[n++] = words->data + at;
	struct request_body body = {
		.bytes = buffer_span(&posting->body),
		.length = posting->body.len,
	};
	request_read(request, posting->parameters, &body);
	return true;
}

bool
posting_has_code(const char *url)
{
	const char *query = strchr(url, '?');

	return query != NULL && (strncasecmp(query, "?code=", 6) == 0 ||
				 strcasestr(query, "&code=") != NULL);
}

bool
posting_url(struct buffer *target, const char *url,
	    const struct settings *settings, struct error *e)
{
	buffer_init(target, URL_MAX);
	buffer_add(target, span_of(url));
	if (settings->code != NULL && !posting_has_code(url)) {
		buffer_add_byte(target, strchr(url, '?') == NULL ? '?' : '&');
		buffer_add(target, SPAN("code="));
		buffer_add_percent(target, span_of(settings->code));
	}
	buffer_add_byte(target, '\0');
	return !target->failed || error_set(e, "the URL is too long");
}
