/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/json_value.h"
#include "emulator/mqtt_connect.h"

/* MQTT 5.0 3.1.2.3 */
enum {
	FLAG_RESERVED = 0x01,
	FLAG_CLEAN_START = 0x02,
	FLAG_WILL = 0x04,
	FLAGS_WILL_DETAIL = 0x38,
	FLAG_PASSWORD = 0x40,
	FLAG_USERNAME = 0x80,
};

static void
read_will(struct mqtt_connect *connect, struct mqtt_reader *reader)
{
	if (connect->version == MQTT_5) {
		struct mqtt_properties properties;
		mqtt_properties_read(&properties, reader);
		mqtt_properties_clear(&properties);
	}
	g_free(mqtt_read_string(reader)); /* topic */
	GBytes *payload = mqtt_read_binary(reader);
	g_clear_pointer(&payload, g_bytes_unref);
}

static void
read_payload(struct mqtt_connect *connect, guint8 flags,
	     struct mqtt_reader *reader)
{
	connect->client_id = mqtt_read_string(reader);
	if (flags & FLAG_WILL)
		read_will(connect, reader);
	if (flags & FLAG_USERNAME)
		connect->username = mqtt_read_string(reader);
	if (flags & FLAG_PASSWORD)
		connect->password = mqtt_read_binary(reader);
}

/* It goes into a header. */
static bool
is_usable_id(const char *id)
{
	for (; *id != '\0'; id++) {
		if (!g_ascii_isgraph(*id))
			return false;
	}
	return true;
}

enum mqtt_reason
mqtt_connect_read(struct mqtt_connect *connect, struct mqtt_reader reader)
{
	*connect = (struct mqtt_connect){ .version = MQTT_5 };

	g_autofree char *name = mqtt_read_string(&reader);
	guint8 version = mqtt_read_u8(&reader);
	guint8 flags = mqtt_read_u8(&reader);
	connect->keep_alive_s = mqtt_read_u16(&reader);
	if (reader.bad || strcmp(name, "MQTT") != 0)
		return MQTT_MALFORMED_PACKET;
	if (version < MQTT_5)
		connect->version = MQTT_3_1_1;
	if (version != connect->version)
		return MQTT_UNSUPPORTED_VERSION;
	if (flags & FLAG_RESERVED ||
	    (!(flags & FLAG_WILL) && flags & FLAGS_WILL_DETAIL))
		return MQTT_MALFORMED_PACKET;
	connect->clean_start = flags & FLAG_CLEAN_START;
	if (version == MQTT_5)
		mqtt_properties_read(&connect->properties, &reader);
	read_payload(connect, flags, &reader);
	if (reader.bad || reader.left > 0)
		return MQTT_MALFORMED_PACKET;
	if (connect->properties.has_authentication)
		return MQTT_BAD_AUTHENTICATION_METHOD;
	if (!is_usable_id(connect->client_id) ||
	    (*connect->client_id == '\0' && version == MQTT_3_1_1 &&
	     !connect->clean_start))
		return MQTT_CLIENT_ID_NOT_VALID;
	return MQTT_SUCCESS;
}

void
mqtt_connect_clear(struct mqtt_connect *connect)
{
	g_clear_pointer(&connect->client_id, g_free);
	g_clear_pointer(&connect->username, g_free);
	g_clear_pointer(&connect->password, g_bytes_unref);
	mqtt_properties_clear(&connect->properties);
}

JsonNode *
mqtt_user_properties_json(const struct mqtt_properties *properties)
{
	if (properties->user == NULL || properties->user->len == 0)
		return json_node_new(JSON_NODE_NULL);

	JsonArray *list = json_array_new();
	for (guint i = 0; i < properties->user->len; i += 2) {
		JsonObject *one = json_object_new();
		json_object_set_string_member(one, "name",
					      properties->user->pdata[i]);
		json_object_set_string_member(one, "value",
					      properties->user->pdata[i + 1]);
		json_array_add_object_element(list, one);
	}
	JsonNode *node = json_node_new(JSON_NODE_ARRAY);
	json_node_take_array(node, list);
	return node;
}

static void
set_text(JsonObject *object, const char *name, const char *text)
{
	if (text == NULL)
		json_object_set_null_member(object, name);
	else
		json_object_set_string_member(object, name, text);
}

