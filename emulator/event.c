/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/event.h"
#include "emulator/trace.h"
#include "emulator/url_template.h"

enum { LIMIT_S = 100 };

/* An event on its way. */
struct delivery {
	struct connection *connection;
	char *url, *content_type, *label;
	bool is_blocking;
	SoupMessageHeaders *headers;
	GBytes *body;
	event_done done;
	gpointer data;
};

char *
event_label(const struct connection *connection)
{
	g_autofree char *id = trace_word(connection->id);
	g_autofree char *user = trace_word(connection->user_id);

	return g_strdup_printf("hub=%s connection=%s user=%s",
			       connection->hub->settings->name, id, user);
}

char *
event_signature(const char *const *keys, const char *connection_id)
{
	GString *out = g_string_new(NULL);

	for (; *keys != NULL; keys++) {
		g_autofree char *hex = g_compute_hmac_for_string(
			G_CHECKSUM_SHA256, (const guchar *)*keys, strlen(*keys),
			connection_id, -1);
		g_string_append_printf(out, "%ssha256=%s",
				       out->len == 0 ? "" : ",", hex);
	}
	return g_string_free(out, FALSE);
}

static void
append(SoupMessageHeaders *headers, const char *name, const char *value)
{
	if (value != NULL)
		soup_message_headers_append(headers, name, value);
}

static char *
source_of(const struct connection *connection)
{
	return g_strconcat("/hubs/", connection->hub->settings->name,
			   "/client/", connection->id,
			   connection->physical_id == NULL ? NULL : "/",
			   connection->physical_id, NULL);
}

static void
append_cookies(SoupMessageHeaders *headers, GHashTable *cookies)
{
	GString *line = g_string_new(NULL);
	GHashTableIter iterator;
	gpointer name, value;

	g_hash_table_iter_init(&iterator, cookies);
	while (g_hash_table_iter_next(&iterator, &name, &value))
		g_string_append_printf(line, "%s%s=%s",
				       line->len == 0 ? "" : "; ",
				       (const char *)name, (const char *)value);
	if (line->len > 0)
		append(headers, "Cookie", line->str);
	(void)g_string_free(line, TRUE);
}

static SoupMessageHeaders *
headers_of(struct connection *connection, const struct event *event)
{
	const struct settings *settings = connection->hub->service->settings;
	SoupMessageHeaders *headers =
		soup_message_headers_new(SOUP_MESSAGE_HEADERS_REQUEST);
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
	g_autofree char *type = g_strconcat("azure.webpubsub.",
					    event->is_user ? "user." : "sys.",
					    event->name, NULL);
	g_autofree char *source = source_of(connection);
	g_autofree char *id =
		g_strdup_printf("%" G_GUINT64_FORMAT, connection->next_event++);
	g_autofree char *signature = event_signature(
		(const char *const *)settings->keys, connection->id);
	g_autofree char *request_id = g_uuid_string_random();
	bool is_connect =
		!event->is_user && strcmp(event->name, "connect") == 0;

	append(headers, "WebHook-Request-Origin", settings->host);
	append(headers, "ce-specversion", "1.0");
	append(headers, "ce-awpsversion", "1.0");
	append(headers, "ce-type", type);
	append(headers, "ce-source", source);
	append(headers, "ce-id", id);
	append(headers, "ce-time", time);
	append(headers, "ce-signature", signature);
	append(headers, "ce-connectionId", connection->id);
	append(headers, "ce-hub", connection->hub->settings->name);
	append(headers, "ce-eventName", event->name);
	append(headers, "ce-userId", connection->user_id);
	append(headers, "ce-subprotocol", connection->subprotocol);
	append(headers, "ce-connectionState", connection->state);
	append(headers, "ce-physicalConnectionId", connection->physical_id);
	append(headers, "ce-sessionId",
	       is_connect ? NULL : connection->session_id);
	append(headers, "x-ms-client-request-id", request_id);
	append_cookies(headers, connection->cookies);
	return headers;
}

/* Only ce-userId may be other than ASCII; an event with another such header
 * cannot be sent. */
static bool
are_sendable(SoupMessageHeaders *headers)
{
	SoupMessageHeadersIter iterator;
	const char *name, *value;

	soup_message_headers_iter_init(&iterator, headers);
	while (soup_message_headers_iter_next(&iterator, &name, &value)) {
		if (strcmp(name, "ce-userId") == 0)
			continue;
		for (; *value != '\0'; value++) {
			if (*value < ' ' || *value > '~')
				return false;
		}
	}
	return true;
}

