/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "emulator/connection.h"
#include "emulator/event.h"
#include "emulator/json_value.h"
#include "emulator/trace.h"
#include "emulator/user_event.h"

char *
connection_random_id(void)
{
	g_autofree char *uuid = g_uuid_string_random();
	g_auto(GStrv) parts = g_strsplit(uuid, "-", -1);

	return g_strjoinv(NULL, parts);
}

struct connection *
connection_new(struct hub *hub, const struct client_kind *kind)
{
	struct connection *connection = g_new0(struct connection, 1);

	g_ref_count_init(&connection->references);
	connection->hub = hub;
	connection->kind = kind;
	connection->id = connection_random_id();
	connection->roles = g_ptr_array_new_with_free_func(g_free);
	connection->groups =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	connection->cookies =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_queue_init(&connection->events);
	hub->service->clients++;
	return connection;
}

struct connection *
connection_ref(struct connection *connection)
{
	g_ref_count_inc(&connection->references);
	return connection;
}

void
connection_unref(struct connection *connection)
{
	if (!g_ref_count_dec(&connection->references))
		return;
	connection->hub->service->clients--;
	if (connection->kind->free != NULL)
		connection->kind->free(connection->client);
	g_clear_object(&connection->socket);
	g_free(connection->id);
	g_free(connection->user_id);
	g_free(connection->subprotocol);
	g_free(connection->state);
	g_free(connection->physical_id);
	g_free(connection->session_id);
	g_ptr_array_unref(connection->roles);
	g_hash_table_unref(connection->groups);
	g_hash_table_unref(connection->cookies);
	g_free(connection);
}

void
connection_admit(struct connection *connection,
		 const struct connect_answer *answer)
{
	connection->is_admitted = true;
	if (answer->user_id != NULL) {
		g_free(connection->user_id);
		connection->user_id = g_strdup(answer->user_id);
	}
	if (answer->roles != NULL) {
		g_ptr_array_set_size(connection->roles, 0);
		for (guint i = 0; i < json_array_get_length(answer->roles); i++)
			g_ptr_array_add(connection->roles,
					g_strdup(json_array_get_string_element(
						answer->roles, i)));
	}
	for (guint i = 0; answer->groups != NULL &&
			  i < json_array_get_length(answer->groups);
	     i++)
		g_hash_table_add(connection->groups,
				 g_strdup(json_array_get_string_element(
					 answer->groups, i)));
}

static void
on_message(SoupWebsocketConnection *socket, int type, GBytes *data,
	   gpointer user_data)
{
	struct connection *connection = user_data;

	(void)socket;
	if (connection->has_left)
		return;
	connection_ref(connection);
	connection->kind->received(connection, type == SOUP_WEBSOCKET_DATA_TEXT,
				   data);
	connection_unref(connection);
}

static void
on_closed(SoupWebsocketConnection *socket, gpointer data)
{
	struct connection *connection = data;
	gushort code = soup_websocket_connection_get_close_code(socket);
	bool normal = code == SOUP_WEBSOCKET_CLOSE_NORMAL ||
		      code == SOUP_WEBSOCKET_CLOSE_GOING_AWAY ||
		      code == SOUP_WEBSOCKET_CLOSE_NO_STATUS;
	g_autofree char *reason =
		normal ? NULL
		       : g_strdup_printf("The connection ended with code %u.",
					 code);

	connection_leave(connection, reason);
	g_signal_handlers_disconnect_by_data(socket, connection);
	g_clear_object(&connection->socket);
	connection_unref(connection);
}

void
connection_attach(struct connection *connection,
		  SoupWebsocketConnection *socket)
{
	connection->socket = socket;
	soup_websocket_connection_set_max_incoming_payload_size(socket,
								MESSAGE_MAX);
	connection_ref(connection); /* until on_closed */
	g_signal_connect(socket, "message", G_CALLBACK(on_message), connection);
	g_signal_connect(socket, "closed", G_CALLBACK(on_closed), connection);
}

void
connection_enter(struct connection *connection)
{
	struct connection *other = g_hash_table_lookup(
		connection->hub->connections, connection->id);
	g_autofree char *label = event_label(connection);

	if (other != NULL)
		connection_close(other, SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION,
				 "Another client has taken over this id.");
	g_hash_table_insert(connection->hub->connections, connection->id,
			    connection_ref(connection));
	trace_line(TRACE_INFORMATION, "ConnectionConnected", "%s", label);
	if (connection->kind->entered != NULL)
		connection->kind->entered(connection);
	event_notify(connection, "connected", "{}");
}

void
connection_leave(struct connection *connection, const char *reason)
{
	if (!connection->is_admitted || connection->has_left)
		return;
	connection->has_left = true;

	g_autofree char *label = event_label(connection);
	g_autoptr(JsonObject) body = json_object_new();
	if (reason == NULL)
		json_object_set_null_member(body, "reason");
	else
		json_object_set_string_member(body, "reason", reason);
	if (connection->kind->tell_end != NULL)
		connection->kind->tell_end(connection, body);
	g_autofree char *text = json_value_object_text(body);
	trace_line(TRACE_INFORMATION, "ConnectionDisconnected", "%s%s%s", label,
		   reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
	event_notify(connection, "disconnected", text);
	user_event_forget(connection);
	if (g_hash_table_lookup(connection->hub->connections, connection->id) ==
	    connection) {
		g_hash_table_remove(connection->hub->connections,
				    connection->id);
		connection_unref(connection);
	}
}

void
connection_close(struct connection *connection, gushort code,
		 const char *reason)
{
	connection_ref(connection);
	if (!connection->has_left && connection->kind->dismiss != NULL)
		connection->kind->dismiss(connection, reason);
	connection_leave(connection, reason);
	if (connection->socket != NULL &&
	    soup_websocket_connection_get_state(connection->socket) ==
		    SOUP_WEBSOCKET_STATE_OPEN)
		soup_websocket_connection_close(connection->socket, code, NULL);
	connection_unref(connection);
}

static bool
is_open(const struct connection *connection)
{
	return connection->socket != NULL &&
	       soup_websocket_connection_get_state(connection->socket) ==
		       SOUP_WEBSOCKET_STATE_OPEN;
}

void
connection_send_text(struct connection *connection, const char *text)
{
	if (is_open(connection))
		soup_websocket_connection_send_text(connection->socket, text);
}

void
connection_send_binary(struct connection *connection, const void *data,
		       gsize size)
{
	if (is_open(connection))
		soup_websocket_connection_send_binary(connection->socket, data,
						      size);
}
