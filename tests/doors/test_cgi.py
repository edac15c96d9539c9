#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The case tables through plain CGI, by environment and standard input; servers
that leave the input open, and logs that cannot be written."""
import os
import pathlib
import resource
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import (cases, cgi, door, expect, place,  # noqa: E402
                     processes, tap)


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def ask(case, configuration, behind=b"", **more):
    """The answer's bytes while standard input stays open behind the body and
    more bytes."""
    environment = {n.encode(): v.encode()
                   for n, v in configuration.environment().items()}
    environment.update(cgi.parameters(case))
    with subprocess.Popen([place.HANDLER], env=environment,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          **more) as program:
        program.stdin.write(case.body + behind)
        program.stdin.flush()
        answer = program.stdout.read()
        program.stdin.close()
    return answer


def check_surroundings(out, base):
    """Each event is answered, whatever the server does with the pipes."""
    folder = base / "log"
    folder.mkdir(mode=0o700)
    gone, closed = os.pipe()
    os.close(gone)
    rows = [("the input stays open", {}, {"stderr": subprocess.DEVNULL}),
            ("more input than the stated length", {},
             {"stderr": subprocess.DEVNULL, "behind": b"x"}),
            ("a log without a reader", {}, {"stderr": closed}),
            ("a log file at the limit of its size",
             {"CERTGATE_LOG": f"{folder}/log"}, {"preexec_fn": limit_files})]
    for number, name in enumerate(("connect/retry-same-id",
                                  "own/reason/not-listed")):
        case = next(c for c in cases.all_cases() if c.name == name)
        for what, settings, more in rows:
            configuration = processes.Configuration(
                base / f"pipes{number}", case.settings | settings, case.list,
                case.files)
            answer = ask(case, configuration, **more)
            out.equal(answer and expect.faults(
                case.expected, cgi.answer_of(answer)), [], f"{what}: {name}")
    os.close(closed)


def main():
    out = tap.Tap()
    base = place.temporary()
    for _, group, configuration in door.configured(base, cases.all_cases()):
        for case in group:
            if getattr(case, "only_inprocess", False):
                continue
            environment = {n.encode(): v.encode() for n, v
                           in configuration.environment().items()}
            environment.update(cgi.parameters(case))
            # What a web server makes of a query string (RFC 3875 4.4).
            done = subprocess.run([place.HANDLER, "--no-sandbox", "--help"],
                                  input=case.body, env=environment,
                                  capture_output=True, timeout=60,
                                  check=False)
            door.judge(out, "cgi", case, cgi.answer_of(done.stdout),
                       done.stderr.decode("latin-1"))
    check_surroundings(out, place.temporary())
    out.done()


main()
