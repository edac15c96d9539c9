#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Benchmark: this handler with all checks on beside a null libfcgi responder in
the same loop, and beside itself without its sandbox, through lighttpd, in
interleaved rounds of one run; the same for the kinds of entries: a plain pin,
one with options, and a CA at the first sight of a certificate and when it comes
again; with everybody refused, beside itself when it notes nobody; plain CGI the
same; and where the handler's time goes.  Every event carries a certificate of
its own, one in ten is refused, and a wrong answer fails the benchmark.

It measures; it judges nothing but the answers."""
import os
import pathlib
import re
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import place, processes  # noqa: E402

EVENTS = int(os.environ.get("BENCH_EVENTS", "20000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "100000"))
CGI_REQUESTS = int(os.environ.get("BENCH_CGI_REQUESTS", "3000"))
STRANGERS = int(os.environ.get("BENCH_STRANGERS", "20000"))
SEEN = 200  # events that come again; few places in the memory are shared
ENTRY_ROUNDS = 5
CONNECTIONS = 32
bench = place.BUILD / "tests/bench"
base = place.temporary()
SETTINGS = {"CERTGATE_ACCESS_KEYS": "bench-access-key",
            "CERTGATE_HUB": "bench", "CERTGATE_REQUIRE_CONTENT": "yes",
            "CERTGATE_ORIGINS": "bench.webpubsub.azure.com"}


def cpu(pids):
    """Seconds of processor time of processes and of their ended children."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text() \
            .rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


class Stack:
    """lighttpd and what answers behind it.  Each round has new processes: two of
    one program differ by some hundredths as long as they live."""

    def __init__(self, name, configuration, program, how="socket",
                 arguments=(), events=None, warm=SEEN):
        """warm: requests that each round sends before it measures; none where
        the first sight of a certificate is measured."""
        self.name = name
        self.rows = []
        self.configuration = configuration
        self.command = [program, *arguments]
        self.how = how
        self.events = events or base / "events"
        self.warm = warm
        self.constant = program != place.HANDLER
        self.handler = self.server = None
        if how == "socket":
            self.socket = processes.listen(configuration.folder / "socket")

    def begin(self):
        c = self.configuration
        if self.how == "socket":
            self.handler = processes.begin(self.command, c.log,
                                           c.environment(), stdin=self.socket)
        handler, place.HANDLER = place.HANDLER, self.command[0]
        self.server = processes.Lighttpd(
            c.folder / f"lighttpd-{len(self.rows)}", c, self.how,
            "server.max-keep-alive-requests = 1000000000")
        place.HANDLER = handler
        if self.warm:
            self.load(self.warm)

    def end(self):
        self.server.close()
        if self.handler:
            processes.end(self.handler)

    def pids(self):
        return [self.server.process.pid] + (
            [self.handler.pid] if self.handler else [])

    def load(self, requests):
        done = subprocess.run(
            [bench / "load", f"127.0.0.1:{self.server.port}", self.events,
             str(CONNECTIONS), str(requests)] +
            (["constant"] if self.constant else []),
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{self.name}: {done.stdout}{done.stderr}")
        return done.stdout

    def round(self, requests):
        self.begin()
        before = cpu(self.pids())
        own = cpu([self.handler.pid]) if self.handler else 0
        found = re.search(r"rate=(\d+) p50_us=(\d+) p99_us=(\d+)",
                          self.load(requests))
        per = 10000 / requests
        self.rows.append([
            float(found[1]), (cpu(self.pids()) - before) * per,
            (cpu([self.handler.pid]) - own) * per if self.handler else 0,
            float(found[3]) / 1000,
            resident(self.handler.pid) if self.handler else 0])
        self.end()

    def median(self):
        return [statistics.median(column) for column in zip(*self.rows)]


def compare(title, stacks, requests):
    """The ratio in each line is that of the first one to it.  Who goes first
    in a round goes last in the next."""
    for number in range(ROUNDS):
        for stack in stacks if number % 2 == 0 else reversed(stacks):
            stack.round(requests)
    print(f"\n{title}: {ROUNDS} rounds of {requests} requests each, medians")
    print(f"{'':<26}{'req/s':>9}{'CPU s/10k':>11}{'handler':>9}"
          f"{'p99 ms':>8}{'RSS MiB':>9}{'ratio':>8}")
    for stack in stacks:
        rate, whole, own, p99, rss = stack.median()
        print(f"{stack.name:<26}{rate:>9.0f}{whole:>11.3f}{own:>9.3f}"
              f"{p99:>8.2f}{rss:>9.1f}"
              f"{stacks[0].median()[0] / rate:>8.2f}")


def configuration(name, folder=base, more=None):
    return processes.Configuration(base / name, {**SETTINGS, **(more or {})},
                                   (folder / "list").read_text())


def make(count, kind, folder):
    folder.mkdir(exist_ok=True)
    subprocess.run([bench / "events", str(count), kind, folder], check=True)
    return folder


def entries():
    """The kinds of entries through lighttpd, and in process: there the memory
    of a processor's other work does not blur them."""
    names = {"connect": "plain pin", "options": "pin with options",
             "authority": "CA, first sight"}
    folders = {kind: make(EVENTS, kind, base / kind) for kind in names}
    stacks = [Stack(name, configuration("of-" + kind, folders[kind]),
                    place.HANDLER, events=folders[kind] / "events",
                    warm=0 if kind == "authority" else SEEN)
              for kind, name in names.items()]
    seen = make(SEEN, "authority", base / "seen")
    stacks.append(Stack("CA, again", configuration("of-seen", seen),
                        place.HANDLER, events=seen / "events"))
    compare("kinds of entries through lighttpd", stacks, EVENTS)
    few = [make(min(EVENTS, 2000), kind, base / name.replace(" ", "-"))
           for kind, name in (("connect", "plain pin"),
                              ("options", "pin with options"),
                              ("authority", "CA"))]
    print("\nkinds of entries, in process: "
          f"{ENTRY_ROUNDS} rounds, medians of those let in", flush=True)
    subprocess.run([bench / "entries", str(ENTRY_ROUNDS), *few], check=True)


def main():
    print(f"making {EVENTS} events, each with its certificate …", flush=True)
    make(EVENTS, "connect", base)
    compare("FastCGI through lighttpd",
            [Stack("certgate.fcgi", configuration("ours"), place.HANDLER),
             Stack("the same, --no-sandbox", configuration("free"),
                   place.HANDLER, arguments=["--no-sandbox"]),
             Stack("null responder", configuration("null"), bench / "null")],
            REQUESTS)
    entries()
    print("\nca: entries, in process", flush=True)
    subprocess.run([bench / "chains", place.temporary(), str(STRANGERS)],
                   check=True)
    make(100, "connect", base)
    compare("plain CGI through lighttpd, 90 entries",
            [Stack("certgate.fcgi", configuration("cgi"), place.HANDLER,
                   "cgi"),
             Stack("null CGI", configuration("null-cgi"),
                   bench / "null_cgi", "cgi")], CGI_REQUESTS)
    print("\nwhere the handler's time goes, in process, per event",
          flush=True)
    subprocess.run([bench / "stages", base / "events", base / "list"],
                   check=True)


main()
