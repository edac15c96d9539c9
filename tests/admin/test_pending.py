#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate pending and allow DIGITS: rejected certificates are found in the log,
whatever else is in it and whatever they claim, and allowed if a person, or a
script, says so; certgate list --last-used: when each entry last decided."""
import concurrent.futures
import json
import os
import pathlib
import pty
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, cgi, fastcgi, logs, place, processes  # noqa: E402
from harness import tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
known = cases.certificates()
DEVICE, OTHER = known["device"]["sha256"], known["other"]["sha256"]
NOT_OURS = "[error] AH01071: client denied: reason=not-listed verdict=deny\n"


class Gate:
    """A folder with settings, a list and the log that the settings name."""

    def __init__(self, name, lines=(), more=None):
        self.log = base / name / "log.d/decisions"
        self.configuration = processes.Configuration(
            base / name, {"CERTGATE_ACCESS_KEYS": cases.KEY,
                          "CERTGATE_LOG": self.log, **(more or {})}, "")
        self.write(lines)

    def write(self, lines):
        self.log.parent.mkdir(exist_ok=True)
        self.log.write_text(logs.text(lines))
        self.log.chmod(0o640)

    def run(self, *arguments, **more):
        return admin.run(*arguments, environment={
            "CERTGATE_CONFIG": str(self.configuration.file)}, **more)

    def whole(self, *options, **more):
        done = self.run("pending", "--json", *options, **more)
        return json.loads(done.out) if done.code == 0 else {
            "certificates": [], "failed": str(done)}

    def rows(self, *options, **more):
        return self.whole(*options, **more)["certificates"]

    def list(self):
        return self.configuration.list.read_text().removeprefix("# no entries\n")

    def at_terminal(self, typed, *arguments, stdin=None):
        """The exit code, and what was shown, of a command at a terminal."""
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.clear()
            os.environ.update(processes.bare_environment(
                {"CERTGATE_CONFIG": str(self.configuration.file)}))
            if stdin:
                os.dup2(os.open(stdin, os.O_RDONLY), 0)
            os.execv(admin.COMMAND, ["certgate", *map(str, arguments)])
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


LINES = [
    logs.accepted("other", 5000, reason="listed", line="1"),
    logs.rejected("device", 900), logs.rejected("other", 600, hub="ocpp"),
    logs.rejected("device", 300, hub="CHAT"), logs.rejected("device", 60),
    logs.line(50, reason="signature", signed="no"),
    logs.line(40, reason="no-certificate"),
    logs.rejected("expired", 30, reason="certificate-expired")]


def shown():
    """What is in the log, and what the list has of it."""
    gate = Gate("shown")
    out.equal(gate.whole(), {"logBegins": None, "more": 0, "certificates": []},
              "an empty log")
    text = gate.run("pending").out
    out.equal(text, "log has no line of a decision\n", "and as text")
    gate.write(LINES)
    whole = gate.whole()
    rows = whole["certificates"]
    out.equal([(r["sha256"], r["hub"].lower(), r["count"]) for r in rows],
              [(DEVICE, "chat", 3), (OTHER, "ocpp", 1)],
              "the newest first, counted, a hub however it is written")
    out.equal((whole["logBegins"], rows[0]["last"]),
              (logs.stamp(logs.NOW - 5000), logs.stamp(logs.NOW - 60)),
              "where the log begins, and when it was last seen")
    wanted = logs.certificate("device")
    out.equal({n: rows[0][n] for n in ("sha1", "spki", "subject", "issuer")},
              {n: wanted[n] for n in ("sha1", "spki", "subject", "issuer")},
              "what the log has of the certificate")
    text = gate.run("pending").out
    out.result(f"{DEVICE[:16]}  hub chat, 3 times, last " in text and
               "    subject    CN=device\n" in text and
               "certificate's claim" in text and
               text.endswith(f"log begins {logs.stamp(logs.NOW - 5000)}\n"),
               "as text", text)
    out.equal([r["hub"] for r in gate.rows("--hub", "OCPP")], ["ocpp"],
              "--hub")
    for kind in ("sha1", "sha256", "spki"):
        for verb in ("", "deny "):
            gate.configuration.write_list(f"{verb}{kind}:{wanted[kind]}\n")
            out.equal([r["hub"] for r in gate.rows()], ["ocpp"],
                      f"not one that is in the list by {verb}{kind}")
    gate.configuration.write_list("nonsense\n")
    done = gate.run("pending")
    out.result(done.code == 0 and "expected" in done.err and
               "hub chat" in done.out, "an invalid list is said", done)
    gate.log.unlink()
    done = gate.run("pending")
    out.result(done.code == 3 and
               f"{gate.log}: missing log (fix: wait for the next event"
               in done.err,
               "a missing log is an error", done)


def sources():
    """The same rows from text, JSON, a journal and standard input."""
    gate = Gate("sources", LINES)
    wanted = gate.whole()
    gate.log.write_text(logs.in_json(LINES))
    out.equal(gate.whole(), wanted, "JSON")
    gate.log.write_text("")
    given = base / "given"
    given.write_text(logs.text(LINES))
    doubtful = wanted | {"doubt": "this is not the log of CERTGATE_LOG"}
    out.equal(gate.whole("--log", given), doubtful, "--log FILE")
    out.equal(gate.whole("--log", "-", stdin=given.read_bytes()), doubtful,
              "--log -")
    folder = logs.journal(base / "journal", logs.exported(LINES))
    out.equal(gate.whole("--log", folder), wanted, "a journal")
    messages = [(t, f"verdict=x {t}") for t, _ in LINES[:1]] + \
        [(t, logs.message(fields)) for t, fields in LINES]
    logs.journal(folder, logs.exported(messages))
    gate.configuration.file.write_text(
        gate.configuration.file.read_text().replace(str(gate.log), "syslog"))
    out.equal(gate.rows("--log", folder), wanted["certificates"],
              "a journal that has the text alone")
    for name, before in (
            ("Apache", "[Sat Nov 28 19:22:26.1 2026] [fcgid:warn] [pid 7] "
             "mod_fcgid: stderr: "),
            ("lighttpd", "2026-11-28 19:22:26: (mod_fastcgi.c.451) stderr: ")):
        log = NOT_OURS.join(["", *logs.text(LINES, before).splitlines(True)])
        given.write_text(log)
        out.equal(gate.rows("--log", given), wanted["certificates"],
                  f"the error log of {name}")
        given.write_text(log.replace("\\x", "\\\\x"))
        out.equal(gate.rows("--log", given), wanted["certificates"],
                  f"the error log of {name}, escaped once more")
    given.write_bytes(b"x" * 3000000 + b"\n" + os.urandom(100000) + b"\n" +
                      logs.text(LINES).encode() + b"2026-11-28T19:22:26Z cert")
    out.equal(gate.rows("--log", given), wanted["certificates"],
              "rubbish, a line without an end")
    given.write_text("".join(
        line[:n] + "\n" for line in logs.text(LINES[1:2]).splitlines()
        for n in range(len(line))))
    out.result(gate.run("pending", "--log", given).code == 0,
               "lines that are cut at any byte")
    out.equal(gate.run("pending", "--log", base / "none").code, 3,
              "a log that does not exist")
    (base / "empty").mkdir()
    done = gate.run("pending", "--log", base / "empty")
    out.result(done.code == 3 and "no journal file" in done.err,
               "a folder without a journal", done)


def counted():
    """Which lines count."""
    unsigned = [logs.rejected("device", 9, signed="no")]
    gate = Gate("unsigned", unsigned)
    out.equal(gate.rows(), [], "a signature is required: not without it")
    gate.run("allow", DEVICE[:32], "--yes")
    out.equal(gate.list(), "", "nor can it be allowed")
    gate = Gate("no-keys", unsigned, {"CERTGATE_ACCESS_KEYS": "",
                                      "CERTGATE_SIGNATURE": "off"})
    gate.configuration.file.write_text(
        f"CERTGATE_SIGNATURE=off\nCERTGATE_LOG={gate.log}\n"
        f"CERTGATE_LIST={gate.configuration.list}\n")
    out.equal(len(gate.rows()), 1, "none is required: also without it")
    for name, line, n in (
            ("report-only for no entry", logs.rejected(
                "device", verdict="allow", reason="report-only",
                would="not-listed"), 1),
            ("report-only for something else", logs.rejected(
                "device", verdict="allow", reason="report-only",
                would="certificate-expired"), 0),
            ("a label without a certificate", logs.rejected(
                "device", sha256="", spki=""), 0),
            ("another site", logs.rejected("device", site="one"), 0)):
        gate.write([line])
        out.equal(len(gate.rows()), n, f"counted or not: {name}")
        folder = logs.journal(base / "one", logs.exported([line]))
        out.equal(len(gate.rows("--log", folder)), n,
                  f"counted or not, of a journal: {name}")


def trusted():
    """Any user can write to the journal, but not choose its own fields."""
    gate = Gate("trusted")
    handler = re.search(rb"\0(/[^\0]*/certgate\.fcgi)\0", pathlib.Path(
        admin.COMMAND).read_bytes())[1].decode()
    lines = [logs.rejected("device", 60)]
    own = str(os.geteuid())
    cases_ = {
        "certgate.service": (logs.TRUSTED, 1),
        "another user": ({"_UID": "1000", "_EXE": "/usr/bin/logger",
                          "_SYSTEMD_UNIT": "user@1000.service"}, 0),
        "another user that runs the handler": (
            {"_UID": "1000", "_EXE": handler,
             "_SYSTEMD_UNIT": "user@1000.service"}, 0),
        "another user's unit of that name": (
            {"_UID": "1000", "_EXE": "/usr/bin/logger",
             "_SYSTEMD_UNIT": "user@1000.service",
             "_SYSTEMD_USER_UNIT": "certgate.service"}, 0),
        "www-data": ({"_UID": "33", "_EXE": "/usr/bin/php",
                      "_SYSTEMD_UNIT": "apache2.service"}, 0),
        "www-data that runs the handler": (
            {"_UID": "33", "_EXE": handler,
             "_SYSTEMD_UNIT": "apache2.service"}, 0),
        "the unit's name in a field of its own": (
            {"_UID": "33", "SYSTEMD_UNIT": "certgate.service"}, 0),
        "the handler of this user": ({"_UID": own, "_EXE": handler}, 1),
        "another program of this user": (
            {"_UID": own, "_EXE": handler + ".old"}, 0),
        "nothing that is trusted": ({}, 0)}
    for name, (fields, n) in cases_.items():
        folder = logs.journal(base / "fields", logs.exported(lines, fields))
        out.equal(len(gate.rows("--log", folder)), n,
                  f"a line of the journal by {name}")
        done = gate.run("allow", DEVICE[:32], "--yes", "--log", folder)
        out.equal((done.code, gate.list()),
                  (0, f"{DEVICE} hub=chat\n") if n else (1, ""),
                  f"allowed or not: by {name}")
        gate.configuration.write_list("")
    stranger = logs.exported([logs.rejected("stranger", 5000)],
                             {"_UID": "1000"})
    folder = logs.journal(base / "fields", stranger, logs.exported(lines))
    out.equal((gate.whole("--log", folder)["logBegins"],
               [r["subject"] for r in gate.rows("--log", folder)]),
              (logs.stamp(logs.NOW - 60), ["CN=device"]),
              "neither a row nor the beginning is another's")


def shared():
    """From a log that others can write it is always asked."""
    gate = Gate("shared", [logs.rejected("device", 60)])
    own, arguments = gate.log, ("allow", DEVICE[:32], "--yes")
    out.equal(gate.run(*arguments, "--dry-run").code, 0, "the handler's log")
    copy = base / "error.log"
    copy.write_text(own.read_text())

    def refused(name, *more, why="others can write this log", **how):
        done = gate.run(*arguments, *more, **how)
        out.result(done.code == 2 and not gate.list() and
                   why in done.err,
                   f"--yes: {name}", done)
        done = gate.run("allow", DEVICE[:32], *more, **how)
        out.result(done.code == 2 and not gate.list() and
                   "without --yes" in done.err, f"no terminal: {name}", done)

    other = "this is not the log of CERTGATE_LOG"
    refused("an error log", "--log", copy, why=other)
    refused("standard input", "--log", "-", stdin=own.read_bytes(), why=other)
    own.chmod(0o660 if os.geteuid() else 0o662)
    refused("a file that others can write")
    own.chmod(0o640)
    own.parent.chmod(0o777)
    refused("a folder that others can write")
    own.parent.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(own, 33, 33)
        refused("a file of another user")
        os.chown(own, 0, 0)
        os.chown(own.parent, 33, 33)
        refused("a folder of another user")
        os.chown(own.parent, 0, 0)
    link = own.parent / "link"
    link.symlink_to(own)
    refused("another name of it", "--log", link, why=other)
    code, said = gate.at_terminal(b"n\n", "allow", DEVICE[:8], "--log", copy)
    out.result(code == 1 and not gate.list() and "[y/N]" in said,
               "it is asked at a terminal: no", said)
    code, said = gate.at_terminal(b"y\n", "allow", DEVICE[:8], "--log", copy)
    out.equal((code, gate.list()), (0, f"{DEVICE} hub=chat\n"), "yes")
    gate.configuration.write_list("")
    code, said = gate.at_terminal(b"y\n", "allow", DEVICE[:8], "--log", "-",
                                  stdin=copy)
    out.equal((code, gate.list()), (0, f"{DEVICE} hub=chat\n"),
              "yes, with the log at standard input")
    gate.configuration.write_list("")
    forged = logs.rejected("device", 61, spki=logs.certificate("evil")["spki"])
    copy.write_text(logs.text([forged]))
    code, said = gate.at_terminal(b"y\n", "allow", DEVICE[:8], "--spki",
                                  "--log", copy)
    out.result(code == 2 and not gate.list() and "--spki" in said,
               "nor is a public key taken from there", said)


def bounded():
    """10,000 are kept: those that were seen again before all others."""
    again = [f"again {n}" for n in range(20)]
    lines = [logs.rejected(n, 9000) for n in again] + \
        [logs.rejected(f"once {n}", 8000) for n in range(50000)] + \
        [logs.rejected(n, 10) for n in again]
    gate = Gate("bounded", lines)
    whole = gate.whole()
    rows = {r["subject"]: r["count"] for r in whole["certificates"]}
    out.equal((len(rows), whole["more"]), (10000, 40020), "10,000 rows")
    out.equal([rows.get(f"CN={n}") for n in again], [2] * 20,
              "those that were seen again are among them")
    text = gate.run("pending").out
    out.result("\nand 40020 more certificates seen once\n" in text,
               "as text", text[-200:])


def is_harmless(text):
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f"
                         "\u2028-\u202e\u2066-\u2069]", text)


def hostile_names():
    name = "CN=a\x1b]0;x\x07\u202eb\u2067c\u2028d\u0085,OU=\n001122  hub bank"
    gate = Gate("names", [logs.rejected(
        "device", 60, subject=name, hub="h\x1b[2J\u202e",
        issuer="CN=x sha256=" + "00" * 32 + ' signed=yes "\\x41')])
    for log in (logs.text, logs.in_json):
        gate.log.write_text(log([logs.rejected(
            "device", 60, subject=name.encode(), hub="h\x1b[2J\u202e".encode(),
            issuer=('CN=x sha256=' + "00" * 32 + ' "\\x41').encode())]))
        for arguments in (["pending"], ["pending", "--json"],
                          ["allow", DEVICE[:8], "hub=chat", "--dry-run"],
                          ["allow", DEVICE[:32], "--yes"],
                          ["allow", DEVICE[:8]]):
            done = gate.run(*arguments)
            out.result(is_harmless(done.out + done.err) and
                       ("bank" in done.out or "x1b[2J" in done.err),
                       f"nothing steers a terminal: {' '.join(arguments)[:30]}",
                       repr(str(done)))
        row = gate.rows()[0]
        out.result(row["sha256"] == DEVICE and
                   row["issuer"].endswith(' "\\x41'),
                   "a name does not become a field", row)
        out.equal([line for line in gate.run("pending").out.splitlines()
                   if line.startswith("001122")], [],
                  "a line end does not make a row")
    out.result("give hub=NAME" in done.err and not gate.list(),
               "an invalid hub is not written", done)
    code, said = gate.at_terminal(b"y\n", "allow", DEVICE[:8], "hub=chat")
    out.result(code == 0 and is_harmless(said.replace("\r", "")) and
               said.rindex("sha256 ") > said.rindex("issuer "),
               "digests are shown behind the names", repr(said))


def alike():
    """Two certificates whose SHA-256 begin with the same eight digits."""
    seen = {}
    for number in range(10 ** 7):
        digits = logs.hashlib.sha256(str(number).encode()).hexdigest()[:8]
        if digits in seen:
            return digits, seen[digits], number
        seen[digits] = number
    raise RuntimeError("no two are alike")


def told_apart():
    digits, *numbers = alike()
    both = [logs.certificate(n)["sha256"] for n in numbers]
    far = logs.certificate("far")["sha256"]
    gate = Gate("apart", [logs.rejected(n, 60) for n in [*numbers, "far"]])
    done = gate.run("allow", digits, "--yes")
    out.result(done.code == 1 and not gate.list() and
               "several certificates match" in done.err and
               all(d[:16] in done.out for d in both) and
               far[:16] not in done.out, "digits of two: both are shown", done)
    done = gate.run("allow", both[0][:32], "--yes")
    out.equal((done.code, gate.list()), (0, f"{both[0]} hub=chat\n"),
              "more of them")
    prefixes = re.findall(r"^([0-9a-f]+)  hub", gate.run("pending").out,
                          re.MULTILINE)
    out.equal(sorted(prefixes), sorted(d[:16] for d in (both[1], far)),
              "the others are still shown")


def allowed():
    gate = Gate("in", [logs.rejected("device", 90),
                       logs.rejected("device", 80, hub="a,b"),
                       logs.rejected("other", 70, hub="ocpp")])
    digits = OTHER[:8]
    done = gate.run("allow", OTHER[:32])
    out.result(done.code == 2 and "use --yes" in done.err and not gate.list(),
               "without a terminal it wants --yes", done)
    for typed in (b"n\n", b"\n", b"yesterday\n", b"\x04", b"Y \n"):
        code, said = gate.at_terminal(typed, "allow", digits)
        out.result(code == 1 and "Nothing was changed" in said and
                   not gate.list(), f"at a terminal, {typed!r}", said)
    code, said = gate.at_terminal(None, "allow", OTHER[:32], "--json")
    out.result(code == 2 and "use --yes" in said and not gate.list(),
               "--json does not ask", said)
    done = gate.run("allow", digits, "--dry-run", "user=x", "--json")
    told = json.loads(done.out)
    out.equal((told["written"], told["changes"][0]["entry"]),
              (False, f"{OTHER} user=x hub=ocpp"), "--dry-run --json")
    done = gate.run("allow", digits, "--dry-run", "user=x")
    out.result(done.code == 0 and f"+{OTHER} user=x hub=ocpp" in done.out and
               not gate.list(), "--dry-run", done)
    code, said = gate.at_terminal(b"y\n", "allow", digits.upper(), "user=x",
                                  "groups=g", "--comment", "hall 3")
    out.equal((code, gate.list()),
              (0, f"{OTHER} user=x groups=g hub=ocpp   # hall 3\n"),
              "at a terminal, y")
    for word in ("subject", "issuer", "valid to", "sha1", OTHER, "hub ocpp",
                 "claim"):
        out.result(word in said, f"it shows {word[:10]}", said)
    done = gate.run("allow", OTHER[:32], "--yes", "user=y", "--replace")
    out.equal((done.code, gate.list()),
              (0, f"{OTHER} user=y hub=ocpp   # hall 3\n"), "--replace")
    done = gate.run("allow", OTHER[:32], "--yes", "user=y")
    out.result(done.code == 0 and "already there" in done.out, "again", done)
    gate.configuration.write_list("")
    done = gate.run("allow", DEVICE[:39], "--yes")
    out.equal((done.code, gate.list()), (0, f"{DEVICE} hub=a\\,b,chat\n"),
              "39 digits, and both hubs")
    gate.configuration.write_list("")
    done = gate.run("allow", DEVICE[:32], "hub=x", "--yes")
    out.equal((done.code, gate.list()), (0, f"{DEVICE} hub=x\n"),
              "a hub that is given")
    for pin in ("sha256", "sha1"):
        deny = f"deny {known['device'][pin]}\n"
        gate.configuration.write_list(deny)
        done = gate.run("allow", DEVICE[:32], "--yes")
        out.result(done.code == 1 and "line 1 denies the certificate" in done.err and
                   gate.list() == deny, f"one that is denied by {pin}", done)
    gate.configuration.write_list("")
    gate.run("allow", DEVICE[:32], "--spki", "--yes")
    out.equal(gate.list(), f"spki:{logs.certificate('device')['spki']} "
              "hub=a\\,b,chat\n", "--spki")


def unasked():
    """Few digits of a certificate can be those of another: without a question
    they are not enough."""
    gate = Gate("unasked", [logs.rejected("device", 60)])
    for name, arguments in (("8", [DEVICE[:8], "--yes"]),
                            ("31", [DEVICE[:31], "--yes"]),
                            ("31, and no terminal", [DEVICE[:31]]),
                            ("31, and --dry-run",
                             [DEVICE[:31], "--yes", "--dry-run"])):
        done = gate.run("allow", *arguments)
        out.result(done.code == 2 and not gate.list() and
                   "32 to 63 digits" in done.err and
                   "certgate pending --json" in done.err,
                   f"too few digits without confirmation: {name}", done)
    code, said = gate.at_terminal(None, "allow", DEVICE[:31], "--yes")
    out.result(code == 2 and not gate.list() and "32 to 63" in said,
               "nor at a terminal with --yes", said)
    done = gate.run("allow", DEVICE[:32], "--yes")
    out.equal((done.code, gate.list()), (0, f"{DEVICE} hub=chat\n"),
              "32 are enough")


def no_digits():
    """Words that are not the digits of a pending certificate."""
    gate = Gate("none", [logs.rejected("device", 60)])
    for name, word, code in (("of none", "0123456789", 1),
                             ("seven", DEVICE[:7], 1),
                             ("not digits", DEVICE[:8] + "g", 1),
                             ("with a prefix", "sha256:" + DEVICE[:12], 1)):
        done = gate.run("allow", word, "--yes")
        out.result(done.code == code and not gate.list(),
                   f"digits: {name}", done)
    done = gate.run("allow", "0123456789", "--yes")
    out.result("no pending certificate matches" in done.err and
               "log begins" in done.out, "and where the log begins", done)
    (base / "none/deadbeef").write_text(known["device"]["pem"])
    done = gate.run("allow", "./deadbeef", cwd=base / "none")
    out.equal((done.code, gate.list()), (0, f"{DEVICE}\n"),
              "a file of such a name")
    gate.configuration.write_list("")
    done = gate.run("allow", OTHER[:40], "--yes")
    out.equal((done.code, gate.list()), (0, f"{OTHER[:40]}\n"),
              "40 digits that begin none are a SHA-1")
    gate.configuration.write_list("")
    done = gate.run("allow", OTHER[:63], "--yes")
    out.result(done.code == 1 and not gate.list() and "63 digits" in done.err,
               "63 digits that begin none are not a pin", done)


def many_digits():
    """As many as a SHA-1 has, or more, of a pending certificate."""
    gate = Gate("many", [logs.rejected("device", 60)])
    for n in (39, 40, 41, 63):
        done = gate.run("allow", DEVICE[:n])
        out.result(done.code == 2 and "use --yes" in done.err and
                   not gate.list(), f"{n} digits: --yes is wanted", done)
        done = gate.run("allow", DEVICE[:n].upper(), "--yes")
        out.result(done.code == 0 and
                   gate.list() == f"{DEVICE} hub=chat\n" and
                   ("SHA-1." in done.out) == (n == 40),
                   f"{n} digits: its SHA-256", done)
        gate.configuration.write_list("")
    done = gate.run("allow", "sha1:" + DEVICE[:40])
    out.equal((done.code, gate.list()), (0, f"{DEVICE[:40]}\n"),
              "a SHA-1 that is said to be one")
    gate.configuration.write_list("")
    done = gate.run("allow", DEVICE)
    out.equal((done.code, gate.list()), (0, f"{DEVICE}\n"),
              "all digits are a pin")
    gate.configuration.write_list("")
    gate.log.unlink()
    done = gate.run("allow", DEVICE[:40])
    out.equal((done.code, gate.list()), (0, f"{DEVICE[:40]}\n"),
              "40 digits without a log")


def sites():
    gate = Gate("sites", [logs.rejected("device", 60, site="one"),
                          logs.rejected("other", 50, site="two")])
    folder = gate.configuration.folder
    (folder / "sites").mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.list").write_text("#\n")
        (folder / "sites" / f"{name}.conf").write_text(
            f"CERTGATE_LIST={folder}/{name}.list\n"
            "CERTGATE_SIGNATURE=required\n")
    journal = logs.journal(base / "sited", logs.exported(
        [logs.rejected("device", 60, site="one"),
         logs.rejected("other", 50, site="two")]))
    for name, digest in (("one", DEVICE), ("two", OTHER)):
        for log in (gate.log, journal):
            out.equal([r["sha256"] for r in
                       gate.rows("--site", name, "--log", log)], [digest],
                      f"site {name} has its own: {log.name}")
    out.equal(gate.rows(), [], "none without a site")
    done = gate.run("allow", OTHER[:32], "--yes", "--site", "one")
    out.equal(done.code, 1, "the other site's is not allowed")
    (folder / "certgate.conf").write_text("CERTGATE_HUB=chat\n")
    environment = {"CERTGATE_LOG": str(gate.log),
                   "CERTGATE_LIST": "/nonexistent/list",
                   "CERTGATE_CONFIG": str(folder / "certgate.conf")}
    done = admin.run("pending", "--site", "one", environment=environment)
    out.result(DEVICE[:8] in done.out, "the log is the process's", done)
    (folder / "certgate.conf").write_text(f"CERTGATE_LOG={gate.log}\n")
    for name in ("sites/one.conf", "sites//one.conf", "sites///one.conf"):
        done = admin.run("pending", "--config", f"{folder}/{name}")
        out.result(DEVICE[:8] in done.out,
                   f"by the file of the site: {name}", done)
    environment["CERTGATE_CONFIG"] = str(folder / "nothing.conf")
    done = admin.run("allow", DEVICE[:32], "--yes", "--site", "one",
                     environment=environment)
    out.equal(done.code, 3, "missing main settings are an error")
    done = gate.run("allow", DEVICE[:32], "--yes", "--site", "one")
    out.equal([(folder / f"{n}.list").read_text() for n in ("one", "two")],
              [f"#\n{DEVICE} hub=chat\n", "#\n"],
              "it goes to the site's list")


def at_once():
    """Several administrators, each about another."""
    digests = [logs.certificate(n)["sha256"] for n in range(8)]
    gate = Gate("once", [logs.rejected(n, 60) for n in range(8)])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda digest: gate.run(
            "allow", digest[:32], "--yes").code, digests))
    out.equal(done, [0] * 8, "eight at once")
    out.equal(sorted(gate.list().splitlines()),
              sorted(f"{digest} hub=chat" for digest in digests),
              "each has its entry")


def last_used():
    """For every entry; what lies before the log is unknown."""
    gate = Gate("used")
    ca = admin.certificate(gate.configuration.folder, "ca")
    gate.configuration.write_list(
        f"{DEVICE} user=a\nspki:{logs.certificate('other')['spki']}\n"
        f"deny {known['expired']['sha1']}\nca:{ca} cn=pump-*\n"
        f"ca:{ca} cn=tank-*\n{'ab' * 32}\n")
    lines = gate.run("list").out
    out.result("(last used" not in lines and "(use" not in lines and
               "log begins" not in lines, "not unasked", lines)
    lines = gate.run("list", "--last-used").out.splitlines()
    out.result(all("(use unknown)" in line for line in lines[:6]) and
               lines[6] == "log has no line of a decision", "an empty log",
               lines)
    old = os.stat(gate.configuration.list).st_mtime - logs.NOW
    gate.write([
        logs.accepted("stranger", 9000),
        logs.accepted("device", 800), logs.accepted("device", 700, line="1"),
        logs.rejected("expired", 500, reason="denied"),
        logs.accepted("pump-1", 400, line="4"),
        logs.accepted("other", -old - 30, line="2"),
        logs.accepted("pump-1", -old - 40, line="4"),
        logs.accepted("pump-2", -old - 50, line="5", list="stale"),
        logs.rejected("device", 1)])
    begin = logs.stamp(logs.NOW - 9000)
    journal = logs.journal(base / "used-journal", logs.exported(
        sorted(((t, f) for t, f in [
            logs.accepted("stranger", 9000), logs.accepted("device", 700)]),
            key=lambda one: one[0])))
    rows = json.loads(gate.run("list", "--last-used", "--json").out)
    out.equal([r["last-used"] and True for r in rows],
              [True, True, True, True, None, None], "each kind of entry")
    out.equal((rows[0]["last-used"], rows[2]["last-used"]),
              (logs.stamp(logs.NOW - 700), logs.stamp(logs.NOW - 500)),
              "the last time")
    out.equal([rows[n]["known-since"] for n in (0, 5)], [begin, begin],
              "by pins: since the log begins")
    out.result(rows[4]["known-since"] > begin, "by a line of the list: since "
               "the list is as it is", rows[4])
    text = gate.run("list", "--last-used").out
    out.result(f"(last used {rows[0]['last-used']})" in text and
               f"(not used since {begin})" in text and
               text.endswith(f"log begins {begin}\n"), "as text", text)
    rows = json.loads(gate.run("list", "--last-used", "--json", "--log",
                               journal).out)
    out.equal((rows[0]["last-used"], rows[1]["last-used"]),
              (logs.stamp(logs.NOW - 700), None), "of a journal")
    gate.log.unlink()
    out.equal(gate.run("list", "--last-used").code, 3, "without a log")


def of_handler():
    """What a handler logs, in either form."""
    for form in ("text", "json"):
        gate = Gate(f"handler-{form}", (), {"CERTGATE_LOG_FORMAT": form})
        gate.log.unlink()
        gate.configuration.write_list(f"{OTHER} user=a\n")
        handler = processes.Handler(gate.configuration)
        for name, key in (("device", cases.KEY), ("device", cases.KEY),
                          ("other", cases.KEY), ("expired", "not the key")):
            case = cases.Case("connect", {}, None, {
                "method": "POST", "path": "/eventhandler",
                "headers": cases.event_headers(
                    "azure.webpubsub.sys.connect", key=key),
                "body": cases.connect_body([f"@{name}"], known, {})}, None)
            peer = fastcgi.Peer(handler.path)
            peer.send(fastcgi.request(cgi.parameters(case).items(), case.body))
            peer.answer()
            peer.close()
        handler.close()
        rows = gate.rows()
        pem = base / "device.pem"
        pem.write_text(known["device"]["pem"])
        told = json.loads(admin.run("thumbprint", "--json", pem).out)[0]
        out.equal([{n: r[n] for n in ("sha1", "sha256", "spki", "to")}
                   for r in rows],
                  [{n: told[n] for n in ("sha1", "sha256", "spki", "to")}],
                  f"{form}: what certgate thumbprint says of it")
        out.result(rows and rows[0]["count"] == 2 and
                   told["subject"].replace(" ", "")[:20] in
                   rows[0]["subject"].replace(" ", ""),
                   f"{form}: its count and its subject", (rows, told))
        used = json.loads(gate.run("list", "--last-used", "--json").out)
        out.result(used[0]["last-used"], f"{form}: the entry was used", used)
        counts = json.loads(gate.run("stats", "--json").out)
        out.equal((counts["events"], sum(h["allow"] for h in counts["hubs"]),
                   counts["within"][-1]["events"]), (4, 1, 4),
                  f"{form}: what certgate stats says")
        done = gate.run("allow", DEVICE[:32], "--yes")
        out.equal((done.code, gate.list()),
                  (0, f"{OTHER} user=a\n{DEVICE} hub=chat\n"),
                  f"{form}: it can be allowed")


for story in (shown, sources, counted, trusted, shared, bounded, hostile_names,
              told_apart, allowed, unasked, no_digits, many_digits, sites,
              at_once, last_used, of_handler):
    story()
out.done()
