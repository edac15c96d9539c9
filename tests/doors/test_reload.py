#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The files while the handler runs: edits, breakage, removal, keys; through
lighttpd.  And what a request tries to set."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, http, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
known = cases.certificates()
device, other = known["device"], known["other"]
NEW_KEY = "another-access-key"


class Gate:
    """A handler behind lighttpd, and connect events to it."""

    def __init__(self, name, settings, text):
        self.configuration = processes.Configuration(
            base / name, settings, text)
        self.handler = processes.Handler(self.configuration)
        self.server = processes.Lighttpd(base / f"{name}.server",
                                         self.configuration)

    def connect(self, certificate="device", key=cases.KEY):
        """Reason and list of the decision."""
        before = self.configuration.log_size()
        body = cases.connect_body(["@" + certificate], known, {}).encode()
        http.exchange(self.server.port, http.request_bytes(
            "POST", "/eventhandler", cases.event_headers(
                "azure.webpubsub.sys.connect", key=key), body))
        log = self.configuration.log_since(before)
        line = [x for x in log.splitlines() if "verdict=" in x][-1]
        fields = dict(f.split("=", 1) for f in line.split() if "=" in f)
        return fields["reason"], fields["list"]

    def becomes(self, name, wanted, **given):
        got = []

        def is_so():
            got[:] = self.connect(**given)
            return tuple(got) == wanted

        out.result(place.wait_for(is_so, 30, 0.2), name,
                   f"got {got}, expected {wanted}\n" +
                   self.configuration.log_since(0)[-1500:])

    def says(self, text, name):
        def log():
            return self.configuration.log_since(0)

        out.result(place.wait_for(lambda: text in log() or not self.connect()),
                   name, f"expected {text!r} in\n{log()[-1500:]}")

    def close(self):
        self.server.close()
        out.equal(self.handler.close(), 0, "the handler ends with 0")


def edits():
    gate = Gate("edits", {"CERTGATE_ACCESS_KEYS": cases.KEY},
                device["sha1"] + "\n")
    configuration = gate.configuration
    gate.becomes("at the start", ("listed", "1"))
    configuration.write_list(f"{other['sha1']}\n")
    gate.becomes("an edit is taken up", ("not-listed", "2"))
    gate.becomes("the new entry", ("listed", "2"), certificate="other")
    configuration.write_list(f"{device['sha1']}\nnonsense here\n")
    gate.becomes("a broken edit: the last good list stays",
                 ("not-listed", "stale"))
    gate.becomes("and lets in whom it did", ("listed", "stale"),
                 certificate="other")
    gate.says(f"{configuration.list}:2:1: ", "file, line and column are named")
    gate.says("the last good list stays in force", "and what holds meanwhile")
    configuration.write_list(device["sha1"].encode() + b"\ndeny " +
                             other["sha1"].encode()[:20])
    gate.becomes("half-written: the last good list stays",
                 ("listed", "stale"), certificate="other")
    gate.says("the last line has no end", "and said why")
    configuration.write_list(device["sha1"] + "\n")
    gate.becomes("a good edit ends it", ("listed", "3"))
    with open(configuration.list, "a", encoding="utf-8") as file:
        file.write(f"deny {device['sha1']}\n")
    gate.becomes("an edit in place: deny", ("denied", "4"))
    configuration.list.chmod(0o666)
    configuration.list.write_text(device["sha1"] + "\n")
    gate.becomes("writable by everybody: not believed", ("denied", "stale"))
    gate.says("bad permissions: writable by others "
              f"(fix: chmod o-w {configuration.list})",
              "the command that mends it is named")
    configuration.list.chmod(0o644)
    gate.becomes("mended", ("listed", "5"))
    configuration.list.unlink()
    gate.becomes("removed: everybody is refused",
                 ("list-unreadable", "none"))
    log = configuration.log_since(0)
    out.equal((log.count("stays in force"), log.count("no list any more")),
              (3, 1), "of a list that is gone it is not said that it stays")
    configuration.write_list(device["sha1"] + "\n")
    gate.becomes("back again", ("listed", "6"))
    gate.close()


def cold_start():
    gate = Gate("cold", {"CERTGATE_ACCESS_KEYS": cases.KEY,
                         "CLIENT_CERT_THUMBPRINT": other["sha1"]},
                device["sha1"] + " colour=red\n")
    gate.becomes("a broken list at the start: nobody",
                 ("list-unreadable", "none"))
    gate.says("nobody gets in until the list reads", "and that is said")
    gate.becomes("not even a pin of the variable",
                 ("list-unreadable", "none"), certificate="other")
    gate.configuration.write_list(device["sha1"] + "\n")
    gate.becomes("mended while it runs", ("listed", "1"))
    gate.close()


