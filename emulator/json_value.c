/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/json_value.h"

enum { DEPTH_MAX = 64 /* json-glib parses by recursion */ };

static bool
is_shallow(const char *text, gsize length)
{
	unsigned depth = 0;
	bool inside = false;

	for (gsize i = 0; i < length; i++) {
		char c = text[i];
		if (inside && c == '\\')
			i++;
		else if (c == '"')
			inside = !inside;
		else if (!inside && (c == '[' || c == '{'))
			depth++;
		else if (!inside && (c == ']' || c == '}') && depth > 0)
			depth--;
		if (depth > DEPTH_MAX)
			return false;
	}
	return true;
}

JsonNode *
json_value_parse(const char *text, gsize length)
{
	if (text == NULL || !g_utf8_validate_len(text, length, NULL) ||
	    !is_shallow(text, length))
		return NULL;

	g_autoptr(JsonParser) parser = json_parser_new_immutable();
	if (!json_parser_load_from_data(parser, text, (gssize)length, NULL))
		return NULL;
	return json_parser_steal_root(parser);
}

JsonObject *
json_value_parse_object(const char *text, gsize length)
{
	g_autoptr(JsonNode) node = json_value_parse(text, length);

	return node != NULL && JSON_NODE_HOLDS_OBJECT(node)
		       ? json_node_dup_object(node)
		       : NULL;
}

static JsonNode *
member(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	return node == NULL || JSON_NODE_HOLDS_NULL(node) ? NULL : node;
}

static bool
is_string(JsonNode *node)
{
	return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
	       json_node_get_value_type(node) == G_TYPE_STRING;
}

bool
json_value_string(JsonObject *object, const char *name, const char **value)
{
	JsonNode *node = member(object, name);

	*value = is_string(node) ? json_node_get_string(node) : NULL;
	return *value != NULL;
}

bool
json_value_number(JsonObject *object, const char *name, gint64 *value)
{
	JsonNode *node = member(object, name);

	*value = 0;
	if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
	    json_node_get_value_type(node) != G_TYPE_INT64)
		return false;
	*value = json_node_get_int(node);
	return true;
}

bool
json_value_optional_object(JsonObject *object, const char *name,
			   JsonObject **value)
{
	JsonNode *node = member(object, name);

	*value = NULL;
	if (node == NULL)
		return true;
	if (!JSON_NODE_HOLDS_OBJECT(node))
		return false;
	*value = json_node_get_object(node);
	return true;
}

bool
json_value_optional_string(JsonObject *object, const char *name,
			   const char **value)
{
	return json_value_string(object, name, value) ||
	       member(object, name) == NULL;
}

bool
json_value_optional_strings(JsonObject *object, const char *name,
			    JsonArray **value)
{
	JsonNode *node = member(object, name);

	*value = NULL;
	if (node == NULL)
		return true;
	if (!JSON_NODE_HOLDS_ARRAY(node))
		return false;
	*value = json_node_get_array(node);
	for (guint i = 0; i < json_array_get_length(*value); i++) {
		if (!is_string(json_array_get_element(*value, i)))
			return false;
	}
	return true;
}

void
json_value_append(JsonObject *object, const char *name, const char *value)
{
	g_autofree char *valid = g_utf8_make_valid(value, -1);

	if (!json_object_has_member(object, name))
		json_object_set_array_member(object, name, json_array_new());
	json_array_add_string_element(
		json_object_get_array_member(object, name), valid);
}

char *
json_value_text(JsonNode *node)
{
	return json_to_string(node, FALSE);
}

char *
json_value_object_text(JsonObject *object)
{
	g_autoptr(JsonNode) node = json_node_alloc();

	json_node_init_object(node, object);
	return json_value_text(node);
}
