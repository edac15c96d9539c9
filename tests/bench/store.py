#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Benchmark of the store: store.py [ENTRIES [FOLDER]].  The import of many
entries with options, then the handler beside one with the entries of the events
alone, an edit under load, and the same entries in a map of HAProxy, a map of
nginx and a file of tinycdb, each if it is there.  FOLDER keeps the list and the
store for another run.

It measures; it judges nothing but the answers."""
import ctypes
import hashlib
import http.client
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, cgi, fastcgi, place, processes  # noqa: E402
from harness import store  # noqa: E402

ENTRIES = int(sys.argv[1]) if len(sys.argv) > 1 else 10000000
FOLDER = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else place.temporary()
PATIENCE = int(os.environ.get("BENCH_PATIENCE", "240"))  # seconds for a load
EVENTS, REQUESTS, CONNECTIONS, ROUNDS, STARTS, EDITS = 1000, 20000, 32, 7, 5, 5
CGI_RUNS = 200
bench = place.BUILD / "tests/bench"
base = place.temporary()
known = cases.certificates()
DEVICE = known["device"]["sha256"]
EVENT = cases.Case("event", {}, None, cases.own_request({}, known), {})
LOAD = {"CERTGATE_ACCESS_KEYS": "bench-access-key", "CERTGATE_HUB": "bench",
        "CERTGATE_ORIGINS": "bench.webpubsub.azure.com"}


def say(text):
    print(text, flush=True)


def pin(number):
    return hashlib.sha256(b"%d" % number).hexdigest()


def timed(*command, **more):
    """Seconds that pass, seconds of processor time, MiB at most."""
    begin = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), **more)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command}: exit {process.returncode}")
    return (time.monotonic() - begin, usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024)


def make_list(path, own, count):
    """Entries with options; own: those of the events, at the end."""
    if path.exists():
        return
    with open(path, "w", encoding="utf-8") as file:
        for first in range(0, count, 100000):
            file.write("".join(
                f"{pin(n)} user=device-{n} groups=line-{n % 40} "
                "expires=2097-01-01\n"
                for n in range(first, min(first + 100000, count))))
        file.write(own)


class Side:
    """The store of a folder, for the events of the load and for the case."""

    def __init__(self, folder, text):
        folder.mkdir(exist_ok=True)
        self.folder, self.list = folder, folder / "all.list"
        self.store = folder / "store"
        make_list(self.list, *text)
        self.load = self.configure("load", LOAD)
        self.case = self.configure("case", store.SETTINGS)

    def configure(self, name, settings):
        return processes.Configuration(
            base / f"{self.folder.name}-{name}",
            {**settings, "CERTGATE_STORE": str(self.store)}, None)

    def command(self, *arguments, **more):
        return timed(admin.COMMAND, *arguments, stdout=subprocess.DEVNULL,
                     env=self.case.environment(), **more)

    def fill(self):
        """The figures of the import; None if it was there."""
        if self.store.exists():
            return None
        self.command("store", "init")
        return self.command("import", self.list)


def used(pid):
    """Seconds on a processor."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text()
               .split()[0]) / 1e9


