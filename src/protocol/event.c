/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <limits.h>

#include <json-c/json.h>

#include "protocol/event.h"
#include "base/json.h"

static const struct event nothing = {
	.members = {
		[EVENT_CERTIFICATES].name = SPAN_TEXT("clientCertificates"),
		[EVENT_MQTT].name = SPAN_TEXT("mqtt"),
		[EVENT_QUERY].name = SPAN_TEXT("query"),
		[EVENT_SUBPROTOCOLS].name = SPAN_TEXT("subprotocols"),
	},
};

enum { KEPT_MAX = 65536 /* bytes of a member whose tokener is kept */ };

/* The values in tree, with itself; as deep as JSON_MAX_DEPTH at most. */
static size_t
count_values(struct json_object *tree)
{
	size_t count = 1;

	if (json_object_is_type(tree, json_type_object)) {
		json_object_object_foreach (tree, name, value) {
			(void)name;
			count += count_values(value);
		}
	} else if (json_object_is_type(tree, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(tree); i++)
			count += count_values(
				json_object_array_get_idx(tree, i));
	}
	return count;
}

/* The tree of a member that is an object or an array; NULL if it is neither, or
 * without memory.  Values are counted because json-c 0.16 drops a value
 * silently if an allocation fails.  The flag JSON_TOKENER_STRICT is not set:
 * with it, json-c 0.18 rejects every byte above 0x7F in a string. */
static struct json_object *
decode(struct event *event, enum event_member which)
{
	const struct json_member *member = &event->members[which];
	struct span text = member->value;
	struct json_object *tree = event->trees[which];
	static struct json_tokener *tokener; /* kept with its buffers */

	if (tree != NULL || text.len == 0 ||
	    (text.ptr[0] != '{' && text.ptr[0] != '['))
		return tree;
	if (tokener == NULL)
		tokener = json_tokener_new_ex(JSON_MAX_DEPTH);
	if (tokener == NULL)
		return NULL;
	json_tokener_reset(tokener);
	tree = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
	if (json_tokener_get_parse_end(tokener) != text.len ||
	    count_values(tree) != member->values) {
		json_object_put(tree);
		tree = NULL;
	}
	if (text.len > KEPT_MAX) {
		json_tokener_free(tokener);
		tokener = NULL;
	}
	event->trees[which] = tree;
	return tree;
}

static bool
take_string(struct json_object *value, struct span *text)
{
	if (!json_object_is_type(value, json_type_string))
		return false;
	*text = (struct span){ json_object_get_string(value),
			       (size_t)json_object_get_string_len(value) };
	return true;
}

/* TypeSpec of the service: { "thumbprint": string, "content": string }; older
 * shapes have no content. */
static bool
take_certificate(struct json_object *element, struct event *event)
{
	struct json_object *thumbprint, *content;

	if (!json_object_is_type(element, json_type_object) ||
	    !json_object_object_get_ex(element, "thumbprint", &thumbprint) ||
	    !take_string(thumbprint, &event->thumbprint))
		return false;
	return !json_object_object_get_ex(element, "content", &content) ||
	       content == NULL || take_string(content, &event->content);
}

static enum presented
take_presented(struct event *event)
{
	struct span text = event->members[EVENT_CERTIFICATES].value;
	struct json_object *list = decode(event, EVENT_CERTIFICATES);

	if (span_empty(text) || span_equal(text, SPAN("null")))
		return PRESENTED_NONE;
	if (!json_object_is_type(list, json_type_array))
		return PRESENTED_UNREADABLE;
	if (json_object_array_length(list) == 0)
		return PRESENTED_NONE;
	if (json_object_array_length(list) > EVENT_MAX_CERTIFICATES)
		return PRESENTED_TOO_MANY;
	return take_certificate(json_object_array_get_idx(list, 0), event)
		       ? PRESENTED_ONE
		       : PRESENTED_UNREADABLE;
}

enum event_result
event_read(struct event *event, struct span body)
{
	struct json_object *mqtt, *version;
	bool duplicate;

	*event = nothing;
	if (body.len > INT_MAX ||
	    !json_read(body, event->members, EVENT_MEMBERS, &duplicate))
		return EVENT_MALFORMED;
	if (duplicate)
		return EVENT_DUPLICATE_MEMBER;
	event->presented = take_presented(event);
	mqtt = decode(event, EVENT_MQTT);
	event->mqtt = span_starts(event->members[EVENT_MQTT].value, SPAN("{"));
	if (event->mqtt &&
	    json_object_object_get_ex(mqtt, "protocolVersion", &version) &&
	    json_object_is_type(version, json_type_int))
		event->mqtt_version = json_object_get_int64(version);
	return EVENT_READ;
}

void
event_free(struct event *event)
{
	for (size_t i = 0; i < EVENT_MEMBERS; i++)
		json_object_put(event->trees[i]);
	*event = (struct event){ 0 };
}

bool
event_offers(struct event *event, struct span subprotocol)
{
	struct json_object *offers = decode(event, EVENT_SUBPROTOCOLS);

	if (!json_object_is_type(offers, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(offers); i++) {
		struct span offer;
		if (take_string(json_object_array_get_idx(offers, i), &offer) &&
		    span_equal(offer, subprotocol))
			return true;
	}
	return false;
}

bool
event_query(struct event *event, const char *name, struct span *value)
{
	struct json_object *query = decode(event, EVENT_QUERY), *values;

	*value = (struct span){ 0 };
	return json_object_object_get_ex(query, name, &values) &&
	       json_object_is_type(values, json_type_array) &&
	       json_object_array_length(values) == 1 &&
	       take_string(json_object_array_get_idx(values, 0), value);
}
