/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* json_value: JSON texts from strangers, and the few things asked of them. */
#ifndef CERTGATE_EMULATOR_JSON_VALUE_H
#define CERTGATE_EMULATOR_JSON_VALUE_H

#include <json-glib/json-glib.h>
#include <stdbool.h>

/* The value of a whole text, which the caller frees with json_node_unref; NULL
 * if it is not JSON in UTF-8 or nests deeper than 64. */
JsonNode *json_value_parse(const char *text, gsize length);

/* The object that a text is, or NULL; freed with json_object_unref. */
JsonObject *json_value_parse_object(const char *text, gsize length);

/* Whether the member is a string, a number; NULL, 0 or absent is false. */
bool json_value_string(JsonObject *object, const char *name,
		       const char **value);
bool json_value_number(JsonObject *object, const char *name, gint64 *value);

/* A member that is absent or null gives true and NULL; one that is something
 * else than an object, or than an array of strings, false. */
bool json_value_optional_object(JsonObject *object, const char *name,
				JsonObject **value);
bool json_value_optional_string(JsonObject *object, const char *name,
				const char **value);
bool json_value_optional_strings(JsonObject *object, const char *name,
				 JsonArray **value);

/* Append a string to the array of strings that object has under name. */
void json_value_append(JsonObject *object, const char *name, const char *value);

char *json_value_text(JsonNode *node);
char *json_value_object_text(JsonObject *object);

#endif
