#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Values of settings through the core alone: the rows of cases/settings.tab, and
the longest value of each, and one byte more."""
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, inprocess, place, processes, tap  # noqa: E402

SHA1 = cases.certificates()["device"]["sha1"]
CASE = cases.Case("", {}, None, {
    "method": "POST", "path": "/eventhandler", "body": "{}",
    "headers": cases.event_headers("azure.webpubsub.sys.connect")}, None)
# What is before it, and the most bytes in all; these take any text.
SIZES = {"CERTGATE_CODE": ("", 1024), "CERTGATE_REMOTE_USER": ("", 1024),
         "CERTGATE_MISSING_CERTIFICATE_USER": ("", 1024),
         "CERTGATE_LIST": ("/", 1024), "CERTGATE_HUB": ("", 128)}


def faults_of(table):
    """The error for each setting; "" if it is read."""
    for _, log in inprocess.run([inprocess.event(CASE, {
            "CASE_NOW": "1893456000", "CASE_LIST": "# no entries\n",
            name: value}) for name, value, _ in table]):
        decided = processes.decisions(log)[-1]
        yield log if decided["reason"] == "settings" else ""


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
    for (name, value, expected), said in zip(table, faults_of(table)):
        good = not said if expected == "read" else \
            name in said.partition("\n")[0]
        out.result(good, f"{name}={value[:60]}: {expected}".replace("#", "%"),
                   said)
    out.equal({row[0] for row in inprocess.printed("--settings")},
              {name for name, _, _ in table}, "each setting has a row")
    out.done()


main()
