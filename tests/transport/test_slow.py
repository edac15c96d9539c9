#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Slow bodies and requests in pieces: they delay no other peer, and
are answered as if they had come at once."""
import http.client
import os
import pathlib
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, fastcgi, place, processes, slow, tap  # noqa: E402
from harness.fastcgi import Peer  # noqa: E402

PATH = "/eventhandler"
known = cases.certificates()
out = tap.Tap()
base = place.temporary()
CONNECT = cases.connect_body(["@device"], known, {}).encode()


def parameters(kind, body, more=()):
    found = [(b"REQUEST_METHOD", b"POST"), (b"QUERY_STRING", b""),
             (b"CONTENT_LENGTH", str(len(body)).encode())]
    for name, value in cases.event_headers(kind).items():
        name = name.upper().replace("-", "_")
        if name != "CONTENT_TYPE":
            name = "HTTP_" + name
        found.append((name.encode(), value.encode()))
    return found + list(more)


def request(kind, body, keep=False, more=()):
    return fastcgi.request(parameters(kind, body, more), body, keep=keep)


def connect(keep=False, more=()):
    return request("azure.webpubsub.sys.connect", CONNECT, keep, more)


def user(size):
    return request("azure.webpubsub.user.message", b"x" * size)


def status(peer):
    answer = peer.answer()
    return int(answer[8:11]) if answer else None


class TcpPeer(Peer):
    """path: a port of 127.0.0.1."""

    def connect(self, path, seconds):
        self.socket.close()
        self.socket = socket.create_connection(("127.0.0.1", int(path)),
                                               seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def configuration(name):
    return processes.Configuration(base / name, {
        "CERTGATE_ACCESS_KEYS": cases.KEY, "CERTGATE_ORIGINS": cases.ORIGIN},
        f"{known['device']['sha1']}\n")


def used(handler):
    """Seconds of processor time."""
    fields = pathlib.Path(f"/proc/{handler.process.pid}/stat").read_text() \
        .rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def through_apache():
    """Every slow body but those that had to go has a place.  An event takes
    the place of one of them, and is answered before any other one ends."""
    c = configuration("apache")
    handler = processes.Handler(c, arguments=processes.TO_LOOK_INTO)
    headers = cases.event_headers("azure.webpubsub.sys.connect")
    bodies = slow.Bodies(base / "server", c, PATH, headers)
    ended = slow.BODIES - slow.PLACES
    out.result(bodies.wait_for(ended), "slow bodies take every place",
               bodies.ended())
    full = descriptors(handler)
    for number in range(10):
        found = post(bodies.server.port, CONNECT, headers)
        ended += 1
        bodies.wait_for(ended)
        out.equal((found, bodies.ended()), (200, ended),
                  f"event {number + 1} ends one of {slow.PLACES} slow bodies")
        bodies.open()
        place.wait_for(lambda: descriptors(handler) == full)
    # The last bytes come once a spool has taken those before: a place and a
    # spool for the event, and what the two that are new take.
    for size in (20000, 50000, 100000) * 3:
        found = post(bodies.server.port, CONNECT.ljust(size), headers)
        ended += 4
        out.result(found == 200 and bodies.ended() <= ended,
                   f"an event of {size} bytes ends at most two of them",
                   (found, bodies.ended(), ended))
        bodies.open()
        bodies.open()
        place.wait_for(lambda: descriptors(handler) == full)
    bodies.stop()
    out.equal(handler.close(), 0, "the handler ends with 0")


def post(port, body, headers):
    client = http.client.HTTPConnection("127.0.0.1", port)
    client.request("POST", PATH, body, headers)
    found = client.getresponse().status
    client.close()
    return found


def descriptors(handler):
    return len(os.listdir(f"/proc/{handler.process.pid}/fd"))


def slow_peers(handler):
    half = connect()[:-20]
    peers = [Peer(handler.path) for _ in range(100)]
    for peer in peers:
        peer.send(half[:-200])
    trickle = slow.Trickle([p.socket for p in peers], half[-1:], 0.5)
    time.sleep(1)
    before = used(handler)
    time.sleep(4)
    spent = used(handler) - before
    out.result(spent <= 0.04, "100 slow peers cost at most 1 % of a processor",
               f"{spent} s in 4 s")
    trickle.stop()


def take_places(handler):
    """Slow peers that have every place, and every spool."""
    peers = [Peer(handler.path) for _ in range(slow.BODIES)]
    for part in (connect()[:30], connect()[30:60]):
        for peer in peers:
            peer.send(part)
    trickle = slow.Trickle([p.socket for p in peers], b"x", 0.05)
    ended = slow.BODIES - slow.PLACES
    out.result(place.wait_for(lambda: trickle.ended() == ended),
               "slow peers take every place", trickle.ended())
    return trickle


def beside_slow_peers(handler):
    """An event takes at most one place and one spool of slow peers, and does not
    wait for the end of another one."""
    trickle = take_places(handler)
    ended = trickle.ended() + 1
    for size in (0, 100000) * 10:
        peer = Peer(handler.path)
        peer.send(user(size) if size else connect())
        ended += 1 if size else 0
        out.equal(status(peer), 204 if size else 200,
                  f"beside slow peers: an event of {size} bytes")
        out.result(trickle.ended() <= ended, f"at most {ended} slow peers have ended",
                   trickle.ended())
        peer.close()
    trickle.stop()


def newcomers(handler):
    """A new connection has its place before its request comes."""
    trickle = take_places(handler)
    ended = trickle.ended() + 11
    first = Peer(handler.path)
    more = [Peer(handler.path) for _ in range(10)]
    out.result(place.wait_for(lambda: trickle.ended() == ended),
               "each new peer takes the place of a slow one", trickle.ended())
    for peer in (first, *more):
        peer.send(connect())
        out.equal(status(peer), 200, "a new peer is answered")
        peer.close()
    trickle.stop()


def full_spools(handler):
    """The spools have a limit in bytes: the peers longest without progress go,
    and no other event waits for that."""
    data = user(1048576)[:-100]
    kept = Peer(handler.path)
    turn(kept)
    before = resident(handler)
    peers = [Peer(handler.path) for _ in range(100)]
    for peer in peers:
        peer.send(data)
    small = Peer(handler.path)
    small.send(connect()[:-1])
    turn(kept)
    found = slow.ended([p.socket for p in peers])
    out.result(len(found) in (37, 38), "64 MiB of spools are kept", len(found))
    out.equal(found, [p.socket for p in peers[:len(found)]],
              "those longest without progress have ended")
    grown = resident(handler) - before
    out.result(40 << 20 < grown < 80 << 20, "the handler has grown by them",
               grown)
    small.send(connect()[-1:])
    out.equal(status(small), 200, "a small event is answered beside them")
    for peer in peers[len(found):]:
        peer.send(user(1048576)[-100:])
    out.equal([status(p) for p in peers[len(found):]],
              [204] * (100 - len(found)), "so are all that were kept")
    for peer in (*peers, small, kept):
        peer.close()
    out.result(place.wait_for(lambda: resident(handler) - before < 8 << 20),
               "their memory is free again", resident(handler) - before)


def resident(handler):
    """Bytes."""
    text = pathlib.Path(f"/proc/{handler.process.pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) * 1024


def turn(kept):
    """The handler has seen what came before: between two requests of one peer
    it waits for the others."""
    for _ in range(2):
        kept.send(connect(True))
        status(kept)


def large_bodies(handler):
    """None is lost."""
    data = user(1048576)
    found = []

    def send():
        for _ in range(3):
            peer = Peer(handler.path)
            peer.send(data)
            found.append(status(peer))
            peer.close()

    threads = [threading.Thread(target=send) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out.equal(found, [204] * 120, "40 bodies of 1 MiB at once")


def pieces(handler, port):
    many = connect(more=[(b"X%d" % i, b"y" * 1000) for i in range(57)])
    records = fastcgi.begin() + fastcgi.stream(
        fastcgi.PARAMS, b"".join(fastcgi.pair(n, v) for n, v in parameters(
            "azure.webpubsub.sys.connect", CONNECT,
            [(b"X%d" % i, b"y" * 1000) for i in range(57)])), size=1) + \
        fastcgi.stream(fastcgi.STDIN, CONNECT)
    for kind, where in ((Peer, handler.path), (TcpPeer, port)):
        peer = kind(where)
        for i in range(len(many)):
            peer.send(many[i:i + 1])
        out.equal(status(peer), 200, f"{kind.__name__}: 60,000 bytes of "
                  "parameters, a byte at a time")
        peer.close()
        peer = kind(where)
        peer.send(records)
        out.equal(status(peer), 200, f"{kind.__name__}: in records of one")
        peer.close()
        for cut, wanted in ((1, None), (0, 200)):
            for keep in (False, True):
                peer = kind(where)
                data = connect(keep)
                peer.send(data[:len(data) - cut])
                peer.socket.shutdown(socket.SHUT_WR)
                out.equal((status(peer), peer.is_closed()), (wanted, True),
                          f"{kind.__name__}: half-closed {cut} bytes before "
                          f"the end, kept: {keep}")
                peer.close()
        peer = kind(where)
        peer.send(connect(True) * 3)
        peer.socket.shutdown(socket.SHUT_WR)
        out.equal([status(peer) for _ in range(4)], [200] * 3 + [None],
                  f"{kind.__name__}: half-closed behind three requests")
        peer.close()


def padded(handler):
    """libfcgi 2.4.2 takes the padding of some of these for a record."""
    text = b"".join(fastcgi.pair(n, v) for n, v in
                    parameters("azure.webpubsub.sys.connect", CONNECT))
    for place_of in range(5):
        parts = [(fastcgi.BEGIN, b"\0\1\1\0\0\0\0\0"),
                 (fastcgi.PARAMS, text), (fastcgi.PARAMS, b""),
                 (fastcgi.STDIN, CONNECT), (fastcgi.STDIN, b"")]
        peer = Peer(handler.path)
        data = b"".join(fastcgi.record(kind, content,
                                       padding=9 if i == place_of else 0)
                        for i, (kind, content) in enumerate(parts))
        found = []
        for _ in range(3):
            peer.send(data)
            found.append(status(peer))
        out.equal(found, [200] * 3, f"padding of record {place_of + 1}")
        peer.close()


through_apache()
c = configuration("direct")
handler = processes.Handler(c)
port = place.free_port()
tcp = processes.begin([place.HANDLER, "--listen", f"127.0.0.1:{port}"], c.log,
                      c.environment())
place.wait_for(lambda: processes.is_serving(port))
pieces(handler, port)
padded(handler)
full_spools(handler)
large_bodies(handler)
slow_peers(handler)
beside_slow_peers(handler)
newcomers(handler)
out.equal((handler.close(), processes.end(tcp)), (0, 0),
          "the handlers end with 0")
out.done()
