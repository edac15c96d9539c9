/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/connection.h"
#include "emulator/introduction.h"
#include "emulator/json_value.h"
#include "emulator/rest.h"
#include "emulator/role.h"
#include "emulator/session.h"
#include "emulator/token.h"
#include "emulator/trace.h"

enum { PARTS_MAX = 8, CALL_PARTS_MAX = 4 };

struct call {
	struct service *service;
	struct hub *hub; /* NULL on open routes */
	SoupServerMessage *message;
	GHashTable *query; /* may be NULL */
	const char *parts[CALL_PARTS_MAX]; /* for each * of the pattern */
};

static const char *
value_of(const struct call *call, const char *name)
{
	return call->query == NULL ? NULL
				   : g_hash_table_lookup(call->query, name);
}

/* All values of a query parameter; freed with g_strfreev. */
static char **
values_of(const struct call *call, const char *wanted)
{
	const char *query =
		g_uri_get_query(soup_server_message_get_uri(call->message));
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	GUriParamsIter iterator;
	char *name, *value;

	g_uri_params_iter_init(&iterator, query == NULL ? "" : query, -1, "&",
			       G_URI_PARAMS_WWW_FORM);
	while (g_uri_params_iter_next(&iterator, &name, &value, NULL)) {
		if (strcmp(name, wanted) == 0)
			g_strv_builder_add(builder, value);
		g_free(name);
		g_free(value);
	}
	return g_strv_builder_end(builder);
}

static guint
health(struct call *call)
{
	(void)call;
	return SOUP_STATUS_OK;
}

/* Send the body of a request to an audience. */
static guint
send_to(struct call *call, struct audience audience)
{
	static const char *const types[] = {
		[MESSAGE_TEXT] = "text/plain",
		[MESSAGE_JSON] = "application/json",
		[MESSAGE_BINARY] = "application/octet-stream",
	};
	const char *type = soup_message_headers_get_content_type(
		soup_server_message_get_request_headers(call->message), NULL);
	g_auto(GStrv) excluded = values_of(call, "excluded");
	struct message message;
	guint i = 0;

	if (value_of(call, "filter") != NULL)
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
	hub_send(call->hub, &audience, &message);
	return SOUP_STATUS_ACCEPTED;
}

static void
close_one(struct connection *connection, const void *reason)
{
	session_close(connection, SOUP_WEBSOCKET_CLOSE_NORMAL,
		      reason ? reason : "Closed by the server.");
}

static guint
close_all_of(struct call *call, struct audience audience)
{
	g_auto(GStrv) excluded = values_of(call, "excluded");

	audience.excluded = (const char *const *)excluded;
	(void)hub_each(call->hub, &audience, close_one,
		       value_of(call, "reason"));
	return SOUP_STATUS_NO_CONTENT;
}

static guint
exists(struct call *call, const struct audience *audience)
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
send_all(struct call *call)
{
	return send_to(call, (struct audience){ 0 });
}

static guint
send_connection(struct call *call)
{
	return send_to(call, CONNECTION(call));
}

static guint
send_user(struct call *call)
{
	return send_to(call, USER(call));
}

static guint
send_group(struct call *call)
{
	return send_to(call, GROUP(call));
}

static guint
close_hub(struct call *call)
{
	return close_all_of(call, (struct audience){ 0 });
}

static guint
close_connection(struct call *call)
{
	return close_all_of(call, CONNECTION(call));
}

static guint
close_user(struct call *call)
{
	return close_all_of(call, USER(call));
}

static guint
close_group(struct call *call)
{
	return close_all_of(call, GROUP(call));
}

static guint
has_connection(struct call *call)
{
	return exists(call, &CONNECTION(call));
}

static guint
has_user(struct call *call)
{
	return exists(call, &USER(call));
}

static guint
has_group(struct call *call)
{
	return exists(call, &GROUP(call));
}

/* groups/GROUP/connections/CONNECTION */
static guint
join_connection(struct call *call)
{
	struct audience audience = { .connection = call->parts[2] };

	if (!settings_is_group_name(call->parts[1]))
		return SOUP_STATUS_BAD_REQUEST;
	return hub_each(call->hub, &audience, join, call->parts[1]) > 0
		       ? SOUP_STATUS_OK
		       : SOUP_STATUS_NOT_FOUND;
}

