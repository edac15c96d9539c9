#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Five hundred clients at once, each with a certificate of its own, a fifth of
them refused; one of them is denied while all are connected, and all leave at
once.  The argument is for how many seconds they stay."""
import concurrent.futures
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, door, emulator, identities, place  # noqa: E402
from harness import processes, tap, websocket  # noqa: E402

CLIENTS = 500
STAY_S = tap.size(5)
HOST = "test.webpubsub.azure.com"
KEY = "the-only-key-of-nobody01"
JSON = "json.webpubsub.azure.v1"


def is_allowed(number):
    return number % 5 != 0


class Crowd:
    def __init__(self):
        base = place.temporary()
        self.server = identities.Identity(base, "server", "DNS:localhost")
        self.identities = identities.many(base, CLIENTS)
        self.gate = processes.Configuration(
            base / "gate", {"CERTGATE_ORIGINS": HOST, "CERTGATE_HUB": "plant",
                            "CERTGATE_ACCESS_KEYS": KEY},
            "".join(f"sha256:{one.sha256} user=pump-{n}\n"
                    for n, one in enumerate(self.identities)
                    if is_allowed(n)))
        self.handler = processes.Handler(self.gate)
        self.lighttpd = processes.Lighttpd(base / "lighttpd", self.gate)
        self.service = emulator.Emulator(
            base, self.server, [KEY], HOST,
            ["--hub", "plant", "--anonymous", "allow", "--handler",
             f"http://127.0.0.1:{self.lighttpd.port}/eventhandler"])

    def open(self, number):
        """The client's WebSocket, or the status that refused it."""
        try:
            client = websocket.WebSocket(
                self.service.port, "/client/hubs/plant",
                self.identities[number], [JSON])
        except websocket.Refused as e:
            return e.answer.status
        told = client.json()
        client.name, client.id = told["userId"], told["connectionId"]
        return client

    def deny(self, number):
        """By the administrator's command, as it is given in a hurry."""
        return admin.run(
            "deny", self.identities[number].file, "--disconnect",
            "--endpoint", f"https://localhost:{self.service.port}", "--ca",
            self.server.file, environment=self.gate.environment())

    def left(self):
        """The connections that were reported to the handler as ended."""
        return set(re.findall(
            r"connection=(\S+) .*event=disconnected status=204",
            self.service.trace()))

    def told(self):
        """How often, by the handler's log, once it has ended."""
        return door.events("\n".join(re.findall(
            ".*event=disconnected.*", self.gate.log_since(0))))

    def close(self):
        code = self.service.close()
        self.lighttpd.close()
        self.handler.close()
        return code


def wait_for_end(client):
    """Wait until it is closed, and return the time."""
    while client.receive()[0] != websocket.CLOSE:
        pass
    return time.monotonic()


def ping(client):
    client.send({"type": "ping"})
    return client.json() == {"type": "pong"}


def main():
    if not emulator.PROGRAM.exists():
        print("1..0 # SKIP the emulator is not built")
        return
    out, crowd = tap.Tap(), Crowd()
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        results = list(pool.map(crowd.open, range(CLIENTS)))
    inside = {n: c for n, c in enumerate(results)
              if isinstance(c, websocket.WebSocket)}
    out.equal(sorted(inside), [n for n in range(CLIENTS) if is_allowed(n)],
              f"{len(inside)} of {CLIENTS} clients are in")
    out.equal({c for n, c in enumerate(results) if n not in inside}, {403},
              "the others are refused")
    out.result(all(c.name == f"pump-{n}" for n, c in inside.items()),
               "each has the name in its certificate")
    time.sleep(STAY_S)
    out.result(all(ping(c) for c in inside.values()),
               f"all are still there after {STAY_S} s")
    denied = [inside.pop(1), crowd.open(1)]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        begin = time.monotonic()
        got = pool.submit(crowd.deny, 1)
        ends = list(pool.map(lambda c: wait_for_end(c) - begin, denied))
    out.equal(got.result().code, 0, "one is denied and disconnected")
    out.equal(len(ends), 2,
              f"both its connections are closed, after {max(ends):.2f} s")
    out.result(all(ping(c) for c in inside.values()), "and no other is")
    out.equal(crowd.left(), {c.id for c in denied},
              "no other client is reported as left")
    out.equal(crowd.open(1), 403, "it does not come back")
    for number, client in inside.items():
        if number % 2:
            client.send(b"\x03\xe8", websocket.CLOSE)
        client.socket.close()
    all_ids = {c.id for c in [*denied, *inside.values()]}
    place.wait_for(lambda: crowd.left() >= all_ids, seconds=60)
    out.equal(crowd.left(), all_ids, "each that leaves is said to have left")
    out.equal(crowd.close(), 0, "the emulator ends with 0")
    out.equal(crowd.told(), len(all_ids), "the handler counts as many")
    out.done()


main()
