# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The real clients of tests/e2e, told what to do and heard what they say; its
README.md has the lines.  Their packages are in e2e/ of the build folder, where
./bootstrap check puts them."""
import json
import os
import queue
import shutil
import subprocess
import threading

from . import place, processes, tap

FOLDER = place.BUILD / "e2e"
SOURCES = place.SOURCE / "tests/e2e"


def prepare():
    """The modules beside their packages; skips the test if these are not
    there."""
    if not (FOLDER / "node_modules").is_dir():
        tap.skip_all("npm's packages are missing: ./bootstrap check has them")
    for path in SOURCES.glob("*.mjs"):
        shutil.copy(path, FOLDER)


def go_environment():
    return {"PATH": "/usr/bin:/bin", "HOME": str(FOLDER),
            "GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
            "GOCACHE": str(FOLDER / "go")}


def build_go():
    """The program of client.go."""
    program = FOLDER / "client"
    subprocess.run([processes.find("go"), "build", "-o", program,
                    SOURCES / "client.go"], check=True, env=go_environment())
    return program


class Client:
    """A running client; command is the program with its arguments."""

    def __init__(self, command, log):
        environment = {n: v for n, v in os.environ.items()
                       if not n.lower().endswith("_proxy")}
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=errors, text=True,
                env=environment)
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for text in self.process.stdout:
            self.lines.put(json.loads(text))
        self.lines.put(None)

    def tell(self, line, **members):
        """Writes one line; a process that has ended ignores it."""
        try:
            self.process.stdin.write(json.dumps({"is": line, **members}) +
                                     "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def hear(self, *wanted, seconds=30):
        """The next line that is one of wanted, skipping others; None if there
        is none until the client ends or the time is over."""
        while True:
            try:
                line = self.lines.get(timeout=seconds)
            except queue.Empty:
                return None
            if line is None:
                self.lines.put(None)
                return None
            self.seen.append(line)
            if line["is"] in wanted:
                return line

    def end(self, seconds=30):
        """Closes the input; the exit code, -9 if it had to be killed."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


# Some versions of Node.js take localhost for ::1 and try nothing else.
NODE = ["node", "--dns-result-order=ipv4first"]


def json_client(url, ca, certificate, log, reliable=False):
    more = ["--reliable"] if reliable else []
    return Client([*NODE, FOLDER / "json_client.mjs", *more,
                   *identity(ca, certificate), url], log)


def mqtt_client(url, ca, certificate, log, version, client_id=None):
    more = ["--client-id", client_id] if client_id else []
    return Client([*NODE, FOLDER / "mqtt_client.mjs",
                   *identity(ca, certificate), "--version", version, *more,
                   url], log)


def with_key(device):
    """The certificate of an identities.Identity and its key in one file; None for
    None."""
    if device is None:
        return None
    both = device.file.with_suffix(".both")
    both.write_text(device.file.read_text() + device.key.read_text())
    return both


def identity(ca, certificate):
    return ["--ca", ca] + (["--certificate", certificate]
                           if certificate else [])


def go_clients(url, ca, certificates, log, subprotocol=""):
    """One process; None in certificates is a client without one."""
    return Client([FOLDER / "client", "-url", url, "-ca", ca, "-subprotocol",
                   subprotocol, *(c or "-" for c in certificates)], log)


def vendor_handlers(configurations, log):
    """The process of vendor_handler.mjs, and a port for each configuration;
    the caller ends it."""
    with open(log, "wb") as errors:
        process = subprocess.Popen(
            ["node", FOLDER / "vendor_handler.mjs",
             json.dumps(configurations)],
            stdout=subprocess.PIPE, stderr=errors, text=True)
    ports = json.loads(process.stdout.readline() or "[]")
    if len(ports) != len(configurations):
        tap.bail_out("vendor_handler.mjs: " + log.read_text()[-600:])
    return process, ports
