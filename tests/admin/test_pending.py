#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate pending and allow DIGITS: who knocked is shown, whatever is in the
files that say so and whatever he calls himself, and let in when a person, or a
script, says yes; certgate list: when a pin that is to end was last seen."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import pty
import re
import shutil
import ssl
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, place, processes, strangers, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
known = cases.certificates()


def der_of(name):
    return ssl.PEM_cert_to_DER_cert(known[name]["pem"])


def sha256(der):
    return hashlib.sha256(der).hexdigest()


class Gate:
    """A folder with settings, a list and what handlers noted."""

    def __init__(self, name, more=None):
        self.folder = base / name / "stats"
        self.configuration = processes.Configuration(
            base / name, {"CERTGATE_ACCESS_KEYS": cases.KEY,
                          "CERTGATE_STATS": self.folder, **(more or {})}, "")
        self.folder.mkdir()

    def file(self, number, slots):
        path = self.folder / f"pending.{number}"
        path.write_bytes(strangers.file_of(slots))
        return path

    def run(self, *arguments, **more):
        return admin.run(*arguments, environment={
            "CERTGATE_CONFIG": str(self.configuration.file)}, **more)

    def rows(self, *options):
        done = self.run("pending", "--json", *options)
        return json.loads(done.out) if done.code == 0 else done

    def list(self):
        return self.configuration.list.read_text()

    def at_terminal(self, typed, *arguments):
        """The exit code, and what was shown, of a command at a terminal."""
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.clear()
            os.environ.update(processes.bare_environment(
                {"CERTGATE_CONFIG": str(self.configuration.file)}))
            os.execv(admin.COMMAND, ["certgate", *arguments])
        shown = b""
        while True:
            try:
                got = os.read(fd, 4096)
            except OSError:
                break
            if not got:
                break
            shown += got
            if b"[y/N]" in shown and typed is not None:
                os.write(fd, typed)
                typed = None
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(fd)
        return code, shown.decode(errors="replace")


