/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
"use strict";

const byId = (id) => document.getElementById(id);

/* A page that is no longer written must not go on saying that all is well. */
const OLD_MINUTES = 15;

function showAge() {
	const old = byId("old");
	const seconds = Date.now() / 1000 - Number(old.dataset.written);
	const minutes = Math.floor(seconds / 60);

	old.hidden = minutes < OLD_MINUTES;
	old.textContent = "This page was written " + minutes +
		" minutes ago. Load it again; if it stays old, see " +
		"systemctl status certgate-page.";
}

/* The element of DER that begins at at: its tag, and where its contents begin
 * and end.  Throws if it is not within end; X.690 10.1. */
function element(bytes, at, end) {
	let length = bytes[at + 1], begin = at + 2;

	if (length > 0x80 && length <= 0x83) {
		const more = length - 0x80;
		length = 0;
		for (let i = 0; i < more; i++)
			length = length * 256 + bytes[begin++];
	}
	if (!(begin + length <= end))
		throw new Error("not a certificate");
	return { tag: bytes[at], at, begin, end: begin + length };
}

/* RFC 5280 4.1: the subjectPublicKeyInfo is the seventh field, or the sixth of
 * a certificate without a version. */
function publicKey(bytes) {
	const SEQUENCE = 0x30, VERSION = 0xa0;
	const whole = element(bytes, 0, bytes.length);
	const inner = element(bytes, whole.begin, whole.end);

	if (whole.tag !== SEQUENCE || inner.tag !== SEQUENCE ||
		whole.end !== bytes.length)
		throw new Error("not a certificate");
	let field = element(bytes, inner.begin, inner.end);
	const before = field.tag === VERSION ? 6 : 5;
	for (let i = 0; i < before; i++)
		field = element(bytes, field.end, inner.end);
	if (field.tag !== SEQUENCE)
		throw new Error("not a certificate");
	return bytes.slice(field.at, field.end);
}

/* The first certificate of the file, and how many there are. */
function read(bytes) {
	const text = new TextDecoder("latin1").decode(bytes);
	const block = new RegExp("-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE" +
		"-----([A-Za-z0-9+/=\\s]*)-----END", "g");
	const found = Array.from(text.matchAll(block));

	if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text) &&
		found.length === 0)
		throw new Error("a private key, not a certificate");
	if (found.length === 0)
		return { bytes, n: 1 };
	const der = Uint8Array.from(atob(found[0][1].replace(/\s/g, "")),
		(c) => c.charCodeAt(0));
	/* OpenSSL's trusted form has more behind the certificate. */
	return { bytes: der.slice(0, element(der, 0, der.length).end),
		n: found.length };
}

async function digest(name, bytes) {
	const sum = new Uint8Array(await crypto.subtle.digest(name, bytes));

	return Array.from(sum, (b) => b.toString(16).padStart(2, "0")).join("");
}

async function show(file) {
	const FILE_MAX = 1048576; /* bytes */

	byId("digests").hidden = true;
	byId("said").textContent = "";
	try {
		if (file.size > FILE_MAX)
			throw new Error("larger than 1 MiB");
		const found = read(new Uint8Array(await file.arrayBuffer()));
		const key = publicKey(found.bytes);
		byId("sha1").textContent = await digest("SHA-1", found.bytes);
		byId("sha256").textContent =
			await digest("SHA-256", found.bytes);
		byId("spki").textContent =
			"spki:" + await digest("SHA-256", key);
		byId("line").textContent =
			byId("sha256").textContent + " user=NAME";
		byId("said").textContent = file.name + (found.n === 1 ? "" :
			": the first of " + found.n + " certificates");
		byId("digests").hidden = false;
	} catch (e) {
		byId("said").textContent = file.name + ": " +
			(e.name === "InvalidCharacterError"
				? "not a certificate" : e.message);
	}
}

function start() {
	const drop = byId("drop"), input = byId("file");

	if (!window.crypto || !window.crypto.subtle) {
		byId("without").textContent = "This browser computes digests " +
			"only for https: and for files of this computer. " +
			"certgate thumbprint FILE prints them.";
		return;
	}
	byId("without").hidden = true;
	byId("box").hidden = false;
	input.addEventListener("change", () => {
		if (input.files.length > 0)
			show(input.files[0]);
	});
	for (const name of ["dragover", "drop"])
		document.addEventListener(name, (e) => e.preventDefault());
	drop.addEventListener("dragover", () => drop.classList.add("over"));
	drop.addEventListener("dragleave",
		() => drop.classList.remove("over"));
	document.addEventListener("drop", (e) => {
		drop.classList.remove("over");
		if (e.dataTransfer.files.length > 0)
			show(e.dataTransfer.files[0]);
	});
}

showAge();
setInterval(showAge, 60000);
start();
