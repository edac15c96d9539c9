#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Peers of the FastCGI socket: proper ones, slow ones, silent ones, wrong
ones.  Whatever one of them does, the others are answered."""
import json
import os
import pathlib
import signal
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, fastcgi, place, processes, tap  # noqa: E402
from harness.fastcgi import Peer  # noqa: E402

ORIGIN = b"example.webpubsub.azure.com"
VALIDATION = [(b"REQUEST_METHOD", b"OPTIONS"), (b"QUERY_STRING", b""),
              (b"HTTP_WEBHOOK_REQUEST_ORIGIN", ORIGIN)]
BODY_MAX = 1048576
USER = "\"" * 1000  # JSON doubles it
LARGEST = "ab" * 20
# As much as an entry can grant to that user.
GRANTS = " ".join(f"{option}=" + ",".join(f"{front}{i:02}" for i in range(39))
                  for option, front in [("groups", "{user}"),
                                        ("roles", "sendToGroup.{user}")])


def event(kind, body, more=(), length=None):
    headers = cases.event_headers(kind)
    found = [(b"REQUEST_METHOD", b"POST"), (b"QUERY_STRING", b""),
             (b"CONTENT_LENGTH",
              str(len(body) if length is None else length).encode())]
    for name, value in headers.items():
        name = name.upper().replace("-", "_")
        if name != "CONTENT_TYPE":
            name = "HTTP_" + name
        found.append((name.encode(), value.encode()))
    return found + list(more)


class Test:
    def __init__(self):
        self.tap = tap.Tap()
        self.base = place.temporary()
        known = cases.certificates()
        self.configuration = processes.Configuration(self.base / "gate", {
            "CERTGATE_ACCESS_KEYS": cases.KEY,
            "CERTGATE_ORIGINS": cases.ORIGIN},
            f"{known['device']['sha1']}\n{LARGEST} {GRANTS}\n")
        self.handler = processes.Handler(self.configuration,
                                         arguments=processes.TO_LOOK_INTO)
        self.path = self.handler.path
        self.connect = cases.connect_body(["@device"], known, {}).encode()
        self.alive("at the start")
        self.idle_descriptors = self.descriptors()

    def peer(self, seconds=30):
        return Peer(self.path, seconds)

    def status(self, data):
        """The status of the answer to one request on a connection of its
        own; None if there is none."""
        peer = self.peer()
        peer.send(data)
        answer = peer.answer()
        peer.close()
        return int(answer[8:11]) if answer else None

    def alive(self, what):
        """Another peer is answered, by the same process."""
        status = self.status(fastcgi.request(VALIDATION))
        self.tap.result(status == 200 and self.handler.process.poll() is None,
                        f"{what}: others are answered",
                        f"status {status}, exit "
                        f"{self.handler.process.returncode}\n" +
                        self.configuration.log_since(0)[-500:])

    def is_refused(self, what, data):
        """The connection is closed without an answer."""
        peer = self.peer()
        peer.send(data)
        answer = peer.answer()
        peer.close()
        self.tap.equal(answer, None, f"{what}: closed without an answer")
        self.alive(what)

    def proper(self):
        connect = event("azure.webpubsub.sys.connect", self.connect)
        data = fastcgi.request(connect, self.connect)
        self.tap.equal(self.status(data), 200, "a request")
        self.tap.equal(self.status(fastcgi.request(
            connect, self.connect, size=1)), 200, "records of one byte")
        peer = self.peer()
        for i in range(len(data)):
            peer.send(data[i:i + 1])
        self.tap.result(peer.answer() is not None, "bytes one at a time")
        self.tap.result(peer.is_closed(), "closed when not to be kept")
        peer = self.peer()
        kept = fastcgi.request(connect, self.connect, keep=True)
        for i in range(3):
            peer.send(kept)
            self.tap.result((peer.answer() or b"").startswith(
                b"Status: 200"), f"kept connection, request {i + 1}")
        peer.send(kept * 5)
        answers = [peer.answer() for _ in range(5)]
        self.tap.result(None not in answers, "five requests in one write")
        peer.close()
        peer = self.peer()
        peer.send(fastcgi.begin() + fastcgi.record(
            fastcgi.PARAMS, b"".join(fastcgi.pair(n, v)
                                     for n, v in VALIDATION), padding=7) +
            fastcgi.record(fastcgi.PARAMS, padding=3) +
            fastcgi.record(fastcgi.STDIN, padding=255))
        self.tap.result(peer.answer() is not None, "padding")
        peer.close()

    def wrong(self):
        name = fastcgi.pair(b"FCGI_MAX_CONNS", b"")
        values = fastcgi.record(fastcgi.GET_VALUES, name * 3000, 0)
        params = fastcgi.stream(fastcgi.PARAMS, b"".join(
            fastcgi.pair(n, v) for n, v in VALIDATION))
        end = fastcgi.record(fastcgi.STDIN)
        for what, data in {
            "GET_VALUES first": values,
            "GET_VALUES behind BEGIN_REQUEST": fastcgi.begin() + values,
            "GET_VALUES before the end":
                fastcgi.begin() + params + values + end,
            "an authorizer": fastcgi.begin(2) + params + end,
            "a filter": fastcgi.begin(3) + params + end,
            "an unknown role": fastcgi.begin(77) + params + end,
            "request id 0": fastcgi.begin(request=0),
            "another version": fastcgi.record(
                fastcgi.BEGIN, b"\0\1\0\0\0\0\0\0", version=2),
            "an unknown type": fastcgi.record(42, b"", 0),
            "a second BEGIN_REQUEST": fastcgi.begin() + fastcgi.begin(),
            "another request's parameters": fastcgi.begin() +
                fastcgi.record(fastcgi.PARAMS, b"", 2),
            "an abort": fastcgi.begin() + params +
                fastcgi.record(fastcgi.ABORT),
            "lengths beyond the end": fastcgi.begin() + fastcgi.stream(
                fastcgi.PARAMS, b"\xff\xff\xff\xfe\xff\xff\xff\xfe"),
            "a length cut off": fastcgi.begin() + fastcgi.stream(
                fastcgi.PARAMS, b"\x80\0"),
            "a name with =": fastcgi.request(
                VALIDATION + [(b"HTTP_CE_TYPE=azure", b"x")]),
            "a NUL in a value": fastcgi.request(
                VALIDATION + [(b"HTTP_CE_HUB", b"chat\0x")]),
            "too many parameters": fastcgi.begin() + fastcgi.stream(
                fastcgi.PARAMS, fastcgi.pair(b"X", b"y" * 70000)),
            "rubbish": b"GET / HTTP/1.1\r\n\r\n" * 4,
        }.items():
            self.is_refused(what, data)

    def bodies(self):
        connect = "azure.webpubsub.sys.connect"
        user = "azure.webpubsub.user.message"
        body = self.connect
        short = fastcgi.request(event(connect, body, length=len(body) + 1),
                                body)
        self.tap.equal(self.status(short), 400, "a body shorter than said")
        empty = fastcgi.request(event(connect, body), b"")
        self.tap.equal(self.status(empty), 400,
                       "no body, and a length that is not 0")
        for name in (b"CONTENT_LENGTH", b"HTTP_CE_TYPE", b"HTTP_CE_HUB",
                     b"HTTP_CE_CONNECTIONID", b"HTTP_CE_USERID",
                     b"REQUEST_METHOD", b"QUERY_STRING", b"REMOTE_USER"):
            found = event(connect, body)
            value = dict(found).get(name, b"x")
            data = fastcgi.request(
                found + [(name, value)] * (2 - (name in dict(found))), body)
            self.tap.equal(self.status(data), 400,
                           f"{name.decode()} twice")
        large = body[:-1] + b" " * (BODY_MAX - len(body)) + b"}"
        self.tap.equal(self.status(fastcgi.request(
            event(connect, large), large)), 200, "connect of 1 MiB")
        large += b" "
        self.tap.equal(self.status(fastcgi.request(
            event(connect, large), large)), 413, "connect of 1 MiB and a byte")
        data = b"x" * (16 * BODY_MAX)
        self.tap.equal(self.status(fastcgi.request(
            event(user, data), data)), 204, "user event of 16 MiB")
        data += b"x"
        self.tap.equal(self.status(fastcgi.request(
            event(user, data), data)), 413, "user event of 16 MiB and a byte")

    def largest(self):
        """An answer goes out whole, or not at all."""
        body = json.dumps(
            {"clientCertificates": [{"thumbprint": LARGEST}]}).encode()
        parameters = event("azure.webpubsub.sys.connect", body,
                           [(b"HTTP_CE_USERID", USER.encode())])
        peer = self.peer()
        peer.send(fastcgi.request(parameters, body))
        head, _, body = (peer.answer() or b"").partition(b"\r\n\r\n")
        peer.close()
        self.tap.result(head.startswith(b"Status: 200"),
                        "the largest grant", head)
        granted = json.loads(body or b"{}")
        self.tap.equal([len("".join(granted.get(name, [])))
                        for name in ("groups", "roles")],
                       [39 * 1002, 39 * 1024], "it arrives whole")

    def memory(self):
        """Resident and peak, in KiB."""
        text = pathlib.Path(
            f"/proc/{self.handler.process.pid}/status").read_text()
        return {n: int(text.partition(n)[2].split()[0])
                for n in ("VmRSS:", "VmHWM:")}

    def silent(self):
        peers = [self.peer() for _ in range(50)]
        self.alive("fifty silent peers")
        half = fastcgi.request(event("azure.webpubsub.sys.connect",
                                     self.connect), self.connect)
        for peer in peers:
            peer.send(half[:20])
        self.alive("fifty that stopped in the middle of a record")
        kept = fastcgi.request(VALIDATION, keep=True)
        idle = [self.peer() for _ in range(300)]
        for peer in idle:
            peer.send(kept)
            peer.answer()
        self.alive("three hundred kept and idle")
        for peer in peers:
            peer.send(half[20:])
        answers = [peer.answer() for peer in peers]
        self.tap.equal(sum(a is not None for a in answers), 50,
                       "the fifty go on where they stopped")
        for peer in peers + idle:
            peer.close()
        waiting = [self.peer() for _ in range(600)]
        self.alive("six hundred silent peers")
        for peer in waiting:
            peer.close()

    def endless(self):
        """Peers whose bodies never end, as fast as they can."""
        stopped = threading.Event()
        data = fastcgi.begin() + fastcgi.stream(fastcgi.PARAMS, b"") + \
            fastcgi.record(fastcgi.STDIN, b"x" * 65535) * 4
        more = fastcgi.record(fastcgi.STDIN, b"x" * 65535) * 16

        def flood():
            peer = self.peer()
            peer.send(data)
            while not stopped.is_set() and peer.send(more):
                pass
            peer.close()

        threads = [threading.Thread(target=flood) for _ in range(3)]
        for thread in threads:
            thread.start()
        for i in range(20):
            self.alive(f"three endless bodies, {i + 1}")
        stopped.set()
        for thread in threads:
            thread.join()

    def deaf(self):
        """A peer that sends requests and reads no answer."""
        kept = fastcgi.request(VALIDATION, keep=True) * 50
        peers = [self.peer(5) for _ in range(4)]
        closed = 0
        for peer in peers:
            for _ in range(2000):
                if not peer.send(kept):
                    closed += 1
                    break
        self.tap.equal(closed, len(peers), "peers that are invalid are closed")
        self.alive("peers that are invalid")
        for peer in peers:
            peer.close()

    def full_house(self):
        """Nearly every place has a kept connection whose next request has
        just come; new ones come too: all are answered."""
        kept = fastcgi.request(VALIDATION, keep=True)
        peers = [self.peer() for _ in range(240)]
        for peer in peers:
            peer.send(kept)
            peer.answer()
        self.handler.process.send_signal(signal.SIGSTOP)
        new = [self.peer() for _ in range(64)]
        for peer in new + peers:
            peer.send(kept)
        self.handler.process.send_signal(signal.SIGCONT)
        self.tap.equal(sum(p.answer() is not None for p in new + peers), 304,
                       "a full house: every request that came is answered")
        for peer in new + peers:
            peer.close()

    def together(self):
        """Requests that are there at once are answered together; still each
        peer gets its own answer, whatever becomes of the others."""
        body = json.dumps(
            {"clientCertificates": [{"thumbprint": LARGEST}]}).encode()

        def request(user):
            return fastcgi.request(
                event("azure.webpubsub.sys.connect", body,
                      [(b"HTTP_CE_USERID", user.encode())]), body, keep=True)

        def groups(peer):
            answer = (peer.answer() or b"").partition(b"\r\n\r\n")[2]
            return json.loads(answer or b"{}").get("groups")

        def granted(user):
            return [f"{user}{i:02}" for i in range(39)]

        self.handler.process.send_signal(signal.SIGSTOP)
        peers = {f"user{i}-": self.peer() for i in range(40)}
        for i, (user, peer) in enumerate(peers.items()):
            peer.send(request(user))
            if i % 8 == 1:
                peer.send(request("also-" + user))
            if i % 8 == 3:
                peer.send(b"rubbish behind it")
            if i % 8 == 5:
                peer.close()
        self.handler.process.send_signal(signal.SIGCONT)
        kept = {user: peer for i, (user, peer) in enumerate(peers.items())
                if i % 8 != 5}
        self.tap.equal({user: groups(peer) for user, peer in kept.items()},
                       {user: granted(user) for user in kept},
                       "answered together: each has its own")
        more = [(user, peer) for i, (user, peer) in enumerate(peers.items())
                if i % 8 == 1]
        self.tap.equal([groups(peer) for _, peer in more],
                       [granted("also-" + user) for user, _ in more],
                       "answered together: two of one connection")
        wrong = [peer for i, peer in enumerate(peers.values()) if i % 8 == 3]
        self.tap.equal([peer.answer() for peer in wrong], [None] * 5,
                       "answered together: closed behind what was right")
        for peer in kept.values():
            peer.close()
        self.alive("answered together")

    def few_files(self):
        """Fewer descriptors than connections."""
        configuration = processes.Configuration(self.base / "few", {}, None)
        path = configuration.folder / "socket"
        with processes.listen(path) as listener:
            handler = processes.begin(
                ["/bin/sh", "-c", "ulimit -n 24; exec \"$0\"",
                 place.HANDLER], configuration.log,
                configuration.environment(), stdin=listener)
            silent = [Peer(path) for _ in range(40)]
            for peer in silent:
                peer.send(b"\1")
            for peer in silent[:32]:
                peer.close()
            peer = Peer(path)
            peer.send(fastcgi.request(VALIDATION))
            self.tap.result(peer.answer() is not None,
                            "too few descriptors: answered when there are")
            for peer in silent[32:]:
                peer.close()
            self.tap.equal(processes.end(handler), 0, "and ends with 0")

    def full_log(self):
        """A log without a reader does not stop the handler."""
        configuration = processes.Configuration(self.base / "full", {}, None)
        read, write = os.pipe()
        path = configuration.folder / "socket"
        with processes.listen(path) as listener:
            handler = processes.begin([place.HANDLER], f"/dev/fd/{write}",
                                      configuration.environment(),
                                      stdin=listener)
            os.close(write)
            answered = 0
            for _ in range(1000):
                peer = Peer(path)
                peer.send(fastcgi.request(VALIDATION))
                answered += peer.answer() is not None
                peer.close()
            self.tap.equal((answered, processes.end(handler)), (1000, 0),
                           "a full log delays no peer")
            os.close(read)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.handler.process.pid}/fd"))

    def stop(self):
        before = self.idle_descriptors
        for _ in range(200):
            self.status(fastcgi.request(VALIDATION))
        place.wait_for(lambda: self.descriptors() <= before, 10)
        self.tap.result(self.descriptors() <= before, "no descriptor is lost",
                        f"{before} before, {self.descriptors()} after")
        data = fastcgi.request(event("azure.webpubsub.sys.connect",
                                     self.connect), self.connect, keep=True)
        in_hand = [self.peer() for _ in range(20)]
        for i, peer in enumerate(in_hand):
            peer.send(data[:1 + i * 20])
        kept = self.peer()
        kept.send(data)
        kept.answer()
        silent = self.peer()
        place.wait_for(lambda: self.descriptors() >= before + 22, 10)
        self.handler.process.send_signal(signal.SIGTERM)
        for i, peer in enumerate(in_hand):
            peer.send(data[1 + i * 20:])
        answers = [peer.answer() for peer in in_hand]
        self.tap.equal(sum((a or b"").startswith(b"Status: 200")
                           for a in answers), 20,
                       "SIGTERM: requests in hand are finished")
        self.tap.result(kept.is_closed(), "SIGTERM: a kept one is closed")
        silent.send(data)
        self.tap.result(silent.answer() is not None,
                        "SIGTERM: one that was accepted is answered")
        self.tap.equal(self.handler.process.wait(20), 0,
                       "SIGTERM: the handler ends with 0")
        self.handler.start()
        half = self.peer()
        half.send(data[:50])
        self.alive("a new process at the same socket")
        self.tap.equal(self.handler.stop(), 0,
                       "SIGTERM: one that never goes on does not hold it up")

    def stop_in_the_middle(self):
        """A connection that is to be closed behind its last answer is not
        read again, even if the program is to stop before that is sent."""
        peer = self.peer()
        peer.send(fastcgi.request(VALIDATION, keep=True))
        peer.answer()
        before = self.configuration.log_size()
        self.handler.process.send_signal(signal.SIGSTOP)
        peer.send(fastcgi.request(VALIDATION) +
                  fastcgi.stream(fastcgi.STDIN, b"x" * 65535))
        self.handler.process.send_signal(signal.SIGTERM)
        self.handler.process.send_signal(signal.SIGCONT)
        self.tap.result(peer.answer() is not None,
                        "SIGTERM: the last request is answered")
        self.tap.equal(peer.answer(), None,
                       "SIGTERM: what is behind it is not")
        self.tap.equal(self.handler.process.wait(20), 0,
                       "SIGTERM: the handler ends with 0")
        log = self.configuration.log_since(before)
        self.tap.equal(log.count("verdict="), 1,
                       "SIGTERM: what is behind it is not even looked at")

    def run(self):
        self.proper()
        self.wrong()
        self.bodies()
        self.largest()
        peak = self.memory()
        self.tap.result(peak["VmHWM:"] < 40000,
                        "sixteen times the largest body are not kept", peak)
        self.silent()
        self.endless()
        self.full_log()
        self.deaf()
        self.full_house()
        self.together()
        self.few_files()
        self.stop()
        self.handler.start()
        self.stop_in_the_middle()
        self.tap.done()


Test().run()