def shown():
    """What two handlers noted, and what the list has of it."""
    gate = Gate("shown")
    out.equal(gate.rows(), [], "nobody")
    handlers = [processes.Handler(gate.configuration, name)
                for name in ("one", "two")]
    clients = [strangers.Client(h.path) for h in handlers]
    for client in clients:
        client.knock(strangers.presented(der_of("device")))
        client.knock(strangers.presented(der_of("other")), hub="ocpp")
    clients[1].knock(strangers.presented(der_of("device")))
    for client, handler in zip(clients, handlers):
        client.close()
        handler.close()
    rows = gate.rows()
    device = [r for r in rows if r["sha256"] == known["device"]["sha256"]]
    out.equal([(r["hub"], r["count"], r["sha1"]) for r in device],
              [("chat", 3, known["device"]["sha1"])],
              "what two handlers noted is one")
    out.equal({r["hub"] for r in rows}, {"chat", "ocpp"}, "at each hub")
    out.equal([r["hub"] for r in gate.rows("--hub", "ocpp")], ["ocpp"],
              "--hub")
    out.result(device[0]["first"] <= device[0]["last"] and re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", device[0]["last"]), "with times")
    pem = base / "device.pem"
    pem.write_text(known["device"]["pem"])
    told = json.loads(admin.run("thumbprint", "--json", pem).out)[0]
    out.equal({n: device[0][n] for n in told if n not in ("file", "entry")},
              {n: told[n] for n in told if n not in ("file", "entry")},
              "it says what certgate thumbprint says of it")
    text = gate.run("pending").out
    out.result(known["device"]["sha256"][:12] + "  hub chat, 3 times" in text
               and told["subject"] in text and told["issuer"] in text and
               told["names"][0] in text, "as text", text)
    for kind in ("sha1", "sha256", "spki"):
        for verb in ("", "deny "):
            gate.configuration.write_list(f"{verb}{kind}:{told[kind]}\n")
            out.equal([r["hub"] for r in gate.rows()], ["ocpp"],
                      f"not who is in the list by {verb}{kind}")
    gate.configuration.write_list("nonsense\n")
    done = gate.run("pending")
    out.result(done.code == 0 and "expected" in done.err and
               "hub chat" in done.out, "a list that does not read is said",
               done)
    old = int(time.time()) - 31 * 86400
    gate.configuration.write_list("")
    gate.file(9, [strangers.slot(strangers.certificate(1), first=old,
                                 last=old)])
    out.equal(len(gate.rows()), 2, "not who has not come for a month")
    device = der_of("device")
    written = Gate("written")
    for number, hub in enumerate((b"chat", b"CHAT")):
        written.file(number, [strangers.slot(device, hub=hub)])
    out.equal([[r["count"] for r in written.rows(*options)]
               for options in ((), ("--hub", "Chat"), ("--hub", "cha"))],
              [[2], [2], []], "a hub is one however it is written")
    written.run("allow", sha256(device)[:32], "--yes")
    out.equal(written.list().lower(), f"{sha256(device)} hub=chat\n",
              "and is once in the entry")
    gone = Gate("gone")
    gone.folder.rmdir()
    out.equal(gone.run("pending").code, 3, "no folder is an error")


def strange_files():
    """Whatever else is there."""
    gate = Gate("strange")
    good = [strangers.slot(strangers.certificate(1))]
    gate.file(0, good)
    wanted = gate.rows()
    out.equal([r["sha256"] for r in wanted],
              [sha256(strangers.certificate(1))], "one that is good")
    spoilt = {
        "another size": strangers.file_of(good)[:-1],
        "a byte more": strangers.file_of(good) + b"\0",
        "twice the size": strangers.file_of(good) * 2,
        "nothing": b"",
        "random bytes": os.urandom(strangers.SLOTS * strangers.SIZE),
        "ones": b"\xff" * strangers.SLOTS * strangers.SIZE,
    }
    for number, (name, data) in enumerate(spoilt.items(), 1):
        (gate.folder / f"pending.{number}").write_bytes(data)
        out.equal(gate.rows(), wanted, f"a file with {name}")
    target = base / "target"
    target.write_bytes(strangers.file_of(
        [strangers.slot(strangers.certificate(2))]))
    (gate.folder / "pending.20").symlink_to(target)
    os.mkfifo(gate.folder / "pending.21")
    (gate.folder / "pending.22").mkdir()
    out.equal(gate.rows(), wanted, "a link, a pipe, a folder")
    os.link(target, gate.folder / "pending.23")
    out.equal(gate.rows(), wanted, "a file with a second name")
    (gate.folder / "pending.300").write_bytes(target.read_bytes())
    out.equal(gate.rows(), wanted, "a number that no file has")
    der = strangers.certificate(3)
    forged = {
        "a digest that is not its own":
            strangers.slot(der, sha256=bytes.fromhex(wanted[0]["sha256"])),
        "no certificate": strangers.slot(b"hello"),
        "half a certificate": strangers.slot(der[:200]),
        "more than a certificate": strangers.slot(der + b"\0"),
        "no time that can be": strangers.slot(der, last=2 ** 62),
        "a time to come": strangers.slot(
            der, first=5, last=int(time.time()) + 10 * 86400),
        "another site's": strangers.slot(der, site=b"one"),
        "another place's number": strangers.slot(der, number=7),
    }
    for name, slot in forged.items():
        gate.file(30, [slot])
        out.equal(gate.rows(), wanted, f"a slot with {name}")
    gate.file(30, [strangers.slot(strangers.certificate(1), count=2 ** 64 - 1)])
    out.equal([r["count"] for r in gate.rows()], [2 ** 63 - 1],
              "a number that is too large is the largest")


def is_harmless(text):
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f"
                         "\u2028-\u202e\u2066-\u2069]", text)


