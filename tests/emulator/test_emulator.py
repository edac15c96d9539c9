#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The emulator, from clients with certificates through lighttpd to certgate,
and from there back; every request that it sends is recorded and checked."""
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import emulator, identities, mqtt, place, processes, recorder  # noqa: E402
from harness import shapes, tap, websocket  # noqa: E402

HOST = "test.webpubsub.azure.com"
KEYS = ["the-primary-key-of-nobody012", "the-secondary-key-of-nobody0"]
JSON = "json.webpubsub.azure.v1"
RELIABLE = "json.reliable.webpubsub.azure.v1"
EVENTS = "$webpubsub/server/events/"
REQUESTS = 200  # of each kind, checked against the protocol
HUBS = [f"visited{number}" for number in range(REQUESTS)]
KINDS = {  # the requests of visits() by what the protocol calls them
    "validation": r"",
    "connect": r"azure\.webpubsub\.sys\.connect",
    "connected": r"azure\.webpubsub\.sys\.connected",
    "disconnected": r"azure\.webpubsub\.sys\.disconnected",
    "user events": r"azure\.webpubsub\.user\..*",
}


class Stage:
    """Certgate behind lighttpd behind a recorder behind the emulator."""

    def __init__(self):
        self.out = tap.Tap()
        self.base = place.temporary()
        self.server = identities.Identity(self.base, "server",
                                   "DNS:localhost,IP:127.0.0.1")
        self.good = identities.Identity(self.base, "pump-7")
        self.other = identities.Identity(self.base, "pump-8")
        self.gate = processes.Configuration(
            self.base / "gate",
            {"CERTGATE_ORIGINS": HOST,
             "CERTGATE_ACCESS_KEYS": ",".join(KEYS)},
            f"sha256:{self.good.sha256} user=pump-7 groups=plant "
            "roles=joinLeaveGroup.plant,sendToGroup.plant\n")
        self.handler = processes.Handler(self.gate)
        self.lighttpd = processes.Lighttpd(self.base / "lighttpd", self.gate)
        self.recorder = recorder.Recorder(
            recorder.to_port(self.lighttpd.port))
        url = f"http://127.0.0.1:{self.recorder.port}/eventhandler/"
        self.service = emulator.Emulator(
            self.base, self.server, KEYS, HOST,
            ["--hub", "plant", "--anonymous", "allow",
             "--handler", url + "{hub}/{event}?code=secret%2F",
             "--hub", "office", "--handler", url + "{event}?hub={hub}",
             *(word for hub in HUBS for word in (
                 "--hub", hub, "--anonymous", "allow",
                 "--handler", url + "{event}?hub={hub}"))])
        self.port = self.service.port
        self.shapes = shapes.Shapes(HOST, KEYS, self.path)

    @staticmethod
    def path(hub, event):
        if hub == "plant":
            return f"/eventhandler/{hub}/{event}?code=secret%2F"
        return f"/eventhandler/{event}?hub={hub}"

    def open(self, identity=None, subprotocols=(), hub="plant", query=""):
        return websocket.WebSocket(self.port, f"/client/hubs/{hub}{query}",
                                   identity, subprotocols)

    def refusal(self, *arguments, **named):
        """Status and body with which a client is refused."""
        try:
            self.open(*arguments, **named).close()
        except websocket.Refused as e:
            return e.answer.status, e.answer.body
        return 101, b""

    def close(self):
        code = self.service.close()
        self.out.equal(code, 0, "the emulator ends with 0")
        self.recorder.close()
        self.lighttpd.close()
        self.handler.close()


def last_connect(stage):
    return json.loads(stage.recorder.events("connect")[-1].body)


def gate(stage):
    """The clients that are accepted."""
    out = stage.out
    client = stage.open(stage.good)
    out.equal(client.subprotocol, None, "allowed: no subprotocol is chosen")
    body = last_connect(stage)
    out.equal([c["thumbprint"] for c in body["clientCertificates"]],
              [stage.good.sha1], "allowed: the event has the certificate")
    client.send("hello")
    place.wait_for(lambda: stage.recorder.events("message"))
    message = stage.recorder.events("message")[0]
    out.equal((message.body, message.header("Content-Type"),
               message.header("ce-userId")),
              (b"hello", "text/plain", "pump-7"), "a message is an event")
    client.close()
    out.result(place.wait_for(
        lambda: stage.recorder.events("disconnected")),
        "the end of a client is an event")
    status, text = stage.refusal(stage.other)
    out.result(status == 403 and text.strip(),
               "another certificate: status and body of certgate", text)
    out.equal(stage.refusal(None)[0], 403, "no certificate: refused")
    out.equal(last_connect(stage)["clientCertificates"], [],
              "no certificate: the event has none")
    client = stage.open(stage.good, query="?b=1&b=%C3%A4&c")
    out.equal(last_connect(stage)["query"], {"b": ["1", "\u00e4"], "c": [""]},
              "the query is in the event")
    client.close()


def token(stage):
    """Hubs without anonymous clients."""
    out = stage.out
    out.equal(stage.refusal(stage.good, hub="office")[0], 401,
              "no token where one is needed")
    for name, bad in {
            "another key": emulator.token("x", "https://localhost"
                                          "/client/hubs/office"),
            "another hub": stage.service.client_token("plant"),
            "expired": stage.service.client_token("office", exp=1),
            "not yet": stage.service.client_token("office", nbf=2**40),
            "no algorithm": "eyJhbGciOiJub25lIn0.e30."}.items():
        out.equal(stage.refusal(stage.good, hub="office",
                                query=f"?access_token={bad}")[0], 401,
                  f"token: {name}")
    before = len(stage.recorder.events("connect"))
    good = stage.service.client_token("office", sub="olga", role=["a", "b"])
    client = stage.open(stage.good, hub="office",
                        query=f"?access_token={good}&x=1")
    event = stage.recorder.events("connect")[before]
    body = json.loads(event.body)
    out.equal((event.header("ce-userId"), body["claims"]["role"],
               body["query"]), ("olga", ["a", "b"], {"x": ["1"]}),
              "token: user and claims are in the event")
    client.close()
    out.equal(stage.refusal(stage.good, hub="none")[0], 404, "no such hub")


def json_client(stage):
    """The json subprotocol, with the roles that certgate grants."""
    out = stage.out
    a = stage.open(stage.good, ["other", JSON])
    hello = a.json()
    out.equal((a.subprotocol, hello["event"], hello["userId"]),
              (JSON, "connected", "pump-7"), "json: hello")
    b = stage.open(stage.good, [JSON])
    b.json()
    for request, answer in [
            ({"type": "ping"}, {"type": "pong"}),
            ({"type": "joinGroup", "group": "plant", "ackId": 1},
             {"type": "ack", "ackId": 1, "success": True}),
            ({"type": "joinGroup", "group": "plant", "ackId": 1}, "Duplicate"),
            ({"type": "joinGroup", "group": "others", "ackId": 2},
             "Forbidden"),
            ({"type": "sendToGroup", "group": "others", "ackId": 3,
              "dataType": "text", "data": "x"}, "Forbidden"),
            ({"type": "leaveGroup", "group": "others", "ackId": 4},
             "Forbidden"),
            ({"type": "event", "event": "alarm", "ackId": 5,
              "dataType": "binary", "data": "AAE="},
             {"type": "ack", "ackId": 5, "success": True})]:
        a.send(request)
        got = a.json()
        if isinstance(answer, str):
            got = got["error"]["name"]
        out.equal(got, answer, f"json: {request['type']}: {answer}"[:70])
    alarm = stage.recorder.events("alarm")[0]
    out.equal((alarm.body, alarm.header("Content-Type"),
               alarm.header("ce-subprotocol")),
              (b"\0\1", "application/octet-stream", JSON),
              "json: an event of its own name")
    a.send({"type": "sendToGroup", "group": "plant", "dataType": "json",
            "data": {"n": [1, None]}, "noEcho": True, "ackId": 6})
    out.equal(a.json(), {"type": "ack", "ackId": 6, "success": True},
              "json: the sender gets no echo")
    out.equal(b.json(), {"type": "message", "from": "group", "group": "plant",
                         "fromUserId": "pump-7", "dataType": "json",
                         "data": {"n": [1, None]}},
              "json: the group granted by certgate gets it")
    a.send("[" * 100000)
    out.equal((a.json() or {}).get("event"), "disconnected",
              "json: what is invalid ends the connection")
    b.close()


def came_back(stage, hello, token=None):
    """A second socket of the connection in hello."""
    return stage.open(stage.other, [RELIABLE],
                      query=f"?awps_connection_id={hello['connectionId']}"
                            f"&awps_reconnection_token="
                            f"{token or hello['reconnectionToken']}")


def reliable_client(stage):
    """Messages are numbered and kept until they are acknowledged; a client
    that comes back raises no event."""
    out = stage.out
    a = stage.open(stage.good, [RELIABLE, JSON])
    hello = a.json()
    out.equal((a.subprotocol, len(hello["reconnectionToken"])),
              (RELIABLE, 32), "reliable: hello")
    path = f"/api/hubs/plant/connections/{hello['connectionId']}/:send"
    for number in (1, 2):
        stage.service.rest("POST", path, b"%d" % number, "text/plain")
        got = a.json()
        out.equal((got["sequenceId"], got["data"]), (number, str(number)),
                  f"reliable: message {number}")
    a.send({"type": "sequenceAck", "sequenceId": 1})
    a.send({"type": "ping"})
    a.json()
    connects = len(stage.recorder.events("connect"))
    a.socket.close()
    out.result(place.wait_for(lambda: "ConnectionLost" in
                              stage.service.trace()),
               "reliable: the trace has the loss")
    stage.service.rest("POST", path, b"3", "text/plain")
    wrong = came_back(stage, hello, "0" * 32)
    wrong.receive()
    out.equal(wrong.closed, 1008, "reliable: a wrong token closes with 1008")
    b = came_back(stage, hello)
    back = b.json()
    out.equal((back["event"], back["connectionId"]),
              ("connected", hello["connectionId"]), "reliable: back")
    out.equal([b.json()["data"] for _ in range(2)], ["2", "3"],
              "reliable: what was not acknowledged comes again")
    c = came_back(stage, hello)
    c.json()
    b.receive()
    out.equal(b.closed, 1008, "reliable: a newer socket closes the older one")
    out.equal((len(stage.recorder.events("connect")),
               "ConnectionRecovered" in stage.service.trace()),
              (connects, True), "reliable: no second connect event")
    c.send({"type": "sequenceAck", "sequenceId": 1 << 60})
    c.close()
    gone = came_back(stage, hello)
    gone.receive()
    out.equal(gone.closed, 1008, "reliable: after its end there is no return")
    stage.open(stage.good, ["protobuf.webpubsub.azure.v1"]).close()
    out.result("SubprotocolIgnored" in stage.service.trace(),
               "the trace has a subprotocol that nothing speaks")
    try:
        websocket.WebSocket(stage.port, "/clients/mqtt/hubs/plant", stage.good,
                            ["mqttv3.1"]).close()
    except websocket.Refused as e:
        out.equal(e.answer.status, 400, "MQTT needs the subprotocol mqtt")
    out.result("status=400: the client does not offer the subprotocol mqtt"
               in stage.service.trace(), "and the trace has that")


def rest(stage):
    """Servers look, send and close."""
    out, call = stage.out, stage.service.rest
    a, b = stage.open(stage.good, [JSON]), stage.open(stage.good)
    mine = a.json()["connectionId"]
    at = "/api/hubs/plant"
    for method, path, status in [
            ("GET", "/api/health", 200), ("HEAD", "/api/health", 200),
            ("HEAD", f"{at}/connections/{mine}", 200),
            ("HEAD", f"{at}/connections/none", 404),
            ("HEAD", f"{at}/users/pump-7", 200),
            ("HEAD", f"{at}/users/pump-8", 404),
            ("HEAD", f"{at}/groups/plant", 200),
            ("HEAD", f"{at}/groups/none", 404),
            ("PUT", f"{at}/groups/x%2Fy/connections/{mine}", 200),
            ("HEAD", f"{at}/groups/x%2Fy", 200),
            ("DELETE", f"{at}/groups/x%2Fy/connections/{mine}", 204),
            ("HEAD", f"{at}/groups/x%2Fy", 404),
            ("PUT", f"{at}/permissions/sendToGroup/connections/{mine}"
             "?targetName=q", 200),
            ("HEAD", f"{at}/permissions/sendToGroup/connections/{mine}"
             "?targetName=q", 200),
            ("HEAD", f"{at}/permissions/sendToGroup/connections/{mine}", 404),
            ("POST", "/api/hubs/none/:closeConnections", 404),
            ("PATCH", f"{at}/users/x", 405), ("GET", "/api/none", 404)]:
        out.equal(call(method, path).status, status, f"REST: {method} {path}"
                  .replace(mine, "MINE"))
    for name, named in {"another key": {"key": "x"},
                        "no token": {"bearer": ""},
                        "the token of another path": {"bearer": emulator.token(
                            KEYS[0], "https://localhost/api")}}.items():
        out.equal(call("HEAD", f"{at}/users/pump-7", **named).status, 401,
                  f"REST: {name}")
    out.equal(call("HEAD", f"{at}/users/pump-7", key=KEYS[1]).status,
              200, "REST: the secondary key")
    for path, receiver in [(":send", "all"), ("users/pump-7/:send", "the user"),
                      ("groups/plant/:send", "the group")]:
        out.equal(call("POST", f"{at}/{path}", b"to " + receiver.encode(),
                       "text/plain").status, 202, f"REST: send to {receiver}")
        out.equal((a.json()["data"], b.receive()[1]),
                  (f"to {receiver}", b"to " + receiver.encode()),
                  f"REST: {receiver} got it")
    out.equal(call("POST", f"{at}/:send", b"{", "application/json").status,
              400, "REST: invalid JSON")
    out.equal(call("POST", f"{at}/:send", b"x" * ((1 << 20) + 1),
                   "text/plain").status, 413, "REST: too long")
    answer = call("POST", f"{at}/:generateToken?userId=u&role=r")
    made = json.loads(answer.body)["token"]
    before = len(stage.recorder.events("connect"))
    stage.open(stage.good, query=f"?access_token={made}").close()
    out.equal(stage.recorder.events("connect")[before].header("ce-userId"),
              "u", "REST: a generated token opens the hub")
    out.equal(call("DELETE", f"{at}/connections/{mine}?reason=bye").status,
              204, "REST: close a connection")
    out.equal((a.json(), a.receive()[0]),
              ({"type": "system", "event": "disconnected", "message": "bye"},
               websocket.CLOSE), "REST: it gets the reason and is closed")
    out.equal(call("POST", f"{at}/users/pump-7/:closeConnections").status, 204,
              "REST: close a user")
    out.equal(b.receive()[0], websocket.CLOSE, "REST: the user is gone")
    out.equal(call("HEAD", f"{at}/users/pump-7").status, 404,
              "REST: no user of that name is left")


def mqtt_clients(stage):
    out = stage.out
    for version, code in [(4, 5), (5, 135)]:
        client = mqtt.Client(stage.port, "plant", stage.other, version)
        out.equal(client.connect("pump-8")[0], code,
                  f"MQTT {version}: another certificate, code {code}")
        out.equal(client.receive(), None, f"MQTT {version}: and closed")
        client = mqtt.Client(stage.port, "plant", stage.good, version)
        got, found = client.connect(f"pump-{version}", "name", b"\0word",
                                    [("a", "b")] if version == 5 else ())
        out.equal(got, 0, f"MQTT {version}: allowed")
        body = last_connect(stage)["mqtt"]
        out.equal((body["protocolVersion"], body["username"], body["password"],
                   body["userProperties"]),
                  (version, "name", "AHdvcmQ=", [{"name": "a", "value": "b"}]
                   if version == 5 else None),
                  f"MQTT {version}: the event has what CONNECT has")
        client.send(12, b"")
        out.equal(client.receive(), (mqtt.PINGRESP, 0, b""),
                  f"MQTT {version}: ping")
        client.publish(EVENTS + "heat", b"42", 1, b"\x09\0\1c" + b"\x03" +
                       mqtt.text("text/csv") + mqtt.pairs([("k", "v")])
                       if version == 5 else b"")
        out.equal(client.receive()[0], mqtt.PUBACK, f"MQTT {version}: PUBACK")
        topic, _, found = client.read_publish()
        out.equal(topic, EVENTS + "heat/succeeded",
                  f"MQTT {version}: the event succeeded")
        heat = stage.recorder.events("heat")[-1]
        if version == 5:
            out.equal((found["user"], found["correlation"],
                       heat.header("Content-Type"), heat.header("mqtt-k")),
                      ([("azure-status-code", "204")], b"c", "text/csv", "v"),
                      "MQTT 5: properties both ways")
        out.equal(heat.header("ce-connectionId"), f"pump-{version}",
                  f"MQTT {version}: the client id is the connection id")
        client.publish("plant/x", b"", 2)
        if version == 5:
            out.equal(client.receive()[0:3:2], (mqtt.DISCONNECT, client_end(
                0x9b, "The PUBLISH packet is refused.")), "MQTT 5: no QoS 2")
        out.equal(client.receive(), None, f"MQTT {version}: closed for QoS 2")
    client = mqtt.Client(stage.port, "plant", stage.good, 5)
    out.result(client.connect("")[1].get("assigned"), "MQTT 5: an id is given")
    client.send(mqtt.DISCONNECT, b"\x04")
    place.wait_for(lambda: stage.recorder.events("disconnected")[-1].body
                   .find(b'"code":4') > 0)
    out.equal(json.loads(stage.recorder.events("disconnected")[-1].body)
              ["mqtt"], {"initiatedByClient": True, "disconnectPacket":
                         {"code": 4, "userProperties": None}},
              "MQTT 5: the packet is in the event")


def client_end(code, reason):
    properties = b"\x1f" + mqtt.text(reason)
    return bytes([code]) + mqtt.number(len(properties)) + properties


def limits(stage):
    out = stage.out
    client = stage.open(stage.good)
    try:
        client.send("x" * ((1 << 20) + 1))
    except OSError:
        pass
    client.receive()
    out.result(client.closed in (1009, 1006), "a frame above 1 MiB",
               client.closed)
    client = mqtt.Client(stage.port, "plant", stage.good, 5)
    client.socket.send(b"\x10\xff\xff\xff\xff\x7f")
    out.equal(client.receive(), None, "MQTT: a length that is invalid")
    client = mqtt.Client(stage.port, "plant", stage.good, 5)
    client.publish(EVENTS + "x", b"")
    out.equal(client.receive(), None, "MQTT: no CONNECT")
    with websocket.tls(stage.port) as s:
        s.sendall(b"GET /client/hubs/plant HTTP/1.1\r\nHost: x\r\n\r\n")
        out.equal(s.recv(12), b"HTTP/1.1 400", "no WebSocket request")
    out.result(stage.service.rest("GET", "/api/health").status == 200,
               "it is still there")


def visit(stage, number):
    """Four clients connect, send an event and leave.  Each has a hub of its own,
    whose handler is validated first."""
    hubs = iter(HUBS[4 * number:])
    for subprotocols in ([], [JSON]):
        client = stage.open(stage.good, subprotocols, next(hubs))
        if subprotocols:
            client.json()
            client.send({"type": "event", "event": "visit", "ackId": 1,
                         "dataType": "json", "data": number})
            client.json()
        else:
            client.send(str(number))
        client.close()
    for version in (4, 5):
        client = mqtt.Client(stage.port, next(hubs), stage.good, version)
        client.connect(f"visit-{version}-{number}")
        client.publish(EVENTS + "visit", str(number).encode(), 1)
        client.receive()
        client.send(mqtt.DISCONNECT, b"")
        client.receive()


def visits(stage):
    """REQUESTS of each kind; a quarter of the events is of plain clients, one of
    json.webpubsub.azure.v1, and one of each version of MQTT."""
    for number in range(REQUESTS // 4):
        visit(stage, number)
    place.wait_for(lambda: all(number_of(stage, kind) >= REQUESTS
                               for kind in KINDS), seconds=60)


def number_of(stage, kind):
    return sum(bool(re.fullmatch(KINDS[kind], r.header("ce-type") or ""))
               for r in list(stage.recorder.requests))


def recorded(stage):
    """All that the handler was sent, against the protocol's shapes."""
    out, requests = stage.out, list(stage.recorder.requests)
    found = [f"{f}: {r}" for r in requests for f in stage.shapes.faults(r)]
    out.result(not found, f"{len(requests)} recorded requests have the "
               "shapes of the protocol", "\n".join(found[:10]))
    out.result(not stage.shapes.order_faults(requests),
               "ids count up for each connection",
               stage.shapes.order_faults(requests))
    for kind in KINDS:
        out.result(number_of(stage, kind) >= REQUESTS,
                   f"{kind}: at least {REQUESTS} requests",
                   number_of(stage, kind))
    kinds = {r.header("ce-eventName") or r.method for r in requests}
    out.result({"connect", "connected", "disconnected", "message", "OPTIONS",
                "heat"} <= kinds, "events of every kind are among them", kinds)
    planted = 0
    for request in spoilt(stage.recorder.events("connect")[0]):
        planted += 1
        if not stage.shapes.faults(request):
            out.result(False, "a planted fault is found", repr(request))
    out.result(planted > 15, "planted faults are found", planted)


