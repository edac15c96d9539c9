#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Streams of FastCGI records that went wrong somewhere, over a real socket:
the handler goes on, and they accept no client.  FUZZ_SEED says which, an
argument how many; HANDLER may be one with sanitizers."""
import os
import pathlib
import random
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, fastcgi, place, processes, tap  # noqa: E402

SEED = int(os.environ.get("FUZZ_SEED", "1"))
ROUNDS = tap.size(4000)
VALIDATION = [(b"REQUEST_METHOD", b"OPTIONS"),
              (b"HTTP_WEBHOOK_REQUEST_ORIGIN", cases.ORIGIN.encode())]
known = cases.certificates()
out = tap.Tap()
chance = random.Random(SEED)


def event(kind, body, more=()):
    """The parameters of an event that is signed as it should be."""
    found = [(b"REQUEST_METHOD", b"POST"), (b"QUERY_STRING", b"a=b"),
             (b"CONTENT_LENGTH", str(len(body)).encode())]
    for name, value in cases.event_headers(kind).items():
        name = name.upper().replace("-", "_")
        if name != "CONTENT_TYPE":
            name = "HTTP_" + name
        found.append((name.encode(), value.encode()))
    return found + list(more)


# A client without an entry: it must never be accepted.
STRANGER = cases.connect_body(["@other"], known, {}).encode()
CONNECT = event("azure.webpubsub.sys.connect", STRANGER)
NUMBERS = [b"\0", b"\1", b"\x7f", b"\x80", b"\xff", b"\x80\0\0\0",
           b"\xff\xff\xff\xff", b"\x80\0\xff\xff"]
NAMES = sorted({name for name, _ in CONNECT} |
               {b"CERTGATE_SITE", b"REMOTE_USER", b"AUTH_TYPE", b"HTTP_PROXY",
                b"REDIRECT_CERTGATE_SITE", b"CLIENT_CERT_THUMBPRINT", b"",
                b"CERTGATE_SIGNATURE", b"FCGI_ROLE", b"HTTP_CE_TYPE=", b"\0",
                b"X" * 200})


def parameters():
    """Those of a stranger's event, some of them changed, gone or doubled."""
    pairs = list(CONNECT)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(pairs))
        value = chance.choice([
            b"", b"off", b"POST", b"azure.webpubsub.sys.connected", b"connect",
            b"0", b"-1", b"18446744073709551616", b"1" * 300, b"\0", b"*",
            known["device"]["sha1"].encode(), b"\xff\xfe", pairs[at][1]])
        chance.choice([
            lambda: pairs.pop(at),
            lambda: pairs.insert(at, (chance.choice(NAMES), value)),
            lambda: pairs.append((pairs[at][0], value))])()
        if not pairs:
            pairs = list(VALIDATION)
    return pairs


def records():
    """One request as a list of records."""
    pairs = parameters() if chance.random() < 0.7 else list(CONNECT)
    text = b"".join(fastcgi.pair(n, v) for n, v in pairs)
    if chance.random() < 0.3:
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice(NUMBERS) + text[at + 1:]
    body = STRANGER
    if chance.random() < 0.2:
        body = body[:chance.randrange(len(body))]
    size = chance.choice([1, 7, 100, 65535]) if len(text) < 3000 else 65535
    cut = [text[i:i + size] for i in range(0, len(text), size)]
    found = [fastcgi.begin(keep=chance.random() < 0.5)]
    found += [fastcgi.record(fastcgi.PARAMS, part,
                             padding=chance.choice([0, 0, 7, 255]))
              for part in cut + [b""]]
    found += [fastcgi.record(fastcgi.STDIN, part) for part in (body, b"")]
    return found


def stream():
    found = records() * chance.choice([1, 1, 2])
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(found))
        chance.choice([
            lambda: found.insert(at, found[chance.randrange(len(found))]),
            lambda: found.pop(at) if len(found) > 1 else None,
            lambda: found.insert(at, fastcgi.record(
                chance.randrange(256), b"x" * chance.choice([0, 8, 600]),
                chance.choice([0, 1, 2, 65535])))])()
    data = bytearray(b"".join(found))
    for _ in range(chance.choice([0, 0, 1, 2, 20])):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[:chance.choice([len(data), chance.randrange(
        len(data) + 1)])])


def main():
    configuration = processes.Configuration(
        place.temporary() / "gate", {"CERTGATE_ACCESS_KEYS": cases.KEY,
                                     "CERTGATE_ORIGINS": cases.ORIGIN},
        known["device"]["sha1"] + "\n")
    handler = processes.Handler(configuration)
    idle = []
    answered = 0
    for number in range(ROUNDS):
        data = stream()
        peer = fastcgi.Peer(handler.path)
        at = chance.choice([len(data), chance.randrange(len(data) + 1)])
        peer.send(data[:at])
        peer.send(data[at:])
        idle.append(peer)
        if len(idle) > chance.randrange(1, 300):
            for peer in idle:
                peer.close()
            idle = []
        if number % 100 == 0:
            peer = fastcgi.Peer(handler.path)
            peer.send(fastcgi.request(VALIDATION))
            answered += (peer.answer() or b"").startswith(b"Status: 200")
            peer.close()
        if handler.process.poll() is not None:
            break
    for peer in idle:
        peer.close()
    out.equal(answered, (ROUNDS + 99) // 100,
              f"seed {SEED}, {ROUNDS} streams: others are answered")
    code = handler.close()
    log = configuration.log_since(0)
    out.result(code == 0, "the handler ends with 0",
               f"{code}\n" + log[-3000:])
    let_in = re.findall(r"verdict=allow .*event=connect .*", log)
    out.result(not let_in, "no client is accepted", "\n".join(let_in[:5]))
    decided = set(re.findall(r"verdict=\w+ reason=(\S+)", log))
    # Else the streams would test nothing.  Few streams meet few reasons.
    if ROUNDS >= 4000:
        out.result({"not-listed", "malformed-request", "validated"} <= decided
                   and len(decided) > 6, "decisions of many reasons",
                   " ".join(sorted(decided)))
    print("# " + " ".join(sorted(decided)))
    out.done()


main()
