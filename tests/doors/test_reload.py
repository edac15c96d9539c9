#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Files that change while the handler runs, and faults of files.

Each story is a site of one handler, and goes its steps at its own pace: a step
changes files and says what the decisions become.  Until then they must be what
the step before says, so nothing in between is ever in force.  The handler runs
as another user than the files' if root tests, which EACCES needs."""
import errno
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import (authorities, cases, cgi, fastcgi, http,  # noqa: E402
                     place, processes, tap)

out = tap.Tap()
base = place.temporary()
USER = pwd.getpwnam("nobody") if os.geteuid() == 0 else \
    pwd.getpwuid(os.geteuid())
known = cases.certificates()
world = authorities.World()
A, B = known["device"]["sha1"] + "\n", known["other"]["sha1"] + "\n"
K, L = cases.KEY + "\n", "another-access-key01\n"
PEM = known["other"]["pem"] + "\n"
KEYED = f"CERTGATE_ACCESS_KEYS={K}"
LISTED = KEYED + "CERTGATE_LIST=@list\n"
FILED = "CERTGATE_ACCESS_KEYS_FILE=@keys\nCERTGATE_LIST=@list\n"
PROBES = {  # certificate, key, more of the path
    "D": (["@device"], K, ""), "O": (["@other"], K, ""),
    "L": (["@device"], L, ""), "C": (["@device"], K, "?code=two"),
    "P": (world.pump.presented(), K, "")}
FAULTS = base / "faults.so"
shutil.copy(place.BUILD / "tests/doors/faults.so", FAULTS)
FAULTS.chmod(0o755)


class Way:
    """A text and how it is written; the mode is that of the new file."""

    def __init__(self, text, mode=0o644, in_place=False):
        self.text, self.mode, self.in_place = text, mode, in_place


def write(path, way):
    """None removes the file, a function does what it does."""
    if way is None:
        path.unlink()
    elif callable(way):
        way(path)
    else:
        way = way if isinstance(way, Way) else Way(way)
        text = way.text.replace("@", f"{path.parent}/")
        new = path if way.in_place else path.with_name("." + path.name)
        new.write_text(text)
        if "key" in path.name or "code" in path.name:
            os.chown(new, USER.pw_uid, -1)
            new.chmod(0o600 if way.mode == 0o644 else way.mode)
        elif not way.in_place:
            new.chmod(way.mode)
        if not way.in_place:
            new.rename(path)


class Handler:
    """certgate.fcgi as USER, with faults; kept is an environment."""

    def __init__(self, name, kept=None, arguments=()):
        self.folder = base / name
        (self.folder / "sites").mkdir(parents=True)
        self.conf = self.folder / "settings"
        self.log = self.folder / "log"
        self.log.touch()
        self.kept, self.arguments = kept or {}, arguments
        self.socket = processes.listen(self.folder / "socket")

    def start(self):
        self.process = processes.begin(
            [place.HANDLER, *self.arguments], self.log,
            processes.bare_environment({
                "CERTGATE_CONFIG": str(self.conf),
                "LD_PRELOAD": str(FAULTS), **self.kept}),
            stdin=self.socket, user=USER.pw_uid)

    def ask(self, site, probe):
        """The reason for that probe, and the list's word."""
        certificates, key, more = PROBES[probe]
        case = cases.Case("event", {}, None, cases.own_request(
            {"certificates": certificates, "key": key.strip(),
             "path": "/eventhandler" + more}, known), {})
        before = self.log.stat().st_size
        peer = fastcgi.Peer(self.folder / "socket")
        given = list(cgi.parameters(case).items())
        if site:
            given.append((b"CERTGATE_SITE", site.encode()))
        peer.send(fastcgi.request(given, case.body))
        peer.answer()
        peer.close()
        with open(self.log, "rb") as file:
            file.seek(before)
            line = processes.decisions(file.read().decode("latin-1"))[-1]
        return line["reason"], line["list"]

    def close(self):
        out.equal(processes.end(self.process), 0, "the handler ends with 0")
        self.socket.close()


