#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate status: outages planted around a running handler, each with its
cause in the first line and its fix, and healthy variations, none with a
cause."""
import concurrent.futures
import datetime
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import (admin, cases, cgi, fastcgi, logs, pki,  # noqa: E402
                     place, processes, tap)

out = tap.Tap()
base = place.temporary()
known = cases.certificates()
DEVICE, OTHER, PUMP = (known[n]["sha1"] + "\n"
                       for n in ("device", "other", "pump"))
SETTINGS = {"CERTGATE_HUB": "chat", "CERTGATE_ORIGINS": cases.ORIGIN,
            "CERTGATE_ACCESS_KEYS": cases.KEY, "CERTGATE_CODE": "a-code"}
AUTHORITY = pki.Authority(base / "authority", "/O=T/CN=Fleet")
WELL = "All is well."
DOUBT = "No fault was found, but the log is not trusted. ("


class Gate:
    """A handler with a log file, and what reaches it."""

    def __init__(self, name, settings=None, text=DEVICE):
        self.folder = base / name.replace(" ", "-")
        (self.folder / "logs").mkdir(parents=True)
        self.log = self.folder / "logs/log"
        self.configuration = processes.Configuration(
            self.folder, {}, text)
        self.settings = SETTINGS | (settings or {})
        self.write_settings({})
        self.handler = processes.Handler(self.configuration)
        self.running = True

    def write_settings(self, more):
        self.settings |= more
        rows = {"CERTGATE_LIST": self.configuration.list,
                "CERTGATE_LOG": self.log} | self.settings
        new = self.folder / "settings.new"
        new.write_text("".join(f"{n}={v}\n" for n, v in rows.items() if v))
        new.chmod(0o600)
        new.rename(self.configuration.file)

    def restart(self):
        if self.running:
            self.handler.stop()
        self.handler.start()

    def event(self, certificate="device", ago=0, count=1, code="a-code",
              **more):
        now = datetime.datetime.fromtimestamp(time.time() - ago,
                                              datetime.timezone.utc)
        headers = {"ce-time": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
        row = {"path": f"/eventhandler?code={code}",
               "certificates": [f"@{certificate}"] if certificate else "absent",
               "headers": headers | more.pop("headers", {}), **more}
        case = cases.Case("", {}, None, cases.own_request(row, known), {})
        for _ in range(count):
            before = self.lines()
            peer = fastcgi.Peer(self.handler.path)
            peer.send(fastcgi.request(list(cgi.parameters(case).items()),
                                      case.body))
            peer.answer()
            peer.close()
            place.wait_for(lambda: self.lines() > before)

    def lines(self):
        return len(processes.decisions(self.log.read_text())) \
            if self.log.exists() else 0

    def stop(self):
        self.handler.close()
        self.running = False

    def run(self, *arguments, verb="status"):
        where = ["--socket", self.handler.path] if verb == "status" else []
        return admin.run(verb, *where, *arguments, environment={
            "CERTGATE_CONFIG": str(self.configuration.file)})

    def close(self):
        if self.running:
            self.handler.process.send_signal(signal.SIGCONT)
            self.handler.close()


def refused(**more):
    return lambda gate: gate.event(count=3, **more)


def fill(name, text):
    def plant(gate):
        gate.event()
        (gate.folder / name).write_text(text)
    return plant


def remove_list(gate):
    gate.event()
    gate.configuration.list.unlink()


def stop(gate):
    gate.event()
    gate.stop()


def hang(gate):
    gate.event()
    gate.handler.process.send_signal(signal.SIGSTOP)


def mode(gate):
    gate.event()
    gate.configuration.list.chmod(0o666)


def of_ca(text):
    """An entry with a CRL that does not load."""
    def plant(gate):
        gate.event()
        ca, crl = gate.folder / "ca.pem", gate.folder / "ca.crl"
        ca.write_text(AUTHORITY.pem)
        if text is not None:
            crl.write_text(text)
        gate.configuration.write_list(f"ca:{ca} cn=* crl={crl}\n")
        place.wait_for(lambda: "see certgate check" in gate.log.read_text())
    return plant


def strangers(gate):
    for name in ("other", "stranger", "pump"):
        gate.event(name)


def regenerated(gate):
    """An hour that began well."""
    gate.event(count=5)
    gate.event(key="another-key-0123456789ab", count=3)


def dropped(gate):
    """Certificates that were accepted, and now are not."""
    gate.event()
    gate.event("other")
    gate.configuration.write_list(PUMP)
    place.wait_for(lambda: gate.log.read_text().count(" entr") > 1)
    for _ in range(2):
        gate.event()
        gate.event("other")


def write_log(*lines):
    def plant(gate):
        gate.event()
        with gate.log.open("a") as file:
            file.write(logs.text(lines))
    return plant


def utf_16(gate):
    gate.event()
    gate.configuration.list.write_bytes(DEVICE.encode("utf-16"))


def dangle(gate):
    gate.event()
    gate.configuration.list.unlink()
    gate.configuration.list.symlink_to("no-such-file")


def deny_all(gate):
    gate.event()
    gate.run("--all", verb="deny")


def log_is_folder(gate):
    gate.event()
    gate.write_settings({"CERTGATE_LOG": gate.folder / "nowhere/log"})


# A name, settings, list, what happens, and the first line, the fix, and the
# settings or the list that end the outage.
OUTAGES = [
    ("wrong key", {"CERTGATE_ACCESS_KEYS": "another-key-0123456789ab"}, DEVICE,
     refused(), "No event has a valid signature", "set CERTGATE_ACCESS_KEYS",
     {"CERTGATE_ACCESS_KEYS": cases.KEY}),
    ("key regenerated", {}, DEVICE, regenerated,
     "No event has a valid signature", "set CERTGATE_ACCESS_KEYS", None),
    ("no signature", {}, DEVICE, refused(headers={"ce-signature": None}),
     "No event has a signature", "certgate doctor", None),
    ("no login", {"CERTGATE_REMOTE_USER": "*"}, DEVICE, refused(),
     "The web server authenticates no event as CERTGATE_REMOTE_USER.",
     "compare CERTGATE_REMOTE_USER", {"CERTGATE_REMOTE_USER": None}),
    ("wrong origin", {"CERTGATE_ORIGINS": "b.example"}, DEVICE, refused(),
     "Every event names an origin that is not configured. (events name "
     f"{cases.ORIGIN}; configured: b.example)", "set CERTGATE_ORIGINS",
     {"CERTGATE_ORIGINS": cases.ORIGIN}),
    ("wrong hub", {"CERTGATE_HUB": "plant"}, DEVICE, refused(),
     "Every event names a hub that is not configured. (events name chat; "
     "configured: plant)", "set CERTGATE_HUB", {"CERTGATE_HUB": "chat"}),
    ("wrong code", {"CERTGATE_CODE": "the-secret"}, DEVICE, refused(),
     "No event has the configured code", "set the same code",
     {"CERTGATE_CODE": "a-code"}),
    ("no certificate", {}, DEVICE, refused(certificate=None),
     "No client presents a certificate", "az webpubsub", None),
    ("not listed", {}, PUMP, lambda gate: [gate.event(n) for n in (
        "device", "other", "stranger")], "No entry matches any client.",
     "certgate pending", DEVICE),
    ("accepted before", {}, DEVICE + OTHER, dropped,
     "No entry matches any client. (4 refused since the last load or "
     "accepted client)",
     "certgate pending", DEVICE),
    ("entry expired", {}, DEVICE.strip() + " expires=2020-01-01\n", refused(),
     "The entry of every client has expired. (line 1 of /",
     "set a later expires= in this line", DEVICE),
    ("entry not yet", {}, DEVICE.strip() + " not-before=2099-01-01\n",
     refused(), "No client's entry is valid yet.", "not-before=", DEVICE),
    ("certificate expired", {}, known["expired"]["sha1"] + "\n",
     refused(certificate="expired"),
     "The certificate of every client has expired.", "certgate rotate OLD NEW",
     DEVICE),
    ("no key", {"CERTGATE_ACCESS_KEYS": None,
                "CERTGATE_SIGNATURE": "required"}, DEVICE, refused(),
     "The configuration refuses every client. (a signature is required",
     "set CERTGATE_ACCESS_KEYS",
     {"CERTGATE_ACCESS_KEYS": cases.KEY}),
    ("as installed", {"CERTGATE_ORIGINS": "unset.invalid"}, DEVICE,
     lambda gate: None, "The configuration refuses every client. "
     "(CERTGATE_ORIGINS", "set CERTGATE_ORIGINS",
     {"CERTGATE_ORIGINS": cases.ORIGIN}),
    ("list without entries", {}, DEVICE, fill("list", "# none\n"),
     "The configuration refuses every client. (the list has", "certgate allow",
     DEVICE),
    ("list emptied", {}, DEVICE, fill("list", ""), "The list does not load.",
     "certgate check", DEVICE),
    ("list removed", {}, DEVICE, remove_list, "The list does not load.",
     "restore /", DEVICE),
    ("all denied", {}, DEVICE, deny_all, "The list does not load. (certgate "
     "deny --all moved it to /", "to allow clients again: mv /", DEVICE),
    ("list in UTF-16", {}, DEVICE, utf_16, "The list does not load. (",
     "convert the file to UTF-8", DEVICE),
    ("list that is a dangling link", {}, DEVICE, dangle,
     "The list does not load. (", "restore the target of the link /", DEVICE),
    ("list invalid", {}, DEVICE, fill("list", "zz\n"),
     "The list does not load. (", "correct line 1 of /", DEVICE),
    ("missing CRL", {}, DEVICE, of_ca(None), "The list does not load. (",
     "replace /", DEVICE),
    ("empty CRL", {}, DEVICE, of_ca(""), "The list does not load. (",
     "replace /", DEVICE),
    ("list mode", {}, DEVICE, mode, "The list does not load. (",
     "chmod o-w /", DEVICE),
    ("settings invalid", {}, DEVICE, fill("settings", "CERTGATE_HUB=\n"),
     "The settings do not load. (", "correct line 1 of /", {}),
    ("settings emptied", {}, DEVICE, fill("settings", ""),
     "The settings do not load. (", "certgate check", {}),
    ("handler stopped", {}, DEVICE, stop, "The handler is not running.",
     "systemctl start certgate.socket certgate.service", None),
    ("handler that hangs", {}, DEVICE, hang,
     "The handler is not running. (its process does not respond)",
     "systemctl restart certgate.service", None),
    ("every entry over", {}, OTHER.strip() + " expires=2020-01-01\n" +
     PUMP.strip() + " not-before=2099-01-01\n", lambda gate: None,
     "No allow entry is valid today.", "certgate list prints", DEVICE),
    ("clock", {}, DEVICE, refused(ago=-7200),
     "The clock disagrees with the time in the events. (this host's clock "
     "is 7",
     "timedatectl set-ntp true", {}),
    ("lines lost", {}, DEVICE, write_log(logs.accepted("device", 9, lost="3")),
     "Lines of the log were lost.", "certgate stats", None),
    ("log of no folder", {}, DEVICE, log_is_folder,
     "The configuration has errors. (CERTGATE_LOG", "certgate check", None),
]

# What may look like an outage, and is none.
HEALTHY = [
    ("no client yet", {}, DEVICE, lambda gate: None),
    ("one client", {}, DEVICE, lambda gate: gate.event()),
    ("a quiet night", {}, DEVICE, write_log(logs.accepted("device", 40000))),
    ("one stranger", {}, DEVICE, lambda gate: gate.event("stranger")),
    ("one stranger again and again", {}, DEVICE,
     refused(certificate="stranger")),
    ("strangers beside clients", {}, DEVICE,
     lambda gate: [gate.event(), strangers(gate)]),
    ("two refusals", {}, DEVICE,
     lambda gate: gate.event(key="another-key-0123456789ab", count=2)),
    ("refusals, then a client", {}, DEVICE,
     lambda gate: [gate.event(certificate=None, count=4), gate.event()]),
    ("scanners", {}, DEVICE, lambda gate: gate.event(
        method="GET", count=5, headers={"WebHook-Request-Origin": None})),
    ("a denied client", {}, DEVICE + "deny " + OTHER,
     refused(certificate="other")),
    ("report-only", {"CERTGATE_REPORT_ONLY_UNTIL": time.strftime(
        "%Y-%m-%d", time.gmtime(time.time() + 86400))}, PUMP,
     lambda gate: [gate.event(n) for n in ("device", "other", "stranger")]),
    ("report-only without entries", {
        "CERTGATE_REPORT_ONLY_UNTIL": time.strftime(
            "%Y-%m-%d", time.gmtime(time.time() + 86400))}, "", refused()),
    ("no certificate is allowed",
     {"CERTGATE_MISSING_CERTIFICATE": "allow"}, "",
     refused(certificate=None)),
    ("any origin and hub", {"CERTGATE_ORIGINS": "*", "CERTGATE_HUB": None},
     DEVICE, refused()),
    ("no code", {"CERTGATE_CODE": None}, DEVICE, refused()),
    ("a rotation", {},
     OTHER + DEVICE.strip() + " expires=2020-01-01\n",
     lambda gate: [gate.event("other"), gate.event(count=4)]),
    ("an entry that expired", {}, DEVICE + PUMP.strip() +
     " expires=2020-01-01\n", lambda gate: gate.event()),
    ("a clock a minute off", {}, DEVICE, refused(ago=60)),
    ("an outage that is over", {}, DEVICE, write_log(
        *(logs.line(900 - n, reason="signature") for n in range(9)),
        logs.accepted("device", 5))),
    ("yesterday's outage", {}, DEVICE, write_log(
        *(logs.line(40000 - n, reason="signature") for n in range(9)))),
    ("a restart", {}, DEVICE, lambda gate: [gate.event(), gate.restart(),
                                            gate.event()]),
]


def outage(name, settings, text, plant, first, fix, repair):
    gate = Gate(name, settings, text)
    plant(gate)
    done = gate.run()
    lines = done.out.splitlines() + ["", ""]
    out.result(done.code == 1 and lines[0].startswith(first) and
               lines[1].startswith("fix ") and fix in lines[1] and
               not re.search(r"\b1 (errors|warnings)\b", done.out),
               f"outage: {name}", f"{done}\n{gate.log.read_text()[-800:]}")
    out.result(not any(secret in done.out for secret in
                       (cases.KEY, "a-code", "the-secret")),
               f"{name}: no secret", done)
    value = json.loads(gate.run("--json").out)
    out.result(not value["well"] and fix in value["fix"] and
               value["cause"].startswith(first.partition(" (")[0]),
               f"{name}: as JSON", value)
    if repair is not None:
        gate.write_settings(repair if isinstance(repair, dict) else {})
        if isinstance(repair, str):
            gate.configuration.write_list(repair)
        gate.restart()
        gate.event()
        done = gate.run()
        out.result(done.code == 0 and done.out.startswith(WELL),
                   f"{name}: repaired", done)
    gate.close()


def healthy(name, settings, text, happens):
    gate = Gate(name, settings, text)
    place.wait_for(lambda: gate.log.exists() and
                   " entr" in gate.log.read_text())
    happens(gate)
    done = gate.run()
    out.result(done.code == 0 and done.out.startswith(WELL),
               f"healthy: {name}", f"{done}\n{gate.log.read_text()[-800:]}")
    gate.close()


def check_is_honest():
    gate = Gate("check")
    gate.event()
    out.equal(gate.run("--quiet", verb="check").code, 0, "check: well")
    gate.event(key="another-key-0123456789ab", count=3)
    done = gate.run("--quiet", verb="check")
    out.result(done.code == 1 and "No event has a valid signature" in done.out,
               "check: all refused for one reason", done)
    book = gate.folder / "candidate"
    book.write_text(DEVICE)
    out.equal(gate.run("--quiet", "--list", book, verb="check").code, 0,
              "check: a candidate is not judged by the log")
    gate.close()


def every_entry_over():
    """A start would refuse every client."""
    book, past = base / "over.list", base / "past.pem"
    past.write_text(known["expired"]["pem"])
    past.chmod(0o644)
    for text, more, code in (
            (None, {}, 1), (None, {"CERTGATE_CHECK_DATES": "no"}, 0),
            ("expires=2020-01-01", {}, 1), ("not-before=2099-01-01", {}, 1),
            (f"expires=2020-01-01\n{OTHER.strip()}", {}, 0),
            ("expires=2020-01-01", {
                "CERTGATE_MISSING_CERTIFICATE": "allow"}, 0),
            ("expires=2020-01-01", {
                "CLIENT_CERT_THUMBPRINT": OTHER.strip()}, 0)):
        book.write_text(f"{DEVICE.strip()} {text}\n" if text else
                        f"file:{past}\n")
        done = admin.run("check", "--quiet", "--list", book, environment=more)
        out.result(done.code == code and
                   ("no allow entry is valid today" in done.out) == code,
                   f"check: {text!r} {more}", done)


def written_in_place():
    """A list that is cut at any time allows a client that it denies at its
    end: nothing is said of the part."""
    gate = Gate("written")
    pin, pem = known["device"]["sha256"], gate.folder / "device.pem"
    gate.event()
    pem.write_text(known["device"]["pem"])
    ended = threading.Event()

    def write():
        while not ended.is_set():
            with gate.configuration.list.open("w") as file:
                for line in f"{pin} user=x\n", f"deny {pin}\n":
                    file.write(line)
                    file.flush()
                    ended.wait(0.15)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(2):
            for verb, more in (("status", []), ("check", ["--quiet"]),
                               ("explain", [pem])):
                done = gate.run(*more, verb=verb)
                out.result(done.code == 1 and
                           "still being written" in done.out,
                           f"a list that is written in place: {verb}", done)
    finally:
        ended.set()
        writer.join()
    gate.close()


def store_alone():
    """Entries of a store, and no list."""
    folder = base / "store"
    folder.mkdir()
    conf, entries = folder / "settings", folder / "entries"
    conf.write_text(f"CERTGATE_STORE={folder}/store\nCERTGATE_ORIGINS=a.example\n"
                    f"CERTGATE_ACCESS_KEYS={cases.KEY}\n")
    conf.chmod(0o600)
    entries.write_text("ab" * 32 + "\n")  # a SHA-1 is warned of
    more = {"environment": {"CERTGATE_CONFIG": str(conf)}}
    if admin.run("store", "init", **more).code != 0 or \
            admin.run("import", entries, **more).code != 0:
        print("# built without a store")
        return
    done = admin.run("check", "--quiet", **more)
    out.equal((done.code, done.out), (0, ""), "a store alone: check")
    done = admin.run("status", "--log", "-", **more)
    out.result(done.code == 3 and done.out.startswith(
        "It is unknown whether the handler is running"),
        "a store alone: status", done)


def cannot_tell():
    gate = Gate("nowhere")
    gate.event()
    gate.log.unlink()
    for more in ["--log", gate.folder / "missing"], []:
        done = gate.run(*more)
        fix = "give an existing file to --log" if more else \
            "wait for the next event, or as a service, systemctl restart " \
            "certgate.service"
        out.result(done.code == 3 and done.out.startswith(
            f"The log cannot be read. ({more[1] if more else gate.log}: "
            "missing log") and done.out.splitlines()[1] == f"fix       {fix}",
            f"a log that is missing: {fix}", done)
    for what, make in (("a FIFO", lambda: os.mkfifo(gate.log)),
                       ("/dev/zero", lambda: gate.log.symlink_to("/dev/zero"))):
        make()
        for verb in "status", "why", "check":
            done = gate.run(*(["x"] if verb == "why" else []), verb=verb)
            out.result(done.code == 3 and "log: expected a file" in
                       done.out + done.err, f"{what} in its place: {verb}",
                       done)
        gate.log.unlink()
    done = gate.run("--quiet", verb="check")
    out.result(done.code == 0 and "warning: " in done.out and
               f"{gate.log}: " in done.out, "check: no log yet", done)
    path = gate.folder / "sites-log"
    path.write_text(logs.text(
        [logs.line(90 + n, reason="signature", site="one") for n in range(3)] +
        [logs.accepted("device", 5, site="two")]))
    done = gate.run("--log", path)
    out.result(done.code == 1 and "\nsite      one\n" in done.out,
               "an outage of one site beside another's clients", done)
    os.mkfifo(gate.folder / "page")
    done = gate.run("--html", gate.folder / "page")
    out.result(done.code == 3 and "expected a file" in done.err and
               (gate.folder / "page").is_fifo(),
               "--html: only a file is replaced", done)
    (gate.folder / "empty").write_text("")
    done = admin.run("status", "--log", gate.folder / "empty", environment={
        "CERTGATE_CONFIG": str(gate.configuration.file)})
    out.result(done.code == 3 and done.out.startswith(
        "It is unknown whether the handler is running"),
        "no socket and no event", done)
    gate.close()


def doubted():
    """A stranger can write what looks like a handler's line."""
    gate = Gate("doubted")
    gate.event()
    other = gate.folder / "other"
    other.write_text(gate.log.read_text())
    for why, more, mode in (
            ("this is not the log of CERTGATE_LOG", ["--log", other], 0o640),
            ("others can write this log", [], 0o666)):
        gate.log.chmod(mode)
        done = gate.run(*more)
        out.result(done.code == 3 and
                   done.out.startswith(f"{DOUBT}{why})\n") and
                   done.out.count(why) == 1 and "\nfix       set CERTGATE_LOG "
                   in done.out, why, done)
        value = json.loads(gate.run("--json", *more).out)
        out.equal((value["well"], value["doubt"]), (False, why),
                  f"{why}: as JSON")
        done = gate.run("--html", gate.folder / "page", *more)
        out.equal((done.code, f"({why})" in done.out, why in (
            gate.folder / "page").read_text()), (3, False, True),
            f"{why}: the page")
    gate.event(key="another-key-0123456789ab", count=3)
    done = gate.run()
    out.result(done.code == 1 and done.out.startswith(
        "No event has a valid signature") and
        "\nnote      others can write this log\n" in done.out,
        "a doubted log: another cause", done)
    gate.close()


