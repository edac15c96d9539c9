#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The main job, shown: a web server on loopback with the handler; the events of
the service played to it, then clients on the whole path.  A mock in one point:
the service is this program, then certgate-emulator."""
import argparse
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, emulator, place, processes  # noqa: E402
import events  # noqa: E402
import story  # noqa: E402

SERVERS = {"lighttpd": processes.Lighttpd, "apache": processes.Apache,
           "nginx": processes.Nginx}


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True,
                          capture_output=True, text=True).stdout


class Client:
    """A device with a key and a certificate of the test CA."""

    def __init__(self, folder, name):
        self.key, request = folder / f"{name}.key", folder / f"{name}.csr"
        self.file = folder / f"{name}.pem"
        openssl("req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", request, "-subj", f"/O=Demo/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", folder / "ca.pem",
                "-CAkey", folder / "ca.key", "-days", "30", "-out", self.file)
        self.content = self.file.read_text().strip().replace("\n", "\r\n")
        self.sha1 = self.digest("sha1")
        self.sha256 = self.digest("sha256")

    def digest(self, kind):
        text = openssl("x509", "-in", self.file, "-noout", "-fingerprint",
                       f"-{kind}")
        return text.strip().partition("=")[2].replace(":", "").lower()

    def element(self):
        return {"thumbprint": self.sha1, "content": self.content}


def make_ca(folder):
    """Beside the list, too, where the handler may read it."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            folder / "ca.key", "-out", folder / "ca.pem", "-days", "30",
            "-subj", "/O=Demo/CN=Demo CA")
    (folder / "gate").mkdir()
    shutil.copy(folder / "ca.pem", folder / "gate/ca.pem")


def explain(build, configuration, client):
    """What the administrator's command says of the same list."""
    command = ["certgate", "explain", "--hub", events.HUB, str(client.file)]
    print(f"\n$ {' '.join(command[:-1])} {client.file.name}", flush=True)
    done = subprocess.run([build / command[0], *command[1:]], check=False,
                          capture_output=True, text=True,
                          env=configuration.environment())
    good = done.returncode == 0 and \
        '{"userId":"pump-7","groups":["plant"]}' in done.stdout
    print(done.stdout + ("" if good else done.stderr), end="", flush=True)
    return good


def stay(server, path, configuration, one, valve):
    body = configuration.folder / "connect.json"
    body.write_text(cases.connect_body([one.element()], {}, {}))
    signed = cases.signature(events.KEY, cases.CONNECTION)
    print(f"""
It goes on until it is interrupted.
  address   http://127.0.0.1:{server.port}/eventhandler
  clients   wss://localhost:{path.service.port}{story.PATH}
  list      {configuration.list}
  log       {configuration.log}
  trace     {path.service.log}
Validation and a connect, by hand:
  curl -i -X OPTIONS -H 'WebHook-Request-Origin: {events.ORIGIN}' \\
    http://127.0.0.1:{server.port}/eventhandler
  curl -i -H 'WebHook-Request-Origin: {events.ORIGIN}' -H 'ce-hub: {events.HUB}' \\
    -H 'ce-type: azure.webpubsub.sys.connect' \\
    -H 'ce-connectionId: {cases.CONNECTION}' \\
    -H 'ce-signature: {signed}' \\
    -H 'Content-Type: application/json' --data @{body} \\
    http://127.0.0.1:{server.port}/eventhandler
A client, by hand; without --cert and --key it stays outside:
  curl -sSi --http1.1 --max-time 3 --cacert {path.certificate.file} \\
    --cert {valve.file} --key {valve.key} \\
    -H 'Connection: Upgrade' -H 'Upgrade: websocket' \\
    -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' \\
    https://localhost:{path.service.port}{story.PATH}""", flush=True)
    try:
        while server.process.poll() is None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        print()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=place.BUILD)
    parser.add_argument("--server", choices=SERVERS, default="lighttpd")
    parser.add_argument("--stay", action="store_true")
    options = parser.parse_args()
    build = options.build.resolve()
    place.HANDLER = build / "certgate.fcgi"
    emulator.PROGRAM = build / "certgate-emulator"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    base = place.temporary()
    make_ca(base)
    one, two, valve, other = (Client(base, name) for name in
                              ("pump-7", "pump-8", "valve-1", "valve-2"))
    configuration = processes.Configuration(base / "gate", {
        "CERTGATE_ORIGINS": events.ORIGIN, "CERTGATE_HUB": events.HUB,
        "CERTGATE_ACCESS_KEYS": events.KEY},
        f"sha256:{one.sha256} user=pump-7\n")
    handler = processes.Handler(configuration)
    server = SERVERS[options.server](base / options.server, configuration)
    print(f"{options.server} with certgate.fcgi on 127.0.0.1:{server.port}\n")
    good = events.play(server.port, configuration, one, two)
    good &= explain(build, configuration, two)
    path = story.Story(base, build, server, configuration)
    print("\nThe whole path: clients, certgate-emulator on "
          f"localhost:{path.service.port}, {options.server}, certgate.fcgi")
    good &= story.play(path, configuration.folder / "ca.pem", valve, other)
    print("\nall as it should be" if good else
          "\nNOT all as it should be; the log:\n" +
          configuration.log_since(0) + path.service.trace())
    if options.stay:
        stay(server, path, configuration, one, other)
    path.service.close()
    server.close()
    handler.close()
    return 0 if good else 1


sys.exit(main())
