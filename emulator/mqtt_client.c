/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/client.h"
#include "emulator/event.h"
#include "emulator/json_value.h"
#include "emulator/mqtt_connect.h"
#include "emulator/mqtt_publish.h"
#include "emulator/role.h"
#include "emulator/session.h"
#include "emulator/settings.h"
#include "emulator/trace.h"
#include "emulator/user_event.h"

enum {
	CONNECT_LIMIT_S = 10, /* from the WebSocket to the packet */
	INPUT_MAX = 2 * MESSAGE_MAX, /* bytes */
	UNACKNOWLEDGED_MAX = 1024, /* messages with QoS 1 */
};

struct mqtt_client {
	JsonObject *connect_body; /* of the connect event, without mqtt */
	struct mqtt_connect connect;
	bool has_connect; /* the packet is there */
	bool is_waiting; /* for the verdict on it */
	bool is_assigned; /* the client id is ours */
	GByteArray *input;
	bool is_taking; /* a packet that is still in input */
	guint timer; /* 0: none */
	enum mqtt_reason end; /* that the service gives for the end */
	bool is_ended_here;
	GHashTable *qos; /* topic to the QoS of its subscription */
	guint16 next_id; /* of a message with QoS 1 */
	guint unacknowledged; /* of these */
	JsonObject *goodbye; /* the client's DISCONNECT; NULL: none */
};

gpointer
mqtt_client_new(JsonObject *connect_body)
{
	struct mqtt_client *client = g_new0(struct mqtt_client, 1);

	client->connect_body = connect_body;
	client->input = g_byte_array_new();
	client->qos =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	client->end = MQTT_ADMINISTRATIVE_ACTION;
	return client;
}

static void
free_client(gpointer data)
{
	struct mqtt_client *client = data;

	if (client == NULL)
		return;
	g_clear_handle_id(&client->timer, g_source_remove);
	mqtt_connect_clear(&client->connect);
	json_object_unref(client->connect_body);
	g_clear_pointer(&client->goodbye, json_object_unref);
	g_byte_array_unref(client->input);
	g_hash_table_unref(client->qos);
	g_free(client);
}

/* Take the packet. */
static void
send_packet(struct connection *connection, GByteArray *packet)
{
	connection_send_binary(connection, packet->data, packet->len);
	g_byte_array_unref(packet);
}

static void
end(struct connection *connection, enum mqtt_reason reason, const char *why)
{
	struct mqtt_client *client = connection->client;

	client->end = reason;
	session_close(connection, SOUP_WEBSOCKET_CLOSE_NORMAL, why);
}

static int
on_silence(gpointer data)
{
	struct connection *connection = data;
	struct mqtt_client *client = connection->client;

	client->timer = 0;
	end(connection, MQTT_KEEP_ALIVE_TIMEOUT,
	    "The client was silent for too long.");
	return G_SOURCE_REMOVE;
}

/* The client owns the timer and goes with the connection. */
static void
limit_silence(struct connection *connection, guint seconds)
{
	struct mqtt_client *client = connection->client;

	g_clear_handle_id(&client->timer, g_source_remove);
	if (seconds > 0 && connection->socket != NULL)
		client->timer =
			g_timeout_add_seconds(seconds, on_silence, connection);
}

void
mqtt_client_begin(struct connection *connection)
{
	limit_silence(connection, CONNECT_LIMIT_S);
}

static void
dismiss(struct connection *connection, const char *reason)
{
	struct mqtt_client *client = connection->client;
	GByteArray *body, *properties;

	client->is_ended_here = true;
	if (!connection->is_admitted || client->connect.version != MQTT_5)
		return;
	body = g_byte_array_new();
	properties = g_byte_array_new();
	mqtt_write_u8(body, (guint8)client->end);
	if (reason != NULL)
		mqtt_property_text(properties, MQTT_REASON_STRING, reason);
	mqtt_properties_write(body, properties);
	send_packet(connection, mqtt_packet(MQTT_DISCONNECT, 0, body));
}

static void
tell_end(struct connection *connection, JsonObject *body)
{
	struct mqtt_client *client = connection->client;
	JsonObject *mqtt = json_object_new();

	g_clear_handle_id(&client->timer, g_source_remove);
	json_object_set_boolean_member(mqtt, "initiatedByClient",
				       !client->is_ended_here);
	if (client->goodbye != NULL)
		json_object_set_object_member(mqtt, "disconnectPacket",
					      json_object_ref(client->goodbye));
	else
		json_object_set_null_member(mqtt, "disconnectPacket");
	json_object_set_object_member(body, "mqtt", mqtt);
}

