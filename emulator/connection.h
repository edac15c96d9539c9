/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* connection: the service, its hubs, and one client of a hub. */
#ifndef CERTGATE_EMULATOR_CONNECTION_H
#define CERTGATE_EMULATOR_CONNECTION_H

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>
#include <stdbool.h>

#include "emulator/connect_answer.h"
#include "emulator/settings.h"
#include "emulator/validation.h"

enum { SERVICE_CLIENTS_MAX = 4096, MESSAGE_MAX = 1 << 20 /* bytes */ };

struct service {
	const struct settings *settings;
	SoupSession *session;
	struct validations *validations;
	GPtrArray *hubs; /* of struct hub */
	guint clients; /* in all hubs, and in the handshake */
};

struct connection;

struct hub {
	struct service *service;
	const struct hub_settings *settings;
	GHashTable *connections; /* connection id to struct connection */
};

/* The receivers: every connection that no member excludes. */
struct audience {
	const char *connection, *user, *group; /* NULL: any */
	const char *const *excluded; /* connection ids up to a NULL; or NULL */
};

bool service_start(struct service *service, const struct settings *settings,
		   GError **error);
void service_stop(struct service *service);

/* Names of hubs are compared without case. */
struct hub *service_hub(const struct service *service, const char *name);

/* Call act, which may be NULL, for each of an audience; a connection may leave
 * in act.  Return their number. */
guint hub_each(struct hub *hub, const struct audience *audience,
	       void (*act)(struct connection *connection, const void *data),
	       const void *data);

enum message_type { MESSAGE_TEXT, MESSAGE_JSON, MESSAGE_BINARY };

struct mqtt_publish;

struct message {
	enum message_type type;
	GBytes *data;
	const char *group; /* NULL: from the server */
	const char *from_user; /* with a group; may be NULL */
	const struct mqtt_publish *publish; /* of an MQTT client; NULL */
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
	/* Greet a client that has come back to its connection; NULL: the
	 * connection ends with its socket. */
	void (*resume)(struct connection *connection);
	/* Add to the body of the disconnected event; or NULL. */
	void (*tell_end)(struct connection *connection, JsonObject *body);
	void (*free)(gpointer client); /* or NULL */
};

/* Deliver message to each of an audience. */
void hub_send(struct hub *hub, const struct audience *audience,
	      const struct message *message);

struct connection {
	grefcount references;
	struct hub *hub;
	const struct client_kind *kind;
	gpointer client; /* the kind's own */
	SoupWebsocketConnection *socket; /* NULL: none yet, or no more */
	char *id, *user_id, *subprotocol, *state; /* all but id may be NULL */
	char *physical_id, *session_id; /* MQTT only; may be NULL */
	char *reconnection_token; /* with resume only; NULL: none yet */
	guint recovery; /* the timer of a lost socket; 0: none is lost */
	GPtrArray *roles; /* of char * */
	GHashTable *groups; /* a set of char * */
	GHashTable *cookies; /* name to value */
	guint64 next_event; /* the ce-id of the next */
	GQueue events; /* user events that wait */
	GDestroyNotify forget_event; /* frees one of them */
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

/* Take over user, roles and groups of the answer; what is not in it stays. */
void connection_admit(struct connection *connection,
		      const struct connect_answer *answer);

void connection_send_text(struct connection *connection, const char *text);
void connection_send_binary(struct connection *connection, const void *data,
			    gsize size);

#endif
