#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The case tables through the core alone."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, door, inprocess, place  # noqa: E402
from harness import processes, tap  # noqa: E402


def run(case):
    environment = processes.bare_environment(case.settings)
    environment["CASE_NOW"] = str(case.now)
    if case.list is not None:
        folder = place.temporary() if case.files else None
        for name, text in case.files.items():
            (folder / name).write_text(text)
        environment["CASE_LIST"] = case.list.replace("@{folder}", str(folder))
    given = b"".join(n + b"=" + v + b"\0"
                     for n, v in cgi.parameters(case).items())
    return subprocess.run([place.BUILD / "tests/doors/inprocess"],
                          input=given + b"\0" + case.body, env=environment,
                          capture_output=True, check=True)


def main():
    out = tap.Tap()
    seen = {}
    for case in cases.all_cases():
        done = run(case)
        log = done.stderr.decode("latin-1")
        answer = cgi.answer_of(done.stdout)
        door.judge(out, "in process", case, answer, log)
        reason = log.rpartition("reason=")[2].split(" ")[0]
        seen.setdefault(reason, set()).add(str(answer.status))
    for reason, statuses, _ in inprocess.reasons():
        if reason == "internal":
            continue
        out.result(reason in seen, f"a case has the reason {reason}")
        if reason in inprocess.ACCEPTED:
            out.equal(", ".join(sorted(seen[reason])), statuses,
                      f"what is answered for {reason}")
    out.done()


main()