/* The QoS of a message: it was published with 1, unless by a client with 0;
 * a subscription can lower it. */
static guint
qos_of(const struct mqtt_client *client, const struct message *message)
{
	const char *topic =
		message->group == NULL ? MQTT_SERVER_MESSAGES : message->group;
	gpointer subscribed;

	if (message->publish != NULL && message->publish->qos == 0)
		return 0;
	return g_hash_table_lookup_extended(client->qos, topic, NULL,
					    &subscribed)
		       ? GPOINTER_TO_UINT(subscribed)
		       : 1;
}

static void
deliver(struct connection *connection, const struct message *message)
{
	struct mqtt_client *client = connection->client;
	guint16 id = 0;

	if (qos_of(client, message) > 0) {
		if (client->unacknowledged >= UNACKNOWLEDGED_MAX) {
			end(connection, MQTT_QUOTA_EXCEEDED,
			    "Too many messages are not acknowledged.");
			return;
		}
		client->unacknowledged++;
		if (++client->next_id == 0)
			client->next_id = 1;
		id = client->next_id;
	}
	send_packet(connection,
		    mqtt_publish_message(client->connect.version, message, id));
}

/* Return the code for the publisher. */
static enum mqtt_reason
send_to_group(struct connection *connection, const struct mqtt_publish *publish)
{
	struct message message = {
		.type = mqtt_publish_type(publish),
		.data = publish->payload,
		.group = publish->topic,
		.from_user = connection->user_id,
		.publish = publish,
	};
	struct audience audience = { .group = publish->topic };

	/* A topic of events without the name of an event is not a group. */
	if (!settings_is_group_name(publish->topic) ||
	    g_str_has_prefix(publish->topic, MQTT_EVENTS))
		return MQTT_TOPIC_NAME_INVALID;
	if (!role_permits(connection->roles, ROLE_SEND_TO_GROUP,
			  publish->topic))
		return MQTT_NOT_AUTHORIZED;
	hub_send(connection->hub, &audience, &message);
	return MQTT_SUCCESS;
}

static void go_on(struct connection *connection);

