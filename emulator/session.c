/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "emulator/event.h"
#include "emulator/json_value.h"
#include "emulator/session.h"
#include "emulator/trace.h"

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

static int
on_lost(gpointer data)
{
	struct connection *connection = data;

	connection->recovery = 0;
	session_leave(connection, "The client did not reconnect.");
	return G_SOURCE_REMOVE;
}

/* The hub owns a reference as long as the timer runs. */
static void
await_recovery(struct connection *connection)
{
	g_autofree char *label = event_label(connection);

	trace_line(TRACE_INFORMATION, "ConnectionLost", "%s", label);
	connection->recovery =
		g_timeout_add_seconds(SESSION_RECOVERY_S, on_lost, connection);
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

	g_signal_handlers_disconnect_by_data(socket, connection);
	g_clear_object(&connection->socket);
	if (!normal && connection->kind->resume != NULL &&
	    !connection->has_left)
		await_recovery(connection);
	else
		session_leave(connection, reason);
	connection_unref(connection);
}

/* The client has a newer socket: the end of this one means nothing. */
static void
detach(struct connection *connection)
{
	SoupWebsocketConnection *socket = g_steal_pointer(&connection->socket);

	g_clear_handle_id(&connection->recovery, g_source_remove);
	if (socket == NULL)
		return;
	g_signal_handlers_disconnect_by_data(socket, connection);
	g_signal_connect(socket, "closed", G_CALLBACK(g_object_unref), NULL);
	soup_websocket_connection_close(
		socket, SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION, NULL);
	connection_unref(connection);
}

void
session_attach(struct connection *connection, SoupWebsocketConnection *socket)
{
	detach(connection);
	connection->socket = socket;
	soup_websocket_connection_set_max_incoming_payload_size(socket,
								MESSAGE_MAX);
	connection_ref(connection); /* until on_closed */
	g_signal_connect(socket, "message", G_CALLBACK(on_message), connection);
	g_signal_connect(socket, "closed", G_CALLBACK(on_closed), connection);
}

void
session_enter(struct connection *connection)
{
	struct connection *other = g_hash_table_lookup(
		connection->hub->connections, connection->id);
	g_autofree char *label = event_label(connection);

	if (other != NULL)
		session_close(other, SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION,
			      "Another client has taken over this id.");
	g_hash_table_insert(connection->hub->connections, connection->id,
			    connection_ref(connection));
	trace_line(TRACE_INFORMATION, "ConnectionConnected", "%s", label);
	if (connection->kind->entered != NULL)
		connection->kind->entered(connection);
	event_notify(connection, "connected", "{}");
}

void
session_leave(struct connection *connection, const char *reason)
{
	if (!connection->is_admitted || connection->has_left)
		return;
	connection->has_left = true;
	g_clear_handle_id(&connection->recovery, g_source_remove);

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
	g_queue_clear_full(&connection->events, connection->forget_event);
	if (g_hash_table_lookup(connection->hub->connections, connection->id) ==
	    connection) {
		g_hash_table_remove(connection->hub->connections,
				    connection->id);
		connection_unref(connection);
	}
}

void
session_close(struct connection *connection, gushort code, const char *reason)
{
	connection_ref(connection);
	if (!connection->has_left && connection->kind->dismiss != NULL)
		connection->kind->dismiss(connection, reason);
	session_leave(connection, reason);
	if (connection->socket != NULL &&
	    soup_websocket_connection_get_state(connection->socket) ==
		    SOUP_WEBSOCKET_STATE_OPEN)
		soup_websocket_connection_close(connection->socket, code, NULL);
	connection_unref(connection);
}
