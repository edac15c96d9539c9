# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A WebSocket client by hand (RFC 6455), with a client certificate or none."""
import base64
import hashlib
import json
import os
import socket
import ssl
import struct

from . import http

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def tls(port, identity=None, seconds=30):
    """A TLS connection to a loopback port, the server's name unchecked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if identity:
        context.load_cert_chain(identity.file, identity.key)
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", port), seconds))


class Refused(Exception):
    """The handshake was answered with something else than 101."""

    def __init__(self, answer):
        super().__init__(repr(answer))
        self.answer = answer


class WebSocket:
    """Open from the start; Refused is raised if it cannot be."""

    def __init__(self, port, path, identity=None, subprotocols=(),
                 headers=None):
        self.socket = tls(port, identity)
        self.data = b""
        self.closed = None  # the code of the other side's close
        key = base64.b64encode(os.urandom(16))
        lines = {"Host": f"localhost:{port}", "Connection": "Upgrade",
                 "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": key.decode(), **(headers or {})}
        if subprotocols:
            lines["Sec-WebSocket-Protocol"] = ", ".join(subprotocols)
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\n".encode() +
            "".join(f"{n}: {v}\r\n" for n, v in lines.items()).encode() +
            b"\r\n")
        status, fields = self.read_head()
        self.headers = {n.lower(): v for n, v in fields}
        if status != 101:
            body = self.exactly(int(self.headers.get("content-length", "0")))
            self.socket.close()
            raise Refused(http.Answer(status, fields, body))
        proof = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        if self.headers.get("sec-websocket-accept") != proof:
            raise ValueError("a wrong Sec-WebSocket-Accept")
        self.subprotocol = self.headers.get("sec-websocket-protocol")

    def more(self):
        chunk = self.socket.recv(65536)
        if not chunk:
            raise EOFError
        self.data += chunk

    def read_head(self):
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        return http.parse_head(head)

    def exactly(self, count):
        while len(self.data) < count:
            self.more()
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def send(self, payload, kind=None):
        if isinstance(payload, (dict, list)):
            payload = json.dumps(payload)
        if kind is None:
            kind = TEXT if isinstance(payload, str) else BINARY
        if isinstance(payload, str):
            payload = payload.encode()
        size = len(payload)
        head = bytes([0x80 | kind])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += struct.pack("!BH", 0x80 | 126, size)
        else:
            head += struct.pack("!BQ", 0x80 | 127, size)
        mask = os.urandom(4)
        full = mask * (size // 4 + 1)
        masked = (int.from_bytes(payload, "big") ^
                  int.from_bytes(full[:size], "big")).to_bytes(size, "big")
        self.socket.sendall(head + mask + masked)

    def receive(self):
        """Kind and payload of the next message; CLOSE once it is closed."""
        while True:
            try:
                first, second = self.exactly(2)
                size = second & 127
                if size == 126:
                    size = struct.unpack("!H", self.exactly(2))[0]
                elif size == 127:
                    size = struct.unpack("!Q", self.exactly(8))[0]
                payload = self.exactly(size)
            except (EOFError, ConnectionError, ssl.SSLError):
                self.closed = self.closed or 1006
                return CLOSE, b""
            kind = first & 15
            if kind == PING:
                self.send(payload, PONG)
            elif kind == CLOSE:
                self.closed = struct.unpack("!H", payload[:2])[0] \
                    if payload else 1005
                return CLOSE, payload
            else:
                return kind, payload

    def json(self):
        kind, payload = self.receive()
        return json.loads(payload) if kind == TEXT else None

    def close(self, code=1000):
        try:
            self.send(struct.pack("!H", code), CLOSE)
            while self.closed is None:
                self.receive()
        except OSError:
            pass
        self.socket.close()
