#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Benchmark: this handler with all checks on beside what others would write,
each behind the same web server in interleaved rounds of one run: libfcgi's
textbook loop with a constant answer, that loop with json-c and the signature,
and, if Go is there, net/http with the signature.  Then the kinds of entries,
the page of certgate status, and where the handler's time goes.  Every event carries a certificate of its
own, one in ten is refused, and a wrong answer fails the benchmark.

It measures; it judges nothing but the answers."""
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cgi as by_cgi  # noqa: E402
from harness import (admin, cases, fastcgi, logs, place,  # noqa: E402
                     processes, slow)

EVENTS = int(os.environ.get("BENCH_EVENTS", "20000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "100000"))
CGI_REQUESTS = int(os.environ.get("BENCH_CGI_REQUESTS", "3000"))
LISTED = int(os.environ.get("BENCH_LISTED", "100000"))  # the limit of a list
RELOADS = 10
STRANGERS = int(os.environ.get("BENCH_STRANGERS", "20000"))
SLOW_EVENTS = 50
REFUSALS = 10000  # on the page of status
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


def tree(pid):
    """A process and its descendants."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


def lighttpd(folder, configuration, how="socket"):
    return processes.Lighttpd(folder, configuration, how,
                              "server.max-keep-alive-requests = 1000000000")


def cgi(folder, configuration):
    return lighttpd(folder, configuration, "cgi")


def nginx_kept(folder, configuration):
    return processes.Nginx(folder, configuration, kept=True)


def apache(folder, configuration):
    return processes.Apache(folder, configuration, how="proxy")


class Stack:
    """A web server and what answers behind it.  Each round has new processes:
    two of one program differ by some hundredths as long as they live."""

    def __init__(self, name, configuration, command, server=lighttpd,
                 events=None, warm=SEEN):
        """command: of the handler; an empty one: the server starts it.  warm:
        requests that each round sends before it measures; none where the first
        sight of a certificate is measured."""
        self.name = name
        self.rows = []
        self.configuration = configuration
        self.command = command
        self.make_server = server
        self.events = events or base / "events"
        self.warm = warm
        self.constant = command[0] != place.HANDLER
        self.handler = self.server = None
        if server != cgi:
            self.socket = processes.listen(configuration.folder / "socket")

    def begin(self):
        c = self.configuration
        handler = place.HANDLER
        if self.make_server == cgi:
            place.HANDLER = self.command[0]
        else:
            self.handler = processes.begin(self.command, c.log,
                                           c.environment(), stdin=self.socket)
        self.server = self.make_server(
            c.folder / f"server-{len(self.rows)}", c)
        place.HANDLER = handler
        if self.warm:
            self.load(self.warm)

    def end(self):
        self.server.close()
        if self.handler:
            processes.end(self.handler)

    def pids(self):
        if self.handler is None:  # children that end count with their parent
            return [self.server.process.pid]
        return tree(self.server.process.pid) + [self.handler.pid]

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
        pids = self.pids()
        before = cpu(pids)
        own = cpu([self.handler.pid]) if self.handler else 0
        found = re.search(r"rate=(\d+) p50_us=(\d+) p99_us=(\d+)",
                          self.load(requests))
        per = 10000 / requests
        self.rows.append([
            float(found[1]), (cpu(pids) - before) * per,
            (cpu([self.handler.pid]) - own) * per if self.handler else 0,
            float(found[3]) / 1000,
            resident(self.handler.pid) if self.handler else 0])
        self.end()

    def median(self):
        return [statistics.median(column) for column in zip(*self.rows)]


