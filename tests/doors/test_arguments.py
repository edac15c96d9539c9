#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A query string that mod_cgid makes into arguments (RFC 3875 4.4) steers
nothing: neither the program nor its files."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, http, place, processes, tap  # noqa: E402

QUERIES = {
    "--no-sandbox": ["--no-sandbox"],
    "--help": ["--help"],
    "--version": ["--version"],
    "--listen+/x": ["--listen", "/x"],
    "--listen+127.0.0.1:1+--listen-mode+0666":
        ["--listen", "127.0.0.1:1", "--listen-mode", "0666"],
    "--": ["--"],
    "-h": ["-h"],
}
ECHO = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
for argument; do printf '%s\\n' "$argument"; done
"""


def ask(port, method, path, headers, body=b""):
    return http.exchange(port, http.request_bytes(method, path, headers, body))


def same(one, other):
    return (one.status, one.body) == (other.status, other.body)


def main():
    out = tap.Tap()
    base = place.temporary()
    known = cases.certificates()
    configuration = processes.Configuration(
        base / "gate", {"CERTGATE_ACCESS_KEYS": cases.KEY},
        known["device"]["sha1"] + "\n")
    echo = base / "echo"
    echo.write_text(ECHO, encoding="utf-8")
    echo.chmod(0o755)
    server = processes.Apache(
        base / "server", configuration, "cgid",
        f'ScriptAlias "/echo" "{echo}"\n'
        '<Location "/echo">\n  Require all granted\n</Location>')
    headers = cases.event_headers("azure.webpubsub.sys.connect")
    origin = {"Host": "localhost", "WebHook-Request-Origin": cases.ORIGIN}
    bodies = {name: cases.connect_body(["@" + name], known, {}).encode()
              for name in ("device", "stranger")}
    for query, arguments in QUERIES.items():
        got = ask(server.port, "GET", f"/echo?{query}", origin)
        out.equal(got.body.decode().splitlines(), arguments,
                  f"?{query}: mod_cgid hands over {arguments}")
        path = f"/eventhandler?{query}"
        out.equal(ask(server.port, "OPTIONS", path, origin).status, 200,
                  f"?{query}: validation is answered")
        for name, status in (("device", 200), ("stranger", 403)):
            plain = ask(server.port, "POST", "/eventhandler", headers,
                        bodies[name])
            answer = ask(server.port, "POST", path, headers, bodies[name])
            out.result(answer.status == status and same(answer, plain),
                       f"?{query}: connect of {name} as without it",
                       f"{answer}\n{plain}")
    out.equal(server.close(), 0, "Apache ends with 0")
    out.done()


main()
