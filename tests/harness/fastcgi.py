# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A FastCGI peer (specification 1.0) that can also speak wrongly."""
import socket
import struct
import time

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, GET_VALUES = 1, 2, 3, 4, 5, 6, 9


def record(kind, content=b"", request=1, version=1, padding=0):
    return struct.pack(">BBHHBx", version, kind, request, len(content),
                       padding) + content + b"\0" * padding


def begin(role=1, keep=False, request=1):
    return record(BEGIN, struct.pack(">HB5x", role, keep), request)


def length(n):
    return bytes([n]) if n < 128 else struct.pack(">I", n | 0x80000000)


def pair(name, value):
    return length(len(name)) + length(len(value)) + name + value


def stream(kind, data, request=1, size=65535):
    """A stream as records, with its empty end."""
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    return b"".join(record(kind, p, request) for p in parts + [b""])


def request(parameters, body=b"", keep=False, number=1, size=65535):
    """parameters: pairs of names and values, in bytes."""
    return begin(keep=keep, request=number) + \
        stream(PARAMS, b"".join(pair(n, v) for n, v in parameters), number,
               size) + stream(STDIN, body, number, size)


class Peer:
    """One connection to a handler."""

    def __init__(self, path, seconds=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.connect(str(path), seconds)
        self.data = b""

    def connect(self, path, seconds):
        """Tries again while the listener's queue is full."""
        end = time.monotonic() + seconds
        while True:
            try:
                self.socket.connect(path)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def send(self, data):
        """False if the handler has closed the connection."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def take(self, n):
        while len(self.data) < n:
            chunk = self.socket.recv(65536)
            if not chunk:
                return None
            self.data += chunk
        got, self.data = self.data[:n], self.data[n:]
        return got

    def answer(self):
        """The bytes of STDOUT up to END_REQUEST; None if the connection ends
        before."""
        out = b""
        try:
            while True:
                head = self.take(8)
                if head is None:
                    return None
                kind, size, padding = head[1], \
                    struct.unpack(">H", head[4:6])[0], head[6]
                content = self.take(size + padding)
                if content is None:
                    return None
                if kind == STDOUT:
                    out += content[:size]
                if kind == END:
                    return out
        except ConnectionResetError:
            return None

    def is_closed(self):
        """True once the handler has closed its side."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.socket.close()
