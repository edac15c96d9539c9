#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Values of settings through the core alone: the rows of cases/settings.tab, and
the longest value of each, and one byte more."""
import concurrent.futures
import pathlib
import subprocess
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, inprocess, place, processes, tap  # noqa: E402

SHA1 = cases.certificates()["device"]["sha1"]
EVENT = inprocess.strings_of(cases.Case("", {}, None, {
    "method": "POST", "path": "/eventhandler", "body": "{}",
    "headers": cases.event_headers("azure.webpubsub.sys.connect")}, None))
# What is before it, and the most bytes in all; these take any text.
SIZES = {"CERTGATE_CODE": ("", 1024), "CERTGATE_REMOTE_USER": ("", 1024),
         "CERTGATE_MISSING_CERTIFICATE_USER": ("", 1024),
         "CERTGATE_LIST": ("/", 1024), "CERTGATE_HUB": ("", 128)}


def fault(name, value):
    """The error for a setting; "" if it is read."""
    done = subprocess.run(
        [place.BUILD / "tests/doors/inprocess"], input=EVENT,
        capture_output=True, check=True, env=processes.bare_environment({
            "CASE_NOW": "1893456000", "CASE_LIST": "# no entries\n",
            name: value}))
    log = done.stderr.decode("latin-1")
    return log if processes.decisions(log)[-1]["reason"] == "settings" else ""


def rows():
    for line in (place.CASES / "settings.tab").read_text().splitlines():
        if not line.startswith("# "):
            text, expected = line.split("\t")
            name, _, value = text.partition("=")
            yield name, urllib.parse.unquote_to_bytes(
                value.replace("@", SHA1)), expected
    for name, (begin, most) in SIZES.items():
        for more, expected in enumerate(("read", "refused")):
            yield name, begin.encode().ljust(most + more, b"x"), expected


def main():
    out = tap.Tap()
    table = list(rows())
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        faults = list(pool.map(lambda row: fault(*row[:2]), table))
    for (name, value, expected), said in zip(table, faults):
        good = not said if expected == "read" else \
            name in said.partition("\n")[0]
        out.result(good, f"{name}={value[:60]}: {expected}".replace("#", "%"),
                   said)
    out.equal({row[0] for row in inprocess.printed("--settings")},
              {name for name, _, _ in table}, "each setting has a row")
    out.done()


main()
