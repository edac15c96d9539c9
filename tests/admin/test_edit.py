#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate allow, deny, remove: what they write, what they refuse, what they
leave alone."""
import datetime
import fcntl
import json
import os
import pathlib
import resource
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, place, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
A, B = "aa" * 20, "bb" * 32
pump = admin.certificate(base, "pump")
PUMP = {kind: admin.digest(pump, kind) for kind in ("sha1", "sha256", "spki")}


class List:
    """A list in a folder of its own; without a text, none is there yet."""

    count = 0

    def __init__(self, text=None, mode=0o644):
        List.count += 1
        self.folder = base / f"list{List.count}"
        self.folder.mkdir()
        self.path = self.folder / "list"
        if text:
            self.path.write_bytes(text.encode())
            self.path.chmod(mode)

    def run(self, *arguments, **more):
        return admin.run(arguments[0], "--list", self.path, *arguments[1:],
                         **more)

    def text(self):
        return self.path.read_bytes().decode() if self.path.exists() else ""


def steps(name, text, rows):
    """Each row: arguments, exit code, the list after it (None: the same), and
    words that are said."""
    book = List(text)
    for arguments, code, after, says in rows:
        before = book.text()
        got = book.run(*arguments)
        what = f"{name}: {' '.join(map(str, arguments))[:60]}"
        out.equal((got.code, book.text()),
                  (code, before if after is None else after), what)
        for word in says:
            word = word.replace("LIST", str(book.path))
            out.result(word in got.out + got.err, f"{what}: says {word}", got)
    out.equal([p.name for p in book.folder.iterdir()], ["list"],
              f"{name}: nothing is left beside the list")


steps("allow", f"# fleet\n{A} user=a   # first\n\n", [
    (["allow", A, "user=a"], 0, None, ["already there: line 2",
                                    f": {A} user=a   # first\n"]),
    (["allow", A.upper(), "user=b"], 1, None, ["line 2", "--replace"]),
    (["allow", A, "user=b", "--replace"], 0,
     f"# fleet\n{A} user=b   # first\n\n", ["allowed: line 2", f": {A} user=b   # first\n",
                                         "two seconds"]),
    (["allow", B, "user=Pump 7", "groups=x,y", "--comment", "the second"], 0,
     f"# fleet\n{A} user=b   # first\n\n"
     f'{B} user="Pump 7" groups=x,y   # the second\n',
     ["allowed: line 4", ' groups=x,y   # the second\n']),
    (["allow", B, 'user="Pump 7"', "groups=x,y"], 0, None, ["already"]),
    (["allow", B, "--replace", "--comment", "third"], 0,
     f"# fleet\n{A} user=b   # first\n\n{B}   # third\n",
     ["allowed: line 4", f": {B}   # third\n"]),
])
SPACED = PUMP["sha1"].upper()
SPACED = " ".join(SPACED[i:i + 2] for i in range(0, 40, 2))
steps("allow writes the digits alone", "", [
    (["allow", f"\u200eSHA1 Fingerprint={SPACED.replace(' ', ':')}", "user=a"],
     0, f"{PUMP['sha1']} user=a\n", ["allowed: line 1"]),
    (["allow", SPACED, "user=a"], 0, None, ["already there: line 1"]),
    (["allow", SPACED, "user=b"], 1, None,
     ["with other options (fix: --replace)"]),
    (["deny", f"SPKI:{PUMP['spki'].upper()}"], 0,
     f"{PUMP['sha1']} user=a\ndeny spki:{PUMP['spki']}\n", []),
])
steps("a pin of other form", f"{SPACED} user=a\n", [
    (["allow", PUMP["sha1"], "user=a"], 0, None, ["already there: line 1"]),
    (["allow", f"file:{pump}", "user=a"], 0,
     f"{SPACED} user=a\nfile:{pump} user=a\n", []),
    (["allow", f"file:{pump}", "user=a"], 0, None, ["already there: line 2"]),
    (["allow", PUMP["sha256"], "user=a"], 0, None, ["already there: line 2"]),
])
steps("an argument is one option", f"{A}\n", [
    # What is behind a value would grant, or hide the limit that follows.
    *((["allow", B, option, "hub=x"], 2, None, [says]) for option, says in (
        ('user="x" groups=admins', "unexpected text after the value"),
        ('user="x" #', "unexpected text after the value"),
        ("user=a\\", "a backslash before"),
        ("user=a b\\", "no closing quote"),
        ("#=", "an argument of 2 characters: expected NAME=VALUE"),
        ("user #=a", "an argument of 8 characters: expected NAME=VALUE"),
        ('"=a', "an argument of 3 characters: expected NAME=VALUE"))),
    (["allow", B, 'user=x\\" groups=admins #', "hub=x"], 0,
     f'{A}\n{B} user="x\\" groups=admins #" hub=x\n', []),
    (["allow", B, 'user="x\\" groups=admins #"', "hub=x"], 0, None,
     ["already there"]),
])
steps("allow looks at the entry first", f"{A} user=a\ndeny {B}\n", [
    *(([*arguments, pin, option], 1, None, [f"certgate: {says}", "stays as"])
      for arguments in (["allow"], ["allow", "--replace"]) for pin in (A, B)
      for option, says in (("role=x", "unknown option"),
                           ("groups=a,,b", "groups=: a group of 0 characters"),
                           ("expires=x", "expires=: a value of 1 characters"))),
])
steps("allow refuses", f"{A}\n", [
    (["allow", B, "colour=red"], 1, None, ["unknown option",
                                           "stays as it is"]),
    (["allow", B, "user=a\nb"], 2, None, ["an argument of 8 characters"]),
    (["allow", B, "user"], 2, None, ["NAME=VALUE"]),
    (["allow", B, "--comment", "a\nb"], 2, None, ["comment"]),
    *(([verb, B, "--comment", "x" * 65536], 2, None, ["comment is too long"])
      for verb in ("allow", "deny")),
    (["rotate", A, B, "--comment", "x" * 65536], 2, None,
     ["comment is too long"]),
    (["allow", B[:50]], 1, None, ["50 digits"]),
    (["allow", B + "\n" + A], 1, None, []),
    (["allow", B + " # x"], 1, None, []),
    (["allow", "deny " + B], 1, None, []),
    (["allow", base / "nowhere"], 1, None,
     ["No such file", "; expected a pin, or a file with a certificate\n"]),
    *(([verb, word], 1, None, [
        f"a path of {len(word)} characters: cannot be opened: ",
        "expected a pin, or a file with a certificate"])
      for verb in ("deny", "remove") for word in ("pump", "pump.pem")),
    *(([verb, "4262c4ac"], 1, None, ["thumbprint of 8 digits",
                                     "certgate why 4262c4ac\n"])
      for verb in ("deny", "remove")),
    (["remove", "42624442"], 1, None, [
        "certgate: no such entry (fix: certgate list --list LIST prints the "
        "entries)\n", "certgate why 42624442\n"]),
    (["allow", "--list"], 2, None, []),
    (["allow"], 2, None, ["expected PIN"]),
    (["allow", B, "--colour"], 2, None, ["colour"]),
])
steps("deny", f"{A} user=a\n{PUMP['sha1']}\n", [
    (["deny", A, "--comment", "stolen"], 0,
     f"{A} user=a\n{PUMP['sha1']}\ndeny {A}   # stolen\n",
     ["Line 1 allows the certificate; the deny entry takes "
      "precedence.\n", f": deny {A}   # stolen\n",
      "Connected clients stay connected (fix: --disconnect).\n"]),
    (["deny", A, "--comment", "lost"], 0, None,
     ["already there: line 3", f": deny {A}   # stolen\n"]),
    (["allow", A, "user=z"], 1, None,
     ["line 3 denies the certificate; a deny entry takes precedence (fix: "
      "certgate remove --list LIST 3)\n"]),
    (["deny", pump], 0,
     f"{A} user=a\n{PUMP['sha1']}\ndeny {A}   # stolen\n"
     f"deny {PUMP['sha256']}\n", ["Line 2 allows the certificate"]),
    (["allow", pump, "--spki"], 1, None, ["line 4 denies the certificate"]),
    (["deny", "--spki", pump, "--dry-run"], 0, None,
     [f"+deny spki:{PUMP['spki']}"]),
    (["deny", A, "user=x"], 1, None, []),
])
steps("remove", f"{A} user=a\n# keep\n{PUMP['sha1']}\nspki:{PUMP['spki']}\n"
      f"deny {PUMP['sha256']}\n{B}\n", [
          (["remove", pump, "--dry-run"], 0, None, [
              f"-{PUMP['sha1']}", "denies it and stays: use --deny.\n"]),
          (["remove", pump], 0,
           f"{A} user=a\n# keep\nspki:{PUMP['spki']}\n"
           f"deny {PUMP['sha256']}\n{B}\n",
           ["Line 3 has its public key and stays",
            "Line 4 denies it and stays: use --deny, or certgate remove "
            "--list LIST 4.\n",
            "The certificate is rejected: line 4 denies it.\n"]),
          (["remove", pump], 1, None, ["Line 4 denies it and stays",
                                       "no such entry"]),
          (["remove", pump, "--deny"], 0,
           f"{A} user=a\n# keep\nspki:{PUMP['spki']}\n{B}\n",
           ["still accepted: line 3 allows it.\n"]),
          (["remove", 4], 0,  # as advised
           f"{A} user=a\n# keep\nspki:{PUMP['spki']}\n", []),
          (["remove", 9], 1, None, ["no such entry"]),
          (["remove", 0], 1, None, []),
          (["remove", f"spki:{PUMP['spki']}"], 0,
           f"{A} user=a\n# keep\n", []),
          (["remove", 2], 0, f"{A} user=a\n",
           ["removed: line 2", ": # keep\n"]),
          (["remove", A, "--dry-run"], 0, None,
           [f"-{A} user=a\n", "+# no entries: every client is rejected\n"]),
          (["remove", A], 0, "# no entries: every client is rejected\n",
           ["By this pin it is rejected: no entry matches.\n"]),
      ])
steps("remove a deny by its line", f"{A}\ndeny {A}\n", [
    (["remove", 2, "--dry-run"], 0, None, ["still accepted: line 1 allows"]),
    (["remove", A], 0, f"deny {A}\n", ["By this pin it is rejected: line 1 "
                                       "denies it."]),
    (["remove", A], 1, None, ["Line 1 denies it and stays"]),
    (["remove", 1], 0, "# no entries: every client is rejected\n", []),
])
steps("a broken list", f"{A}\nnonsense\n{B} hub=1\n", [
    (["allow", "cc" * 20], 1, None, [":2:1: ", "stays as it is"]),
    (["remove", 1], 1, None, [":2:1: ", "stays as it is: it is invalid"]),
    (["remove", 2], 1, None, [":2:1: ", "certgate check"]),
    (["list"], 1, None, [":2:1: "]),
])
CA = admin.certificate(base, "any-ca", days=20)
SOON = admin.certificate(base, "soon", days=5)
steps("what check warns of", f"{B}\n{B} expires=2020-01-01\n", [
    (["allow", PUMP["sha256"], "expires=2020-02-03"], 0,
     f"{B}\n{B} expires=2020-01-01\n{PUMP['sha256']} expires=2020-02-03\n",
     ["allowed: line 3", f"\nWarning: line 3: entry ({PUMP['sha256']}) expired "
      "on 2020-02-03\n"]),
    (["allow", PUMP["sha256"], "expires=2020-02-03"], 0, None,
     ["already there: line 3", f"line 3: entry ({PUMP['sha256']}) expired on "
      "2020-02-03\n"]),
    (["allow", f"ca:{CA}", "cn=*", "--dry-run"], 0, None,
     ["+ca:", "Warning: line 4: any name that this CA signs is accepted",
      "Warning: line 4: CA 'CN=any-ca' expires within 30 days"]),
    (["allow", f"file:{SOON}", "--dry-run"], 0, None,
     ["Warning: line 4: certificate (", "expires within 7 days"]),
    (["allow", A, "user=a\u200e", "--dry-run"], 0, None,
     ["line 4: the entry is pinned by SHA-1: prefer", "line 4: user=: an invisible"]),
])


def install_list():
    """A list is checked, and replaced whole with its owner and mode."""
    book = List(f"{A} user=a\ndeny {B}\n# c\n", 0o640)
    if os.geteuid() == 0:
        os.chown(book.path, 0, 33)
    new = book.folder.with_suffix(".new")
    before = book.path.stat()
    new.write_text(f"{A} user=a  # kept\n{PUMP['sha256']}\n")
    for more in ["--dry-run"], []:
        out.equal(book.text(), f"{A} user=a\ndeny {B}\n# c\n",
                  "install-list --dry-run writes nothing")
        got = book.run("install-list", new, *more)
        out.equal((got.code, got.out.splitlines()[:3]),
                  (0, [f"{book.path}: 2 entries, 2 before",
                       f"removed: deny {B}", f"added: {PUMP['sha256']}"]),
                  f"install-list {more}: what changes")
    after = book.path.stat()
    out.equal((book.text(), after.st_uid, after.st_gid, after.st_mode),
              (new.read_text(), before.st_uid, before.st_gid, before.st_mode),
              "the list is the file, with the old owner and mode")
    out.result(after.st_ino != before.st_ino, "by another file")
    got = json.loads(book.run("install-list", "-", "--json",
                              stdin=new.read_bytes()).out)
    out.equal(got, {"file": str(book.path), "written": False, "removed": [],
                    "added": []}, "the same list again")
    kept = book.text()
    for text, places in ((f"{A}\nnonsense\n{B} x=1\n", ["2:1", "3:66"]),
                         ("", ["1"]), (f"{A}", ["1:41"]),
                         (f"ca:{base}/nowhere cn=*\n", ["1:1"])):
        new.write_text(text)
        got = book.run("install-list", new)
        out.result(got.code == 1 and book.text() == kept and
                   all(f"{new}:{place}: " in got.err or
                       (place == "1" and str(new) in got.err)
                       for place in places) and
                   "the list stays as it is" in got.err,
                   f"install-list: invalid {text!r:.20}", got)
    for broken in "nonsense\n", f"{A}", "":
        book.path.write_text(broken)
        new.write_text(f"deny {A}\n")
        got = book.run("install-list", new)
        out.result(got.code == 0 and book.text() == f"deny {A}\n" and
                   f"{book.path}: 1 entry, " in got.out and
                   f"warning: {new}: no entry allows a client" in got.err,
                   f"the list in force may be {broken!r:.12}", got)
    new.write_text(f"{A} user=x;\n")
    got = book.run("install-list", new)
    out.result(got.code == 0 and book.text() == f"{A} user=x;\n" and
               f"certgate: warning: {new}:1:" in got.err,
               "a warning of the list is printed", got)
    new.write_text("".join(f"{i:040x} user=x;\n" for i in range(10)))
    got = book.run("install-list", new)
    out.result(got.err.count("warning: ") == 9 and
               f"certgate: warning: {new}: 2 more warnings\n" in got.err,
               "of many, the number", got)
    book.path.unlink()
    new.write_text("".join(f"{i:064x}\n" for i in range(30)))
    got = book.run("install-list", new)
    out.result(got.code == 0 and got.out.count("added: 0") == 20 and
               "added: 10 more" in got.out and "created with" in got.err and
               book.path.stat().st_mode & 0o777 == 0o640,
               "a list that is missing is made", got)
    out.equal(book.run("install-list", base / "nowhere.list").code, 3,
              "a file that is missing")
    out.equal([p.name for p in book.folder.iterdir()], ["list"],
              "nothing is left beside it")


def invalid_list():
    """The lines that are valid are shown, the others marked."""
    book = List(f"{A} user=a\nnonsense\n# c\nca:{base}/nowhere cn=a\n"
                f"deny {B}\n{B} colour=red\n")
    got = book.run("list")
    out.equal((got.code, [line.split()[:2] for line in got.out.splitlines()]),
              (1, [["1", "allowed"], ["2", "invalid"], ["4", "invalid"],
                   ["5", "denied"], ["6", "invalid"]]),
              "list: valid and invalid lines")
    out.result(all(f"{book.path}:{place}: " in got.err
                   for place in ("2:1", "4:1", "6:66")) and
               "unknown option" in got.out and "nonsense" not in got.out and
               "no handler loads the list" in got.err,
               "list: each error with its place", got)
    rows = json.loads(book.run("list", "--json", "--last-used").out)
    out.equal([(row["line"], row["state"], "error" in row) for row in rows],
              [(1, "allowed", False), (2, "invalid", True),
               (4, "invalid", True), (5, "denied", False),
               (6, "invalid", True)], "list --json: the same")


def verdicts():
    """What remove says of the client: by entries of a CA, ended ones, the end
    of the certificate, and a trial."""
    pump9 = admin.issued(base, "pump-9", CA)
    old = base / "past.pem"
    old.write_text(cases.certificates()["expired"]["pem"])
    conf, pin = base / "trial.conf", admin.digest(pump9, "sha256")
    gone = admin.digest(old, "sha256")
    ca = f"ca:{CA} cn=pump-*"
    soon = datetime.date.today() + datetime.timedelta(days=5)
    for text, more, argument, says in (
            (f"{pin}\n{ca}\n", "", pump9, "The certificate is perhaps "
             "accepted: line 1 allows it if its chain is valid."),
            (f"{pin}\nca:{CA} cn=other\n", "", pump9,
             "The certificate is rejected: no entry matches."),
            (f"{pin}\n{ca}\n", "", pin, "By this pin it is rejected: no entry "
             "matches, unless one of a CA does (fix: give the file"),
            (f"{pin}\n{ca}\n", "", 2, "The verdict on its clients is unknown "),
            (f"{pin}\n{pin} expires=2020-01-01\n", "", 1,
             "By this pin it is rejected: line 1 is not valid today."),
            (f"{gone} user=a\n{gone}\n", "", old,
             "The certificate is rejected: it has expired."),
            (f"{pin}\n", f"CERTGATE_REPORT_ONLY_UNTIL={soon}\n", pump9,
             "still accepted: CERTGATE_REPORT_ONLY_UNTIL allows it."),
            (f"{pin}\n{pin} expires=2020-01-01\n",
             f"CLIENT_CERT_THUMBPRINT={pin}\n", 1, "line 1 is not valid")):
        book = List(text)
        conf.write_text(f"CERTGATE_LIST={book.path}\n{more}")
        got = admin.run("remove", argument, "--config", conf)
        out.result(got.code == 0 and says in got.out, f"remove: {says}", got)


install_list()
invalid_list()
verdicts()
book = List(f"{B} expires=2020-01-01\n")
for quiet in ([PUMP["sha256"]], [PUMP["sha256"], "expires=2999-01-01"]):
    got = book.run("allow", *quiet, "--replace")
    out.result(got.code == 0 and "Warning" not in got.out + got.err,
               "nothing to be warned of in this line", got)
steps("fixing", f"{A}\nnonsense\n", [(["remove", 2], 0, f"{A}\n", [])])
steps("CRLF and byte order mark", f"\ufeff{A} user=a\r\n# c\r\n", [
    (["allow", A, "user=a"], 0, None, ["already"]),
    (["allow", B], 0, f"\ufeff{A} user=a\r\n# c\r\n{B}\r\n", []),
    (["remove", 2], 0, f"\ufeff{A} user=a\r\n{B}\r\n", []),
])
steps("no end", f"{A}\n{B}", [
    (["allow", "cc" * 20], 3, None, [":2:65: the last line has no end"]),
    (["remove", 1], 3, None, ["no end"]),
])


def files():
    book = List(f"{A}\n", 0o640)
    if os.geteuid() == 0:
        os.chown(book.path, 0, 33)
    before = book.path.stat()
    book.run("allow", B)
    after = book.path.stat()
    out.equal((after.st_uid, after.st_gid, after.st_mode),
              (before.st_uid, before.st_gid, before.st_mode),
              "owner, group and mode are kept")
    out.result(after.st_ino != before.st_ino, "the file is another one")
    link = book.folder / "link"
    link.symlink_to("list")
    got = admin.run("allow", "--list", link, "cc" * 20)
    out.result(got.code == 0 and link.is_symlink() and
               "cc" * 20 in book.text(), "a symbolic link stays", got)
    out.equal(sorted(p.name for p in book.folder.iterdir()),
              ["link", "list"], "nothing is left beside it")
    book = List(f"{A}\n")
    os.link(book.path, book.folder / "twin")
    got = book.run("deny", A)
    out.equal((got.code, (book.folder / "twin").read_text()), (0, f"{A}\n"),
              "another name of the list keeps what it had")
    if os.geteuid() == 0:
        link = base / "strangers"
        link.symlink_to(book.path)
        os.chown(link, 12345, 12345, follow_symlinks=False)
        before = book.text()
        got = admin.run("allow", "--list", link, B)
        out.result(got.code == 3 and "symbolic link" in got.err and
                   book.text() == before,
                   "a link of another user is not followed", got)
        link.unlink()
        book.folder.chmod(0o775)
        os.chown(book.folder, 0, 12345)
        got = book.run("allow", B)
        out.result(got.code == 3 and f"chmod g-w {book.folder}" in got.err and
                   book.text() == before,
                   "a folder that others can write to", got)
    book = List(None)
    got = book.run("allow", A, "--dry-run")
    out.equal((got.code, got.err, list(book.folder.iterdir())),
              (0, f"certgate: {book.path}: missing list: without --dry-run it "
               "is created\n", []), "a missing list would be created")
    got = book.run("allow", A, "user=a")
    out.equal(got.err, f"certgate: {book.path}: missing list: created with "
              f"owner {book.path.owner()}, group {book.path.group()}, mode "
              "0640 (check that the handler can read it: certgate check "
              f"--list {book.path} --as USER)\n",
              "that it was created is said")
    out.equal(book.run("allow", B, "--dry-run").err, "",
              "nothing of one that is there")
    out.equal((got.code, book.text(), oct(book.path.stat().st_mode)),
              (0, f"{A} user=a\n", "0o100640"), "a list that was not there")
    book.path.chmod(0o666)
    got = book.run("allow", B)
    out.result(got.code == 3 and f"chmod o-w {book.path}" in got.err,
               "a list that others can write is refused", got)
    if os.geteuid() == 0:
        os.chown(book.path, 0, 33)
        got = book.run("allow", B)
        out.result(got.code == 3 and f"chmod g-w,o-w {book.path}" in got.err,
                   "and one that its group can write, too", got)


def environment():
    book = List(f"{A}\n")
    conf = base / "conf"
    conf.write_text(f"CERTGATE_LIST={book.path}\n")
    got = admin.run("allow", B, environment={"CERTGATE_CONFIG": str(conf)})
    out.equal((got.code, book.text()), (0, f"{A}\n{B}\n"),
              "the list is that of CERTGATE_CONFIG")
    got = admin.run("remove", B, "--config", conf)
    out.equal((got.code, book.text()), (0, f"{A}\n"), "or of --config")
    got = admin.run("deny", B)
    out.result(got.code == 3 and "no list is configured (fix: " in got.err and
               "stays as it is" not in got.err, "no list at all", got)
    broken = base / "broken.conf"
    broken.write_text(f"CERTGATE_LIST={book.path}\nx\n")
    got = admin.run("deny", B, "--config", broken)
    out.result((got.code, book.text()) == (3, f"{A}\n") and
               f"{broken}:2:1: " in got.err and "the list stays as it is; by "
               "--list FILE it can be changed without settings\n" in got.err,
               "settings that are invalid", got)
    got = admin.run("deny", B, "--config", broken, "--list", book.path)
    out.equal((got.code, book.text()), (0, f"{A}\ndeny {B}\n"),
              "with --list they need not")
    book.run("remove", B, "--deny")
    got = admin.run("allow", "--list", book.path, "-", "user=@cn",
                    stdin=pump.read_bytes())
    out.equal((got.code, book.text()),
              (0, f"{A}\n{PUMP['sha256']} user=@cn\n"),
              "a certificate from standard input")


def difference():
    book = List(f"{A}\n# c\n{B}\n")
    got = book.run("allow", B, "user=x", "--replace", "--dry-run")
    out.equal(got.out, f"--- {book.path}\n+++ {book.path}\n@@ -3 +3 @@\n"
              f"-{B}\n+{B} user=x\n", "--dry-run shows the difference")
    got = book.run("allow", "cc" * 32, "--dry-run")
    out.equal(got.out, f"--- {book.path}\n+++ {book.path}\n@@ -3,0 +4 @@\n"
              f"+{'cc' * 32}\n", "and that of a new line")
    got = book.run("remove", 1, "--dry-run")
    out.equal(got.out, f"--- {book.path}\n+++ {book.path}\n@@ -1 +0,0 @@\n"
              f"-{A}\nBy this pin it is rejected: no entry matches.\n",
              "and that of one that goes")
    out.equal(book.text(), f"{A}\n# c\n{B}\n", "it changes nothing")


def said():
    """What was done, and only when it was done; --dry-run: what would be."""
    book = List(f"{A}\n# c\n{A} hub=b   # c\n")
    done = book.run("remove", A, "--dry-run").out
    out.result("removed" not in done and f"-{A} hub=b" in done,
               "remove: not what would be done", done)
    done = book.run("remove", A)
    out.equal(done.out.splitlines()[:-2],
              [f"removed: line 1 of {book.path}: {A}",
               f"removed: line 3 of {book.path}: {A} hub=b   # c"],
              "remove: what was done")
    book = List(f"{A} expires=2999-01-01\n{B}\nspki:{PUMP['spki']}\n"
                f"{PUMP['sha1']}\nnonsense\n")
    for arguments in (["remove", pump], ["rotate", A, "cc" * 20],
                      ["allow", "cc" * 20], ["allow", pump]):
        done = book.run(*arguments)
        out.result(done.code == 1 and done.out == "",
                   f"{arguments[0]}: nothing was done", done)


def trouble():
    """No room on the disk, no permission: the list is as it was."""
    book = List("".join(f"{i:040x}\n" for i in range(1, 500)))
    before = book.text()

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    got = book.run("allow", A, preexec_fn=small)
    out.result(got.code != 0 and book.text() == before,
               "no room: the list is as it was", got)
    # In a chroot there are no namespaces of mounts.
    if os.geteuid() == 0 and subprocess.run(
            ["unshare", "-m", "true"], check=False,
            stderr=subprocess.DEVNULL).returncode == 0:
        got = admin.Result(subprocess.run(
            ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=64k,mode=755"
             f" none {base} && mkdir {book.folder} && echo '{B}' >{book.path} "
             f"&& cat /dev/zero >{base}/full 2>/dev/null; {admin.COMMAND} "
             f"allow --list {book.path} {A}; echo $?; cat {book.path}"],
            capture_output=True, check=False,
            env={"PATH": os.environ["PATH"]}))
        out.result(got.out == f"3\n{B}\n" and got.err.endswith(
            f"{book.path}: the disk is full; the file is unchanged (fix: free "
            "space; df -h shows the disks)\n"), "a full disk: said so", got)
    if os.geteuid() == 0:
        got = book.run("allow", A, user=65534, group=65534, extra_groups=[])
        out.result(got.code == 3 and "Permission denied" in got.err and
                   book.text() == before, "no permission: said so", got)
        got = book.run("allow", A, "--dry-run", user=65534, group=65534,
                       extra_groups=[])
        out.result(got.code == 0 and f"+{A}" in got.out,
                   "to look, no such is needed", got)
        book.folder.chmod(0o777)
        got = book.run("allow", A, user=65534, group=65534, extra_groups=[])
        out.result(got.code == 3 and book.text() == before,
                   "a folder for all: still not", got)
        book.folder.chmod(0o755)
    out.equal([p.name for p in book.folder.iterdir()], ["list"],
              "nothing is left beside it")


def turns():
    """Two administrators: the second waits for the first; a lock on what others
    can open makes neither wait."""
    book = List(f"{A}\n")
    new = book.folder / ".list.new"
    folder = os.open(book.folder, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    text = os.open(book.path, os.O_RDONLY)
    fcntl.flock(text, fcntl.LOCK_EX)
    held = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    fcntl.flock(held, fcntl.LOCK_EX)
    pid = os.fork()
    if pid == 0:
        os.close(held)
        os._exit(book.run("allow", B).code)
    waited = place.wait_for(lambda: os.waitpid(pid, os.WNOHANG)[0] != 0, 1)
    out.result(not waited and book.text() == f"{A}\n",
               "an edit waits while another has the lock")
    got = book.run("allow", B, "--dry-run")
    out.result(got.code == 0 and f"+{B}" in got.out,
               "a command that only reads does not wait", got)
    os.write(held, f"{A}\n{PUMP['sha1']}\n".encode())
    new.rename(book.path)
    os.close(held)
    out.equal((os.waitpid(pid, 0)[1], book.text()),
              (0, f"{A}\n{PUMP['sha1']}\n{B}\n"),
              "and goes on with the other's list, even if they locked what "
              "others can open")
    os.close(folder)
    os.close(text)


def emptied():
    """Handlers keep the list before an empty one: an entry would end that."""
    book = List()
    book.path.touch()
    got = book.run("allow", A)
    out.result(got.code == 1 and book.text() == "" and
               f"{book.path}: the list is empty" in got.err,
               "an emptied list stays as it is", got)
    book = List("# none\n")
    out.equal((book.run("allow", A).code, book.text()),
              (0, f"# none\n{A}\n"), "one with a comment does not")


def leftovers():
    """What is in the place of the new file is removed, and never written, if no
    process holds a lock on it; what cannot be locked is named."""
    book = List(f"{A}\n")
    new, precious = book.folder / ".list.new", book.folder / "precious"
    precious.write_text("precious\n")

    def owned():
        new.touch(0o600)
        os.chown(new, 12345, 12345)

    removed = {"an empty file": lambda: new.touch(0o600),
               "half a list": lambda: new.write_text(f"{A}\n{B[:9]}"),
               "a hard link": lambda: os.link(precious, new),
               "a pipe": lambda: os.mkfifo(new, 0o600)}
    if os.geteuid() == 0:
        removed["another user's file"] = owned
    for name, plant in removed.items():
        plant()
        got = book.run("allow", B)
        out.equal((got.code, book.text(), os.path.lexists(new),
                   book.path.stat().st_nlink),
                  (0, f"{A}\n{B}\n", False, 1), f"{name} is removed")
        book.run("remove", B)
    for name, plant in {"a link": lambda: new.symlink_to(precious),
                        "a dead link": lambda: new.symlink_to("nowhere"),
                        "a folder": lambda: new.mkdir(0o700)}.items():
        plant()
        got = book.run("allow", B)
        out.result(got.code == 3 and f"{new}: in the way: " in got.err and
                   book.text() == f"{A}\n" and os.path.lexists(new),
                   f"{name} is named", got)
        if name == "a folder":
            new.rmdir()
        else:
            new.unlink()
    out.equal((sorted(p.name for p in book.folder.iterdir()),
               precious.read_text()), (["list", "precious"], "precious\n"),
              "nothing else was made or written")


def broken_deny():
    """Another's fault does not keep a deny out; it is not in force, though."""
    text = f"{A}\nnonsense\n"
    book = List(text)
    for more, after in ((["--dry-run"], text), ([], text + f"deny {A}\n"),
                        ([], text + f"deny {A}\n")):
        got = book.run("deny", A, *more)
        out.result(got.code == 1 and book.text() == after and
                   f"{book.path}:2:1: " in got.err and
                   "until line 2 is fixed" in got.err and
                   "two seconds" not in got.out,
                   f"deny in a list that is invalid {more}", got)
        out.result("last good list" in got.err and "certgate status" in
                   got.err, f"and running handlers keep the last one {more}",
                   got)
    for bad in (["ca:/nowhere.pem", "cn=x"], [f"ca:{CA}", "user=x"],
                [B, "cn=x"], [B, "expires=never"]):
        got = book.run("deny", *bad)
        out.result(got.code == 1 and "stays as it is" in got.err and
                   book.text() == after,
                   f"not an entry that is invalid itself: {bad}", got)
    got = book.run("deny", f"ca:{CA}", "serial=1A")
    out.result(got.code == 1 and
               book.text() == after + f"deny ca:{CA} serial=1A\n",
               "nor does it keep out the deny of a CA", got)


