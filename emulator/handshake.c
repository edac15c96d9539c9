/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/client.h"
#include "emulator/connect_answer.h"
#include "emulator/event.h"
#include "emulator/handshake.h"
#include "emulator/introduction.h"
#include "emulator/json_value.h"
#include "emulator/session.h"
#include "emulator/trace.h"

/* A client at the door: as long as its HTTP request. */
struct visit {
	SoupServerMessage *message; /* borrowed: it owns this */
	struct connection *connection;
	struct introduction introduction;
	bool is_gone; /* the client has hung up */
	bool is_inside;
};

static void
free_visit(gpointer data)
{
	struct visit *visit = data;

	if (!visit->is_inside)
		session_leave(visit->connection,
			      "The client left during the handshake.");
	connection_unref(visit->connection);
	g_clear_pointer(&visit->introduction.body, json_object_unref);
	g_free(visit);
}

static void
refuse(SoupServerMessage *message, guint status, const char *text)
{
	soup_server_message_set_status(message, status, NULL);
	soup_server_message_set_response(message, "text/plain",
					 SOUP_MEMORY_COPY, text, strlen(text));
}

static void
on_disconnected(SoupServerMessage *message, gpointer data)
{
	struct visit *visit = data;

	(void)message;
	visit->is_gone = true;
}

/* 101 is written: from here on the connection is a WebSocket. */
static void
on_upgraded(SoupServerMessage *message, gpointer data)
{
	struct visit *visit = data;
	struct connection *connection = visit->connection;
	GUri *uri = soup_server_message_get_uri(message);
	const char *subprotocol = soup_message_headers_get_one(
		soup_server_message_get_response_headers(message),
		"Sec-WebSocket-Protocol");
	g_autoptr(GIOStream) stream =
		soup_server_message_steal_connection(message);

	if (stream == NULL)
		return;
	visit->is_inside = true;
	session_attach(connection,
		       soup_websocket_connection_new(
			       stream, uri, SOUP_WEBSOCKET_CONNECTION_SERVER,
			       NULL, subprotocol, NULL));
	if (connection->kind == &client_mqtt)
		mqtt_client_begin(connection);
	else
		session_enter(connection);
}

/* subprotocol: NULL for none. */
static void
upgrade(struct visit *visit, const char *subprotocol)
{
	g_autofree char *chosen = g_strdup(subprotocol);
	char *protocols[] = { chosen, NULL };

	visit->connection->subprotocol = g_strdup(subprotocol);
	if (soup_websocket_server_process_handshake(
		    visit->message, NULL, chosen == NULL ? NULL : protocols,
		    NULL, NULL))
		g_signal_connect(visit->message, "wrote-informational",
				 G_CALLBACK(on_upgraded), visit);
}

/* The handler's refusal is the client's: its status and its body. */
static void
pass_on(struct visit *visit, guint status, const struct upstream_answer *answer)
{
	if (answer == NULL || answer->status != status) {
		refuse(visit->message, status,
		       "The event handler gave no valid answer.\n");
		return;
	}
	gsize size;
	const char *body = g_bytes_get_data(answer->body, &size);
	const char *type =
		soup_message_headers_get_one(answer->headers, "Content-Type");
	soup_server_message_set_status(visit->message, status, NULL);
	if (size > 0)
		soup_server_message_set_response(visit->message,
						 type ? type : "text/plain",
						 SOUP_MEMORY_COPY, body, size);
}

/* The kind of client that speaks a subprotocol; NULL: none. */
static const struct client_kind *
kind_of(const char *subprotocol)
{
	if (strcmp(subprotocol, CLIENT_JSON_SUBPROTOCOL) == 0)
		return &client_json;
	return strcmp(subprotocol, CLIENT_RELIABLE_SUBPROTOCOL) == 0
		       ? &client_reliable
		       : NULL;
}

/* The first offer that the service speaks; NULL: none, and the trace says so
 * if there were offers. */
static const char *
first_spoken(const struct visit *visit)
{
	JsonArray *offered = visit->introduction.offered;
	guint n = json_array_get_length(offered);

	for (guint i = 0; i < n; i++) {
		const char *one = json_array_get_string_element(offered, i);
		if (kind_of(one) != NULL)
			return one;
	}
	if (n > 0) {
		g_autofree char *label = event_label(visit->connection);
		g_autofree char *word =
			trace_word(json_array_get_string_element(offered, 0));
		trace_line(TRACE_WARNING, "SubprotocolIgnored",
			   "%s offered=%s: neither the emulator nor the "
			   "handler speaks it",
			   label, word);
	}
	return NULL;
}

/* The handler's choice, which the client must have offered; else the first
 * offer that the service speaks. */
static bool
choose(struct visit *visit, const char *wish, const char **chosen)
{
	const struct client_kind *kind;

	*chosen = wish != NULL ? wish : first_spoken(visit);
	kind = *chosen == NULL ? NULL : kind_of(*chosen);
	if (kind != NULL)
		visit->connection->kind = kind;
	return wish == NULL || introduction_offers(&visit->introduction, wish);
}

static void
trace_refusal(const struct visit *visit, guint status, const char *why)
{
	g_autofree char *label = event_label(visit->connection);

	trace_line(TRACE_WARNING, "ConnectionRefused", "%s status=%u%s%s",
		   label, status, why == NULL ? "" : ": ",
		   why == NULL ? "" : why);
}

