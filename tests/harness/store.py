# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Configurations whose entries are in a store."""
from . import admin, cases, door, processes

SETTINGS = {"CERTGATE_HUB": "chat", "CERTGATE_ORIGINS": cases.ORIGIN,
            "CERTGATE_ACCESS_KEYS": cases.KEY}


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
