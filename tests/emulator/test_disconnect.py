#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""deny and remove --disconnect, and certgate disconnect, on the whole path: the
clients that are closed or not, that return and are closed again, and the message if
something stays open.  A server of this test alone sees what is asked for."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import pathlib
import socket
import ssl
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, emulator, identities, path, place  # noqa: E402
from harness import processes, tap, websocket  # noqa: E402

JSON = "json.webpubsub.azure.v1"
ODD = "pump 7/ä?#%\"+'"
FIRST = "the-first-key-which-has-been-regenerated"


class Stage:
    """Devices of several kinds; a line of the list accepts each."""

    def __init__(self):
        self.out = tap.Tap()
        self.said = []
        self.base = place.temporary()
        self.one, self.two, self.new, self.named, self.odd, self.many = (
            identities.Identity(self.base, name) for name in
            ("one", "two", "new", "named", "odd", "many"))
        self.ca = admin.certificate(self.base, "ca")
        self.pump = self.issued("pump-9")
        self.path = path.Path(
            self.base / "path", processes.Lighttpd, ["plant", "lab"],
            f"sha256:{self.one.sha256} user=pump-7\n"
            f"sha256:{self.two.sha256} user=pump-8\n"
            f"sha256:{self.new.sha256} user=pump-7\n"
            f"{self.named.sha1}\n"
            f"{self.odd.sha256} user=\"{ODD.replace(chr(34), chr(92) + chr(34))}\"\n"
            f"{self.many.sha256} user=many\n"
            f"ca:{self.ca} cn=pump-* user=@cn\n")

    def issued(self, name):
        """As identities.Identity, of the CA."""
        class Issued:
            file = admin.issued(self.base, name, self.ca)
            key = self.base / f"{name}.key"
        return Issued

    def open(self, identity, hub="plant"):
        """A client's WebSocket, or the status that refused it."""
        try:
            client = websocket.WebSocket(self.path.service.port,
                                         f"/client/hubs/{hub}", identity,
                                         [JSON])
        except websocket.Refused as e:
            return e.answer.status
        client.id = client.json()["connectionId"]
        return client

    def run(self, verb, *words, hub="plant,lab", **more):
        got = self.path.administer(
            verb, *(["--hub", hub] if hub else []), *words, **more)
        self.said.append(got.out + got.err)
        return got

    def list(self):
        return self.path.configuration.list.read_text()

    def ended(self, what, clients, others=()):
        self.out.result(all(is_closed(c) for c in clients),
                        f"{what}: closed", self.path.logs())
        self.out.result(all(is_there(c) for c in others),
                        f"{what}: no other client is", self.path.logs())


def is_closed(client):
    kind = None
    while kind != websocket.CLOSE:
        try:
            kind = client.receive()[0]
        except TimeoutError:
            return False
    return True


def is_there(client):
    client.send({"type": "ping"})
    return client.json() == {"type": "pong"}


def test_deny(stage):
    """All connections of its user in all hubs, and no others."""
    out = stage.out
    mine = [stage.open(stage.one), stage.open(stage.one),
            stage.open(stage.one, "lab")]
    others = [stage.open(stage.two), stage.open(stage.two, "lab"),
              stage.open(stage.pump)]
    got = stage.run("deny", stage.one.file, "--disconnect", "--comment", "x")
    out.equal(got.code, 0, "deny --disconnect is done")
    out.result(f"deny {stage.one.sha256}   # x\n" in stage.list(),
               "the list denies it", stage.list())
    stage.ended("deny --disconnect", mine, others)
    for word in ("closed: user pump-7 in hub plant of https://localhost",
                 "closed: user pump-7 in hub lab", "closed again",
                 "Clients of line 3 are the same user"):
        out.result(word in got.out, f"deny --disconnect says {word}", got)
    out.equal(stage.open(stage.one), 403, "it does not come back")
    again = stage.open(stage.new)
    got = stage.run("deny", stage.one.file, "--disconnect")
    out.result(got.code == 0 and "already there" in got.out,
               "a second time: already there", got)
    stage.ended("and closed once more", [again], others)
    got = stage.run("deny", stage.one.file, "--disconnect")
    out.result(got.code == 0 and "closed: " not in got.out and
               "closed again" not in got.out and
               got.out.endswith("\nno open connection was found\n"),
               "a third time: nothing is connected", got)