static void
refuse(struct connection *connection, GByteArray *packet)
{
	g_autofree char *id = trace_word(connection->id);
	struct mqtt_reader body = { 0 };
	gsize taken;
	guint8 first;

	(void)mqtt_take_packet(packet->data, packet->len, &first, &body,
			       &taken);
	(void)mqtt_read_u8(&body); /* flags; the code is behind them */
	trace_line(TRACE_WARNING, "ConnectionRefused",
		   "hub=%s connection=%s connack=%u",
		   connection->hub->settings->name, id, mqtt_read_u8(&body));
	send_packet(connection, packet);
	session_close(connection, SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
}

static void
on_verdict(struct connection *connection, enum event_outcome outcome,
	   const struct upstream_answer *upstream, gpointer data)
{
	struct mqtt_client *client = connection->client;
	guint8 version = client->connect.version;
	struct connect_answer answer = { .is_accepted =
						 outcome == EVENT_UNWANTED };

	(void)data;
	client->is_waiting = false;
	if (outcome == EVENT_ANSWERED)
		connect_answer_read(&answer, upstream);
	if (answer.is_accepted && answer.subprotocol != NULL &&
	    strcmp(answer.subprotocol, CLIENT_MQTT_SUBPROTOCOL) != 0)
		answer = (struct connect_answer){ .status = 500,
						  .body = answer.body };
	if (!answer.is_accepted) {
		refuse(connection, mqtt_connack_refusal(version, answer.status,
							answer.mqtt));
	} else if (connection->socket == NULL) {
		connection_admit(connection, &answer);
		session_leave(connection, NULL);
	} else {
		connection_admit(connection, &answer);
		send_packet(connection,
			    mqtt_connack(version,
					 client->is_assigned ? connection->id
							     : NULL,
					 answer.mqtt));
		connection->session_id = connection_random_id();
		session_enter(connection);
		go_on(connection);
	}
	connect_answer_clear(&answer);
}

static void
ask_handler(struct connection *connection)
{
	struct mqtt_client *client = connection->client;

	json_object_set_object_member(client->connect_body, "mqtt",
				      mqtt_connect_json(&client->connect));
	g_autofree char *text = json_value_object_text(client->connect_body);
	struct event event = {
		.name = "connect",
		.content_type = "application/json; charset=utf-8",
		.body = g_bytes_new(text, strlen(text)),
	};
	client->is_waiting = true;
	event_send(connection, &event, on_verdict, NULL);
	g_bytes_unref(event.body);
}

static void
take_connect(struct connection *connection, struct mqtt_reader body)
{
	struct mqtt_client *client = connection->client;
	enum mqtt_reason reason = mqtt_connect_read(&client->connect, body);

	client->has_connect = true;
	if (reason != MQTT_SUCCESS) {
		refuse(connection,
		       mqtt_connack_fault(client->connect.version, reason));
		return;
	}
	client->is_assigned = *client->connect.client_id == '\0';
	if (!client->is_assigned) {
		g_free(connection->id);
		connection->id = g_strdup(client->connect.client_id);
	}
	connection->physical_id = connection_random_id();
	ask_handler(connection);
}

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
on_event_answer(struct connection *connection, enum event_outcome outcome,
		const struct upstream_answer *answer, gpointer data)
{
	struct mqtt_client *client = connection->client;
	struct pending *pending = data;
	bool answered = outcome == EVENT_ANSWERED;

	send_packet(connection,
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
	user_event_send(connection, &event, on_event_answer, pending,
			free_pending);
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
	send_packet(connection, mqtt_packet(MQTT_PUBACK, 0, body));
}

static void
take_publish(struct connection *connection, guint8 flags,
	     struct mqtt_reader body)
{
	struct mqtt_client *client = connection->client;
	struct mqtt_publish publish;
	enum mqtt_reason reason = mqtt_publish_read(
		&publish, client->connect.version, flags, body);

	if (reason != MQTT_SUCCESS) {
		mqtt_publish_clear(&publish);
		end(connection, reason, "The PUBLISH packet is refused.");
		return;
	}
	const char *event = mqtt_publish_event(&publish);
	if (event == NULL)
		reason = send_to_group(connection, &publish);
	if (publish.qos > 0)
		acknowledge(connection, publish.id, reason);
	if (event != NULL)
		send_event(connection, &publish, event);
	mqtt_publish_clear(&publish);
}

static bool
is_of_server(const char *filter)
{
	return strcmp(filter, MQTT_SERVER_MESSAGES) == 0 ||
	       (g_str_has_prefix(filter, MQTT_EVENTS) &&
		(g_str_has_suffix(filter, "/succeeded") ||
		 g_str_has_suffix(filter, "/failed") ||
		 g_str_has_suffix(filter, "/+") ||
		 g_str_has_suffix(filter, "/#")));
}

/* Subscribe to one filter.  Return the code of MQTT 5.0 3.9.3. */
static enum mqtt_reason
subscribe(struct connection *connection, const char *filter, guint8 qos)
{
	struct mqtt_client *client = connection->client;

	if (!is_of_server(filter)) {
		/* The service has no wildcards: a topic is a group. */
		if (strpbrk(filter, "#+") != NULL)
			return MQTT_WILDCARDS_NOT_SUPPORTED;
		if (!settings_is_group_name(filter))
			return MQTT_UNSPECIFIED_ERROR;
		if (!role_permits(connection->roles, ROLE_JOIN_LEAVE_GROUP,
				  filter))
			return MQTT_NOT_AUTHORIZED;
		g_hash_table_add(connection->groups, g_strdup(filter));
	}
	g_hash_table_insert(client->qos, g_strdup(filter),
			    GUINT_TO_POINTER(MIN(qos, 1)));
	return (enum mqtt_reason)MIN(qos, 1);
}

/* The same in terms of the client's version. */
static guint8
subscription_code(struct connection *connection, const char *filter, guint8 qos)
{
	const struct mqtt_client *client = connection->client;
	enum mqtt_reason reason = subscribe(connection, filter, qos);

	return (guint8)(client->connect.version == MQTT_3_1_1 &&
					reason >= MQTT_UNSPECIFIED_ERROR
				? MQTT_UNSPECIFIED_ERROR
				: reason);
}

static void
unsubscribe(struct connection *connection, const char *filter)
{
	struct mqtt_client *client = connection->client;

	g_hash_table_remove(connection->groups, filter);
	g_hash_table_remove(client->qos, filter);
}

/* SUBSCRIBE and UNSUBSCRIBE. */
static void
take_filters(struct connection *connection, bool is_subscribe,
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
			mqtt_write_u8(out, subscription_code(connection, filter,
							     options & 3));
		else
			unsubscribe(connection, filter);
		if (!is_subscribe && is_5)
			mqtt_write_u8(out, MQTT_SUCCESS);
	}
	if (body.bad || is_empty) {
		g_byte_array_unref(out);
		end(connection, MQTT_MALFORMED_PACKET,
		    "Invalid topic filters.");
		return;
	}
	send_packet(connection,
		    mqtt_packet(is_subscribe ? MQTT_SUBACK : MQTT_UNSUBACK, 0,
				out));
}

static void
take_disconnect(struct connection *connection, struct mqtt_reader body)
{
	struct mqtt_client *client = connection->client;
	struct mqtt_properties properties = { 0 };
	guint8 code = body.left > 0 ? mqtt_read_u8(&body) : 0;

	if (body.left > 0)
		mqtt_properties_read(&properties, &body);
	client->goodbye = json_object_new();
	json_object_set_int_member(client->goodbye, "code", code);
	json_object_set_member(client->goodbye, "userProperties",
			       mqtt_user_properties_json(&properties));
	mqtt_properties_clear(&properties);
	session_leave(connection, NULL);
	session_close(connection, SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
}

static void
take_packet(struct connection *connection, guint8 first,
	    struct mqtt_reader body)
{
	struct mqtt_client *client = connection->client;
	guint type = first >> 4;
	guint8 flags = first & 0x0f;

	if (client->has_connect == (type == MQTT_CONNECT))
		end(connection, MQTT_PROTOCOL_ERROR,
		    "CONNECT comes first, and once.");
	else if (type == MQTT_CONNECT)
		take_connect(connection, body);
	else if (type == MQTT_PUBLISH)
		take_publish(connection, flags, body);
	else if (type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE)
		take_filters(connection, type == MQTT_SUBSCRIBE, body);
	else if (type == MQTT_PINGREQ)
		send_packet(connection,
			    mqtt_packet(MQTT_PINGRESP, 0, g_byte_array_new()));
	else if (type == MQTT_DISCONNECT)
		take_disconnect(connection, body);
	else if (type == MQTT_PUBACK)
		client->unacknowledged -= client->unacknowledged > 0;
	else
		end(connection, MQTT_PROTOCOL_ERROR,
		    "A packet of this type is not expected.");
}

/* Take the packets that are there, but none behind CONNECT before the verdict
 * on that, which may come while the packet is taken. */
static void
go_on(struct connection *connection)
{
	struct mqtt_client *client = connection->client;

	while (!client->is_waiting && !client->is_taking &&
	       !connection->has_left && !client->is_ended_here) {
		struct mqtt_reader body;
		gsize taken = 0;
		guint8 first;
		enum mqtt_take take = mqtt_take_packet(client->input->data,
						       client->input->len,
						       &first, &body, &taken);
		if (take == MQTT_TAKE_MORE)
			return;
		if (take == MQTT_TAKE_BAD) {
			end(connection, MQTT_MALFORMED_PACKET,
			    "Invalid packet.");
			return;
		}
		client->is_taking = true;
		take_packet(connection, first, body);
		client->is_taking = false;
		g_byte_array_remove_range(client->input, 0, (guint)taken);
	}
}

static void
received(struct connection *connection, bool is_text, GBytes *data)
{
	struct mqtt_client *client = connection->client;
	gsize size;
	const guint8 *bytes = g_bytes_get_data(data, &size);

	if (is_text || client->input->len + size > INPUT_MAX) {
		end(connection, MQTT_PROTOCOL_ERROR, "Not an MQTT message.");
		return;
	}
	g_byte_array_append(client->input, bytes, (guint)size);
	go_on(connection);
	if (client->has_connect && !connection->has_left)
		limit_silence(connection,
			      client->connect.keep_alive_s * 3U / 2);
}

const struct client_kind client_mqtt = {
	.received = received,
	.deliver = deliver,
	.dismiss = dismiss,
	.tell_end = tell_end,
	.free = free_client,
};