def denials():
    """Deny entries with options."""
    pump9 = admin.issued(base, "pump-9", CA)
    pin, ca = admin.digest(pump9, "sha256"), f"ca:{CA}"
    steps("deny with options", f"{ca} cn=pump-*\n", [
        (["deny", ca, "cn=pump-7"], 0,
         f"{ca} cn=pump-*\ndeny {ca} cn=pump-7\n",
         ["denied: line 2", "certgate disconnect USER"]),
        (["deny", ca, "cn=pump-7"], 0, None, ["already there: line 2"]),
        (["deny", ca, "cn=pump 8", "serial=0A", "expires=2999-01-31",
          "--comment", "lost"], 0,
         f"{ca} cn=pump-*\ndeny {ca} cn=pump-7\n"
         f'deny {ca} cn="pump 8" serial=0A expires=2999-01-31   # lost\n',
         ["denied: line 3"]),
        (["deny", ca, "expires=2020-01-31"], 0,
         f"{ca} cn=pump-*\ndeny {ca} cn=pump-7\n"
         f'deny {ca} cn="pump 8" serial=0A expires=2999-01-31   # lost\n'
         f"deny {ca} expires=2020-01-31\n",
         [f"Warning: line 4: deny entry ({ca}) expired on 2020-01-31"]),
        (["remove", 4], 0,
         f"{ca} cn=pump-*\ndeny {ca} cn=pump-7\n"
         f'deny {ca} cn="pump 8" serial=0A expires=2999-01-31   # lost\n',
         ["removed: line 4"]),
        # Other entries of that CA do not matter.
        (["allow", ca, "cn=door-*"], 0,
         f"{ca} cn=pump-*\ndeny {ca} cn=pump-7\n"
         f'deny {ca} cn="pump 8" serial=0A expires=2999-01-31   # lost\n'
         f"{ca} cn=door-*\n", []),
        (["deny", ca, "cn=x", "--disconnect"], 2, None,
         ["a CA names no user"]),
        (["deny", ca, "cn=x", "hub=chat"], 1, None, ["no such option"]),
        (["deny", ca, "cn=x", "y"], 2, None, ["expected NAME=VALUE"]),
        (["deny", ca, 'cn="x" # y'], 2, None, ["unexpected text after the value"]),
        (["deny", "--all", "cn=x"], 2, None, ["--all alone"]),
    ])
    steps("deny that ends", f"{A}\n", [
        (["deny", A, "expires=2020-01-31"], 0,
         f"{A}\ndeny {A} expires=2020-01-31\n", []),
        # It is over: another one is added, and an allow entry is, too.
        (["allow", A], 0, None, ["already there: line 1"]),
        (["deny", A], 0,
         f"{A}\ndeny {A} expires=2020-01-31\ndeny {A}\n", []),
        (["allow", A], 1, None, ["line 3 denies the certificate"]),
        (["deny", A], 0, None, ["already there: line 3"]),
    ])
    # What a line denies by words, no line of the pin says.
    book = List(f"{A}\ndeny {ca} cn=PUMP-9\n")
    for argument, says, verdict in (
            (pump9, "The certificate is rejected: line 2 denies it.", "deny"),
            (pin, "", None)):
        got = book.run("allow", argument, "--dry-run")
        out.result(got.code == 0 and says in got.out, f"allow: {says}", got)
        got = book.run("allow", argument, "--dry-run", "--json")
        out.equal(json.loads(got.out)["verdict"], verdict,
                  f"allow: the verdict is {verdict}")
    got = List(f"{A}\ndeny {ca} cn=y\n").run("allow", pump9, "--json")
    out.equal(json.loads(got.out)["verdict"], "allow", "another is denied")


