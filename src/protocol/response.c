/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include <json-c/json.h>

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

/* Takes value, which may be NULL when memory ran out. */
static bool
add_member(struct json_object *object, const char *name,
	   struct json_object *value)
{
	if (value != NULL && json_object_object_add(object, name, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static struct json_object *
new_string(struct span text)
{
	return json_object_new_string_len(text.ptr, (int)text.len);
}

static struct json_object *
new_array(char *const *texts)
{
	struct json_object *array = json_object_new_array();

	for (; array != NULL && *texts != NULL; texts++) {
		struct json_object *text = json_object_new_string(*texts);
		if (text == NULL || json_object_array_add(array, text) != 0) {
			json_object_put(text);
			json_object_put(array);
			return NULL;
		}
	}
	return array;
}

/* Takes tree; ok says whether it was built. */
static bool
set_json(struct response *r, struct json_object *tree, bool ok)
{
	const char *text = NULL;

	if (ok)
		text = json_object_to_json_string_ext(
			tree, JSON_C_TO_STRING_PLAIN |
				      JSON_C_TO_STRING_NOSLASHESCAPE);
	buffer_clear(&r->body);
	if (text != NULL)
		buffer_add(&r->body, span_of(text));
	json_object_put(tree);
	r->content = CONTENT_JSON;
	return text != NULL && !r->body.failed;
}

bool
response_set_grant(struct response *r, const struct grant *grant)
{
	struct json_object *tree = json_object_new_object();
	bool ok = tree != NULL;

	if (ok && !span_empty(grant->user))
		ok = add_member(tree, "userId", new_string(grant->user));
	if (ok && grant->groups != NULL)
		ok = add_member(tree, "groups", new_array(grant->groups));
	if (ok && grant->roles != NULL)
		ok = add_member(tree, "roles", new_array(grant->roles));
	if (ok && !span_empty(grant->subprotocol))
		ok = add_member(tree, "subprotocol",
				new_string(grant->subprotocol));
	return set_json(r, tree, ok);
}

bool
response_set_mqtt_refusal(struct response *r, int64_t version, struct span text)
{
	struct json_object *tree = json_object_new_object();
	struct json_object *mqtt = json_object_new_object();
	int code = version >= 5 ? 135 : 5;
	bool ok = tree != NULL && mqtt != NULL &&
		  add_member(mqtt, "code", json_object_new_int(code)) &&
		  add_member(mqtt, "reason", new_string(text));

	if (ok)
		ok = add_member(tree, "mqtt", mqtt);
	else
		json_object_put(mqtt);
	return set_json(r, tree, ok);
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
