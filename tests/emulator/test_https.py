#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""An event handler by https: the emulator posts events to one whose certificate
it can believe, and to no other.  The first client connects by the command of
deploy/README.md."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import emulator, identities, place, processes, tap  # noqa: E402
from harness import websocket  # noqa: E402

HOST = "test.webpubsub.azure.com"
KEY = "the-only-key-of-nobody01"


def curl(folder, server, service, device=None):
    """What the page's command prints for a device, in a folder with its files,
    or without a certificate.  The host and the CA are ours."""
    page = (place.SOURCE / "deploy/README.md").read_text(encoding="utf-8")
    command = re.search(r"^curl -sS .*?/client/hubs/HUB$", page,
                        re.DOTALL | re.MULTILINE).group()
    command = command.replace("NAME.webpubsub.azure.com",
                              f"localhost:{service.port}")
    command = command.replace("hubs/HUB", "hubs/plant")
    words = "--cert pump-7.pem --key pump-7.key "
    assert words in command
    if device is None:
        command = command.replace(words, "")
    else:
        for name, file in (("pump-7.pem", device.file),
                           ("pump-7.key", device.key)):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(file)
    return subprocess.run(["sh", "-c", f"{command} --cacert {server.file}"],
                          cwd=folder, capture_output=True, text=True,
                          check=False)


def first_client(out, gate, folder, server, service, devices):
    for device, first, reason in zip(
            (*devices, None), ("101 Switching Protocols", "403 Forbidden",
                               "403 Forbidden"),
            ("listed", "not-listed", "no-certificate"), strict=True):
        before = gate.log_size()
        done = curl(folder, server, service, device)
        out.result(done.stdout.startswith(f"HTTP/1.1 {first}\n") and
                   done.returncode == (28 if reason == "listed" else 0) and
                   f" reason={reason} " in gate.log_since(before),
                   f"curl: {reason}", done)


def main():
    if not emulator.PROGRAM.exists():
        tap.skip_all("certgate-emulator is not built")
    out, base = tap.Tap(), place.temporary()
    server = identities.Identity(base, "server", "DNS:localhost")
    other = identities.Identity(base, "other", "DNS:localhost")
    device = identities.Identity(base, "pump-7")
    stranger = identities.Identity(base, "stranger")
    gate = processes.Configuration(
        base / "gate", {"CERTGATE_ORIGINS": HOST, "CERTGATE_ACCESS_KEYS": KEY},
        f"sha256:{device.sha256}\n")
    handler = processes.Handler(gate)
    nginx = processes.Nginx(base / "nginx", gate, tls=server)
    for name, options, host, good in (
            ("with its CA", ["--ca", server.file], "localhost", True),
            ("without", [], "localhost", False),
            ("with another CA", ["--ca", other.file], "localhost", False),
            ("by another name", ["--ca", server.file], "127.0.0.1", False),
            ("--insecure", ["--insecure"], "localhost", True)):
        before = gate.log_size()
        folder = base / name.replace(" ", "-")
        folder.mkdir()
        service = emulator.Emulator(
            folder, server, [KEY], HOST,
            [*options, "--hub", "plant", "--anonymous", "allow", "--handler",
             f"https://{host}:{nginx.port}/eventhandler"])
        try:
            client = websocket.WebSocket(service.port, "/client/hubs/plant",
                                         device)
            client.close()
            got = 101
        except websocket.Refused as e:
            got = e.answer.status
        out.equal(got, 101 if good else 500, f"https, {name}")
        # The line that counts earlier notifications can come at any time.
        out.equal(" event=connect " in gate.log_since(before), good,
                  f"https, {name}: what certgate has heard")
        out.equal("AbuseProtectionResponseFailed" in service.trace(), not good,
                  f"https, {name}: what the trace says")
        if name == "with its CA":
            first_client(out, gate, folder, server, service,
                         (device, stranger))
        out.equal(service.close(), 0, f"https, {name}: the end")
    nginx.close()
    handler.close()
    out.done()


main()