def pins_of_settings():
    """The settings can still allow what an edit ends."""
    book = List(f"{PUMP['sha256']}\n")
    conf = base / "pins.conf"
    conf.write_text(f"CERTGATE_LIST={book.path}\n"
                    f"CLIENT_CERT_THUMBPRINT={PUMP['sha1']}\n")
    says = f"CLIENT_CERT_THUMBPRINT still allows {PUMP['sha1']}"
    for arguments, end, wanted in (
            (["rotate", pump, B, "--dry-run"], ".", True),
            (["deny", pump, "--dry-run"], "; the deny entry takes precedence.", True),
            (["remove", pump, "--dry-run"], ".", True),
            (["remove", 1, "--dry-run"], ".", False),
            (["remove", PUMP["sha256"]], ".", False),
            (["allow", PUMP["sha1"], "user=a"], ".", False),
            (["remove", 2], ".", True)):
        got = admin.run(*arguments, "--config", conf)
        out.result(got.code == 0 and
                   (f"{says}{end}\n" in got.out) == wanted,
                   f"{arguments[0]}: pins of the settings", got)


def expiring():
    """A certificate of a file, or of the log, that ends soon or has ended."""
    book = List()
    old = base / "past.pem"
    old.write_text(cases.certificates()["expired"]["pem"])
    for file, says in ((old, "expired on "),
                       (SOON, "expires on "), (pump, None)):
        got = book.run("allow", file)
        out.result(got.code == 0 and
                   (f"the certificate {says}" in got.out if says else
                    "certificate" not in got.out),
                   f"allow {file.name}: its end", got)
    got = json.loads(book.run("allow", old, "--json").out)
    out.equal((got["verdict"], got["written"]), ("deny", False),
              "one that has expired is not accepted")


