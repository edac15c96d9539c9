/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "emulator/connection.h"
#include "emulator/upstream.h"

static void
free_hub(gpointer data)
{
	struct hub *hub = data;

	g_hash_table_unref(hub->connections);
	g_free(hub);
}

bool
service_start(struct service *service, const struct settings *settings,
	      GError **error)
{
	*service = (struct service){ .settings = settings };
	service->session = upstream_session(settings, error);
	if (service->session == NULL)
		return false;
	service->validations =
		validations_new(service->session, settings->host);
	service->hubs = g_ptr_array_new_with_free_func(free_hub);
	for (guint i = 0; i < settings->hubs->len; i++) {
		struct hub *hub = g_new0(struct hub, 1);
		hub->service = service;
		hub->settings = settings->hubs->pdata[i];
		hub->connections = g_hash_table_new(g_str_hash, g_str_equal);
		g_ptr_array_add(service->hubs, hub);
	}
	return true;
}

void
service_stop(struct service *service)
{
	g_ptr_array_unref(service->hubs);
	validations_free(service->validations);
	g_object_unref(service->session);
}

struct hub *
service_hub(const struct service *service, const char *name)
{
	for (guint i = 0; i < service->hubs->len; i++) {
		struct hub *hub = service->hubs->pdata[i];
		if (g_ascii_strcasecmp(hub->settings->name, name) == 0)
			return hub;
	}
	return NULL;
}

static bool
is_meant(const struct connection *connection, const struct audience *audience)
{
	if (audience->user != NULL &&
	    g_strcmp0(connection->user_id, audience->user) != 0)
		return false;
	if (audience->group != NULL &&
	    !g_hash_table_contains(connection->groups, audience->group))
		return false;
	return audience->excluded == NULL ||
	       !g_strv_contains(audience->excluded, connection->id);
}

guint
hub_each(struct hub *hub, const struct audience *audience,
	 void (*act)(struct connection *connection, const void *data),
	 const void *data)
{
	g_autoptr(GPtrArray) meant = g_ptr_array_new_with_free_func(
		(GDestroyNotify)connection_unref);
	GHashTableIter iterator;
	gpointer value;

	if (audience->connection != NULL) {
		value = g_hash_table_lookup(hub->connections,
					    audience->connection);
		if (value != NULL && is_meant(value, audience))
			g_ptr_array_add(meant, connection_ref(value));
	} else {
		g_hash_table_iter_init(&iterator, hub->connections);
		while (g_hash_table_iter_next(&iterator, NULL, &value)) {
			if (is_meant(value, audience))
				g_ptr_array_add(meant, connection_ref(value));
		}
	}
	for (guint i = 0; act != NULL && i < meant->len; i++)
		act(meant->pdata[i], data);
	return meant->len;
}

static void
deliver(struct connection *connection, const void *message)
{
	connection->kind->deliver(connection, message);
}

void
hub_send(struct hub *hub, const struct audience *audience,
	 const struct message *message)
{
	(void)hub_each(hub, audience, deliver, message);
}

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
	g_free(connection->reconnection_token);
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
