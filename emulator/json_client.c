/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/client.h"
#include "emulator/json_value.h"
#include "emulator/role.h"
#include "emulator/seen_ids.h"
#include "emulator/session.h"
#include "emulator/user_event.h"

enum { UNACKNOWLEDGED_MAX = 1024 /* messages of one connection */ };

struct json_client {
	struct seen_ids *seen;
	/* Of reliable clients alone: */
	gint64 sequence; /* of the last message */
	GQueue unacknowledged; /* messages as text, up to that one */
};

/* A request, and whether its sender wants to know how it went. */
struct request {
	JsonObject *members;
	bool has_ack;
	gint64 ack;
};

static const char *const data_types[] = {
	[MESSAGE_TEXT] = "text",
	[MESSAGE_JSON] = "json",
	[MESSAGE_BINARY] = "binary",
};

static void
send_object(struct connection *connection, JsonObject *object)
{
	g_autofree char *text = json_value_object_text(object);

	connection_send_text(connection, text);
}

static void
greet(struct connection *connection)
{
	g_autoptr(JsonObject) hello = json_object_new();

	json_object_set_string_member(hello, "type", "system");
	json_object_set_string_member(hello, "event", "connected");
	if (connection->user_id != NULL)
		json_object_set_string_member(hello, "userId",
					      connection->user_id);
	json_object_set_string_member(hello, "connectionId", connection->id);
	if (connection->reconnection_token != NULL)
		json_object_set_string_member(hello, "reconnectionToken",
					      connection->reconnection_token);
	send_object(connection, hello);
}

static void
entered(struct connection *connection)
{
	struct json_client *client = g_new0(struct json_client, 1);

	client->seen = seen_ids_new();
	g_queue_init(&client->unacknowledged);
	connection->client = client;
	if (connection->kind->resume != NULL)
		connection->reconnection_token = connection_random_id();
	greet(connection);
}

static void
resume(struct connection *connection)
{
	struct json_client *client = connection->client;

	greet(connection);
	for (GList *one = client->unacknowledged.head; one != NULL;
	     one = one->next)
		connection_send_text(connection, one->data);
}

static void
free_client(gpointer data)
{
	struct json_client *client = data;

	if (client == NULL)
		return;
	seen_ids_free(client->seen);
	g_queue_clear_full(&client->unacknowledged, g_free);
	g_free(client);
}

static void
dismiss(struct connection *connection, const char *reason)
{
	g_autoptr(JsonObject) goodbye = json_object_new();

	json_object_set_string_member(goodbye, "type", "system");
	json_object_set_string_member(goodbye, "event", "disconnected");
	if (reason != NULL)
		json_object_set_string_member(goodbye, "message", reason);
	send_object(connection, goodbye);
}

/* Numbers the message, and keeps it until it is acknowledged. */
static void
send_reliably(struct connection *connection, JsonObject *out)
{
	struct json_client *client = connection->client;

	json_object_set_int_member(out, "sequenceId", ++client->sequence);
	g_queue_push_tail(&client->unacknowledged, json_value_object_text(out));
	if (g_queue_get_length(&client->unacknowledged) > UNACKNOWLEDGED_MAX)
		session_close(connection, SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION,
			      "Too many messages are not acknowledged.");
	else
		connection_send_text(
			connection, g_queue_peek_tail(&client->unacknowledged));
}

static void
deliver(struct connection *connection, const struct message *message)
{
	g_autoptr(JsonObject) out = json_object_new();
	gsize size;
	const char *data = g_bytes_get_data(message->data, &size);

	json_object_set_string_member(out, "type", "message");
	json_object_set_string_member(out, "from",
				      message->group ? "group" : "server");
	if (message->group != NULL)
		json_object_set_string_member(out, "group", message->group);
	if (message->from_user != NULL)
		json_object_set_string_member(out, "fromUserId",
					      message->from_user);
	json_object_set_string_member(out, "dataType",
				      data_types[message->type]);
	if (message->type == MESSAGE_JSON) {
		json_object_set_member(out, "data",
				       json_value_parse(data, size));
	} else if (message->type == MESSAGE_BINARY) {
		g_autofree char *text =
			g_base64_encode((const guchar *)data, size);
		json_object_set_string_member(out, "data", text);
	} else {
		g_autofree char *text = g_strndup(data, size);
		json_object_set_string_member(out, "data", text);
	}
	if (connection->kind->resume != NULL)
		send_reliably(connection, out);
	else
		send_object(connection, out);
}

