#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The main job, shown: a web server on loopback with the handler, and the
events of the service played to it.  A mock in one point: the service is played
here."""
import argparse
import json
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, http, place, processes  # noqa: E402

ORIGIN = "demo.webpubsub.azure.com"
KEY = "demo-access-key-of-nobody"
HUB = "demo"
SERVERS = {"lighttpd": processes.Lighttpd, "apache": processes.Apache,
           "nginx": processes.Nginx}


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True,
                          capture_output=True, text=True).stdout


class Client:
    """A device with a key and a certificate of the test CA."""

    def __init__(self, folder, name):
        key, request = folder / f"{name}.key", folder / f"{name}.csr"
        self.file = folder / f"{name}.pem"
        openssl("req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
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
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            folder / "ca.key", "-out", folder / "ca.pem", "-days", "30",
            "-subj", "/O=Demo/CN=Demo CA")


def meaning(status):
    """What the service does with an answer to connect."""
    if status in (200, 204):
        return "client is connected"
    if 400 <= status < 500 and status != 408:
        return "client is refused"
    return "tried again, then refused"


class Show:
    """Plays events and prints a line for each."""

    def __init__(self, port, configuration):
        self.port = port
        self.configuration = configuration
        self.good = True
        print(f"{'what was sent':<44} {'status':<6} "
              f"{'what the service does':<36} reason in the log")

    def send(self, method, headers, body=b""):
        before = self.configuration.log_size()
        answer = http.exchange(self.port, http.request_bytes(
            method, "/eventhandler", headers, body))
        found = re.findall(r"verdict=\S+ reason=(\S+)",
                           self.configuration.log_since(before))
        return answer, found[-1] if found else "-"

    def line(self, text, answer, does, reason, good):
        self.good = self.good and good
        print(f"{text:<44} {answer.status:<6} {does:<36} {reason}"
              f"{'' if good else '   <-- NOT AS IT SHOULD BE'}", flush=True)

    def validation(self, origin, status, reason):
        answer, got = self.send("OPTIONS", {
            "Host": "localhost", "WebHook-Request-Origin": origin})
        agreed = answer.header("WebHook-Allowed-Origin") == origin
        self.line(f"validation from {origin}"[:44], answer,
                  "events are posted" if agreed else "no events are posted",
                  got, answer.status == status and got == reason and
                  agreed == (status == 200))

    def connect(self, text, presented, status, reason, user=None, key=KEY,
                mqtt=None, code=None):
        connection = "pump-7" if mqtt else cases.CONNECTION
        more = {"WebHook-Request-Origin": ORIGIN}
        if mqtt:
            more["ce-physicalConnectionId"] = "p1"
        body = cases.connect_body(presented, {}, {"mqtt": mqtt})
        answer, got = self.send("POST", cases.event_headers(
            "azure.webpubsub.sys.connect", connection, HUB, key, more),
            body.encode())
        good = answer.status == status and got == reason
        does = meaning(answer.status)
        if user:
            told = json.loads(answer.body or b"{}").get("userId")
            good = good and told == user
            does += f" as {told}"
        if code:
            told = json.loads(answer.body or b"{}").get("mqtt", {}).get("code")
            good = good and told == code
            does += f", CONNACK {told}"
        self.line(text, answer, does, got, good)
        return good

    def notify(self, text, kind, body):
        answer, got = self.send("POST", cases.event_headers(
            kind, cases.CONNECTION, HUB, KEY,
            {"WebHook-Request-Origin": ORIGIN}), body)
        self.line(text, answer, "nothing more", got,
                  answer.status == 204 and got == "notified")


def rotate(show, configuration, old, new):
    """Both pins while the change is under way."""
    configuration.write_list(f"sha256:{old.sha256} user=pump-7\n"
                             f"sha256:{new.sha256} user=pump-7 groups=plant\n")
    taken = place.wait_for(lambda: "list 2:" in show.configuration.log_since(0)
                           or not tick(show))
    show.good = show.good and taken


def tick(show):
    """A request makes the handler look at its files; true, so that a wait
    goes on."""
    show.send("OPTIONS", {"Host": "localhost",
                          "WebHook-Request-Origin": ORIGIN})
    return True


def play(show, configuration, one, two):
    forged = {"thumbprint": one.sha1, "content": two.content}
    show.validation(ORIGIN, 200, "validated")
    show.validation("stranger.example", 401, "origin")
    show.connect("connect, the allowed certificate", [one.element()], 200,
                 "listed", "pump-7")
    show.connect("connect, another certificate", [two.element()], 403,
                 "not-listed")
    show.connect("connect, no certificate", [], 403, "no-certificate")
    show.connect("connect, a forged label", [forged], 403, "label-mismatch")
    show.connect("connect, a wrong signature", [one.element()], 401,
                 "signature", key="another key")
    show.connect("MQTT 3.1.1 connect, another certificate",
                 [two.element()], 401, "not-listed", mqtt=4, code=5)
    show.connect("MQTT 5.0 connect, another certificate",
                 [two.element()], 401, "not-listed", mqtt=5, code=135)
    show.connect("MQTT 5.0 connect, the allowed certificate",
                 [one.element()], 200, "listed", "pump-7", mqtt=5)
    show.notify("connected", "azure.webpubsub.sys.connected", b"{}")
    show.notify("a message of the client", "azure.webpubsub.user.message",
                b"hello")
    rotate(show, configuration, one, two)
    show.connect("the other thumbprint rotated in: connect",
                 [two.element()], 200, "listed", "pump-7")
    show.connect("the first one still: connect", [one.element()], 200,
                 "listed", "pump-7")


def explain(build, configuration, client):
    """What the administrator's command says of the same list."""
    command = ["certgate", "explain", "--hub", HUB, str(client.file)]
    print(f"\n$ {' '.join(command[:-1])} {client.file.name}", flush=True)
    done = subprocess.run([build / command[0], *command[1:]], check=False,
                          capture_output=True, text=True,
                          env=configuration.environment())
    good = done.returncode == 0 and \
        '{"userId":"pump-7","groups":["plant"]}' in done.stdout
    print(done.stdout + ("" if good else done.stderr), end="", flush=True)
    return good