def hostile_names():
    gate = Gate("names")
    path = admin.certificate(
        base, "hostile", "-addext",
        "subjectAltName=DNS:good.exampleXDNS:bank.example," + ",".join(
            f"DNS:n{n}.example" for n in range(30)),
        subject="/CN=a\x1b]0;x\x07\u202eb\u2067c\u2028d\u0085/O=" + "o" * 60 +
        "/OU=\n001122334455  hub bank")
    der = ssl.PEM_cert_to_DER_cert(path.read_text()).replace(
        b"exampleXDNS", b"example\0DNS")
    gate.file(0, [strangers.slot(der, hub=b"h\x1b[2J\xe2\x80\xae")])
    digits = sha256(der)[:8]
    for arguments in (["pending"], ["pending", "--json"],
                      ["allow", digits, "hub=chat", "--dry-run"],
                      ["allow", sha256(der)[:32], "--yes"],
                      ["allow", digits]):
        done = gate.run(*arguments)
        out.result(is_harmless(done.out + done.err) and
                   ("bank" in done.out or "x1b[2J" in done.err),
                   f"nothing steers a terminal: {' '.join(arguments)[:30]}",
                   repr(str(done)))
    text = gate.run("pending").out
    out.result("and 23 more" in text and len(text.splitlines()) < 16,
               "names fill no screen", text)
    out.result("DNS:good.example\\00DNS:bank.example" in text,
               "a NUL makes no second name", text)
    out.equal([line for line in text.splitlines()
               if line.startswith("001122")], [], "a line end makes no row")
    out.result("give hub=NAME" in done.err and not gate.list(),
               "and a hub that is none is not written", done)
    code, said = gate.at_terminal(b"y\n", "allow", digits, "hub=chat")
    out.result(code == 0 and is_harmless(said.replace("\r", "")) and
               said.rindex("sha256 ") > said.rindex("name "),
               "digests are shown behind the names", repr(said))


def alike():
    """Two certificates whose SHA-256 begin with the same eight digits."""
    seen = {}
    for number in range(10 ** 7):
        digits = sha256(strangers.certificate(number))[:8]
        if digits in seen:
            return digits, seen[digits], number
        seen[digits] = number
    raise RuntimeError("no two are alike")


def told_apart():
    gate = Gate("apart")
    digits, *numbers = alike()
    both = [strangers.certificate(n) for n in numbers]
    far = strangers.certificate(123456789)
    gate.file(0, [strangers.slot(der) for der in [*both, far]])
    done = gate.run("allow", digits, "--yes")
    out.result(done.code == 1 and not gate.list() and
               all(sha256(d)[:12] in done.out for d in both) and
               sha256(far)[:12] not in done.out,
               "digits of two: it says whose", done)
    done = gate.run("allow", sha256(both[0])[:32], "--yes")
    out.equal((done.code, gate.list()),
              (0, f"{sha256(both[0])} hub=chat\n"), "more of them")
    prefixes = re.findall(r"^([0-9a-f]+)  hub", gate.run("pending").out,
                          re.MULTILINE)
    out.equal(sorted(prefixes), sorted(
        sha256(d)[:12] for d in (both[1], far)), "the others are still shown")


