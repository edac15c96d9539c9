#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The longest list: its limit at the handler and the command, and reloads
under load: verdicts are those of the list in force, and memory is as after the
first reload."""
import ctypes
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, fastcgi, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
known = cases.certificates()
DEVICE = known["device"]["sha256"]
LIMIT = 100_000
RELOADS = 10
# Blocks that the allocator keeps for later, and pages of the code that a failed
# load and a denied client touch first.  A list that is not freed is 11 MiB, and
# the text of one 11 MiB.
SPARE_KIB = 4096
TEXT_MAX = 33_554_432
FIX = ("(fix: put them into the store: certgate import, CERTGATE_STORE; see "
       "certgate.conf(5))")
FULL = f":{LIMIT + 1}:1: too many entries, at most {LIMIT} {FIX}"
TOO_LARGE = f"list: too large, at most {TEXT_MAX} bytes {FIX}"


def text(entries, last):
    """A list of so many entries with options, the last one as given."""
    return "".join(
        f"{n:064x} user=device-{n:06} groups=line-{n % 40} "
        f"expires=2097-{n % 12 + 1:02}-28\n"
        for n in range(1, entries)) + last + "\n"


class Handler(processes.Handler):
    case = cases.Case("event", {}, None, cases.own_request({}, known), {})

    def ask(self, peer=None):
        """Sends an event of the device; its status."""
        own = peer or fastcgi.Peer(self.path)
        own.send(fastcgi.request(list(cgi.parameters(self.case).items()),
                                 self.case.body, keep=peer is not None))
        answer = own.answer()
        if peer is None:
            own.close()
        return int(answer.split()[1])

    def decisions(self, size=0):
        return processes.decisions(self.configuration.log_since(size))

    def word(self):
        """Reason and list of a new event."""
        size = self.configuration.log_size()
        self.ask()
        line = self.decisions(size)[-1]
        return line["reason"], line["list"]

    def becomes(self, wanted, what):
        out.result(place.wait_for(lambda: self.word() == wanted, 30), what,
                   f"{self.word()}\n{self.configuration.log_since(0)[-900:]}")

    def memory_kib(self):
        status = pathlib.Path(
            f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s*(\d+)", status)[1])


def begin(name, list_text):
    configuration = processes.Configuration(
        base / name, {"CERTGATE_ACCESS_KEYS": cases.KEY}, list_text)
    return configuration, Handler(configuration)


def limits():
    configuration, handler = begin("limit", text(LIMIT + 1, DEVICE))
    handler.becomes(("list-unreadable", "none"),
                    "one entry too many at the start: every client is rejected")
    out.result(FULL in configuration.log_since(0), "the log says what to do",
               configuration.log_since(0)[-900:])
    configuration.write_list(text(LIMIT, DEVICE))
    handler.becomes(("listed", "1"), "as many entries as fit: the last allows")
    configuration.write_list(text(LIMIT + 1, f"deny {DEVICE}"))
    handler.becomes(("listed", "stale"),
                    "one entry too many: the last good list stays")
    configuration.write_list("#" * TEXT_MAX + "\n")
    out.result(place.wait_for(lambda: TOO_LARGE in configuration.log_since(0),
                              30), "a text too large: the log says what to do",
               configuration.log_since(0)[-900:])
    configuration.write_list("# comments and empty lines\n\n" * LIMIT +
                             text(LIMIT, f"deny {DEVICE}"))
    handler.becomes(("denied", "2"), "lines without an entry are not counted")
    handler.close()


def certgate(verb, *arguments, path=base / "edited"):
    return subprocess.run(
        [place.BUILD / "certgate", verb, *arguments, "--list", path],
        capture_output=True, text=True, check=False)


def edits():
    path = base / "edited"
    full = text(LIMIT, DEVICE)
    path.write_text(full, encoding="ascii")
    added = certgate("allow", "ab" * 32)
    out.equal((added.returncode, path.read_text(encoding="ascii") == full),
              (1, True), "allow refuses one entry too many, and changes nothing")
    out.result(FULL in added.stderr, "allow says what to do", added.stderr)
    path.write_text(full + "ab" * 32 + "\n", encoding="ascii")
    checked = certgate("check")
    out.equal((checked.returncode, checked.stderr.count("too many entries") +
               checked.stdout.count("too many entries")), (1, 1),
              "check reports one entry too many, once")
    large = base / "large"
    large.write_text("#" * TEXT_MAX + "\n", encoding="ascii")
    added = certgate("allow", "ab" * 32, path=large)
    out.equal((added.returncode, FIX in added.stderr, large.stat().st_size),
              (3, True, TEXT_MAX + 1), "allow refuses a text too large")
    removed = certgate("remove", "ab" * 32)
    out.equal((removed.returncode, path.read_text(encoding="ascii") == full),
              (0, True), "remove takes one entry too many out")


def reloads():
    """Odd lists allow the device, even ones deny it."""
    configuration, handler = begin("reloads", text(LIMIT, DEVICE))
    handler.becomes(("listed", "1"), "the first list")
    size = configuration.log_size()
    stop = threading.Event()
    sent = []

    def send():
        peer, n = fastcgi.Peer(handler.path), 0
        while not stop.is_set():
            n += handler.ask(peer) in (200, 204, 403)
            time.sleep(0.002)
        peer.close()
        sent.append(n)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    memory = []
    for number in range(2, RELOADS + 2):
        denies = "deny " if number % 2 == 0 else ""
        configuration.write_list(text(LIMIT, denies + DEVICE))
        wanted = "denied" if denies else "listed", str(number)
        if not place.wait_for(lambda: handler.word() == wanted, 30):
            out.result(False, f"list {number}", handler.word())
        memory.append(handler.memory_kib())
    stop.set()
    for thread in threads:
        thread.join()
    lines = handler.decisions(size)
    lines = [line for line in lines if "reason" in line]
    wrong = [line for line in lines if line["reason"] !=
             ("listed" if int(line["list"]) % 2 else "denied")]
    out.equal(wrong, [], "each verdict is that of the list in force")
    out.result(len(lines) >= sum(sent) > RELOADS and len(sent) == 2,
               "each event is answered", f"{len(lines)} of {sent}")
    out.result(memory[-1] <= memory[0] + SPARE_KIB,
               "memory after ten reloads is as after one", memory)
    handler.close()


def wait_for_read(path):
    """Until the file is read: inotify(7)."""
    libc, read = ctypes.CDLL(None, use_errno=True), 1  # IN_ACCESS
    fd = libc.inotify_init1(os.O_CLOEXEC)
    if libc.inotify_add_watch(fd, os.fsencode(path), read) < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")
    os.read(fd, 4096)
    os.close(fd)


def meanwhile():
    """What comes while many lines are loaded is answered."""
    configuration, handler = begin("meanwhile", text(LIMIT, DEVICE))
    handler.becomes(("listed", "1"), "before the reload")
    configuration.write_list(text(LIMIT, "deny " + DEVICE))
    peer = fastcgi.Peer(handler.path)
    wait_for_read(configuration.list)
    answers = [handler.ask(peer)]
    while answers[-1] not in (403, 0):
        answers.append(handler.ask(peer))
    peer.close()
    out.result(len(answers) > 10, "a reload answers events, and the list "
               "before decides them", answers)
    handler.close()


limits()
edits()
reloads()
meanwhile()
out.done()
