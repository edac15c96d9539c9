#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The case tables through plain CGI, by environment and standard input."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, door, place, processes, tap  # noqa: E402


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
    out.done()


main()