def let_in():
    gate = Gate("in")
    device, other = der_of("device"), der_of("other")
    gate.file(0, [strangers.slot(device), strangers.slot(device, hub=b"a,b"),
                  strangers.slot(other, hub=b"ocpp")])
    digits, entry = sha256(other)[:8], sha256(other)
    done = gate.run("allow", entry[:32])
    out.result(done.code == 2 and "give --yes" in done.err and not gate.list(),
               "without a terminal it wants --yes", done)
    for typed in (b"n\n", b"\n", b"yesterday\n", b"\x04", b"Y \n"):
        code, said = gate.at_terminal(typed, "allow", digits)
        out.result(code == 1 and "Nothing was changed" in said and
                   not gate.list(), f"at a terminal, {typed!r}", said)
    done = gate.run("allow", digits, "--dry-run", "user=x")
    out.result(done.code == 0 and f"+{entry} user=x hub=ocpp" in done.out and
               not gate.list(), "--dry-run", done)
    code, said = gate.at_terminal(b"y\n", "allow", digits.upper(), "user=x",
                                  "groups=g", "--comment", "hall 3")
    out.equal((code, gate.list()),
              (0, f"{entry} user=x groups=g hub=ocpp   # hall 3\n"),
              "at a terminal, y")
    for word in ("subject", "issuer", "valid", "sha1", known["other"]["sha256"],
                 "hub ocpp", "own words"):
        out.result(word in said, f"it shows {word[:10]}", said)
    done = gate.run("allow", entry[:32], "--yes", "user=y", "--replace")
    out.equal((done.code, gate.list()),
              (0, f"{entry} user=y hub=ocpp   # hall 3\n"), "--replace")
    done = gate.run("allow", entry[:32], "--yes", "user=y")
    out.result(done.code == 0 and "already there" in done.out, "again", done)
    gate.configuration.write_list("")
    done = gate.run("allow", sha256(device)[:39], "--yes")
    out.equal((done.code, gate.list()),
              (0, f"{sha256(device)} hub=a\\,b,chat\n"),
              "39 digits, and both hubs")
    gate.configuration.write_list("")
    done = gate.run("allow", sha256(device)[:32], "hub=x", "--yes")
    out.equal((done.code, gate.list()), (0, f"{sha256(device)} hub=x\n"),
              "a hub that is given")
    gate.configuration.write_list(f"deny {known['device']['sha256']}\n")
    done = gate.run("allow", sha256(device)[:32], "--yes")
    out.equal(done.code, 1, "one that is denied stays so")
    deny = f"deny {known['device']['sha1']}\n"
    gate.configuration.write_list(deny)
    done = gate.run("allow", sha256(device)[:32], "--yes")
    out.result(done.code == 1 and "line 1 denies it" in done.err and
               gate.list() == deny, "nor one that is by another pin", done)
    gate.configuration.write_list("")
    gate.run("allow", sha256(device)[:32], "--spki", "--yes")
    pem = base / "device.pem"
    out.equal(gate.list(), f"spki:{admin.digest(pem, 'spki')} "
              "hub=a\\,b,chat\n", "--spki")


def unwatched():
    """Nobody compares: a stranger whose SHA-256 begins as the device's, whose
    own note was pushed out, is not let in by a few digits."""
    gate = Gate("unwatched")
    der = der_of("device")
    gate.file(0, [strangers.slot(der)])
    digits = sha256(der)
    for name, arguments in (("8", [digits[:8], "--yes"]),
                            ("31", [digits[:31], "--yes"]),
                            ("31, and no terminal", [digits[:31]]),
                            ("31, and --dry-run",
                             [digits[:31], "--yes", "--dry-run"])):
        done = gate.run("allow", *arguments)
        out.result(done.code == 2 and not gate.list() and
                   "32 to 63 digits" in done.err and
                   "certgate pending --json" in done.err,
                   f"too few digits where nobody compares: {name}", done)
    code, said = gate.at_terminal(None, "allow", digits[:31], "--yes")
    out.result(code == 2 and not gate.list() and "32 to 63" in said,
               "nor at a terminal with --yes", said)
    done = gate.run("allow", digits[:32], "--yes")
    out.equal((done.code, gate.list()), (0, f"{digits} hub=chat\n"),
              "32 are enough")


def no_digits():
    """What is none of those that knocked."""
    gate = Gate("none")
    gate.file(0, [strangers.slot(der_of("device"))])
    device = known["device"]["sha256"]
    for name, word, code in (("nobody's", "0123456789", 1),
                             ("seven", device[:7], 1),
                             ("no digits", device[:8] + "g", 1),
                             ("with a prefix", "sha256:" + device[:12], 1)):
        done = gate.run("allow", word, "--yes")
        out.result(done.code == code and not gate.list(),
                   f"digits: {name}", done)
    (base / "none/deadbeef").write_text(known["device"]["pem"])
    done = gate.run("allow", "./deadbeef", cwd=base / "none")
    out.equal((done.code, gate.list()), (0, f"{device}\n"),
              "a file of such a name")
    gate.configuration.write_list("")
    other = known["other"]["sha256"]
    done = gate.run("allow", other[:40], "--yes")
    out.equal((done.code, gate.list()), (0, f"{other[:40]}\n"),
              "40 digits that begin nobody's are a SHA-1")
    gate.configuration.write_list("")
    done = gate.run("allow", other[:63], "--yes")
    out.result(done.code == 1 and not gate.list() and "63 digits" in done.err,
               "63 digits that begin nobody's are no pin", done)