def test_remove(stage):
    """The users are those of the entry that goes."""
    out = stage.out
    stage.path.configuration.write_list(stage.path.text)
    place.wait_for(lambda: isinstance(stage.open(stage.one),
                                      websocket.WebSocket))
    mine, other = stage.open(stage.one), stage.open(stage.two)
    before = stage.list()
    got = stage.run("remove", stage.one.file, "--disconnect", "--dry-run")
    out.result(got.code == 0 and "users/pump-7/:closeConnections" in got.out and
               stage.list() == before, "remove --disconnect --dry-run", got)
    got = stage.run("remove", 1, "--disconnect")
    out.result(got.code == 0 and "closed: user pump-7 in hub plant" in got.out
               and stage.one.sha256 not in stage.list(),
               "remove --disconnect is done", got)
    stage.ended("remove --disconnect", [mine], [other])
    out.equal(stage.open(stage.one), 403, "remove: it does not come back")
    got = stage.run("remove", stage.two.file, "--disconnect",
                    endpoint=f"https://localhost:{place.free_port()}")
    out.result(got.code == 3 and stage.two.sha256 not in stage.list() and
               "still open: user 'pump-8'" in got.err,
               "the entry goes even if the service does not answer", got)
    stage.ended("no server answered", [], [other])
    got = stage.run("remove", stage.new.file)
    out.equal((got.code, "for --disconnect" in got.err), (2, True),
              "remove --hub without --disconnect")


def keep_coming(stage, identity, seen):
    """A client that comes back whenever it is closed, until it is refused."""
    while True:
        client = stage.open(identity)
        seen.append(client)
        if not isinstance(client, websocket.WebSocket) or \
                not is_closed(client):
            return


def test_return(stage):
    """A client that comes back before the handler has the list."""
    seen = []
    client = threading.Thread(target=keep_coming,
                              args=(stage, stage.many, seen), daemon=True)
    client.start()
    place.wait_for(lambda: seen)
    got = stage.run("deny", stage.many.sha256, "--disconnect")
    client.join(20)
    stage.out.result(got.code == 0 and seen[-1] == 403,
                     "a client that comes back at once is out in the end",
                     f"{seen}\n{got}")


def test_names(stage):
    """User ids that are the certificate's, and such as no URL has."""
    out = stage.out
    mine, other = stage.open(stage.pump), stage.open(stage.two)
    got = stage.run("deny", stage.pump.file, "--disconnect")
    out.equal(got.code, 0, "a CA's certificate is denied")
    stage.ended("by the name in it", [mine], [other])
    out.result("If a client has a token" not in got.out, "no word of tokens", got)
    mine = stage.open(stage.odd)
    got = stage.run("deny", stage.odd.sha256, "--disconnect", hub="plant")
    out.equal(got.code, 0, "a user id with odd characters")
    stage.ended(ODD, [mine], [other])
    mine = stage.open(stage.named)
    got = stage.run("deny", stage.named.sha1, "--disconnect")
    out.result(got.code == 3 and "line 4: the user id is in the certificate" in got.err,
               "a pin alone does not say a name: exit 3", got)
    out.result(f"deny {stage.named.sha1}\n" in stage.list(),
               "it is denied all the same", stage.list())
    out.result(is_there(mine), "it is still open, as was said")
    got = stage.run("deny", stage.named.file, "--disconnect")
    out.result(got.code == 0 and "If a client has a token" in got.out,
               "its file does", got)
    stage.ended("by the common name", [mine], [other])
    got = stage.run("deny", "ab" * 32, "--disconnect")
    out.result(got.code == 3 and "no entry matches" in got.err and
               "deny " + "ab" * 32 in stage.list(),
               "a certificate without an entry is denied, and exit 3", got)


