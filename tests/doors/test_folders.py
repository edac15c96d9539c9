#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Folders of another user on the way to settings, lists, keys and CAs: refused
by check, at the start and at a reload.  Only root can make such folders."""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import (admin, cases, cgi, fastcgi, pki, place,  # noqa: E402
                     processes, tap)

STRANGER = 12345
MODES = 0o755, 0o1755, 0o1777
out = tap.Tap()
base = place.temporary()


class Kind:
    """A file in a folder of another user: its text refuses the client, and its
    older text allowed the client."""

    def __init__(self, name, now, before, reason, broken):
        self.name = name
        self.now = now
        self.before = before
        self.reason = reason  # with the present text
        self.broken = broken  # the reason if the file is not believed

    def file(self, own):
        return {"site": own / "sites/one.conf"}.get(
            self.name, own / "strangers" / self.name)


def make_kinds():
    plant = pki.Authority(base / "plant", "/CN=Plant CA")
    other = pki.Authority(base / "other", "/CN=Other CA")
    pump = plant.issue("pump", "/CN=pump-1",
                       ["extendedKeyUsage=clientAuth"])
    empty = plant.crl()
    plant.revoke(pump)
    allow = f"{pump.sha256}\n"
    settings = (f"CERTGATE_ACCESS_KEYS={cases.KEY}\n"
                "CERTGATE_LIST=@{folder}/lists/")
    return plant, pump, [
        Kind("list", "deny " + allow, allow, "denied", "list-unreadable"),
        Kind("ca", other.pem, plant.pem, "not-listed", "list-unreadable"),
        Kind("crl", plant.crl(), empty, "revoked", "list-unreadable"),
        Kind("keys", "a-key-of-another-resource012\n", cases.KEY + "\n",
             "signature", "settings"),
        Kind("site", settings + "none\n", settings + "all\n", "not-listed",
             "settings"),
        Kind("settings", settings + "none\n", settings + "all\n",
             "not-listed", "settings")]


PLANT, PUMP, KINDS = make_kinds()


class Place:
    """A handler's own folder, and in it the folder that becomes another's."""

    def __init__(self, kind, name):
        self.kind = kind
        self.own = base / f"{name}.{kind.name}"
        self.file = kind.file(self.own)
        self.folder = self.file.parent
        keys = ({"CERTGATE_ACCESS_KEYS_FILE": self.file}
                if kind.name == "keys" else
                {"CERTGATE_ACCESS_KEYS": cases.KEY})
        ca = self.file if kind.name == "ca" else self.own / "ca.pem"
        crl = f" crl={self.file}" if kind.name == "crl" else ""
        self.configuration = processes.Configuration(
            self.own, keys, f"ca:{ca} cn=pump-*{crl}\n",
            {"ca.pem": PLANT.pem})
        lists = self.own / "lists"
        lists.mkdir()
        (lists / "all").write_text(PUMP.sha256 + "\n")
        (lists / "none").write_text("# \n")
        self.folder.mkdir()
        if kind.name == "settings":
            self.configuration.file = self.file
        if kind.name == "list":
            text = self.configuration.file.read_text()
            self.configuration.file.write_text(text.replace(
                f"LIST={self.configuration.list}", f"LIST={self.file}"))
        self.handler = None
        self.message = (f"{self.file}: bad folder: {self.folder} belongs to "
                        f"uid {STRANGER} (fix: chown root {self.folder}, or "
                        "keep the file in a folder of root)")

    def write(self, text, name=None):
        path = self.file.with_name(name or self.file.name)
        path.write_text(text.replace("@{folder}", str(self.own)))
        path.chmod(0o640)
        os.chown(path, 0, 0)

    def give(self, owner, mode):
        os.chown(self.folder, owner, 0)
        self.folder.chmod(mode)

    def start(self):
        self.handler = processes.Handler(self.configuration)

    def reason(self):
        """The reason of the answer to the client."""
        before = self.configuration.log_size()
        body = json.dumps({
            "query": {}, "claims": {}, "headers": {}, "subprotocols": [],
            "clientCertificates": PUMP.presented()}).encode()
        case = cases.Case("connect", {}, None, {
            "method": "POST", "path": "/eventhandler", "body": body.decode(),
            "headers": cases.event_headers("azure.webpubsub.sys.connect")}, {})
        peer = fastcgi.Peer(self.handler.path)
        site = [(b"CERTGATE_SITE", b"one")] if self.kind.name == "site" else []
        peer.send(fastcgi.request(list(cgi.parameters(case).items()) + site,
                                  case.body))
        peer.answer()
        peer.close()
        return processes.decisions(
            self.configuration.log_since(before))[-1]["reason"]

    def becomes(self, reason, name):
        got = []

        def is_so():
            got[:] = [self.reason()]
            return got == [reason]

        out.result(place.wait_for(is_so, 20, 0.2), name,
                   f"got {got}, expected {reason}\n" +
                   self.configuration.log_since(0)[-1500:])

    def says(self, text, name):
        out.result(place.wait_for(
            lambda: text in self.configuration.log_since(0)), name,
            f"expected {text!r} in\n{self.configuration.log_since(0)[-1500:]}")

    def check(self):
        arguments = ["check", "--config", self.configuration.file]
        return admin.run(*arguments, *(
            ["--site", "one"] if self.kind.name == "site" else []))


def make_places(name):
    return [Place(kind, name) for kind in KINDS]


def close(places):
    for one in places:
        out.equal(one.handler.close(), 0, f"{one.own.name}: it ends with 0")


def believed():
    """Root's folder, in which others may make files but not move this one."""
    places = make_places("roots")
    for one in places:
        one.write(one.kind.before)
        one.give(0, 0o1777)
        one.start()
    for one in places:
        one.becomes("listed", f"{one.kind.name}: root's folder, 1777")
        got = one.check()
        out.equal((got.code, "bad folder" in got.out), (0, False),
                  f"{one.kind.name}: check finds nothing")
    close(places)


