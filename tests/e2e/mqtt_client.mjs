// SPDX-License-Identifier: ISC
// Copyright The certgate authors
//
// mqtt.js over WebSocket; see README.md.
import mqtt from "mqtt";
import { finish, identity, obey, options, print } from "./lines.mjs";

const EVENTS = "$webpubsub/server/events/";

const given = options({
	version: { type: "string", default: "4" },
	"client-id": { type: "string" },
});
const client = mqtt.connect(given.url, {
	...identity(given),
	protocolVersion: Number(given.version),
	clientId: given["client-id"],
	reconnectPeriod: 0,
});
let answered = false, admitted = false;

client.on("packetreceive", (packet) => {
	if (packet.cmd !== "connack")
		return;
	answered = true;
	const code = packet.reasonCode ?? packet.returnCode;
	const properties = packet.properties ?? {};
	admitted = code === 0;
	if (admitted) {
		print("connected", {
			connection: properties.assignedClientIdentifier ??
				client.options.clientId,
		});
	} else {
		print("refused", { code, reason: properties.reasonString });
	}
});
client.on("message", (topic, data) =>
	print("message", { topic, data: data.toString() }));
client.on("disconnect", ({ reasonCode, properties }) =>
	print("closed", { code: reasonCode, reason: properties?.reasonString }));
client.on("error", (error) => {
	if (!answered)
		print("failed", { text: error.message });
});
client.on("close", () => {
	if (admitted)
		print("closed");
	finish();
});
await new Promise((resolve) => client.once("connect", resolve));

await obey({
	event: ({ name, data }) => client.publishAsync(EVENTS + name, data),
	join: ({ group }) => client.subscribeAsync(group),
	leave: ({ group }) => client.unsubscribeAsync(group),
	send: ({ group, data, qos = 0 }) =>
		client.publishAsync(group, data, { qos }),
});
client.end();