def test_failures(stage):
    """The denial stays, and what is open is said."""
    out = stage.out
    unreachable = f"https://localhost:{place.free_port()}"
    good = f"https://localhost:{stage.path.service.port}"
    wrong = {"CERTGATE_ACCESS_KEYS": FIRST}
    client = stage.open(stage.two)
    rows = (
        ("no server answers", [], {"endpoint": unreachable}, "onnect"),
        ("no such hub", [], {"hub": "nowhere"}, "answers 404"),
        ("a wrong key", [], {"settings": wrong}, "not accept the access"),
        ("a stranger's CA", ["--ca", stage.two.file], {}, "certificate"),
        ("no hub", [], {"hub": None, "settings": {"CERTGATE_HUB": "*"}},
         "fix: --hub"))
    books = [stage.base / f"list{n}" / "list" for n in range(len(rows))]
    for book in books:
        book.parent.mkdir()
        book.write_text(stage.path.text)
    with concurrent.futures.ThreadPoolExecutor(len(rows)) as pool:
        results = list(pool.map(lambda row, book: stage.run(
            "deny", stage.two.file, "--disconnect", "--list", book, *row[1],
            **row[2]), rows, books))
    for (name, _, _, says), got, book in zip(rows, results, books):
        out.result(got.code == 3 and says in got.err and
                   f"deny {stage.two.sha256}" in book.read_text(),
                   f"{name}: exit 3, and the denial stays", got)
        out.result(name == "no hub" or "still open: user 'pump-8'" in got.err,
                   f"{name}: what is open is said", got)
    out.result(is_there(client), "it is open")
    got = stage.run("disconnect", "pump-8", settings=wrong)
    out.result(got.code == 3 and "user 'pump-8'" in got.err and
               "connection 'pump-8'" in got.err, "disconnect: exit 3", got)
    got = stage.run("disconnect", "pump-8", endpoint=good, hub=None, settings={
        "CERTGATE_ACCESS_KEYS": f"{FIRST},{path.KEY}"})
    out.equal(got.code, 0, "a second key is taken if the first is not")
    stage.ended("disconnect", [client])


def test_disconnect(stage):
    out = stage.out
    stage.path.configuration.write_list(stage.path.text)
    place.wait_for(lambda: isinstance(stage.open(stage.two),
                                      websocket.WebSocket))
    a, b, c = (stage.open(stage.two), stage.open(stage.two),
               stage.open(stage.two, "lab"))
    got = stage.run("disconnect", a.id)
    out.equal(got.code, 0, "disconnect of a connection")
    stage.ended("disconnect of a connection", [a], [b, c])
    got = stage.run("disconnect", "pump-8", "--dry-run")
    port = stage.path.service.port
    out.equal(got.out, "".join(
        f"{method} https://localhost:{port}/api/hubs/{hub}/{rest}"
        "?api-version=2024-01-01\nAuthorization: Bearer ***\n"
        for method, rest in (("POST", "users/pump-8/:closeConnections"),
                             ("DELETE", "connections/pump-8"))
        for hub in ("plant", "lab")), "a dry run prints the requests")
    before = stage.list()
    got = stage.run("deny", stage.two.file, "--disconnect", "--dry-run")
    out.result(got.code == 0 and "\n+deny " in got.out and
               "users/pump-8/:closeConnections" in got.out,
               "a dry run of deny prints both", got)
    out.equal(stage.list(), before, "and changes nothing")
    stage.ended("a dry run", [], [b, c])
    got = stage.run("disconnect", "ghost", "pump-8", hub="lab")
    out.equal((got.code, got.err), (1, "certgate: ghost: no such user or "
                                    "connection is connected\n"),
              "disconnect of a user in one hub; ghost is not there")
    out.equal(got.out, "closed: user pump-8 in hub lab of "
              f"https://localhost:{port}\n",
              "and nothing is called closed that was not there")
    stage.ended("disconnect of a user in one hub", [c], [b])
    got = stage.run("disconnect", "pump-8", hub="lab")
    out.equal((got.code, got.out), (1, ""), "and once more: it is not there")
    got = stage.run("disconnect", b.id, "pump-8")
    out.equal((got.code, got.out), (0, "".join(
        f"closed: {item} in hub plant of https://localhost:{port}\n"
        for item in (f"connection {b.id}", "user pump-8"))),
              "a connection and its user, in one of two hubs")
    stage.ended("a connection and its user", [b])
    b = stage.open(stage.two)
    for words in (["disconnect", ".."], ["disconnect", "a/../b"],
                  ["disconnect", "a\nb"], ["disconnect", ""],
                  ["disconnect", "a", "--endpoint", "http://localhost"],
                  ["disconnect", "a", "--endpoint", "https://a/b"],
                  ["disconnect", "a", "--endpoint", "https://a@b"],
                  ["disconnect", "a", "--hub", "7"],
                  ["deny", stage.two.file, "--disconnect", "--hub", "7"],
                  ["deny", stage.two.file]):
        got = stage.run(*words)
        out.equal((got.code, stage.list()), (2, before),
                  f"misuse: {words[0]} {words[1:][-1]!r}")
    stage.ended("misuse", [], [b])


