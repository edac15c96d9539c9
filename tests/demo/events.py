# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The first part: the events of the service, played to the web server."""
import json
import re

from harness import cases, http, place
import table

ORIGIN = "demo.webpubsub.azure.com"
KEY = "demo-access-key-of-nobody012"
HUB = "demo"


def meaning(status):
    """What the service does with an answer to connect."""
    if status in (200, 204):
        return "client is connected"
    if 400 <= status < 500 and status != 408:
        return "client is refused"
    return "tried again, then refused"


class Events:
    """Plays events and prints a line for each."""

    def __init__(self, port, configuration):
        self.port = port
        self.configuration = configuration
        self.table = table.Table("what was sent", "what the service does")
        self.table.head()

    def send(self, method, headers, body=b""):
        before = self.configuration.log_size()
        answer = http.exchange(self.port, http.request_bytes(
            method, "/eventhandler", headers, body))
        found = re.findall(r"verdict=\S+ reason=(\S+)",
                           self.configuration.log_since(before))
        return answer, found[-1] if found else "-"

    def validation(self, origin, status, reason):
        answer, got = self.send("OPTIONS", {
            "Host": "localhost", "WebHook-Request-Origin": origin})
        agreed = answer.header("WebHook-Allowed-Origin") == origin
        self.table.line(f"validation from {origin}"[:44], answer.status,
                        "events are posted" if agreed else
                        "no events are posted", got, answer.status == status and
                        got == reason and agreed == (status == 200))

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
        self.table.line(text, answer.status, does, got, good)

    def notify(self, text, kind, body):
        answer, got = self.send("POST", cases.event_headers(
            kind, cases.CONNECTION, HUB, KEY,
            {"WebHook-Request-Origin": ORIGIN}), body)
        self.table.line(text, answer.status, "nothing more",
                        "(one line a minute)",
                        answer.status == 204 and got == "-")


def rotate(events, old, new):
    """Both pins while the change is under way; whether it was loaded."""
    configuration = events.configuration
    configuration.write_list(f"sha256:{old.sha256} user=pump-7\n"
                             f"sha256:{new.sha256} user=pump-7 groups=plant\n")
    return place.wait_for(
        lambda: "list 2:" in configuration.log_since(0) or not tick(events))


def tick(events):
    """A request makes the handler look at its files; true, so that a wait
    goes on."""
    events.send("OPTIONS", {"Host": "localhost",
                            "WebHook-Request-Origin": ORIGIN})
    return True


def play(port, configuration, one, two):
    """Whether all was as it should be."""
    events = Events(port, configuration)
    forged = {"thumbprint": one.sha1, "content": two.content}
    events.validation(ORIGIN, 200, "validated")
    events.validation("stranger.example", 401, "origin")
    events.connect("connect, the allowed certificate", [one.element()], 200,
                   "listed", "pump-7")
    events.connect("connect, another certificate", [two.element()], 403,
                   "not-listed")
    events.connect("connect, no certificate", [], 403, "no-certificate")
    events.connect("connect, a forged label", [forged], 403, "label-mismatch")
    events.connect("connect, a wrong signature", [one.element()], 401,
                   "signature", key="another key")
    events.connect("MQTT 3.1.1 connect, another certificate",
                   [two.element()], 401, "not-listed", mqtt=4, code=5)
    events.connect("MQTT 5.0 connect, another certificate",
                   [two.element()], 401, "not-listed", mqtt=5, code=135)
    events.connect("MQTT 5.0 connect, the allowed certificate",
                   [one.element()], 200, "listed", "pump-7", mqtt=5)
    events.notify("connected", "azure.webpubsub.sys.connected", b"{}")
    events.notify("a message of the client", "azure.webpubsub.user.message",
                  b"hello")
    taken = rotate(events, one, two)
    events.connect("the other thumbprint rotated in: connect",
                   [two.element()], 200, "listed", "pump-7")
    events.connect("the first one still: connect", [one.element()], 200,
                   "listed", "pump-7")
    return taken and events.table.good
