# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The whole path on loopback: clients, certgate-emulator in the service's
place, a web server, certgate."""
from . import admin, emulator, identities, processes

HOST = "demo.webpubsub.azure.com"
KEY = "path-access-key-of-nobody012"


class Path:
    """server: a class of processes.Server; hubs: the names of the hubs.
    text: the list.  handler: the URL of another event handler than certgate,
    which then gets nothing.  server_token: what the service asks servers for,
    instead of a signature with its key."""

    def __init__(self, folder, server, hubs, text, handler=None,
                 server_token=None):
        self.configuration = processes.Configuration(folder, {
            "CERTGATE_ORIGINS": HOST, "CERTGATE_HUB": ",".join(hubs),
            "CERTGATE_ACCESS_KEYS": KEY}, text)
        folder.chmod(0o755)
        self.text = text
        self.handler = processes.Handler(self.configuration)
        self.server = server(folder / "server", self.configuration)
        url = handler or f"http://127.0.0.1:{self.server.port}/eventhandler"
        service = identities.Identity(folder, "service",
                                      "DNS:localhost,IP:127.0.0.1")
        self.ca = service.file
        self.service = emulator.Emulator(
            folder, service, [KEY], HOST,
            (["--server-token", server_token] if server_token else []) +
            [word for hub in hubs for word in (
                "--hub", hub, "--anonymous", "allow", "--handler", url)])

    def url(self, hub, kind="client"):
        """kind: client, or clients/mqtt."""
        return f"wss://localhost:{self.service.port}/{kind}/hubs/{hub}"

    def add(self, line):
        """Adds a line to the list; certgate has it within seconds."""
        self.text += line + "\n"
        self.configuration.write_list(self.text)

    def administer(self, verb, *words, endpoint=None, settings=None,
                   stdin=b""):
        """certgate with the settings of the path, for its service."""
        return admin.run(
            verb, "--ca", self.ca, "--endpoint",
            endpoint or f"https://localhost:{self.service.port}/", *words,
            environment=self.configuration.environment() | (settings or {}),
            stdin=stdin)

    def connects(self):
        """How many connect events certgate has decided on."""
        return self.configuration.log_since(0).count(" event=connect ")

    def logs(self):
        """The end of the emulator's and of certgate's."""
        return "\n".join(self.service.trace().splitlines()[-12:] +
                         self.configuration.log_since(0).splitlines()[-6:])

    def close(self):
        """The exit codes of the three."""
        return [self.service.close(), self.server.close(),
                self.handler.close()]
