#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate rotate, and the verbs on a site: a new pin beside an old one until a
day; a site's file without what the environment says."""
import datetime
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, place, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
TODAY = datetime.datetime.now(datetime.timezone.utc).date()
A, B, C = "aa" * 20, "bb" * 32, "cc" * 20


def day(n):
    return (TODAY + datetime.timedelta(days=n)).isoformat()


def rotated(text, *arguments):
    """The list after a rotation, and how that went."""
    book = base / "list"
    book.write_text(text)
    book.chmod(0o640)
    done = admin.run("rotate", *arguments, "--list", book)
    return book.read_text(), done


def rewrites():
    rows = [
        ("no options", f"{A}\n", f"{A} expires={day(14)}\n{B}\n"),
        ("options, which both have, and a comment",
         f"# top\n{A}  user=a   groups=b,c  # hall\n{C}\n",
         f"# top\n{A} user=a groups=b,c expires={day(14)}   # hall\n"
         f"{B} user=a   groups=b,c\n{C}\n"),
        ("blanks and quotes in a value",
         f'{A} user="a \\" expires=2020-01-01" groups=x\n',
         f'{A} user="a \\" expires=2020-01-01" groups=x expires={day(14)}\n'
         f'{B} user="a \\" expires=2020-01-01" groups=x\n'),
        ("a later end is kept by the new one",
         f"{A} expires={day(300)} hub=x\n",
         f"{A} hub=x expires={day(14)}\n{B} expires={day(300)} hub=x\n"),
        ("a nearer end is kept by both", f"{A} expires={day(3)}\n",
         f"{A} expires={day(3)}\n{B} expires={day(3)}\n"),
        ("two lines", f"{A} hub=x\n{C}\n{A} hub=y user=b\n",
         f"{A} hub=x expires={day(14)}\n{B} hub=x\n{C}\n"
         f"{A} hub=y user=b expires={day(14)}\n{B} hub=y user=b\n"),
        ("a line that has ended stays as it is",
         f"{A} expires=2020-01-01\n{A} hub=y\n",
         f"{A} expires=2020-01-01\n{A} hub=y expires={day(14)}\n{B} hub=y\n"),
        ("another line end", f"{A} hub=x\r\n",
         f"{A} hub=x expires={day(14)}\r\n{B} hub=x\r\n"),
    ]
    for name, text, wanted in rows:
        book = base / "list"
        book.write_bytes(text.encode())
        done = admin.run("rotate", A, B, "--list", book)
        out.equal((done.code, book.read_bytes().decode()), (0, wanted), name)
    got, _ = rotated(f"{A}   # hall\n", A, B, "--overlap", "0d", "--comment",
                     "new")
    out.equal(got, f"{A} expires={day(0)}   # hall\n{B}   # new\n",
              "--overlap and --comment")
    _, done = rotated(f"{B} expires={day(5)}\n", B, "cc" * 20)
    out.equal([line for line in done.out.splitlines() if "Warning" in line],
              ["Warning: line 2: the entry is pinned by SHA-1: prefer SHA-256 "
               "(certgate thumbprint FILE)",
               f"Warning: line 2: entry ({'cc' * 20}) expires within 7 days, "
               f"on {day(5)}"], "what check warns of in the new line")
    roomy = (f"{A} groups=" + ",".join(f"{i:02}" + 1000 * "g"
                                       for i in range(32)) +
             " roles=" + ",".join(f"sendToGroup.{i:02}" + 900 * "r"
                                  for i in range(32)) + " hub=")
    n, rest = divmod(65530 - len(roomy) + 1, 64)
    text = roomy + ",".join([(63 + rest) * "h"] + (n - 1) * [63 * "h"]) + "\n"
    got, done = rotated(text, A, C)
    out.result(got == text and done.code == 1 and "too large" in done.err,
               "a line without room for its end stays", done)
    text = f"{A} hub=x\n"
    got, done = rotated(text, A, B, "--dry-run")
    out.equal((got, done.code), (text, 0), "--dry-run changes nothing")
    out.result(f"-{A} hub=x\n" in done.out and f"+{B} hub=x\n" in done.out
               and "added" not in done.out, "and shows the difference", done)
    _, done = rotated(f"{A} hub=x   # c\n{C}\n", A, B)
    out.equal(done.out.splitlines()[:-1],
              [f"expires: line 1 of {base}/list: {A} hub=x "
               f"expires={day(14)}   # c",
               f"added: line 2 of {base}/list: {B} hub=x"],
              "it says what was done")


def ends():
    """Lines are counted as they are afterwards."""
    _, done = rotated(f"{A} expires={day(3)}\n{A} hub=x expires={day(300)}\n"
                      f"{A} hub=y expires={day(3)}\n", A, B)
    out.equal([line for line in done.out.splitlines() if "old one ha" in line],
              ["The new entry has the expires= that the old one "
               f"{verb} (line {n})." for verb, n in
               (("has", 1), ("had", 3), ("has", 5))],
              "whose end the new ones have")


