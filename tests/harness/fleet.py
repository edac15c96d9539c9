# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Hosts of a fleet: each a store and a certgate-sync, behind lighttpd a handler,
and between it and the database a cable that can be cut."""
import atexit
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading

from . import admin, cases, http, place, postgres, processes, tap

SYNC = place.program("certgate-sync", "SYNC")


def check(*arguments, **more):
    done = admin.run(*arguments, **more)
    if done.code != 0:
        tap.bail_out(f"certgate {' '.join(map(str, arguments))}: {done}")
    return done.out


class Host:
    """A store, and what keeps it equal to the database."""

    def __init__(self, folder, server, name, more="sslmode=disable", port=None,
                 prefix=(), address=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.server = server
        self.name = name
        self.prefix = list(prefix)
        server.add_host(name)
        self.store = self.folder / "store"
        self.log = self.folder / "log"
        self.log.touch()
        self.connection = self.folder / "sync"
        self.connect(server.connection(name, address, port, more))
        self.settings = self.folder / "settings"
        self.settings.write_text(f"CERTGATE_STORE={self.store}\n")
        self.settings.chmod(0o644)
        check("store", "init", "--config", self.settings)
        self.process = None

    def connect(self, text):
        self.connection.write_text(text, encoding="utf-8")
        self.connection.chmod(0o600)

    def start(self, *arguments, environment=None):
        self.process = processes.begin(
            [*self.prefix, SYNC, "--connection", self.connection, *arguments,
             self.store], self.log, processes.bare_environment(environment))
        return self

    def stop(self, *sig):
        return processes.end(self.process, *sig)

    def entries(self):
        """The lines of the store, sorted."""
        return sorted(line for line in check(
            "export", "--config", self.settings).splitlines()
            if not line.startswith("#"))

    def said(self):
        return self.log.read_text(errors="replace")

    def row(self):
        """Revision, digest and problem, as the database has them."""
        rows = self.server.sql(
            "select rev, encode(digest, 'hex'), problem from certgate.host "
            f"where name = '{self.name}'")
        return rows[0] if rows else None

    def is_at_head(self):
        return self.server.again(
            "select count(*) from certgate.host join certgate.head "
            f"using (rev, digest) where name = '{self.name}'") == ["1"]

    def catches_up(self, seconds=20):
        return place.wait_for(self.is_at_head, seconds, 0.05)


class Proxy:
    """Passes bytes between a port of its own and the database until stop().
    Then it accepts and says nothing, as a host that is gone behind a
    firewall."""

    def __init__(self, port):
        self.target = port
        self.going = threading.Event()
        self.going.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(client)
            if not self.going.is_set():
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.sockets.append(server)
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=(a, b),
                                 daemon=True).start()

    def copy(self, a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                if not self.going.is_set():
                    return  # both stay open, and nothing comes
                b.sendall(data)
        with contextlib.suppress(OSError):
            b.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.going.clear()

    def go_on(self):
        """For connections that are new."""
        self.going.set()

    def close(self):
        self.listener.close()
        for s in self.sockets:
            with contextlib.suppress(OSError):
                s.close()


def pin(number):
    """A SHA-256 that no certificate has."""
    return f"{number:064x}"


def limit_file(pid, size):
    """No file of this process can grow beyond: as a disk that is full."""
    subprocess.run(["prlimit", "--pid", str(pid), f"--fsize={size}:"],
                   check=True)


class Network:
    """A network namespace for the database and one for each host, at the ends
    of cables that can be cut; root alone can make them."""

    def __init__(self, hosts):
        self.names = [f"certgate-{os.getpid()}-{i}" for i in range(hosts + 1)]
        atexit.register(self.close)
        for name in self.names:
            self.ip("netns", "add", name)
            self.ip("-n", name, "link", "set", "lo", "up")
        hub = self.names[0]
        self.ip("-n", hub, "link", "add", "hub", "type", "bridge")
        self.ip("-n", hub, "addr", "add", f"{self.address}/24", "dev", "hub")
        self.ip("-n", hub, "link", "set", "hub", "up")
        for i, name in enumerate(self.names[1:], 1):
            self.ip("-n", hub, "link", "add", f"host{i}", "type", "veth",
                    "peer", "name", "eth0", "netns", name)
            self.ip("-n", hub, "link", "set", f"host{i}", "master", "hub")
            self.ip("-n", hub, "link", "set", f"host{i}", "up")
            self.ip("-n", name, "addr", "add", f"10.77.0.{i + 1}/24", "dev",
                    "eth0")
            self.ip("-n", name, "link", "set", "eth0", "up")

    address = "10.77.0.1"

    @staticmethod
    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def within(self, i):
        """What starts a program in the i-th namespace; 0 is the
        database's."""
        return ["ip", "netns", "exec", self.names[i]]

    def cut(self, i):
        self.ip("-n", self.names[0], "link", "set", f"host{i}", "down")

    def join(self, i):
        self.ip("-n", self.names[0], "link", "set", f"host{i}", "up")

    def close(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False,
                           capture_output=True)


