#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Real clients on the whole path: certgate-emulator, then lighttpd, Apache or
nginx, then certgate.  Accepted, refused, without a certificate, rotated, revoked,
MQTT, roles, two hubs."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import clients, emulator, identities, place  # noqa: E402
from harness import processes, tap  # noqa: E402
from harness.path import Path  # noqa: E402

SERVERS = {"lighttpd": processes.Lighttpd, "Apache": processes.Apache,
           "nginx": processes.Nginx}
UPGRADE = ["Connection: Upgrade", "Upgrade: websocket",
           "Sec-WebSocket-Version: 13",
           "Sec-WebSocket-Key: dGVzdHMgb2YgY2VydGdhdA=="]


class Story:
    """One path, and three devices: one is on the list for the hub plant, lab
    for the hub lab, other not at all."""

    def __init__(self, out, name, server):
        self.out = out
        self.name = name
        folder = place.temporary()
        self.path = Path(folder / "path", server, ["plant", "lab"], "")
        self.log = folder / "clients.log"
        self.one, self.other, self.lab = (
            identities.Identity(folder, name)
            for name in ("one", "other", "lab"))
        self.path.add(f"sha256:{self.one.sha256} user=pump-7 groups=all "
                      "roles=joinLeaveGroup.own,sendToGroup.own hub=plant")
        self.path.add(f"{self.lab.sha1} user=bench hub=lab")

    def show(self, good, what, seen=None):
        self.out.result(good, f"{self.name}: {what}",
                        f"seen {seen}\n{self.path.logs()}")

    def json(self, device, hub="plant"):
        return clients.json_client(self.path.url(hub), self.path.ca,
                                   clients.with_key(device), self.log)

    def outcome(self, device, hub="plant"):
        """How the vendor's client fares: a user, or a status."""
        client = self.json(device, hub)
        line = client.hear("connected", "refused", "failed") or {}
        client.end()
        return line.get("user") or line.get("status") or line.get("text")

    def becomes(self, wanted, device, hub="plant"):
        got = []

        def is_so():
            got.append(self.outcome(device, hub))
            return got[-1] == wanted
        place.wait_for(is_so, seconds=15)
        return got[-1]

    def equal(self, got, wanted, what):
        self.show(got == wanted, what, f"{got}, expected {wanted}")


def play_json(story):
    story.equal(story.becomes("pump-7", story.one), "pump-7",
                "the vendor's client is accepted")
    story.equal(story.outcome(story.other), 403, "with another certificate "
                                                 "it is refused")
    story.equal(story.outcome(None), 403, "without one it is refused")
    client = story.json(story.one)
    client.hear("connected")
    for line, wanted in (
            ({"line": "event", "name": "reading", "data": "7"}, None),
            ({"line": "join", "group": "own"}, None),
            ({"line": "join", "group": "others"}, "Forbidden"),
            ({"line": "send", "group": "own", "data": "hello"}, None),
            ({"line": "send", "group": "others", "data": "x"}, "Forbidden")):
        client.tell(**line)
        done = client.hear("done") or {}
        story.equal((done.get("did"), done.get("error")),
                    (line["line"], wanted),
                    f"{line['line']} {line.get('group', '')}")
    story.show(any(seen["is"] == "message" and seen.get("data") == "hello"
                   for seen in client.seen) or client.hear("message"),
               "its message to its group comes back", client.seen)
    story.equal(client.end(), 0, "it leaves")


