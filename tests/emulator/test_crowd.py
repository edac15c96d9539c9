#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Five hundred clients at once, each with a certificate of its own, a fifth of
them refused; CERTGATE_CROWD_S is for how many seconds they stay (5)."""
import concurrent.futures
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import emulator, identities, place, processes, tap, websocket  # noqa: E402

CLIENTS = 500
STAY_S = float(os.environ.get("CERTGATE_CROWD_S", "5"))
HOST = "test.webpubsub.azure.com"
KEY = "the-only-key-of-nobody"
JSON = "json.webpubsub.azure.v1"


def is_allowed(number):
    return number % 5 != 0


class Crowd:
    def __init__(self):
        base = place.temporary()
        self.server = identities.Identity(base, "server", "DNS:localhost")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.identities = list(pool.map(
                lambda n: identities.Identity(base, f"pump-{n}", "", self.server),
                range(CLIENTS)))
        gate = processes.Configuration(
            base / "gate", {"CERTGATE_ORIGINS": HOST,
                            "CERTGATE_ACCESS_KEYS": KEY},
            "".join(f"sha256:{one.sha256} user={one.name}\n"
                    for n, one in enumerate(self.identities)
                    if is_allowed(n)))
        self.handler = processes.Handler(gate)
        self.lighttpd = processes.Lighttpd(base / "lighttpd", gate)
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
        client.name = client.json()["userId"]
        return client

    def close(self):
        code = self.service.close()
        self.lighttpd.close()
        self.handler.close()
        return code


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
               "each is who its certificate says")
    end = time.monotonic() + STAY_S
    while time.monotonic() < end:
        time.sleep(min(1, STAY_S))
    out.result(all(ping(c) for c in inside.values()),
               f"all are still there after {STAY_S:g} s")
    leaver = inside.pop(1)
    out.equal(crowd.service.rest(
        "POST", "/api/hubs/plant/users/pump-1/:closeConnections").status, 204,
        "one is closed")
    leaver.json()
    out.equal(leaver.receive()[0], websocket.CLOSE, "it is told and closed")
    out.result(all(ping(c) for c in inside.values()), "and no other is")
    for client in inside.values():
        client.socket.close()
    out.equal(crowd.close(), 0, "the emulator ends with 0")
    out.done()


main()
