/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "emulator/connection.h"
#include "emulator/hub.h"
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