def write_site(gate, name, text):
    path = gate.folder / "sites" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def sites():
    """A broken site, and one with an entry that expires, in every tool."""
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 5 * 86400))
    gate = Gate("of-sites")
    books = {}
    for name, more in (("one", ""), ("two", f" expires={day}")):
        books[name] = gate.folder / "sites" / f"{name}.list"
        write_site(gate, f"{name}.list", DEVICE.strip() + f"{more}\n")
        write_site(gate, f"{name}.conf", f"CERTGATE_LIST={books[name]}\n"
                   f"CERTGATE_ACCESS_KEYS={cases.KEY}\n"
                   f"CERTGATE_ORIGINS={cases.ORIGIN}\n")
    good = (gate.folder / "sites/two.conf").read_text()
    gate.restart()

    def events():
        for name in ("two", "one"):
            gate.event(parameters={"CERTGATE_SITE": name})

    def look():
        return [gate.run(), gate.run("--quiet", verb="check"), admin.run(
            "stats", "--prometheus", "--state", gate.folder / "state",
            environment={
                "CERTGATE_CONFIG": str(gate.configuration.file)})]

    events()
    status, check, metrics = look()
    out.result(status.code == 0 and status.out.startswith(WELL) and
               day in status.out, "a site's entry expires: status", status)
    out.result(check.code == 0 and f"{books['two']}:1" in check.out and
               "expires" in check.out, "a site's entry expires: check", check)
    out.result(re.search(r'_expires_seconds{.*site="two".*kind="entry"',
                         metrics.out),
               "a site's entry expires: metrics", metrics)
    (gate.folder / "sites/two.conf").write_text("CERTGATE_HUB=\n")
    place.wait_for(lambda: "; see certgate check" in gate.log.read_text())
    events()
    status, check, metrics = look()
    out.result(status.code == 1 and status.out.startswith(
        "The configuration has errors. (") and "sites/two.conf:1" in status.out
        and "\nfailed " in status.out, "a broken site: status", status)
    out.result(check.code == 1 and "sites/two.conf:1" in check.out,
               "a broken site: check", check)
    out.result('configuration_valid{site="two"} 0\n' in metrics.out and
               'configuration_stale{site="two"} 1\n' in metrics.out and
               'configuration_valid{site="one"} 1\n' in metrics.out,
               "a broken site: metrics", metrics)
    (gate.folder / "sites/two.conf").write_text(
        "CERTGATE_MISSING_CERTIFICATE=refuse\n")
    status = gate.run()
    out.result(status.code == 1 and status.out.startswith(
        "The configuration refuses every client. (") and
        "\nsite      two\n" in status.out, "a site without entries", status)
    check = gate.run(verb="check")
    out.result(check.code == 1 and "error: two: every client is refused: the "
               "list has no allow entry (fix: " in check.out and
               "rejects every client" not in check.out,
               "a site without entries: check", check)
    (gate.folder / "sites/two.conf").write_text(good)
    # On a busy host, the one without entries was loaded before.
    repaired = r"site two: list [23]: 1 entry"
    place.wait_for(lambda: re.search(repaired, gate.log.read_text()))
    events()
    status = gate.run()
    out.result(status.code == 0 and "\nfailed " not in status.out and
               re.search(repaired, status.out),
               "a repaired site: status", status)
    gate.close()


