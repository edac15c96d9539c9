#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""CERTGATE_LOG is a file: which files are accepted, log rotation, a full disk,
and one line for each event through restarts, of as many requests as the
argument says."""
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, door, fastcgi, place, processes, tap  # noqa: E402

REQUESTS = tap.size(20000)
RESTARTS = 10
PIN = cases.certificates()["device"]["sha1"] + "\n"
VALIDATION = [(b"REQUEST_METHOD", b"OPTIONS"),
              (b"HTTP_WEBHOOK_REQUEST_ORIGIN", cases.ORIGIN.encode())]
out = tap.Tap()
base = place.temporary()


def ask(handler):
    peer = fastcgi.Peer(handler.path)
    peer.send(fastcgi.request(VALIDATION))
    answer = peer.answer() or b""
    peer.close()
    return answer[8:11]


class Gate:
    def __init__(self, name, log="logs/log", settings=None, text=PIN):
        self.folder = base / name
        (self.folder / "logs").mkdir(parents=True)
        self.log = self.folder / log
        self.configuration = processes.Configuration(
            self.folder, {"CERTGATE_LOG": self.log, **(settings or {})}, text)

    def stderr(self):
        return self.configuration.log_since(0)

    def written(self):
        return self.log.read_text() if self.log.exists() else ""

    def cgi(self, more=None):
        done = subprocess.run(
            [place.HANDLER], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=True, env=self.configuration.environment() | {
                n.decode(): v.decode() for n, v in VALIDATION} | (more or {}))
        return done.stderr


def accepted():
    """The rules of trusted files; otherwise standard error."""
    gate = Gate("good")
    out.equal((gate.cgi(), gate.log.stat().st_mode & 0o777), ("", 0o640),
              "a file that is made, of mode 0640")
    said = gate.cgi()
    out.equal((said, len(processes.decisions(gate.written()))), ("", 2),
              "and is added to")
    spoilt = {
        "a link": (lambda g: g.log.symlink_to(g.folder / "other"), "symbolic"),
        "a pipe": (lambda g: os.mkfifo(g.log), "No such device"),
        "a folder": (lambda g: g.log.mkdir(), "directory"),
        "written by others": (lambda g: (g.log.touch(), g.log.chmod(0o666)),
                              "chmod"),
        "in a folder that others write":
            (lambda g: g.log.parent.chmod(0o777), "chmod"),
        "in a folder that is missing": (lambda g: g.log.parent.rmdir(),
                                        "No such file"),
    }
    if os.geteuid() == 0:
        spoilt["of another user"] = (lambda g: (
            g.log.touch(), os.chown(g.log, 65534, 65534)), "bad owner")
    for name, (spoil, says) in spoilt.items():
        gate = Gate(name.replace(" ", "-"))
        spoil(gate)
        said = gate.cgi()
        out.result("verdict=allow" in said and "logging to standard error" in
                   said and says in said, f"{name}: standard error", said)
    out.result(not (base / "a-link/other").exists(), "a link is not followed")


def says(gate, text):
    return place.wait_for(lambda: text in gate.written())


def rotated():
    gate = Gate("rotated")
    handler = processes.Handler(gate.configuration)
    ask(handler)
    old = gate.log.with_name("log.1")
    gate.log.rename(old)
    handler.process.send_signal(signal.SIGHUP)
    place.wait_for(lambda: "still logging" in old.read_text())
    ask(handler)
    text = old.read_text()
    out.result("No such file or directory (fix: create it first); still logging "
               "to the old file" in text and text.count("verdict=") == 2 and not gate.log.exists(),
               "no new file: the old one stays, and says so", text)
    gate.log.touch(0o640)
    handler.process.send_signal(signal.SIGHUP)
    out.result(place.wait_for(lambda: ask(handler) and gate.written()),
               "a new file is opened")
    before = old.read_text()
    ask(handler)
    out.equal((old.read_text(), "sandbox" in before), (before, False),
              "and the old one is left")
    out.equal((handler.close(), gate.stderr()), (0, ""),
              "nothing goes elsewhere")
    gate = Gate("beside", log="own")
    handler = processes.Handler(gate.configuration)
    ask(handler)
    out.result("give the log a folder of its own" in gate.written(),
               "not in a folder of its own: a warning", gate.written())
    handler.close()


def full():
    """A disk of 64 KiB: each event is answered, and counted afterwards."""
    if os.geteuid() != 0:
        out.result(True, "a full disk # SKIP needs root")
        return
    gate = Gate("full")
    logs = gate.log.parent
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o",
                              "size=64k,mode=0755", "tmpfs", logs],
                             check=False)
    if mounted.returncode != 0:
        out.result(True, "a full disk # SKIP cannot mount")
        return
    try:
        (logs / "ballast").write_bytes(b"x" * 32768)
        handler = processes.Handler(gate.configuration)
        answers = [ask(handler) for _ in range(500)]
        out.equal(answers, [b"200"] * 500, "a full disk: all are answered")
        (logs / "ballast").unlink()
        ask(handler)
        found = processes.decisions(gate.written())
        lost = int(found[-1].get("lost", 0))
        out.equal((len(found) + lost, lost > 0), (501, True),
                  "with room again: lines and lost are all of them")
        out.equal(gate.written().count("verdict="), len(found),
                  "and none is of two halves")
        handler.close()
    finally:
        subprocess.run(["umount", logs], check=True)


def exactly_once():
    """Under load, with restarts and rotation."""
    bench = place.BUILD / "tests/bench"
    subprocess.run([bench / "events", "2000", "mixed", base], check=True)
    gate = Gate("once", settings={
        "CERTGATE_ACCESS_KEYS": "bench-access-key", "CERTGATE_HUB": "bench",
        "CERTGATE_ORIGINS": "bench.webpubsub.azure.com"},
        text=(base / "list").read_text())
    handler = processes.Handler(gate.configuration)
    server = processes.Nginx(base / "server", gate.configuration)
    load = subprocess.Popen(
        [bench / "load", f"127.0.0.1:{server.port}", base / "events", "16",
         str(REQUESTS)], stdout=subprocess.PIPE, text=True)

    def events():
        return sum(door.events(path.read_text())
                   for path in gate.log.parent.iterdir())

    for i in range(RESTARTS):
        place.wait_for(lambda: load.poll() is not None or
                       events() >= REQUESTS * (i + 1) // (RESTARTS + 1), 120)
        gate.log.rename(gate.log.with_name(f"log.{i}"))
        gate.log.touch(0o640)
        if i % 2 == 0:
            handler.process.send_signal(signal.SIGHUP)
        else:
            handler.stop()
            handler.start()
            # A signal before it holds signals would end it.
            place.wait_for(lambda: f"[{handler.process.pid}]: " in
                           gate.written())
    output = load.communicate(timeout=600)[0]
    found = re.search(r"ok=(\d+) wrong=(\d+) lost=(\d+)", output)
    server.close()
    out.equal(handler.close(), 0, "the handler ends with 0")
    out.equal(found and found.groups(), (str(REQUESTS), "0", "0"),
              f"{REQUESTS} requests")
    out.equal(events(), REQUESTS, "each is in the log once")
    text = "".join(p.read_text() for p in gate.log.parent.iterdir())
    out.equal(text.count(" lost="), 0, "nothing is lost")


accepted()
rotated()
full()
exactly_once()
out.done()