class Story:
    """Steps of [{file: text}, "WORD PROBE=REASON ..."]; the first is there
    before the start.  The file conf is the settings."""
    SECONDS = 40

    def __init__(self, name, *steps, says=""):
        self.name, self.steps, self.says = name, steps, says
        self.at, self.wrong, self.before, self.took = 0, "", None, []

    def prepare(self, handler, site):
        self.handler, self.site = handler, site
        self.folder = handler.folder / "sites" / site if site else \
            handler.folder / "main"
        self.folder.mkdir()
        self.begin(0)

    def path(self, name):
        if name != "conf":
            return self.folder / name
        return self.folder.with_suffix(".conf") if self.site else \
            self.handler.conf

    def begin(self, at):
        self.at = at
        if at == len(self.steps):
            return
        for name, way in self.steps[at][0].items():
            if name == "conf" and not callable(way) and way is not None:
                way = way if isinstance(way, Way) else Way(way)
                way = Way(way.text.replace("@", f"{self.folder}/"), way.mode,
                          way.in_place)
            write(self.path(name), way)
        self.begun = time.monotonic()

    def look(self):
        """Goes on if it is as this step says; it must be as the one before
        said until then."""
        word, *reasons = self.steps[self.at][1].split()
        wanted, got = dict(r.split("=") for r in reasons), {}
        for probe in wanted:
            got[probe], got["word"] = self.handler.ask(self.site, probe)
        wanted["word"] = word
        if got == wanted:
            self.took.append(time.monotonic() - self.begun)
            self.before = {k: {v} for k, v in got.items()}
            self.begin(self.at + 1)
        elif any(v not in {wanted[k]} | (self.before or {}).get(k, {v})
                 for k, v in got.items()) or \
                time.monotonic() - self.begun > self.SECONDS:
            self.wrong = f"step {self.at}: got {got}, expected {wanted}"

    def is_over(self):
        return bool(self.wrong) or self.at == len(self.steps)


def tell(stories):
    """All of them at a time."""
    while not all(story.is_over() for story in stories):
        for story in [s for s in stories if not s.is_over()]:
            story.look()
        time.sleep(0.05)


def repeat(seconds, pause, act):
    """Does that to a path again and again, in the background."""
    def run(path):
        def acts():
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                act(path)
                time.sleep(pause)
        threading.Thread(target=acts, daemon=True).start()
    return run


def later(seconds, text):
    """Until then the file is away."""
    def run(path):
        path.unlink(missing_ok=True)
        threading.Timer(seconds, write, (path, text)).start()
    return run


def append(path):
    with open(path, "a", encoding="utf-8") as file:
        file.write("# more\n")


def slowly(path):
    """In place, a line at a time over 20 seconds, its deny last."""
    def lines():
        with open(path, "w", encoding="utf-8") as file:
            for number in range(28):
                file.write(A if number == 0 else f"{number:040x}\n")
                file.flush()
                time.sleep(0.7)
            file.write(f"deny {A}")
    threading.Thread(target=lines, daemon=True).start()


def command(*arguments):
    def run(path):
        subprocess.run([place.BUILD / "certgate", *arguments, "--list", path],
                       check=True, capture_output=True)
    return run


def loop(path):
    path.unlink()
    path.symlink_to(path)


def unloop(way):
    def run(path):
        path.unlink()
        write(path, way)
    return run