def resident(pid, name="VmRSS"):
    """MiB; 0 of a process that has ended."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    return int((text.partition(name + ":")[2].split() or ["0"])[0]) / 1024


def one_answer(peer):
    peer.send(fastcgi.request(list(cgi.parameters(EVENT).items()), EVENT.body,
                              keep=True))
    return cgi.answer_of(peer.answer()).status


def first_answer(side, number):
    """Milliseconds from the start of a handler to its first answer."""
    begin = time.monotonic()
    handler = processes.Handler(side.case, name=f"first-{number}")
    peer = fastcgi.Peer(handler.path)
    status = one_answer(peer)
    passed = (time.monotonic() - begin) * 1000
    peer.close()
    handler.close()
    if status != 200:
        sys.exit(f"first answer: {status}")
    return passed


def load(side, number):
    """Microseconds of processor time for an event, and private MiB."""
    handler = processes.Handler(side.load)
    server = processes.Lighttpd(
        side.load.folder / f"server-{number}", side.load,
        more="server.max-keep-alive-requests = 1000000000")
    for requests in (EVENTS, REQUESTS):
        before = used(handler.process.pid)
        done = subprocess.run(
            [bench / "load", f"127.0.0.1:{server.port}", FOLDER / "events/events",
             str(CONNECTIONS), str(requests)], capture_output=True, text=True,
            check=False)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)
    row = ((used(handler.process.pid) - before) / REQUESTS * 1e6,
           resident(handler.process.pid, "RssAnon"))
    server.close()
    handler.close()
    handler.path.unlink()
    return row


def plain_cgi(side, program):
    """Milliseconds of processor time of one program for one event."""
    environment = {n.encode(): v.encode() for n, v
                   in side.case.environment().items()}
    environment.update(cgi.parameters(EVENT))
    total = 0
    for _ in range(CGI_RUNS):
        with open(base / "body", "wb") as file:
            file.write(EVENT.body)
        with open(base / "body", "rb") as file:
            total += timed(program, env=environment, stdin=file,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)[1]
    return total / CGI_RUNS * 1000


def edits(side):
    """Milliseconds from the start of the command to the first event that is
    decided by it, of the command, and of the longest event."""
    handler = processes.Handler(side.case, name="edits")
    peer = fastcgi.Peer(handler.path)
    seen, ends = [], threading.Event()

    def ask():
        while not ends.is_set():
            begin = time.monotonic()
            status = one_answer(peer)
            seen.append((status, begin, time.monotonic()))
            time.sleep(0.0005)

    thread = threading.Thread(target=ask)
    thread.start()
    rows = []
    for arguments, status in [(["deny", DEVICE], 403),
                              (["remove", "--deny", DEVICE], 403),
                              (["allow", DEVICE], 200)] * EDITS:
        before, begin = len(seen), time.monotonic()
        side.command(*arguments)
        passed = time.monotonic() - begin
        time.sleep(0.1)
        during = seen[before:]
        if arguments[0] != "deny":
            continue
        rows.append((next(e for s, b, e in during if s == status) - begin,
                     passed, max(e - b for _, b, e in during)))
    ends.set()
    thread.join()
    peer.close()
    handler.close()
    return [statistics.median(column) * 1000 for column in zip(*rows)]


def ours(many, few):
    sides = {"store, all entries": many, "store, events alone": few}
    say(f"\nthe best of {ROUNDS} rounds\n{'':<24}{'first answer':>16}{'CPU an event':>16}{'private':>12}")
    rows = {name: [] for name in sides}
    for number in range(ROUNDS):  # in turn: the machine may have other work
        for name, side in sides.items():
            first = [first_answer(side, f"{number}-{n}") for n in range(STARTS)]
            rows[name].append((statistics.median(first), *load(side, number)))
    for name, figures in rows.items():
        first, cpu, memory = zip(*figures)
        say(f"{name:<24}{min(first):>13.1f} ms{min(cpu):>13.1f} us"
            f"{max(memory):>8.1f} MiB")
    for program in (place.HANDLER, place.BUILD / "portable/certgate.cgi"):
        if program.exists():
            say(f"plain CGI, {program.name}: " + ", ".join(
                f"{plain_cgi(side, program):.2f} ms CPU ({name})"
                for name, side in sides.items()))
    say("deny beside an event each half millisecond: in force for an event "
        "{:.1f} ms after the command starts; command {:.1f} ms; longest event "
        "{:.1f} ms".format(*edits(many)))


class Peer:
    """Another server with the same entries, asked for the user of a pin."""

    def __init__(self, name, port, start, reload):
        self.name, self.port = name, port
        self.reload = reload
        self.process = start()

    def ask(self, number):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=60)
        connection.request("GET", "/", headers={"X-Pin": pin(number)})
        body = connection.getresponse().read().decode().strip()
        connection.close()
        return body == f"device-{number}"

    def wait(self):
        """Seconds to the first answer; None: it takes too long."""
        begin = time.monotonic()
        while time.monotonic() - begin < PATIENCE:
            if self.process.poll() not in (None, 0):
                return None
            try:
                if self.ask(17):
                    return time.monotonic() - begin
            except OSError:
                time.sleep(0.01)
        return None

    def pids(self):
        found = subprocess.run(["pgrep", "-s", str(self.process.pid)],
                               capture_output=True, text=True, check=False)
        return list(map(int, found.stdout.split()))

    def run(self):
        seconds = self.wait()
        if seconds is None:
            ended = self.process.poll()
            say(f"{self.name:<24}" + (
                f"no answer in {PATIENCE} s, "
                f"{sum(map(resident, self.pids())):.0f} MiB"
                if ended is None else f"ended with {ended}"))
            return
        memory = sum(map(resident, self.pids()))
        old, begin, longest = set(self.pids()), time.monotonic(), 0
        peak, changed = memory, None
        self.reload(self)
        while time.monotonic() - begin < PATIENCE:
            asked = time.monotonic()
            if not self.ask(int(asked * 1000) % ENTRIES):
                sys.exit(f"{self.name}: wrong answer")
            longest = max(longest, time.monotonic() - asked)
            now = set(self.pids())
            peak = max(peak, sum(map(resident, now)))
            if len(now) == len(old) and now != old:
                changed = time.monotonic() - begin
                break
            time.sleep(0.01)
        say(f"{self.name:<24}load {seconds:.1f} s, {memory:.0f} MiB; reload "
            f"{'%.1f' % changed if changed else 'over %d' % PATIENCE} s, "
            f"longest answer {longest * 1000:.0f} ms, {peak:.0f} MiB")

    def close(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in self.pids():
                try:
                    os.kill(process, number)
                except ProcessLookupError:
                    pass
            time.sleep(1)
        self.process.wait()


def begin(*command):
    return subprocess.Popen(list(map(str, command)), start_new_session=True,
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def make_map(end):
    path = base / "map"
    with open(path, "w", encoding="utf-8") as file:
        for n in range(ENTRIES):
            file.write(f"{pin(n)} device-{n}{end}\n")
    return path


def haproxy():
    port, conf = place.free_port(), base / "haproxy.cfg"
    conf.write_text(
        "global\n maxconn 100\ndefaults\n mode http\n timeout client 9s\n"
        " timeout server 9s\n timeout connect 9s\nfrontend f\n"
        f" bind 127.0.0.1:{port}\n http-request return status 200 content-type "
        f"text/plain lf-string "
        f"%[req.hdr(x-pin),map_str({make_map('')},none)]\n")
    return Peer("HAProxy map", port,
                lambda: begin("haproxy", "-W", "-f", conf),
                lambda p: os.kill(p.process.pid, signal.SIGUSR2))


def nginx():
    port, conf = place.free_port(), base / "nginx.conf"
    conf.write_text(
        f"daemon off; pid {base}/nginx.pid; error_log {base}/nginx.log;\n"
        f"user root; events {{ }}\nhttp {{ access_log off; "
        f"map_hash_max_size {2 * ENTRIES}; map_hash_bucket_size 256;\n"
        f"map $http_x_pin $u {{ default none; include {make_map(';')}; }}\n"
        f"server {{ listen 127.0.0.1:{port}; return 200 $u; }} }}\n")
    return Peer("nginx map", port,
                lambda: begin("nginx", "-c", conf),
                lambda p: os.kill(p.process.pid, signal.SIGHUP))


def look_up(find, count=200000):
    """Microseconds; the calls from here are most of them, and the same for
    both."""
    keys = [bytes.fromhex(pin(n * 7919 % ENTRIES)) for n in range(count)]
    begin_s = time.monotonic()
    for key in keys:
        if not find(key):
            sys.exit("a look-up fails")
    return (time.monotonic() - begin_s) / count * 1e6


def tinycdb(side):
    text, path = base / "cdb.in", base / "cdb"
    with open(text, "wb") as file:
        for n in range(ENTRIES):
            value = b"user=device-%d" % n
            file.write(b"+32,%d:%b->%b\n" % (
                len(value), bytes.fromhex(pin(n)), value))
        file.write(b"\n")
    made = timed("cdb", "-c", "-t", base / "cdb.tmp", path, text)
    library = ctypes.CDLL("libcdb.so.1")
    handle = ctypes.create_string_buffer(4096)
    library.cdb_init(handle, os.open(path, os.O_RDONLY))
    cdb = look_up(lambda key: library.cdb_find(handle, key, 32) == 1)
    writer = store.Writer(side.store)
    txn, dbi = writer.begin()
    value = store.Value(b"")
    lmdb = look_up(lambda key: writer.lmdb.mdb_get(
        txn, dbi, ctypes.byref(store.Value(b"\1" + key)),
        ctypes.byref(value)) == 0)
    say(f"{'tinycdb':<24}made in {made[0]:.1f} s, "
        f"{path.stat().st_size / 2**20:.0f} MiB; look-up {cdb:.1f} us, LMDB "
        f"{lmdb:.1f} us, from Python")


def main():
    events = FOLDER / "events"
    if not events.exists():
        events.mkdir(parents=True)
        subprocess.run([bench / "events", str(EVENTS), "options", events],
                       check=True)
    own = (events / "list").read_text() + DEVICE + "\n"
    many, few = Side(FOLDER, (own, ENTRIES)), Side(base / "few", (own, 0))
    few.fill()
    figures = many.fill()
    if figures:
        say("import of {} entries, {:.0f} MiB: {:.1f} s, CPU {:.1f} s, {:.0f} "
            "MiB of memory; the store has {:.0f} MiB".format(
                ENTRIES, many.list.stat().st_size / 2**20, *figures,
                many.store.stat().st_size / 2**20))
    ours(many, few)
    if shutil.which("cdb"):
        tinycdb(many)
    for peer in (haproxy, nginx):
        if shutil.which(peer.__name__):
            one = peer()
            one.run()
            one.close()


main()
