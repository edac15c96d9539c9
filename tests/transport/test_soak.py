#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Events of all kinds, valid and hostile, as many as the argument says, through
one process: every answer right, memory flat after the warm-up, no descriptor
lost."""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import place, processes, tap  # noqa: E402

WARM_UP = 50000
ROUNDS = 5
REQUESTS = tap.size(200000) // ROUNDS
GROWTH = 256  # KiB that may come and go
SETTINGS = {"CERTGATE_ACCESS_KEYS": "bench-access-key",
            "CERTGATE_HUB": "bench", "CERTGATE_LOG": "stderr",
            "CERTGATE_ORIGINS": "bench.webpubsub.azure.com"}
bench = place.BUILD / "tests/bench"
out = tap.Tap()
base = place.temporary()
subprocess.run([bench / "events", "2000", "mixed", base], check=True)
configuration = processes.Configuration(base / "gate", SETTINGS,
                                        (base / "list").read_text())
handler = processes.Handler(configuration,
                            arguments=processes.TO_LOOK_INTO)
server = processes.Nginx(base / "server", configuration)


def load(requests):
    done = subprocess.run(
        [bench / "load", f"127.0.0.1:{server.port}", base / "events", "16",
         str(requests)], capture_output=True, text=True, check=False)
    found = re.search(r"ok=(\d+)", done.stdout)
    return int(found.group(1)) if found else 0, done.stdout + done.stderr


def resident():
    text = pathlib.Path(f"/proc/{handler.process.pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0])


def descriptors():
    return len(os.listdir(f"/proc/{handler.process.pid}/fd"))


load(WARM_UP)
memory, files = resident(), descriptors()
right, text = 0, ""
for _ in range(ROUNDS):
    ok, text = load(REQUESTS)
    right += ok
    os.truncate(configuration.log, 0)
out.equal(right, ROUNDS * REQUESTS, f"{ROUNDS * REQUESTS} right answers")
if right != ROUNDS * REQUESTS:
    print("# " + text.replace("\n", "\n# "))
place.wait_for(lambda: descriptors() <= files, 10)
out.result(descriptors() <= files, "no descriptor is lost",
           f"{files} before, {descriptors()} after")
out.result(resident() - memory <= GROWTH, "memory is flat",
           f"{memory} KiB before, {resident()} after")
out.result(handler.process.poll() is None, "by one process")
server.close()
out.equal(handler.close(), 0, "which ends with 0")
out.done()
