#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""System calls of a request and of slow peers, counted by strace."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, fastcgi, place, processes, tap  # noqa: E402
from harness.fastcgi import Peer  # noqa: E402

STRACE = processes.find("strace")
REQUESTS = 1024
TRIES = 5
TOGETHER = 32  # connections
PEERS = 100  # slow ones
PIECES = 10  # of one byte, from each
known = cases.certificates()
out = tap.Tap()
base = place.temporary()
CONNECT = cases.connect_body(["@device"], known, {}).encode()


def connect(size=0, keep=False):
    body = CONNECT.ljust(size)
    found = [(b"REQUEST_METHOD", b"POST"), (b"QUERY_STRING", b""),
             (b"CONTENT_LENGTH", str(len(body)).encode())]
    for name, value in cases.event_headers(
            "azure.webpubsub.sys.connect").items():
        name = name.upper().replace("-", "_")
        if name != "CONTENT_TYPE":
            name = "HTTP_" + name
        found.append((name.encode(), value.encode()))
    return fastcgi.request(found, body, keep=keep)


def answered(peers):
    return sum((p.answer() or b"").startswith(b"Status: 200") for p in peers)


def close(peers):
    for peer in peers:
        peer.close()


def new(path, data):
    """A connection for each request."""
    found = 0
    for _ in range(REQUESTS // TOGETHER):
        peers = [Peer(path) for _ in range(TOGETHER)]
        for peer in peers:
            peer.send(data)
        found += answered(peers)
        close(peers)
    return found


def kept(path, data, first=None):
    """first: what each connection sends before."""
    found = 0
    peers = [Peer(path) for _ in range(TOGETHER)]
    if first:
        for peer in peers:
            peer.send(first)
        found += answered(peers)
    for _ in range(REQUESTS // TOGETHER):
        for peer in peers:
            peer.send(data)
        found += answered(peers)
    close(peers)
    return found


def after_large(path, data):
    """A request that is too large for one look needs a memory file; those
    behind it on the same connection do not."""
    return kept(path, data, connect(100000, keep=True))


def slow(path, data):
    """The last bytes come one at a time, each once those before were seen:
    the handler answers a kept connection when it has seen all others."""
    peers = [Peer(path) for _ in range(PEERS)]
    first = Peer(path)
    for peer in peers:
        peer.send(data[:-PIECES])
    for i in range(PIECES):
        for peer in peers:
            peer.send(data[len(data) - PIECES + i:][:1])
        if i + 1 < PIECES:
            first.send(connect(keep=True))
            answered([first])
    found = answered(peers)
    close(peers + [first])
    return found


def count(name, act=None, data=b""):
    """The calls of a handler from its start to its end, by name, and how many
    requests it answered."""
    configuration = processes.Configuration(base / name, {
        "CERTGATE_ACCESS_KEYS": cases.KEY, "CERTGATE_ORIGINS": cases.ORIGIN},
        f"{known['device']['sha1']}\n")
    path, table = configuration.folder / "socket", base / f"{name}.table"
    with processes.listen(path) as listener:
        # strace is the child of the handler, not the other way round.
        handler = processes.begin(
            [STRACE, "-D", "-c", "-U", "calls,name", "-o", table,
             place.HANDLER], configuration.log, configuration.environment(),
            stdin=listener)
        found = act(path, data) if act else answered_one(path)
        code = processes.end(handler, seconds=60)
    out.equal(code, 0, f"{name}: the handler ends with 0")
    place.wait_for(lambda: table.exists() and "total" in table.read_text())
    rows = [line.split() for line in table.read_text().splitlines()]
    return {row[1]: int(row[0]) for row in rows
            if len(row) == 2 and row[0].isdigit()}, found


def answered_one(path):
    peer = Peer(path)
    peer.send(connect())
    found = answered([peer])
    peer.close()
    return found


def check(name, most, act, data, n=REQUESTS, requests=REQUESTS):
    # On a busy machine, a connection can arrive before its request, which
    # costs a second look: the lowest count of some tries is the handler's.
    for i in range(TRIES):
        calls, found = count(f"{name} {i}", act, data)
        out.equal(found, requests, f"{name}: every request is answered")
        each = (calls["total"] - start["total"]) / n
        if each <= most:
            break
    out.result(each <= most, f"{name}: at most {most} calls", calls)
    for call in ("newfstatat", "fcntl", "getrandom"):
        more = calls.get(call, 0) - start.get(call, 0)
        out.result(more < n // 2, f"{name}: {call} is not of each", more)


if subprocess.run([STRACE, "-o", "/dev/null", "true"], check=False,
                  stderr=subprocess.DEVNULL).returncode != 0:
    tap.skip_all("no process can be traced here")
start, _ = count("start")
check("new connections", 8, new, connect())
check("kept connections", 5, kept, connect(keep=True))
check("kept connections, after a large request", 6, after_large,
      connect(keep=True), requests=REQUESTS + TOGETHER)
check("requests of 20 KB", 11, new, connect(20000))
check("bytes of slow peers", 3, slow, connect(), PEERS * PIECES, PEERS)
out.done()
