/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/connection.h"
#include "emulator/json_value.h"
#include "emulator/rest_grant.h"
#include "emulator/role.h"
#include "emulator/token.h"

enum {
	TOKEN_MINUTES = 60,
	TOKEN_MINUTES_MAX = 60 * 24 * 365,
	SECONDS_PER_MINUTE = 60,
};

static void
copy_values(const struct rest_call *call, const char *parameter,
	    JsonObject *claims, const char *claim)
{
	g_auto(GStrv) values = rest_values(call, parameter);

	for (char **value = values; *value != NULL; value++)
		json_value_append(claims, claim, *value);
}

static char *
audience_of(const struct rest_call *call)
{
	bool is_mqtt = g_strcmp0(rest_value(call, "clientType"), "mqtt") == 0;
	GUri *uri = soup_server_message_get_uri(call->message);

	return g_strconcat("https://", g_uri_get_host(uri),
			   is_mqtt ? "/clients/mqtt/hubs/" : "/client/hubs/",
			   call->parts[0], NULL);
}

guint
rest_generate_token(struct rest_call *call)
{
	const char *user = rest_value(call, "userId");
	const char *minutes_text = rest_value(call, "minutesToExpire");
	guint64 minutes = TOKEN_MINUTES;
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;

	if (minutes_text != NULL &&
	    !g_ascii_string_to_unsigned(minutes_text, 10, 1, TOKEN_MINUTES_MAX,
					&minutes, NULL))
		return SOUP_STATUS_BAD_REQUEST;

	g_autoptr(JsonObject) claims = json_object_new();
	g_autofree char *audience = audience_of(call);
	json_object_set_string_member(claims, "aud", audience);
	json_object_set_int_member(claims, "iat", now);
	json_object_set_int_member(claims, "exp",
				   now + (gint64)minutes * SECONDS_PER_MINUTE);
	if (user != NULL)
		json_object_set_string_member(claims, "sub", user);
	copy_values(call, "role", claims, "role");
	copy_values(call, "group", claims, "webpubsub.group");

	g_autofree char *token =
		token_make(claims, call->service->settings->keys[0]);
	g_autoptr(JsonObject) answer = json_object_new();
	json_object_set_string_member(answer, "token", token);
	g_autofree char *text = json_value_object_text(answer);
	soup_server_message_set_response(call->message, "application/json",
					 SOUP_MEMORY_COPY, text, strlen(text));
	return SOUP_STATUS_OK;
}

static bool
find_role(const struct connection *connection, const char *role, guint *index)
{
	return g_ptr_array_find_with_equal_func(connection->roles, role,
						g_str_equal, index);
}

/* permissions/PERMISSION/connections/CONNECTION?targetName=GROUP: finds the
 * connection, and the role that is meant, which the caller frees. */
static guint
find(const struct rest_call *call, struct connection **connection, char **role)
{
	*role = role_of_permission(call->parts[1],
				   rest_value(call, "targetName"));
	*connection =
		g_hash_table_lookup(call->hub->connections, call->parts[2]);
	if (*role == NULL)
		return SOUP_STATUS_BAD_REQUEST;
	return *connection == NULL ? SOUP_STATUS_NOT_FOUND : SOUP_STATUS_OK;
}

guint
rest_grant(struct rest_call *call)
{
	g_autofree char *role = NULL;
	struct connection *connection;
	guint status = find(call, &connection, &role);

	if (status == SOUP_STATUS_OK && !find_role(connection, role, NULL))
		g_ptr_array_add(connection->roles, g_steal_pointer(&role));
	return status;
}

guint
rest_revoke(struct rest_call *call)
{
	g_autofree char *role = NULL;
	struct connection *connection;
	guint status = find(call, &connection, &role);
	guint index;

	if (status != SOUP_STATUS_OK)
		return status;
	if (find_role(connection, role, &index))
		g_ptr_array_remove_index(connection->roles, index);
	return SOUP_STATUS_NO_CONTENT;
}

guint
rest_has_permission(struct rest_call *call)
{
	g_autofree char *role = NULL;
	struct connection *connection;
	guint status = find(call, &connection, &role);

	return status == SOUP_STATUS_OK && !find_role(connection, role, NULL)
		       ? SOUP_STATUS_NOT_FOUND
		       : status;
}
