/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "admin/event.h"
#include "admin/hub_settings.h"
#include "admin/print.h"
#include "admin/web.h"

struct hub {
	const char *name;
	int name_size; /* bytes */
	const char *url, *code; /* of the event handler */
	bool login; /* the service logs in */
};

static void
print_az(const struct hub *hub)
{
	print("# Free tier: add --sku Standard_S1 --unit-count 1\n"
	      "az webpubsub update --name NAME --resource-group GROUP "
	      "--client-cert-enabled true\n"
	      "# only for a new hub: create replaces one that exists, and its "
	      "handlers.\n"
	      "# For a hub that exists see deploy/README.md: A resource that "
	      "you have\n"
	      "az webpubsub hub create --name NAME --resource-group GROUP "
	      "--hub-name '%.*s' \\\n"
	      "  --allow-anonymous true \\\n"
	      "  --event-handler url-template='%s%s' system-event=connect%s\n",
	      hub->name_size, hub->name, hub->url, hub->code,
	      hub->login ? " \\\n  auth-type=ManagedIdentity "
			   "auth-resource=AUDIENCE"
			 : "");
}

static void
print_bicep(const struct hub *hub)
{
	print("resource hub "
	      "'Microsoft.SignalRService/webPubSub/hubs@2024-03-01' = {\n"
	      "  parent: service // with tls.clientCertEnabled: true%s\n"
	      "  name: '%.*s'\n"
	      "  properties: {\n"
	      "    anonymousConnectPolicy: 'allow'\n"
	      "    eventHandlers: [\n"
	      "      { urlTemplate: '%s%s', systemEvents: [ 'connect' ]%s }\n"
	      "    ]\n"
	      "  }\n"
	      "}\n",
	      hub->login ? ", and an identity" : "", hub->name_size, hub->name,
	      hub->url, hub->code,
	      hub->login ? "\n        auth: { type: 'ManagedIdentity', "
			   "managedIdentity: { resource: 'AUDIENCE' } }"
			 : "");
}

bool
hub_settings_print(const struct settings *settings, struct span hub,
		   const char *url)
{
	bool has_code = settings->code != NULL || posting_has_code(url);
	char *shown = web_public_url(url);
	struct hub h = { .name = hub.len == 0 ? "HUB" : hub.ptr,
			 .name_size = hub.len == 0 ? 3 : (int)hub.len,
			 .url = shown,
			 .code = has_code ? "?code=CODE" : "",
			 .login = settings->remote_user != NULL };

	if (shown == NULL) {
		print_problem("out of memory");
		return false;
	}
	print("\nSettings of the hub, with az:\n");
	if (hub.len == 0)
		print("# HUB: the hub that clients connect to; CERTGATE_HUB "
		      "names none (--hub NAME sets it)\n");
	if (has_code)
		print("# CODE: the value of CERTGATE_CODE, percent-encoded\n");
	if (h.login)
		print("# AUDIENCE: the audience that the web server requires\n"
		      "# only if az webpubsub identity show prints none: this "
		      "replaces one\n"
		      "az webpubsub identity assign --name NAME "
		      "--resource-group GROUP --identity '[system]'\n");
	print_az(&h);
	print("\nand in Bicep, for a new hub:\n");
	print_bicep(&h);
	free(shown);
	return true;
}
