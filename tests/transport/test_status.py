#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""What systemd is told (sd_notify): that the service is ready, once a signal no
longer ends it and whatever its settings are, and how it stands."""
import pathlib
import signal
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, place, processes, tap  # noqa: E402

PIN = cases.certificates()["device"]["sha1"]
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
    out.result(len(told) == 1 and "1 entry; what is on the disk now does "
               "not read" in told[0],
               "an edit that does not read, and nothing is told twice", told)
    out.equal(handler.process.poll(), None,
              "a signal as soon as it is ready ends nothing")
    configuration.write_list(f"{PIN}\n{'ab' * 20}\n")
    out.equal(manager.next(), [state("list 2: 2 entries")], "mended")
    manager.socket.close()
    manager.path.unlink()
    configuration.write_list(PIN + "\n")
    out.result(place.wait_for(
        lambda: "list 3: 1 entry" in configuration.log_since(0)),
        "without systemd it goes on")
    out.equal(handler.close(), 0, "and ends with 0")


def broken():
    for name, settings, text in (
            ("settings", {"CERTGATE_HUB": ""}, PIN + "\n"),
            ("list", SETTINGS, "nonsense\n")):
        _, manager, handler = start(name, settings, text)
        told = manager.next()
        out.result(told[-1:] == ["READY=1"] and
                   told[0].startswith("STATUS=refuses everybody"),
                   f"{name} that do not read: it starts and says so", told)
        out.equal(handler.close(), 0, f"{name}: it ends with 0")


def sites():
    _, manager, handler = start("sites", {}, "", files={
        "sites/one.conf": "CERTGATE_HUB=\n", "sites/two.conf": "#\n"})
    told = manager.next()
    out.result(told[0].startswith("STATUS=2 sites: 1 refuse everybody, 0 "),
               "sites: how many refuse", told)
    handler.close()


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
others()
out.done()