def many_digits():
    """As many as a SHA-1 has, or more, of one that knocked."""
    gate = Gate("many")
    gate.file(0, [strangers.slot(der_of("device"))])
    device = known["device"]["sha256"]
    for n in (39, 40, 41, 63):
        done = gate.run("allow", device[:n])
        out.result(done.code == 2 and "give --yes" in done.err and
                   not gate.list(), f"{n} digits: it is asked for", done)
        done = gate.run("allow", device[:n].upper(), "--yes")
        out.result(done.code == 0 and
                   gate.list() == f"{device} hub=chat\n" and
                   ("not as a SHA-1" in done.out) == (n == 40),
                   f"{n} digits: its SHA-256", done)
        gate.configuration.write_list("")
    done = gate.run("allow", "sha1:" + device[:40])
    out.equal((done.code, gate.list()), (0, f"{device[:40]}\n"),
              "a SHA-1 that is said to be one")
    gate.configuration.write_list("")
    done = gate.run("allow", device)
    out.equal((done.code, gate.list()), (0, f"{device}\n"),
              "all digits are a pin")
    gate.configuration.write_list("")
    (gate.folder / "pending.0").unlink()
    gate.folder.rmdir()
    done = gate.run("allow", device[:40])
    out.equal((done.code, gate.list()), (0, f"{device[:40]}\n"),
              "40 digits, and nobody can say who knocked")


def sites():
    gate = Gate("sites")
    folder = gate.configuration.folder
    (folder / "sites").mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.list").write_text("")
        (folder / "sites" / f"{name}.conf").write_text(
            f"CERTGATE_LIST={folder}/{name}.list\n")
    device, other = der_of("device"), der_of("other")
    gate.file(0, [strangers.slot(device, site=b"one"),
                  strangers.slot(other, site=b"two")])
    for name, der in (("one", device), ("two", other)):
        out.equal([r["sha256"] for r in gate.rows("--site", name)],
                  [sha256(der)], f"site {name} has its own")
    done = gate.run("pending")
    out.result(done.code == 0 and "--site" in done.out and
               sha256(device)[:8] not in done.out, "without a site", done)
    done = gate.run("allow", sha256(other)[:32], "--yes", "--site", "one")
    out.equal(done.code, 1, "the other site's is not let in")
    (folder / "certgate.conf").write_text("CERTGATE_HUB=chat\n")
    environment = {"CERTGATE_STATS": str(gate.folder),
                   "CERTGATE_LIST": "/nonexistent/of/nobody",
                   "CERTGATE_CONFIG": str(folder / "certgate.conf")}
    done = admin.run("pending", "--site", "one", environment=environment)
    out.result(sha256(device)[:8] in done.out, "the folder is the process's",
               done)
    (folder / "certgate.conf").write_text(f"CERTGATE_STATS={gate.folder}\n")
    for name in ("sites/one.conf", "sites//one.conf", "sites///one.conf"):
        done = admin.run("pending", "--config", f"{folder}/{name}")
        out.result(sha256(device)[:8] in done.out,
                   f"by the file of the site: {name}", done)
    shutil.copy(folder / "sites/one.conf", folder / "sites/one.back")
    done = admin.run("pending", "--config", f"{folder}/sites/one.back")
    out.equal((done.code, sha256(device)[:8] in done.out), (0, False),
              "a copy of the site's file is not the site")
    environment["CERTGATE_CONFIG"] = str(folder / "nothing.conf")
    done = admin.run("allow", sha256(device)[:32], "--yes", "--site", "one",
                     environment=environment)
    out.equal(done.code, 3, "main settings that are not there are an error")
    done = gate.run("allow", sha256(device)[:32], "--yes", "--site", "one")
    out.equal([(folder / f"{n}.list").read_text() for n in ("one", "two")],
              [f"{sha256(device)} hub=chat\n", ""],
              "it goes to the site's list")