def advice():
    """The commands that are advised are for the same settings."""
    folder = base / "advice"
    (folder / "sites").mkdir(parents=True)
    conf, main, one = (folder / name for name in ("certgate.conf", "main",
                                                  "one"))
    texts = {main: f"deny {B}\n", one: f"deny {A}\n"}
    for book, text in texts.items():
        book.write_text(text)
    conf.write_text(f"CERTGATE_LIST={main}\n")
    site = folder / "sites/one.conf"
    site.write_text(f"CERTGATE_LIST={one}\n")
    for options in (["--config", conf, "--site", "one"], ["--config", site]):
        one.write_text(texts[one])
        got = admin.run("allow", A, *options)
        words = " ".join(map(str, ["certgate remove", *options, "1"]))
        out.result(got.code == 1 and f"(fix: {words})" in got.err,
                   f"allow: {words}", got)
        got = admin.run(*words.split()[1:])
        out.equal((got.code, A in one.read_text(), main.read_text()),
                  (0, False, texts[main]), "the advice edits that list alone")
    none = folder / "none"
    for arguments, words in (
            (["check", "--config", site],
             f"certgate allow --config {site} FILE"),
            (["list", "--list", none, "--config", conf],
             f"certgate allow --config {conf} --list {none} FILE")):
        got = admin.run(*arguments)
        out.result(words in got.out + got.err, words, got)