STORIES = [
    Story("edits", [{"conf": LISTED, "list": A}, "1 D=listed O=not-listed"],
          [{"list": B}, "2 D=not-listed O=listed"],
          [{"list": "# none\n"}, "3 D=not-listed O=not-listed"],
          [{"list": B}, "4 D=not-listed O=listed"],
          [{"list": Way(f"deny {B}", in_place=True)}, "5 O=denied"]),
    Story("a list with a syntax error", [
        {"conf": LISTED, "list": A + "deny " + B}, "1 D=listed O=denied"],
        [{"list": A + "dany " + B}, "stale D=listed O=denied"],
        [{"list": B}, "2 D=not-listed O=listed"], says="@list:2:3: "),
    Story("a list that is cut short", [
        {"conf": LISTED, "list": A + B}, "1 D=listed O=listed"],
        [{"list": A + "deny " + B[:20]}, "stale D=listed O=listed"],
        [{"list": A}, "2 D=listed O=not-listed"],
        says="the last line has no end"),
    Story("a list that others can write", [
        {"conf": LISTED, "list": A}, "1 D=listed O=not-listed"],
        [{"list": Way(B, 0o666)}, "stale D=listed O=not-listed"],
        [{"list": lambda p: p.chmod(0o644)}, "2 D=not-listed O=listed"],
        says="chmod o-w @list"),
    Story("an empty list", [{"conf": LISTED, "list": A}, "1 D=listed"],
          [{"list": ""}, "stale D=listed"], [{"list": B}, "2 D=not-listed"],
          [{"list": " \n\t\n"}, "stale D=not-listed"],
          says="@list: empty: expected an entry, or a comment"),
    Story("empty settings", [{"conf": LISTED, "list": A}, "1 D=listed"],
          [{"conf": ""}, "stale D=listed"],
          [{"conf": KEYED}, "2 D=not-listed"],
          [{"conf": "\n \n"}, "stale D=not-listed"],
          [{"conf": "#\n"}, "3 D=not-listed"],
          says="empty: expected a setting, or a comment"),
    Story("a list that is invalid at the start", [
        {"conf": LISTED + f"CLIENT_CERT_THUMBPRINT={B}", "list": "x\n"},
        "none D=list-unreadable O=list-unreadable"],
        [{"list": A}, "1 D=listed O=listed"],
        says="rejecting all clients until the list is valid"),
    Story("settings that are invalid at the start", [
        {"conf": "CERTGATE_LISTS=@list\n", "list": A}, "none D=settings"],
        [{"conf": LISTED}, "1 D=listed"],
        says="rejecting all events until the settings are valid"),
    Story("settings that are empty at the start", [
        {"conf": "", "list": A}, "none D=settings"],
        [{"conf": LISTED}, "1 D=listed"]),
    Story("invalid settings", [{"conf": LISTED, "list": A}, "1 D=listed"],
          [{"conf": LISTED + "CERTGATE_HUB=\n"}, "stale D=listed"],
          [{"conf": LISTED + "CERTGATE_HUB=other\n"}, "2 D=hub"],
          [{"conf": LISTED + "CERTGATE_HUB=x"}, "stale D=hub"],
          [{"conf": Way(LISTED, 0o640 if os.geteuid() else 0o644)},
           "3 D=listed"],
          says="CERTGATE_HUB: is set but empty"),
    Story("another list", [{"conf": LISTED, "list": A, "other": B},
                           "1 D=listed O=not-listed"],
          [{"conf": KEYED + "CERTGATE_LIST=@other\n"},
           "2 D=not-listed O=listed"],
          [{"conf": KEYED}, "3 D=not-listed O=not-listed"]),
    Story("another list that is missing", [
        {"conf": LISTED, "list": A}, "1 D=listed O=not-listed"],
        [{"conf": KEYED + "CERTGATE_LIST=@other\n"},
         "stale D=listed O=not-listed"],
        [{"other": later(7, B)}, "2 D=not-listed O=listed"]),
    Story("a list that is away for a moment", [
        {"conf": LISTED, "list": A}, "1 D=listed O=not-listed"],
        [{"list": later(3, B)}, "2 D=not-listed O=listed"]),
    Story("keys from a file", [
        {"conf": FILED, "list": A, "keys": K}, "1 D=listed L=signature"],
        [{"keys": K + L}, "2 D=listed L=listed"],
        [{"keys": "\n"}, "stale D=listed L=listed"],
        [{"keys": L}, "3 D=signature L=listed"],
        [{"keys": Way(K, 0o604)}, "stale D=signature L=listed"],
        says="chmod o-r @keys"),
    Story("keys that others can read at the start", [
        {"conf": FILED, "list": A, "keys": Way(K, 0o604)}, "none D=settings"],
        [{"keys": K}, "1 D=listed"]),
    Story("a code from a file", [
        {"conf": LISTED + "CERTGATE_CODE_FILE=@code\n", "list": A,
         "code": "one\n"}, "1 C=code D=code"],
        [{"code": "two\n"}, "2 C=listed D=code"],
        [{"code": "two\nthree\n"}, "stale C=listed D=code"]),
    Story("settings and list are one attempt", [
        {"conf": LISTED + f"CLIENT_CERT_THUMBPRINT={A}", "list": B},
        "1 D=listed O=listed"],
        [{"list": "x\n"}, "stale D=listed O=listed"],
        [{"conf": LISTED + "CERTGATE_HUB=other\n"}, "stale D=listed"],
        [{"list": B, "conf": LISTED}, "2 D=not-listed O=listed"]),
    Story("a list that is removed", [
        {"conf": LISTED, "list": A}, "1 D=listed"],
        [{"list": None}, "none D=list-unreadable"], [{"list": A}, "2 D=listed"],
        says="@list is missing: rejecting all clients"),
    Story("keys that are removed", [
        {"conf": FILED, "list": A, "keys": K}, "1 D=listed"],
        [{"keys": None}, "none D=settings"], [{"keys": L}, "2 L=listed"],
        says="@keys is missing: rejecting all events"),
    Story("keys that are removed beside invalid settings", [
        {"conf": FILED, "list": A, "keys": K}, "1 D=listed"],
        [{"conf": FILED + "x\n"}, "stale D=listed"],
        [{"keys": None}, "none D=settings"], [{"conf": LISTED}, "2 D=listed"]),
    Story("keys that are removed beside invalid other keys", [
        {"conf": FILED, "list": A, "keys": K, "other": Way("\n", 0o600)},
        "1 D=listed"],
        [{"conf": FILED.replace("@keys", "@other")}, "stale D=listed"],
        [{"keys": None}, "none D=settings"]),
    Story("other keys that are missing", [
        {"conf": FILED, "list": A, "keys": K}, "1 D=listed L=signature"],
        [{"conf": FILED.replace("@keys", "@keys2")},
         "stale D=listed L=signature"],
        [{"keys2": L}, "2 D=signature L=listed"]),
    Story("other keys and an invalid code", [
        {"conf": FILED, "list": A, "keys": K, "keys2": L, "code": "\n"},
        "1 D=listed L=signature"],
        [{"conf": FILED.replace("@keys", "@keys2") +
          "CERTGATE_CODE_FILE=@code\n"}, "stale D=listed L=signature"],
        [{"code": "two\n"}, "2 C=signature L=code"]),
    Story("settings removed, then back beside an invalid list", [
        {"conf": LISTED + f"CLIENT_CERT_THUMBPRINT={A}", "list": B},
        "1 D=listed"],
        [{"list": "x\n"}, "stale D=listed"], [{"conf": None}, "- D=site"],
        [{"conf": LISTED}, "none D=list-unreadable"]),
    Story("a certificate that the list names", [
        {"conf": LISTED, "list": A, "pem": PEM}, "1 D=listed O=not-listed"],
        [{"list": "deny file:@pem\n" + A}, "2 D=listed O=denied"],
        [{"list": "x\n"}, "stale D=listed O=denied"],
        [{"pem": None}, "none D=list-unreadable"], [{"list": A}, "3 D=listed"]),
    Story("a list that names a missing file", [
        {"conf": LISTED, "list": A}, "1 D=listed"],
        [{"list": f"deny {A}file:@pem\n"}, "stale D=listed"],
        [{"pem": PEM}, "2 D=denied"]),
    Story("a list that is written slowly", [
        {"conf": LISTED, "list": B}, "1 D=not-listed O=listed"],
        [{"list": slowly}, "stale D=not-listed O=listed"],
        [{}, "2 D=denied O=not-listed"],
        says="@list: still being written (fix: "),
    Story("settings that are written slowly", [
        {"conf": LISTED, "list": A}, "1 D=listed"],
        [{"conf": repeat(12, 0.3, append)}, "stale D=listed"],
        [{}, "2 D=listed"], says="still being written"),
    Story("a list that is renamed over all the time", [
        {"conf": LISTED, "list": A}, "1 D=listed O=not-listed"],
        [{"list": repeat(16, 0.2, lambda p: (write(p, B), write(p, B)))},
         "2 D=not-listed O=listed"]),
    Story("keys that are renamed over all the time", [
        {"conf": FILED, "list": A, "keys": K}, "1 D=listed"],
        [{"keys": repeat(16, 0.2, lambda p: write(p, L))},
         "2 D=signature L=listed"]),
    Story("certgate deny --all", [
        {"conf": LISTED, "list": A + B}, "1 D=listed O=listed"],
        [{"list": command("deny", "--all")}, "none D=list-unreadable"],
        [{"list": lambda p: p.with_name("list.before-deny-all").rename(p)},
         "2 D=listed O=listed"]),
    Story("a folder that is closed is not a missing file", [
        {"conf": LISTED, "list": A}, "1 D=listed"],
        [{"list": lambda p: p.parent.chmod(0)}, "stale D=listed"],
        [{"list": lambda p: time.sleep(0)}, "stale D=listed"],
        [{"list": lambda p: p.parent.chmod(0o755)}, "2 D=listed"]),
]

