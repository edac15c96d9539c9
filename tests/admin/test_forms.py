#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Forms of a file with a certificate, and of its dates.  thumbprint, allow,
explain, file: and ca: read the certificate that `openssl x509` reads, and name
the format of any other file.  The forms are combined at random."""
import base64
import json
import pathlib
import random
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, der, place, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
pem = admin.certificate(base, "pump", "-addext", "basicConstraints="
                        "critical,CA:TRUE")
PEM, KEY = pem.read_bytes(), pem.with_suffix(".key").read_bytes()
PIN = admin.digest(pem, "sha256")
BOM, UTF16 = b"\xef\xbb\xbf", PEM.decode().encode("utf-16")
FORMS = 150


def openssl(*arguments, stdin=PEM):
    return subprocess.run(["openssl", *arguments], input=stdin, check=True,
                          capture_output=True).stdout


DER = openssl("x509", "-outform", "DER")
TEXT = openssl("x509", "-text", "-noout")
REQUEST = openssl("req", "-new", "-key", str(pem.with_suffix(".key")),
                  "-subj", "/CN=pump")
TRUSTED = openssl("x509", "-trustout", "-addtrust", "clientAuth")
ENCRYPTED = openssl("pkcs8", "-topk8", "-passout", "pass:x", stdin=KEY)
PKCS7 = openssl("crl2pkcs7", "-nocrl", "-certfile", str(pem))
PKCS7_DER = openssl("pkcs7", "-outform", "DER", stdin=PKCS7)
PKCS12 = openssl("pkcs12", "-export", "-inkey", str(pem.with_suffix(".key")),
                 "-passout", "pass:x")
PARAMETERS = (b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
              b"-----END EC PARAMETERS-----\n")


def armour(label, der, width=64):
    text = base64.b64encode(der).decode()
    lines = [text[i:i + width] for i in range(0, len(text), width)]
    return (f"-----BEGIN {label}-----\n" + "\n".join(lines) +
            f"\n-----END {label}-----\n").encode()


def random_form(dice):
    """A form that openssl may read."""
    label = dice.choice(["CERTIFICATE", "X509 CERTIFICATE"])
    block = armour(label, DER, dice.choice([1, 48, 63, 64, 65, 76, 200, 9999]))
    if dice.random() < 0.1:
        block = TRUSTED
    lines = block.splitlines()
    if dice.random() < 0.3:
        blank = dice.choice([b" ", b"\t", b"    ", b" \t"])
        lines[1:-1] = [blank + line for line in lines[1:-1]]
    end = dice.choice([b"\n", b"\n", b"\r\n", b" \n", b"\t\n", b" \r\n",
                       b"\r\r\n", b"\xc2\xa0\n", b"\x0c\n"])
    block = end.join(lines) + dice.choice([b"", end, end + end])
    front = [b"", b"", BOM, b"Bag Attributes\n  localKeyID: 01\n", TEXT, b"\n",
             b"0 s:CN = pump\n", b"# -----BEGIN CERTIFICATE-----\n", KEY,
             ENCRYPTED, PARAMETERS, REQUEST, b"\xe4\xf6\n", b"x" * 1000 +
             b"\n", b"-----END CERTIFICATE-----\n"]
    behind = [b"", b"", b"\n", b"\nmore\n", b"\n" + KEY, b"\n" + TEXT,
              b"\n\x1a", b"\n" + ENCRYPTED, b"\n\0\0"]
    return dice.choice(front) + block + dice.choice(behind)


def forms():
    """The name and the bytes of each form."""
    dice = random.Random(1)
    yield "DER and a line end", DER + b"\n"
    yield "DER and CRLF", DER + b"\r\n"
    yield "DER and zeros", DER + bytes(100)
    yield "DER and a key", DER + KEY
    yield "TRUSTED CERTIFICATE", TRUSTED
    yield "indented everywhere", b"".join(
        b"  " + line + b"\n" for line in PEM.splitlines())
    yield "empty lines", PEM.replace(b"\n", b"\n\n")
    yield "BOM and CRLF", BOM + PEM.replace(b"\n", b"\r\n")
    for number in range(FORMS):
        yield f"form {number}", random_form(dice)


def believed(path):
    """The SHA-256 by openssl; "" if openssl reads no certificate."""
    done = subprocess.run(["openssl", "x509", "-in", str(path), "-noout",
                           "-fingerprint", "-sha256"], stdin=subprocess.DEVNULL,
                          check=False, capture_output=True, text=True)
    return done.stdout.strip().partition("=")[2].replace(":", "").lower()


def all_forms():
    read = 0
    paths = []
    for number, (name, text) in enumerate(forms()):
        path = base / f"form-{number}"
        path.write_bytes(text)
        theirs = believed(path)
        read += bool(theirs)
        paths.append(path)
        got = admin.run("thumbprint", "--json", path)
        pins = [t["sha256"] for t in json.loads(got.out or "[]")]
        if pins != [PIN] or theirs not in ("", PIN):
            out.result(False, f"{name}: as openssl reads it",
                       f"{theirs}\n{got}\n{text[:2000]!r}")
    out.result(read > FORMS * 0.8,
               f"{len(paths)} forms are the same certificate; openssl reads "
               "most of them", read)
    book = base / "list"
    book.write_text("".join(f"file:{p}\n" for p in paths))
    book.chmod(0o640)
    got = admin.run("list", "--json", "--list", book)
    told = json.loads(got.out or "[]")
    out.equal(len(told), len(paths), "file: reads them all")
    event = admin.run("explain", "--list", book, pem)
    out.result("an allow entry matches" in event.out and "list:1: " in event.out,
               "and they are that certificate", event)
    for path in (paths[0], paths[4], paths[7]):
        got = admin.run("allow", path, "--list", base / "new", "--dry-run")
        out.result(PIN in got.out, f"allow {path.name}", got)
        got = admin.run("explain", path, "--list", book)
        out.result(f"sha256    {PIN}" in got.out, f"explain {path.name}", got)


# Name, file without a certificate, and a part of the message.
OTHERS = [
    ("nothing", b"", "empty: expected"),
    ("white space", b" \r\n", "empty: expected"),
    ("text", b"hello\n", "no block: expected"),
    ("request", REQUEST, "certificate request"),
    ("request in DER", openssl("req", "-outform", "DER", stdin=REQUEST),
     "certificate request"),
    ("PKCS#7", PKCS7, "PKCS#7"),
    ("PKCS#7 in DER", PKCS7_DER, "PKCS#7"),
    ("PKCS#7 as CERTIFICATE", armour("CERTIFICATE", PKCS7_DER), "PKCS#7"),
    ("PKCS#12", PKCS12, "PKCS#12"),
    ("PKCS#12 as CERTIFICATE", armour("CERTIFICATE", PKCS12), "PKCS#12"),
    ("UTF-16", UTF16, "UTF-16"),
    ("UTF-16 without its mark", UTF16[2:], "UTF-16"),
    ("UTF-16, other end first", PEM.decode().encode("utf-16-be"), "UTF-16"),
    ("key", KEY, "a private key"),
    ("key in DER", openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER",
                           stdin=KEY), "a private key"),
    ("old key in DER", openssl("ec", "-outform", "DER", stdin=KEY),
     "a private key"),
    ("encrypted key", ENCRYPTED, "a private key"),
    ("encrypted key in DER", openssl(
        "pkcs8", "-topk8", "-passout", "pass:x", "-outform", "DER",
        stdin=KEY), "a private key"),
    ("public key", openssl("x509", "-noout", "-pubkey"), "a public key"),
    ("too large", armour("CERTIFICATE", der.element(
        0x30, der.element(0x30, bytes(24600)))),
     "expected at most 24576"),
    ("cut", PEM[:300], "without its -----END"),
]


def others():
    for name, text, word in OTHERS:
        path = base / "other"
        path.write_bytes(text)
        path.chmod(0o640)
        book = base / "other.list"
        book.write_text(f"file:{path}\n")
        for command in (["thumbprint", path], ["allow", path, "--list", book],
                        ["check", "--list", book]):
            got = admin.run(*command)
            said = got.out + got.err
            if command[0] == "check" and len(text) > 32768:
                word = "too large, at most 32768 bytes"
            out.result(got.code != 0 and word in said and
                       "out of memory" not in said,
                       f"{command[0]}: {name}: {word}", got)
    for name, text, word in OTHERS:
        if name in ("text", "cut", "too large"):
            continue
        path.write_bytes(text)
        book.write_text(f"ca:{path} cn=*\n")
        got = admin.run("check", "--quiet", "--list", book)
        out.result(got.code == 1 and word in got.out, f"ca: {name}: {word}",
                   got)
        if text:
            got = admin.run("explain", path)
            out.result(got.code != 0 and (word in got.err or not text.strip()),
                       f"explain: {name}: {word}", got)


def several():
    two = base / "two"
    two.write_bytes(PEM + PEM)
    book = base / "two.list"
    book.write_text(f"file:{two}\n")
    for command in (["allow", two, "--list", book], ["check", "--list", book]):
        got = admin.run(*command)
        out.result(got.code != 0 and "several certificates: expected one" in
                   got.out + got.err, f"{command[0]}: two certificates", got)


def authorities():
    """ca: and crl= read the same forms, but for trust settings."""
    dice = random.Random(2)
    path, book = base / "ca", base / "ca.list"
    book.write_text(f"ca:{path} cn=*\n")
    path.write_bytes(TRUSTED)
    got = admin.run("check", "--quiet", "--list", book)
    out.result(got.code == 1 and "block 1: found a TRUSTED CERTIFICATE" in
               got.out, "ca: TRUSTED CERTIFICATE is named", got)
    path.write_bytes(PEM + KEY)
    got = admin.run("check", "--quiet", "--list", book)
    out.result(got.code == 1 and "block 2: found a private key" in got.out,
               "ca: a key is named", got)
    bad = []
    for text in [DER, DER + b"\n", *(random_form(dice) for _ in range(60))]:
        if b"TRUSTED" in text or b" KEY-" in text or b" PARAM" in text or \
                b" REQUEST-" in text:
            continue
        path.write_bytes(text)
        got = admin.run("check", "--quiet", "--list", book)
        if got.code != 0:
            bad.append(f"{text[:200]!r}\n{got}")
    out.result(not bad, "ca: reads the other forms", "\n".join(bad))


def keys():
    path, book = base / "with-key.pem", base / "key.list"
    for name, text, warned in (("a key", PEM + KEY, True),
                               ("an encrypted key", ENCRYPTED + PEM, True),
                               ("none", PEM, False)):
        path.write_bytes(text)
        book.write_text(f"file:{path}\n")
        got = admin.run("check", "--quiet", "--list", book)
        word = re.search(r"^warning: \S+:1: \S+with-key.pem has a private key",
                         got.out, re.MULTILINE)
        out.result(got.code == 0 and bool(word) == warned,
                   f"check: {name} beside the certificate", got)


def dates():
    """Dates of an unusual form, as thumbprint and check show them."""
    known = cases.certificates()
    for name, begins, ends in (("no_seconds", False, False),
                               ("offset", False, False),
                               ("second_60", True, False),
                               ("device", True, True)):
        path, book = base / f"{name}.pem", base / f"{name}.list"
        path.write_text(known[name]["pem"] + "\n")
        book.write_text(f"file:{path}\n")
        told = json.loads(admin.run("thumbprint", "--json", path).out)[0]
        out.equal((told["from"] != "invalid date", told["to"] !=
                   "invalid date"), (begins, ends), f"{name}: --json")
        got = admin.run("thumbprint", path)
        out.equal(("notBefore: invalid date" not in got.out,
                   "notAfter: invalid date" not in got.out), (begins, ends),
                  f"{name}: thumbprint")
        out.result("expired" not in got.out and "not yet" not in got.out,
                   f"{name}: not said to have expired", got)
        got = admin.run("check", "--quiet", "--list", book)
        out.equal(("notBefore is not a valid date" not in got.out,
                   "notAfter is not a valid date" not in got.out),
                  (begins, ends), f"{name}: check")
        got = admin.run("explain", "--list", book, path)
        word = "listed" if begins and ends else "not-after-invalid" \
            if begins else "not-before-invalid"
        out.result(f"reason    {word}: " in got.out, f"{name}: explain", got)
        got = admin.run("explain", "--list", book, path, environment={
            "CERTGATE_CHECK_DATES": "no"})
        out.result("reason    listed: " in got.out,
                   f"{name}: explain, dates not checked", got)


all_forms()
others()
several()
authorities()
keys()
dates()
out.done()