def in_json():
    book = List(f"{A}\n")
    spki = f"spki:{PUMP['spki']}"
    rows = [
        (["allow", pump, "user=a b", "--comment", "c"], True,
         [("allowed", 2, f'{PUMP["sha256"]} user="a b"   # c')], [], "allow"),
        (["allow", pump, "user=a b"], False,
         [("already there", 2, f'{PUMP["sha256"]} user="a b"   # c')], [],
         "allow"),
        (["deny", spki, "--dry-run"], False, [("denied", 3, f"deny {spki}")],
         [], "deny"),
        (["deny", PUMP["sha256"]], True,
         [("denied", 3, f"deny {PUMP['sha256']}")],
         ["Line 2 allows the certificate; the deny entry takes "
          "precedence."], "deny"),
        (["deny", PUMP["sha256"]], False,
         [("already there", 3, f"deny {PUMP['sha256']}")],
         ["Line 2 allows the certificate; the deny entry takes "
          "precedence."], "deny"),
        (["remove", 3], True, [("removed", 3, f"deny {PUMP['sha256']}")],
         ["By this pin it is still accepted: line 2 allows it."], "allow"),
        (["allow", PUMP["sha256"], "expires=2020-01-01", "--replace"], True,
         [("allowed", 2, f"{PUMP['sha256']} expires=2020-01-01   # c")],
         [f"Warning: line 2: entry ({PUMP['sha256']}) expired on 2020-01-01"],
         "deny"),
        (["allow", f"ca:{CA}", "cn=a*"], True,
         [("allowed", 3, f"ca:{CA} cn=a*")], None, None),
    ]
    for arguments, written, changes, remarks, verdict in rows:
        got = book.run(*arguments, "--json")
        told = json.loads(got.out)
        if remarks is None:
            remarks = told["remarks"]
        out.equal(told, {"file": str(book.path), "written": written,
                         "changes": [dict(zip(("what", "line", "entry"), c))
                                     for c in changes],
                         "remarks": remarks, "verdict": verdict},
                  f"--json: {arguments[0]} {arguments[1]!s:.9}")
    got = book.run("allow", B, "hub", "--json")
    out.equal((got.code, got.out), (2, ""), "--json: nothing on an error")
    told = json.loads(book.run("deny", "--all", "--json").out)
    out.equal((told["movedTo"], told["verdict"]),
              (f"{book.path}.before-deny-all", "deny"), "--json: deny --all")