/* fault: NULL, or the service's name of it. */
static void
acknowledge(struct connection *connection, bool has_ack, gint64 ack,
	    const char *fault, const char *why)
{
	if (!has_ack)
		return;

	g_autoptr(JsonObject) out = json_object_new();
	json_object_set_string_member(out, "type", "ack");
	json_object_set_int_member(out, "ackId", ack);
	json_object_set_boolean_member(out, "success", fault == NULL);
	if (fault != NULL) {
		JsonObject *error = json_object_new();
		json_object_set_string_member(error, "name", fault);
		json_object_set_string_member(error, "message", why);
		json_object_set_object_member(out, "error", error);
	}
	send_object(connection, out);
}

static void
refuse_text(struct connection *connection)
{
	session_close(connection, SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION,
		      "The message is not one of the subprotocol.");
}

/* The group of a request, if its sender may act on it. */
static const char *
permitted_group(struct connection *connection, const struct request *request,
		enum role_action action)
{
	const char *group;

	if (!json_value_string(request->members, "group", &group) ||
	    !settings_is_group_name(group)) {
		refuse_text(connection);
		return NULL;
	}
	if (role_permits(connection->roles, action, group))
		return group;
	acknowledge(connection, request->has_ack, request->ack, "Forbidden",
		    "The client does not have permission to the group.");
	return NULL;
}

static void
join_group(struct connection *connection, const struct request *request)
{
	const char *group =
		permitted_group(connection, request, ROLE_JOIN_LEAVE_GROUP);

	if (group == NULL)
		return;
	g_hash_table_add(connection->groups, g_strdup(group));
	acknowledge(connection, request->has_ack, request->ack, NULL, NULL);
}

static void
leave_group(struct connection *connection, const struct request *request)
{
	const char *group =
		permitted_group(connection, request, ROLE_JOIN_LEAVE_GROUP);

	if (group == NULL)
		return;
	g_hash_table_remove(connection->groups, group);
	acknowledge(connection, request->has_ack, request->ack, NULL, NULL);
}

/* The data of a request as bytes that the caller frees; NULL if it is not of
 * its dataType. */
static GBytes *
take_data(JsonObject *members, enum message_type *type)
{
	JsonNode *node = json_object_get_member(members, "data");
	const char *name, *text;

	*type = MESSAGE_JSON;
	if (json_value_string(members, "dataType", &name)) {
		guint i = 0;
		while (i < G_N_ELEMENTS(data_types) &&
		       strcmp(data_types[i], name) != 0)
			i++;
		if (i == G_N_ELEMENTS(data_types))
			return NULL;
		*type = (enum message_type)i;
	}
	if (node == NULL)
		return NULL;
	if (*type == MESSAGE_JSON) {
		char *json = json_value_text(node);
		return g_bytes_new_take(json, strlen(json));
	}
	if (!json_value_string(members, "data", &text))
		return NULL;
	if (*type == MESSAGE_TEXT)
		return g_bytes_new(text, strlen(text));
	gsize size;
	guchar *bytes = g_base64_decode(text, &size);
	return g_bytes_new_take(bytes, size);
}

