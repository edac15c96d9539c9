# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The second part: the whole path.  Clients with certificates connect to
certgate-emulator, in the service's place, which posts their events to the web
server; one is denied while it is connected."""
import re
import subprocess

from harness import emulator, identities, place, websocket
from events import HUB, KEY, ORIGIN
import table

JSON = "json.webpubsub.azure.v1"
PATH = f"/client/hubs/{HUB}"


class Story:
    def __init__(self, folder, build, server, configuration):
        self.folder = folder
        self.build = build
        self.configuration = configuration
        self.certificate = identities.Identity(folder, "service",
                                               "DNS:localhost,IP:127.0.0.1")
        self.stranger = identities.Identity(folder, "stranger")
        self.service = emulator.Emulator(
            folder, self.certificate, [KEY], ORIGIN,
            ["--hub", HUB, "--anonymous", "allow", "--handler",
             f"http://127.0.0.1:{server.port}/eventhandler"])
        self.table = table.Table("what clients do", "what becomes of it")
        self.good = True

    def administer(self, *words, wanted):
        """Runs certgate, shown as it is typed."""
        print(f"\n$ certgate {' '.join(words)}", flush=True)
        done = subprocess.run(
            [self.build / "certgate", *words], check=False, cwd=self.folder,
            capture_output=True, text=True,
            env=self.configuration.environment())
        good = done.returncode == 0 and wanted in done.stdout
        print(done.stdout + ("" if good else done.stderr), end="", flush=True)
        self.good &= good

    def open(self, identity, text, status, reason, user=None):
        """A line of the table; the client, if it is in."""
        before = self.configuration.log_size()
        try:
            client = websocket.WebSocket(self.service.port, PATH, identity,
                                         [JSON])
            got, name = 101, client.json()["userId"]
        except websocket.Refused as e:
            client, got, name = None, e.answer.status, None
        place.wait_for(lambda: self.reason(before))
        self.table.line(text, got,
                        f"connected as {name}" if client else "stays outside",
                        self.reason(before), got == status and name == user and
                        self.reason(before) == reason)
        return client

    def reason(self, before):
        found = re.findall(r"reason=(\S+) event=connect ",
                           self.configuration.log_since(before))
        return found[-1] if found else None

    def seen(self, text, does, good):
        self.table.line(text, "", does if good else "nothing of that", "",
                        good)

    def wait_for_list(self, number):
        self.good &= place.wait_for(
            lambda: f"list {number}:" in self.configuration.log_since(0))

    def ended(self):
        return self.good and self.table.good


def connect(story, one, two):
    first = story.open(one, "valve-1 connects, with its certificate", 101,
                       "listed", "valve-1")
    second = story.open(two, "valve-2 connects, with its certificate", 101,
                        "listed", "valve-2")
    story.open(story.stranger, "a client with another certificate", 403,
               "not-listed")
    story.open(None, "a client without one", 403, "no-certificate")
    return first, second


def talk(story, first, second):
    first.send({"type": "event", "event": "reading", "dataType": "text",
                "data": "7", "ackId": 1})
    story.seen("valve-1 sends a reading", "the handler has it",
               first.json().get("success") is True)
    first.send({"type": "sendToGroup", "group": "valves", "dataType": "text",
                "data": "hello", "ackId": 2})
    heard = second.json()
    story.seen("valve-1 says hello to its group", "valve-2 hears it",
               (heard.get("data"), heard.get("fromUserId")) ==
               ("hello", "valve-1"))


def is_closed(client):
    """Ignore earlier messages."""
    try:
        while client.receive()[0] != websocket.CLOSE:
            pass
        return True
    except TimeoutError:
        return False


def play(story, ca, one, two):
    """Whether all was as it should be."""
    story.administer("allow", f"ca:{ca}", "cn=valve-*", "user=@cn",
                     "groups=valves", "roles=sendToGroup.valves",
                     wanted="allowed: line 3")
    story.wait_for_list(3)
    print()
    story.table.head()
    first, second = connect(story, one, two)
    if not first or not second:
        return False
    talk(story, first, second)
    story.administer(
        "deny", one.file.name, "--disconnect", "--endpoint",
        f"https://localhost:{story.service.port}", "--ca",
        story.certificate.file.name, wanted="closed: user valve-1")
    print()
    story.table.head()
    story.seen("valve-1, connected until now", "is dropped",
               is_closed(first))
    story.open(one, "valve-1 connects again", 403, "denied")
    second.send({"type": "ping"})
    story.seen("valve-2", "is still there",
               second.json() == {"type": "pong"})
    second.close()
    return story.ended()
