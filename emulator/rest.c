/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/connection.h"
#include "emulator/introduction.h"
#include "emulator/json_value.h"
#include "emulator/rest.h"
#include "emulator/rest_call.h"
#include "emulator/token.h"
#include "emulator/trace.h"

enum { PARTS_MAX = 8 };

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
fits(const char *pattern, char **parts, struct rest_call *call)
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
	g_autoptr(JsonObject) claims =
		token == NULL ? NULL : token_check(token, &rules, &why);

	if (claims == NULL)
		trace_line(TRACE_WARNING, "RestUnauthorized", "%s", why);
	return claims != NULL;
}

static guint
run(struct service *service, SoupServerMessage *message, char **parts,
    struct rest_call *call)
{
	const char *method = soup_server_message_get_method(message);
	const struct rest_route *route = NULL;
	bool is_path = false;

	for (guint i = 0; route == NULL && i < rest_routes_count; i++) {
		if (!fits(rest_routes[i].pattern, parts, call))
			continue;
		is_path = true;
		if (strcmp(rest_routes[i].method, method) == 0)
			route = &rest_routes[i];
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

/* All values of the query's parameters of a name; freed with g_strfreev. */
static char **
values_of(const char *query, const char *wanted)
{
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

const char *
rest_value(const struct rest_call *call, const char *name)
{
	return call->query == NULL ? NULL
				   : g_hash_table_lookup(call->query, name);
}

char **
rest_values(const struct rest_call *call, const char *name)
{
	return values_of(
		g_uri_get_query(soup_server_message_get_uri(call->message)),
		name);
}

void
rest_answer(struct service *service, SoupServerMessage *message,
	    GHashTable *query)
{
	const char *path = g_uri_get_path(soup_server_message_get_uri(message));
	g_auto(GStrv) parts = parts_of(path);
	struct rest_call call = { .service = service,
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
