#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Slow bodies and requests that come in pieces: they hold up nobody, and they
are answered as if they had come at once."""
import http.client
import pathlib
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, fastcgi, place, processes, tap  # noqa: E402
from harness.fastcgi import Peer  # noqa: E402

PATH = "/eventhandler"
SLOW = 300  # bodies at once; the handler has 256 places
THREADS = """
<IfModule mpm_event_module>
StartServers 4
ServerLimit 16
ThreadsPerChild 25
MaxRequestWorkers 400
</IfModule>
"""
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


class Trickle:
    """Sockets that each get a byte more, again and again, until stop()."""

    def __init__(self, sockets, byte, pause=1):
        self.sockets = sockets
        self.byte = byte
        self.pause = pause
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped.wait(self.pause):
            for s in self.sockets:
                try:
                    s.send(self.byte)
                except OSError:
                    pass  # the handler has closed it

    def stop(self):
        self.stopped.set()
        self.thread.join()
        for s in self.sockets:
            s.close()


def through_apache():
    """Apache passes bodies on as they come, so an anonymous sender decides how
    fast."""
    c = configuration("apache")
    handler = processes.Handler(c, arguments=processes.TO_LOOK_INTO)
    server = processes.Apache(base / "server", c, more=THREADS)
    head = "".join(f"{n}: {v}\r\n" for n, v in cases.event_headers(
        "azure.webpubsub.sys.connect").items())
    slow = []
    for _ in range(SLOW):
        s = socket.create_connection(("127.0.0.1", server.port))
        s.sendall((f"POST {PATH} HTTP/1.1\r\n{head}"
                   "Content-Length: 100000\r\n\r\n{").encode())
        slow.append(s)
    descriptors = pathlib.Path(f"/proc/{handler.process.pid}/fd")
    out.result(place.wait_for(lambda: len(list(descriptors.iterdir())) > 256),
               "slow bodies take every place",
               f"{len(list(descriptors.iterdir()))} descriptors")
    trickle = Trickle(slow, b" ")
    times = []
    for _ in range(20):
        begin = time.monotonic()
        client = http.client.HTTPConnection("127.0.0.1", server.port)
        client.request("POST", PATH, CONNECT, cases.event_headers(
            "azure.webpubsub.sys.connect"))
        times.append((time.monotonic() - begin)
                     if client.getresponse().status == 200 else 99)
        times[-1] = max(times[-1], time.monotonic() - begin)
        client.close()
        time.sleep(0.1)
    # On a busy machine it may be over a second; a slow body ends after 30.
    out.result(max(times) < 10, f"{SLOW} slow bodies through Apache: no event "
               "waits for the end of one", times)
    trickle.stop()
    server.close()
    out.equal(handler.close(), 0, "the handler ends with 0")


def slow_peers(handler):
    half = connect()[:-20]
    peers = [Peer(handler.path) for _ in range(100)]
    for peer in peers:
        peer.send(half[:-200])
    trickle = Trickle([p.socket for p in peers], half[-1:], 0.5)
    time.sleep(1)
    before = used(handler)
    time.sleep(4)
    spent = used(handler) - before
    out.result(spent <= 0.04, "100 slow peers cost at most 1 % of a processor",
               f"{spent} s in 4 s")
    trickle.stop()
    peers = [Peer(handler.path) for _ in range(SLOW)]
    for peer in peers:
        peer.send(connect()[:30])
    for peer in peers:
        peer.send(connect()[30:60])
    trickle = Trickle([p.socket for p in peers], b"x", 0.05)
    times = []
    for size in (0, 100000) * 10:
        begin = time.monotonic()
        peer = Peer(handler.path)
        peer.send(user(size) if size else connect())
        out.equal(status(peer), 204 if size else 200,
                  f"beside {SLOW} slow peers: an event of {size} bytes")
        times.append(time.monotonic() - begin)
        peer.close()
    out.result(max(times) < 10, "none of them waits for such an end", times)
    trickle.stop()


def full_socket(handler):
    """More small pieces than a socket holds, while there is no spool."""
    data = connect()
    peers = [Peer(handler.path) for _ in range(16)]
    for part in (data[:30], data[30:60], data[60:90]):
        for peer in peers:
            peer.send(part)
        time.sleep(0.1)
    trickle = Trickle([p.socket for p in peers], data[90:91], 0.05)
    late = Peer(handler.path, 10)
    late.socket.setblocking(False)
    sent = 0
    try:
        while sent < len(data) - 1:
            sent += late.socket.send(data[sent:sent + 1])
    except BlockingIOError:
        pass
    out.result(0 < sent < len(data) - 1,
               "a socket is full while all spools are taken", sent)
    time.sleep(1)
    trickle.stop()
    late.socket.settimeout(10)
    late.send(data[sent:])
    out.equal(status(late), 200, "its peer is answered once they are free")
    late.close()


def large_bodies(handler):
    """More at once than there are spools: none is lost."""
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
full_socket(handler)
large_bodies(handler)
slow_peers(handler)
out.equal((handler.close(), processes.end(tcp)), (0, 0),
          "the handlers end with 0")
out.done()
