/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/mqtt_publish.h"
#include "emulator/mqtt_session.h"
#include "emulator/role.h"
#include "emulator/user_event.h"

/* An event that is with the handler. */
struct pending {
	char *event;
	GBytes *correlation; /* NULL: none */
};

static void
free_pending(gpointer data)
{
	struct pending *pending = data;

	g_free(pending->event);
	g_clear_pointer(&pending->correlation, g_bytes_unref);
	g_free(pending);
}

static void
on_answer(struct connection *connection, enum event_outcome outcome,
	  const struct upstream_answer *answer, gpointer data)
{
	struct mqtt_client *client = connection->client;
	struct pending *pending = data;
	bool answered = outcome == EVENT_ANSWERED;

	mqtt_client_send(connection,
			 mqtt_publish_result(
				 client->connect.version, pending->event,
				 pending->correlation,
				 answered ? answer->status
					  : SOUP_STATUS_INTERNAL_SERVER_ERROR,
				 answered ? answer->headers : NULL,
				 answered ? answer->body : NULL));
}

static void
send_event(struct connection *connection, const struct mqtt_publish *publish,
	   const char *name)
{
	struct pending *pending = g_new0(struct pending, 1);
	struct event event = {
		.is_user = true,
		.name = name,
		.content_type = mqtt_publish_content_type(publish),
		.body = publish->payload,
		.more = mqtt_publish_headers(publish),
	};

	pending->event = g_strdup(name);
	if (publish->properties.correlation != NULL)
		pending->correlation =
			g_bytes_ref(publish->properties.correlation);
	user_event_send(connection, &event, on_answer, pending, free_pending);
	soup_message_headers_unref(event.more);
}

static void
acknowledge(struct connection *connection, guint16 id, enum mqtt_reason reason)
{
	struct mqtt_client *client = connection->client;
	GByteArray *body = g_byte_array_new();

	mqtt_write_u16(body, id);
	if (client->connect.version == MQTT_5 && reason != MQTT_SUCCESS)
		mqtt_write_u8(body, (guint8)reason);
	mqtt_client_send(connection, mqtt_packet(MQTT_PUBACK, 0, body));
}

void
mqtt_session_publish(struct connection *connection, guint8 flags,
		     struct mqtt_reader body)
{
	struct mqtt_client *client = connection->client;
	struct mqtt_publish publish;
	enum mqtt_reason reason = mqtt_publish_read(
		&publish, client->connect.version, flags, body);

	if (reason != MQTT_SUCCESS) {
		mqtt_publish_clear(&publish);
		mqtt_client_end(connection, reason,
				"The PUBLISH packet is refused.");
		return;
	}
	const char *event = mqtt_publish_event(&publish);
	if (event == NULL)
		reason = role_permits(connection->roles, ROLE_SEND_TO_GROUP,
				      publish.topic)
				 ? MQTT_IMPLEMENTATION_SPECIFIC
				 : MQTT_NOT_AUTHORIZED;
	if (publish.qos > 0)
		acknowledge(connection, publish.id, reason);
	if (event != NULL)
		send_event(connection, &publish, event);
	mqtt_publish_clear(&publish);
}

/* The code for one filter: only the answers to events can be had. */
static guint8
subscription(const struct connection *connection, const char *filter,
	     guint8 qos)
{
	const struct mqtt_client *client = connection->client;

	if (g_str_has_prefix(filter, MQTT_EVENTS) &&
	    (g_str_has_suffix(filter, "/succeeded") ||
	     g_str_has_suffix(filter, "/failed") ||
	     g_str_has_suffix(filter, "/+") || g_str_has_suffix(filter, "/#")))
		return MIN(qos, 1);
	if (client->connect.version == MQTT_3_1_1)
		return MQTT_UNSPECIFIED_ERROR;
	return role_permits(connection->roles, ROLE_JOIN_LEAVE_GROUP, filter)
		       ? MQTT_IMPLEMENTATION_SPECIFIC
		       : MQTT_NOT_AUTHORIZED;
}

void
mqtt_session_filters(struct connection *connection, bool is_subscribe,
		     struct mqtt_reader body)
{
	struct mqtt_client *client = connection->client;
	bool is_5 = client->connect.version == MQTT_5;
	GByteArray *out = g_byte_array_new();

	mqtt_write_u16(out, mqtt_read_u16(&body));
	if (is_5) {
		struct mqtt_properties properties;
		mqtt_properties_read(&properties, &body);
		mqtt_properties_clear(&properties);
		mqtt_write_varint(out, 0);
	}
	bool is_empty = body.left == 0;
	while (!body.bad && body.left > 0) {
		g_autofree char *filter = mqtt_read_string(&body);
		guint8 options = is_subscribe ? mqtt_read_u8(&body) : 0;
		if (body.bad)
			break;
		if (is_subscribe)
			mqtt_write_u8(out, subscription(connection, filter,
							options & 3));
		else if (is_5)
			mqtt_write_u8(out, MQTT_SUCCESS);
	}
	if (body.bad || is_empty) {
		g_byte_array_unref(out);
		mqtt_client_end(connection, MQTT_MALFORMED_PACKET,
				"The filters do not read.");
		return;
	}
	mqtt_client_send(connection,
			 mqtt_packet(is_subscribe ? MQTT_SUBACK : MQTT_UNSUBACK,
				     0, out));
}
