#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""What headers can be made to look like, under each web server: none becomes a
parameter that only the server may set, and none is taken in another one's
place unseen."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, http, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
known = cases.certificates()
CONNECT = "azure.webpubsub.sys.connect"
body = cases.connect_body(["@device"], known, {}).encode()

# The handler asks for a user that no server here has checked.
FORGED = {
    "nothing": [],
    "the header Remote-User": ["Remote-User: gate", "Auth-Type: Basic"],
    "with underscores": ["REMOTE_USER: gate", "AUTH_TYPE: Basic"],
    "with dots": ["REMOTE.USER: gate", "AUTH.TYPE: Basic"],
    "redirected": ["REDIRECT_REMOTE_USER: gate", "REDIRECT_AUTH_TYPE: Basic",
                   "Redirect-Remote-User: gate"],
    "credentials that were not requested":
        ["Authorization: Basic Z2F0ZTpnYXRl"],
    "credentials of a proxy": ["Proxy-Authorization: Basic Z2F0ZTpnYXRl"],
    "headers of settings": ["CERTGATE_REMOTE_USER: *", "CERTGATE-SITE: x",
                            "CERTGATE_CONFIG: /dev/null", "CERTGATE_SITE: x",
                            "Proxy: http://127.0.0.1:1/"],
    "a name in the URL": [],
}

# Beside the right header; the decision is about the right one, or refuses.
WRONG = {"ce-hub": "other", "ce-connectionId": "other",
         "ce-type": "azure.webpubsub.sys.connected",
         "ce-eventName": "connected", "ce-specversion": "0.3",
         "ce-signature": "sha256=00", "Content-Type": "text/plain",
         "WebHook-Request-Origin": "other.example"}
# One more of these changes nothing: two are lists, and of the third each server
# takes one, which only says how the body is to be read.
HARMLESS = ("ce-signature", "WebHook-Request-Origin", "Content-Type")
SHAPES = {
    "twice": lambda n, v: f"{n}: {v}",
    "in capitals": lambda n, v: f"{n.upper()}: {v}",
    "with underscores": lambda n, v: f"{n.replace('-', '_')}: {v}",
    "with dots": lambda n, v: f"{n.replace('-', '.')}: {v}",
    "without a blank": lambda n, v: f"{n}:{v}",
    "a blank before the colon": lambda n, v: f"{n} : {v}",
    "empty": lambda n, v: f"{n}:",
    "a tab": lambda n, v: f"{n}:\t{v}\t",
    "8-bit": lambda n, v: f"{n}: {v}\xff\xfe",
    "folded": lambda n, v: f"X-Other: x\r\n {n}: {v}",
    "folded into it": lambda n, v: f" , {v}",
    "a lone line feed": lambda n, v: f"X-Other: x\n{n}: {v}",
    "a lone carriage return": lambda n, v: f"X-Other: x\r{n}: {v}",
    "a NUL": lambda n, v: f"{n}: {v}\0",
    "long": lambda n, v: f"{n}: {v}{'x' * 6000}",
}
# The body ends where one of two headers says; nothing else follows it.
SMUGGLED = {
    "chunked, and a length": ["Transfer-Encoding: chunked",
                              "Content-Length: @"],
    "a length, and chunked": ["Content-Length: @",
                              "Transfer-Encoding: chunked"],
    "two lengths": ["Content-Length: @", "Content-Length: 5"],
    "two lengths in one": ["Content-Length: @, 5"],
    "a length with a sign": ["Content-Length: +@"],
    "a length in hexadecimal": ["Content-Length: 0x10"],
    "a length and rubbish": ["Content-Length: @ x"],
    "an unknown coding": ["Transfer-Encoding: identity, chunked",
                          "Content-Length: @"],
    "chunked with a tab": ["Transfer-Encoding:\tchunked", "Content-Length: @"],
    "with an underscore": ["Content_Length: 5", "Content-Length: @"],
    "chunked with an underscore": ["Transfer_Encoding: chunked",
                                   "Content-Length: @"],
    "no length": [],
}


class Door:
    def __init__(self, name, configuration, server):
        self.name = name
        self.configuration = configuration
        self.server = server

    def ask(self, lines, path="/eventhandler", content=body, end=False):
        """Status, the fields of the decisions, the log; lines are sent as
        they are."""
        before = self.configuration.log_size()
        head = "\r\n".join([f"POST {path} HTTP/1.1", *lines,
                            "Connection: close"]).encode("latin-1")
        answer = http.exchange(self.server.port,
                               head + b"\r\n\r\n" + content, end)
        log = self.configuration.log_since(before)
        return answer.status, processes.decisions(log), log


def lines_of(headers):
    return [f"{n}: {v}" for n, v in headers.items()]