def deny_all():
    """The list is moved away whatever is in it; nothing is lost."""
    book = List("nonsense\n", 0o666)
    away = book.path.with_name("list.before-deny-all")
    got = book.run("deny", "--all", "--dry-run")
    out.equal((got.code, book.text(), away.exists()),
              (0, "nonsense\n", False), "deny --all --dry-run")
    got = book.run("deny", "--all")
    out.result(got.code == 0 and f"{book.path}: moved to {away}\n" in got.out,
               "deny --all", got)
    out.equal((away.read_text(), book.path.exists()), ("nonsense\n", False),
              "the list is moved")
    got = book.run("deny", "--all")
    out.result(got.code == 0 and f"{book.path}: moved to {away}\n" in got.out,
               "once more: it is in force", got)
    for verb in (["allow", A], ["deny", A], ["list"]):
        got = book.run(*verb)
        out.result(got.code != 0 and "certgate deny --all moved the list to "
                   f"{away} (fix: mv {away} {book.path})" in got.err and
                   not book.path.exists(), f"meanwhile: {verb[0]}", got)
    away.rename(away.with_name("kept"))
    out.equal(book.run("deny", "--all").code, 3, "a list that is missing")
    away.with_name("kept").rename(away)
    book.path.write_text(f"{A}\n")
    got = book.run("deny", "--all")
    out.equal((got.code, book.text(), away.read_text()),
              (3, f"{A}\n", "nonsense\n"), "and nothing is overwritten")
    out.result(f"{away}: already exists (fix: " in got.err, "which is said",
               got)
    for more in ([A], ["--comment", "x"], ["--disconnect"], ["--hub", "a"]):
        out.equal(book.run("deny", "--all", *more).code, 2,
                  f"deny --all {more[0]}")
    out.equal(book.run("deny").code, 2, "deny alone")


files()
environment()
deny_all()
difference()
said()
trouble()
turns()
emptied()
leftovers()
broken_deny()
denials()
pins_of_settings()
expiring()
advice()
in_json()
out.done()