class Gate:
    """lighttpd and a handler that reads a store, asked by a unix socket, which
    can be reached from any network."""

    def __init__(self, folder, store, within=(), settings=None):
        self.configuration = processes.Configuration(
            folder, {"CERTGATE_ACCESS_KEYS": cases.KEY,
                     "CERTGATE_STORE": str(store), **(settings or {})}, "")
        self.socket = self.configuration.folder / "http"
        self.handler = processes.Handler(self.configuration)
        www = processes.snippet("lighttpd.conf", {
            "/run/certgate/certgate.sock":
                self.configuration.folder / "socket"})
        file = self.configuration.folder / "lighttpd.conf"
        file.write_text(f"""
server.document-root = "{folder}"
server.bind = "{self.socket}"
server.errorlog = "{self.configuration.log}"
server.modules = ( )
{www}""", encoding="utf-8")
        self.server = processes.begin(
            [*within, processes.find("lighttpd"), "-D", "-f", file],
            self.configuration.log, processes.bare_environment())
        place.wait_for(self.socket.exists)

    def ask(self, sha1):
        """The status for a client with this thumbprint."""
        body = {"query": {}, "claims": {}, "headers": {}, "subprotocols": [],
                "clientCertificates": [{"thumbprint": sha1}]}
        data = http.request_bytes(
            "POST", "/eventhandler", cases.event_headers(
                "azure.webpubsub.sys.connect"), json.dumps(body).encode())
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            try:
                s.connect(str(self.socket))
                s.sendall(data)
                return http.read_answer(s).status
            except OSError:
                return 0

    def close(self):
        processes.end(self.server, signal.SIGINT)
        self.handler.close()


class World:
    """A database and hosts, each in a network of its own, or behind a proxy
    where no networks can be made."""

    def __init__(self, base, count, settings=None):
        self.base, self.settings = base, settings
        self.network = Network(count) if os.geteuid() == 0 else None
        within = self.network.within(0) if self.network else ()
        self.server = postgres.Server(
            base / "postgres", within=within, address=self.network.address
            if self.network else "127.0.0.1")
        # A database that takes over later is at another port.
        self.ports = [self.server.port, place.free_port()]
        self.server.make()
        self.proxies, self.hosts, self.gates = [], [], []

    def add_host(self):
        """The next one, which has all entries."""
        number = len(self.hosts) + 1
        if self.network:
            own = {"prefix": self.network.within(number),
                   "port": ",".join(map(str, self.ports)),
                   "address": ",".join([self.server.address] * 2)}
        else:
            self.proxies.append(Proxy(self.server.port))
            own = {"port": self.proxies[-1].port}
        host = Host(self.base / f"web{number}", self.server, f"web{number}",
                    **own).start()
        self.hosts.append(host)
        self.gates.append(Gate(self.base / f"gate{number}", host.store,
                               own.get("prefix", ()), self.settings))
        return host.catches_up(120)

    def cut(self, i):
        if self.network:
            self.network.cut(i + 1)
        else:
            self.proxies[i].stop()

    def join(self, i):
        if self.network:
            self.network.join(i + 1)
        else:
            self.proxies[i].go_on()

    def close(self):
        for host, gate in zip(self.hosts, self.gates):
            host.stop()
            gate.close()
        self.server.stop()