def as_the_handler():
    """Root looks at files as the handler's user."""
    if os.geteuid() != 0:
        return
    gate = Gate("user")
    gate.event()
    gate.configuration.list.chmod(0o600)
    base.chmod(0o755)
    gate.configuration.file.chmod(0o644)
    done = gate.run("--as", "www-data")
    out.result(done.code == 1 and
               done.out.startswith("The list does not load. (") and
               "www-data" in done.out, "a file that only root can read", done)
    (gate.folder / "mine").mkdir(mode=0o700)
    pem = gate.folder / "mine/device.pem"
    pem.write_text(known["device"]["pem"])
    done = gate.run(pem, "--as", "www-data", verb="explain")
    out.result(done.code == 1 and "list" in done.out and
               "www-data" in done.out, "explain, too", done)
    gate.configuration.list.chmod(0o644)
    os.chown(gate.log, pwd.getpwnam("www-data").pw_uid, 0)
    done = gate.run()
    out.result(done.code == 3 and done.out.startswith(DOUBT) and
               "\nfix       certgate status --as www-data, if the handler "
               "runs as that user\n" in done.out,
               "a log of another user", done)
    done = gate.run("--as", "www-data")
    out.result(DOUBT not in done.out and "note " not in done.out,
               "a log of the handler's user", done)
    done = gate.run(pem, "--as", "www-data", verb="explain")
    out.equal(done.code, 0, "and the input is root's")
    out.equal(gate.run("--as", "no-such-user").code, 3, "no such user")
    gate.close()


