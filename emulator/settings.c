/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "emulator/settings.h"
#include "emulator/url_template.h"

enum { NAME_MAX_BYTES = 128, GROUP_MAX_CHARACTERS = 1024 };

static bool
is_name(const char *name, const char *others)
{
	if (!g_ascii_isalpha(*name) || strlen(name) > NAME_MAX_BYTES)
		return false;
	for (; *name != '\0'; name++) {
		if (!g_ascii_isalnum(*name) && strchr(others, *name) == NULL)
			return false;
	}
	return true;
}

bool
settings_is_hub_name(const char *name)
{
	return is_name(name, "_`,.[]");
}

bool
settings_is_event_name(const char *name)
{
	return is_name(name, "_.-");
}

bool
settings_is_group_name(const char *name)
{
	return name[strspn(name, " \t\r\n")] != '\0' &&
	       g_utf8_strlen(name, -1) <= GROUP_MAX_CHARACTERS;
}

static bool
wants(char **events, const char *event)
{
	for (; *events != NULL; events++) {
		if (strcmp(*events, "*") == 0 ||
		    g_ascii_strcasecmp(*events, event) == 0)
			return true;
	}
	return false;
}

const struct handler_settings *
settings_handler(const struct hub_settings *hub, bool is_user,
		 const char *event)
{
	for (guint i = 0; i < hub->handlers->len; i++) {
		const struct handler_settings *handler =
			hub->handlers->pdata[i];
		if (wants(is_user ? handler->user_events
				  : handler->system_events,
			  event))
			return handler;
	}
	return NULL;
}

static void
free_handler(gpointer data)
{
	struct handler_settings *handler = data;

	g_free(handler->url_template);
	g_strfreev(handler->system_events);
	g_strfreev(handler->user_events);
	g_free(handler);
}

static void
free_hub(gpointer data)
{
	struct hub_settings *hub = data;

	g_free(hub->name);
	g_ptr_array_unref(hub->handlers);
	g_free(hub);
}

void
settings_free(struct settings *settings)
{
	if (settings == NULL)
		return;
	g_free(settings->listen);
	g_free(settings->certificate);
	g_free(settings->key);
	g_free(settings->host);
	g_free(settings->ca);
	g_free(settings->server_token);
	for (guint i = 0; i < SETTINGS_KEYS_MAX; i++)
		g_free(settings->keys[i]);
	g_ptr_array_unref(settings->hubs);
	g_free(settings);
}

static bool
refuse(GError **error, const char *why, const char *value)
{
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "'%s' %s",
		    value, why);
	return false;
}

/* The hub, the handler that was named last: the options behind it are its. */
static struct hub_settings *
last_hub(const struct settings *settings)
{
	return settings->hubs->len == 0
		       ? NULL
		       : settings->hubs->pdata[settings->hubs->len - 1];
}

static struct handler_settings *
last_handler(const struct settings *settings)
{
	struct hub_settings *hub = last_hub(settings);

	return hub == NULL || hub->handlers->len == 0
		       ? NULL
		       : hub->handlers->pdata[hub->handlers->len - 1];
}

static bool
take_hub(struct settings *settings, const char *value, GError **error)
{
	if (!settings_is_hub_name(value))
		return refuse(error, "is not a hub name", value);
	for (guint i = 0; i < settings->hubs->len; i++) {
		const struct hub_settings *other = settings->hubs->pdata[i];
		if (g_ascii_strcasecmp(other->name, value) == 0)
			return refuse(error, "is set twice", value);
	}
	struct hub_settings *hub = g_new0(struct hub_settings, 1);
	hub->name = g_strdup(value);
	hub->handlers = g_ptr_array_new_with_free_func(free_handler);
	g_ptr_array_add(settings->hubs, hub);
	return true;
}

static bool
take_handler(struct settings *settings, const char *value, GError **error)
{
	struct hub_settings *hub = last_hub(settings);

	if (hub == NULL)
		return refuse(error, "needs --hub before it", value);
	if (!url_template_check(value, error))
		return false;
	struct handler_settings *handler = g_new0(struct handler_settings, 1);
	handler->url_template = g_strdup(value);
	handler->system_events =
		g_strsplit("connect,connected,disconnected", ",", -1);
	handler->user_events = g_strsplit("*", ",", -1);
	g_ptr_array_add(hub->handlers, handler);
	return true;
}

