#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Two administrators add entries, each as many as the argument says, while a
handler reads the list and some of their commands are killed: no entry is lost
that was said to be there, and no half list is ever read."""
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, fastcgi, place, processes, tap  # noqa: E402

EACH = tap.size(300)
KILLED = 20  # of a hundred
known = cases.certificates()
out = tap.Tap()
base = place.temporary()
configuration = processes.Configuration(
    base / "gate", {"CERTGATE_ACCESS_KEYS": cases.KEY},
    f"# the fleet\n{known['device']['sha1']} user=device\n")
handler = processes.Handler(configuration)


class Administrator(threading.Thread):
    """Adds entries, one after the other; kills a command now and then."""

    def __init__(self, number):
        super().__init__()
        self.number = number
        self.random = random.Random(number)
        self.done, self.killed, self.failed = [], 0, []
        self.usual = 0.02  # seconds that a command takes; the last one's

    def run(self):
        for i in range(EACH):
            self.allow(f"{self.number:08x}{i:032x}")

    def allow(self, pin):
        begin = time.monotonic()
        command = subprocess.Popen(
            [admin.COMMAND, "allow", "--list", str(configuration.list), pin,
             f"user=pump-{pin[-4:]}"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=processes.bare_environment())
        if self.random.random() * 100 < KILLED:
            time.sleep(self.random.random() * self.usual)
            command.send_signal(signal.SIGKILL)
        said = command.communicate()[0].decode()
        if command.returncode == 0:
            self.usual = time.monotonic() - begin
            self.done.append((pin, said))
        elif command.returncode == -signal.SIGKILL:
            self.killed += 1
        else:
            self.failed.append(said)


def connect():
    """The line of one decision."""
    before = configuration.log_size()
    body = cases.connect_body(["@device"], known, {}).encode()
    headers = cases.event_headers("azure.webpubsub.sys.connect")
    parameters = [(b"REQUEST_METHOD", b"POST")]
    for name, value in headers.items():
        name = name.upper().replace("-", "_")
        name = name if name == "CONTENT_TYPE" else "HTTP_" + name
        parameters.append((name.encode(), value.encode()))
    peer = fastcgi.Peer(handler.path)
    peer.send(fastcgi.request(parameters, body))
    peer.answer()
    peer.close()
    return configuration.log_since(before)


def main():
    both = [Administrator(1), Administrator(2)]
    decisions = []
    for one in both:
        one.start()
    while any(one.is_alive() for one in both):
        decisions += [line for line in connect().splitlines()
                      if "verdict=" in line]
        time.sleep(0.02)
    for one in both:
        one.join()
    done = [pin for one in both for pin, _ in one.done]
    killed = sum(one.killed for one in both)
    out.equal([one.failed for one in both], [[], []],
              "no command fails that is not killed")
    out.result(killed > 0, f"some are killed ({killed})")
    lines = configuration.list.read_text().splitlines()
    pins = [line.split()[0] for line in lines]
    out.equal(sorted(set(done) - set(pins)), [],
              f"none of {len(done)} entries is lost")
    out.equal(len(pins), len(set(pins)), "none is there twice")
    out.equal(lines[:2], ["# the fleet",
                          f"{known['device']['sha1']} user=device"],
              "what was there before is there")
    left = {p.name for p in base.joinpath("gate").iterdir()}
    out.result(left <= {"list", ".list.new", "settings", "log", "socket"},
               "nothing but the new file of a killed command is left", left)
    out.result(decisions and all("verdict=allow" in d and
                                 "list=stale" not in d for d in decisions),
               f"each of {len(decisions)} decisions meanwhile is right",
               "\n".join(d for d in decisions if "allow" not in d))
    out.result(place.wait_for(
        lambda: f"{len(pins) - 1} entries" in
        (configuration.log_since(0) if connect() else "")),
        "the handler has the last list", configuration.log_since(0)[-600:])
    log = configuration.log_since(0)
    out.equal([line for line in log.splitlines() if "level=error" in line],
              [], "the handler never read a list that is invalid")
    checked = admin.run("check", "--config", configuration.file)
    out.equal(checked.code, 0, "certgate check has no fault to tell of")
    out.equal(handler.close(), 0, "the handler ends with 0")
    out.done()


main()
