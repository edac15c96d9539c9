# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Configurations whose entries are in a store."""
import contextlib
import ctypes
import json
import re
import subprocess
import sys
import threading
import time

from . import admin, cases, door, place, processes

SETTINGS = {"CERTGATE_HUB": "chat", "CERTGATE_ORIGINS": cases.ORIGIN,
            "CERTGATE_ACCESS_KEYS": cases.KEY}
SECONDS = 3  # of commits beside a reader
SEEN_MIN, PATIENCE = 100, 60  # commits; seconds on a busy host


def checksum(*parts):
    """Of policy/stored.c: FNV-1a by eight bytes at a time."""
    total = 0xcbf29ce484222325
    for part in parts:
        words = [len(part), *(int.from_bytes(part[i:i + 8], "little")
                              for i in range(0, len(part), 8))]
        for word in words:
            total = (total ^ word) * 0x100000001b3 % 2**64
            total ^= total >> 32
    return total.to_bytes(8, "little")


class Value(ctypes.Structure):
    """MDB_val"""
    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_char_p)]

    def __init__(self, data):
        super().__init__(len(data), data)


class Writer:
    """LMDB itself, as another writer: each change is a commit."""

    NO_SUBDIR, NO_THREAD = 0x4000, 0x200000

    def __init__(self, path):
        self.lmdb = ctypes.CDLL("liblmdb.so.0")
        self.env = ctypes.c_void_p()
        self.do("env_create", ctypes.byref(self.env))
        self.do("env_set_maxreaders", self.env, 4096)
        self.do("env_set_mapsize", self.env, ctypes.c_size_t(1 << 30))
        self.do("env_open", self.env, str(path).encode(),
                self.NO_SUBDIR | self.NO_THREAD, 0o600)

    def do(self, name, *arguments):
        code = getattr(self.lmdb, "mdb_" + name)(*arguments)
        if code != 0:
            raise OSError(code, name)

    def begin(self):
        txn, dbi = ctypes.c_void_p(), ctypes.c_uint()
        self.do("txn_begin", self.env, None, 0, ctypes.byref(txn))
        self.do("dbi_open", txn, None, 0, ctypes.byref(dbi))
        return txn, dbi

    def write(self, key, text, seal=None):
        """seal: a wrong checksum, of eight bytes."""
        txn, dbi = self.begin()
        self.do("put", txn, dbi, ctypes.byref(Value(key)), ctypes.byref(
            Value((seal or checksum(key, text)) + text)), 0)
        self.do("txn_commit", txn)

    def put(self, sha1, text):
        """The entry of a SHA-1; the numbers of entries stay."""
        self.write(b"\3" + bytes.fromhex(sha1), text.encode())

    def reader(self):
        """Look, too: a process that only reads can hold the lock."""
        txn = ctypes.c_void_p()
        self.do("txn_begin", self.env, None, 0x20000, ctypes.byref(txn))

    def close(self):
        self.lmdb.mdb_env_close(self.env)


FIRST = "user=v0 groups=g0"  # of the entry that watch_commits() changes


class Commits:
    """Commits to the store as fast as it can, each with another value that is
    in the entry twice."""

    def __init__(self, path, sha1):
        self.writer, self.sha1 = Writer(path), sha1
        self.done = 0
        self.ends = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ends:
            value = self.done + 1
            self.writer.put(self.sha1, f"user=v{value} groups=g{value} # "
                            .ljust(40 + value % 3000, "x"))
            self.done = value

    def close(self):
        self.ends = True
        self.thread.join()
        self.writer.close()


def watch_commits(out, path, sha1, ask):
    """Ask for the entry of a SHA-1 beside commits: each value is whole, and
    none is older than the one before."""
    commits = Commits(path, sha1)
    bad, seen, last = [], set(), 0
    begin = time.monotonic()
    while time.monotonic() < begin + SECONDS or (
            len(seen) <= SEEN_MIN and time.monotonic() < begin + PATIENCE):
        least = commits.done
        got = ask()
        most = commits.done + 1
        if got.status != 200:
            bad.append(got.status)
            continue
        value = json.loads(got.body)
        number = int(value["userId"][1:])
        if value["groups"] != [f"g{number}"] or not \
                max(least, last) <= number <= most:
            bad.append((least, value, most))
        last = number
        seen.add(number)
    took = time.monotonic() - begin
    commits.close()
    out.equal(bad[:3], [], f"{commits.done / took:.0f} commits a second, "
              f"{len(seen)} of them seen: none torn, none stale")
    out.result(len(seen) > SEEN_MIN, "many of them are seen", len(seen))


def set_value(path, name, value, seal=None):
    """Write a value of the store, as certgate-sync writes its revision."""
    writer = Writer(path)
    writer.write(b"\0" + name.encode(), value, seal)
    writer.close()


@contextlib.contextmanager
def holder(path):
    """A process that has begun a change, and goes on with nothing."""
    program = "import sys; sys.path.insert(0, sys.argv[1]);" \
        "from harness import store; w = store.Writer(sys.argv[2]);" \
        "w.begin(); w.reader(); print('begun', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(place.SOURCE / "tests"),
         str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


class Stored(processes.Configuration):
    """text goes into a store; more settings, and a list beside it, as a case
    has them.  text None: the store is not made."""

    def __init__(self, folder, text, settings=None, beside=None):
        self.store = folder / "store"
        super().__init__(folder, {
            **(SETTINGS if settings is None else settings),
            "CERTGATE_STORE": str(self.store)}, beside)
        if text is not None:
            done = self.command("store", "init")
            if done.code == 0:
                done = self.put(text)
            if done.code != 0:
                raise RuntimeError(str(done))

    def command(self, *arguments, stdin=b""):
        return admin.run(*arguments, environment={
            "CERTGATE_CONFIG": str(self.file)}, stdin=stdin)

    def put(self, text):
        """Replace all entries."""
        return self.command("import", "-", stdin=text if isinstance(
            text, bytes) else text.encode() or b"# no entries\n")

    def text(self):
        """The entries, in the order of their pins; "" without one."""
        return re.sub("^# no entries.*\n", "", re.sub(
            " +", " ", self.command("export").out))


class Gate:
    """A handler behind a web server, which decides on one event after the
    other."""

    known = cases.certificates()

    def __init__(self, configuration, start=processes.Lighttpd, **more):
        self.configuration = configuration
        self.handler = processes.Handler(configuration, **more)
        self.server = start(configuration.folder / "server", configuration)

    def decide(self, certificates):
        """The log's fields of a connect event with these clientCertificates:
        names of certificates.json, labels, or rows of an event."""
        before = self.configuration.log_size()
        rows = [{"thumbprint": c} if isinstance(c, str) and c[0] != "@" else c
                for c in certificates]
        case = cases.Case("event", {}, None, cases.own_request(
            {"certificates": rows}, self.known), {})
        answer = door.send(self.server.port, case)
        found = [d for d in processes.decisions(
            self.configuration.log_since(before)) if "count" not in d]
        return {**(found[-1] if found else {"reason": "no answer"}),
                "status": answer.status}

    def reason(self, *certificates):
        return self.decide(certificates)["reason"]

    def close(self):
        self.server.close()
        return self.handler.close()