static guint
part_connection(struct call *call)
{
	struct audience audience = { .connection = call->parts[2] };

	(void)hub_each(call->hub, &audience, part, call->parts[1]);
	return SOUP_STATUS_NO_CONTENT;
}

/* users/USER/groups/GROUP */
static guint
join_user(struct call *call)
{
	if (!settings_is_group_name(call->parts[2]))
		return SOUP_STATUS_BAD_REQUEST;
	(void)hub_each(call->hub, &USER(call), join, call->parts[2]);
	return SOUP_STATUS_OK;
}

static guint
part_user(struct call *call)
{
	(void)hub_each(call->hub, &USER(call), part, call->parts[2]);
	return SOUP_STATUS_NO_CONTENT;
}

static guint
part_user_all(struct call *call)
{
	(void)hub_each(call->hub, &USER(call), part, NULL);
	return SOUP_STATUS_NO_CONTENT;
}

enum {
	TOKEN_MINUTES = 60,
	TOKEN_MINUTES_MAX = 60 * 24 * 365,
	SECONDS_PER_MINUTE = 60,
};

static void
copy_values(const struct call *call, const char *parameter, JsonObject *claims,
	    const char *claim)
{
	g_auto(GStrv) values = values_of(call, parameter);

	for (char **value = values; *value != NULL; value++)
		json_value_append(claims, claim, *value);
}

static char *
audience_of(const struct call *call)
{
	bool is_mqtt = g_strcmp0(value_of(call, "clientType"), "mqtt") == 0;
	GUri *uri = soup_server_message_get_uri(call->message);

	return g_strconcat("https://", g_uri_get_host(uri),
			   is_mqtt ? "/clients/mqtt/hubs/" : "/client/hubs/",
			   call->parts[0], NULL);
}