def spoilt(good):
    """Copies of a connect event with one fault each."""
    def copy(headers=good.headers, body=good.body, method="POST"):
        return recorder.Request(method, good.path, good.version, headers, body)
    for name, value in good.headers:
        if name in ("Connection", "Host"):
            continue
        yield copy([h for h in good.headers if h[0] != name])
        yield copy(good.headers + [(name, value)])
    yield copy(good.headers + [("ce-subprotocol", JSON)])
    for old, new in [(b"\\r\\n", b"\\n"), (b'"claims"', b'"claim"'),
                     (b"END CERTIFICATE-----", b"END CERTIFICATE-----\\r\\n"),
                     (b'"subprotocols":[]', b'"subprotocols":null'),
                     (b'"thumbprint":"', b'"thumbprint":"0')]:
        yield copy(body=good.body.replace(old, new))
    yield copy(method="PUT")


def trace(stage):
    text = stage.service.trace()
    for word in ["for development", "AbuseProtectionPassed",
                 "HttpHandlerUnexpectedResponse", "HttpHandlerResponse"]:
        stage.out.result(word in text, f"the trace says {word}")
    for secret in KEYS + ["code=", "access_token", "eyJ", "BEGIN"]:
        stage.out.result(secret not in text,
                         f"no secret is in the trace: {secret[:8]}")