TRUSTED = {"conf": FILED, "keys": K, "ca": world.plant.pem,
           "crl": world.plant.crl(),
           "list": "ca:@ca cn=pump-* crl=@crl\n"}
REMOVED = {"conf": "- P=site", "keys": "none P=settings",
           **dict.fromkeys(["list", "ca", "crl"], "none P=list-unreadable")}
ERRORS = [errno.EACCES, errno.ELOOP, errno.EMFILE, errno.EIO, errno.ESTALE]


def faults():
    """For each kind of file each error, then none at all."""
    for kind in TRUSTED:
        for number in ERRORS:
            bad, good = f"#errno={number}\n", TRUSTED[kind]
            says = os.strerror(number)
            if number == errno.EACCES:
                bad = lambda p: p.chmod(0)  # noqa: E731
                says = f"not readable by user {USER.pw_name} (fix: chgrp "
            elif number == errno.ELOOP:
                bad, good = loop, unloop(good)
                says = "a symbolic link that leads nowhere"
                if kind == "conf":
                    text = TRUSTED[kind]
                    good = lambda p, text=text: unloop(  # noqa: E731
                        text.replace("@", f"{p.with_suffix('')}/"))(p)
            yield Story(f"{kind}: {errno.errorcode[number]}",
                        [TRUSTED, "1 P=listed"], [{kind: bad},
                                                  "stale P=listed"],
                        [{kind: good}, "2 P=listed"], says=says)
        yield Story(f"{kind}: removed", [TRUSTED, "1 P=listed"],
                    [{kind: None}, REMOVED[kind]],
                    [{kind: TRUSTED[kind]}, "2 P=listed" if kind != "conf"
                     else "1 P=listed"])