static guint
generate_token(struct call *call)
{
	const char *user = value_of(call, "userId");
	const char *minutes_text = value_of(call, "minutesToExpire");
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
find(const struct call *call, struct connection **connection, char **role)
{
	*role = role_of_permission(call->parts[1],
				   value_of(call, "targetName"));
	*connection =
		g_hash_table_lookup(call->hub->connections, call->parts[2]);
	if (*role == NULL)
		return SOUP_STATUS_BAD_REQUEST;
	return *connection == NULL ? SOUP_STATUS_NOT_FOUND : SOUP_STATUS_OK;
}

static guint
grant_role(struct call *call)
{
	g_autofree char *role = NULL;
	struct connection *connection;
	guint status = find(call, &connection, &role);

	if (status == SOUP_STATUS_OK && !find_role(connection, role, NULL))
		g_ptr_array_add(connection->roles, g_steal_pointer(&role));
	return status;
}

static guint
revoke_role(struct call *call)
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

static guint
has_permission(struct call *call)
{
	g_autofree char *role = NULL;
	struct connection *connection;
	guint status = find(call, &connection, &role);

	return status == SOUP_STATUS_OK && !find_role(connection, role, NULL)
		       ? SOUP_STATUS_NOT_FOUND
		       : status;
}

static const struct route {
	const char *method, *pattern; /* behind /api/; * is any part */
	guint (*run)(struct call *call); /* returns the status */
	bool is_open; /* asks for no token, and is of no hub */
} routes[] = {
	{ "GET", "health", health, true },
	{ "HEAD", "health", health, true },
	{ "POST", "hubs/*/:send", send_all },
	{ "POST", "hubs/*/:closeConnections", close_hub },
	{ "POST", "hubs/*/:generateToken", generate_token },
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
	{ "PUT", "hubs/*/permissions/*/connections/*", grant_role },
	{ "DELETE", "hubs/*/permissions/*/connections/*", revoke_role },
	{ "HEAD", "hubs/*/permissions/*/connections/*", has_permission },
};

/* The parts of a path behind /api, decoded; NULL if it is none.  The caller
 * frees it with g_strfreev. */
static char **
parts_of(const char *path)
{
	if (!g_str_has_prefix(path, "/api/"))
		return NULL;
	char **parts = g_strsplit(path + strlen("/api/"), "/", PARTS_MAX + 1);
	for (guint i = 0; parts[i] != NULL; i++) {
		char *plain = g_uri_unescape_string(parts[i], NULL);
		if (plain == NULL || i >= PARTS_MAX ||
		    !g_utf8_validate(plain, -1, NULL)) {
			g_free(plain);
			g_strfreev(parts);
			return NULL;
		}
		g_free(parts[i]);
		parts[i] = plain;
	}
	return parts;
}

/* Whether the parts are those of a pattern; what stands for its * goes into
 * call. */
static bool
fits(const char *pattern, char **parts, struct call *call)
{
	g_auto(GStrv) words = g_strsplit(pattern, "/", -1);
	guint taken = 0;

	for (guint i = 0; words[i] != NULL || parts[i] != NULL; i++) {
		if (words[i] == NULL || parts[i] == NULL)
			return false;
		if (strcmp(words[i], "*") == 0)
			call->parts[taken++] = parts[i];
		else if (strcmp(words[i], parts[i]) != 0)
			return false;
	}
	return true;
}

static bool
is_authorized(const struct service *service, SoupServerMessage *message)
{
	const char *token = introduction_bearer(message);
	g_auto(GStrv) hosts = introduction_hosts(service->settings, message);
	struct token_rules rules = {
		.keys = (const char *const *)service->settings->keys,
		.hosts = (const char *const *)hosts,
		.path = g_uri_get_path(soup_server_message_get_uri(message)),
		.now = g_get_real_time() / G_USEC_PER_SEC,
	};
	const char *why = "it has no token";
	bool good = false;

	if (token != NULL && service->settings->server_token != NULL) {
		why = "it is not the token of --server-token";
		good = strcmp(token, service->settings->server_token) == 0;
	} else if (token != NULL) {
		g_autoptr(JsonObject) claims = token_check(token, &rules, &why);
		good = claims != NULL;
	}
	if (!good)
		trace_line(TRACE_WARNING, "RestUnauthorized", "%s", why);
	return good;
}

static guint
run(struct service *service, SoupServerMessage *message, char **parts,
    struct call *call)
{
	const char *method = soup_server_message_get_method(message);
	const struct route *route = NULL;
	bool is_path = false;

	for (guint i = 0; route == NULL && i < G_N_ELEMENTS(routes); i++) {
		if (!fits(routes[i].pattern, parts, call))
			continue;
		is_path = true;
		if (strcmp(routes[i].method, method) == 0)
			route = &routes[i];
	}
	if (route == NULL)
		return is_path ? SOUP_STATUS_METHOD_NOT_ALLOWED
			       : SOUP_STATUS_NOT_FOUND;
	if (route->is_open)
		return route->run(call);
	if (!is_authorized(service, message))
		return SOUP_STATUS_UNAUTHORIZED;
	if (!settings_is_hub_name(call->parts[0]))
		return SOUP_STATUS_BAD_REQUEST;
	call->hub = service_hub(service, call->parts[0]);
	return call->hub == NULL ? SOUP_STATUS_NOT_FOUND : route->run(call);
}

void
rest_answer(struct service *service, SoupServerMessage *message,
	    GHashTable *query)
{
	const char *path = g_uri_get_path(soup_server_message_get_uri(message));
	g_auto(GStrv) parts = parts_of(path);
	struct call call = { .service = service,
			     .message = message,
			     .query = query };
	guint status = parts == NULL ? SOUP_STATUS_NOT_FOUND
				     : run(service, message, parts, &call);
	g_autofree char *word = trace_word(path);

	if (status == SOUP_STATUS_UNAUTHORIZED)
		soup_message_headers_append(
			soup_server_message_get_response_headers(message),
			"WWW-Authenticate", "Bearer");
	soup_server_message_set_status(message, status, NULL);
	trace_line(status < SOUP_STATUS_BAD_REQUEST ? TRACE_INFORMATION
						    : TRACE_WARNING,
		   "RestAnswered", "%s %s status=%u",
		   soup_server_message_get_method(message), word, status);
}
