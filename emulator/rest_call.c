/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/connection.h"
#include "emulator/json_value.h"
#include "emulator/rest_call.h"
#include "emulator/rest_grant.h"

static guint
health(struct rest_call *call)
{
	(void)call;
	return SOUP_STATUS_OK;
}

/* Sends the body of a request to an audience. */
static void
deliver(struct connection *connection, const void *message)
{
	connection->kind->deliver(connection, message);
}

static guint
send_to(struct rest_call *call, struct audience audience)
{
	static const char *const types[] = {
		[MESSAGE_TEXT] = "text/plain",
		[MESSAGE_JSON] = "application/json",
		[MESSAGE_BINARY] = "application/octet-stream",
	};
	const char *type = soup_message_headers_get_content_type(
		soup_server_message_get_request_headers(call->message), NULL);
	g_auto(GStrv) excluded = rest_values(call, "excluded");
	struct message message;
	guint i = 0;

	if (rest_value(call, "filter") != NULL)
		return SOUP_STATUS_NOT_IMPLEMENTED;
	while (type != NULL && i < G_N_ELEMENTS(types) &&
	       g_ascii_strcasecmp(types[i], type) != 0)
		i++;
	if (type == NULL || i == G_N_ELEMENTS(types))
		return SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE;
	g_autoptr(GBytes) body = soup_message_body_flatten(
		soup_server_message_get_request_body(call->message));
	gsize size;
	const char *text = g_bytes_get_data(body, &size);
	if (i == MESSAGE_TEXT && !g_utf8_validate_len(text, size, NULL))
		return SOUP_STATUS_BAD_REQUEST;
	if (i == MESSAGE_JSON) {
		g_autoptr(JsonNode) node = json_value_parse(text, size);
		if (node == NULL)
			return SOUP_STATUS_BAD_REQUEST;
	}
	message = (struct message){ .type = (enum message_type)i,
				    .data = body,
				    .group = audience.group };
	audience.excluded = (const char *const *)excluded;
	(void)hub_each(call->hub, &audience, deliver, &message);
	return SOUP_STATUS_ACCEPTED;
}

static void
close_one(struct connection *connection, const void *reason)
{
	connection_close(connection, SOUP_WEBSOCKET_CLOSE_NORMAL,
			 reason ? reason : "Closed by the server.");
}

static guint
close_all_of(struct rest_call *call, struct audience audience)
{
	g_auto(GStrv) excluded = rest_values(call, "excluded");

	audience.excluded = (const char *const *)excluded;
	(void)hub_each(call->hub, &audience, close_one,
		       rest_value(call, "reason"));
	return SOUP_STATUS_NO_CONTENT;
}

static guint
exists(struct rest_call *call, const struct audience *audience)
{
	return hub_each(call->hub, audience, NULL, NULL) > 0
		       ? SOUP_STATUS_OK
		       : SOUP_STATUS_NOT_FOUND;
}

static void
join(struct connection *connection, const void *group)
{
	g_hash_table_add(connection->groups, g_strdup(group));
}

static void
part(struct connection *connection, const void *group)
{
	if (group == NULL)
		g_hash_table_remove_all(connection->groups);
	else
		g_hash_table_remove(connection->groups, group);
}

/* The audiences that the second part of a path can name. */
#define CONNECTION(call)                                                       \
	(struct audience)                                                      \
	{                                                                      \
		.connection = (call)->parts[1]                                 \
	}
#define USER(call)                                                             \
	(struct audience)                                                      \
	{                                                                      \
		.user = (call)->parts[1]                                       \
	}
#define GROUP(call)                                                            \
	(struct audience)                                                      \
	{                                                                      \
		.group = (call)->parts[1]                                      \
	}

static guint
send_all(struct rest_call *call)
{
	return send_to(call, (struct audience){ 0 });
}

static guint
send_connection(struct rest_call *call)
{
	return send_to(call, CONNECTION(call));
}

static guint
send_user(struct rest_call *call)
{
	return send_to(call, USER(call));
}

