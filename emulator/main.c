/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate-emulator: Azure Web PubSub on this host, for development. */
#include "config.h"

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>

#include "emulator/server.h"
#include "emulator/trace.h"

enum { EXIT_MISUSED = 2, EXIT_SYSTEM = 3 };

static const char usage[] =
	"Usage: certgate-emulator --certificate FILE --key FILE --access-key "
	"KEY\n"
	"           --hub NAME [--anonymous allow|deny]\n"
	"           [--handler URL [--system-events LIST] [--user-events "
	"LIST]]...\n"
	"           [OPTION]...\n"
	"\n"
	"A stand-in for Azure Web PubSub, for development only: it asks "
	"clients "
	"for a\n"
	"TLS certificate and posts their events to event handlers.\n"
	"\n"
	"  --certificate FILE, --key FILE  of the TLS port, PEM\n"
	"  --access-key KEY                once or twice: primary, secondary\n"
	"  --hub NAME                      a hub; what follows is for it\n"
	"    --anonymous allow|deny        clients without a token (default "
	"deny)\n"
	"    --handler URL                 with {hub}, {event}; what follows "
	"is "
	"for it\n"
	"      --system-events LIST        default "
	"connect,connected,disconnected\n"
	"      --user-events LIST          names, or * for all (default)\n"
	"  --listen ADDRESS:PORT           default 127.0.0.1:8443; port 0 "
	"takes "
	"a free one\n"
	"  --host NAME                     the service's, for "
	"WebHook-Request-Origin\n"
	"  --ca FILE                       whose certificates handlers may "
	"have\n"
	"  --insecure                      handlers' certificates do not "
	"matter\n"
	"  --server-token TOKEN            what servers must send in place of "
	"a "
	"signed token\n"
	"  --help, --version               print this or the version and "
	"exit\n";

static int
on_signal(gpointer loop)
{
	g_main_loop_quit(loop);
	return G_SOURCE_CONTINUE;
}

static void
say_where(SoupServer *server)
{
	GSList *uris = soup_server_get_uris(server);

	(void)fputs("certgate-emulator: for development only; it keeps no "
		    "secret and promises nothing\n",
		    stderr);
	for (GSList *at = uris; at != NULL; at = at->next) {
		g_autofree char *text = g_uri_to_string(at->data);
		trace_line(TRACE_INFORMATION, "Listening", "%s", text);
	}
	g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
}

static int
fail(const GError *error, int code)
{
	(void)fprintf(stderr, "certgate-emulator: %s\n", error->message);
	if (code == EXIT_MISUSED)
		(void)fputs("Try 'certgate-emulator --help'.\n", stderr);
	return code;
}

static int
run(const struct settings *settings)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	struct service service;

	if (!service_start(&service, settings, &error))
		return fail(error, EXIT_SYSTEM);
	SoupServer *server = server_start(&service, &error);
	if (server == NULL) {
		service_stop(&service);
		return fail(error, EXIT_SYSTEM);
	}
	(void)g_unix_signal_add(SIGTERM, on_signal, loop);
	(void)g_unix_signal_add(SIGINT, on_signal, loop);
	say_where(server);
	g_main_loop_run(loop);
	soup_server_disconnect(server);
	g_object_unref(server);
	service_stop(&service);
	return 0;
}

int
main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage, stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)puts("certgate-emulator " PACKAGE_VERSION);
		return 0;
	}
	struct settings *settings = settings_read(argc, argv, &error);
	if (settings == NULL)
		return fail(error, EXIT_MISUSED);
	int code = run(settings);
	settings_free(settings);
	return code;
}
