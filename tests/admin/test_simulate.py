#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate simulate: what it prints is what a gate takes for an event of the
service, as curl has it, as raw bytes, or posted at once."""
import contextlib
import json
import pathlib
import re
import socketserver
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, http, place, processes, tap  # noqa: E402

SETTINGS = {"CERTGATE_ACCESS_KEYS": "one0123456789abcdefg,two0123456789abcdefg",
            "CERTGATE_HUB": "pumps", "CERTGATE_CODE": "a b/c'ü",
            "CERTGATE_ORIGINS": "x.webpubsub.azure.com"}
KNOWN = cases.certificates()
out = tap.Tap()
base = place.temporary()
configuration = processes.Configuration(
    base / "gate", SETTINGS,
    KNOWN["device"]["sha1"] + " user=pump-7\n")
handler = processes.Handler(configuration)
server = processes.Nginx(base / "nginx", configuration)
URL = f"http://127.0.0.1:{server.port}/eventhandler"
PLACE = "https://HOST/eventhandler"


def simulate(*arguments, settings=None, stdin=None):
    environment = configuration.environment()
    environment.update(settings or {})
    return subprocess.run([place.BUILD / "certgate", "simulate", *arguments],
                          env=environment, capture_output=True, timeout=60,
                          input=stdin, check=False)


class Large(socketserver.StreamRequestHandler):
    """Answers with a file, as a server does that does not run programs."""

    def handle(self):
        self.request.recv(65536)
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1000000))


def reason():
    return re.findall(r"reason=(\S+)", configuration.log_since(0))[-1]


def device(name="device"):
    path = base / f"{name}.pem"
    path.write_text(KNOWN[name]["pem"])
    return path


ROWS = [  # options, certificate or None, the reason that a gate has for it
    ([], "device", "listed"),
    (["--mqtt", "5", "--connection-id", "pump-7"], "device", "listed"),
    (["--mqtt", "4"], "device", "listed"),
    (["--user", "O'Neil & \"söhne\" $HOME"], "device", "listed"),
    ([], "other", "not-listed"),
    ([], None, "no-certificate"),
    (["--hub", "tanks"], "device", "hub"),
]


def as_curl(options, name):
    text = simulate(*options, *name).stdout.decode()
    done = subprocess.run(["sh", "-c", text.replace(PLACE, URL)],
                          capture_output=True, check=False)
    return done.returncode == 0


def as_http(options, name):
    data = simulate("--format", "http", *options, *name).stdout
    http.exchange(server.port, data)
    return b"\r\nHost: HOST\r\n" in data


def as_post(options, name):
    done = simulate("--post", URL, *options, *name)
    return done.returncode == (0 if reason() == "listed" else 1) and \
        done.stdout.startswith(b"HTTP/1.1 ") and b"\\x0a" not in done.stdout


for options, name, wanted in ROWS:
    arguments = [device(name)] if name else []
    for form in (as_curl, as_http, as_post):
        before = len(configuration.log_since(0))
        good = form(options, arguments)
        good = good and len(configuration.log_since(0)) > before
        out.result(good and reason() == wanted,
                   f"{form.__name__}: {' '.join(options)} {name}: {wanted}",
                   configuration.log_since(before))
        if "--user" in options:
            out.result("user=pump-7" in configuration.log_since(before),
                       f"{form.__name__}: the entry's name stands for it")
done = simulate("--format", "json", device())
out.equal(json.loads(done.stdout)["clientCertificates"][0]["thumbprint"],
          KNOWN["device"]["sha1"].lower(), "json: the body")
out.equal(json.loads(done.stdout)["clientCertificates"][0]["content"].replace(
    "\r\n", "\n").strip(), KNOWN["device"]["pem"].replace(
        "\r\n", "\n").strip(), "json: the certificate as it is in PEM")
simulate("--post", URL + "?barcode=7", device())
out.equal(reason(), "listed", "a query that only looks as if it had a code")
simulate("--post", URL + "?barcode=7&code=x", device())
out.equal(reason(), "code", "a code of one's own stays")
done = simulate("--format", "json", "--query", 'a=&b="=\\&ü=ü')
out.equal(json.loads(done.stdout)["query"],
          {"a": [""], "b": ['"=\\'], "ü": ["ü"]}, "json: the query")
done = simulate("--format", "json")
out.equal(json.loads(done.stdout)["query"], {}, "json: no query")
done = simulate("-", stdin=KNOWN["device"]["pem"].encode())
out.result(done.returncode == 0 and b"curl" in done.stdout,
           "from standard input")
for arguments, settings, code, words in (
        (["--format", "xml"], {}, 2, "expected --format"),
        (["--mqtt", "3"], {}, 2, "expected --mqtt"),
        (["--query", ""], {}, 2, "expected --query"),
        (["--query", "a"], {}, 2, "expected --query"),
        (["--query", "=a"], {}, 2, "expected --query"),
        (["--query", "a=1&"], {}, 2, "expected --query"),
        (["--query", "a=1&b=2&a=3"], {}, 2, "expected --query"),
        (["--query", "a=\n"], {}, 2, "expected --query"),
        (["--hub", "a\nce-userId: b"], {}, 3, "control character"),
        (["--connection-id", "a\r\nX: b"], {}, 3, "control character"),
        (["/nonexistent"], {}, 3, "No such file"),
        (["/dev/null"], {}, 3, "empty: expected a certificate"),
        (["--post", "http://127.0.0.1:1/"], {}, 3, "127.0.0.1"),
        (["--post", "file:///etc/passwd"], {}, 3, "file"),
        (["a", "b"], {}, 2, "expected"),
        ([], {"CERTGATE_HUB": "?"}, 3, "CERTGATE_HUB")):
    done = simulate(*arguments, settings=settings)
    out.result(done.returncode == code and words in done.stderr.decode() and
               b"curl" not in done.stdout, f"{arguments}: {code}, {words}",
               done.stderr.decode())
done = simulate(settings={"CERTGATE_CONFIG": "/dev/null",
                          "CERTGATE_HUB": "*"})
out.result(done.returncode == 0 and b"ce-signature" not in done.stdout and
           b"not signed" in done.stderr, "without a key it says so")
with socketserver.TCPServer(("127.0.0.1", 0), Large) as large:
    threading.Thread(target=large.handle_request, daemon=True).start()
    done = simulate("--post", f"http://127.0.0.1:{large.server_address[1]}/")
out.result(done.returncode == 3 and b"longer than 65536 bytes" in done.stderr,
           "a server that answers with a large file", done.stderr.decode())
server.close()
handler.close()
out.done()
