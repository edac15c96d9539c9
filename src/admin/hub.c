/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdbool.h>

#include "admin/hub.h"
#include "admin/print.h"

void
hub_print(struct span name, const char *url)
{
	bool named = name.ptr != NULL;
	int n = (int)(named ? name.len : sizeof("HUB") - 1);
	const char *hub = named ? name.ptr : "HUB";

	print("\nSettings of the hub, by az:\n");
	if (!named)
		print("# HUB: the one that clients connect to, for "
		      "CERTGATE_HUB names none; --hub NAME writes it here\n");
	print("az webpubsub update --name NAME --resource-group GROUP "
	      "--client-cert-enabled true\n"
	      "az webpubsub hub create --name NAME --resource-group GROUP "
	      "--hub-name %.*s \\\n"
	      "  --allow-anonymous true \\\n"
	      "  --event-handler url-template='%s' system-event=connect\n",
	      n, hub, url);
	print("\nand in Bicep:\n"
	      "resource hub "
	      "'Microsoft.SignalRService/webPubSub/hubs@2024-03-01' = {\n"
	      "  parent: service // with tls.clientCertEnabled: true\n"
	      "  name: '%.*s'\n"
	      "  properties: {\n"
	      "    anonymousConnectPolicy: 'allow'\n"
	      "    eventHandlers: [\n"
	      "      { urlTemplate: '%s', systemEvents: [ 'connect' ] }\n"
	      "    ]\n"
	      "  }\n"
	      "}\n",
	      n, hub, url);
}