def play_reliable(story):
    """The vendor's client as it comes: two of them, one of which loses its
    TCP connection and comes back without a connect event."""
    one, two = (clients.json_client(
        story.path.url("plant"), story.path.ca, clients.with_key(story.one),
        story.log, reliable=True) for _ in range(2))
    for client in (one, two):
        story.show((client.hear("connected", "failed") or {}).get("user") ==
                   "pump-7", "the vendor's client connects as it comes",
                   client.seen)
        client.tell("join", group="own")
        client.hear("done")
    one.tell("send", group="own", data="first")
    story.equal((two.hear("message") or {}).get("data"), "first",
                "a group message between two reliable clients")
    asked = story.path.connects()
    two.tell("cut")
    story.show(place.wait_for(lambda: "ConnectionLost" in
                              story.path.service.trace()),
               "the connection is lost")
    one.tell("send", group="own", data="second")
    one.hear("done")
    story.equal((two.hear("message") or {}).get("data"), "second",
                "what was sent meanwhile arrives")
    two.tell("send", group="own", data="third")
    for name, client in (("one", one), ("two", two)):
        while (client.hear("message") or {"data": "third"})["data"] != "third":
            pass
        story.equal([line["data"] for line in client.seen
                     if line["is"] == "message"],
                    ["first", "second", "third"],
                    f"{name} has each message once, in order")
    story.equal(story.path.connects(), asked,
                "the handler was not asked again")
    for client in (one, two):
        story.equal(client.end(), 0, "a reliable client leaves")


def play_mqtt_messages(story):
    url = story.path.url("plant", "clients/mqtt")
    four, five = (clients.mqtt_client(
        url, story.path.ca, clients.with_key(story.one), story.log, version,
        f"messages{version}") for version in (4, 5))
    json = story.json(story.one)
    for client in (four, five, json):
        story.show(client.hear("connected"), "connected", client.seen)
    for client in (four, five, json):
        client.tell("join", group="own")
        story.show((client.hear("done") or {}).get("success"),
                   "it subscribes to its group", client.seen)
    four.tell("join", group="others")
    story.show((four.hear("done") or {}).get("success") is False,
               "a subscription to another group is refused", four.seen)
    four.tell("send", group="own", data="hello", qos=1)
    for client in (four, five):
        story.equal((client.hear("message") or {}).get("data"), "hello",
                    "MQTT: a message with QoS 1 arrives")
    story.show(json.hear("message"), "it reaches a JSON client", json.seen)
    json.tell("send", group="own", data="from JSON")
    for client in (four, five):
        story.equal((client.hear("message") or {}).get("data"), "from JSON",
                    "MQTT: a message of a JSON client arrives")
    five.tell("leave", group="own")
    five.hear("done")
    five.tell("send", group="others", data="x", qos=1)
    story.show((five.hear("done") or {}).get("success") is False,
               "a message to another group is refused", five.seen)
    for client in (four, five, json):
        client.end()


def play_hubs(story):
    story.equal(story.outcome(story.one, "lab"), 403,
                "an entry for one hub is none for another")
    story.equal(story.outcome(story.lab, "lab"), "bench",
                "the other hub has its own")
    story.equal(story.outcome(story.lab), 403, "which is none for the first")


def play_go(story):
    client = clients.go_clients(
        story.path.url("plant"), story.path.ca,
        [clients.with_key(device) for device in
         (story.one, story.other, None)], story.log)
    lines = {line["client"]: line for line in
             (client.hear("connected", "refused", "failed") or {"client": n}
              for n in range(3))}
    story.equal(lines.get("one", {}).get("is"), "connected",
                "a Go client is accepted")
    for name in ("other", "-"):
        line = lines.get(name, {})
        story.show(line.get("status") == 403 and line.get("body"),
                   f"{name}: a Go client is refused, with a word", line)
    client.tell("text", data="hello")
    story.show((client.hear("done") or {}).get("success"),
               "it sends a message", client.seen)
    story.equal(client.end(), 1, "it leaves")