# A machine of its own: systemd's answers, nginx and the installed settings.
INSTALLED = """set -e
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/systemd/system /run/log
mount -t tmpfs -o size=64k,mode=755 none /run/log
echo '{decision}' >/run/log/log
chown www-data /run/log /run/log/log
cp -a /etc /run/etc
mount --bind /run/etc /etc
rm -rf /etc/apache2 /etc/lighttpd /etc/nginx /etc/certgate
mkdir /etc/nginx /etc/certgate
printf '%s\\n' CERTGATE_LIST=/etc/certgate/list CERTGATE_LOG=/run/log/log \\
  CERTGATE_ORIGINS=a.example >/etc/certgate/certgate.conf
echo '{pin}' >/etc/certgate/list
chmod {mode} /etc/certgate/list
echo '{nginx}' >/etc/nginx/nginx.conf
touch -d '9 days ago' /etc/nginx/nginx.conf
cat >/run/systemctl <<'EOF'
#!/bin/sh
case $4 in
nginx.service) echo '{web}'; echo MainPID=43 ;;
certgate.service) echo LoadState={load}; echo User={user}
  echo '{unit}'; echo ActiveState={service}
  echo MainPID=`cat /run/pid || echo {process}` ;;
certgate.socket) echo '{enabled}'; echo ActiveState={socket}
  echo 'Listen={listen} (Stream)' ;;
*) echo LoadState=loaded; echo ActiveState=active; echo MainPID=43 ;;
esac
EOF
chmod 755 /run/systemctl
mount --bind /run/systemctl /usr/bin/systemctl
{more}
exec {command} {verb}
"""
# A handler whose unit has the key.
VARIABLES = """CERTGATE_ACCESS_KEYS={key} sleep 20 >/dev/null 2>&1 </dev/null 3>>/run/log/log &
echo $! >/run/pid
"""
# A web server of www-data, and the socket in a folder with a mode.
SERVER = """setpriv --reuid www-data --regid www-data --clear-groups \\
  sleep 20 >/dev/null 2>&1 </dev/null &
echo $! >/run/web
mkdir -m {} /run/own
touch /run/own/sock
mount --bind {} /run/own/sock
"""
# Another child of it, which is first, of another user.
CHILDREN = SERVER.replace("setpriv", "sh -c 'setpriv --reuid nobody \\\n"
                          "  --regid nogroup --clear-groups sleep 20 & setpriv",
                          1).replace("sleep 20 >", "sleep 20 & wait' >", 1) + \
    "while grep -qs setpriv `sed 's,[0-9]*,/proc/&/comm,g' \\\n" \
    "  /proc/$!/task/$!/children`; do :; done\n"