def keys():
    file = base / "keys.secret"
    file.write_text(cases.KEY + "\n")
    file.chmod(0o640)
    gate = Gate("keys", {"CERTGATE_ACCESS_KEYS_FILE": str(file)},
                device["sha1"] + "\n")
    gate.becomes("a key from a file", ("listed", "1"))
    file.write_text(f"{cases.KEY}, {NEW_KEY}\n")
    gate.becomes("a second key, live", ("listed", "2"), key=NEW_KEY)
    gate.becomes("the first one still", ("listed", "2"))
    file.write_text(NEW_KEY + "\n")
    gate.becomes("the first one goes, live", ("signature", "3"))
    file.chmod(0o644)
    gate.becomes("readable by everybody: the keys in force stay",
                 ("listed", "stale"), key=NEW_KEY)
    gate.says("bad permissions: readable by others "
              f"(fix: chmod o-r {file})", "and the fix is named")
    gate.close()


def settings():
    gate = Gate("settings", {"CERTGATE_ACCESS_KEYS": cases.KEY},
                device["sha1"] + "\n")
    gate.becomes("settings at the start", ("listed", "1"))
    file = gate.configuration.file
    gate.says(f"mend it with chmod o-r {file}",
              "settings with a key that everybody can read: a warning")
    good = gate.configuration.file.read_text()
    gate.configuration.file.write_text(good + "CERTGATE_HUB=other\n")
    gate.becomes("a setting is taken up", ("hub", "2"))
    gate.configuration.file.write_text(good + "CERTGATE_HUB=\n")
    gate.becomes("an empty one: the last good ones stay", ("hub", "stale"))
    gate.says("CERTGATE_HUB: is set but empty", "and it is named")
    gate.says("the last good settings stay in force",
              "and what holds meanwhile")
    gate.configuration.file.write_text(good)
    gate.becomes("mended", ("listed", "3"))
    before = gate.configuration.log_size()
    file.chmod(0o640)
    gate.becomes("readable by the group alone", ("listed", "4"))
    out.result("chmod" not in gate.configuration.log_since(before),
               "and no warning")
    gate.close()


def elsewhere():
    """What is wrong with a list may be mended in another file."""
    pem = base / "elsewhere/stolen.pem"
    gate = Gate("elsewhere", {"CERTGATE_ACCESS_KEYS": cases.KEY},
                device["sha1"] + "\n")
    gate.becomes("before the revocation", ("listed", "1"))
    gate.configuration.write_list(
        f"{device['sha1']}\ndeny {device['sha1']}\nfile:{pem}\n")
    gate.becomes("a certificate file is missing", ("listed", "stale"))
    pem.write_text(other["pem"] + "\n")
    pem.chmod(0o644)
    gate.becomes("it is there: the deny bites", ("denied", "2"))
    gate.close()


def removed_pin():
    """A pin that was taken away does not outlive that behind a broken
    list."""
    gate = Gate("pin", {"CERTGATE_ACCESS_KEYS": cases.KEY,
                        "CLIENT_CERT_THUMBPRINT": device["sha1"]},
                other["sha1"] + "\n")
    gate.becomes("a pin of the settings", ("listed", "1"))
    gate.configuration.write_list("nonsense\n")
    gate.becomes("the list breaks", ("listed", "stale"))
    text = gate.configuration.file.read_text().splitlines(keepends=True)
    gate.configuration.file.write_text("".join(
        line for line in text if "THUMBPRINT" not in line))
    gate.becomes("the pin goes: nobody", ("list-unreadable", "none"))
    gate.configuration.write_list(other["sha1"] + "\n")
    gate.becomes("mended: without the pin", ("not-listed", "2"))
    gate.configuration.file.write_text("CERTGATE_ACCESS_KEYS=" + cases.KEY)
    gate.becomes("settings cut short are not taken up",
                 ("not-listed", "stale"))
    gate.close()


def parameters():
    """What the web server sets for a request sets nothing."""
    configuration = processes.Configuration(
        base / "parameters", {"CERTGATE_ACCESS_KEYS": cases.KEY}, None)
    handler = processes.Handler(configuration)
    for how in ("proxy", "fcgid"):
        server = processes.Apache(
            base / f"parameters.{how}", configuration, how,
            f"SetEnv CLIENT_CERT_THUMBPRINT {device['sha1']}\n"
            "SetEnv CERTGATE_SIGNATURE off")
        before = configuration.log_size()
        body = cases.connect_body(["@device"], known, {}).encode()
        answer = http.exchange(server.port, http.request_bytes(
            "POST", "/eventhandler", cases.event_headers(
                "azure.webpubsub.sys.connect"), body))
        log = configuration.log_since(before)
        out.equal(answer.status, 403, f"{how}: SetEnv lets nobody in")
        out.result("of a request sets nothing" in log and
                   "FcgidInitialEnv" in log,
                   f"{how}: the log says what to use", log)
        server.close()
    handler.close()


edits()
cold_start()
keys()
settings()
elsewhere()
removed_pin()
parameters()
out.done()