static bool
take_system_events(struct settings *settings, const char *value, GError **error)
{
	static const char *const known[] = { "connect", "connected",
					     "disconnected", NULL };
	struct handler_settings *handler = last_handler(settings);

	if (handler == NULL)
		return refuse(error, "needs --handler before it", value);
	g_strfreev(handler->system_events);
	handler->system_events = g_strsplit(value, ",", -1);
	for (char **event = handler->system_events; *event != NULL; event++) {
		if (!g_strv_contains(known, *event))
			return refuse(error, "is not a system event", *event);
	}
	return true;
}

static bool
take_user_events(struct settings *settings, const char *value, GError **error)
{
	struct handler_settings *handler = last_handler(settings);

	if (handler == NULL)
		return refuse(error, "needs --handler before it", value);
	g_strfreev(handler->user_events);
	handler->user_events = g_strsplit(value, ",", -1);
	for (char **event = handler->user_events; *event != NULL; event++) {
		if (strcmp(*event, "*") != 0 && !settings_is_event_name(*event))
			return refuse(error, "is not an event name", *event);
	}
	return true;
}

static bool
take_anonymous(struct settings *settings, const char *value, GError **error)
{
	struct hub_settings *hub = last_hub(settings);

	if (hub == NULL)
		return refuse(error, "needs --hub before it", value);
	if (strcmp(value, "allow") != 0 && strcmp(value, "deny") != 0)
		return refuse(error, "is neither allow nor deny", value);
	hub->anonymous = strcmp(value, "allow") == 0;
	return true;
}

static bool
take_access_key(struct settings *settings, const char *value, GError **error)
{
	guint i = 0;

	while (i < SETTINGS_KEYS_MAX && settings->keys[i] != NULL)
		i++;
	if (i == SETTINGS_KEYS_MAX)
		return refuse(error, "access keys are the maximum", "two");
	if (*value == '\0')
		return refuse(error, "is not an access key", value);
	settings->keys[i] = g_strdup(value);
	return true;
}

/* Options that set one text. */
static bool
take_text(struct settings *settings, const char *name, const char *value)
{
	const struct {
		const char *name;
		char **text;
	} texts[] = {
		{ "--listen", &settings->listen },
		{ "--certificate", &settings->certificate },
		{ "--key", &settings->key },
		{ "--host", &settings->host },
		{ "--ca", &settings->ca },
		{ "--server-token", &settings->server_token },
	};

	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (strcmp(texts[i].name, name) == 0) {
			g_free(*texts[i].text);
			*texts[i].text = g_strdup(value);
			return true;
		}
	}
	return false;
}

static bool
take(struct settings *settings, const char *name, const char *value,
     GError **error)
{
	static const struct {
		const char *name;
		bool (*take)(struct settings *, const char *, GError **);
	} options[] = {
		{ "--hub", take_hub },
		{ "--handler", take_handler },
		{ "--system-events", take_system_events },
		{ "--user-events", take_user_events },
		{ "--anonymous", take_anonymous },
		{ "--access-key", take_access_key },
	};

	if (value == NULL)
		return refuse(error, "is unknown or has no value", name);
	for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
		if (strcmp(options[i].name, name) == 0)
			return options[i].take(settings, value, error);
	}
	return take_text(settings, name, value) ||
	       refuse(error, "is an unknown option", name);
}

static bool
is_complete(const struct settings *settings, GError **error)
{
	if (settings->certificate == NULL || settings->key == NULL)
		return refuse(error, "and --key are needed", "--certificate");
	if (settings->hubs->len == 0)
		return refuse(error, "is needed", "--hub");
	if (settings->keys[0] == NULL)
		return refuse(error, "is needed", "--access-key");
	return true;
}

struct settings *
settings_read(int argc, char **argv, GError **error)
{
	struct settings *settings = g_new0(struct settings, 1);
	bool good = true;

	settings->listen = g_strdup("127.0.0.1:8443");
	settings->host = g_strdup("localhost");
	settings->hubs = g_ptr_array_new_with_free_func(free_hub);
	for (int i = 1; good && i < argc; i++) {
		if (strcmp(argv[i], "--insecure") == 0) {
			settings->insecure = true;
			continue;
		}
		good = take(settings, argv[i],
			    i + 1 < argc ? argv[i + 1] : NULL, error);
		i++;
	}
	if (good && is_complete(settings, error))
		return settings;
	settings_free(settings);
	return NULL;
}