static void
send_to_group(struct connection *connection, const struct request *request)
{
	const char *group =
		permitted_group(connection, request, ROLE_SEND_TO_GROUP);
	const char *const self[] = { connection->id, NULL };
	struct message message = { .group = group,
				   .from_user = connection->user_id };

	if (group == NULL)
		return;
	message.data = take_data(request->members, &message.type);
	if (message.data == NULL) {
		refuse_text(connection);
		return;
	}
	struct audience audience = {
		.group = group,
		.excluded = json_object_get_boolean_member_with_default(
				    request->members, "noEcho", FALSE)
				    ? self
				    : NULL,
	};
	hub_send(connection->hub, &audience, &message);
	acknowledge(connection, request->has_ack, request->ack, NULL, NULL);
	g_bytes_unref(message.data);
}

static void
on_answer(struct connection *connection, enum event_outcome outcome,
	  const struct upstream_answer *answer, gpointer data)
{
	const gint64 *ack = data;
	bool good = outcome == EVENT_ANSWERED &&
		    SOUP_STATUS_IS_SUCCESSFUL(answer->status);

	acknowledge(connection, ack != NULL, ack == NULL ? 0 : *ack,
		    good ? NULL : "InternalServerError",
		    "The event handler failed.");
	(void)user_event_conclude(connection, outcome, answer);
}

static void
send_event(struct connection *connection, const struct request *request)
{
	struct event event = { .is_user = true };
	enum message_type type;

	if (json_value_string(request->members, "event", &event.name) &&
	    settings_is_event_name(event.name))
		event.body = take_data(request->members, &type);
	if (event.body == NULL) {
		refuse_text(connection);
		return;
	}
	event.content_type = user_event_content_type(type);
	user_event_send(connection, &event, on_answer,
			request->has_ack
				? g_memdup2(&request->ack, sizeof(request->ack))
				: NULL,
			g_free);
	g_bytes_unref(event.body);
}

static void
pong(struct connection *connection, const struct request *request)
{
	(void)request;
	connection_send_text(connection, "{\"type\":\"pong\"}");
}

static void
take_sequence(struct connection *connection, const struct request *request)
{
	struct json_client *client = connection->client;
	gint64 sequence;

	if (connection->kind->resume == NULL ||
	    !json_value_number(request->members, "sequenceId", &sequence)) {
		refuse_text(connection);
		return;
	}
	while (client->sequence - g_queue_get_length(&client->unacknowledged) <
	       MIN(sequence, client->sequence))
		g_free(g_queue_pop_head(&client->unacknowledged));
}

/* Return true if the id is new; otherwise answer the client. */
static bool
is_new(struct connection *connection, gint64 ack)
{
	struct json_client *client = connection->client;

	if (seen_ids_add(client->seen, ack))
		return true;
	acknowledge(connection, true, ack, "Duplicate",
		    "A message with this ackId has been processed.");
	return false;
}

static void
received(struct connection *connection, bool is_text, GBytes *data)
{
	static const struct {
		const char *type;
		void (*run)(struct connection *, const struct request *);
	} types[] = {
		{ "joinGroup", join_group },	  { "leaveGroup", leave_group },
		{ "sendToGroup", send_to_group }, { "event", send_event },
		{ "sequenceAck", take_sequence }, { "ping", pong },
	};
	gsize size;
	const char *text = g_bytes_get_data(data, &size);
	g_autoptr(JsonObject) members =
		is_text ? json_value_parse_object(text, size) : NULL;
	struct request request = { .members = members };
	const char *type;

	if (members == NULL || !json_value_string(members, "type", &type)) {
		refuse_text(connection);
		return;
	}
	request.has_ack = json_value_number(members, "ackId", &request.ack);
	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		if (strcmp(types[i].type, type) != 0)
			continue;
		if (!request.has_ack || is_new(connection, request.ack))
			types[i].run(connection, &request);
		return;
	}
	refuse_text(connection);
}

const struct client_kind client_json = {
	.entered = entered,
	.received = received,
	.deliver = deliver,
	.dismiss = dismiss,
	.free = free_client,
};

const struct client_kind client_reliable = {
	.entered = entered,
	.received = received,
	.deliver = deliver,
	.dismiss = dismiss,
	.resume = resume,
	.free = free_client,
};
