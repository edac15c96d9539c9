#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The messages to systemd (sd_notify): that the service is ready, once a signal no
longer ends it and whatever its settings are, and its state, which an outage
begins, with the sentence of certgate status."""
import pathlib
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import (admin, cases, cgi, fastcgi, place, processes,  # noqa: E402
                     tap)

known = cases.certificates()
PIN = known["device"]["sha1"]
SETTINGS = {"CERTGATE_ACCESS_KEYS": cases.KEY}
out = tap.Tap()
base = place.temporary()


class Manager:
    """systemd, as far as it listens."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.path.chmod(0o666)

    def next(self):
        """The lines of the next message; none if none comes."""
        self.socket.settimeout(20)
        try:
            return self.socket.recv(4096).decode().split("\n")
        except TimeoutError:
            return []

    def was_told_nothing(self):
        """Once the handler has ended."""
        self.socket.setblocking(False)
        try:
            self.socket.recv(4096)
        except BlockingIOError:
            return True
        return False


def state(text):
    """The state of a handler that has decided nothing yet."""
    return f"STATUS={text}; this hour: 0 allowed, 0 denied"


def start(name, settings, text, environment=None, files=None):
    configuration = processes.Configuration(base / name, settings, text)
    for file, content in (files or {}).items():
        path = configuration.folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    manager = Manager(configuration.folder)
    handler = processes.Handler(configuration, environment={
        "NOTIFY_SOCKET": str(manager.path), **(environment or {})})
    return configuration, manager, handler


def good():
    configuration, manager, handler = start("good", SETTINGS, PIN + "\n")
    out.equal(manager.next(), [state("list 1: 1 entry"), "READY=1"],
              "it is ready, and has a list")
    handler.process.send_signal(signal.SIGHUP)
    configuration.write_list(f"{PIN}\nnonsense\n")
    told = manager.next()
    out.equal(told, [state("The list does not load. list 1: 1 entry")],
              "an edit that does not load, and nothing is reported twice")
    out.equal(handler.process.poll(), None,
              "a signal as soon as it is ready ends nothing")
    configuration.write_list(f"{PIN}\n{'ab' * 20}\n")
    out.equal(manager.next(), [state("list 2: 2 entries")], "fixed")
    manager.socket.close()
    manager.path.unlink()
    configuration.write_list(PIN + "\n")
    out.result(place.wait_for(
        lambda: "list 3: 1 entry" in configuration.log_since(0)),
        "without systemd it goes on")
    out.equal(handler.close(), 0, "and ends with 0")


def broken():
    for name, settings, text, sentence in (
            ("settings", {"CERTGATE_HUB": ""}, PIN + "\n",
             "The settings do not load. list 0: 0 entries"),
            ("list", SETTINGS, "nonsense\n",
             "The list does not load. list 0: 0 entries"),
            ("no key", {"CERTGATE_SIGNATURE": "required"}, PIN + "\n",
             "The configuration refuses every client. (a signature is "
             "required, and no access key is set) list 1: 1 entry"),
            ("no entry", SETTINGS, "# none\n",
             "The configuration refuses every client. (the list has no "
             "allow entry) list 1: 0 entries")):
        _, manager, handler = start(name, settings, text)
        out.equal(manager.next(), [state(sentence), "READY=1"],
                  f"{name}: it starts and says so")
        out.equal(handler.close(), 0, f"{name}: it ends with 0")


def sites():
    _, manager, handler = start("sites", {}, "", files={
        "sites/one.conf": "CERTGATE_HUB=\n", "sites/two.conf":
        "CERTGATE_MISSING_CERTIFICATE=allow\n"})
    told = manager.next()
    out.equal(told[0], state("The configuration has errors. 2 sites"),
              "a site that does not load")
    handler.close()


def event(handler, certificate="device", path="/eventhandler?code=a-code",
          headers=None, **more):
    sent = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    row = {"path": path, "headers": {"ce-time": sent, **(headers or {})},
           "certificates": [f"@{certificate}"] if certificate else "absent",
           **more}
    case = cases.Case("", {}, None, cases.own_request(row, known), {})
    peer = fastcgi.Peer(handler.path)
    peer.send(fastcgi.request(list(cgi.parameters(case).items()), case.body))
    peer.answer()
    peer.close()


