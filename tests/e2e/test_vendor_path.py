#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate-emulator before the vendor's own handler library: it takes the
emulator's events, and the same clients fare as they do with certgate."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import clients, emulator, identities, place  # noqa: E402
from harness import processes, tap  # noqa: E402
from harness.path import Path  # noqa: E402

HUB = "plant"


def start(kind, path, device, log):
    certificate = clients.with_key(device)
    if kind == "json":
        return clients.json_client(path.url(HUB), path.ca, certificate, log)
    return clients.mqtt_client(path.url(HUB, "clients/mqtt"), path.ca,
                               certificate, log, kind, "pump-7")


def story(path, devices, log):
    """The answer to each kind of client with each certificate, and an event
    of an accepted one."""
    found = []
    for kind in ("json", 4, 5):
        for name, device in devices.items():
            client = start(kind, path, device, log)
            line = client.hear("connected", "refused", "failed") or {}
            row = [kind, name] + [line.get(member) for member in (
                "is", "user", "status", "code")]
            if line.get("is") == "connected":
                client.tell("event", name="reading", data="7")
                row.append((client.hear("done") or {}).get("success"))
            found.append(row + [client.end()])
    return found


def main():
    clients.prepare()
    if not emulator.PROGRAM.exists():
        tap.skip_all("certgate-emulator is not built")
    out = tap.Tap()
    folder = place.temporary()
    devices = {"one": identities.Identity(folder, "one"),
               "other": identities.Identity(folder, "other"), "none": None}
    allowed = devices["one"].sha1
    process, (port,) = clients.vendor_handlers(
        [{"hubs": [HUB], "origins": None, "allow": [allowed]}],
        folder / "library.log")
    told = {}
    for name, url in (("certgate", None),
                      ("library", f"http://127.0.0.1:{port}/eventhandler")):
        path = Path(folder / name, processes.Lighttpd, [HUB],
                    f"{allowed} user=@thumbprint\n", url)
        told[name] = story(path, devices, folder / "clients.log")
        out.equal(path.close(), [0, 0, 0], f"{name}: all end well")
    process.terminate()
    process.wait()
    for ours, theirs in zip(told["certgate"], told["library"]):
        out.equal(theirs, ours, f"{ours[0]}, {ours[1]}: {ours[2]} by both")
    out.equal([row[2] for row in told["library"]],
              ["connected", "refused", "refused"] * 3,
              "one certificate is accepted, by the library too")
    out.done()


main()
