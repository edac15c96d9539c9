# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Configurations whose entries are in a store."""
import contextlib
import ctypes
import re
import subprocess
import sys

from . import admin, cases, door, place, processes

SETTINGS = {"CERTGATE_HUB": "chat", "CERTGATE_ORIGINS": cases.ORIGIN,
            "CERTGATE_ACCESS_KEYS": cases.KEY}


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

    def write(self, key, text):
        txn, dbi = self.begin()
        self.do("put", txn, dbi, ctypes.byref(Value(key)), ctypes.byref(
            Value(checksum(key, text) + text)), 0)
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


def set_value(path, name, value):
    """Write a value of the store, as certgate-sync writes its revision."""
    writer = Writer(path)
    writer.write(b"\0" + name.encode(), value)
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
