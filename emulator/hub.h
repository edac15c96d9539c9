/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* hub: the service's hubs and who is connected to them. */
#ifndef CERTGATE_EMULATOR_HUB_H
#define CERTGATE_EMULATOR_HUB_H

#include <libsoup/soup.h>
#include <stdbool.h>

#include "emulator/settings.h"
#include "emulator/validation.h"

enum { SERVICE_CLIENTS_MAX = 4096, MESSAGE_MAX = 1 << 20 /* bytes */ };

struct service {
	const struct settings *settings;
	SoupSession *session;
	struct validations *validations;
	GPtrArray *hubs; /* of struct hub */
	guint clients; /* in all hubs, and on their way in */
};

struct hub {
	struct service *service;
	const struct hub_settings *settings;
	GHashTable *connections; /* connection id to struct connection */
};

struct connection;

/* Whom something is for: everybody, but for those that a member leaves out. */
struct audience {
	const char *connection, *user, *group; /* NULL: any */
	const char *const *excluded; /* connection ids up to a NULL; or NULL */
};

bool service_start(struct service *service, const struct settings *settings,
		   GError **error);
void service_stop(struct service *service);

/* Names of hubs are compared without case. */
struct hub *service_hub(const struct service *service, const char *name);

/* Calls act for each of an audience, who may leave meanwhile; how many there
 * were.  act may be NULL. */
guint hub_each(struct hub *hub, const struct audience *audience,
	       void (*act)(struct connection *connection, const void *data),
	       const void *data);

#endif
