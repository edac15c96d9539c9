#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Lists through the core alone: the rows of cases/list.tab, every way to write a
thumbprint, the limits of each option, and many entries."""
import itertools
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, inprocess, place, tap  # noqa: E402

NOW = 1893456000  # 2030-01-01
known = cases.certificates()
device = known["device"]
BODY = cases.connect_body(["@device"], known, {}).encode()
SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "e": ""}
NAME, ITEMS, VALUE = 1024, 256, 32768
# The option and its beginning, what is repeated, how often at most.
LIMITS = [
    ("user=", "x", NAME), ("groups=", "x", NAME), ("groups=a", ",a", ITEMS - 1),
    ("roles=sendToGroup.", "x", NAME),
    ("roles=sendToGroup", ",sendToGroup", ITEMS - 1),
    ("subprotocol=a", ",a", ITEMS - 1), ("subprotocol=", "x", VALUE),
    ("client-id=", "x", NAME), ("query.id=", "x", NAME), ("hub=", "x", 128),
    ("hub=a", ",a", ITEMS - 1), ("cn=", "x", 256), ("san=", "x", 256)]
OPTIONS = {"user": "a", "groups": "a,b", "roles": "sendToGroup", "hub": "a",
           "subprotocol": "a", "not-before": "2026-01-01", "crl": "/a",
           "expires": "2026-01-01", "client-id": "@cn", "query.id": "@san",
           "cn": "*", "san": "*.example"}


def unescape(text):
    def one(match):
        kind, digits = match[0][1], match[0][2:]
        if kind == "x":
            return chr(0xdc00 + int(digits, 16)) if digits > "7f" else \
                chr(int(digits, 16))
        return chr(int(digits, 16)) if digits else SIMPLE[kind]
    found = re.sub(r"\\(?:x..|u....|.)", one, text).replace(
        "%1", device["sha1"]).replace("%2", device["sha256"])
    if "\n" not in found and not text.endswith("\\e"):
        found += "\n"
    return found.encode("utf-8", "surrogateescape")


def table():
    for line in (place.CASES / "list.tab").read_text().splitlines():
        if not line.startswith("# ") or "\t" in line:
            text, expected = line.split("\t")
            yield line, unescape(text), expected


def fault(decision):
    """line:column and message of the error in the list; "" if it reads."""
    found = re.search("level=error :(.*)", decision["log"])
    return found[1] if found else ""


def is_expected(decision, expected):
    if expected.startswith("{"):
        body = json.loads(expected.replace("%1", device["sha1"]))
        return decision["body"] != b"" and \
            json.loads(decision["body"]) == body
    at, _, words = expected.partition(" ")
    if at[0].isdigit():
        said = fault(decision)
        return said.startswith(at + ":") and words in said
    return decision["reason"] == expected


def thumbprints():
    """Each way to write one, and options behind it."""
    for (kind, count), between, behind, upper in itertools.product(
            (("sha1", 40), ("sha256", 64)), ("", ":", "-", " ", "\t", "  "),
            ("", " user=a", "\texpires=2031-01-01", " # beef"), (False, True)):
        digits = device[kind].upper() if upper else device[kind]
        pairs = between.join(digits[i:i + 2] for i in range(0, count, 2))
        for prefix in ("", f"{kind}:", f"{kind.upper()}:",
                       f"{kind.upper()} Fingerprint=", f"{kind} fingerprint="):
            yield prefix + pairs + behind


def decide(texts):
    return inprocess.decisions([(text, NOW, BODY) for text in texts])


def limits(out):
    for option, repeated, most in LIMITS:
        texts = [f"{device['sha1']} {option}{repeated * n}\n"
                 for n in (most, most + 1)]
        # A limit of names alone is for a ca: line; that comes later.
        good, bad = (re.sub(".*expected ca:.*", "", fault(d))
                     for d in decide(texts))
        out.result(not good and bad, f"{option}: {most} times {repeated}",
                   f"{good}\n{bad}")


def options(out):
    for name, value in OPTIONS.items():
        twice, *empty = decide([
            f"{device['sha1']} {name}={value}  {name}={value}\n",
            *(f"{device['sha1']} {name}={nothing}\n"
              for nothing in ("", '""', "\u200b"))])
        out.result("a second time" in fault(twice) and name in fault(twice),
                   f"{name}: twice", fault(twice))
        out.result(all("is empty" in fault(d) for d in empty),
                   f"{name}: empty", list(map(fault, empty)))


def main():
    out = tap.Tap()
    rows = list(table())
    for (line, _, expected), decision in zip(
            rows, decide([text for _, text, _ in rows])):
        out.result(is_expected(decision, expected), line.replace("#", "%"),
                   f"{decision['body']}\n{decision['log']}")
    forms = list(thumbprints())
    bad = [form for form, decision in zip(forms, decide(
        f"{form}\n" for form in forms)) if decision["reason"] != "listed"]
    out.equal(bad, [], f"{len(forms)} ways to write a thumbprint")
    limits(out)
    options(out)
    many = [f"{i * 2654435761 % 2 ** 32:040x}" for i in range(5000)]
    for at in (0, 2500, 5000):
        got = decide(["\n".join(many[:at] + [device["sha1"]] + many[at:]) +
                      "\n"])[0]
        out.equal(got["reason"], "listed", f"the {at}th of 5,000 entries")
    out.equal(decide(["\n".join(many) + "\n"])[0]["reason"], "not-listed",
              "none of 5,000 entries")
    out.done()


main()
