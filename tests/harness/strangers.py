# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Certificates that no list has, as many as are wanted, quickly; and what a
handler has noted of them, read by what the format is said to be."""
import base64
import collections
import hashlib
import json
import ssl
import struct
import sys
import time

from . import cases, cgi, fastcgi

SLOTS, SIZE = 128, 4096  # in a file, bytes of each
SLOT = struct.Struct("=QqqQ32sHBB64s128s3804s")
Knock = collections.namedtuple("Knock", "sha256 site hub count first last der")
known = cases.certificates()
_template = ssl.PEM_cert_to_DER_cert(known["stranger"]["pem"])


def certificate(number):
    """DER of a certificate that reads, and that nobody ever signed."""
    return _template[:-8] + struct.pack(">Q", number)


def presented(der):
    """The same in an event."""
    pem = base64.b64encode(der).decode()
    lines = "\r\n".join(pem[i:i + 64] for i in range(0, len(pem), 64))
    return [{"thumbprint": hashlib.sha1(der).hexdigest(),
             "content": "-----BEGIN CERTIFICATE-----\r\n" + lines +
             "\r\n-----END CERTIFICATE-----"}]


def event(certificates, connection=cases.CONNECTION, hub="chat",
          key=cases.KEY, more=None):
    """A connect event as parameters and body."""
    body = json.dumps({"claims": {}, "query": {}, "headers": {},
                       "subprotocols": [],
                       "clientCertificates": certificates}).encode()
    headers = cases.event_headers("azure.webpubsub.sys.connect", connection,
                                  hub, key, more)
    case = cases.Case("event", {}, None, {
        "method": "POST", "path": "/eventhandler", "headers": headers,
        "body": body.decode()}, None)
    return cgi.parameters(case), body


class Client:
    """A kept connection to a handler."""

    def __init__(self, path):
        self.peer = fastcgi.Peer(path)

    def knock(self, certificates, site=None, **more):
        """The status of the answer to one event."""
        parameters, body = event(certificates, **more)
        given = list(parameters.items())
        if site:
            given.append((b"CERTGATE_SITE", site.encode()))
        self.peer.send(fastcgi.request(given, body, keep=True))
        return int(self.peer.answer()[8:11])

    def flood(self, numbers, batch=32):
        """Knocks of certificates by their numbers; the statuses, counted."""
        statuses = collections.Counter()
        parameters, _ = event([])
        numbers = list(numbers)
        for i in range(0, len(numbers), batch):
            some = numbers[i:i + batch]
            data = b""
            for number in some:
                _, body = event(presented(certificate(number)))
                parameters[b"CONTENT_LENGTH"] = str(len(body)).encode()
                data += fastcgi.request(parameters.items(), body, keep=True)
            self.peer.send(data)
            statuses.update(self.peer.answer()[8:11] for _ in some)
        return statuses

    def close(self):
        self.peer.close()


def place(site, hub):
    """The first 64 bits of the SHA-256 of both, the hub in lower case, made
    odd."""
    digest = hashlib.sha256(site + b"\0" + hub.lower()).digest()
    return int.from_bytes(digest[:8], sys.byteorder) | 1


def slot(der, hub=b"chat", site=b"", count=1, first=None, last=None,
         sha256=None, number=None):
    """A slot as a file has it, its check right whatever is in it."""
    now = int(time.time())
    text = SLOT.pack(count, first or now, last or now, number or place(site, hub),
                     sha256 or hashlib.sha256(der).digest(), len(der),
                     len(site), len(hub), site, hub, der)
    return hashlib.sha256(text).digest() + text


def file_of(slots):
    return b"".join(slots).ljust(SLOTS * SIZE, b"\0")


def knocks(folder):
    """Every slot of every file that holds to its format."""
    found = []
    for path in sorted(folder.glob("pending.*")):
        data = path.read_bytes()
        for i in range(0, len(data), SIZE):
            check, slot = data[i:i + 32], data[i + 32:i + SIZE]
            if not slot.strip(b"\0") or \
                    hashlib.sha256(slot).digest() != check:
                continue
            count, first, last, _, sha256, size, site, hub, sites, hubs, der \
                = SLOT.unpack(slot)
            if count and hashlib.sha256(der[:size]).digest() == sha256:
                found.append(Knock(sha256.hex(), sites[:site].decode(),
                                   hubs[:hub].decode(), count, first, last,
                                   der[:size]))
    return found
