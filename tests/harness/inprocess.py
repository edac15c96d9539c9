# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""What the program knows of itself, to be compared with the documentation."""
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


def strings(pairs):
    """Names and values, as the driver reads them."""
    def encoded(word):
        return word if isinstance(word, bytes) else word.encode()

    return b"".join(encoded(name) + b"=" + encoded(value) + b"\0"
                    for name, value in pairs) + b"\0"


def event(case, variables):
    """The event of a case, as the driver reads it."""
    return (strings(processes.bare_environment(variables).items()),
            strings(cgi.parameters(case).items()), case.body)


def run(events):
    """Runs the driver once for all events.  Gives (answer, log) of each."""
    given = b"".join(b"%d\n" % len(one) + one
                     for one in map(b"".join, events))
    done = subprocess.run([place.BUILD / "tests/doors/inprocess"], input=given,
                          env=processes.bare_environment(),
                          capture_output=True, check=False)
    logs = done.stderr.decode("latin-1").split("\n\n")
    answers, rest = [], done.stdout
    while rest:
        size, _, rest = rest.partition(b"\n")
        answers.append(rest[:int(size)])
        rest = rest[int(size):]
    if done.returncode != 0 or \
            not len(logs) - 1 == len(answers) == len(events):
        raise RuntimeError(f"{len(answers)} answers for {len(events)} events, "
                           f"exit code {done.returncode}\n{logs[-1]}")
    return list(zip(answers, logs))


def decisions(connects):
    """One run of the driver for connect events, each (list, time in seconds,
    body): the decision of each as a dictionary, whose "log" is all that was
    logged for it and "body" that of the answer."""
    events = []
    for text, now, body in connects:
        case = cases.Case("", {}, None, {
            "method": "POST", "path": "/eventhandler", "headers":
            cases.event_headers("azure.webpubsub.sys.connect")}, {})
        case.body = body
        events.append(event(case, {"CASE_LIST": text, "CASE_NOW": str(now)}))
    return [{**processes.decisions(log)[-1], "log": log,
             "body": answer.partition(b"\r\n\r\n")[2]}
            for answer, log in run(events)]


def details(decision):
    """The reason, and an error that was logged before the decision."""
    errors = decision["log"].rpartition("level=error ")[2].splitlines()
    return decision["reason"] + (f" ({errors[0]})" if len(errors) > 1 else "")
