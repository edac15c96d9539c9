/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "base/json.h"
#include "protocol/response.h"

const struct span response_refusal =
	SPAN_TEXT("Status: 403 Forbidden\r\nContent-Length: 0\r\n\r\n");

void
response_init(struct response *r)
{
	*r = (struct response){ 0 };
	buffer_init(&r->body, RESPONSE_BODY_MAX);
}

void
response_free(struct response *r)
{
	buffer_free(&r->body);
	response_init(r);
}

void
response_clear(struct response *r)
{
	struct buffer body = r->body;

	buffer_clear(&body);
	*r = (struct response){ .body = body };
}

static void
add_member(struct response *r, struct span name)
{
	if (r->body.len > 1)
		buffer_add_byte(&r->body, ',');
	json_string_add(&r->body, name);
	buffer_add_byte(&r->body, ':');
}

static void
add_text(struct response *r, struct span name, struct span text)
{
	if (span_empty(text))
		return;
	add_member(r, name);
	json_string_add(&r->body, text);
}

/* texts may be NULL: no member. */
static void
add_array(struct response *r, struct span name, char *const *texts)
{
	if (texts == NULL)
		return;
	add_member(r, name);
	buffer_add_byte(&r->body, '[');
	for (size_t i = 0; texts[i] != NULL; i++) {
		if (i > 0)
			buffer_add_byte(&r->body, ',');
		json_string_add(&r->body, span_of(texts[i]));
	}
	buffer_add_byte(&r->body, ']');
}

bool
response_set_grant(struct response *r, const struct grant *grant)
{
	buffer_clear(&r->body);
	r->content = CONTENT_JSON;
	buffer_add_byte(&r->body, '{');
	add_text(r, SPAN("userId"), grant->user);
	add_array(r, SPAN("groups"), grant->groups);
	add_array(r, SPAN("roles"), grant->roles);
	add_text(r, SPAN("subprotocol"), grant->subprotocol);
	buffer_add_byte(&r->body, '}');
	return !r->body.failed;
}

bool
response_set_mqtt_refusal(struct response *r, int64_t version, struct span text)
{
	buffer_clear(&r->body);
	r->content = CONTENT_JSON;
	buffer_add(&r->body, SPAN("{\"mqtt\":{\"code\":"));
	buffer_add_number(&r->body, version >= 5 ? 135 : 5);
	buffer_add(&r->body, SPAN(",\"reason\":"));
	json_string_add(&r->body, text);
	buffer_add(&r->body, SPAN("}}"));
	return !r->body.failed;
}

void
response_set_text(struct response *r, struct span text)
{
	buffer_clear(&r->body);
	buffer_add(&r->body, text);
	buffer_add_byte(&r->body, '\n');
	r->content = CONTENT_TEXT;
}

/* RFC 9110 15; web servers replace or keep the phrase. */
static const char *
status_line(int status)
{
	static const struct {
		int status;
		const char *line;
	} lines[] = {
		{ 200, "Status: 200 OK\r\n" },
		{ 204, "Status: 204 No Content\r\n" },
		{ 400, "Status: 400 Bad Request\r\n" },
		{ 401, "Status: 401 Unauthorized\r\n" },
		{ 404, "Status: 404 Not Found\r\n" },
		{ 405, "Status: 405 Method Not Allowed\r\n" },
		{ 413, "Status: 413 Content Too Large\r\n" },
		{ 415, "Status: 415 Unsupported Media Type\r\n" },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (lines[i].status == status)
			return lines[i].line;
	return "Status: 403 Forbidden\r\n";
}

static void
add_line(struct buffer *out, struct span name, struct span value)
{
	buffer_add(out, name);
	buffer_add(out, value);
	buffer_add(out, SPAN("\r\n"));
}

void
response_write(const struct response *r, bool head, struct buffer *out)
{
	static const char *const types[] = {
		[CONTENT_TEXT] = "text/plain; charset=utf-8",
		[CONTENT_JSON] = "application/json; charset=utf-8",
	};

	buffer_add(out, span_of(status_line(r->status)));
	if (r->allowed_origin.ptr != NULL)
		add_line(out, SPAN("WebHook-Allowed-Origin: "),
			 r->allowed_origin);
	if (r->validation)
		add_line(out, SPAN("WebHook-Allowed-Rate: "), SPAN("*"));
	if (r->methods)
		add_line(out, SPAN("Allow: "), SPAN("OPTIONS, POST"));
	if (r->status == 204) {
		buffer_add(out, SPAN("\r\n"));
		return;
	}
	if (r->content != CONTENT_NONE)
		add_line(out, SPAN("Content-Type: "),
			 span_of(types[r->content]));
	buffer_add(out, SPAN("Content-Length: "));
	buffer_add_number(out, r->body.len);
	buffer_add(out, SPAN("\r\n\r\n"));
	if (!head)
		buffer_add(out, buffer_span(&r->body));
}