def at_once():
    """Several administrators, each about another."""
    gate = Gate("once")
    ders = [strangers.certificate(n) for n in range(8)]
    gate.file(0, [strangers.slot(der) for der in ders])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda der: gate.run(
            "allow", sha256(der)[:32], "--yes").code, ders))
    out.equal(done, [0] * 8, "eight at once")
    out.equal(sorted(gate.list().splitlines()),
              sorted(f"{sha256(der)} hub=chat" for der in ders),
              "each has its entry")


def last_seen():
    gate = Gate("seen")
    gate.configuration.write_list(f"{known['device']['sha256']} user=a\n")
    new = "bb" * 32
    gate.run("rotate", known["device"]["sha256"], new, "--overlap", "9d")
    done = gate.run("list")
    out.result("(whether it was seen cannot be told: nothing in "
               f"{gate.folder} is a running handler's)" in
               done.out.splitlines()[0] and "seen" not in
               done.out.splitlines()[1], "nobody notes it; and nothing of one "
               "that does not end", done)
    handler = processes.Handler(gate.configuration)
    place.wait_for(lambda: "(not seen" in gate.run("list").out)
    done = gate.run("list")
    out.result("(not seen since it is to end)" in done.out.splitlines()[0] and
               "seen" not in done.out.splitlines()[1], "not yet", done)
    row = json.loads(gate.run("list", "--json").out)[0]
    out.result("last-seen" not in row and "last-seen-unknown" not in row,
               "and in JSON", row)
    client = strangers.Client(handler.path)
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    out.equal(client.knock(strangers.presented(der_of("device"))), 200,
              "the old one is let in")
    client.close()
    place.wait_for(lambda: "(last seen " in gate.run("list").out)
    rows = json.loads(gate.run("list", "--json").out)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    out.result(began <= rows[0].get("last-seen", "") <= now and
               "last-seen" not in rows[1], "and seen", rows)
    out.result(f"(last seen {rows[0]['last-seen']})" in gate.run("list").out,
               "as text")
    folder = gate.configuration.folder
    noted = folder / "stats/seen.0"
    data = bytearray(noted.read_bytes())
    at = next(i for i in range(0, len(data), 256) if any(data[i:i + 256]))
    kept = bytes(data)
    data[at + 32:at + 40] = struct.pack("=q", int(time.time()) + 2 * 86400)
    data[at:at + 32] = hashlib.sha256(data[at + 32:at + 256]).digest()
    noted.write_bytes(data)
    out.result("(not seen" in gate.run("list").out, "not in the future")
    noted.write_bytes(kept)
    (folder / "sites").mkdir()
    (folder / "sites/one.conf").write_text(
        f"CERTGATE_LIST={gate.configuration.list}\n")
    done = gate.run("list", "--site", "one")
    out.result("(not seen" in done.out and "(last seen" not in done.out,
               "not at a site where it was not", done)
    handler.close()
    done = gate.run("list")
    out.result(f"(last seen {rows[0]['last-seen']}; later is not known: "
               f"nothing in {gate.folder} is" in done.out,
               "of one that was seen, when nobody notes it any more", done)
    row = json.loads(gate.run("list", "--json").out)[0]
    out.result(row["last-seen"] == rows[0]["last-seen"] and
               "running handler" in row.get("last-seen-unknown", ""), "and in JSON",
               row)
    gate.configuration.file.write_text(
        gate.configuration.file.read_text().replace("/stats", "/nowhere"))
    done = gate.run("list")
    out.result("(whether it was seen cannot be told: "
               f"{str(gate.folder).replace('/stats', '/nowhere')}: No such file"
               in done.out, "without a folder", done)
    gate.configuration.file.write_text("x\n")
    done = gate.run("list", "--list", gate.configuration.list)
    out.result("cannot be told: " f"{gate.configuration.file}:1:1: " in
               done.out, "nor by settings that do not read", done)


shown()
strange_files()
hostile_names()
told_apart()
let_in()
unwatched()
no_digits()
many_digits()
sites()
at_once()
last_seen()
out.done()
