# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The shapes of what the service sends to event handlers, checked on recorded
requests.  Written from the protocol, with nothing of the emulator."""
import base64
import hashlib
import hmac
import json
import re

SYSTEM = {"connect", "connected", "disconnected"}
GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
HUB = r"[A-Za-z][A-Za-z0-9_`,.\[\]]{0,127}"
FORMS = {  # headers that each event has once
    "ce-specversion": r"1\.0",
    "ce-awpsversion": r"1\.0",
    "ce-type": r"azure\.webpubsub\.(sys|user)\.[A-Za-z][A-Za-z0-9_.-]*",
    "ce-source": r"/hubs/.+",
    "ce-signature": r"sha256=[0-9a-f]{64}(,sha256=[0-9a-f]{64})?",
    "ce-id": r"\d+",
    "ce-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "ce-connectionId": r"[!-~]+",
    "ce-hub": HUB,
    "ce-eventName": r"[A-Za-z][A-Za-z0-9_.-]{0,127}",
    "x-ms-client-request-id": GUID,
    "Content-Length": r"\d+",
    "Content-Type": r".+/.+",
}
AT_MOST_ONCE = ["ce-userId", "ce-subprotocol", "ce-connectionState",
                "ce-physicalConnectionId", "ce-sessionId", "Cookie"]
PEM = re.compile(r"-----BEGIN CERTIFICATE-----\r\n"
                 r"((?:[A-Za-z0-9+/=]{1,76}\r\n)+)"
                 r"-----END CERTIFICATE-----\Z")


def is_texts(value):
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def is_map_of_texts(value):
    return isinstance(value, dict) and all(map(is_texts, value.values()))


def certificate_faults(value):
    if not isinstance(value, list):
        return ["clientCertificates is not an array"]
    for one in value:
        if set(one) != {"thumbprint", "content"}:
            return [f"a certificate has {sorted(one)}"]
        found = PEM.match(one["content"])
        if not found:
            return [f"no PEM with CRLF and no last one: {one['content']!r}"]
        der = base64.b64decode(found[1].replace("\r\n", ""))
        if one["thumbprint"].lower() != hashlib.sha1(der).hexdigest():
            return ["the thumbprint is not the certificate's SHA-1"]
    return []


def is_properties(value):
    return value is None or (isinstance(value, list) and all(
        set(p) == {"name", "value"} for p in value))


def mqtt_connect_faults(mqtt):
    good = (isinstance(mqtt, dict) and
            mqtt.get("protocolVersion") in (4, 5) and
            {"username", "password", "userProperties"} <= set(mqtt) and
            is_properties(mqtt["userProperties"]))
    if good and mqtt["password"] is not None:
        base64.b64decode(mqtt["password"], validate=True)
    return [] if good else [f"mqtt of connect: {mqtt!r}"]


def connect_faults(body, is_mqtt):
    wanted = {"claims", "query", "headers", "subprotocols",
              "clientCertificates"} | ({"mqtt"} if is_mqtt else set())
    if set(body) != wanted:
        return [f"connect has the members {sorted(body)}"]
    found = [f"{n} is not a map of arrays of strings"
             for n in ("claims", "query", "headers")
             if not is_map_of_texts(body[n])]
    if not is_texts(body["subprotocols"]):
        found.append("subprotocols is not an array of strings")
    if "access_token" in body["query"]:
        found.append("the token is in the query")
    if is_mqtt:
        found += mqtt_connect_faults(body["mqtt"])
    return found + certificate_faults(body["clientCertificates"])


def disconnected_faults(body, is_mqtt):
    wanted = {"reason"} | ({"mqtt"} if is_mqtt else set())
    if set(body) != wanted or not (body["reason"] is None or
                                   isinstance(body["reason"], str)):
        return [f"disconnected: {body!r}"]
    if not is_mqtt:
        return []
    packet = body["mqtt"].get("disconnectPacket", 0)
    good = set(body["mqtt"]) == {"initiatedByClient", "disconnectPacket"} and \
        isinstance(body["mqtt"]["initiatedByClient"], bool) and \
        (packet is None or
         (isinstance(packet, dict) and isinstance(packet["code"], int) and
          is_properties(packet["userProperties"])))
    return [] if good else [f"mqtt of disconnected: {body['mqtt']!r}"]


def body_faults(request, name, is_mqtt):
    if not re.fullmatch(r"application/json(; charset=utf-8)?",
                        request.header("Content-Type") or ""):
        return ["a system event is not JSON by its Content-Type"]
    try:
        body = json.loads(request.body)
    except ValueError:
        return [f"no JSON: {request.body[:200]!r}"]
    if not isinstance(body, dict):
        return ["the body is not an object"]
    if name == "connect":
        return connect_faults(body, is_mqtt)
    if name == "disconnected":
        return disconnected_faults(body, is_mqtt)
    return [] if body == {} else [f"connected: {body!r}"]


class Shapes:
    """What is known of the service: its host, its keys, and the path to which
    the event of a hub goes, path(hub, event)."""

    def __init__(self, host, keys, path):
        self.host = host
        self.keys = keys
        self.path = path

    def signature(self, connection):
        return ",".join("sha256=" + hmac.new(
            k.encode(), connection.encode(), hashlib.sha256).hexdigest()
            for k in self.keys)

    def validation_faults(self, request):
        found = []
        for name in ("ce-signature", "Authorization", "Cookie", "ce-type"):
            if request.all(name):
                found.append(f"validation with {name}")
        if request.all("ce-awpsversion") != ["1.0"]:
            found.append("validation without ce-awpsversion")
        if request.body:
            found.append("validation with a body")
        return found

    def header_faults(self, request):
        found = [f"{n}: {request.all(n)}" for n, form in FORMS.items()
                 if len(request.all(n)) != 1 or
                 not re.fullmatch(form, request.header(n))]
        found += [f"{n} is there more than once" for n in AT_MOST_ONCE
                  if len(request.all(n)) > 1]
        for name, value in request.headers:
            if name.lower() != "ce-userid" and not value.isascii():
                found.append(f"{name} is not ASCII")
        return found

    def relation_faults(self, request):
        """How the headers fit together."""
        hub, name = request.header("ce-hub"), request.header("ce-eventName")
        connection = request.header("ce-connectionId")
        physical = request.header("ce-physicalConnectionId")
        kind = request.header("ce-type").split(".")[2]
        source = f"/hubs/{hub}/client/{connection}" + \
            (f"/{physical}" if physical else "")
        found = []
        if request.header("ce-source") != source:
            found.append(f"ce-source {request.header('ce-source')}")
        if request.header("ce-type") != f"azure.webpubsub.{kind}.{name}" or \
                (kind == "sys") != (name in SYSTEM):
            found.append(f"ce-type {request.header('ce-type')} of {name}")
        if request.all("ce-signature") != [self.signature(connection)]:
            found.append(f"ce-signature {request.all('ce-signature')}")
        if request.path != self.path(hub, name):
            found.append(f"sent to {request.path}")
        if bool(physical) != (request.header("ce-subprotocol") == "mqtt"):
            found.append("MQTT has physicalConnectionId and subprotocol")
        if name == "connect" and not physical and \
                request.header("ce-subprotocol") is not None:
            found.append("connect of a WebSocket with ce-subprotocol")
        if bool(request.header("ce-sessionId")) != \
                (bool(physical) and name != "connect"):
            found.append(f"ce-sessionId on {name}")
        return found

    def faults(self, request):
        """What is wrong with one request."""
        found = []
        if request.all("WebHook-Request-Origin") != [self.host]:
            found.append("WebHook-Request-Origin: "
                         f"{request.all('WebHook-Request-Origin')}")
        if request.version != "HTTP/1.1":
            found.append(request.version)
        if request.method in ("OPTIONS", "GET"):
            return found + self.validation_faults(request)
        if request.method != "POST":
            return [f"method {request.method}"]
        found += self.header_faults(request)
        if found:
            return found
        found = self.relation_faults(request)
        if request.header("ce-type").startswith("azure.webpubsub.sys."):
            found += body_faults(
                request, request.header("ce-eventName"),
                request.header("ce-physicalConnectionId") is not None)
        return found

    def order_faults(self, requests):
        """Ids count from 0 for each connection; a repetition is the same."""
        found, known = [], {}
        for request in requests:
            if request.method != "POST":
                continue
            connection = (request.header("ce-connectionId"),
                          request.header("ce-physicalConnectionId"))
            number = int(request.header("ce-id"))
            same = (request.header("x-ms-client-request-id"), request.body,
                    request.header("ce-type"))
            ids = known.setdefault(connection, {})
            if ids.setdefault(number, same) != same:
                found.append(f"{connection} {number} is there twice")
            if (number == 0) != (request.header("ce-eventName") == "connect"):
                found.append(f"{connection}: {number} is "
                             f"{request.header('ce-eventName')}")
        for connection, ids in known.items():
            if sorted(ids) != list(range(len(ids))):
                found.append(f"{connection} has the ids {sorted(ids)}")
        return found
