/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/certificate.h"
#include "emulator/introduction.h"
#include "emulator/json_value.h"
#include "emulator/token.h"
#include "emulator/trace.h"

char **
introduction_hosts(const struct settings *settings, SoupServerMessage *message)
{
	GUri *uri = soup_server_message_get_uri(message);
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	g_strv_builder_add(builder, settings->host);
	if (g_uri_get_host(uri) != NULL)
		g_strv_builder_add(builder, g_uri_get_host(uri));
	return g_strv_builder_end(builder);
}

const char *
introduction_bearer(SoupServerMessage *message)
{
	const char *value = soup_message_headers_get_one(
		soup_server_message_get_request_headers(message),
		"Authorization");

	return value != NULL && g_ascii_strncasecmp(value, "Bearer ",
						    strlen("Bearer ")) == 0
		       ? value + strlen("Bearer ")
		       : NULL;
}

bool
introduction_offers(const struct introduction *introduction,
		    const char *subprotocol)
{
	for (guint i = 0; i < json_array_get_length(introduction->offered);
	     i++) {
		if (strcmp(json_array_get_string_element(introduction->offered,
							 i),
			   subprotocol) == 0)
			return true;
	}
	return false;
}

/* The caller frees it. */
static char *
decode(const char *text)
{
	g_autofree char *spaced = g_strdelimit(g_strdup(text), "+", ' ');
	char *plain = g_uri_unescape_string(spaced, NULL);

	return plain == NULL ? g_strdup(text) : plain;
}

/* Without the token, which is given. */
static JsonObject *
read_query(SoupServerMessage *message, char **token)
{
	JsonObject *out = json_object_new();
	const char *query =
		g_uri_get_query(soup_server_message_get_uri(message));
	g_auto(GStrv) pairs = g_strsplit(query == NULL ? "" : query, "&", -1);

	for (char **pair = pairs; *pair != NULL; pair++) {
		char *equals = strchr(*pair, '=');
		if (equals != NULL)
			*equals = '\0';
		g_autofree char *raw = decode(*pair);
		g_autofree char *name = g_utf8_make_valid(raw, -1);
		g_autofree char *value = decode(equals ? equals + 1 : "");
		if (strcmp(name, "access_token") == 0) {
			g_free(*token);
			*token = g_steal_pointer(&value);
		} else if (*name != '\0') {
			json_value_append(out, name, value);
		}
	}
	return out;
}

static JsonObject *
read_headers(SoupServerMessage *message)
{
	JsonObject *out = json_object_new();
	SoupMessageHeadersIter iterator;
	const char *name, *value;

	soup_message_headers_iter_init(
		&iterator, soup_server_message_get_request_headers(message));
	while (soup_message_headers_iter_next(&iterator, &name, &value)) {
		g_autofree char *valid = g_utf8_make_valid(name, -1);
		json_value_append(out, valid, value);
	}
	return out;
}

static JsonArray *
read_subprotocols(SoupServerMessage *message)
{
	JsonArray *out = json_array_new();
	const char *value = soup_message_headers_get_list(
		soup_server_message_get_request_headers(message),
		"Sec-WebSocket-Protocol");
	g_auto(GStrv) words = g_strsplit(value == NULL ? "" : value, ",", -1);

	for (char **word = words; *word != NULL; word++) {
		g_strstrip(*word);
		if (**word != '\0' && g_utf8_validate(*word, -1, NULL))
			json_array_add_string_element(out, *word);
	}
	return out;
}

/* A claim's values as the event has them: texts. */
static void
copy_claim(JsonObject *to, const char *name, JsonNode *value)
{
	JsonArray *list = JSON_NODE_HOLDS_ARRAY(value)
				  ? json_node_get_array(value)
				  : NULL;
	guint n = list == NULL ? 1 : json_array_get_length(list);

	for (guint i = 0; i < n; i++) {
		JsonNode *one =
			list == NULL ? value : json_array_get_element(list, i);
		if (JSON_NODE_HOLDS_VALUE(one) &&
		    json_node_get_value_type(one) == G_TYPE_STRING) {
			json_value_append(to, name, json_node_get_string(one));
		} else {
			g_autofree char *text = json_value_text(one);
			json_value_append(to, name, text);
		}
	}
}

static const char *
first_of(JsonObject *claims, const char *name)
{
	return json_object_has_member(claims, name)
		       ? json_array_get_string_element(
				 json_object_get_array_member(claims, name), 0)
		       : NULL;
}

static void
each_value(JsonObject *claims, const char *name,
	   void (*take)(struct connection *, const char *),
	   struct connection *connection)
{
	if (!json_object_has_member(claims, name))
		return;
	JsonArray *list = json_object_get_array_member(claims, name);
	for (guint i = 0; i < json_array_get_length(list); i++)
		take(connection, json_array_get_string_element(list, i));
}

static void
take_role(struct connection *connection, const char *role)
{
	g_ptr_array_add(connection->roles, g_strdup(role));
}

static void
take_group(struct connection *connection, const char *group)
{
	if (settings_is_group_name(group))
		g_hash_table_add(connection->groups, g_strdup(group));
}

static void
take_claims(struct connection *connection, JsonObject *claims)
{
	const char *user = first_of(claims, "sub");

	if (user == NULL)
		user = first_of(claims, "nameid");
	connection->user_id = g_strdup(user);
	each_value(claims, "role", take_role, connection);
	each_value(claims, "webpubsub.group", take_group, connection);
	each_value(claims, "group", take_group, connection);
}

static bool
read_token(struct connection *connection, SoupServerMessage *message,
	   const char *token, JsonObject *out, const char **why)
{
	const struct settings *settings = connection->hub->service->settings;
	g_auto(GStrv) hosts = introduction_hosts(settings, message);
	struct token_rules rules = {
		.keys = (const char *const *)settings->keys,
		.hosts = (const char *const *)hosts,
		.path = g_uri_get_path(soup_server_message_get_uri(message)),
		.now = g_get_real_time() / G_USEC_PER_SEC,
	};
	g_autoptr(JsonObject) claims = token_check(token, &rules, why);
	JsonObjectIter iterator;
	const char *name;
	JsonNode *value;

	if (claims == NULL)
		return false;
	json_object_iter_init(&iterator, claims);
	while (json_object_iter_next(&iterator, &name, &value))
		copy_claim(out, name, value);
	take_claims(connection, out);
	return true;
}

bool
introduction_read(struct introduction *introduction,
		  struct connection *connection, SoupServerMessage *message,
		  const char **why)
{
	g_autofree char *token = NULL;
	JsonObject *claims = json_object_new();
	JsonObject *query = read_query(message, &token);

	introduction->body = json_object_new();
	introduction->offered = read_subprotocols(message);
	json_object_set_object_member(introduction->body, "claims", claims);
	json_object_set_object_member(introduction->body, "query", query);
	json_object_set_object_member(introduction->body, "headers",
				      read_headers(message));
	json_object_set_array_member(introduction->body, "subprotocols",
				     introduction->offered);
	json_object_set_array_member(
		introduction->body, "clientCertificates",
		certificate_list(
			soup_server_message_get_tls_peer_certificate(message)));
	if (token == NULL)
		token = g_strdup(introduction_bearer(message));
	if (token != NULL)
		return read_token(connection, message, token, claims, why);
	*why = "it has no token and anonymous clients are denied";
	return connection->hub->settings->anonymous;
}
