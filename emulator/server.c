/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/handshake.h"
#include "emulator/rest.h"
#include "emulator/server.h"

static gboolean
on_certificate(SoupServerMessage *message, GTlsCertificate *certificate,
	       GTlsCertificateFlags faults, gpointer data)
{
	(void)message;
	(void)certificate;
	(void)faults;
	(void)data;
	/* Any certificate passes the handshake: the handler decides. */
	return TRUE;
}

static void
on_request(SoupServer *server, SoupServerMessage *message, gpointer data)
{
	(void)server;
	g_signal_connect(message, "accept-certificate",
			 G_CALLBACK(on_certificate), data);
}

/* Before the body is read: only so much of it is. */
static void
limit_body(SoupServer *server, SoupServerMessage *message, const char *path,
	   GHashTable *query, gpointer data)
{
	SoupMessageHeaders *headers =
		soup_server_message_get_request_headers(message);
	SoupEncoding encoding = soup_message_headers_get_encoding(headers);

	(void)server;
	(void)path;
	(void)query;
	(void)data;
	if (encoding == SOUP_ENCODING_NONE ||
	    (encoding == SOUP_ENCODING_CONTENT_LENGTH &&
	     soup_message_headers_get_content_length(headers) <= MESSAGE_MAX))
		return;
	soup_server_message_set_status(
		message, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, NULL);
}

static void
on_client(SoupServer *server, SoupServerMessage *message, const char *path,
	  GHashTable *query, gpointer data)
{
	static const struct {
		const char *prefix;
		bool is_mqtt;
	} kinds[] = {
		{ "/client/hubs/", false },
		{ "/clients/mqtt/hubs/", true },
	};
	struct service *service = data;
	struct hub *hub = NULL;
	bool is_mqtt = false;

	(void)server;
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		if (!g_str_has_prefix(path, kinds[i].prefix))
			continue;
		g_autofree char *name = g_uri_unescape_string(
			path + strlen(kinds[i].prefix), NULL);
		hub = name == NULL ? NULL : service_hub(service, name);
		is_mqtt = kinds[i].is_mqtt;
	}
	if (hub == NULL)
		soup_server_message_set_status(message, SOUP_STATUS_NOT_FOUND,
					       NULL);
	else
		handshake_begin(hub, message, query, is_mqtt);
}

static void
on_rest(SoupServer *server, SoupServerMessage *message, const char *path,
	GHashTable *query, gpointer data)
{
	(void)server;
	(void)path;
	rest_answer(data, message, query);
}

static GSocketAddress *
parse_address(const char *text, GError **error)
{
	const char *colon = strrchr(text, ':');
	guint64 port;

	if (colon != NULL &&
	    g_ascii_string_to_unsigned(colon + 1, 10, 0, G_MAXUINT16, &port,
				       NULL)) {
		g_autofree char *host =
			*text == '[' && colon > text + 1
				? g_strndup(text + 1, (gsize)(colon - text) - 2)
				: g_strndup(text, (gsize)(colon - text));
		GSocketAddress *address = g_inet_socket_address_new_from_string(
			host, (guint)port);
		if (address != NULL)
			return address;
	}
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		    "'%s' is not ADDRESS:PORT", text);
	return NULL;
}

SoupServer *
server_start(struct service *service, GError **error)
{
	static const struct {
		const char *path;
		SoupServerCallback answer;
	} trees[] = {
		{ "/client", on_client },
		{ "/clients", on_client },
		{ "/api", on_rest },
	};
	const struct settings *settings = service->settings;
	g_autoptr(GSocketAddress) address =
		parse_address(settings->listen, error);

	if (address == NULL)
		return NULL;
	g_autoptr(GTlsCertificate) certificate =
		g_tls_certificate_new_from_files(settings->certificate,
						 settings->key, error);
	if (certificate == NULL)
		return NULL;
	g_autoptr(SoupServer) server = soup_server_new(
		"tls-certificate", certificate, "tls-auth-mode",
		G_TLS_AUTHENTICATION_REQUESTED, "raw-paths", TRUE, NULL);
	g_signal_connect(server, "request-started", G_CALLBACK(on_request),
			 NULL);
	for (guint i = 0; i < G_N_ELEMENTS(trees); i++) {
		soup_server_add_early_handler(server, trees[i].path, limit_body,
					      NULL, NULL);
		soup_server_add_handler(server, trees[i].path, trees[i].answer,
					service, NULL);
	}
	if (!soup_server_listen(server, address, SOUP_SERVER_LISTEN_HTTPS,
				error))
		return NULL;
	return g_steal_pointer(&server);
}