static void
on_verdict(struct connection *connection, enum event_outcome outcome,
	   const struct upstream_answer *upstream, gpointer data)
{
	struct visit *visit = data;
	struct connect_answer answer = {
		.is_accepted = outcome == EVENT_UNWANTED,
		.status = SOUP_STATUS_INTERNAL_SERVER_ERROR,
	};
	const char *subprotocol, *why = NULL;

	if (outcome == EVENT_ANSWERED)
		connect_answer_read(&answer, upstream);
	if (answer.is_accepted &&
	    !choose(visit, answer.subprotocol, &subprotocol)) {
		answer.is_accepted = false;
		answer.status = SOUP_STATUS_INTERNAL_SERVER_ERROR;
		why = "the handler chose a subprotocol that the client did not "
		      "offer";
	}
	if (answer.is_accepted) {
		connection_admit(connection, &answer);
		if (!visit->is_gone)
			upgrade(visit, subprotocol);
	} else {
		trace_refusal(visit, answer.status, why);
		pass_on(visit, answer.status, upstream);
	}
	connect_answer_clear(&answer);
	soup_server_message_unpause(visit->message);
	g_object_unref(visit->message); /* of ask_handler */
}

static void
ask_handler(struct visit *visit)
{
	g_autofree char *text =
		json_value_object_text(visit->introduction.body);
	struct event event = {
		.name = "connect",
		.content_type = "application/json; charset=utf-8",
		.body = g_bytes_new(text, strlen(text)),
	};

	g_object_ref(visit->message); /* until on_verdict */
	soup_server_message_pause(visit->message);
	event_send(visit->connection, &event, on_verdict, visit);
	g_bytes_unref(event.body);
}

/* MQTT clients are let through: the verdict is on their CONNECT packet. */
static void
begin_mqtt(struct visit *visit)
{
	if (!introduction_offers(&visit->introduction,
				 CLIENT_MQTT_SUBPROTOCOL)) {
		trace_refusal(visit, SOUP_STATUS_BAD_REQUEST,
			      "the client does not offer the subprotocol mqtt");
		refuse(visit->message, SOUP_STATUS_BAD_REQUEST,
		       "The subprotocol mqtt is not offered.\n");
		return;
	}
	visit->connection->client =
		mqtt_client_new(g_steal_pointer(&visit->introduction.body));
	upgrade(visit, CLIENT_MQTT_SUBPROTOCOL);
}

/* 101 is written for a client that comes back; data: its connection; NULL:
 * it has ended. */
static void
on_returned(SoupServerMessage *message, gpointer data)
{
	struct connection *connection = data;
	GUri *uri = soup_server_message_get_uri(message);
	g_autoptr(GIOStream) stream =
		soup_server_message_steal_connection(message);

	if (stream == NULL)
		return;
	SoupWebsocketConnection *socket = soup_websocket_connection_new(
		stream, uri, SOUP_WEBSOCKET_CONNECTION_SERVER, NULL,
		CLIENT_RELIABLE_SUBPROTOCOL, NULL);
	if (connection == NULL || connection->has_left) {
		g_signal_connect(socket, "closed", G_CALLBACK(g_object_unref),
				 NULL);
		soup_websocket_connection_close(
			socket, SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION, NULL);
		return;
	}
	g_autofree char *label = event_label(connection);
	trace_line(TRACE_INFORMATION, "ConnectionRecovered", "%s", label);
	session_attach(connection, socket);
	connection->kind->resume(connection);
}

static void
forget_connection(gpointer data, GClosure *closure)
{
	(void)closure;
	if (data != NULL)
		connection_unref(data);
}

/* A reliable client comes back to the connection id: the handler is not asked
 * again, as in the service. */
static void
recover(struct hub *hub, SoupServerMessage *message, const char *id,
	const char *token)
{
	char *protocols[] = { (char[]){ CLIENT_RELIABLE_SUBPROTOCOL }, NULL };
	struct connection *connection =
		g_hash_table_lookup(hub->connections, id);

	if (connection != NULL &&
	    (token == NULL ||
	     g_strcmp0(connection->reconnection_token, token) != 0))
		connection = NULL;
	if (!soup_websocket_server_process_handshake(message, NULL, protocols,
						     NULL, NULL))
		return;
	g_signal_connect_data(
		message, "wrote-informational", G_CALLBACK(on_returned),
		connection == NULL ? NULL : connection_ref(connection),
		forget_connection, 0);
}

static const char *
parameter(GHashTable *query, const char *name)
{
	return query == NULL ? NULL : g_hash_table_lookup(query, name);
}

void
handshake_begin(struct hub *hub, SoupServerMessage *message, GHashTable *query,
		bool is_mqtt)
{
	const char *id = parameter(query, "awps_connection_id");
	const char *token = parameter(query, "awps_reconnection_token");
	const char *why = NULL;

	if (!soup_websocket_server_check_handshake(message, NULL, NULL, NULL,
						   NULL)) {
		refuse(message, SOUP_STATUS_BAD_REQUEST,
		       "Not a WebSocket request.\n");
		return;
	}
	if (!is_mqtt && id != NULL && *id != '\0') {
		recover(hub, message, id, token);
		return;
	}
	if (hub->service->clients >= SERVICE_CLIENTS_MAX) {
		refuse(message, SOUP_STATUS_SERVICE_UNAVAILABLE,
		       "There are too many clients.\n");
		return;
	}

	struct visit *visit = g_new0(struct visit, 1);
	visit->message = message;
	visit->connection =
		connection_new(hub, is_mqtt ? &client_mqtt : &client_simple);
	g_object_set_data_full(G_OBJECT(message), "visit", visit, free_visit);
	g_signal_connect(message, "disconnected", G_CALLBACK(on_disconnected),
			 visit);
	if (!introduction_read(&visit->introduction, visit->connection, message,
			       &why)) {
		trace_refusal(visit, SOUP_STATUS_UNAUTHORIZED, why);
		refuse(message, SOUP_STATUS_UNAUTHORIZED,
		       "The client is not authorized.\n");
		return;
	}
	if (is_mqtt)
		begin_mqtt(visit);
	else
		ask_handler(visit);
}
