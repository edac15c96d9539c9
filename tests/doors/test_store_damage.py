#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A store that cannot be trusted accepts no client: kinds of damage, owners and
modes, each by a plain CGI program of its own; a writer that is killed."""
import fcntl
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, cgi, place, processes  # noqa: E402
from harness import store, tap  # noqa: E402

known = cases.certificates()
DEVICE = known["device"]["sha1"]
EVENT = cases.Case("event", {}, None, cases.own_request({}, known), {})
PAGE = 4096
META = 16  # of a page: where LMDB's head begins
# In the head: version, bytes of a page, root, last page, transaction.
VERSION, SIZE, DEPTH, ROOT, LAST = META + 4, META + 24, META + 78, \
    META + 112, META + 120


def decide(configuration):
    """The reason, and what was logged."""
    environment = {n.encode(): v.encode() for n, v
                   in configuration.environment().items()}
    environment.update(cgi.parameters(EVENT))
    done = subprocess.run([place.HANDLER], input=EVENT.body, timeout=60,
                          env=environment, capture_output=True, check=False)
    log = done.stderr.decode("latin-1")
    found = processes.decisions(log)
    return found[-1]["reason"] if found else f"exit {done.returncode}", log


def patch(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def heads(path, offset, data):
    for page in (0, PAGE):
        patch(path, page + offset, data)


def replace(old, new):
    def change(path):
        data = path.read_bytes()
        assert old in data, old
        path.write_bytes(data.replace(old, new))
    return change


def cut(size):
    return lambda path: os.truncate(path, size(path.stat().st_size))


def foreign(path):
    path.write_bytes(b"SQLite format 3\0" + bytes(3 * PAGE))


def lock_of(path):
    return path.with_name(path.name + "-lock")


# What is done to the store, and what the log has.
DAMAGE = {
    "missing": (os.unlink, "there is no store"),
    "an empty file": (lambda p: p.write_bytes(b""), "not a store"),
    "one byte": (cut(lambda n: 1), "not a store"),
    "the first page alone": (cut(lambda n: PAGE), "shorter than its pages"),
    "two pages": (cut(lambda n: 2 * PAGE), "shorter than its pages"),
    "the last page is gone": (cut(lambda n: n - PAGE), "shorter than"),
    "the last byte is gone": (cut(lambda n: n - 1), "shorter than"),
    "a folder": (lambda p: (p.unlink(), p.mkdir()), ""),
    "a device": (lambda p: (p.unlink(), p.symlink_to("/dev/null")), ""),
    "a foreign file": (foreign, "not a store"),
    "text": (lambda p: p.write_text(f"{DEVICE}\n" * 999), "not a store"),
    "no magic": (lambda p: heads(p, META, bytes(4)), "not a store"),
    "another version of LMDB": (
        lambda p: heads(p, VERSION, struct.pack("<I", 999)),
        "another version of LMDB"),
    "pages of 0 bytes": (lambda p: heads(p, SIZE, bytes(4)),
                         "first pages are invalid"),
    "pages of 2 GiB": (lambda p: heads(p, SIZE, struct.pack("<I", 1 << 31)),
                       "first pages are invalid"),
    "a root behind the end": (
        lambda p: heads(p, ROOT, struct.pack("<Q", 1 << 40)),
        "first pages are invalid"),
    "more pages than the file": (
        lambda p: heads(p, LAST, struct.pack("<Q", 1 << 20)),
        "shorter than"),
    "a newer format": (replace(b"certgate 1", b"certgate 2"), ""),
    "a damaged entry": (replace(b"user=pump", b"user=pumq"),
                        "wrong checksum"),
    "a deny that was made an allow": (replace(b"deny expires",
                                              b"     expires"),
                                      "wrong checksum"),
    "no lock file": (lambda p: lock_of(p).unlink(), "without its lock file"),
    "a lock file that is a link": (
        lambda p: (lock_of(p).unlink(), lock_of(p).symlink_to("/dev/null")),
        "lock"),
    "writable by others": (lambda p: p.chmod(0o666), "chmod o-w"),
    "a lock file writable by others": (
        lambda p: lock_of(p).chmod(0o666), "chmod o-w"),
}
if os.geteuid() == 0:
    DAMAGE |= {
        "of another user": (lambda p: os.chown(p, 65533, 0), "bad owner"),
        "a lock file of another user": (
            lambda p: os.chown(lock_of(p), 65533, 0), "bad owner"),
    }


def test_damage(out, whole):
    out.equal(decide(whole)[0], "denied", "the store as it is")
    for name, (change, says) in DAMAGE.items():
        folder = place.temporary() / "copy"
        damaged = store.Stored(folder, None)
        for path in whole.folder.glob("store*"):
            shutil.copy2(path, folder)
        change(damaged.store)
        reason, log = decide(damaged)
        out.result(reason == "store" and says in log, f"{name}: refused",
                   f"{reason}\n{log}")


def test_owner(out, whole):
    """Another owner is trusted only if a setting names it."""
    if os.geteuid() != 0:
        return
    for path in whole.folder.glob("store*"):
        os.chown(path, 65533, 0)
    out.equal(decide(whole)[0], "store", "another owner")
    with open(whole.file, "a", encoding="utf-8") as file:
        file.write("CERTGATE_STORE_OWNER=65533\n")
    out.equal(decide(whole)[0], "denied", "another owner that is named")


def test_killed(out):
    """A writer killed at any time leaves one of two whole stores."""
    one = store.Stored(place.temporary() / "killed", f"{DEVICE} user=a\n")
    many = "".join(f"{n:040x} user=u{n}\n" for n in range(1, 20001))
    texts = {name: (many + f"{DEVICE} user={name}\n").encode()
             for name in ("a", "b")}
    out.equal(one.put(texts["a"]).code, 0, "20,000 entries")
    path = one.folder / "new"
    seen, bad = set(), []
    for turn in range(24):
        path.write_bytes(texts["ab"[turn % 2]])
        process = subprocess.Popen(
            [admin.COMMAND, "import", path], env=one.environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.01 * turn)
        process.send_signal(signal.SIGKILL)
        seen.add(process.wait())
        reason, log = decide(one)
        if reason != "listed" or not ("user=a " in log or "user=b " in log):
            bad.append((turn, reason, log[-300:]))
    out.equal(bad, [], "each time the last commit is whole")
    out.equal(one.put(texts["b"]).code, 0, "and another writer goes on")
    out.result("user=b " in decide(one)[1], "whose entries are in force")


def test_lost(out):
    """A new store in place of a lost one, whose lock file a handler has."""
    one = store.Stored(place.temporary() / "lost", None)
    one.command("store", "init")
    handler = processes.Handler(one)
    one.command("allow", DEVICE)
    out.equal(decide(one)[0], "listed", "a store that will be lost")
    one.store.unlink()
    for arguments in (("store", "init"), ("allow", DEVICE)):
        done = one.command(*arguments)
        out.equal(done.code, 0, f"beside a handler: {arguments[0]}")
    out.equal(decide(one)[0], "listed", "the new store is whole")
    handler.close()


def test_replaced(out):
    """Another file gets the name of the store, or of its lock file, while a
    writer waits for the lock: what it would write, no handler would see."""
    for name in ("store", "store-lock"):
        one = store.Stored(place.temporary() / name, "# none\n")
        new = store.Stored(place.temporary() / "new", "# none\n")
        with open(one.store, "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            process = subprocess.Popen(
                [admin.COMMAND, "allow", DEVICE], stderr=subprocess.PIPE,
                env=one.environment(), stdout=subprocess.DEVNULL)
            place.wait_for(lambda pid=process.pid: sum(
                os.path.exists(fd) and os.path.samefile(fd, one.store)
                for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir()) > 1)
            time.sleep(0.3)  # it waits now
            os.rename(new.folder / name, one.folder / name)
            fcntl.lockf(file, fcntl.LOCK_UN)
            said = process.communicate()[1].decode()
            written = bytes.fromhex(DEVICE) in file.read()
        out.result(process.returncode == 3 and
                   "another file is in its place" in said,
                   f"a {name} that is replaced while a writer waits", said)
        out.equal(written, False, "it writes nothing into the old one")
        out.equal((one.command("allow", DEVICE).code, decide(one)[0]),
                  (0, "listed"), "and the next one writes into the new one")


def test_full(out):
    """A disk that is full: LMDB reports a write that was cut short as EIO."""
    if os.geteuid() != 0:
        return
    base = place.temporary()
    text, disk = base / "text", base / "disk"
    text.write_text("".join(f"{n:040x} user=u{n}\n" for n in range(1, 5000)))
    disk.mkdir()
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c",
         'mount -t tmpfs -o size=128k,mode=755 none "$2" && '
         '"$1" store init && "$1" import "$3"', "sh", admin.COMMAND, disk,
         text], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, check=False,
        env=processes.bare_environment({"CERTGATE_STORE": str(disk / "store")}))
    out.result(done.returncode == 3 and f"{disk}/store: No space left on "
               "device\n" in done.stderr.decode(), "a full disk",
               f"exit {done.returncode}\n{done.stderr.decode()}")


def main():
    out = tap.Tap()
    folder = place.temporary() / "whole"
    whole = store.Stored(folder, f"{DEVICE} user=pump\n"
                         f"deny {DEVICE} expires=2099-01-31\n" +
                         "".join(f"{n:040x}\n" for n in range(1, 3000)))
    test_damage(out, whole)
    test_owner(out, whole)
    test_killed(out)
    test_lost(out)
    test_replaced(out)
    test_full(out)
    out.done()


main()