# What the events have that are refused.
REFUSED = [
    ("key", [{"key": "another-key-0123456789ab"}] * 3),
    ("origin", [{"headers": {"WebHook-Request-Origin": "evil.example"}}] * 3),
    ("hub", [{"hub": "other"}] * 3),
    ("code", [{"path": "/eventhandler?code=the-secret"}] * 3),
    ("no certificate", [{"certificate": None}] * 3),
    ("strangers", [{"certificate": name} for name in
                   ("other", "pump", "stranger")]),
    ("expired", [{"certificate": "expired"}] * 3),
    ("content type", [{"headers": {"Content-Type": "text/plain"}}] * 3),
    ("clock", [{"headers": {"ce-time": "2020-01-01T00:00:00Z"}}] * 3),
]
HEALTHY = [
    ("two refusals", [{"certificate": None}] * 2),
    ("one stranger", [{"certificate": "stranger"}] * 5),
    ("another origin first, each before a client", [{
        "key": "another-key-0123456789ab", "headers": {
            "WebHook-Request-Origin": f"x.example, {cases.ORIGIN}"}}, {}] * 3),
    ("a stranger's clock", [{"path": "/eventhandler", "headers": {
        "ce-type": "x", "ce-time": "2020-01-01T00:00:00Z",
        "WebHook-Request-Origin": None}}] * 3),
]


def outages():
    """As certgate status says it, in one line of the log."""
    for name, events in REFUSED + HEALTHY:
        folder = base / name.replace(" ", "-")
        configuration, manager, handler = start(
            folder.name, {"CERTGATE_HUB": "chat", "CERTGATE_CODE": "a-code",
                          "CERTGATE_ORIGINS": cases.ORIGIN,
                          "CERTGATE_LOG": folder / "own-log", **SETTINGS},
            f"{PIN}\n{known['expired']['sha1']}\n")
        log = folder / "own-log"  # others cannot write it
        manager.next()
        for one in events:
            event(handler, **one)
        place.wait_for(lambda f=log, n=len(events): f.exists() and len(
            processes.decisions(f.read_text())) == n)
        said = admin.run("status", "--socket", handler.path, environment={
            "CERTGATE_CONFIG": str(configuration.file)})
        first = said.out.partition("\n")[0]
        well = (name, events) in HEALTHY
        if not well:
            told = manager.next()
            out.result(f"STATUS={first} list 1: " in told[0],
                       f"{name}: the sentence of certgate status",
                       (told, first))
            event(handler, **events[-1])
        handler.close()
        text = log.read_text()
        out.equal((first == "All is well.", text.count(" See certgate "
                                                       "status.")),
                  (well, 0 if well else 1), f"{name}: {first}")
        out.result(not any(secret in text + first for secret in
                           (cases.KEY, "a-code", "the-secret")),
                   f"{name}: no secret")


def recovers():
    """A client after an outage: the unit's status has it no more."""
    folder = base / "recovers"
    configuration, manager, handler = start(
        "recovers", {"CERTGATE_ORIGINS": cases.ORIGIN,
                     "CERTGATE_LOG": folder / "own-log", **SETTINGS},
        f"{PIN}\n")
    manager.next()
    for _ in range(4):
        event(handler, certificate=None)
    out.result("No client presents a certificate" in manager.next()[0],
               "refusals: an outage")
    event(handler)
    told = manager.next()
    out.result("STATUS=list 1: " in told[0], "then a client: no outage", told)
    said = admin.run("status", "--socket", handler.path, environment={
        "CERTGATE_CONFIG": str(configuration.file)})
    out.result(said.code == 0 and said.out.startswith("All is well."),
               "then a client: All is well.", said)
    handler.close()
    out.equal((folder / "own-log").read_text().count(" See certgate status."),
              1, "then a client: one line of the outage")


def others():
    """It is the web server that is the service."""
    configuration, manager, handler = start(
        "other", SETTINGS, PIN + "\n", {"SYSTEMD_EXEC_PID": "1"})
    out.result(place.wait_for(
        lambda: "list 1: 1 entry" in configuration.log_since(0)),
        "another process is the service: it serves")
    out.equal(handler.close(), 0, "and ends with 0")
    out.result(manager.was_told_nothing(), "not for another process")


good()
broken()
sites()
outages()
recovers()
others()
out.done()
