#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate pending: who knocked is shown, whatever is in the files that say so
and whatever he calls himself."""
import hashlib
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, place, processes, strangers, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
known = cases.certificates()


def der_of(name):
    return ssl.PEM_cert_to_DER_cert(known[name]["pem"])


def sha256(der):
    return hashlib.sha256(der).hexdigest()


class Gate:
    """A folder with settings, a list and what handlers noted."""

    def __init__(self, name, more=None):
        self.folder = base / name / "stats"
        self.configuration = processes.Configuration(
            base / name, {"CERTGATE_ACCESS_KEYS": cases.KEY,
                          "CERTGATE_STATS": self.folder, **(more or {})}, "")
        self.folder.mkdir()

    def file(self, number, slots):
        path = self.folder / f"pending.{number}"
        path.write_bytes(strangers.file_of(slots))
        return path

    def run(self, *arguments, **more):
        return admin.run(*arguments, environment={
            "CERTGATE_CONFIG": str(self.configuration.file)}, **more)

    def rows(self, *options):
        done = self.run("pending", "--json", *options)
        return json.loads(done.out) if done.code == 0 else done


def shown():
    """What two handlers noted, and what the list has of it."""
    gate = Gate("shown")
    out.equal(gate.rows(), [], "nobody")
    handlers = [processes.Handler(gate.configuration, name)
                for name in ("one", "two")]
    clients = [strangers.Client(h.path) for h in handlers]
    for client in clients:
        client.knock(strangers.presented(der_of("device")))
        client.knock(strangers.presented(der_of("other")), hub="ocpp")
    clients[1].knock(strangers.presented(der_of("device")))
    for client, handler in zip(clients, handlers):
        client.close()
        handler.close()
    rows = gate.rows()
    device = [r for r in rows if r["sha256"] == known["device"]["sha256"]]
    out.equal([(r["hub"], r["count"], r["sha1"]) for r in device],
              [("chat", 3, known["device"]["sha1"])],
              "what two handlers noted is one")
    out.equal({r["hub"] for r in rows}, {"chat", "ocpp"}, "at each hub")
    out.equal([r["hub"] for r in gate.rows("--hub", "ocpp")], ["ocpp"],
              "--hub")
    out.result(device[0]["first"] <= device[0]["last"] and re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", device[0]["last"]), "with times")
    pem = base / "device.pem"
    pem.write_text(known["device"]["pem"])
    told = json.loads(admin.run("thumbprint", "--json", pem).out)[0]
    out.equal({n: device[0][n] for n in told if n not in ("file", "entry")},
              {n: told[n] for n in told if n not in ("file", "entry")},
              "it says what certgate thumbprint says of it")
    text = gate.run("pending").out
    out.result(known["device"]["sha256"][:12] + "  hub chat, 3 times" in text
               and told["subject"] in text and told["issuer"] in text and
               told["names"][0] in text, "as text", text)
    for kind in ("sha1", "sha256", "spki"):
        for verb in ("", "deny "):
            gate.configuration.write_list(f"{verb}{kind}:{told[kind]}\n")
            out.equal([r["hub"] for r in gate.rows()], ["ocpp"],
                      f"not who is in the list by {verb}{kind}")
    gate.configuration.write_list("nonsense\n")
    done = gate.run("pending")
    out.result(done.code == 0 and "expected" in done.err and
               "hub chat" in done.out, "a list that does not read is said",
               done)
    old = int(time.time()) - 31 * 86400
    gate.configuration.write_list("")
    gate.file(9, [strangers.slot(strangers.certificate(1), first=old,
                                 last=old)])
    out.equal(len(gate.rows()), 2, "not who has not come for a month")
    gone = Gate("gone")
    gone.folder.rmdir()
    out.equal(gone.run("pending").code, 3, "no folder is an error")


def strange_files():
    """Whatever else is there."""
    gate = Gate("strange")
    good = [strangers.slot(strangers.certificate(1))]
    gate.file(0, good)
    wanted = gate.rows()
    out.equal([r["sha256"] for r in wanted],
              [sha256(strangers.certificate(1))], "one that is good")
    spoilt = {
        "another size": strangers.file_of(good)[:-1],
        "a byte more": strangers.file_of(good) + b"\0",
        "twice the size": strangers.file_of(good) * 2,
        "nothing": b"",
        "random bytes": os.urandom(strangers.SLOTS * strangers.SIZE),
        "ones": b"\xff" * strangers.SLOTS * strangers.SIZE,
    }
    for number, (name, data) in enumerate(spoilt.items(), 1):
        (gate.folder / f"pending.{number}").write_bytes(data)
        out.equal(gate.rows(), wanted, f"a file with {name}")
    target = base / "target"
    target.write_bytes(strangers.file_of(
        [strangers.slot(strangers.certificate(2))]))
    (gate.folder / "pending.20").symlink_to(target)
    os.mkfifo(gate.folder / "pending.21")
    (gate.folder / "pending.22").mkdir()
    out.equal(gate.rows(), wanted, "a link, a pipe, a folder")
    os.link(target, gate.folder / "pending.23")
    out.equal(gate.rows(), wanted, "a file with a second name")
    (gate.folder / "pending.300").write_bytes(target.read_bytes())
    out.equal(gate.rows(), wanted, "a number that no file has")
    der = strangers.certificate(3)
    forged = {
        "a digest that is not its own":
            strangers.slot(der, sha256=bytes.fromhex(wanted[0]["sha256"])),
        "no certificate": strangers.slot(b"hello"),
        "half a certificate": strangers.slot(der[:200]),
        "more than a certificate": strangers.slot(der + b"\0"),
        "no time that can be": strangers.slot(der, last=2 ** 62),
        "a time to come": strangers.slot(
            der, first=5, last=int(time.time()) + 10 * 86400),
        "another site's": strangers.slot(der, site=b"one"),
        "another place's number": strangers.slot(der, number=7),
    }
    for name, slot in forged.items():
        gate.file(30, [slot])
        out.equal(gate.rows(), wanted, f"a slot with {name}")
    gate.file(30, [strangers.slot(strangers.certificate(1), count=2 ** 64 - 1)])
    out.equal([r["count"] for r in gate.rows()], [2 ** 63 - 1],
              "a number that is too large is the largest")


def is_harmless(text):
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f"
                         "\u2028-\u202e\u2066-\u2069]", text)


def hostile_names():
    gate = Gate("names")
    path = admin.certificate(
        base, "hostile", "-addext",
        "subjectAltName=DNS:good.exampleXDNS:bank.example," + ",".join(
            f"DNS:n{n}.example" for n in range(30)),
        subject="/CN=a\x1b]0;x\x07\u202eb\u2067c\u2028d\u0085/O=" + "o" * 60 +
        "/OU=\n001122334455  hub bank")
    der = ssl.PEM_cert_to_DER_cert(path.read_text()).replace(
        b"exampleXDNS", b"example\0DNS")
    gate.file(0, [strangers.slot(der, hub=b"h\x1b[2J\xe2\x80\xae")])
    for arguments in (["pending"], ["pending", "--json"]):
        done = gate.run(*arguments)
        out.result(is_harmless(done.out + done.err) and
                   ("bank" in done.out or "x1b[2J" in done.err),
                   f"nothing steers a terminal: {' '.join(arguments)[:30]}",
                   repr(str(done)))
    text = gate.run("pending").out
    out.result("and 23 more" in text and len(text.splitlines()) < 16,
               "names fill no screen", text)
    out.result("DNS:good.example\\00DNS:bank.example" in text,
               "a NUL makes no second name", text)
    out.equal([line for line in text.splitlines()
               if line.startswith("001122")], [], "a line end makes no row")


def sites():
    gate = Gate("sites")
    folder = gate.configuration.folder
    (folder / "sites").mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.list").write_text("")
        (folder / "sites" / f"{name}.conf").write_text(
            f"CERTGATE_LIST={folder}/{name}.list\n")
    device, other = der_of("device"), der_of("other")
    gate.file(0, [strangers.slot(device, site=b"one"),
                  strangers.slot(other, site=b"two")])
    for name, der in (("one", device), ("two", other)):
        out.equal([r["sha256"] for r in gate.rows("--site", name)],
                  [sha256(der)], f"site {name} has its own")
    done = gate.run("pending")
    out.result(done.code == 0 and "--site" in done.out and
               sha256(device)[:8] not in done.out, "without a site", done)
    (folder / "certgate.conf").write_text("CERTGATE_HUB=chat\n")
    environment = {"CERTGATE_STATS": str(gate.folder),
                   "CERTGATE_LIST": "/nonexistent/of/nobody",
                   "CERTGATE_CONFIG": str(folder / "certgate.conf")}
    done = admin.run("pending", "--site", "one", environment=environment)
    out.result(sha256(device)[:8] in done.out, "the folder is the process's",
               done)
    (folder / "certgate.conf").write_text(f"CERTGATE_STATS={gate.folder}\n")
    done = admin.run("pending", "--config", folder / "sites/one.conf")
    out.result(sha256(device)[:8] in done.out, "by the file of the site", done)
    environment["CERTGATE_CONFIG"] = str(folder / "nothing.conf")
    done = admin.run("pending", "--site", "one", environment=environment)
    out.equal(done.code, 3, "main settings that are not there are an error")


shown()
strange_files()
hostile_names()
sites()
out.done()
