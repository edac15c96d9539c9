// SPDX-License-Identifier: ISC
// Copyright The certgate authors
//
// Event handlers with the vendor's library, as its documentation has them: a
// client with an allowed SHA-1 thumbprint is accepted.  The argument is a JSON array
// of { hubs, origins, allow }; there is a loopback port for each, printed as a
// JSON array.
import express from "express";
import { WebPubSubEventHandler } from "@azure/web-pubsub-express";

function policy(allow) {
	return (request, response) => {
		const thumbprint =
			request.clientCertificates?.[0]?.thumbprint?.toLowerCase();
		if (allow.includes(thumbprint))
			response.success({ userId: thumbprint });
		else
			response.fail(
				request.context.clientProtocol === "mqtt" ? 401 : 403);
	};
}

function serve({ hubs, origins, allow }) {
	const app = express();
	for (const hub of hubs) {
		const handler = new WebPubSubEventHandler(hub, {
			path: "/eventhandler",
			handleConnect: policy(allow),
			allowedEndpoints: origins?.map((host) => "https://" + host),
		});
		app.use(handler.getMiddleware());
	}
	// Its page for errors has nothing to do with the comparison.
	app.use((error, request, response, next) =>
		response.headersSent ? next(error) : response.status(500).end());
	return new Promise((resolve) => {
		const server = app.listen(0, "127.0.0.1", () =>
			resolve(server.address().port));
	});
}

const ports = await Promise.all(JSON.parse(process.argv[2]).map(serve));
console.log(JSON.stringify(ports));