def stay(server, configuration, one):
    body = configuration.folder / "connect.json"
    body.write_text(cases.connect_body([one.element()], {}, {}))
    signed = cases.signature(KEY, cases.CONNECTION)
    print(f"""
It goes on until it is interrupted.
  address   http://127.0.0.1:{server.port}/eventhandler
  list      {configuration.list}
  log       {configuration.log}
Validation and a connect, by hand:
  curl -i -X OPTIONS -H 'WebHook-Request-Origin: {ORIGIN}' \\
    http://127.0.0.1:{server.port}/eventhandler
  curl -i -H 'WebHook-Request-Origin: {ORIGIN}' -H 'ce-hub: {HUB}' \\
    -H 'ce-type: azure.webpubsub.sys.connect' \\
    -H 'ce-connectionId: {cases.CONNECTION}' \\
    -H 'ce-signature: {signed}' \\
    -H 'Content-Type: application/json' --data @{body} \\
    http://127.0.0.1:{server.port}/eventhandler""", flush=True)
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
    place.HANDLER = options.build.resolve() / "certgate.fcgi"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    base = place.temporary()
    make_ca(base)
    one, two = Client(base, "pump-7"), Client(base, "pump-8")
    configuration = processes.Configuration(base / "gate", {
        "CERTGATE_ORIGINS": ORIGIN, "CERTGATE_HUB": HUB,
        "CERTGATE_ACCESS_KEYS": KEY},
        f"sha256:{one.sha256} user=pump-7\n")
    handler = processes.Handler(configuration)
    server = SERVERS[options.server](base / options.server, configuration)
    print(f"{options.server} with certgate.fcgi on 127.0.0.1:{server.port}\n")
    show = Show(server.port, configuration)
    play(show, configuration, one, two)
    show.good &= explain(options.build.resolve(), configuration, two)
    print("\nall as it should be" if show.good else
          "\nNOT all as it should be; the log:\n" +
          configuration.log_since(0))
    if options.stay:
        stay(server, configuration, one)
    server.close()
    handler.close()
    return 0 if show.good else 1


sys.exit(main())