def refusals():
    rows = [
        ("the new one is there", 1, f"{A}\n{B} hub=x\n", [A, B]),
        ("the new one is denied", 1, f"{A}\ndeny {B}\n", [A, B]),
        ("the same twice", 1, f"{A}\n", [A, A]),
        ("the old one is not there", 1, f"{C}\n", [A, B]),
        ("the old one is denied only", 1, f"deny {A}\n", [A, B]),
        ("the old one has ended", 1, f"{A} expires=2020-01-01\n", [A, B]),
        ("the new one cannot have the options", 1, f"{A} user=@cn\n",
         [A, "spki:" + B]),
        ("no pin", 1, f"{A}\n", [A, "nonsense"]),
        ("a CA", 2, f"{A}\n", [A, "ca:/x.pem"]),
        ("one argument", 2, f"{A}\n", [A]),
        ("no days", 2, f"{A}\n", [A, B, "--overlap", "14"]),
        ("too many days", 2, f"{A}\n", [A, B, "--overlap", "99999d"]),
        ("days backwards", 2, f"{A}\n", [A, B, "--overlap", "-1d"]),
    ]
    for name, code, text, arguments in rows:
        got, done = rotated(text, *arguments)
        out.equal((done.code, got), (code, text), f"refused: {name}")
        out.result(done.err, "and says why", done)
    _, done = rotated(f"{A} hub=x\n{A} hub=y\n", A, B, "--comment",
                      "x" * 65536)
    out.equal((done.code, done.err.count("comment is too long")), (2, 1),
              "of two lines the first that cannot be written is the end")


def certificates():
    soon = admin.certificate(base, "soon", days=5)
    _, done = rotated(f"{A}\n", A, soon, "--dry-run")
    out.result(done.code == 0 and "Warning: line 2: the certificate expires on "
               f"{day(5)}\n" in done.out, "a new one that expires soon", done)
    past = base / "past.pem"
    past.write_text(cases.certificates()["expired"]["pem"])
    _, done = rotated(f"{A}\n", A, past, "--dry-run")
    out.result(done.code == 0 and "Warning: line 2: the certificate expired on "
               in done.out, "a new one that has expired", done)
    old, new = (admin.certificate(base, n, subject="/CN=pump") for n in
                ("old", "new"))
    text = f"{admin.digest(old, 'sha1')} user=pump groups=g\n"
    got, done = rotated(text, old, new, "--overlap", "9d")
    out.equal(got, f"{text.strip()} expires={day(9)}\n"
              f"{admin.digest(new, 'sha256')} user=pump groups=g\n",
              "certificates in files")
    listed = admin.run("list", "--list", base / "list").out.splitlines()
    # The old one has a line below it: it expires within 14 days.
    out.result(sum("allowed" in x for x in listed) == 2 and
               len(listed) == 3 and "within 14 days" in listed[1],
               "list shows both", listed)
    for name, file, when, code in (
            ("the old one on its last day", old, day(9), 0),
            ("and a day later", old, day(10), 1),
            ("the new one now", new, day(0) + "T23:59:59Z", 0),
            ("and later", new, day(20), 0)):
        done = admin.run("explain", file, "--list", base / "list", "--now",
                         when)
        out.equal(done.code, code, name)
        if code == 0:
            out.result('"userId":"pump"' in done.out, "as the same user",
                       done)


def sites():
    conf = base / "etc" / "certgate.conf"
    one = base / "etc" / "sites" / "one.conf"
    one.parent.mkdir(parents=True)
    (base / "main.list").write_text(f"{A}\n{C}\n")
    (base / "one.list").write_text(f"{C} user=one\n")
    conf.write_text(f"CERTGATE_LIST={base}/main.list\n")
    one.write_text(f"CERTGATE_LIST={base}/one.list\n"
                   "CERTGATE_SIGNATURE=off\n")
    decoy = {"CERTGATE_LIST": str(base / "main.list"),
             "CLIENT_CERT_THUMBPRINT": A, "CERTGATE_UNKNOWN": "x",
             "WebPubSubConnectionString": "nonsense"}
    for arguments in (["--site", "one", "--config", conf], ["--config", one]):
        done = admin.run("check", *arguments, environment=decoy)
        out.equal(done.code, 0, f"check {arguments[0]}: no environment")
        out.result("has 1 entry" in done.out, "and the site's list", done)
        done = admin.run("list", *arguments, environment=decoy)
        out.equal(done.out.split()[:4], ["1", "allowed", "sha1", C],
                  "so does list")
    done = admin.run("allow", B, "--config", conf, "--site", "one")
    out.equal(((base / "main.list").read_text(),
               (base / "one.list").read_text()),
              (f"{A}\n{C}\n", f"{C} user=one\n{B}\n"),
              "an edit is the site's list's")
    done = admin.run("list", "--site", "one", "--config", conf, "--list",
                     base / "main.list")
    out.result(A in done.out, "--list still counts", done)
    for name in ("../certgate", "", "One", "a" * 65, "one.conf"):
        done = admin.run("check", "--config", conf, "--site", name)
        out.equal((done.code, done.out), (2, ""), f"--site {name[:20]!r}")
    out.equal(admin.run("check", "--config", conf, "--site", "two").code, 1,
              "a site that is not there")
    done = admin.run("check", "--site", "one")
    out.result(done.code == 2 and "(fix: --config FILE)" in done.err,
               "no settings file, and so no site", done)
    done = admin.run("check", "--config", conf)
    out.equal(done.code, 0, "a check of the main file of the sites")
    one.write_text("CERTGATE_HUB=\n")
    done = admin.run("check", "--config", conf)
    out.result(done.code == 1 and f"{one}:1" in done.out,
               "and of one that is broken", done)


rewrites()
ends()
refusals()
certificates()
sites()
out.done()