OTHER_SETTINGS = VARIABLES.replace("CERTGATE_ACCESS_KEYS={key}",
                                   "CERTGATE_CONFIG=/etc/other.conf")
OWN_SETTINGS = OTHER_SETTINGS.replace("/etc/other.conf",
                                      "/etc/certgate/certgate.conf")
OF_LIST = OTHER_SETTINGS.replace(
    "CERTGATE_CONFIG=/etc/other.conf", "CERTGATE_LIST=/etc/other.list") + \
    f"echo {PUMP.strip()} >/etc/other.list\n"
OF_STORE = f"""echo CERTGATE_STORE=/run/store >>/etc/certgate/certgate.conf
{admin.COMMAND} store init >/dev/null
"""
NOT_RUNNING = "The handler is not running."


def listen(name, answers):
    """The path of a socket that systemd may name; it closes each connection,
    as a handler does, or hangs."""
    path = base / name
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def accept():
        while True:
            with server.accept()[0]:
                pass

    if answers:
        threading.Thread(target=accept, daemon=True).start()
    return path, server


def ago(name, seconds):
    """A property of systemd with a time of the boot."""
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    return f"{name}Monotonic={max(now - seconds * 1000000, 1)}"


def installed():
    if os.geteuid() != 0 or not os.path.exists("/usr/bin/systemctl") or \
            "file /etc/certgate/certgate.conf\n" not in admin.run("--help").out:
        return
    wired = "fastcgi_pass unix:/run/certgate/certgate.sock;"
    decision = logs.text([logs.accepted("device", 60)]).strip()
    before_boot = logs.text([logs.accepted(
        "device", int(time.monotonic()) + 60)]).strip()
    hours_ago = logs.text([logs.accepted("device", 9000)]).strip()
    path, server = listen("listens", True)
    silent, other = listen("silent", False)
    shut, third = listen("shut", True)
    grouped, fourth = listen("grouped", True)
    path.chmod(0o666)
    grouped.chmod(0o660)
    shutil.chown(grouped, 0, "www-data")
    shut.chmod(0o600)
    started = "ExecMainStartTimestamp"
    stopped = "InactiveEnterTimestamp"
    web = "LoadState=loaded\nUnitFileState={}\nActiveState={}\n{}"
    disabled = {"service": "inactive", "socket": "inactive", "process": 0,
                "enabled": "LoadState=loaded\nUnitFileState=disabled"}
    of_socket = ("The handler is not running. (nothing listens on {})",
                 "systemctl restart certgate.socket certgate.service")
    waiting = {"service": "inactive", "process": 0}
    served = {"listen": "/run/own/sock", "decision": decision, "web":
              web.format("enabled", "active", "'; echo MainPID=`cat /run/web`"
                         "; echo '")}
    no_access = "The web server cannot connect to the handler. (/run/own"
    key_required = "echo CERTGATE_SIGNATURE=required " \
        ">>/etc/certgate/certgate.conf\n"
    copy = "cp /etc/certgate/certgate.conf /etc/other.conf\n"
    well = {"decision": "", "pin": DEVICE.strip(), "mode": 644,
            "nginx": wired, "service": "active", "socket": "active",
            "load": "loaded", "unit": "SubState=running", "more": "",
            "enabled": "LoadState=loaded\nUnitFileState=enabled",
            "listen": path, "process": 42, "user": "www-data",
            "web": web.format("enabled", "active", ""),
            "command": admin.COMMAND, "verb": "status"}
    rows = (
            ("running", {}, 0, WELL, "running, process 42"),
            ("wired", {}, 0, WELL, "/etc/nginx/nginx.conf"),
            ("started by its socket", {"service": "inactive"}, 0, WELL,
             "starts with the next event"),
            ("started by its socket at a port", {
                **waiting, "listen": "127.0.0.1:9000"}, 0, WELL,
             "starts with the next event"),
            ("the socket of the unit", {}, 0, WELL, f"socket    {path}\n"),
            ("a socket file that is gone", {"listen": "/run/gone"}, 1,
             of_socket[0].format("/run/gone"), of_socket[1]),
            ("a socket file that is gone before the first event", {
                "listen": "/run/gone", **waiting}, 1,
             of_socket[0].format("/run/gone"), of_socket[1]),
            ("a socket file of an earlier process", {
                "listen": "/run/old", "more": "python3 -c 'import socket\n"
                "socket.socket(socket.AF_UNIX).bind(\"/run/old\")'"}, 1,
             of_socket[0].format("/run/old"), of_socket[1]),
            ("a unit that listens by itself", {
                "socket": "inactive", "listen": "/run/gone"}, 0, WELL,
             "running, process 42"),
            ("a unit that listens by itself is stopped", {
                "service": "inactive", "socket": "inactive",
                "enabled": "LoadState=not-found", "decision": decision,
                "unit": "UnitFileState=enabled"}, 1, NOT_RUNNING,
             "systemctl start"),
            ("enabled until the next boot", {
                **disabled, "decision": decision, "enabled":
                "LoadState=loaded\nUnitFileState=enabled-runtime"}, 1,
             NOT_RUNNING, "systemctl start"),
            ("disabled now", {**disabled, "decision": decision,
                              "unit": ago(stopped, 1)}, 1, NOT_RUNNING,
             "systemctl enable --now "),
            ("disabled two hours ago", {
                **disabled, "decision": hours_ago,
                "unit": ago(stopped, 7200)}, 1, NOT_RUNNING,
             "systemctl enable --now "),
            ("disabled, and events since", {
                **disabled, "decision": decision,
                "unit": ago(stopped, 300)}, 0, WELL, "unknown"),
            ("disabled since the boot, and events", {
                **disabled, "decision": decision}, 0, WELL, "unknown"),
            ("the web server is stopped", {
                "web": web.format("enabled", "inactive", ago(stopped, 1)),
                "decision": decision}, 1,
             "The web server is not running. (nginx.service)",
             "systemctl start nginx.service"),
            ("the web server did not start with this boot", {
                "web": web.format("enabled", "failed", ""),
                "decision": before_boot}, 1,
             "The web server is not running. (nginx.service)",
             "systemctl start nginx.service"),
            ("the web server is masked", {
                "web": web.format("masked", "inactive", ago(stopped, 1))
                .replace("loaded", "masked"), "decision": decision}, 1,
             "The web server is not running. (nginx.service)",
             "systemctl start nginx.service"),
            ("the web server has failed, and no event came", {
                "web": web.format("enabled", "failed", ago(stopped, 9000))},
             1, "The web server is not running. (nginx.service)",
             "systemctl start nginx.service"),
            ("the web server is stopped: check", {
                "web": web.format("disabled", "inactive", ago(stopped, 1)),
                "decision": decision, "verb": "check --quiet"}, 1, "",
             "handler: The web server is not running. (nginx.service)"),
            ("a stopped web server, and events since", {
                "web": web.format("enabled", "failed", ago(stopped, 300)),
                "decision": decision}, 0, WELL, "/etc/nginx/nginx.conf"),
            ("a web server that is not used", {
                "web": web.format("disabled", "inactive", "")}, 0, WELL,
             "/etc/nginx/nginx.conf"),
            ("a web server without a unit", {"web": "LoadState=not-found"}, 0,
             WELL, "/etc/nginx/nginx.conf"),
            ("a web server that the boot starts later", {
                "web": web.format("enabled", "inactive", "Job=7")}, 0, WELL,
             "/etc/nginx/nginx.conf"),
            ("a web server that reloads", {
                "web": web.format("enabled", "reloading", "")}, 0, WELL,
             "/etc/nginx/nginx.conf"),
            ("one of two web servers is stopped", {
                "web": web.format("enabled", "inactive", ago(stopped, 1)),
                "decision": decision, "more": "mkdir /etc/apache2 && cp "
                "/etc/nginx/nginx.conf /etc/apache2/apache2.conf"}, 0, WELL,
             "/etc/apache2/apache2.conf"),
            ("a socket for root alone", {
                **served, "more": SERVER.format(755, shut)}, 1,
             f"{no_access}/sock: user www-data cannot write to it; ",
             "fix       chgrp www-data /run/own/sock && chmod 660 "
             "/run/own/sock\n"),
            ("a socket for root alone: check", {
                **served, "more": SERVER.format(755, shut),
                "verb": "check --quiet"}, 1, "",
             "handler: The web server cannot connect to the handler. ("),
            ("a folder of the socket for root alone", {
                **served, "more": SERVER.format(700, path)}, 1,
             f"{no_access}: user www-data cannot search it)",
             "fix       chmod o+x /run/own\n"),
            ("a socket for the web server", {
                **served, "more": SERVER.format(755, path)}, 0, WELL,
             "running"),
            ("a socket for one of two users of the web server", {
                **served, "more": CHILDREN.format(755, grouped)}, 0, WELL,
             "running"),
            ("a socket for no user of the web server", {
                **served, "more": CHILDREN.format(755, shut)}, 1, no_access,
             "www-data cannot write to it"),
            ("a socket for root alone, and events since", {
                **served, "more": SERVER.format(755, shut), "decision":
                logs.text([logs.accepted("device", -120)]).strip()}, 0, WELL,
             "running"),
            ("a socket for root alone, and no web server has it", {
                **served, "more": SERVER.format(755, shut), "nginx": ""}, 0,
             WELL, "running"),
            ("a start that hangs", {
                "service": "activating", "listen": silent,
                "unit": "SubState=start\n" + ago(started, 60)}, 1,
             "The handler is not running. (its process does not respond)",
             "systemctl restart certgate.service"),
            ("a start", {
                "service": "activating", "listen": silent,
                "unit": "SubState=start\n" + ago(started, -600)}, 0, WELL,
             "running, process 42"),
            ("stopped", {"service": "failed", "socket": "failed",
                         "decision": decision}, 1,
             "The handler is not running.", "systemctl start"),
            ("failed behind its socket", {"service": "failed"}, 1,
             "The handler is not running.", "systemctl start"),
            ("masked behind its socket", {
                "load": "masked", "service": "inactive"}, 1,
             "The handler is not running.", "systemctl unmask certgate.socket "
             "certgate.service && systemctl enable --now certgate.socket "),
            ("disabled behind its socket", {
                "service": "failed", "enabled": "LoadState=loaded"}, 1,
             "The handler is not running.", "systemctl enable --now "),
            ("restarted now", {"service": "activating",
                               "unit": "SubState=auto-restart"}, 1,
             "The handler is not running. (it exits, and systemd restarts it",
             "journalctl -u certgate.service"),
            ("a user that does not exist", {
                "user": "www-dta", "service": "activating",
                "unit": "SubState=auto-restart"}, 1,
             "The handler is not running. (User= of the unit: www-dta is "
             "not in /etc/passwd)", "fix       correct User=, then systemctl "
             "daemon-reload && systemctl restart certgate.socket "
             "certgate.service\n"),
            ("a user that does not exist: files", {
                "user": "www-dta", "service": "failed"}, 1, NOT_RUNNING[:-1],
             "files     not read\n"),
            ("a user that does not exist: JSON", {
                "user": "www-dta", "service": "failed",
                "verb": "status --json"}, 1, "{",
             '"detail":"User= of the unit: www-dta is not in /etc/passwd"'),
            ("a user that does not exist: the page", {
                "user": "www-dta", "service": "failed",
                "verb": "status --html /run/page"}, 1, "", ""),
            ("a running handler of an unknown user", {"user": "www-dta"}, 3,
             "This user cannot read the configuration. (User= of the unit: "
             "www-dta is not in /etc/passwd)",
             "fix       certgate status --as USER\n"),
            ("restarted repeatedly", {
                "unit": "NRestarts=3\n" + ago(started, 0)}, 1,
             "The handler is not running. (it exits, and systemd restarts it",
             "restarted repeatedly"),
            ("restarted each few minutes", {
                "unit": "NRestarts=3\n" + ago(started, 100)}, 1,
             "The handler is not running. (it exits, and systemd restarts it",
             "restarted repeatedly"),
            ("restarted some time ago", {
                "unit": "NRestarts=9\nExecMainStartTimestampMonotonic=1"}, 0,
             WELL, "running, process 42, restarts: 9\n"),
            ("an outage that the log does not have", {
                "unit": "StatusText=No event has a valid signature: was an "
                "access key regenerated? list 2: 1 entry; this hour: 0 allowed,"
                " 9 denied (signature 9)"}, 1,
             "The handler reports an outage that the log does not show. (No "
             "event has a valid signature", "systemctl status certgate"),
            ("an outage after the last event of the log", {
                "decision": logs.text([logs.accepted("device", 300)]).strip(),
                "unit": "StatusText=No event has a valid signature: was an "
                "access key regenerated? list 2: 1 entry"}, 1,
             "The handler reports an outage that the log does not show. (No "
             "event has a valid signature", "systemctl status certgate"),
            ("an outage that an event has just ended", {
                "decision": logs.text([logs.accepted("device", -120)]).strip(),
                "unit": "StatusText=No event has a valid signature: was an "
                "access key regenerated? list 2: 1 entry"}, 0, WELL, "running"),
            ("an outage before an edit that is loaded now", {
                "unit": "'; rm /run/edited && echo 'StatusText=No allow entry "
                "is valid today.' || echo 'StatusText=list 3: 1 entry",
                "more": "touch /run/edited\n"}, 0, WELL, "running"),
            ("a handler that reports no outage", {
                "unit": "StatusText=list 2: 1 entry; this hour: 0 allowed, 0 "
                "denied"}, 0, WELL, "running"),
            ("a handler with sites that reports no outage", {
                "unit": "StatusText=2 sites; this hour: 0 allowed, 0 denied"},
             0, WELL, "running"),
            ("a running handler without its log", {
                "verb": "check --quiet", "more": "rm /run/log/log"}, 3,
             "error: ", "/run/log/log: "),
            ("a running handler without its log: status", {
                "more": "rm /run/log/log"}, 3, "The log cannot be read. ("
             "/run/log/log: missing log", "systemctl restart certgate.service"),
            ("not wired", {"nginx": ""}, 1, "No web server passes events",
             "server    none"),
            ("wired in a comment", {"nginx": "  # " + wired}, 1,
             "No web server passes events", "server    none"),
            ("a host of that name is not wired", {
                "nginx": "server_name certgate.a.example;"}, 1,
             "No web server passes events", "server    none"),
            ("wired by the file of the package", {
                "nginx": "include /usr/share/certgate/www/nginx*.conf;"}, 0,
             WELL, "/etc/nginx/nginx.conf"),
            ("events, however they come", {"nginx": "", "decision": decision},
             0, WELL, "server    none"),
            ("no longer wired", {
                "nginx": "", "decision": decision,
                "more": "touch /etc/nginx/nginx.conf"}, 1,
             "No web server passes events to the handler. (the "
             "last event came at ", "include /usr/share/certgate/www/nginx"),
            ("no longer wired, and not installed", {
                "nginx": "", "decision": decision,
                "web": "LoadState=not-found\nActiveState=inactive'; exit; '",
                "more": "touch /etc/nginx/nginx.conf"}, 0, WELL,
             "server    none"),
            ("no longer wired: check", {
                "nginx": "", "decision": decision, "verb": "check --quiet",
                "more": "touch /etc/nginx/nginx.conf"}, 1, "",
             "handler: No web server passes events"),
            ("no longer wired, and events until the reload", {
                "nginx": "", "decision": decision, "web": web.format(
                    "enabled", "active", ago("StateChangeTimestamp", 30)),
                "more": "touch -d '10 minutes ago' /etc/nginx/nginx.conf"}, 1,
             "No web server passes events", "server    none"),
            ("a reload by logrotate, however events come", {
                "nginx": "", "decision": hours_ago, "web": web.format(
                    "enabled", "active", ago("StateChangeTimestamp", 30))},
             0, WELL, "server    none"),
            ("a change, and events since, however they came", {
                "nginx": "", "decision": decision,
                "more": "touch -d '10 minutes ago' /etc/nginx/nginx.conf"}, 0,
             WELL, "server    none"),
            ("a change, and a handler without a socket here", {
                "nginx": "", "decision": decision, "listen": "[::1]:9000",
                "more": "touch /etc/nginx/nginx.conf"}, 0, WELL,
             "server    none"),
            ("a change of a web server that is not running", {
                "nginx": "", "decision": decision, "web": web.format(
                    "disabled", "inactive", ago(stopped, 9000)),
                "more": "touch /etc/nginx/nginx.conf"}, 0, WELL,
             "server    none"),
            ("no longer wired, and a stopped web server is", {
                "decision": decision, "web": web.format(
                    "enabled", "inactive", ago(stopped, 300)),
                "more": "mkdir /etc/apache2 && touch /etc/apache2/apache2.conf"
             }, 1, "No web server passes events", "a2enconf certgate"),
            ("events some hours ago, however they came", {
                "nginx": "", "decision": hours_ago}, 0, WELL,
             "server    none"),
            ("events some hours ago: check", {
                "nginx": "", "decision": hours_ago,
                "verb": "check --quiet"}, 0, "", ""),
            ("a list for root alone", {"mode": 600}, 1,
             "The list does not load. (", "www-data"),
            ("a group of the unit", {
                "mode": 640, "unit": "SupplementaryGroups=games adm",
                "more": "chgrp adm /etc/certgate/list"}, 0, WELL, "running"),
            ("the group of the unit", {
                "mode": 640, "unit": "Group=adm",
                "more": "chgrp adm /etc/certgate/list"}, 0, WELL, "running"),
            ("the user's group is not the unit's", {
                "mode": 640, "unit": "Group=adm",
                "more": "chgrp www-data /etc/certgate/list"}, 1,
             "The list does not load. (", "www-data"),
            ("a log that the handler cannot write", {
                "more": "chown root /run/log/log"}, 1,
             "The configuration has errors. (CERTGATE_LOG", "www-data"),
            ("a full disk", {
                "more": "cat /dev/zero >/run/log/fill 2>/run/full || :"}, 1,
             "The disk of the log is full.", "df"),
            ("a full disk that the handler reports", {
                "decision": decision, "unit": "StatusText=The disk of the log "
                "is full. list 2: 1 entry"}, 1, "The disk of the log is full.",
             "free space in /run/log"),
            ("lost lines that the handler reports", {
                "decision": decision, "unit": "StatusText=Lines of the log were "
                "lost. list 2: 1 entry"}, 1, "Lines of the log were lost.",
             "certgate stats"),
            ("no key in the unit", {"verb": "simulate --format http"}, 0,
             "POST ", "ce-connectionId: "),
            ("a key in the unit", {
                "more": VARIABLES.format(key=cases.KEY),
                "verb": "simulate --format http"}, 0, "POST ",
             "ce-signature: sha256="),
            ("a list of the unit's user", {
                "more": "chown www-data /etc/certgate/list", "verb": "list"},
             0, "", DEVICE.strip()),
            ("another variable of a unit without a process", {
                **waiting, "unit": "Environment=TZ=UTC"}, 0, WELL,
             "starts with the next event"),
            ("a setting of a unit without a process", {
                **waiting, "unit": "Environment=TZ=UTC CERTGATE_HUB=a"}, 3,
             "The variables of the handler are unknown", "root"),
            ("a key from the environment of systemd", {
                "more": VARIABLES.format(key=cases.KEY) + key_required}, 0,
             WELL, "running"),
            ("another log than that of the settings", {
                "more": VARIABLES.format(key=cases.KEY).replace("log/log",
                                                                "log/new")},
             1, "The handler does not write to the log of the settings.",
             "systemctl restart certgate"),
            ("a log that was rotated without a signal to the handler", {
                "more": VARIABLES.format(key=cases.KEY) +
                "mv /run/log/log /run/log/log.1; cp -p /run/log/log.1 "
                "/run/log/log"}, 1,
             "The handler does not write to the log of the settings.",
             "systemctl restart certgate"),
            ("another log that the unit sets", {
                "more": VARIABLES.format(key=cases.KEY).replace(
                    "log/log", "log/new").replace(
                        "sleep", "CERTGATE_LOG=/run/log/new sleep") +
                "touch /run/log/new; chown www-data /run/log/new"},
             0, WELL, "running"),
            ("no key", {"more": key_required}, 1,
             "The configuration refuses every client. (", "ACCESS_KEYS"),
            ("the settings of the unit, by their name", {
                "more": copy + OTHER_SETTINGS,
                "verb": "status --config /etc/other.conf"}, 0, WELL,
             "settings  /etc/other.conf\n"),
            ("the settings of the unit, by their name: check", {
                "more": copy + OTHER_SETTINGS, "service": "failed",
                "verb": "check --quiet --config /etc/other.conf"}, 1, "",
             "error: handler: The handler is not running."),
            ("other settings than the unit's", {
                "more": copy + OWN_SETTINGS, "service": "failed",
                "verb": "check --quiet --config /etc/other.conf"}, 0, "", ""),
            ("a site of the settings of the unit", {
                "more": OWN_SETTINGS + "mkdir /etc/certgate/sites\n"
                "cp /etc/certgate/certgate.conf /etc/certgate/sites/one.conf",
                "unit": "EnvironmentFiles=/run/variables",
                "verb": "status --site one"}, 0, WELL,
             "settings  /etc/certgate/sites/one.conf\n"),
            ("settings of the unit", {"more": OTHER_SETTINGS}, 3,
             "The unit names another settings file. (/etc/other.conf)",
             "certgate status --config /etc/other.conf"),
            ("settings of the unit: check", {
                "more": OTHER_SETTINGS, "verb": "check --quiet"}, 3,
             "", "error: handler: its unit names another settings file (fix: "
             "certgate check --config /etc/other.conf)"),
            ("a key in the unit: the doctor", {
                "more": VARIABLES.format(key=cases.KEY),
                "verb": "doctor http://localhost:1/"}, 1, "", "not no key here"),
            # The handler's process can write its own variables: root edits
            # no file that they name.
            *((f"a list of the unit: {verb}", {"more": OF_LIST,
                                                "verb": f"{verb} 2>&1"},
               3, "certgate: the variables of certgate.service set "
               "CERTGATE_LIST (fix: --list FILE)", "")
              for verb in (f"allow {OTHER.strip()}", "list", "deny --all")),
            *((f"a list of the unit, and a store: {verb}", {
                "more": OF_LIST + OF_STORE, "verb": f"{verb} 2>&1"}, 3,
               "certgate: the variables of certgate.service set CERTGATE_LIST "
               "(fix: --list FILE)", "")
              for verb in (f"remove {PUMP.strip()}", "list")),
            ("invalid keys: the doctor", {
                "more": "echo CERTGATE_ACCESS_KEYS_FILE=/etc/certgate/keys "
                ">>/etc/certgate/certgate.conf; echo zz: >/etc/certgate/keys; "
                "chown www-data /etc/certgate/keys; "
                "chmod 600 /etc/certgate/keys",
                "verb": "doctor http://localhost:1/"}, 1,
             "FAULT handler of this host\n      The settings do not load.\n",
             "fix: correct line 1 of /etc/certgate/keys"),
            ("a list of the unit, and --list: allow", {
                "more": OF_LIST, "verb":
                f"allow --list /etc/certgate/list {OTHER.strip()}"}, 0,
             "allowed: line 2 of /etc/certgate/list: ", ""),
            ("a misspelt variable of the unit", {
                "more": OTHER_SETTINGS.replace(
                    "CERTGATE_CONFIG", "CERTGATE_ORIGINZ")}, 1,
             'The settings do not load. (environment: unknown setting '
             '"CERTGATE_ORIGINZ"', "fix "),
            ("a folder of the log that is gone", {
                "more": "sed -i s,/run/log/log,/run/gone/log, "
                "/etc/certgate/certgate.conf"}, 1,
             "The configuration has errors. (CERTGATE_LOG: /run/gone/log: "
             "its folder does not exist)", "fix       install -d -o www-data "
             "-m 750 /run/gone, then restart the handler\n"),
            ("no key in the unit: the doctor", {
                "verb": "doctor http://localhost:1/"}, 1, "", "no key here"))

    def run(row):
        return admin.Result(subprocess.run(
            ["unshare", "-m", "sh", "-c", INSTALLED.format(**well | row[1])],
            capture_output=True, check=False,
            env={"PATH": os.environ["PATH"]}))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(run, rows))
    for (name, _, code, first, words), done in zip(rows, results):
        absent = words.startswith("not ")
        out.result(done.code == code and done.out.startswith(first) and
                   (words.removeprefix("not ") in done.out) != absent,
                   f"installed: {name}", done)
    for one in server, other, third, fourth:
        one.close()


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for one in [pool.submit(outage, *row) for row in OUTAGES] + \
            [pool.submit(healthy, *row) for row in HEALTHY]:
        one.result()
check_is_honest()
every_entry_over()
store_alone()
written_in_place()
cannot_tell()
doubted()
sites()
as_the_handler()
installed()
out.done()
