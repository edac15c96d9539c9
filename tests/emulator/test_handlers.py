#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The emulator against event handlers that answer in every way that the service
has a rule for.  Each hub has a handler of its own, which a table scripts."""
import concurrent.futures
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import emulator, identities, mqtt, place, recorder  # noqa: E402
from harness import shapes, tap, websocket  # noqa: E402

HOST = "test.webpubsub.azure.com"
KEYS = ["the-only-key-of-nobody01"]
JSON_TYPE = [("Content-Type", "application/json")]
TEXT = [("Content-Type", "text/plain")]
YES = (200, [("WebHook-Allowed-Origin", "*")], b"")
ACCEPT = (204, [], b"")


def says(status, body=b"", headers=()):
    if isinstance(body, dict):
        return status, JSON_TYPE + list(headers), json.dumps(body).encode()
    return status, list(headers), body


# hub: what it answers by method or event; a list is one answer after the other,
# the last for ever.
SCRIPTS = {
    "get": {"OPTIONS": says(404), "GET": YES, "connect": ACCEPT},
    "both": {"OPTIONS": says(404), "GET": says(404)},
    "noget": {"OPTIONS": says(405), "GET": YES},
    "comma": {"OPTIONS": says(200, headers=[
        ("WebHook-Allowed-Origin", f"{HOST}, other.example")])},
    "lines": {"OPTIONS": says(204, headers=[
        ("WebHook-Allowed-Origin", "other.example"),
        ("WebHook-Allowed-Origin", HOST.upper())]), "connect": ACCEPT},
    "none": {"OPTIONS": says(200)},
    "later": {"OPTIONS": [says(401), YES], "connect": ACCEPT},
    "busy": {"connect": says(503, b"busy", TEXT)},
    "slow": {"connect": says(408)},
    "once": {"connect": [says(500), ACCEPT]},
    "many": {"connect": says(429, b"wait", TEXT + [("Retry-After", "1")])},
    "teapot": {"connect": says(418, b"no entry", TEXT)},
    "moved": {"connect": says(302, headers=[("Location", "/x")])},
    "nojson": {"connect": says(200, b"{", JSON_TYPE)},
    "array": {"connect": says(200, b"[]", JSON_TYPE)},
    "nullrole": {"connect": says(200, {"roles": [None]})},
    "blank": {"connect": says(200, {"groups": [" "]})},
    "long": {"connect": says(200, {"groups": ["x" * 1025]})},
    "empty": {"connect": says(200, {"subprotocol": ""})},
    "custom": {"connect": says(200, {"subprotocol": "ocpp1.6",
                                     "userId": "s\u00fc\u00df"})},
    "nulls": {"connect": says(200, {"userId": None, "roles": None,
                                    "groups": None, "more": 1})},
    "clears": {"connect": says(200, {"roles": []})},
    "state": {"connect": says(204, headers=[
        ("ce-connectionState", "one"), ("Set-Cookie", "a=1; Path=/"),
        ("Set-Cookie", "b=2")]),
        "connected": says(204, headers=[("ce-connectionState", "never"),
                                        ("Set-Cookie", "b=3")]),
        "message": says(204, headers=[("ce-connectionState", "two")])},
    "text": {"message": says(200, "\u00e4".encode(), TEXT)},
    "json": {"message": says(200, {"a": 1})},
    "binary": {"message": says(200, b"\0\1",
                               [("Content-Type", "application/octet-stream")])},
    "untyped": {"message": says(200, b"\2")},
    "xml": {"message": says(200, b"<x/>", [("Content-Type", "text/xml")])},
    "badjson": {"message": says(200, b"{", JSON_TYPE)},
    "denied": {"message": says(403)},
    "failing": {"message": says(500)},
    "mqtt": {"connect": says(403, {"mqtt": {
        "code": 138, "reason": "banned", "userProperties": [
            {"name": "a", "value": "b"}]}})},
    "mqttlong": {"connect": says(403, {"mqtt": {
        "code": 135, "reason": "why " * 50}})},
    "mqttbad": {"connect": says(401, {"mqtt": {"code": 7}})},
    "mqtttext": {"connect": says(401, b"no")},
    "mqttyes": {"connect": says(200, {"mqtt": {"userProperties": [
        {"name": "a", "value": "b"}]}}),
        "alarm": says(409, b"why", TEXT + [("mqtt-cause", "heat")])},
}


class Stage:
    def __init__(self):
        self.out = tap.Tap()
        self.base = base = place.temporary()
        self.counts = {}
        self.down = place.free_port()
        self.recorder = recorder.Recorder(self.answer)
        server = identities.Identity(base, "server", "DNS:localhost")
        hubs = []
        url = f"http://127.0.0.1:{self.recorder.port}"
        for hub in SCRIPTS:
            hubs += ["--hub", hub, "--anonymous", "allow",
                     "--handler", url + "/{hub}/{event}"]
        hubs += ["--hub", "two", "--anonymous", "allow",
                 "--handler", url + "/first", "--system-events", "connect",
                 "--user-events", "alarm",
                 "--handler", url + "/{EVENT}/second", "--system-events",
                 "connect,disconnected", "--user-events", "alarm,message"]
        hubs += ["--hub", "silent", "--anonymous", "allow"]
        hubs += ["--hub", "down", "--anonymous", "allow", "--handler",
                 f"http://127.0.0.1:{self.down}/"]
        self.service = emulator.Emulator(base, server, KEYS, HOST, hubs)
        self.shapes = shapes.Shapes(HOST, KEYS, lambda hub, event:
                                    f"/{hub}/{event}")

    def answer(self, request):
        hub = request.path.split("/")[1]
        name = request.header("ce-eventName") or request.method
        scripted = SCRIPTS.get(hub, {}).get(
            name, ACCEPT if request.method == "POST" else YES)
        if isinstance(scripted, list):
            count = self.counts.get((hub, name), 0)
            self.counts[hub, name] = count + 1
            return scripted[min(count, len(scripted) - 1)]
        return scripted

    def of(self, hub, name=None):
        """What the handler of a hub was sent, all or by event or method."""
        return [r for r in list(self.recorder.requests)
                if r.path.split("/")[1] == hub and
                name in (None, r.header("ce-eventName") or r.method)]

    def open(self, hub, subprotocols=(), query="", identity=None):
        return websocket.WebSocket(self.service.port,
                                   f"/client/hubs/{hub}{query}", identity,
                                   subprotocols)

    def status(self, hub, subprotocols=(), identity=None):
        """Status and body of the handshake; 101 if it succeeds."""
        try:
            self.open(hub, subprotocols, identity=identity).close()
        except websocket.Refused as e:
            return e.answer.status, e.answer.body
        return 101, b""


def validation(stage):
    out = stage.out
    for hub, status, methods, error in [
            ("get", 101, ["OPTIONS", "GET"], None),
            ("both", 500, ["OPTIONS", "GET"],
             "AbuseProtectionResponseInvalidStatusCode status=404"),
            ("noget", 500, ["OPTIONS"],
             "AbuseProtectionResponseInvalidStatusCode status=405"),
            ("comma", 500, ["OPTIONS"],
             "AbuseProtectionResponseMissingAllowedOrigin"),
            ("lines", 101, ["OPTIONS"], None),
            ("none", 500, ["OPTIONS"],
             "AbuseProtectionResponseMissingAllowedOrigin")]:
        got = stage.status(hub)[0]
        asked = [r.method for r in stage.of(hub) if r.method != "POST"]
        out.equal((got, asked[:len(methods)], "POST" in
                   [r.method for r in stage.of(hub)]),
                  (status, methods, status == 101), f"validation: {hub}")
        out.result(error is None or error in stage.service.trace(),
                   f"validation: {hub}: the error's name")
    out.equal(stage.status("lines")[0], 101, "validation: a second client")
    out.equal(len(stage.of("lines", "OPTIONS")), 1,
              "validation: a success is kept")
    out.equal(stage.status("later")[0], 500, "validation: refused at first")
    out.result(place.wait_for(lambda: stage.status("later")[0] == 101),
               "validation: asked again, and the handler is posted to")


def retries(stage):
    """Each takes nine seconds: all at once."""
    out = stage.out
    jobs = {"busy": (503, b"busy"), "slow": (408, b""), "once": (101, b""),
            "many": (429, b"wait"), "down": (500, None)}
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        results = dict(zip(jobs, pool.map(stage.status, jobs)))
    counts = {"busy": 4, "slow": 4, "once": 2, "many": 1}
    for hub, (status, body) in jobs.items():
        got = results[hub]
        out.equal(got[0], status, f"retries: {hub}: {status}")
        if body is not None:
            out.equal(got[1], body, f"retries: {hub}: the handler's body")
        if hub in counts:
            sent = stage.of(hub, "connect")
            same = {(r.header("ce-id"), r.body, r.header("ce-time"),
                     r.header("x-ms-client-request-id")) for r in sent}
            out.equal((len(sent), len(same)), (counts[hub], 1),
                      f"retries: {hub}: {counts[hub]} equal attempts")


def manual(stage):
    """certgate-emulator(1) has the numbers of the program, and how often a
    handler that is down was asked."""
    out = stage.out
    page = " ".join((place.SOURCE / "emulator/certgate-emulator.1").read_text(
        ).split())
    said = re.search(r"repeated after (\d+), (\d+) and (\d+) seconds\. It is "
                     r"not repeated later than (\d+) seconds after the start "
                     r"of a validation, or (\d+) seconds after that of an event",
                     page)
    source = {n: (place.SOURCE / f"emulator/{n}.c").read_text()
              for n in ("upstream", "validation", "event")}
    limits = [re.search(r"\bLIMIT_S = (\d+)", source[n])[1]
              for n in ("validation", "event")]
    pauses = re.search(r"pauses_s\[\] = { (.*) };", source["upstream"])[1]
    out.equal(list(said.groups()), pauses.split(", ") + limits,
              "manual: pauses and limits")
    out.result("for nine or ten seconds" in page and
               sum(map(int, said.groups()[:3])) == 9,
               "manual: how long a client waits")
    attempts = re.findall(rf":{stage.down}/ attempt=(\d+)",
                          stage.service.trace())
    # The fourth is at the limit, and may be cut off by it.
    out.equal(attempts[:3], ["1", "2", "3"],
              "manual: a handler that is down is asked again")
    out.equal(stage.status("down")[0], 500, "manual: 500 until it succeeds")
    trace = stage.service.trace()
    out.equal((len(re.findall("AbuseProtectionRefused .*hub=down", trace)),
               len(re.findall("HttpHandlerRequest .*hub=down", trace))),
              (2, 0), "manual: at once, and no event is sent")


def answers(stage):
    out = stage.out
    out.equal(stage.status("teapot"), (418, b"no entry"),
              "refusal: status and body are passed on")
    for hub in ("moved", "nojson", "array", "nullrole", "blank", "long",
                "empty"):
        out.equal(stage.status(hub)[0], 500, f"answer: {hub}: 500")
        out.equal(len(stage.of(hub, "connect")), 1,
                  f"answer: {hub}: asked once")
    client = stage.open("custom", ["a", "ocpp1.6"])
    out.equal(client.subprotocol, "ocpp1.6", "answer: a custom subprotocol")
    client.send("x")
    out.result(place.wait_for(lambda: stage.of("custom", "message")),
               "answer: its messages are events")
    message = stage.of("custom", "message")[0]
    out.equal((message.header("ce-subprotocol"), message.header("ce-userId")),
              ("ocpp1.6", "s\u00fc\u00df"),
              "answer: subprotocol and user in later events")
    client.close()
    out.equal(stage.status("custom", ["b"])[0], 500,
              "answer: a subprotocol that was not offered")
    out.result("chose a subprotocol that the client did not offer" in
               stage.service.trace(), "answer: the trace says so")
    for hub, kept in [("nulls", 1), ("clears", 0)]:
        token = stage.service.client_token(
            hub, sub="u", role=["webpubsub.joinLeaveGroup"])
        client = stage.open(hub, ["json.webpubsub.azure.v1"],
                            f"?access_token={token}")
        out.equal(client.json().get("userId"), "u",
                  f"answer: {hub}: the token's user stays")
        client.send({"type": "joinGroup", "group": "g", "ackId": 1})
        out.equal(client.json()["success"], bool(kept),
                  f"answer: {hub}: the token's roles")
        client.close()
    out.equal(stage.status("silent")[0], 101, "no handler: anonymous clients")
    certificate = identities.Identity(stage.base, "ghost", "DNS:ghost")
    out.equal(stage.status("silent", identity=certificate)[0], 101,
              "no handler: whatever certificate they have")


def memory(stage):
    """State and cookies of a connection."""
    out = stage.out
    client = stage.open("state")
    place.wait_for(lambda: re.search(
        "hub=state .*event=connected status=204", stage.service.trace()))
    for expected in ("one", "two"):
        count = len(stage.of("state", "message"))
        client.send("x")
        place.wait_for(lambda n=count: len(stage.of("state", "message")) > n)
        request = stage.of("state", "message")[-1]
        out.equal((request.all("ce-connectionState"),
                   sorted((request.header("Cookie") or "").split("; "))),
                  ([expected], ["a=1", "b=3"]), f"state {expected}, cookies")
    client.close()
    other = stage.open("state")
    out.equal(stage.of("state", "connect")[-1].all("Cookie"), [],
              "cookies are the connection's own")
    other.close()


def replies(stage):
    out = stage.out
    for hub, expected in [
            ("text", (websocket.TEXT, "\u00e4".encode())),
            ("json", (websocket.TEXT, b'{"a": 1}')),
            ("binary", (websocket.BINARY, b"\0\1")),
            ("untyped", (websocket.BINARY, b"\2"))]:
        client = stage.open(hub)
        client.send(b"\0")
        out.equal(client.receive(), expected, f"reply: {hub}")
        client.close()
    for hub in ("xml", "badjson", "denied", "silent"):
        client = stage.open(hub)
        client.send("x")
        client.receive()
        out.equal(client.closed, 1011, f"reply: {hub}: dropped")
        out.result(len(stage.of(hub, "message")) < 2, f"reply: {hub}: once")
    client = stage.open("failing")
    client.send("x")
    client.receive()
    out.equal((client.closed, len(stage.of("failing", "message"))), (1011, 4),
              "reply: a failing handler is asked four times, then dropped")


def handlers(stage):
    """The first that wants an event gets it."""
    client = stage.open("two", ["json.webpubsub.azure.v1"])
    client.json()
    for event in ("alarm", "message", "other"):
        client.send({"type": "event", "event": event, "dataType": "text",
                     "data": "x"})
    while client.closed is None:
        client.receive()
    place.wait_for(lambda: any(r.header("ce-eventName") == "disconnected"
                               for r in stage.of("disconnected")))
    got = [(r.path, r.header("ce-eventName"))
           for r in list(stage.recorder.requests)
           if r.method == "POST" and r.header("ce-hub") == "two"]
    stage.out.equal(got, [("/first", "connect"), ("/first", "alarm"),
                          ("/message/second", "message"),
                          ("/disconnected/second", "disconnected")],
                    "handlers: the first one; an unwanted event drops")


def mqtt_answers(stage):
    out, port = stage.out, stage.service.port
    for hub, version, expected in [
            ("mqtt", 5, (138, {"user": [("a", "b")], "reason": "banned"})),
            ("mqtt", 4, (3, {})), ("mqttbad", 5, (128, {"user": []})),
            ("mqttbad", 4, (3, {})), ("mqtttext", 5, (135, {"user": []})),
            ("mqtttext", 4, (5, {}))]:
        client = mqtt.Client(port, hub, None, version)
        out.equal(client.connect("c"), expected, f"MQTT {version}: {hub}")
    client = mqtt.Client(port, "mqttlong", None, 5)
    client.connect("c")
    out.result("hub=mqttlong connection=c connack=135" in
               stage.service.trace(), "MQTT 5: a long reason",
               stage.service.trace()[-300:])
    client = mqtt.Client(port, "mqttyes", None, 5)
    out.equal(client.connect("c")[1]["user"], [("a", "b")],
              "MQTT 5: user properties of an acceptance")
    client.publish("$webpubsub/server/events/alarm", b"x")
    topic, payload, found = client.read_publish()
    out.equal((topic, payload, found["user"], found["content_type"]),
              ("$webpubsub/server/events/alarm/failed", b"why",
               [("azure-status-code", "409"), ("cause", "heat")],
               "text/plain"), "MQTT 5: an event that fails")
    for version in (4, 5):
        unasked = mqtt.Client(port, "silent", None, version)
        out.equal(unasked.connect("c")[0], 0,
                  f"MQTT {version}: accepted where no handler is asked")
        unasked.send(12, b"")
        out.equal(unasked.receive(), (mqtt.PINGRESP, 0, b""),
                  f"MQTT {version}: and stays")
    other = mqtt.Client(port, "mqttyes", None, 5)
    out.equal(other.connect("c")[0], 0, "MQTT: the same client id again")
    out.equal(client.receive()[0], mqtt.DISCONNECT, "MQTT: it is taken over")
    client.publish("plant/x", b"")
    for filters, code in [("plant/#", 0xa2), ("plant/x", 0x87),
                          ("$webpubsub/server/events/alarm/failed", 0)]:
        other.send(8, b"\0\1\0" + mqtt.text(filters) + b"\0", 2)
        out.equal(other.receive(), (mqtt.SUBACK, 0, b"\0\1\0" +
                                    bytes([code])), f"MQTT: {filters}")
    for name in ("", "1", "alarm/failed", "a" * 129):
        other.publish(f"$webpubsub/server/events/{name}", b"", 1)
        out.equal(other.receive(), (mqtt.PUBACK, 0, b"\0\1\x90"),
                  f"MQTT: no event has the name {name[:12]!r}")


def recorded(stage):
    requests = [r for r in list(stage.recorder.requests)
                if not r.path.endswith(("first", "second"))]
    found = [f"{f}: {r}" for r in requests for f in stage.shapes.faults(r)]
    stage.out.result(not found, f"{len(requests)} recorded requests have the "
                     "shapes of the protocol", "\n".join(found[:10]))
    mixed = [r for r in requests if r.header("ce-connectionId") != "c"]
    stage.out.result(not stage.shapes.order_faults(mixed), "ids count up",
                     stage.shapes.order_faults(mixed))


def main():
    if not emulator.PROGRAM.exists():
        print("1..0 # SKIP the emulator is not built")
        return
    stage = Stage()
    for part in (validation, retries, manual, answers, memory, replies, handlers,
                 mqtt_answers, recorded):
        part(stage)
    stage.out.equal(stage.service.close(), 0, "the emulator ends with 0")
    stage.recorder.close()
    stage.out.done()


main()