def play_mqtt(story):
    for version, code in ((4, 5), (5, 135)):
        url = story.path.url("plant", "clients/mqtt")
        client = clients.mqtt_client(url, story.path.ca, clients.with_key(story.one),
                                     story.log, version, f"device-{version}")
        story.show(client.hear("connected"), f"MQTT {version} is accepted",
                   client.seen)
        client.tell("event", name="reading", data="7")
        story.show((client.hear("done") or {}).get("success"),
                   f"MQTT {version}: an event", client.seen)
        story.equal(client.end(), 0, f"MQTT {version} leaves")
        for device in (story.other, None):
            client = clients.mqtt_client(
                url, story.path.ca, clients.with_key(device), story.log,
                version, f"device-{version}")
            refused = client.hear("refused") or {}
            story.show(refused.get("code") == code and
                       bool(refused.get("reason")) == (version == 5),
                       f"MQTT {version} is refused with {code}", client.seen)
            client.end()


def curl(story, device):
    """The status that it is answered; a WebSocket would not end."""
    words = ["curl", "--silent", "--max-time", "20", "--http1.1", "--cacert",
             story.path.ca, "--output", "/dev/null", "--write-out",
             "%{http_code}"]
    for header in UPGRADE:
        words += ["--header", header]
    if device:
        words += ["--cert", device.file, "--key", device.key]
    url = story.path.url("plant").replace("wss:", "https:")
    return subprocess.run([str(word) for word in words + [url]], text=True,
                          capture_output=True, check=False).stdout


def s_client(story, device):
    """The first line that openssl s_client is answered."""
    request = "".join(f"{line}\r\n" for line in [
        "GET /client/hubs/plant HTTP/1.1", "Host: localhost", *UPGRADE, ""])
    words = ["openssl", "s_client", "-quiet", "-verify_quiet", "-no_ign_eof",
             "-connect", f"127.0.0.1:{story.path.service.port}", "-CAfile",
             story.path.ca, "-verify_return_error"]
    if device:
        words += ["-cert", device.file, "-key", device.key]
    with subprocess.Popen([str(w) for w in words], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        process.stdin.write(request.encode())
        process.stdin.flush()
        line = process.stdout.readline().decode("latin-1").strip()
        process.kill()
        return line


def play_plain(story):
    for device, status in ((story.one, "101"), (story.other, "403"),
                           (None, "403")):
        line = s_client(story, device)
        story.equal(line.split(" ")[1:2], [status],
                    f"openssl s_client is answered {status}")
        if device is not story.one:
            story.equal(curl(story, device), status,
                        f"curl is answered {status}")


def play_changes(story):
    story.path.add(f"sha256:{story.other.sha256} user=pump-7")
    story.equal(story.becomes("pump-7", story.other), "pump-7",
                "a certificate that is rotated in is accepted")
    story.equal(story.outcome(story.one), "pump-7", "the first still is")
    json = story.json(story.one)
    mqtt = clients.mqtt_client(
        story.path.url("plant", "clients/mqtt"), story.path.ca,
        clients.with_key(story.one), story.log, 5, "device")
    bench = story.json(story.lab, "lab")
    for client in (json, mqtt, bench):
        client.hear("connected")
    got = story.path.administer("deny", story.one.file, "--disconnect")
    story.show(got.code == 0, "one is revoked and disconnected", got)
    for name, client in (("the vendor's client", json), ("mqtt.js", mqtt)):
        story.show(client.hear("closed"), f"{name} is dropped", client.seen)
        client.end()
    story.equal(story.outcome(story.one), 403, "it is refused")
    story.equal(story.outcome(story.other), "pump-7", "the other is not")
    bench.tell("event", name="reading", data="7")
    story.show((bench.hear("done") or {}).get("success"),
               "another client is still there", bench.seen)
    bench.end()


def main():
    clients.prepare()
    if not emulator.PROGRAM.exists():
        tap.skip_all("certgate-emulator is not built")
    clients.build_go()
    out = tap.Tap()
    for name, server in SERVERS.items():
        story = Story(out, name, server)
        for play in (play_json, play_reliable, play_hubs, play_go, play_mqtt,
                     play_mqtt_messages, play_plain,
                     play_changes):
            play(story)
        out.equal(story.path.close(), [0, 0, 0], f"{name}: all end well")
    out.done()


main()
