/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * settings: what the portal would know of the resource and its hubs, from the
 * command line.
 */
#ifndef CERTGATE_EMULATOR_SETTINGS_H
#define CERTGATE_EMULATOR_SETTINGS_H

#include <glib.h>
#include <stdbool.h>

enum { SETTINGS_KEYS_MAX = 2 };

struct handler_settings {
	char *url_template;
	char **system_events;
	char **user_events; /* names; "*" is all */
};

struct hub_settings {
	char *name;
	bool anonymous;
	GPtrArray *handlers; /* of struct handler_settings */
};

struct settings {
	char *listen; /* ADDRESS:PORT */
	char *certificate, *key; /* files */
	char *host; /* the service's, as handlers see it */
	char *server_token; /* of servers; NULL: signed with a key */
	char *ca; /* file, for handlers; NULL: the system's */
	bool insecure; /* handlers' certificates are not looked at */
	char *keys[SETTINGS_KEYS_MAX + 1]; /* primary, secondary, NULL */
	GPtrArray *hubs; /* of struct hub_settings */
};

/* Read arguments; NULL and error if they are wrong.  The caller frees it. */
struct settings *settings_read(int argc, char **argv, GError **error);

void settings_free(struct settings *settings);

/* ^[A-Za-z][A-Za-z0-9_`,.\[\]]{0,127}$ */
bool settings_is_hub_name(const char *name);

/* ^[A-Za-z][A-Za-z0-9_.-]{0,127}$ */
bool settings_is_event_name(const char *name);

/* 1 to 1024 characters, not only blanks. */
bool settings_is_group_name(const char *name);

/* The first handler of a hub that wants an event; NULL if none does. */
const struct handler_settings *settings_handler(const struct hub_settings *hub,
						bool is_user,
						const char *event);

#endif
