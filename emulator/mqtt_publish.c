/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/json_value.h"
#include "emulator/mqtt_publish.h"
#include "emulator/settings.h"
#include "emulator/user_event.h"

/* Flags of the first byte, MQTT 5.0 3.3.1 */
enum { FLAG_RETAIN = 0x01, QOS_SHIFT = 1, QOS_MASK = 0x03 };

#define HEADER_PREFIX "mqtt-"

enum mqtt_reason
mqtt_publish_read(struct mqtt_publish *publish, guint8 version, guint8 flags,
		  struct mqtt_reader reader)
{
	*publish =
		(struct mqtt_publish){ .qos = flags >> QOS_SHIFT & QOS_MASK };
	if (publish->qos > 1)
		return MQTT_QOS_NOT_SUPPORTED;
	if (flags & FLAG_RETAIN)
		return MQTT_RETAIN_NOT_SUPPORTED;
	publish->topic = mqtt_read_string(&reader);
	if (publish->qos > 0)
		publish->id = mqtt_read_u16(&reader);
	if (version == MQTT_5)
		mqtt_properties_read(&publish->properties, &reader);
	publish->payload = mqtt_read_rest(&reader);
	if (reader.bad || (publish->qos > 0 && publish->id == 0))
		return MQTT_MALFORMED_PACKET;
	if (publish->properties.has_alias || *publish->topic == '\0' ||
	    strpbrk(publish->topic, "#+") != NULL)
		return MQTT_TOPIC_NAME_INVALID;
	return MQTT_SUCCESS;
}

void
mqtt_publish_clear(struct mqtt_publish *publish)
{
	g_clear_pointer(&publish->topic, g_free);
	g_clear_pointer(&publish->payload, g_bytes_unref);
	mqtt_properties_clear(&publish->properties);
}

const char *
mqtt_publish_event(const struct mqtt_publish *publish)
{
	if (!g_str_has_prefix(publish->topic, MQTT_EVENTS))
		return NULL;
	const char *name = publish->topic + strlen(MQTT_EVENTS);
	return settings_is_event_name(name) ? name : NULL;
}

const char *
mqtt_publish_content_type(const struct mqtt_publish *publish)
{
	if (publish->properties.content_type != NULL)
		return publish->properties.content_type;
	return publish->properties.payload_format == 1
		       ? "text/plain"
		       : "application/octet-stream";
}

enum message_type
mqtt_publish_type(const struct mqtt_publish *publish)
{
	const char *type = mqtt_publish_content_type(publish);
	gsize size;
	const char *data = g_bytes_get_data(publish->payload, &size);
	g_autoptr(JsonNode) node =
		g_ascii_strcasecmp(type, "application/json") == 0
			? json_value_parse(data, size)
			: NULL;

	if (node != NULL)
		return MESSAGE_JSON;
	return g_ascii_strcasecmp(type, "text/plain") == 0 &&
			       g_utf8_validate_len(data, size, NULL)
		       ? MESSAGE_TEXT
		       : MESSAGE_BINARY;
}

/* The properties of a message; those of an MQTT 5.0 client go on as they
 * came. */
static GByteArray *
message_properties(const struct message *message)
{
	GByteArray *out = g_byte_array_new();

	if (message->publish != NULL) {
		gsize size = 0;
		GBytes *all = message->publish->properties.all;
		const guint8 *data =
			all == NULL ? NULL : g_bytes_get_data(all, &size);
		if (size > 0)
			g_byte_array_append(out, data, (guint)size);
		return out;
	}
	mqtt_property_byte(out, MQTT_PAYLOAD_FORMAT,
			   message->type != MESSAGE_BINARY);
	mqtt_property_text(out, MQTT_CONTENT_TYPE,
			   user_event_content_type(message->type));
	return out;
}

GByteArray *
mqtt_publish_message(guint8 version, const struct message *message, guint16 id)
{
	GByteArray *out = g_byte_array_new();
	gsize size;
	const guint8 *data = g_bytes_get_data(message->data, &size);

	mqtt_write_string(out, message->group == NULL ? MQTT_SERVER_MESSAGES
						      : message->group);
	if (id != 0)
		mqtt_write_u16(out, id);
	if (version == MQTT_5)
		mqtt_properties_write(out, message_properties(message));
	g_byte_array_append(out, data, (guint)size);
	return mqtt_packet(MQTT_PUBLISH, id == 0 ? 0 : 1 << QOS_SHIFT, out);
}

static bool
is_header_name(const char *name)
{
	for (; *name != '\0'; name++) {
		if (!g_ascii_isalnum(*name) &&
		    strchr("!#$%&'*+-.^_`|~", *name) == NULL)
			return false;
	}
	return true;
}

static bool
is_header_value(const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value < ' ' || *value > '~')
			return false;
	}
	return true;
}

SoupMessageHeaders *
mqtt_publish_headers(const struct mqtt_publish *publish)
{
	SoupMessageHeaders *headers =
		soup_message_headers_new(SOUP_MESSAGE_HEADERS_REQUEST);
	const GPtrArray *user = publish->properties.user;

	for (guint i = 0; user != NULL && i < user->len; i += 2) {
		const char *name = user->pdata[i], *value = user->pdata[i + 1];
		if (!is_header_name(name) || !is_header_value(value))
			continue;
		g_autofree char *full = g_strconcat(HEADER_PREFIX, name, NULL);
		soup_message_headers_append(headers, full, value);
	}
	return headers;
}

static GByteArray *
result_properties(GBytes *correlation, guint status,
		  SoupMessageHeaders *headers)
{
	GByteArray *out = g_byte_array_new();
	g_autofree char *code = g_strdup_printf("%u", status);
	SoupMessageHeadersIter iterator;
	const char *name, *value;

	if (correlation != NULL) {
		mqtt_write_u8(out, MQTT_CORRELATION_DATA);
		mqtt_write_binary(out, correlation);
	}
	mqtt_property_user(out, "azure-status-code", code);
	if (headers == NULL)
		return out;
	soup_message_headers_iter_init(&iterator, headers);
	while (soup_message_headers_iter_next(&iterator, &name, &value)) {
		if (g_ascii_strcasecmp(name, "Content-Type") == 0)
			mqtt_property_text(out, MQTT_CONTENT_TYPE, value);
		else if (g_ascii_strncasecmp(name, HEADER_PREFIX,
					     strlen(HEADER_PREFIX)) == 0)
			mqtt_property_user(out, name + strlen(HEADER_PREFIX),
					   value);
	}
	return out;
}

GByteArray *
mqtt_publish_result(guint8 version, const char *event, GBytes *correlation,
		    guint status, SoupMessageHeaders *headers, GBytes *body)
{
	GByteArray *out = g_byte_array_new();
	g_autofree char *topic = g_strconcat(
		MQTT_EVENTS, event,
		SOUP_STATUS_IS_SUCCESSFUL(status) ? "/succeeded" : "/failed",
		NULL);

	mqtt_write_string(out, topic);
	if (version == MQTT_5)
		mqtt_properties_write(
			out, result_properties(correlation, status, headers));
	if (body != NULL) {
		gsize size;
		const guint8 *data = g_bytes_get_data(body, &size);
		g_byte_array_append(out, data, (guint)size);
	}
	return mqtt_packet(MQTT_PUBLISH, 0, out);
}
