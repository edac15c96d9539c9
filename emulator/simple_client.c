/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "emulator/client.h"
#include "emulator/user_event.h"

static void
on_answer(struct connection *connection, enum event_outcome outcome,
	  const struct upstream_answer *answer, gpointer data)
{
	(void)data;
	(void)user_event_conclude(connection, outcome, answer);
}

static void
received(struct connection *connection, bool is_text, GBytes *data)
{
	struct event event = {
		.is_user = true,
		.name = "message",
		.content_type = user_event_content_type(
			is_text ? MESSAGE_TEXT : MESSAGE_BINARY),
		.body = data,
	};

	user_event_send(connection, &event, on_answer, NULL, NULL);
}

static void
deliver(struct connection *connection, const struct message *message)
{
	gsize size;
	const char *data = g_bytes_get_data(message->data, &size);

	if (message->type == MESSAGE_BINARY) {
		connection_send_binary(connection, data, size);
		return;
	}
	g_autofree char *text = g_strndup(data, size);
	connection_send_text(connection, text);
}

const struct client_kind client_simple = {
	.received = received,
	.deliver = deliver,
};
