# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""An HTTP/1.1 client that can say what proper ones do not."""
import socket


class Answer:
    """What came back; status 0 if nothing did."""

    def __init__(self, status=0, headers=(), body=b""):
        self.status = status
        self.headers = list(headers)
        self.body = body

    def header(self, name):
        """All values of a header, joined; None if it is not there."""
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        return ", ".join(values) if values else None

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"


def request_bytes(method, path, headers, body, length=None, chunked=False):
    """headers: name and value, or name and list of values."""
    lines = [f"{method} {path} HTTP/1.1".encode()]
    for name, value in headers.items():
        for one in value if isinstance(value, list) else [value]:
            lines.append(f"{name}: ".encode() + one.encode())
    if chunked:
        lines.append(b"Transfer-Encoding: chunked")
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body \
            else b"0\r\n\r\n"
    elif length is not None:
        lines.append(f"Content-Length: {length}".encode())
    elif body or method not in ("OPTIONS", "GET", "HEAD"):
        lines.append(f"Content-Length: {len(body)}".encode())
    lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split()[1])
    headers = []
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers.append((name.strip(), value.strip()))
    return status, headers


def unchunk(data):
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        n = int(size.split(b";")[0] or b"0", 16)
        if n == 0:
            return body
        body, data = body + data[:n], data[n + 2:]


def read_answer(connection, head_only=False):
    """Reads to the end of the connection."""
    data = b""
    try:
        while chunk := connection.recv(65536):
            data += chunk
    except (ConnectionResetError, TimeoutError):
        pass
    head, found, body = data.partition(b"\r\n\r\n")
    while found and head.split(b" ")[1:2] == [b"100"]:
        head, found, body = body.partition(b"\r\n\r\n")
    if not found:
        return Answer()
    status, headers = parse_head(head)
    answer = Answer(status, headers, body)
    if (answer.header("Transfer-Encoding") or "").lower() == "chunked" \
            and not head_only:
        answer.body = unchunk(body)
    return answer


def exchange(port, data, end_early=False, seconds=40):
    """Sends bytes to a loopback port and reads the answer."""
    with socket.create_connection(("127.0.0.1", port), seconds) as s:
        try:
            s.sendall(data)
            if end_early:
                s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_answer(s, data.startswith(b"HEAD"))