def compare(title, stacks, requests):
    """In brackets, the ratio to the first one.  The first in a round is
    the last in the next."""
    for number in range(ROUNDS):
        for stack in stacks if number % 2 == 0 else reversed(stacks):
            stack.round(requests)
    print(f"\n{title}: {ROUNDS} rounds of {requests} requests each, medians")
    print(f"{'':<26}{'req/s':>15}{'CPU s/10k':>15}{'handler':>15}"
          f"{'p99 ms':>15}{'RSS MiB':>9}")
    first = stacks[0].median()
    for stack in stacks:
        *figures, rss = stack.median()
        print(f"{stack.name:<26}" + "".join(
            f"{figure:>8.{digits}f} ({figure / one if one else 0:4.2f})"
            for figure, one, digits in zip(figures, first, (0, 3, 3, 2))) +
            f"{rss:>9.1f}", flush=True)


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
                    [place.HANDLER], events=folders[kind] / "events",
                    warm=0 if kind == "authority" else SEEN)
              for kind, name in names.items()]
    seen = make(SEEN, "authority", base / "seen")
    stacks.append(Stack("CA, again", configuration("of-seen", seen),
                        [place.HANDLER], events=seen / "events"))
    compare("kinds of entries through lighttpd", stacks, EVENTS)
    few = [make(min(EVENTS, 2000), kind, base / name.replace(" ", "-"))
           for kind, name in (("connect", "plain pin"),
                              ("options", "pin with options"),
                              ("authority", "CA"))]
    print("\nkinds of entries, in process: "
          f"{ENTRY_ROUNDS} rounds, medians of accepted clients", flush=True)
    subprocess.run([bench / "entries", str(ENTRY_ROUNDS), *few], check=True)


def go_peer(kept):
    """The peer behind nginx, if there is a Go compiler."""
    if not shutil.which("go"):
        return []
    source = pathlib.Path(__file__).with_name("peer.go")
    subprocess.run(["go", "build", "-o", base / "peer", source], check=True,
                   env=os.environ | {"GOCACHE": str(base / "go")})
    port = place.free_port()
    return [Stack("Go net/http, signature", configuration(f"go-{kept}"),
                  [base / "peer", f"127.0.0.1:{port}"],
                  lambda folder, c: processes.Nginx(folder, c, kept=kept,
                                                    peer=port))]


def servers():
    for title, server in (("lighttpd", lighttpd), ("nginx", processes.Nginx),
                          ("nginx, kept connections", nginx_kept),
                          ("Apache mod_proxy_fcgi", apache)):
        name = server.__name__
        stacks = [
            Stack("textbook, constant answer", configuration(f"{name}-null"),
                  [bench / "textbook"], server),
            Stack("textbook, json-c and HMAC", configuration(f"{name}-work"),
                  [bench / "textbook", "work"], server),
            Stack("certgate.fcgi", configuration(f"{name}-ours"),
                  [place.HANDLER], server)]
        if server == nginx_kept:  # the textbook loop serves one connection
            del stacks[:2]
        if title.startswith("nginx"):
            stacks += go_peer(server == nginx_kept)
        compare(f"FastCGI through {title}", stacks, REQUESTS)


def plain_cgi():
    make(1000, "connect", base)
    static = place.BUILD / "portable/certgate.cgi"
    stacks = [Stack(name, configuration(f"cgi-{number}"), [program], cgi)
              for number, (name, program) in enumerate((
                  ("null CGI", bench / "null_cgi"),
                  ("certgate.fcgi", place.HANDLER),
                  ("static certgate.cgi", static)))]
    stacks[-1].constant = False
    if not static.exists():
        print("\nmake portable for the static program", flush=True)
        stacks.pop()
    compare("plain CGI through lighttpd, 900 entries", stacks, CGI_REQUESTS)


def one_event(size):
    """The first event, its body filled up with blanks."""
    data = (base / "events").read_bytes()
    length = int.from_bytes(data[:4], sys.byteorder)
    head, _, body = data[10:10 + length].partition(b"\r\n\r\n")
    body = body.ljust(size)
    return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body),
                  head) + b"\r\n\r\n" + body


