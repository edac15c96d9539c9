#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Commits of the store: a fault or a signal at each system call of one, a reader
beside many, one that grows the file, a file that is replaced, writers that
wait, and the stores of sites, and one that they share."""
import concurrent.futures
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, cgi, fastcgi, place, processes  # noqa: E402
from harness import store, tap  # noqa: E402

STRACE = processes.find("strace")
CALLS = "write,writev,pwrite64,pwritev,fdatasync,msync,mmap,ftruncate"
SITES = 40
known = cases.certificates()
DEVICE = known["device"]["sha1"]
EVENT = cases.Case("event", {}, None, cases.own_request({}, known), {})
out = tap.Tap()
base = place.temporary()


class Door:
    """A handler, asked through one connection."""

    def __init__(self, configuration, **more):
        self.configuration = configuration
        self.handler = processes.Handler(configuration, **more)
        self.peer = fastcgi.Peer(self.handler.path)

    def answer(self, parameters=()):
        self.peer.send(fastcgi.request(
            list(cgi.parameters(EVENT).items()) + list(parameters),
            EVENT.body, keep=True))
        return cgi.answer_of(self.peer.answer())

    def user(self, parameters=()):
        """The user id of an accepted client; None: it is rejected."""
        got = self.answer(parameters)
        return json.loads(got.body)["userId"] if got.status == 200 else None

    def reason(self):
        before = self.configuration.log_size()
        self.answer()
        return processes.decisions(
            self.configuration.log_since(before))[-1]["reason"]

    def close(self):
        self.peer.close()
        return self.handler.close()


def decide(configuration):
    """The user id by a plain CGI program, or the reason."""
    environment = {n.encode(): v.encode() for n, v
                   in configuration.environment().items()}
    environment.update(cgi.parameters(EVENT))
    done = subprocess.run([place.HANDLER], input=EVENT.body, timeout=60,
                          env=environment, capture_output=True, check=False)
    found = processes.decisions(done.stderr.decode("latin-1"))
    if not found:
        return f"exit {done.returncode}"
    return found[-1]["user"] if found[-1]["reason"] == "listed" else \
        found[-1]["reason"]


def traced(configuration, options, *arguments):
    log = configuration.folder / "trace"
    done = subprocess.run(
        [STRACE, "-f", "-y", "-o", log, *options, admin.COMMAND, *arguments],
        env=configuration.environment(), capture_output=True, timeout=60,
        check=False)
    return done.returncode, log.read_text(errors="replace")


def steps(configuration, *arguments):
    """Each call on the store, as a name and its number among those of this
    name."""
    _, trace = traced(configuration, ["-e", f"trace={CALLS}"], *arguments)
    counts, found = {}, []
    for name, rest in re.findall(r"^\d+ +(\w+)\((.*)$", trace, re.MULTILINE):
        counts[name] = counts.get(name, 0) + 1
        if str(configuration.store) in rest:
            found.append((name, counts[name]))
    return found


def copy_of(configuration, name):
    one = store.Stored(base / name, None)
    for path in configuration.folder.glob("store*"):
        shutil.copy2(path, one.folder)
    return one


def interrupted(whole, name, before, after, arguments):
    """An edit of a copy of the store, with a fault or a signal at each step:
    the store opens with the entries before it or after it; after it, if the
    command said so."""
    found = steps(copy_of(whole, name + "-steps"), *arguments)
    out.result({n for n, _ in found} >= {"mmap", "fdatasync"} and len(found) > 4,
               f"{name}: {len(found)} steps", found)
    found = found[:8] + found[-8:] if len(found) > 16 else found
    plan = [(call, n, how) for call, n in dict.fromkeys(found)
            for how in ("error=EIO", "error=ENOSPC", "signal=KILL")]

    def run(row):
        call, n, how = row
        one = copy_of(whole, f"{name}-{call}-{n}-{how}")
        code, _ = traced(one, ["-e", f"trace={CALLS}", "-e",
                               f"inject={call}:{how}:when={n}"], *arguments)
        seen = decide(one)
        again = one.command("allow", "ee" * 20)
        ok = again.code == 0 and seen in (
            (after,) if code == 0 else (before, after))
        return None if ok else (row, code, seen, str(again))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        bad = [r for r in pool.map(run, plan) if r is not None]
    out.equal(bad, [], f"{name}: {len(plan)} faults, the store is whole")


def test_interrupted():
    few = store.Stored(base / "few", f"{DEVICE} user=before\n")
    interrupted(few, "edit", "before", "after",
                ["allow", DEVICE, "user=after", "--replace"])
    interrupted(few, "deny", "before", "denied", ["deny", DEVICE])
    text = base / "many.list"
    text.write_text("".join(f"{n:040x} user=u{n}\n" for n in range(1, 20001)) +
                    f"{DEVICE} user=after\n")
    interrupted(few, "import", "before", "after", ["import", text])


def test_torn(memory):
    """In memory: a disk takes fewer than a thousand commits a second."""
    one = store.Stored(pathlib.Path(memory) / "torn", f"{DEVICE} {store.FIRST}\n" +
                       "".join(f"{n:040x}\n" for n in range(1, 3000)))
    door = Door(one)
    store.watch_commits(out, one.store, DEVICE, door.answer)
    out.equal(door.close(), 0, "the handler ends with 0")


def test_grown():
    """Another process writes more than the handler mapped."""
    one = store.Stored(base / "grown", f"{DEVICE} user=v0\n")
    door = Door(one)
    out.equal(door.user(), "v0", "grown: before")
    for turn, count in enumerate((30000, 100000, 10), 1):
        size = one.store.stat().st_size
        done = one.put("".join(f"{n:040x} user=device-{n}\n" for n in
                               range(1, count)) + f"{DEVICE} user=v{turn}\n")
        out.equal((done.code, door.user()), (0, f"v{turn}"),
                  f"grown: {count} entries, from {size} bytes")
    out.result(one.store.stat().st_size > 4 << 20, "grown: more than was mapped")
    out.equal(door.close(), 0, "the handler ends with 0")


def test_replaced():
    """Another file at the path: rejected until a restart."""
    one = store.Stored(base / "replaced", f"{DEVICE} user=old\n")
    other = store.Stored(base / "other", f"{DEVICE} user=new\n")
    door = Door(one)
    out.equal(door.user(), "old", "replaced: before")
    os.rename(other.store, one.store)
    out.result(place.wait_for(lambda: door.reason() == "store", 20, 0.2),
               "replaced: every client is rejected")
    out.result("another file is in its place; restart needed" in
               one.log_since(0), "replaced: the log says so")
    door.close()
    door = Door(one, name="socket-2")
    out.equal(door.user(), "new", "replaced: a handler that starts has the new one")
    out.equal(door.close(), 0, "the handler ends with 0")


def test_locked():
    """A writer that waits names the process that has the lock."""
    outer = store.Stored(base / "outer", f"{DEVICE}\n")
    inner = store.Stored(base / "inner", f"{DEVICE}\n")
    waiting = (("deny", DEVICE), ("allow", "ee" * 20))
    with open(outer.store, "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        with store.holder(inner.store) as holder, \
                concurrent.futures.ThreadPoolExecutor(2) as pool:
            # One writer at a time waits for a store: a second one would wait
            # for the first.
            runs = {name: pool.submit(lambda one=one: [
                one.command(*arguments) for arguments in waiting])
                for name, one in (("outer", outer), ("inner", inner))}
            pids = {"outer": os.getpid(), "inner": holder.pid}
            for name, run in runs.items():
                for arguments, got in zip(waiting, run.result()):
                    out.result(
                        got.code == 3 and re.search(
                            rf"locked (by process|for 5 s by one of the "
                            rf"processes.*) {pids[name]}\b", got.err),
                        f"{name} lock: {arguments[0]} names process "
                        f"{pids[name]}", got)
            out.equal(decide(inner), "device-001", "a reader waits for no lock")
    out.equal([one.command("deny", DEVICE).code for one in (outer, inner)],
              [0, 0], "without the lock, the next writer goes on")


def test_sites():
    """The stores of sites are open from the start, whatever limit it had."""
    one = store.Stored(base / "sites", "")
    folder = one.folder / "sites"
    folder.mkdir()
    for n in range(SITES):
        site = store.Stored(base / f"site{n}", f"{DEVICE} user=of-{n}\n")
        (folder / f"s{n}.conf").write_text(
            f"CERTGATE_ACCESS_KEYS={cases.KEY}\nCERTGATE_STORE={site.store}\n")
        (folder / f"s{n}.conf").chmod(0o640)
    limited = "import os,resource,sys;" \
        "resource.setrlimit(resource.RLIMIT_NOFILE,(64,4096));" \
        "os.execv(sys.argv[1],sys.argv[1:])"
    handler, place.HANDLER = place.HANDLER, base / "limited"
    place.HANDLER.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{limited}'"
                             f" {handler} \"$@\"\n")
    place.HANDLER.chmod(0o755)
    door = Door(one)
    place.HANDLER = handler
    got = [door.user([(b"CERTGATE_SITE", f"s{n}".encode())])
           for n in range(SITES)]
    out.equal(got, [f"of-{n}" for n in range(SITES)],
              f"{SITES} sites, each with its store")
    links = [os.readlink(p) for p in pathlib.Path(
        f"/proc/{door.handler.process.pid}/fd").iterdir() if p.is_symlink()]
    out.equal(sum("/store" in link for link in links), 2 * (SITES + 1),
              "two descriptors for each")
    out.equal(door.close(), 0, "the handler ends with 0")


def test_shared():
    """Sites and main settings with one store: a site that leaves it does not
    take it from the others."""
    one = store.Stored(base / "shared", f"{DEVICE} user=first\n")
    folder = one.folder / "sites"
    folder.mkdir()
    paths = [folder / f"s{n}.conf" for n in range(3)]

    def write(path, more):
        path.with_suffix(".new").write_text(
            f"CERTGATE_ACCESS_KEYS={cases.KEY}\n{more}\n")
        path.with_suffix(".new").chmod(0o640)
        path.with_suffix(".new").rename(path)

    for path in paths:
        write(path, f"CERTGATE_STORE={one.store}")
    door = Door(one)
    places = [[(b"CERTGATE_SITE", f"s{n}".encode())] for n in range(3)]
    out.equal([door.user(p) for p in places], ["first"] * 3,
              "three with one store")
    links = [os.readlink(p) for p in pathlib.Path(
        f"/proc/{door.handler.process.pid}/fd").iterdir() if p.is_symlink()]
    out.equal(sum("/store" in link for link in links), 2,
              "two descriptors for all of them")
    write(paths[2], f"CERTGATE_LIST={one.folder}/list")
    (one.folder / "list").write_text(f"{DEVICE} user=list\n")
    out.result(place.wait_for(lambda: door.user(places[2]) == "list", 30),
               "a site leaves it", one.log_since(0))
    for user in ("second", "third"):
        one.command("allow", DEVICE, f"user={user}", "--replace")
        out.equal([door.user(p) for p in places[:2]], [user] * 2,
                  f"the others go on: {user}")
    out.equal(door.close(), 0, "the handler ends with 0")


def main():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        test_torn(memory)
    test_grown()
    test_replaced()
    test_locked()
    test_sites()
    test_shared()
    test_interrupted()
    out.done()


main()
