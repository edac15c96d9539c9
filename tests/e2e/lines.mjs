// SPDX-License-Identifier: ISC
// Copyright The certgate authors
//
// What the clients share: arguments, lines of JSON in and out, the exit code.
import fs from "node:fs";
import readline from "node:readline";
import { parseArgs } from "node:util";

let admitted = false;

export function print(is, members = {}) {
	admitted ||= is === "connected";
	process.stdout.write(JSON.stringify({ is, ...members }) + "\n");
}

// The URL and the options; more names those that only one client has.
export function options(more = {}) {
	try {
		const { values, positionals } = parseArgs({
			allowPositionals: true,
			options: {
				ca: { type: "string" },
				certificate: { type: "string" },
				...more,
			},
		});
		if (positionals.length !== 1)
			throw new Error("expected one URL");
		return { url: positionals[0], ...values };
	} catch (error) {
		process.stderr.write(error.message + "\n");
		process.exit(2);
	}
}

// For tls.connect.
export function identity({ ca, certificate }) {
	const found = {};
	if (ca !== undefined)
		found.ca = fs.readFileSync(ca);
	if (certificate !== undefined)
		found.cert = found.key = fs.readFileSync(certificate);
	return found;
}

// Calls does[line.is](line) for each line read, one after the other.
export async function obey(does) {
	for await (const text of readline.createInterface(process.stdin)) {
		const line = JSON.parse(text);
		try {
			await does[line.is](line);
			print("done", { did: line.is, success: true });
		} catch (error) {
			print("done", {
				did: line.is,
				success: false,
				error: error.errorDetail?.name ?? error.message,
			});
		}
	}
}

export function finish() {
	// Not before the lines are written.
	process.stdout.write("", () => process.exit(admitted ? 0 : 1));
}
