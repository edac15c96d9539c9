# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""As much of MQTT 3.1.1 and 5.0 over WebSocket as a test client needs."""
import struct

from . import websocket

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 13, 14
TEXTS = {3: "content_type", 18: "assigned", 31: "reason"}
FIXED = {1: 1, 36: 1, 37: 1, 17: 4, 33: 2, 34: 2, 19: 2, 39: 4, 40: 1, 41: 1,
         42: 1}


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(data)) + data


def number(value):
    out = b""
    while True:
        value, low = divmod(value, 128)
        out += bytes([low | (128 if value else 0)])
        if not value:
            return out


def take_number(data):
    value = 0
    for i in range(4):
        value |= (data[i] & 127) << (7 * i)
        if not data[i] & 128:
            return value, data[i + 1:]
    raise ValueError("a number of more than four bytes")


def take_text(data):
    size = struct.unpack("!H", data[:2])[0]
    return data[2:2 + size], data[2 + size:]


def pairs(properties):
    return b"".join(b"\x26" + text(n) + text(v) for n, v in properties)


def take_properties(data):
    size, data = take_number(data)
    part, rest = data[:size], data[size:]
    found = {"user": []}
    while part:
        kind, part = part[0], part[1:]
        if kind == 38:
            name, part = take_text(part)
            value, part = take_text(part)
            found["user"].append((name.decode(), value.decode()))
        elif kind == 9:
            found["correlation"], part = take_text(part)
        elif kind in TEXTS:
            value, part = take_text(part)
            found[TEXTS[kind]] = value.decode()
        else:
            part = part[FIXED[kind]:]
    return found, rest


class Client:
    """One client; version 4 is MQTT 3.1.1, 5 is 5.0."""

    def __init__(self, port, hub, identity, version, query=""):
        self.version = version
        self.socket = websocket.WebSocket(
            port, f"/clients/mqtt/hubs/{hub}{query}", identity, ["mqtt"])
        self.data = b""

    def send(self, kind, body, flags=0):
        self.socket.send(bytes([kind << 4 | flags]) + number(len(body)) + body)

    def receive(self):
        """Type, flags and body of the next packet; None at the end."""
        while True:
            if len(self.data) >= 2:
                try:
                    size, rest = take_number(self.data[1:])
                except IndexError:
                    rest, size = b"", 1
                if len(rest) >= size:
                    first, self.data = self.data[0], rest[size:]
                    return first >> 4, first & 15, rest[:size]
            kind, payload = self.socket.receive()
            if kind == websocket.CLOSE:
                return None
            self.data += payload

    def connect(self, client_id, username=None, password=None, properties=()):
        """Sends CONNECT; the code of CONNACK and its properties."""
        flags = 2 | (128 if username is not None else 0) | \
            (64 if password is not None else 0)
        body = text("MQTT") + bytes([self.version, flags, 0, 60])
        if self.version == 5:
            user = pairs(properties)
            body += number(len(user)) + user
        body += text(client_id)
        for one in (username, password):
            if one is not None:
                body += text(one)
        self.send(1, body)
        kind, _, body = self.receive()
        if kind != CONNACK:
            raise ValueError(f"packet {kind} instead of CONNACK")
        return body[1], take_properties(body[2:])[0] \
            if self.version == 5 else {}

    def publish(self, topic, payload, qos=0, properties=b""):
        """The packet id is 1."""
        body = text(topic) + (b"\0\1" if qos else b"")
        if self.version == 5:
            body += number(len(properties)) + properties
        self.send(PUBLISH, body + payload, qos << 1)

    def read_publish(self):
        """Topic, payload, properties of the next PUBLISH."""
        packet = self.receive()
        while packet and packet[0] != PUBLISH:
            packet = self.receive()
        if packet is None:
            return None
        topic, rest = take_text(packet[2])
        found = {}
        if self.version == 5:
            found, rest = take_properties(rest)
        return topic.decode(), rest, found