static guint
send_group(struct rest_call *call)
{
	return send_to(call, GROUP(call));
}

static guint
close_hub(struct rest_call *call)
{
	return close_all_of(call, (struct audience){ 0 });
}

static guint
close_connection(struct rest_call *call)
{
	return close_all_of(call, CONNECTION(call));
}

static guint
close_user(struct rest_call *call)
{
	return close_all_of(call, USER(call));
}

static guint
close_group(struct rest_call *call)
{
	return close_all_of(call, GROUP(call));
}

static guint
has_connection(struct rest_call *call)
{
	return exists(call, &CONNECTION(call));
}

static guint
has_user(struct rest_call *call)
{
	return exists(call, &USER(call));
}

static guint
has_group(struct rest_call *call)
{
	return exists(call, &GROUP(call));
}

/* groups/GROUP/connections/CONNECTION */
static guint
join_connection(struct rest_call *call)
{
	struct audience audience = { .connection = call->parts[2] };

	if (!settings_is_group_name(call->parts[1]))
		return SOUP_STATUS_BAD_REQUEST;
	return hub_each(call->hub, &audience, join, call->parts[1]) > 0
		       ? SOUP_STATUS_OK
		       : SOUP_STATUS_NOT_FOUND;
}

static guint
part_connection(struct rest_call *call)
{
	struct audience audience = { .connection = call->parts[2] };

	(void)hub_each(call->hub, &audience, part, call->parts[1]);
	return SOUP_STATUS_NO_CONTENT;
}

/* users/USER/groups/GROUP */
static guint
join_user(struct rest_call *call)
{
	if (!settings_is_group_name(call->parts[2]))
		return SOUP_STATUS_BAD_REQUEST;
	(void)hub_each(call->hub, &USER(call), join, call->parts[2]);
	return SOUP_STATUS_OK;
}

static guint
part_user(struct rest_call *call)
{
	(void)hub_each(call->hub, &USER(call), part, call->parts[2]);
	return SOUP_STATUS_NO_CONTENT;
}

static guint
part_user_all(struct rest_call *call)
{
	(void)hub_each(call->hub, &USER(call), part, NULL);
	return SOUP_STATUS_NO_CONTENT;
}

const struct rest_route rest_routes[] = {
	{ "GET", "health", health, true },
	{ "HEAD", "health", health, true },
	{ "POST", "hubs/*/:send", send_all },
	{ "POST", "hubs/*/:closeConnections", close_hub },
	{ "POST", "hubs/*/:generateToken", rest_generate_token },
	{ "HEAD", "hubs/*/connections/*", has_connection },
	{ "GET", "hubs/*/connections/*", has_connection },
	{ "DELETE", "hubs/*/connections/*", close_connection },
	{ "POST", "hubs/*/connections/*/:send", send_connection },
	{ "HEAD", "hubs/*/users/*", has_user },
	{ "GET", "hubs/*/users/*", has_user },
	{ "POST", "hubs/*/users/*/:send", send_user },
	{ "POST", "hubs/*/users/*/:closeConnections", close_user },
	{ "PUT", "hubs/*/users/*/groups/*", join_user },
	{ "DELETE", "hubs/*/users/*/groups/*", part_user },
	{ "DELETE", "hubs/*/users/*/groups", part_user_all },
	{ "HEAD", "hubs/*/groups/*", has_group },
	{ "GET", "hubs/*/groups/*", has_group },
	{ "POST", "hubs/*/groups/*/:send", send_group },
	{ "POST", "hubs/*/groups/*/:closeConnections", close_group },
	{ "PUT", "hubs/*/groups/*/connections/*", join_connection },
	{ "DELETE", "hubs/*/groups/*/connections/*", part_connection },
	{ "PUT", "hubs/*/permissions/*/connections/*", rest_grant },
	{ "DELETE", "hubs/*/permissions/*/connections/*", rest_revoke },
	{ "HEAD", "hubs/*/permissions/*/connections/*", rest_has_permission },
};
const guint rest_routes_count = G_N_ELEMENTS(rest_routes);
