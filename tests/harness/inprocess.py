# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""What the program knows of itself, to be compared with the documentation."""
import re
import subprocess

from . import cases, cgi, place, processes

# The status of each acceptance; test_inprocess.py checks that the cases have
# these and no others.
ACCEPTED = {"validated": "200", "notified": "204", "listed": "200, 204",
            "anonymous": "200", "report-only": "200"}


def printed(option):
    """The rows of --settings or --reasons, each a list of cells."""
    text = subprocess.run([place.BUILD / "tests/doors/inprocess", option],
                          capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in text.splitlines()]


def reasons():
    """Name, statuses and text of each reason."""
    return [(name, status if status != "0" else ACCEPTED[name], text)
            for name, status, text in printed("--reasons")]


def strings_of(case):
    """The strings of a request and its body, as the driver reads them."""
    given = b"".join(n + b"=" + v + b"\0"
                     for n, v in cgi.parameters(case).items())
    return given + b"\0" + case.body


def decisions(connects):
    """One run of the driver for connect events, each (list, time in seconds,
    body): the decision of each as a dictionary, whose "log" is all that was
    logged for it and "body" that of the answer."""
    given = []
    for text, now, body in connects:
        case = cases.Case("", {}, None, {
            "method": "POST", "path": "/eventhandler", "headers":
            cases.event_headers("azure.webpubsub.sys.connect")}, {})
        case.body = body
        one = b"CASE_LIST=%b\0CASE_NOW=%d\0" % (
            text if isinstance(text, bytes) else text.encode(), now) + \
            strings_of(case)
        given.append(b"%d\n" % len(one) + one)
    done = subprocess.run(
        [place.BUILD / "tests/doors/inprocess", "--many"],
        input=b"".join(given), env=processes.bare_environment(),
        capture_output=True, check=True)
    logs = done.stderr.decode("latin-1").split("\n\n")[:-1]
    answers = re.split(rb"Status: (?=\d{3} )", done.stdout)[1:]
    if not len(logs) == len(answers) == len(given):
        raise RuntimeError(f"{len(logs)} decisions and {len(answers)} answers "
                           f"for {len(given)} events")
    return [{**processes.decisions(log)[-1], "log": log,
             "body": answer.partition(b"\r\n\r\n")[2]}
            for log, answer in zip(logs, answers)]


def details(decision):
    """The reason, and an error that was logged before the decision."""
    errors = decision["log"].rpartition("level=error ")[2].splitlines()
    return decision["reason"] + (f" ({errors[0]})" if len(errors) > 1 else "")
