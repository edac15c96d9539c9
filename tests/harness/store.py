# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Configurations whose entries are in a store."""
import ctypes
import re

from . import admin, cases, door, processes

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


def set_value(path, name, value):
    """Write a value of the store, as certgate-sync writes its revision."""
    lmdb = ctypes.CDLL("liblmdb.so.0")
    no_subdir, key = 0x4000, b"\0" + name.encode()
    env, txn = ctypes.c_void_p(), ctypes.c_void_p()
    dbi = ctypes.c_uint()
    codes = [
        lmdb.mdb_env_create(ctypes.byref(env)),
        lmdb.mdb_env_set_mapsize(env, ctypes.c_size_t(1 << 30)),
        lmdb.mdb_env_open(env, str(path).encode(), no_subdir, 0o600),
        lmdb.mdb_txn_begin(env, None, 0, ctypes.byref(txn)),
        lmdb.mdb_dbi_open(txn, None, 0, ctypes.byref(dbi)),
        lmdb.mdb_put(txn, dbi, ctypes.byref(Value(key)), ctypes.byref(
            Value(checksum(key, value) + value)), 0),
        lmdb.mdb_txn_commit(txn)]
    lmdb.mdb_env_close(env)
    assert not any(codes), codes


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
