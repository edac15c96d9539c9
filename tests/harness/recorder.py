# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""An event handler in the middle: records what is sent to it, and passes it on
to another port or answers from a function."""
import http.server
import threading

from . import http as client


class Request:
    """One request as it came: headers are pairs, in their order."""

    def __init__(self, method, path, version, headers, body):
        self.method = method
        self.path = path
        self.version = version
        self.headers = headers
        self.body = body

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name):
        found = self.all(name)
        return found[0] if found else None

    def __repr__(self):
        return f"{self.method} {self.path} {self.headers} {self.body[:300]!r}"


class Recorder:
    """script(request) gives status, headers and body."""

    def __init__(self, script):
        self.requests = []
        self.script = script
        self.lock = threading.Lock()
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def setup(self):
                super().setup()
                self.request.setsockopt(6, 1, 1)  # TCP_NODELAY

            def answer(self):
                size = int(self.headers.get("Content-Length", 0))
                request = Request(
                    self.command, self.path, self.request_version,
                    [(n, v.encode("latin-1").decode())
                     for n, v in self.headers.raw_items()],
                    self.rfile.read(size))
                with recorder.lock:
                    recorder.requests.append(request)
                status, headers, body = recorder.script(request)
                self.send_response_only(status)
                for name, value in headers:
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(body)

            do_POST = do_OPTIONS = do_GET = answer

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def events(self, name):
        with self.lock:
            return [r for r in self.requests
                    if r.header("ce-eventName") == name]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def to_port(port):
    """A script that asks the web server there."""
    def script(request):
        headers = {n: v for n, v in request.headers
                   if n.lower() not in ("connection", "content-length")}
        answer = client.exchange(port, client.request_bytes(
            request.method, request.path, headers, request.body))
        kept = [(n, v) for n, v in answer.headers
                if n.lower() not in ("connection", "content-length", "date",
                                     "transfer-encoding")]
        return answer.status, kept, answer.body
    return script
