/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/json_value.h"
#include "emulator/session.h"
#include "emulator/user_event.h"

enum { WAITING_MAX = 64 /* events of one connection */ };

static const char *const content_types[] = {
	[MESSAGE_TEXT] = "text/plain",
	[MESSAGE_JSON] = "application/json",
	[MESSAGE_BINARY] = "application/octet-stream",
};

struct waiting {
	char *name, *content_type;
	GBytes *body;
	SoupMessageHeaders *more;
	event_done done;
	gpointer data;
	GDestroyNotify forget;
};

static void send_next(struct connection *connection);

const char *
user_event_content_type(enum message_type type)
{
	return content_types[type];
}

static void
free_waiting(struct waiting *waiting)
{
	g_free(waiting->name);
	g_free(waiting->content_type);
	g_bytes_unref(waiting->body);
	g_clear_pointer(&waiting->more, soup_message_headers_unref);
	g_free(waiting);
}

/* Free one and its data. */
static void
forget(gpointer data)
{
	struct waiting *waiting = data;

	if (waiting->forget != NULL)
		waiting->forget(waiting->data);
	free_waiting(waiting);
}

static void
on_answer(struct connection *connection, enum event_outcome outcome,
	  const struct upstream_answer *answer, gpointer data)
{
	struct waiting *waiting = data;

	connection->is_busy = false;
	waiting->done(connection, outcome, answer, waiting->data);
	forget(waiting);
	send_next(connection);
}

static void
send_next(struct connection *connection)
{
	if (connection->is_busy || g_queue_is_empty(&connection->events))
		return;

	struct waiting *waiting = g_queue_pop_head(&connection->events);
	struct event event = {
		.is_user = true,
		.name = waiting->name,
		.content_type = waiting->content_type,
		.body = waiting->body,
		.more = waiting->more,
	};
	connection->is_busy = true;
	event_send(connection, &event, on_answer, waiting);
}

void
user_event_send(struct connection *connection, const struct event *event,
		event_done done, gpointer data, GDestroyNotify forget_data)
{
	struct waiting *waiting = g_new0(struct waiting, 1);

	waiting->name = g_strdup(event->name);
	waiting->content_type = g_strdup(event->content_type);
	waiting->body = g_bytes_ref(event->body);
	waiting->more = event->more == NULL
				? NULL
				: soup_message_headers_ref(event->more);
	waiting->done = done;
	waiting->data = data;
	waiting->forget = forget_data;
	connection->forget_event = forget;
	g_queue_push_tail(&connection->events, waiting);
	if (g_queue_get_length(&connection->events) > WAITING_MAX)
		session_close(connection, SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION,
			      "Too many events wait for the handler.");
	else
		send_next(connection);
}

/* Whether the Content-Type of an answer is one that clients can be told. */
static bool
type_of(SoupMessageHeaders *headers, enum message_type *type)
{
	const char *value =
		soup_message_headers_get_content_type(headers, NULL);

	*type = MESSAGE_BINARY;
	if (value == NULL)
		return true;
	for (guint i = 0; i < G_N_ELEMENTS(content_types); i++) {
		if (g_ascii_strcasecmp(value, content_types[i]) == 0) {
			*type = (enum message_type)i;
			return true;
		}
	}
	return false;
}

static bool
is_valid(enum message_type type, GBytes *body)
{
	gsize size;
	const char *text = g_bytes_get_data(body, &size);

	if (type == MESSAGE_TEXT)
		return g_utf8_validate_len(text, size, NULL);
	if (type == MESSAGE_BINARY)
		return true;
	g_autoptr(JsonNode) node = json_value_parse(text, size);
	return node != NULL;
}

bool
user_event_conclude(struct connection *connection, enum event_outcome outcome,
		    const struct upstream_answer *answer)
{
	struct message message = { .data = answer == NULL ? NULL
							  : answer->body };

	if (outcome == EVENT_ANSWERED &&
	    SOUP_STATUS_IS_SUCCESSFUL(answer->status)) {
		if (g_bytes_get_size(answer->body) == 0)
			return true;
		if (type_of(answer->headers, &message.type) &&
		    is_valid(message.type, answer->body)) {
			connection->kind->deliver(connection, &message);
			return true;
		}
	}
	session_close(connection, SOUP_WEBSOCKET_CLOSE_SERVER_ERROR,
		      outcome == EVENT_UNWANTED
			      ? "No event handler takes the event."
			      : "The event handler failed.");
	return false;
}
