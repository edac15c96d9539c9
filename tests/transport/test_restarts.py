#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Requests through lighttpd and through nginx, as many as the argument says, while
the handler is restarted ten times behind a socket that stays open, and while its
list is edited: none lost, none answered wrongly."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import door, place, processes, tap  # noqa: E402

REQUESTS = tap.size(20000)
RESTARTS = 10
SETTINGS = {"CERTGATE_ACCESS_KEYS": "bench-access-key",
            "CERTGATE_HUB": "bench",
            "CERTGATE_ORIGINS": "bench.webpubsub.azure.com"}
bench = place.BUILD / "tests/bench"
out = tap.Tap()
base = place.temporary()
subprocess.run([bench / "events", "2000", "mixed", base], check=True)


def under_load(server, handler, configuration, name):
    text = configuration.list.read_text()
    load = subprocess.Popen(
        [bench / "load", f"127.0.0.1:{server.port}", base / "events", "16",
         str(REQUESTS)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)

    def answered():
        return door.events(configuration.log_since(0))

    def over(share):
        return lambda: load.poll() is not None or answered() >= share

    codes = []
    for i in range(RESTARTS):
        place.wait_for(over(REQUESTS * (i + 1) // (RESTARTS + 1)), 120)
        codes.append(handler.stop())
        configuration.write_list(f"# edit {i}\n" + text)
        before = configuration.log_size()
        handler.start()
        # A signal before this would end it, not tell it to end.
        place.wait_for(lambda at=before: configuration.log_size() > at)
    output = load.communicate(timeout=86400)[0]
    out.equal(codes, [0] * RESTARTS, f"{name}: each restart ends with 0")
    found = re.search(r"ok=(\d+) wrong=(\d+) lost=(\d+)", output)
    out.equal(found and found.groups(), (str(REQUESTS), "0", "0"),
              f"{name}: {REQUESTS} requests, {RESTARTS} restarts")
    codes.append(handler.stop())
    out.equal(answered(), REQUESTS, f"{name}: each is in the log once")


for kind in (processes.Lighttpd, processes.Nginx):
    name = kind.__name__
    configuration = processes.Configuration(
        base / name, SETTINGS, (base / "list").read_text())
    handler = processes.Handler(configuration)
    server = kind(base / f"{name}.server", configuration)
    under_load(server, handler, configuration, name)
    server.close()
    handler.close()
out.done()