def starts(mode):
    places = make_places(f"start.{mode:o}")
    for one in places:
        one.write(one.kind.before)
        one.give(STRANGER, mode)
        one.start()
    for one in places:
        name = f"{one.kind.name}: another's folder, {mode:o}"
        one.becomes(one.kind.broken, f"{name}: refused at the start")
        one.says(one.message, f"{name}: the log has the fix")
        got = one.check()
        out.result(got.code == 1 and one.message in got.out,
                   f"{name}: refused by check", got)
    for one in places:
        one.give(0, 0o755)
        # The sandbox does not know the lists that such settings name.
        if one.kind.name == "settings":
            one.handler.stop()
            one.handler.start()
    for one in places:
        one.becomes("listed", f"{one.kind.name}: fixed")
    close(places)


def reloads(mode):
    """The folder's owner renames an older file of root's over the other."""
    places = make_places(f"reload.{mode:o}")
    for one in places:
        one.write(one.kind.now)
        one.write(one.kind.before, "before")
        one.start()
    for one in places:
        one.becomes(one.kind.reason, f"{one.kind.name}: before a reload")
        one.give(STRANGER, mode)
        subprocess.run(["mv", "-f", "before", one.file.name], check=True,
                       cwd=one.folder, user=STRANGER, group=STRANGER,
                       extra_groups=[])
    for one in places:
        name = f"{one.kind.name}: another's folder, {mode:o}"
        one.says(one.message, f"{name}: refused at a reload")
        out.equal(one.reason(), one.kind.reason,
                  f"{name}: the last good configuration stays in force")
    close(places)


def sites():
    """The owner of the folder of the sites cannot hide them."""
    own = base / "hidden"
    configuration = processes.Configuration(
        own, {"CERTGATE_ACCESS_KEYS": cases.KEY}, PUMP.sha256 + "\n")
    (own / "sites").mkdir()
    one = Place(KINDS[0], "unused")
    one.configuration = configuration
    one.start()
    one.becomes("listed", "no site: the main list decides")
    for mode, owner, fix in ((0o1777, STRANGER, "chown root"),
                             (0o777, 0, "chmod o-w")):
        before = configuration.log_size()
        (own / "sites").chmod(mode)
        os.chown(own / "sites", owner, 0)
        one.becomes("site", f"sites, {mode:o} of {owner}: a request must name "
                    "its own")
        log = configuration.log_since(before)
        out.result(f"{own}/sites: bad folder: {own}/sites " in log and
                   log.count(f"(fix: {fix} {own}/sites") == 1,
                   "said once, with the fix", log)
        got = admin.run("check", "--config", configuration.file)
        out.result(got.code == 1 and f"(fix: {fix} {own}/sites" in got.out,
                   "check says so", got)
        os.chown(own / "sites", 0, 0)
        (own / "sites").chmod(0o755)
        one.becomes("listed", "fixed: the main list decides")
    close([one])


if os.geteuid() != 0:
    tap.skip_all("only root can make folders of another user")
believed()
for m in MODES:
    starts(m)
    reloads(m)
sites()
out.done()