static void
conclude(struct delivery *delivery, enum event_outcome outcome,
	 const struct upstream_answer *answer)
{
	if (delivery->done != NULL)
		delivery->done(delivery->connection, outcome, answer,
			       delivery->data);
	connection_unref(delivery->connection);
	soup_message_headers_unref(delivery->headers);
	g_bytes_unref(delivery->body);
	g_free(delivery->content_type);
	g_free(delivery->label);
	g_free(delivery->url);
	g_free(delivery);
}

/* Cookies and, of answers that are waited for, the state. */
static void
remember(const struct delivery *delivery, const struct upstream_answer *answer)
{
	struct connection *connection = delivery->connection;
	SoupMessageHeadersIter iterator;
	const char *name, *value;

	soup_message_headers_iter_init(&iterator, answer->headers);
	while (soup_message_headers_iter_next(&iterator, &name, &value)) {
		if (g_ascii_strcasecmp(name, "Set-Cookie") == 0) {
			SoupCookie *cookie = soup_cookie_parse(value, NULL);
			if (cookie == NULL)
				continue;
			g_hash_table_replace(
				connection->cookies,
				g_strdup(soup_cookie_get_name(cookie)),
				g_strdup(soup_cookie_get_value(cookie)));
			soup_cookie_free(cookie);
		} else if (delivery->is_blocking &&
			   g_ascii_strcasecmp(name, "ce-connectionState") ==
				   0) {
			g_free(connection->state);
			connection->state = g_strdup(value);
		}
	}
}

static void
on_answer(const struct upstream_answer *answer, gpointer data)
{
	struct delivery *delivery = data;

	if (SOUP_STATUS_IS_SUCCESSFUL(answer->status))
		remember(delivery, answer);
	conclude(delivery, answer->status == 0 ? EVENT_FAILED : EVENT_ANSWERED,
		 answer->status == 0 ? NULL : answer);
}

static void
on_validated(bool allowed, gpointer data)
{
	struct delivery *delivery = data;

	if (!allowed || !are_sendable(delivery->headers)) {
		trace_line(TRACE_ERROR,
			   allowed ? "HttpHandlerInvalidHeader"
				   : "AbuseProtectionRefused",
			   "%s", delivery->label);
		conclude(delivery, EVENT_FAILED, NULL);
		return;
	}
	struct upstream_request request = {
		.method = "POST",
		.url = delivery->url,
		.headers = delivery->headers,
		.content_type = delivery->content_type,
		.body = delivery->body,
		.limit_s = LIMIT_S,
		.label = delivery->label,
	};
	upstream_send(delivery->connection->hub->service->session, &request,
		      on_answer, delivery);
}

static void
append_all(SoupMessageHeaders *to, SoupMessageHeaders *from)
{
	SoupMessageHeadersIter iterator;
	const char *name, *value;

	soup_message_headers_iter_init(&iterator, from);
	while (soup_message_headers_iter_next(&iterator, &name, &value))
		append(to, name, value);
}

void
event_send(struct connection *connection, const struct event *event,
	   event_done done, gpointer data)
{
	const struct hub *hub = connection->hub;
	const struct handler_settings *handler =
		settings_handler(hub->settings, event->is_user, event->name);

	if (handler == NULL) {
		connection->next_event++;
		if (done != NULL)
			done(connection, EVENT_UNWANTED, NULL, data);
		return;
	}

	struct delivery *delivery = g_new0(struct delivery, 1);
	g_autofree char *label = event_label(connection);
	g_autofree char *word = trace_word(event->name);
	delivery->headers = headers_of(connection, event);
	if (event->more != NULL)
		append_all(delivery->headers, event->more);
	delivery->connection = connection_ref(connection);
	delivery->url = url_template_expand(handler->url_template,
					    hub->settings->name, event->name);
	delivery->label = g_strdup_printf("%s event=%s", label, word);
	delivery->content_type = g_strdup(event->content_type);
	delivery->body = g_bytes_ref(event->body);
	delivery->is_blocking = done != NULL;
	delivery->done = done;
	delivery->data = data;

	g_autofree char *validation = url_template_expand(
		handler->url_template, hub->settings->name, "validate");
	validation_ask(hub->service->validations, validation, on_validated,
		       delivery);
}

void
event_notify(struct connection *connection, const char *name, const char *body)
{
	struct event event = {
		.name = name,
		.content_type = "application/json; charset=utf-8",
		.body = g_bytes_new(body, strlen(body)),
	};

	event_send(connection, &event, NULL, NULL);
	g_bytes_unref(event.body);
}
