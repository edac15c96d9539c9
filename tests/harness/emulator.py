# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate-emulator as a process, and its REST API as servers call it."""
import base64
import hashlib
import hmac
import json
import re
import time
import urllib.parse

from . import http, place, processes, tap, websocket

PROGRAM = place.BUILD / "certgate-emulator"


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(key, audience, **claims):
    """A JSON Web Token, HS256."""
    body = {"aud": audience, "exp": int(time.time()) + 600, **claims}
    text = part(b'{"alg":"HS256"}') + "." + part(json.dumps(body).encode())
    return text + "." + part(hmac.new(key.encode(), text.encode(),
                                      hashlib.sha256).digest())


class Emulator:
    """hubs: options of the command line from the first --hub on; under: the
    program that runs it, with its arguments."""

    def __init__(self, folder, server, keys, host, hubs, under=()):
        self.keys = keys
        self.log = folder / "trace"
        self.log.touch()
        options = [o for k in keys for o in ("--access-key", k)]
        self.process = processes.begin(
            [*under, PROGRAM, "--listen", "127.0.0.1:0", "--certificate",
             server.file, "--key", server.key, "--host", host, *options,
             *hubs], self.log)
        if not place.wait_for(lambda: " Listening " in self.trace() or
                              self.process.poll() is not None) or \
                self.process.poll() is not None:
            tap.bail_out("the emulator does not start: " + self.trace())
        self.port = int(re.search(r"https://127\.0\.0\.1:(\d+)",
                                  self.trace())[1])

    def trace(self):
        return self.log.read_text()

    def url(self, path):
        return f"https://localhost{path}"

    def client_token(self, hub, **claims):
        path = f"/client/hubs/{hub}"
        return token(self.keys[0], self.url(path), **claims)

    def rest(self, method, path, body=b"", kind=None, key=None, bearer=None):
        """The answer to a request of a server that has the first key."""
        path = urllib.parse.quote(path, safe="/:?=&%")
        headers = {"Host": f"localhost:{self.port}"}
        if kind:
            headers["Content-Type"] = kind
        if bearer is None:
            bearer = token(key or self.keys[0],
                           self.url(path.partition("?")[0]))
        if bearer:
            headers["Authorization"] = "Bearer " + bearer
        data = http.request_bytes(method, path, headers, body)
        with websocket.tls(self.port) as s:
            s.sendall(data)
            return http.read_answer(s, method == "HEAD")

    def close(self, seconds=15):
        return processes.end(self.process, seconds=seconds)
