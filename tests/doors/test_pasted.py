#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Pins, keys and values as people paste them: the rows of cases/pasted.tab, in a
list, in settings, and as arguments of the administrator's command."""
import base64
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, inprocess, place, tap  # noqa: E402

NOW = 1893456000  # 2030-01-01
known = cases.certificates()
device = known["device"]
BODY = cases.connect_body(["@device"], known, {}).encode()
DIGITS = {"1": device["sha1"], "2": device["sha256"]}
BASE64 = {digit: base64.b64encode(bytes.fromhex(digits)).decode()
          for digit, digits in DIGITS.items()}


def spelled(match):
    """What {A1:} and the like stand for."""
    letter, digit, between = match.groups()
    if letter == "b":
        return BASE64[digit]
    if letter == "u":
        return BASE64[digit].translate({43: "-", 47: "_", 61: None})
    digits = DIGITS[digit].upper() if letter else DIGITS[digit]
    return between.join(digits[i:i + 2] for i in range(0, len(digits), 2)) \
        if between else digits


def rows():
    for line in (place.CASES / "pasted.tab").read_text().splitlines():
        if line.startswith("# "):
            continue
        text = re.sub(r"\\u(....)|\\t", lambda match: chr(
            int(match[1], 16)) if match[1] else "\v", line)
        text = re.sub(r"{([Abu]?)([12])([^}]*)}", spelled, text)
        yield line, *(cell.replace("\v", "\t") for cell in text.split("\t"))


def said(decision, level):
    return re.findall(f"level={level} (.*)", decision["log"])


def has(lines, expected):
    """True if a line is about that column and has the words."""
    at, _, words = expected.partition(" ")
    return any(f":{at}: " in line and words in line for line in lines)


def in_lists(out, table):
    decisions = inprocess.decisions(
        [(f"{text}\n", NOW, BODY) for _, _, text, _ in table])
    for (line, kind, _, expected), decision in zip(table, decisions):
        if expected == "read":
            good = decision["reason"] == "listed"
        else:
            good = has(said(decision, "error" if kind in ("pin", "list") else
                            "warning"), expected)
        out.result(good, line.replace("#", "%"), decision["log"])


def as_arguments(out, table, folder):
    """The same pins as what an edit is about: read as that pin, or refused with
    the same words."""
    book = folder / "list"
    book.write_text(f"{device['sha1']}\n{device['sha256']}\n")
    for line, kind, text, expected in table:
        if kind != "pin":
            continue
        got = admin.run("remove", "--dry-run", "--list", book, text)
        words = expected.partition(" ")[2]
        good = got.code == 0 if expected == "read" else \
            got.code == 1 and words in got.err
        out.result(good, f"remove: {line}".replace("#", "%"), got)


def main():
    out = tap.Tap()
    table = list(rows())
    in_lists(out, table)
    as_arguments(out, table, place.temporary())
    out.result(len(table) >= 60, "at least 60 forms")
    out.done()


main()
