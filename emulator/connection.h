/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * connection: one client of a hub, from its connect event to the disconnected
 * one.  What is told it, and how, is its kind's.
 */
#ifndef CERTGATE_EMULATOR_CONNECTION_H
#define CERTGATE_EMULATOR_CONNECTION_H

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>
#include <stdbool.h>

#include "emulator/connect_answer.h"
#include "emulator/hub.h"

enum message_type { MESSAGE_TEXT, MESSAGE_JSON, MESSAGE_BINARY };

struct message {
	enum message_type type;
	GBytes *data;
	const char *group; /* NULL: from the server */
	const char *from_user; /* with a group; may be NULL */
};

/* One for each protocol that clients speak; what may be NULL says so. */
struct client_kind {
	/* In the hub from now on; or NULL. */
	void (*entered)(struct connection *connection);
	void (*received)(struct connection *connection, bool is_text,
			 GBytes *data);
	void (*deliver)(struct connection *connection,
			const struct message *message);
	/* The last words before the service closes; or NULL. */
	void (*dismiss)(struct connection *connection, const char *reason);
	/* Adds to the body of the disconnected event; or NULL. */
	void (*tell_end)(struct connection *connection, JsonObject *body);
	void (*free)(gpointer client); /* or NULL */
};

struct connection {
	grefcount references;
	struct hub *hub;
	const struct client_kind *kind;
	gpointer client; /* the kind's own */
	SoupWebsocketConnection *socket; /* NULL: none yet, or no more */
	char *id, *user_id, *subprotocol, *state; /* all but id may be NULL */
	char *physical_id, *session_id; /* MQTT only; may be NULL */
	GPtrArray *roles; /* of char * */
	GHashTable *groups; /* a set of char * */
	GHashTable *cookies; /* name to value */
	guint64 next_event; /* the ce-id of the next */
	GQueue events; /* user events that wait; user_event.c */
	bool is_busy; /* a user event is with the handler */
	bool is_admitted; /* the connect event was answered with yes */
	bool has_left;
};

struct connection *connection_new(struct hub *hub,
				  const struct client_kind *kind);
struct connection *connection_ref(struct connection *connection);
void connection_unref(struct connection *connection);

/* 32 hex digits; the caller frees them. */
char *connection_random_id(void);

/* Takes over user, roles and groups of the answer; what is not in it stays. */
void connection_admit(struct connection *connection,
		      const struct connect_answer *answer);

/* Takes the socket. */
void connection_attach(struct connection *connection,
		       SoupWebsocketConnection *socket);

/* Makes it known in the hub and raises connected.  Whoever has that id
 * already is dismissed. */
void connection_enter(struct connection *connection);

/* Takes it out of the hub and raises disconnected, once; reason may be NULL. */
void connection_leave(struct connection *connection, const char *reason);

/* Says goodbye, leaves and closes the socket. */
void connection_close(struct connection *connection, gushort code,
		      const char *reason);

void connection_send_text(struct connection *connection, const char *text);
void connection_send_binary(struct connection *connection, const void *data,
			    gsize size);

#endif