def manual(stage):
    """The page has what the program has."""
    folder = place.SOURCE / "emulator"
    page = (folder / "certgate-emulator.1").read_text()
    source = "".join(p.read_text() for p in sorted(folder.glob("*.c")))
    names = set(re.findall(
        r'"((?:AbuseProtection|Connection|HttpHandler|Rest|Subprotocol)[A-Za-z]+)"',
        source))
    described = set(re.findall(r"Li ((?:[A-Z][a-z]+){2,})(?![\w-])", page))
    stage.out.equal(described, names, "manual: the names in the trace")
    usage = subprocess.run([emulator.PROGRAM, "--help"], capture_output=True,
                           text=True, check=True).stdout
    stage.out.equal(set(re.findall(r"(?:Fl|\|) -([a-z-]+)", page)),
                    set(re.findall(r"--([a-z-]+)", usage)),
                    "manual: the options")
    taken = set(re.findall(r'"--([a-z-]+)"', source))
    stage.out.equal(taken, set(re.findall(r"--([a-z-]+)", usage)),
                    "usage: the options")
    for arguments, code in [(["--hub"], 2), (["--none", "x"], 2), ([], 2)]:
        done = subprocess.run([emulator.PROGRAM, *arguments],
                              capture_output=True, check=False)
        stage.out.equal(done.returncode, code, f"exit code of {arguments}")
    tour = (folder / "README.md").read_text()
    missing = [p.stem for p in folder.glob("*.[ch]")
               if f"`{p.stem}`" not in tour]
    stage.out.equal(missing, [], "emulator/README.md has every file")


def main():
    if not emulator.PROGRAM.exists():
        print("1..0 # SKIP the emulator is not built")
        return
    stage = Stage()
    for part in (gate, token, json_client, reliable_client, rest, mqtt_clients,
                 limits, trace, visits, recorded, manual):
        part(stage)
    stage.close()
    stage.out.done()


main()