def delay(port, event):
    """Milliseconds until the event is accepted."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(event)
        if not s.recv(65536).startswith(b"HTTP/1.1 200 "):
            sys.exit("beside slow bodies an event is not accepted")
    return (time.monotonic() - begin) * 1000


def slow_bodies():
    """The worst delay of an event while slow bodies have every place, and the
    larger one has to get a spool."""
    c = configuration("slow")
    handler = processes.begin([place.HANDLER], c.log, c.environment(),
                              stdin=processes.listen(c.folder / "socket"))
    bodies = slow.Bodies(c.folder / "server", c, "/eventhandler",
                         {"Host": "handler.example"})
    bodies.wait_for(slow.BODIES - slow.PLACES)
    print(f"\n{slow.BODIES} slow bodies through Apache: worst delay of "
          f"{SLOW_EVENTS} events", flush=True)
    for size in (1000, 50000, 100000):
        worst = 0
        for _ in range(SLOW_EVENTS):
            worst = max(worst, delay(bodies.server.port, one_event(size)))
            bodies.open()
            bodies.open()
            time.sleep(0.1)  # they have places and spools again
        print(f"  {size:>7} bytes {worst:>8.1f} ms", flush=True)
    bodies.stop()
    processes.end(handler)


def longest_answer(handler, case, seconds):
    """Milliseconds, of an event each millisecond on one connection."""
    peer, longest = fastcgi.Peer(handler.path), 0.0
    end = time.monotonic() + seconds
    while (begin := time.monotonic()) < end:
        peer.send(fastcgi.request(list(by_cgi.parameters(case).items()),
                                  case.body, keep=True))
        peer.answer()
        longest = max(longest, time.monotonic() - begin)
        time.sleep(0.001)
    peer.close()
    return longest * 1000


def reloads():
    """The longest answer while a list of the largest size is loaded again and
    again, beside that of the same handler before."""
    case = cases.Case("event", {}, None,
                      cases.own_request({}, cases.certificates()), {})
    print(f"\nreload of {LISTED} entries, {RELOADS} times: the longest answer\n"
          f"  {'':<24}{'before':>12}{'reloads':>12}{'an entry':>14}",
          flush=True)
    for name, options in (
            ("plain pin", ""),
            ("pin with options", " user=device-{0:06} groups=line-{1} "
             "expires=2097-01-01"),
            ("options of its own", " user=device-{0:06} "
             "client-id=device-{0:06}")):
        text = "".join(f"{n:064x}{options.format(n, n % 40)}\n"
                       for n in range(LISTED))
        own = processes.Configuration(
            base / ("long-" + name.replace(" ", "-")),
            {"CERTGATE_ACCESS_KEYS": cases.KEY}, "")
        handler = processes.Handler(own)
        longest_answer(handler, case, 0.1)  # the start waits for the list
        before = longest_answer(handler, case, 5)
        empty, busy = resident(handler.process.pid), 0.0
        for _ in range(RELOADS):
            own.write_list(text)
            busy = max(busy, longest_answer(handler, case, 3))
        grown = resident(handler.process.pid) - empty
        print(f"  {name:<24}{before:>9.1f} ms{busy:>9.1f} ms"
              f"{grown * 1048576 / LISTED:>8.0f} bytes", flush=True)
        handler.close()


def page():
    """The time to write the page of status from a log of hostile names."""
    c = processes.Configuration(
        base / "page", {**SETTINGS, "CERTGATE_LOG": base / "page/log"},
        f"{'0' * 64}\n")
    c.log.write_text(logs.text(logs.hostile(REFUSALS)[::-1]))
    times = []
    for _ in range(ROUNDS):
        begin = time.monotonic()
        done = admin.run("status", "--html", c.folder / "page.html",
                         environment={"CERTGATE_CONFIG": str(c.file)})
        times.append(time.monotonic() - begin)
        if done.code not in (0, 1):
            sys.exit(f"status --html: {done}")
    print(f"\nthe page of status, {REFUSALS} refusals of hostile names: "
          f"{ROUNDS} rounds\n  median {statistics.median(times):.3f} s, longest "
          f"{max(times):.3f} s, "
          f"{(c.folder / 'page.html').stat().st_size} bytes", flush=True)


def main():
    print(f"making {EVENTS} events, each with its certificate …", flush=True)
    make(EVENTS, "connect", base)
    servers()
    entries()
    reloads()
    slow_bodies()
    page()
    print("\nca: entries, in process", flush=True)
    subprocess.run([bench / "chains", place.temporary(), str(STRANGERS)],
                   check=True)
    plain_cgi()
    print("\nwhere the handler's time goes, in process, per event",
          flush=True)
    subprocess.run([bench / "stages", base / "events", base / "list"],
                   check=True)


main()
