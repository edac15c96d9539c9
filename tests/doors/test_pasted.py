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
        text = text.replace("\\n", "\n")
        text = re.sub(r"{([Abu]?)([12])([^}]*)}", spelled, text)
        yield line, *(cell.replace("\v", "\t") for cell in text.split("\t"))


def has(lines, expected):
    """True if a line is about that column and has the words."""
    at, _, words = expected.partition(" ")
    return any(f":{at}: " in line and words in line for line in lines)


def in_lists(out, table):
    decisions = inprocess.decisions(
        [(f"{text}\n", NOW, BODY) for _, _, text, _ in table])
    for (line, _, _, expected), decision in zip(table, decisions):
        errors = re.findall("level=error (.*)", decision["log"])
        out.result(decision["reason"] == "listed" if expected == "read" else
                   has(errors, expected), line.replace("#", "%"),
                   decision["log"])


def as_values(out, table, folder):
    """What certgate check warns of."""
    book = folder / "list"
    for line, _, text, expected in table:
        book.write_text(f"{text}\n")
        got = admin.run("check", "--list", book, "--config", "/dev/null")
        warnings = [one for one in got.out.splitlines()
                    if re.match(f"warning: {book}:[0-9]+:", one)]
        out.result(not warnings if expected == "nothing" else
                   has(warnings, expected), line.replace("#", "%"), got)


def as_arguments(out, table, folder):
    """The same pins as what an edit is about: read as that pin, or refused with
    the same words."""
    book = folder / "list"
    book.write_text(f"{device['sha1']}\n{device['sha256']}\n")
    for line, _, text, expected in table:
        got = admin.run("remove", "--dry-run", "--list", book, text)
        words = expected.partition(" ")[2]
        good = got.code == 0 if expected == "read" else \
            got.code == 1 and words in got.err
        out.result(good, f"remove: {line}".replace("#", "%"), got)


def in_settings(out, table, folder):
    """Keys and settings, by certgate check; a key is never printed."""
    settings = folder / "conf"
    for line, kind, text, expected in table:
        name = {"key": "CERTGATE_ACCESS_KEYS=", "conf": ""}[kind]
        settings.write_text(f"CERTGATE_LIST={folder}/list\n{name}{text}\n")
        settings.chmod(0o600)
        got = admin.run("check", "--config", settings)
        lines = [one.partition("error: ")[2] for one in got.out.splitlines()
                 if one.startswith(f"error: {settings}:2")]
        good = not lines if expected == "read" else \
            has(lines, expected.replace("1:", "2:", 1))
        out.result(good and text not in got.out if kind == "key" else good,
                   line.replace("#", "%"), got)


def in_variable(out, table, folder):
    """The same, of CLIENT_CERT_THUMBPRINT: read if the device is then accepted,
    and no other pin of it is lost."""
    settings, pem = folder / "pins", folder / "device.pem"
    pem.write_text(device["pem"])
    for line, _, text, expected in table:
        settings.write_text(f"CLIENT_CERT_THUMBPRINT={text}\n")
        settings.chmod(0o600)
        if expected == "read":
            got = admin.run("explain", "--config", settings, pem)
            good = got.code == 0
        else:
            got = admin.run("check", "--config", settings)
            good = got.code == 1 and has(
                [one.partition("error: ")[2] for one in got.out.splitlines()],
                expected)
        out.result(good, line.replace("#", "%"), got)


def at_the_prompt(out, table):
    for line, _, text, expected in table:
        got = admin.run(*text.split())
        out.result(got.code == 2 and expected in got.err,
                   line.replace("#", "%"), got)


def names(out, folder):
    """A common name that cannot be a user id: every tool says so."""
    book = folder / "names"
    said = "the user id is the thumbprint"
    for what, subject, odd in (("two names", "/CN=a/CN=b", True),
                               ("a blank behind", "/CN=pump ", True),
                               ("an em space", "/CN=pump\u2003", True),
                               ("one name", "/CN=pump 7", False)):
        path = admin.certificate(folder, "odd", subject=subject)
        book.write_text("# none\n")
        for more, says in (([], odd), (["user=a"], False), (["--spki"], False)):
            got = admin.run("allow", "--dry-run", "--list", book, path, *more)
            out.result(got.code == 0 and (said in got.out) == says,
                       f"{what}: allow {more}", got)
        for more, says in (("", odd), (" user=a", False)):
            book.write_text(f"file:{path}{more}\n")
            got = admin.run("check", "--list", book, "--config", "/dev/null")
            out.result(("default user id" in got.out) == says,
                       f"{what}: check{more}", got)
            got = admin.run("explain", "--list", book, path)
            out.result(got.code == 0 and (said in got.out) == says,
                       f"{what}: explain{more}", got)


def not_an_event(out, folder):
    path = folder / "text"
    for text in ("hello\n", "[]", device["sha1"], "\x00"):
        path.write_text(text)
        got = admin.run("explain", "--list", folder / "list", path)
        out.result(got.code == 3 and "neither a certificate" in got.err,
                   f"explain {text!r}", got)
    for text, other in (("{}", True), (' {"reason":"closed"}\n', True),
                        ('{"clientCertificates":[]}', False),
                        ('{"query":{}}', False), ('{"claims":', False)):
        path.write_text(text)
        got = admin.run("explain", "--list", folder / "list", path)
        out.equal((got.code == 3, "not a connect event" in got.err),
                  (other, other), f"explain {text!r}")
    got = admin.run("explain", "--list", folder / "list", device["sha1"])
    out.result(got.code == 3 and "for a pin: certgate why PIN" in got.err,
               "explain PIN", got)


def main():
    out = tap.Tap()
    folder = place.temporary()
    table = list(rows())

    def of(*kinds):
        return [row for row in table if row[1] in kinds]

    in_lists(out, of("pin", "list"))
    as_arguments(out, of("pin"), folder)
    as_values(out, of("value"), folder)
    in_settings(out, of("key", "conf"), folder)
    in_variable(out, of("variable"), folder)
    at_the_prompt(out, of("word"))
    names(out, folder)
    not_an_event(out, folder)
    out.result(len(table) >= 60, "at least 60 forms")
    out.done()


main()
