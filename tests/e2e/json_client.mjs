// SPDX-License-Identifier: ISC
// Copyright The certgate authors
//
// The vendor's client library with json.webpubsub.azure.v1, or as it comes, with
// json.reliable.webpubsub.azure.v1; see README.md.
import tls from "node:tls";
import {
	WebPubSubClient,
	WebPubSubJsonProtocol,
} from "@azure/web-pubsub-client";
import { finish, identity, obey, options, print } from "./lines.mjs";

const given = options({ reliable: { type: "boolean", default: false } });

// The library has no option for a client certificate, and gives none to the
// WebSocket that it makes.
const connect = tls.connect;
const presented = identity(given);
let socket;
tls.connect = (tlsOptions) =>
	(socket = connect({ ...tlsOptions, ...presented }));

const client = given.reliable
	? new WebPubSubClient(given.url)
	: new WebPubSubClient(given.url, {
		protocol: WebPubSubJsonProtocol(),
		autoReconnect: false,
		autoRejoinGroups: false,
		messageRetryOptions: { maxRetries: 0 },
	});

client.on("connected", ({ userId, connectionId }) =>
	print("connected", { user: userId, connection: connectionId }));
client.on("server-message", ({ message }) =>
	print("message", { from: "server", data: message.data }));
client.on("group-message", ({ message }) =>
	print("message", { group: message.group, data: message.data }));
client.on("disconnected", ({ message }) =>
	print("closed", { reason: message?.message ?? null }));
client.on("stopped", finish);

try {
	await client.start();
} catch (error) {
	const status = /Unexpected server response: (\d+)/.exec(error.message);
	if (status !== null)
		print("refused", { status: Number(status[1]) });
	else
		print("failed", { text: error.message });
	finish();
}

await obey({
	cut: () => socket.destroy(),
	event: ({ name, data }) => client.sendEvent(name, data, "text"),
	join: ({ group }) => client.joinGroup(group),
	leave: ({ group }) => client.leaveGroup(group),
	send: ({ group, data }) => client.sendToGroup(group, data, "text"),
});
client.stop();
