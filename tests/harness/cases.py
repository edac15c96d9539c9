# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The tables in tests/cases as requests, settings and expectations."""
import base64
import datetime
import hashlib
import hmac
import json

from . import authorities, place

ORIGIN = "example.webpubsub.azure.com"
CONNECTION = "0f9c97a2f0bf4706afe87a14e0797b11"
KEY = "7aab239577fd4f24bc919802fb629f5f"


class Case:
    """One request and what must come of it.

    settings: name and value; list: text of the list, None if there is none;
    now: the time in seconds for the doors that can be told.
    """

    def __init__(self, name, settings, text, request, expected):
        self.name = name
        self.settings = settings
        self.list = text
        self.files = {}  # name and text of what the list names
        self.method = request["method"]
        self.path = request["path"]
        self.headers = request["headers"]
        self.body = body_of(request)
        self.length = request.get("raw_content_length")
        self.chunked = request.get("transfer") == "chunked"
        self.parameters = request.get("parameters", {})
        self.expected = expected
        self.now = 1893456000  # 2030-01-01

    def configuration(self):
        """Cases of equal configuration can share one handler."""
        return json.dumps([self.settings, self.list, self.files],
                          sort_keys=True)


def body_of(request):
    if "body_b64" in request:
        return base64.b64decode(request["body_b64"])
    if "body_repeat" in request:
        repeat = request["body_repeat"]
        return (repeat["text"] * repeat["count"]).encode()
    return request.get("body", "").encode()


def settings_of(config):
    """The settings that a configuration of the service's table stands for."""
    certificate = config["cert"]
    settings = {
        "CERTGATE_HUB": config["hub"],
        "CERTGATE_ORIGINS": ",".join(config["origins"]),
        "CERTGATE_SIGNATURE": config["signature"],
        "CERTGATE_REQUIRE_CONTENT":
            "yes" if certificate["require_content"] else "no",
    }
    if config["keys"]:
        settings["CERTGATE_ACCESS_KEYS"] = ",".join(config["keys"])
    if config.get("code"):
        settings["CERTGATE_CODE"] = config["code"]
    if config.get("entra"):
        settings["CERTGATE_REMOTE_USER"] = "*"
    if certificate.get("thumbprints"):
        settings["CLIENT_CERT_THUMBPRINT"] = \
            ",".join(certificate["thumbprints"])
    return settings


def service_cases():
    """The cases that the protocol asks for."""
    with open(place.CASES / "service.json", encoding="utf-8") as file:
        for row in json.load(file):
            certificate = row["config"]["cert"]
            is_ca = certificate["mode"] == "ca"
            case = Case(row["name"], settings_of(row["config"]),
                        "ca:@{folder}/ca.pem cn=*\n" if is_ca else None,
                        row["request"], row["expect"])
            if is_ca:
                case.files = {"ca.pem": certificate["ca_pem"]}
            now = certificate.get("now")
            if now:
                case.now = int(datetime.datetime.fromisoformat(
                    now.replace("Z", "+00:00")).timestamp())
            yield case


def certificates():
    with open(place.CASES / "certificates.json", encoding="utf-8") as file:
        return json.load(file)


def fill(value, known):
    """Replaces "@name.field" by what certificates.json has there, "@name" by
    that certificate as an event has it."""
    if isinstance(value, str) and value.startswith("@"):
        name, _, field = value[1:].partition(".")
        if field:
            return known[name][field]
        return {"thumbprint": known[name]["sha1"],
                "content": known[name]["pem"]}
    if isinstance(value, list):
        return [fill(v, known) for v in value]
    if isinstance(value, dict):
        return {k: fill(v, known) for k, v in value.items()}
    return value


def fill_text(text, known):
    """The same for every @{name.field} inside a text."""
    for name, fields in known.items():
        for field, value in fields.items():
            text = text.replace("@{%s.%s}" % (name, field), value)
    return text


def signature(key, connection):
    return "sha256=" + hmac.new(key.encode(), connection.encode(),
                                hashlib.sha256).hexdigest()