def forged(door):
    headers = lines_of(cases.event_headers(CONNECT)) + [
        f"Content-Length: {len(body)}"]
    for name, more in FORGED.items():
        path = "/eventhandler"
        if name == "a name in the URL":
            path = "/eventhandler/REMOTE_USER=gate?REMOTE_USER=gate"
        status, found, log = door.ask(headers + more, path)
        out.result(400 <= status < 500 and
                   all(f["verdict"] == "deny" for f in found),
                   f"{door.name}: no user by {name}", f"{status}\n{log}")


def doubled(door):
    good = cases.event_headers(CONNECT)
    length = [f"Content-Length: {len(body)}"]
    status, found, log = door.ask(lines_of(good) + length)
    out.result(status in (200, 204) and len(found) == 1,
               f"{door.name}: the event as it should be", f"{status}\n{log}")
    for name, value in WRONG.items():
        bad = []
        for shape, make in SHAPES.items():
            for first in (True, False):
                right = lines_of({name: good[name]})
                extra = [make(name, value)]
                if shape == "folded into it":
                    first = False
                mine = extra + right if first else right + extra
                rest = lines_of({n: v for n, v in good.items() if n != name})
                status, found, log = door.ask(rest + mine + length)
                allowed = [f for f in found if f["verdict"] == "allow"]
                mixed = [f for f in allowed if f["hub"] != "chat" or
                         f["connection"] != cases.CONNECTION or
                         f["event"] != "connect"]
                if mixed or len(found) > 1 or status >= 500 or (
                        shape == "twice" and allowed and name not in HARMLESS):
                    bad.append(f"{shape}, {first}: {status} {log[-400:]}")
        out.result(not bad, f"{door.name}: another {name}", "\n".join(bad))


def smuggled(door):
    """A second request behind the first one's body has no key and is never
    accepted; the first is, at most once, for the whole of its body.  What a server
    makes of it else is its own; some wait until the client goes."""
    stranger = lines_of(cases.event_headers(CONNECT, "smuggled",
                                            key="not-the-key"))
    second = ("\r\n".join(["POST /eventhandler HTTP/1.1", *stranger,
                           "Content-Length: 2"]) + "\r\n\r\n{}").encode()
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    contents = [body, chunks, body + second, chunks + second, body[:5],
                chunks[:-7]]
    begin = door.configuration.log_size()
    asked = {}
    for name, lines in SMUGGLED.items():
        for i, content in enumerate(contents):
            connection = f"c{len(asked)}"
            asked[connection] = name, i
            door.ask(lines_of(cases.event_headers(CONNECT, connection)) + [
                x.replace("@", str(len(body))) for x in lines],
                content=content, end=True)
    # A client that has left is answered before one that arrives.
    status, found, log = door.ask(lines_of(cases.event_headers(CONNECT)) + [
        f"Content-Length: {len(body)}"])
    found = processes.decisions(door.configuration.log_since(begin))
    bad = []
    for connection, (name, i) in {**asked, "smuggled": ("", -1)}.items():
        allowed = [f for f in found if f["connection"] == connection and
                   f["verdict"] == "allow"]
        if len(allowed) > (0 <= i < 4) or any(
                f["sha1"] != known["device"]["sha1"] for f in allowed):
            bad.append(f"{name}, content {i}: {allowed}")
    out.result(not bad and status in (200, 204) and
               any(f["connection"] in asked and f["verdict"] == "allow"
                   for f in found), f"{door.name}: where a body ends",
               f"{status}\n" + "\n".join(bad))


def doors(name, settings):
    """The servers, one after the other."""
    folder = base / name
    text = known["device"]["sha1"] + "\n"
    configuration = processes.Configuration(folder / "gate", settings, text)
    handler = processes.Handler(configuration)
    for kind, how in ((processes.Lighttpd, "socket"),
                      (processes.Lighttpd, "cgi"), (processes.Nginx, None),
                      (processes.Apache, "proxy"), (processes.Apache, "fcgid"),
                      (processes.Apache, "cgid")):
        label = kind.__name__ + (f" {how}" if how else "")
        server = kind(folder / label.replace(" ", "."), configuration,
                      *([how] if how else []))
        yield Door(label, configuration, server)
        server.close()
    handler.close()


SETTINGS = {"CERTGATE_ACCESS_KEYS": cases.KEY, "CERTGATE_HUB": "chat",
            "CERTGATE_ORIGINS": cases.ORIGIN}
for each in doors("user", SETTINGS | {"CERTGATE_REMOTE_USER": "*"}):
    forged(each)
for each in doors("plain", SETTINGS):
    doubled(each)
    smuggled(each)
out.done()
