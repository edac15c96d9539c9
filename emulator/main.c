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
	"Emulate Azure Web PubSub, for development only: request TLS client\n"
	"certificates and post events to event handlers.\n"
	"\n"
	"  --certificate FILE        use this certificate of the TLS port\n"
	"  --key FILE                use this key of the TLS port\n"
	"  --access-key KEY          set the primary, then the secondary key\n"
	"  --hub NAME                add a hub; further options are for it\n"
	"    --anonymous allow|deny  accept clients without a token (deny)\n"
	"    --handler URL           add an event handler; {hub}, {event}\n"
	"      --system-events LIST  send these system events (all)\n"
	"      --user-events LIST    send these user events (*)\n"
	"  --listen ADDRESS:PORT     listen there (127.0.0.1:8443; port 0: "
	"free)\n"
	"  --host NAME               use this host in WebHook-Request-Origin\n"
	"  --ca FILE                 trust these CAs for handlers\n"
	"  --insecure                do not verify certificates of handlers\n"
	"  --server-token TOKEN      require this token from servers\n"
	"  --help                    print this and exit\n"
	"  --version                 print the version and exit\n";

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

	(void)fputs("certgate-emulator: for development only: its keys are "
		    "not secret\n",
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
