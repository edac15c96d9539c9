#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate sweep: of 100 connected clients, 8 are no longer admitted, for
each kind of end.  Exactly these are closed, once; and it says what it cannot
know."""
import concurrent.futures
import datetime
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, emulator, identities, logs, path  # noqa: E402
from harness import pki, place, processes, tap, websocket  # noqa: E402

CLIENTS = tap.size(100)
ENDED = CLIENTS * 2 // 25
ISSUED = range(CLIENTS - ENDED, CLIENTS)
JSON = "json.webpubsub.azure.v1"
CA = ["basicConstraints=critical,CA:true", "keyUsage=keyCertSign,cRLSign"]


class Issued(identities.Identity):
    """As one of identities.many(), of a CA that has a CRL."""

    def __init__(self, certificate):
        self.file, self.key = certificate.path, certificate.key
        self.certificate = certificate
        self.take_digests()


def private(folder, log):
    """A copy of the log, which every user of the test can write."""
    copy = folder / "private.log"
    copy.write_text(log.read_text())
    copy.chmod(0o600)
    return str(copy)


class Fleet:
    def __init__(self):
        base = place.temporary()
        self.base = base
        self.ca = pki.Authority(base / "gates", "/O=T/CN=Gates")
        key = pki.new_key(base / "gate.key")
        self.identities = identities.many(base, CLIENTS - ENDED) + [
            Issued(self.ca.issue(f"gate-{n}", f"/CN=gate-{n}", key=key))
            for n in range(ENDED)]
        self.path = path.Path(base / "path", processes.Lighttpd, ["plant"],
                              "# none yet\n")
        self.files = self.path.configuration
        self.files.write_file("ca.pem", self.ca.pem)
        self.files.write_file("ca.crl", self.ca.crl())
        self.clients = {}

    def row(self, number, terms=""):
        return f"{self.identities[number].sha256} user=pump-{number} {terms}\n"

    def text(self, terms=lambda n: "", more=""):
        """terms: None leaves the entry out."""
        rows = (self.row(n, terms(n)) for n in range(CLIENTS)
                if n not in ISSUED and terms(n) is not None)
        return "".join(rows) + ("ca:@{folder}/ca.pem cn=gate-* "
                                "crl=@{folder}/ca.crl\n") + more

    def open(self, number):
        try:
            client = websocket.WebSocket(
                self.path.service.port, "/client/hubs/plant",
                self.identities[number], [JSON])
        except websocket.Refused:
            return None
        client.id = client.json()["connectionId"]
        return client

    def fill(self):
        """All that are not connected connect, once the list accepts them."""
        def first():
            self.clients[missing[0]] = self.open(missing[0])
            return self.clients[missing[0]]
        self.files.write_file("ca.pem", self.ca.pem)
        self.files.write_list(self.text())
        missing = [n for n in range(CLIENTS) if n not in self.clients]
        if not missing:
            return
        if not place.wait_for(first):
            tap.bail_out("the list is not loaded: " + self.path.logs())
        del missing[0]
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            self.clients |= zip(missing, pool.map(self.open, missing))

    def sweep(self, *words, log=None, settings=None, **more):
        own = {"CERTGATE_LOG": private(self.base, log or self.files.log)}
        return self.path.administer("sweep", *words, **more,
                                    settings=own | (settings or {}))

    def deletes(self):
        return re.findall(r"DELETE \S*/connections/([^\s?]+)",
                          self.path.service.trace())


def ping(client):
    client.send({"type": "ping"})
    return client.json() == {"type": "pong"}


def is_closed(client):
    while True:
        try:
            if client.receive()[0] == websocket.CLOSE:
                return True
        except TimeoutError:
            return False


def expire(log):
    """The log as it would be if their certificates had expired."""
    def over(line):
        return re.sub(r"not_after=\S+", "not_after=2020-01-01T00:00:00Z",
                      line)
    return lambda pins: "".join(
        over(line) if any(p in line for p in pins) else line
        for line in log.read_text().splitlines(True))


FIRST = range(ENDED)
GATES = ISSUED


def kinds(fleet):
    """A name, the clients that it ends, the reason, and how: it gives the list and the
    log."""
    def plain(text):
        return lambda: (text, None)

    def revoked():
        for n in GATES:
            fleet.ca.revoke(fleet.identities[n].certificate)
        fleet.files.write_file("ca.crl", fleet.ca.crl())
        return fleet.text(), None

    def old():
        fleet.files.write_file("ca.pem", fleet.ca.issue(
            "old", "/O=T/CN=Gates", CA, key=fleet.ca.key, own=True,
            end=pki.now() - pki.DAY).pem)
        return fleet.text(), None

    def expired():
        log = fleet.base / "expired.log"
        log.write_text(expire(fleet.files.log)(
            {fleet.identities[n].sha256 for n in FIRST}))
        return fleet.text(), log

    yield "an expired entry", FIRST, "entry has expired", plain(fleet.text(
        lambda n: "expires=2020-01-01" if n in FIRST else ""))
    yield "a removed pin", FIRST, "No entry", plain(fleet.text(
        lambda n: None if n in FIRST else ""))
    yield "a denied pin", FIRST, "deny entry", plain(fleet.text(more="".join(
        f"deny {fleet.identities[n].sha256}\n" for n in FIRST)))
    yield "a denied key", GATES, "deny entry", plain(fleet.text(
        more=f"deny spki:{fleet.identities[GATES[0]].certificate.spki}\n"))
    yield "another hub", FIRST, "hub", plain(fleet.text(
        lambda n: "hub=other" if n in FIRST else ""))
    yield "a denied serial number", GATES, "deny entry", plain(fleet.text(
        more="".join("deny ca:@{folder}/ca.pem serial=" +
                     fleet.identities[n].certificate.serial + "\n"
                     for n in GATES)))
    yield "an expired CA", GATES, "chain", old
    yield "a removed CA", GATES, "No entry", plain(
        fleet.text().replace("ca:", "# ca:"))
    yield "an expired certificate", FIRST, "expired", expired
    yield "a revoked certificate", GATES, "revokes", revoked


def end(fleet, out, name, ended, reason, make):
    """One kind."""
    fleet.fill()
    out.equal(sum(c is not None for c in fleet.clients.values()), CLIENTS,
              f"{name}: {CLIENTS} are connected")
    text, log = make()
    fleet.files.write_list(text)
    before = len(fleet.deletes())
    dry = fleet.sweep("--dry-run", log=log)
    wanted = sorted(fleet.clients[n].id for n in ended)
    out.result(dry.code == 0 and f"{ENDED} would be closed" in dry.out and
               sorted(re.findall(r"^would close: connection (\S+) ", dry.out,
                                 re.MULTILINE)) == wanted and
               len(fleet.deletes()) == before, f"{name}: --dry-run", dry)
    got = fleet.sweep(log=log)
    out.equal(sorted(fleet.deletes()[before:]), wanted,
              f"{name}: exactly these are closed")
    out.result(got.code == 0 and f"\n{ENDED} closed, " in got.out and
               got.out.count(reason) >= ENDED and "log begins " in got.out,
               f"{name}: it says so", got)
    out.result(all(is_closed(fleet.clients.pop(n)) for n in ended),
               f"{name}: they are")
    out.result(all(ping(c) for c in fleet.clients.values()),
               f"{name}: no other client is", fleet.path.logs())
    again = fleet.sweep(log=log)
    out.result(again.code == 0 and "\n0 closed, " in again.out and
               len(fleet.deletes()) == before + ENDED, f"{name}: once", again)


A, B = (logs.certificate(n) for n in "ab")


def accepted(name, connection="c", ago=60, **more):
    return logs.accepted(name, ago, **{
        "connection": connection, "hub": "plant", "origin": path.HOST,
        "user": f"user-{name}", **more})


def judged(fleet, out, name, text, lines, ended, *said, code=0, **more):
    """How many connections are to be closed, none of which is there."""
    fleet.files.write_list(text)
    log = fleet.base / "made.log"
    log.write_text(logs.text(lines))
    before = len(fleet.deletes())
    got = fleet.sweep(log=log, **more)
    none = ended == 0 and not any("not closed: " in text for text in said)
    found = ("No connection to close was found.\n" if none else
             f"0 closed, {ended} not connected")
    out.result(got.code == code and
               (code != 0 or found in got.out) and
               all(s in got.out + got.err for s in said) and
               len(fleet.deletes()) == before, name, got)


def unknown(fleet, out):
    """What is judged, and what cannot be known, by logs that are made up."""
    pins = f"{A['sha256']} user=user-a\n"
    gate = "ca:@{folder}/ca.pem cn=gate-* crl=@{folder}/ca.crl\n"
    of_ca = {"issuer": "O=T,CN=Gates", "serial": "7f"}
    both = [accepted("a"), accepted("b", "d")]
    late = fleet.ca.crl(end=pki.now() - datetime.timedelta(hours=1))
    for name, text, lines, *rest in (
            ("one of two", pins, both, 1, "log begins 2"),
            ("both by SHA-1", f"{A['sha1']}\n{B['sha1']}\n", both, 0),
            ("one id twice", "# none\n", [accepted("a"), accepted("a")], 1),
            ("an id that another took over", pins,
             [accepted("b", "pump"), accepted("a", "pump")], 0),
            ("an id that it took over", pins,
             [accepted("a", "pump"), accepted("b", "pump")], 1),
            ("the same id in two hubs", "# none\n",
             [accepted("a"), accepted("a", hub="lab")], 2),
            ("a rejection", "# none\n", [logs.rejected(
                "a", hub="plant", origin=path.HOST, connection="c")], 0),
            ("no certificate", pins,
             [logs.line(verdict="allow", reason="anonymous", hub="plant",
                        origin=path.HOST)], 1),
            ("report-only that is over", pins,
             [accepted("b", reason="report-only", would="not-listed")], 1),
            ("a CA's", gate, [accepted("a", **of_ca)], 0,
             "not checked: connections with conditions on names, chain, "
             "client-id= or query.NAME=: 1 (the log has none of these)"),
            ("a CA's, in other letters", gate,
             [accepted("a", **{**of_ca, "issuer": "O=t,CN=GATES"})], 0),
            ("another CA's", gate, [accepted("a", issuer="O=T,CN=Gate")], 1),
            ("a CA's for another hub", gate.replace(" crl", " hub=x crl"),
             [accepted("a", **of_ca)], 1),
            ("bound to a client id", pins.replace("\n", " client-id=x\n"),
             both[:1], 0, "query.NAME=: 1 ("),
            ("bound to a client id, and over", pins.replace(
                "\n", " client-id=x expires=2020-01-01\n"), both[:1], 1),
            ("an id that is cut", "# none\n", [accepted("a", 200 * "x")], 0,
             "not closed: connections with an id or a hub that is cut in the "
             "log or invalid in a URL: 1\n"),
            ("an unknown site", pins, [accepted("a", site="gone")], 0,
             "not checked: connections of unknown sites: 1 (fix: "),
            ("lost lines", pins, [accepted("a", lost="7")], 0,
             "not checked: lost lines of the log: 7\n"),
            ("an id that is cut by its escapes", "# none\n",
             [accepted("a", "\xfc" * 49 + "...")], 0,
             "not closed: connections with an id or a hub that is cut in the "
             "log or invalid in a URL: 1\n"),
            ("a hub that is a path", "# none\n", [accepted("a", hub="..")], 0,
             "not closed: connections with an id or a hub that is cut in the "
             "log or invalid in a URL: 1\n"),
            ("a line without its end", "# none\n",
             [(logs.NOW, logs.message(accepted("a")[1]).partition(" us=")[0])],
             0, "not checked: cut lines of the log: 1\n"),
            ("a log that begins too late",
             f"{pins}{B['sha256']} user=old expires=2020-01-01\n"
             f"deny {32 * 'cd'}\n{32 * 'ef'} user=new\n", both[:1], 0,
             "not checked: clients of line 2, user old: the log has none\n",
             "not checked: clients of line 3: the log has none\n",
             "not checked: clients that connected before the log begins (fix: "
             "certgate disconnect USER)\nNo connection to close was found.\n"),
            ("a list that does not load", "broken\n", both, 0,
             ":1:2: ", "nothing is closed")):
        ended, *said = rest
        judged(fleet, out, name, text, lines, ended, *said,
               code=3 if text == "broken\n" else 0)
    fleet.files.write_file("ca.crl", late)
    judged(fleet, out, "no current CRL", gate, [accepted("a", **of_ca)], 0,
           "not checked: connections without a current CRL: 1 (fix: "
           "certgate crl fetch)\n")
    on_hold(fleet, out, gate, of_ca)
    judged(fleet, out, "no access key", pins, both, 0,
           "still open: connection 'd' in hub plant: no access key", code=3,
           settings={"CERTGATE_CONFIG": str(keyless(fleet))})
    judged(fleet, out, "no service", pins, both, 0, "still open: ", code=3,
           endpoint=f"https://localhost:{place.free_port()}")


def on_hold(fleet, out, gate, of_ca):
    """As the handler, by the newest of several CRLs."""
    ca = fleet.ca
    held = ca.issue("held", "/CN=gate-held")
    without = [ca.crl(begin=pki.now() - n * pki.DAY) for n in (1, 3)]
    ca.revoke(held)
    line = [accepted("a", **of_ca | {"serial": held.serial})]
    for name, crls, ended in (
            ("on hold by the older CRL",
             without[0] + ca.crl(begin=pki.now() - 2 * pki.DAY), 0),
            ("revoked by the newer CRL",
             without[1] + ca.crl(begin=pki.now() - 2 * pki.DAY), 1)):
        fleet.files.write_file("ca.crl", crls)
        judged(fleet, out, name, gate, line, ended)


def keyless(fleet):
    file = fleet.base / "keyless"
    file.write_text(f"CERTGATE_LIST={fleet.files.list}\n"
                    f"CERTGATE_ORIGINS={path.HOST}\n"
                    "CERTGATE_SIGNATURE=off\n")
    file.chmod(0o640)
    return file


def origins(fleet, out):
    """An MQTT client chooses its id: two services can have the same."""
    file = fleet.base / "two"
    file.write_text(f"CERTGATE_LIST={fleet.files.list}\n"
                    "CERTGATE_ORIGINS=one.invalid two.invalid\n"
                    f"CERTGATE_ACCESS_KEYS={path.KEY}\n"
                    "CERTGATE_SIGNATURE=off\n")
    file.chmod(0o640)
    log = fleet.base / "made.log"
    for name, lines, open_ in (
            ("both closed", [accepted("b", "pump", origin="one.invalid"),
                             accepted("b", "pump", origin="two.invalid")], 2),
            ("one accepted", [accepted("b", "pump", origin="one.invalid"),
                              accepted("a", "pump", origin="two.invalid")], 1),
            ("a foreign host", [accepted("b", "pump", origin="evil.invalid")],
             1)):
        fleet.files.write_list(f"{A['sha256']} user=user-a\n")
        log.write_text(logs.text(lines))
        got = admin.run("sweep", environment={
            "CERTGATE_CONFIG": str(file), "CERTGATE_LOG": str(log)})
        out.result(got.code == 3 and f" {open_} may be open" in got.out and
                   ("not a host of CERTGATE_ORIGINS" in got.err) ==
                   ("foreign" in name), f"two services: {name}", got)


def doubted(fleet, out):
    """Lines that others can write close no connection."""
    fleet.fill()
    fleet.files.write_list(fleet.text(lambda n: None if n in FIRST else ""))
    before = len(fleet.deletes())
    log = fleet.base / "doubted.log"
    log.write_text(fleet.files.log.read_text())
    for name, words, settings, code, note in (
            ("another log", ["--log", log], {}, 3,
             "this is not the log of CERTGATE_LOG"),
            ("another log, --dry-run", ["--log", log, "--dry-run"], {}, 0,
             "this is not the log of CERTGATE_LOG"),
            ("others can write it", [], {"CERTGATE_LOG": str(log)}, 3,
             "others can write this log")):
        log.chmod(0o666 if settings else 0o600)
        got = fleet.sweep(*words, settings=settings)
        out.result(got.code == code and f"\n{ENDED} would be closed" in got.out
                   and got.out.count("would close: ") == ENDED and
                   ("nothing is closed: the log is not trusted (fix: "
                    in got.err) == (code == 3) and
                   (got.out + got.err).count(note) == 1,
                   f"{name}: nothing is closed", got)
    out.result(len(fleet.deletes()) == before and
               all(ping(c) for c in fleet.clients.values()),
               "a doubted log: all stay connected")


def token(fleet, out):
    """A service without local keys: it accepts the token of --token-file."""
    text = "eyJ0.a-token_of.the~service+/="
    keyless_path = path.Path(
        fleet.base / "token", processes.Lighttpd, ["plant"],
        f"{A['sha256']}\n{fleet.row(0)}{fleet.row(1)}", server_token=text)
    clients = [websocket.WebSocket(keyless_path.service.port,
                                   "/client/hubs/plant", fleet.identities[n],
                                   [JSON]) for n in (0, 1)]
    ids = [c.json()["connectionId"] for c in clients]
    files, said = keyless_path.configuration, []
    files.write_list(f"{A['sha256']}\n{fleet.row(1)}")
    file = fleet.base / "token.txt"
    for content, words, code, words_said in (
            (text, [], 3, "does not accept the access keys"),
            ("another", ["--token-file", file], 3, "not accept the token"),
            ("", ["--token-file", file], 2, "a token"),
            (text, ["--token-file", file, "--dry-run"], 0, "1 would be closed"),
            (text, ["--token-file", file], 0, "1 closed, "),
            (text, ["--token-file", file], 0, "0 closed, 1 not connected")):
        file.write_text(content and content + "\n")
        file.chmod(0o600)
        got = keyless_path.administer(
            "sweep", *words,
            settings={"CERTGATE_LOG": private(fleet.base, files.log)})
        said.append(got.out + got.err)
        out.result(got.code == code and words_said in said[-1],
                   f"token: {words_said}", got)
    out.equal(re.findall(r"DELETE \S*/connections/([^\s?]+)",
                         keyless_path.service.trace()), ids[:1],
              "token: exactly one is closed, once")
    out.result(is_closed(clients[0]) and ping(clients[1]), "token: it is")
    out.result(not any(text in s or path.KEY in s for s in said),
               "token: no secret is printed")
    out.equal(keyless_path.close(), [0, 0, 0], "token: all end with 0")


def main():
    if not emulator.PROGRAM.exists():
        print("1..0 # SKIP the emulator is not built")
        return
    out, fleet = tap.Tap(), Fleet()
    doubted(fleet, out)
    for name, ended, reason, make in kinds(fleet):
        end(fleet, out, name, ended, reason, make)
    unknown(fleet, out)
    origins(fleet, out)
    token(fleet, out)
    out.equal(fleet.path.close(), [0, 0, 0], "all end with 0")
    out.done()


main()