class Witness:
    """A TLS server that keeps one request and answers with 204; those before it
    that only ask, by HEAD, with a length and 200."""

    def __init__(self, identity):
        self.seen, self.asked = b"", []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.file, identity.key)
        self.socket = context.wrap_socket(
            socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while not self.seen:
            connection, _ = self.socket.accept()
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                if head.startswith(b"HEAD "):
                    self.asked.append(head.split(b" ")[1].decode())
                    status = b"200 OK\r\nContent-Length: 9"
                else:
                    self.socket.close()
                    self.seen = head
                    status = b"204 No Content"
                connection.sendall(b"HTTP/1.1 " + status +
                                   b"\r\nConnection: close\r\n\r\n")


def admitted_again(way, identity):
    """A new connection of the client, once the first list is in force."""
    found = []

    def admitted():
        try:
            found.append(websocket.WebSocket(way.service.port,
                                             "/client/hubs/plant", identity))
        except websocket.Refused:
            return False
        return True

    way.configuration.write_list(way.text)
    if not place.wait_for(admitted):
        tap.bail_out("the list is not loaded: " + way.logs())
    return found[0]


def test_token_file(stage):
    """A service without local keys: a token of Entra ID takes the place of a
    signature.  The emulator has a text in place of a real token."""
    out = stage.out
    token = "eyJ0.a-token_of.the~service+/="
    way = path.Path(stage.base / "keyless", processes.Lighttpd, ["plant"],
                    f"sha256:{stage.one.sha256} user=pump-7\n",
                    server_token=token)
    file = stage.base / "token"
    client = websocket.WebSocket(way.service.port, "/client/hubs/plant",
                                 stage.one)

    def run(*words):
        got = way.administer(*words, stdin=f"{token}\n".encode())
        stage.said.append(got.out + got.err)
        return got

    got = run("disconnect", "pump-7")
    out.result(got.code == 3 and "does not accept the access keys" in got.err,
               "token: the keys are not accepted", got)
    for text, code, said in (
            ("another\n", 3, "not accept the token"), ("", 2, "a token"),
            ("two\nlines\n", 2, "a token"), ("a\x01b\n", 2, "a token")):
        file.write_text(text)
        file.chmod(0o600)
        got = run("disconnect", "pump-7", "--token-file", file)
        out.result(got.code == code and said in got.err,
                   f"token: {text!r} is refused", got)
    got = run("disconnect", "pump-7", "--token-file", stage.base / "none")
    out.result(got.code == 2 and "expected a file of one line, a token" in
               got.err, "token: a missing file", got)
    file.write_text(token + "\n")
    file.chmod(0o644)
    requests = way.service.trace().count(" Rest")
    got = run("disconnect", "pump-7", "--token-file", file)
    out.result(got.code == 2 and f"{file}: bad permissions: readable by others "
               f"(fix: chmod o-r {file})" in got.err and
               way.service.trace().count(" Rest") == requests,
               "token: a file that others can read", got)
    file.chmod(0o640)
    for words, given in ((["disconnect", "pump-7"], "-"),
                         (["disconnect", "pump-7"], file),
                         (["remove", stage.one.file, "--disconnect"], file)):
        got = run(*words, "--token-file", given)
        out.equal(got.code, 0, f"token: {words[0]}")
        out.result(is_closed(client), f"token: {words[0]} closes the client")
        client = admitted_again(way, stage.one)
    got = run("deny", stage.one.file, "--disconnect", "--token-file", file)
    out.equal(got.code, 0, "token: deny --disconnect")
    out.result(is_closed(client), "token: the client is closed")
    got = run("deny", stage.two.file, "--token-file", file)
    out.equal(got.code, 2, "token: only for --disconnect")
    out.equal([s for s in stage.said if token in s], [],
              "token: it is not printed")
    out.equal(way.close(), [0, 0, 0], "token: all end well")


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_request(stage):
    """What goes over the wire, read without the emulator."""
    out = stage.out
    identity = identities.Identity(stage.base, "witness", "DNS:localhost")
    witness = Witness(identity)
    url = f"https://localhost:{witness.port}"
    got = admin.run("disconnect", ODD, "--endpoint", url, "--ca",
                    identity.file, "--hub", "plant",
                    environment={"CERTGATE_ACCESS_KEYS": path.KEY})
    head, _, body = witness.seen.partition(b"\r\n\r\n")
    first, _, rest = head.partition(b"\r\n")
    fields = dict(line.split(": ", 1) for line in rest.decode().split("\r\n"))
    target = "/api/hubs/plant/users/" + urllib.parse.quote(ODD, safe="") + \
        "/:closeConnections"
    words = first.decode().split(" ")
    out.equal((words[0], words[1].lower(), body), (
        "POST", f"{target}?api-version=2024-01-01".lower(), b""),
        "the request of a user")
    out.equal(fields.get("Content-Length"), "0", "its length is there")
    parts = fields["Authorization"].removeprefix("Bearer ").split(".")
    proof = hmac.new(path.KEY.encode(), ".".join(parts[:2]).encode(),
                     hashlib.sha256).digest()
    out.equal(decoded(parts[2]), proof, "its token is signed with the key")
    claims = json.loads(decoded(parts[1]))
    out.equal((json.loads(decoded(parts[0])), claims["aud"]),
              ({"alg": "HS256", "typ": "JWT"},
               url + words[1].partition("?")[0]),
              "it is for this URL without the query")
    out.result(0 < claims["exp"] - time.time() <= 301, "and for minutes",
               claims)
    odd = urllib.parse.quote(ODD, safe="").lower()
    out.equal([path.lower() for path in witness.asked],
              [f"/api/hubs/plant/{kind}/{odd}?api-version=2024-01-01"
               for kind in ("users", "connections")],
              "it asks first")
    out.equal(got.code, 3, "the next request is not answered: exit 3")


def main():
    if not emulator.PROGRAM.exists():
        tap.skip_all("certgate-emulator is not built")
    stage = Stage()
    for test in (test_deny, test_return, test_names, test_failures,
                 test_disconnect, test_remove, test_request, test_token_file):
        test(stage)
    stage.out.equal([s for s in stage.said if path.KEY in s or "eyJ" in s], [],
                    "no key and no token is printed")
    stage.out.equal(stage.path.close(), [0, 0, 0], "all end well")
    stage.out.done()


main()
