/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <limits.h>

#include <json-c/json.h>

#include "protocol/event.h"
#include "protocol/json_text.h"

/* A tokener for each text: a kept one would remember of one that did not read
 * (json-c 0.16: half a pair of surrogates). */
static struct json_object *
parse(struct span text)
{
	struct json_tokener *tokener;
	struct json_object *tree;

	if (text.len > INT_MAX)
		return NULL;
	tokener = json_tokener_new_ex(JSON_MAX_DEPTH + 1);
	if (tokener == NULL)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	tree = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(tree);
		tree = NULL;
	}
	json_tokener_free(tokener);
	return tree;
}

/* The members of all objects in tree; as deep as JSON_MAX_DEPTH at most. */
static size_t
count_members(struct json_object *tree)
{
	size_t count = 0;

	if (json_object_is_type(tree, json_type_object)) {
		json_object_object_foreach (tree, name, value) {
			(void)name;
			count += 1 + count_members(value);
		}
	} else if (json_object_is_type(tree, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(tree); i++)
			count += count_members(
				json_object_array_get_idx(tree, i));
	}
	return count;
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
take_presented(struct json_object *tree, struct event *event)
{
	struct json_object *list;

	if (!json_object_object_get_ex(tree, "clientCertificates", &list) ||
	    list == NULL)
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
	struct json_object *tree, *mqtt, *version;
	struct json_shape shape;

	*event = (struct event){ 0 };
	if (span_empty(body) || !json_text_measure(body, &shape))
		return EVENT_MALFORMED;
	event->tree = tree = parse(body);
	if (!json_object_is_type(tree, json_type_object))
		return EVENT_MALFORMED;
	if (count_members(tree) != shape.members)
		return EVENT_DUPLICATE_MEMBER;
	event->presented = take_presented(tree, event);
	if (json_object_object_get_ex(tree, "mqtt", &mqtt) &&
	    json_object_is_type(mqtt, json_type_object)) {
		event->mqtt = true;
		if (json_object_object_get_ex(mqtt, "protocolVersion",
					      &version) &&
		    json_object_is_type(version, json_type_int))
			event->mqtt_version = json_object_get_int64(version);
	}
	return EVENT_READ;
}

void
event_free(struct event *event)
{
	json_object_put(event->tree);
	*event = (struct event){ 0 };
}

bool
event_offers(const struct event *event, struct span subprotocol)
{
	struct json_object *offers;

	if (!json_object_object_get_ex(event->tree, "subprotocols", &offers) ||
	    !json_object_is_type(offers, json_type_array))
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
event_query(const struct event *event, const char *name, struct span *value)
{
	struct json_object *query, *values;

	*value = (struct span){ 0 };
	return json_object_object_get_ex(event->tree, "query", &query) &&
	       json_object_is_type(query, json_type_object) &&
	       json_object_object_get_ex(query, name, &values) &&
	       json_object_is_type(values, json_type_array) &&
	       json_object_array_length(values) == 1 &&
	       take_string(json_object_array_get_idx(values, 0), value);
}