def event_headers(kind, connection=CONNECTION, hub="chat", key=KEY, more=None):
    """The headers of an event; more replaces, None in it takes away."""
    name = kind.rsplit(".", 1)[-1]
    headers = {
        "Host": "handler.example",
        "WebHook-Request-Origin": ORIGIN,
        "Content-Type": "application/json; charset=utf-8",
        "ce-specversion": "1.0",
        "ce-awpsversion": "1.0",
        "ce-type": kind,
        "ce-source": f"/hubs/{hub}/client/{connection}",
        "ce-id": "0",
        "ce-time": "2026-01-01T00:00:00Z",
        "ce-connectionId": connection,
        "ce-hub": hub,
        "ce-eventName": name,
        "ce-signature": signature(key, connection),
    }
    headers.update(more or {})
    return {n: v for n, v in headers.items() if v is not None}


def connect_body(presented, known, row):
    """presented: the value of clientCertificates; "absent" leaves it out."""
    body = {"claims": {}, "query": row.get("query", {}), "headers": {},
            "subprotocols": row.get("subprotocols", [])}
    if row.get("mqtt") is not None:
        body["mqtt"] = {"protocolVersion": row["mqtt"], "username": None,
                        "password": None, "userProperties": None}
    if presented != "absent":
        body["clientCertificates"] = fill(presented, known)
    return json.dumps(body)


def own_request(row, known):
    """The request of a row of own.json; see its first lines."""
    kind = row.get("type", "azure.webpubsub.sys.connect")
    method = row.get("method", "POST")
    if method == "OPTIONS":
        headers = {"Host": "handler.example",
                   "WebHook-Request-Origin": ORIGIN}
        headers.update(row.get("headers", {}))
        headers = {n: v for n, v in headers.items() if v is not None}
    else:
        headers = event_headers(kind, row.get("connection", CONNECTION),
                                row.get("hub", "chat"),
                                row.get("key", KEY), row.get("headers"))
    request = {"method": method, "path": row.get("path", "/eventhandler"),
               "headers": headers, "parameters": row.get("parameters", {})}
    for name in ("raw_content_length", "transfer", "body_repeat", "body_b64"):
        if name in row:
            request[name] = row[name]
    if "body" in row:
        request["body"] = fill_text(row["body"], known)
    elif method == "POST" and kind.endswith("sys.connect"):
        request["body"] = connect_body(
            row.get("certificates", ["@device"]), known, row)
    return request


def own_cases(name):
    """Cases of our own, of the table name."""
    known = certificates()
    with open(place.CASES / f"{name}.json", encoding="utf-8") as file:
        table = json.load(file)
    for row in table["cases"]:
        settings = dict(table["settings"])
        for key, value in row.get("settings", {}).items():
            settings[key] = value if value is None else \
                fill_text(value, known)
        settings = {n: v for n, v in settings.items() if v is not None}
        text = row.get("list")
        if text is not None:
            text = fill_text(text, known)
        expected = fill(row["expect"], known)
        case = Case(f"{name}/{row['name']}", settings, text,
                    own_request(row, known), expected)
        case.now = row.get("now", case.now)
        case.only_inprocess = "now" in row
        yield case


def authority_cases():
    """Certificates of CAs, made now: entries with ca: and what refuses."""
    for row in authorities.rows():
        body = json.dumps({
            "query": {}, "claims": {}, "headers": {}, "subprotocols": [],
            "clientCertificates": row.certificate.presented()})
        settings = {"CERTGATE_HUB": "chat", "CERTGATE_ORIGINS": ORIGIN,
                    "CERTGATE_ACCESS_KEYS": KEY, **row.settings}
        case = Case("authority/" + row.name, settings, row.list,
                    {"method": "POST", "path": "/eventhandler", "body": body,
                     "headers": event_headers("azure.webpubsub.sys.connect")},
                    row.expected())
        case.files = row.files
        case.now = int(authorities.NOW.timestamp())
        yield case


def all_cases():
    for case in service_cases():
        yield case
    for case in own_cases("own"):
        yield case
    for case in own_cases("decide"):
        yield case
    for case in authority_cases():
        yield case
