#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The emulator under valgrind, through a day of its life: clients of every kind
accepted, refused, and closed by either side, servers, and handlers that fail.  No
error, and nothing of its own is lost; what its libraries lose, libraries.supp
names."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import emulator, identities, mqtt, place, processes  # noqa: E402
from harness import recorder, tap, websocket  # noqa: E402

SUPPRESSIONS = ["/usr/share/glib-2.0/valgrind/glib.supp",
                place.SOURCE / "tests/emulator/libraries.supp"]
HOST = "test.webpubsub.azure.com"
KEY = "the-only-key-of-nobody01"
JSON = "json.webpubsub.azure.v1"
CONNECT = "azure.webpubsub.sys.connect"
ROUNDS = 5  # what is lost once each time stands out


def script(request):
    """Accepts by one path, and fails by another."""
    if request.method == "OPTIONS":
        return 200, [("WebHook-Allowed-Origin", "*")], b""
    if "/broken" in request.path:
        return 200, [("Content-Type", "application/json")], b"{"
    if request.header("ce-type") != CONNECT:
        return 200, [("Content-Type", "text/plain")], b"heard"
    if b'"clientCertificates":[]' in request.body:
        return 403, [], b"no"
    return 200, [("Content-Type", "application/json")], \
        b'{"userId":"pump-7","groups":["plant"],' \
        b'"roles":["webpubsub.sendToGroup","webpubsub.joinLeaveGroup"]}'


class Stage:
    def __init__(self):
        base = place.temporary()
        server = identities.Identity(base, "server", "DNS:localhost")
        self.good = identities.Identity(base, "pump-7")
        self.recorder = recorder.Recorder(script)
        url = f"http://127.0.0.1:{self.recorder.port}/"
        self.service = emulator.Emulator(
            base, server, [KEY], HOST,
            ["--hub", "plant", "--anonymous", "allow", "--handler", url,
             "--hub", "lab", "--anonymous", "allow", "--handler",
             url + "broken", "--hub", "office", "--handler", url],
            [processes.find("valgrind"), "--quiet", "--error-exitcode=99",
             "--leak-check=full", "--num-callers=40",
             "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
             *(f"--suppressions={path}" for path in SUPPRESSIONS)])
        self.port = self.service.port

    def open(self, identity, hub="plant", subprotocols=(), query="", **more):
        try:
            return websocket.WebSocket(
                self.port, f"/client/hubs/{hub}{query}", identity,
                subprotocols, **more)
        except websocket.Refused as e:
            return e.answer.status


def json_clients(stage):
    one, two, three = (stage.open(stage.good, "plant", [JSON])
                       for _ in range(3))
    ids = [c.json()["connectionId"] for c in (one, two, three)]
    for line in ({"type": "joinGroup", "group": "a", "ackId": 1},
                 {"type": "sendToGroup", "group": "a", "dataType": "json",
                  "data": {"x": [1, 2]}, "ackId": 2},
                 {"type": "event", "event": "e", "dataType": "text",
                  "data": "x", "ackId": 3},
                 {"type": "leaveGroup", "group": "a", "ackId": 4},
                 {"type": "ping"}, {"type": "nonsense"}):
        one.send(line)
    stage.service.rest("POST", "/api/hubs/plant/:send", b"\"x\"",
                       "application/json")
    stage.service.rest("PUT", f"/api/hubs/plant/groups/b/connections/{ids[1]}")
    stage.service.rest("DELETE", f"/api/hubs/plant/connections/{ids[1]}")
    one.close()
    three.socket.close()


def others(stage):
    plain = stage.open(stage.good)
    plain.send("hello")
    plain.send(b"\0\1")
    plain.receive()
    plain.close()
    for version in (4, 5):
        client = mqtt.Client(stage.port, "plant", stage.good, version)
        client.connect("device", "name", b"word", [("a", "b")]
                       if version == 5 else ())
        client.publish("$webpubsub/server/events/e", b"x", qos=1)
        client.receive()
        client.socket.close()
        client = mqtt.Client(stage.port, "plant", None, version)
        client.connect("device")
        client.socket.socket.close()


def refusals(stage):
    """Statuses, none of which is 101."""
    token = stage.service.client_token("office", sub="u", role=["r"])
    bearer = stage.open(stage.good, "office",
                        query="?access_token=" + token)
    bearer.close()
    return [stage.open(None), stage.open(stage.good, "lab"),
            stage.open(stage.good, "office"),
            stage.open(stage.good, "office", query="?access_token=a.b.c"),
            stage.open(stage.good, "nowhere"),
            stage.service.rest("POST", "/api/hubs/plant/:send", bearer="x.y.z")
            .status,
            stage.service.rest("POST", "/api/hubs/plant/:generateToken?userId=u"
                               ).status + 1]


def main():
    if not emulator.PROGRAM.exists():
        tap.skip_all("certgate-emulator is not built")
    out, stage = tap.Tap(), Stage()
    for number in range(ROUNDS):
        json_clients(stage)
        others(stage)
        got = refusals(stage)
        out.equal(got, [403, 500, 401, 401, 404, 401, 201],
                  f"round {number + 1}")
    left = stage.open(stage.good, "plant", [JSON])
    code = stage.service.close(seconds=120)
    left.socket.close()
    stage.recorder.close()
    out.result(code == 0, "no error, and nothing is lost", "\n".join(
        line for line in stage.service.trace().splitlines()
        if re.match("==", line)))
    out.done()


main()