def sites():
    stories = STORIES + list(faults())
    handler = Handler("many")
    handler.conf.write_text("CERTGATE_SIGNATURE=off\n")
    for number, story in enumerate(stories):
        story.prepare(handler, f"s{number}")
    handler.start()
    return handler, stories


def main_settings():
    """The same of settings that are not a site's, with clocks that differ."""
    skip = base / "skip"
    skip.touch()
    handler = Handler("main", {"FAULTS_SKIP": str(skip),
                               "FAULTS_LINE": str(base / "line"),
                               "FAULTS_AHEAD": "-3600"}, ["--no-sandbox"])
    (base / "line").write_text(f"deny {B}")
    (handler.folder / "sites").rmdir()
    steps = [[{"conf": LISTED, "list": A}, "1 D=listed"],
             [{"list": command("remove", A.strip())}, "2 D=not-listed"]]
    for turn, number in enumerate(ERRORS[2:]):
        steps += [[{"conf": f"#errno={number}\n"}, "stale D=not-listed"],
                  [{"conf": LISTED}, f"{turn + 3} D=not-listed"]]

    def torn(path):
        write(path, "#torn\n" + B)
        os.chown(path, USER.pw_uid, -1)

    def an_hour(_):
        os.truncate(skip, 3600)

    story = Story(
        "main settings", *steps,
        [{"list": torn}, "6 D=not-listed O=denied"],
        [{"conf": None}, "none D=settings"], [{"conf": LISTED}, "7 O=denied"],
        [{"list": "x\n"}, "stale O=denied"], [{"conf": an_hour},
                                              "stale O=denied"])
    story.prepare(handler, "")
    handler.start()
    return handler, [story]


def finish(handler, stories):
    log = handler.log.read_text(errors="replace")
    for story in stories:
        about = "".join(
            line + "\n" for line in log.splitlines()
            if not story.site or f"site {story.site}: " in line or
            f"site={story.site} " in line)
        out.result(not story.wrong, story.name, f"{story.wrong}\n" +
                   about[-1500:])
        says = story.says.replace("@", f"{story.folder}/")
        out.result(says in about, f"{story.name}: the log says why",
                   f"{says}\n{about[-1500:]}")
    return log