JsonObject *
mqtt_connect_json(const struct mqtt_connect *connect)
{
	JsonObject *out = json_object_new();
	g_autofree char *password = NULL;

	if (connect->password != NULL) {
		gsize size;
		const guchar *data = g_bytes_get_data(connect->password, &size);
		password = g_base64_encode(data, size);
	}
	json_object_set_int_member(out, "protocolVersion", connect->version);
	json_object_set_boolean_member(out, "cleanStart", connect->clean_start);
	set_text(out, "username", connect->username);
	set_text(out, "password", password);
	json_object_set_member(out, "userProperties",
			       mqtt_user_properties_json(&connect->properties));
	return out;
}

/* The members userProperties of a handler's answer; invalid ones are left
 * out. */
static void
write_user_properties(GByteArray *out, JsonObject *mqtt)
{
	JsonNode *node =
		mqtt == NULL ? NULL
			     : json_object_get_member(mqtt, "userProperties");

	if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
		return;
	JsonArray *list = json_node_get_array(node);
	for (guint i = 0; i < json_array_get_length(list); i++) {
		JsonNode *one = json_array_get_element(list, i);
		const char *name, *value;
		if (JSON_NODE_HOLDS_OBJECT(one) &&
		    json_value_string(json_node_get_object(one), "name",
				      &name) &&
		    json_value_string(json_node_get_object(one), "value",
				      &value))
			mqtt_property_user(out, name, value);
	}
}

static GByteArray *
connack(guint8 version, guint8 code, GByteArray *properties)
{
	GByteArray *body = g_byte_array_new();

	mqtt_write_u8(body, 0); /* no session is present */
	mqtt_write_u8(body, code);
	if (version == MQTT_5)
		mqtt_properties_write(body, properties);
	else
		g_byte_array_unref(properties);
	return mqtt_packet(MQTT_CONNACK, 0, body);
}

GByteArray *
mqtt_connack(guint8 version, const char *assigned, JsonObject *mqtt)
{
	GByteArray *properties = g_byte_array_new();
	static const guint8 no_session_expiry[] = { MQTT_SESSION_EXPIRY, 0, 0,
						    0, 0 };

	g_byte_array_append(properties, no_session_expiry,
			    sizeof(no_session_expiry));
	mqtt_property_byte(properties, MQTT_MAXIMUM_QOS, 1);
	mqtt_property_byte(properties, MQTT_RETAIN_AVAILABLE, 0);
	if (assigned != NULL)
		mqtt_property_text(properties, MQTT_ASSIGNED_CLIENT_ID,
				   assigned);
	write_user_properties(properties, mqtt);
	return connack(version, MQTT_SUCCESS, properties);
}

/* Refusals that a client of a version knows. */
static bool
is_code(guint8 version, gint64 code)
{
	static const guint8 codes[] = {
		0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86,
		0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95,
		0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
	};

	if (version == MQTT_3_1_1)
		return code >= 1 && code <= 5;
	return code >= 0 && code <= G_MAXUINT8 &&
	       memchr(codes, (int)code, sizeof(codes)) != NULL;
}

guint8
mqtt_refusal_code(guint8 version, guint status, JsonObject *mqtt)
{
	static const struct {
		guint status;
		guint8 v4, v5;
	} of_status[] = {
		{ 400, 4, MQTT_BAD_USER_OR_PASSWORD },
		{ 401, 5, MQTT_NOT_AUTHORIZED },
	};
	gint64 code;

	if (mqtt != NULL && json_value_number(mqtt, "code", &code) &&
	    is_code(version, code))
		return (guint8)code;
	for (guint i = 0; mqtt == NULL && i < G_N_ELEMENTS(of_status); i++) {
		if (of_status[i].status == status)
			return version == MQTT_5 ? of_status[i].v5
						 : of_status[i].v4;
	}
	if (version == MQTT_3_1_1)
		return 3;
	return status == 0 ? MQTT_SERVER_UNAVAILABLE : MQTT_UNSPECIFIED_ERROR;
}

GByteArray *
mqtt_connack_refusal(guint8 version, guint status, JsonObject *mqtt)
{
	GByteArray *properties = g_byte_array_new();
	const char *reason;

	if (mqtt != NULL && json_value_string(mqtt, "reason", &reason))
		mqtt_property_text(properties, MQTT_REASON_STRING, reason);
	write_user_properties(properties, mqtt);
	return connack(version, mqtt_refusal_code(version, status, mqtt),
		       properties);
}

GByteArray *
mqtt_connack_fault(guint8 version, enum mqtt_reason reason)
{
	guint8 code = (guint8)reason;

	if (version == MQTT_3_1_1)
		code = reason == MQTT_UNSUPPORTED_VERSION   ? 1
		       : reason == MQTT_CLIENT_ID_NOT_VALID ? 2
							    : 5;
	return connack(version, code, g_byte_array_new());
}
