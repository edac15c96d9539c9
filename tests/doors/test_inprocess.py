#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The case tables through the core alone."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, door, inprocess, place, tap  # noqa: E402


def event_of(case):
    """As the driver reads it."""
    variables = {**case.settings, "CASE_NOW": str(case.now)}
    if case.list is not None:
        folder = place.temporary() if case.files else None
        for name, text in case.files.items():
            (folder / name).write_text(text)
        variables["CASE_LIST"] = case.list.replace("@{folder}", str(folder))
    return inprocess.event(case, variables)


def main():
    out = tap.Tap()
    seen = {}
    rows = list(cases.all_cases())
    for case, (text, log) in zip(rows, inprocess.run([*map(event_of, rows)])):
        answer = cgi.answer_of(text)
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