def cgi_run(configuration, change=None, environment=None):
    """Reason and pauses of an event that a CGI program answers; change is what
    happens meanwhile."""
    case = cases.Case("event", {}, None, cases.own_request({}, known), {})
    given = {n.decode(): v.decode() for n, v in cgi.parameters(case).items()}
    process = subprocess.Popen(
        [place.HANDLER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=configuration.environment() | given |
        {"LD_PRELOAD": str(FAULTS)} | (environment or {}))
    if change:
        time.sleep(0.2)
        change()
    log = process.communicate(case.body)[1].decode()
    return processes.decisions(log)[-1]["reason"], log.count("paused\n")


def starts():
    """A start waits for a file that is being written, or is away."""
    def half(name, text, now, change=None, **more):
        configuration = processes.Configuration(base / name, {
            "CERTGATE_ACCESS_KEYS": cases.KEY}, text)
        path = now(configuration)
        return cgi_run(configuration, change and (lambda: change(path)),
                       **more)

    def half_settings(c):
        c.whole = c.file.read_text()
        c.file.write_text("CERTGATE_LIST=" + str(c.list) + "\n")
        return c

    def away(c):
        c.file.rename(c.folder / "away")
        return c

    def in_place(path):
        repeat(3, 0.05, append)(path)

    def replace(path):
        repeat(3, 0.05, lambda p: (write(p, A), write(p, A)))(path)

    rows = [
        ("half of the settings", "hub", half("half", A, half_settings, lambda
         c: c.file.write_text(c.whole + "CERTGATE_HUB=other\n"))),
        ("half of the list", "denied", half("half-list", A, lambda c: c.list,
         lambda p: p.write_text(f"{A}deny {A}"))),
        ("settings that are away", "listed", half(
            "away", A, away,
            lambda c: (c.folder / "away").rename(c.file))),
        ("settings that stay away", "settings", half("gone", A, away)),
        ("a list that is written all the time", "list-unreadable",
         half("busy", A, lambda c: in_place(c.list))),
        ("a list that is renamed over all the time", "listed",
         half("renamed", A, lambda c: replace(c.list))),
    ]
    for name, wanted, (reason, _) in rows:
        out.equal(reason, wanted, f"a start: {name}")
    for ahead, waits in ((-3600, False), (-61, False), (-30, True),
                         (0, True), (5, False)):
        reason, pauses = half(f"ahead{ahead}", A, lambda c: c.list,
                              environment={"FAULTS_AHEAD": str(ahead)})
        out.equal((reason, pauses > 0), ("listed", waits),
                  f"a start {ahead} s ahead of the file waits: {waits}")
    for config in "/nowhere/certgate.conf", "", "relative":
        configuration = processes.Configuration(base / "none", {}, None)
        reason, _ = cgi_run(configuration, environment={
            "CERTGATE_CONFIG": config,
            "CLIENT_CERT_THUMBPRINT": A.strip()})
        out.equal(reason, "settings", f"the settings file '{config}'")


def parameters():
    """What the web server sets for a request sets nothing."""
    configuration = processes.Configuration(
        base / "parameters", {"CERTGATE_ACCESS_KEYS": cases.KEY}, None)
    handler = processes.Handler(configuration)
    for how in ("proxy", "fcgid"):
        server = processes.Apache(
            base / f"parameters.{how}", configuration, how,
            f"SetEnv CLIENT_CERT_THUMBPRINT {A}"
            "SetEnv CERTGATE_SIGNATURE off")
        before = configuration.log_size()
        body = cases.connect_body(["@device"], known, {}).encode()
        answer = http.exchange(server.port, http.request_bytes(
            "POST", "/eventhandler", cases.event_headers(
                "azure.webpubsub.sys.connect"), body))
        log = configuration.log_since(before)
        out.equal(answer.status, 403, f"{how}: SetEnv accepts no client")
        out.result("of a request sets nothing" in log and
                   "FcgidInitialEnv" in log,
                   f"{how}: the log says what to use", log)
        server.close()
    handler.close()


def main():
    programs = [sites(), main_settings()]
    beside = [threading.Thread(target=f) for f in (
        starts, parameters, lambda: tell(programs[0][1]),
        lambda: tell(programs[1][1]))]
    for thread in beside:
        thread.start()
    for thread in beside:
        thread.join()
    logs = [finish(*program) for program in programs]
    took = programs[1][1][0].took
    out.result(took[1:2] and took[1] < 2.3,
               "the only entry is removed: rejected within two seconds", took)
    out.result(place.wait_for(lambda: programs[1][0].log.read_text().count(
        "the last good settings and list stay in force") > 4),
        "a failure is logged again after an hour", logs[1][-1500:])
    out.result("list 1: 1 entry" in logs[1] and "stay in force; see "
               f"certgate check --config {programs[1][0].conf} "
               f"--as {USER.pw_name}" in logs[1],
               "the log names the settings and the user", logs[1][-1500:])
    for handler, _ in programs:
        handler.close()
    out.done()


main()
