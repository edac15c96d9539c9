#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate check: broken files, each with the right file, line and column;
what it warns of; what it shows and what not."""
import datetime
import json
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, place, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
A, B = "aa" * 20, "bb" * 32
KEY = "a-key-for-tests-0123456789ab"

# What is wrong with a list: its text, and every place with a word of what is
# said there.
LISTS = [
    ("zz\n", "1:1 thumbprint of 2"),
    (f"{A}\nzz\n{A} hub=1\n", "2:1 thumbprint of 2", "3:46 hub of 1"),
    (f"{A[:-1]}\n", "1:1 39 digits"),
    (f"{A}a\n", "1:1 41 digits"),
    (f"# c\n\n  {B}b\n", "3:67 of more than 64 digits"),
    (f"sha1:{B}\n", "1:6 64 digits"),
    (f"sha256: {A}\n", "1:9 40 digits"),
    (f"spki:{A}\n", "1:6 40 digits"),
    (f"{A} colour=red\n", "1:42 unknown option:"),
    (f"{A} user=a user=b\n", "1:49 a second time"),
    (f"{A} user=\n", "1:47 is empty"),
    (f"{A} user=\"a\n", "1:47 no closing quote"),
    (f"{A} user=a\"b\n", "1:47 a quote inside"),
    (f"{A} user=\"a\"b\n", "1:47 expected a blank"),
    (f"{A} user=a\\b\n", "1:47 a backslash"),
    (f"{A} user=@colour\n", "1:47 @cn"),
    (f"{A} user=a\x01b\n", "1:47 text"),
    (f"{A} groups=a,,b\n", "1:49 group"),
    (f"{A} roles=admin\n", "1:48 role"),
    (f"{A} roles=sendToGroup.\n", "1:48 role"),
    (f"{A} subprotocol=a/b\n", "1:54 token"),
    (f"{A} hub=a,2b\n", "1:46 hub of 2"),
    (f"{A} expires=tomorrow\n", "1:50 YYYY-MM-DD"),
    (f"{A} expires=2026-02-30\n", "1:50 expected a date that exists"),
    (f"{A} not-before=2026-1-1\n", "1:53 YYYY-MM-DD"),
    (f"{A} not-before=2027-01-02 expires=2027-01-01\n",
     "1:82 expires before it is valid"),
    (f"deny {A} user=a\n", "1:47 deny takes no such option"),
    ("deny\n", "1:3 thumbprint of 4"),
    (f"Deny {A}\n", "1:3 thumbprint of 4"),
    (f"{A} user=a\u200bb\n", "1:47 invisible"),
    ("file:list.pem\n", "1:1 absolute path"),
    (f"{A}\nfile:/nowhere/x.pem\n", "2:1 No such file"),
    (f"{A}\x00\n", "1:41 a NUL byte", "1:41 thumbprint of 41"),
    ("".join(f"{c}\x00" for c in f"{A}\n"), "1:2 a NUL byte of UTF-16: expected UTF-8",
     "1:2 thumbprint of 80", "2:1 thumbprint of 1"),
    ("".join(f"\x00{c}" for c in f"{A}\n"), "1:1 a NUL byte of UTF-16: expected UTF-8",
     "1:1 thumbprint of"),
    ("\x00" * 90, "1:1 a NUL byte: expected text", "1:1 thumbprint of"),
    (f"{A}\n{B}", "2:65 the last line has no end"),
    *((f"{A}\n# x{c}deny {A}\n", f"2:4 {name}") for c, name in (
        ("\r", "a carriage return"), ("\v", "a vertical tab"),
        ("\f", "a form feed"), ("\x85", "U+0085"), ("\u2028", "U+2028"),
        ("\u2029", "U+2029"))),
    (f"\ufeffzz\r\n{A}\r\nyyy\r\n", "1:1 thumbprint of 2",
     "3:1 thumbprint of 3"),
    ("x" * 70000 + "\n", "1 line too long"),
    (f"{A} # c\n{A} user=\n#\n{A} zz=1\n{A} a\n", "2:47 is empty",
     "4:42 unknown option:", "5:42 unknown option:"),
]

# The same of the settings file.
SETTINGS = [
    ("CERTGATE_COLOUR=red\n", "1:1 unknown setting"),
    ("nonsense\n", "1:1 expected NAME=value"),
    ("CERTGATE_HUB=\n", "1:14 is set but empty"),
    ("# c\n  CERTGATE_HUB = 1a\n", "2:18 hub of 2"),
    ("CERTGATE_HUB=a\nCERTGATE_HUB=b\n", "2:1 a second time"),
    (f"CLIENT_CERT_THUMBPRINT={A},zz\n", "1:65 thumbprint of 2"),
    ("CERTGATE_LIST=list\n", "1:15 absolute path"),
    ("CERTGATE_ACCESS_KEYS=short\n", "1:22 at least"),
    ("CERTGATE_ACCESS_KEYS=\"0123456789abcdef\"\n", "1:22 base64"),
    ("CERTGATE_SIGNATURE=maybe\n", "1:20 required, off or auto"),
    ("CERTGATE_ORIGINS=https://a.example\n", "1:18 origin"),
    ("CERTGATE_CHECK_DATES=1\n", "1:22 yes or no"),
    ("CERTGATE_USER_ID=dn\n", "1:18 entry, cn"),
    ("CERTGATE_LOG=file\n", "1:14 stderr"),
    ("WebPubSubConnectionString=AccessKey=0123456789abcdef;\n",
     "1:27 Endpoint"),
    ("CERTGATE_HUB=\nx\nCERTGATE_LOG=y\nCERTGATE_Q=1\n", "1:14 empty",
     "2:1 NAME=value", "3:14 stderr", "4:1 unknown setting"),
    ("CERTGATE_HUB=a\n CERTGATE_REPORT_ONLY_UNTIL = 2999-12-31\n",
     "2:31 at most 31 days"),
    ("CERTGATE_REPORT_ONLY_UNTIL=2999-12-31\nCERTGATE_HUB=\n",
     "1:28 at most 31 days", "2:14 empty"),
    ("CERTGATE_LIST=/nowhere/list\nCERTGATE_REPORT_ONLY_UNTIL=2999-12-31\n",
     "2:28 at most 31 days"),
    ("CERTGATE_HUB=a", "1:15 the last line has no end"),
    ("CERTGATE_HUB=a\x00\n", "1:15 a NUL byte", "1:14 hub of 2"),
]


def found(file, said, level="error"):
    """The places in file of which the command tells, with what it says."""
    pattern = rf"^{level}: {re.escape(str(file))}:(\d+(?::\d+)?): (.*)$"
    return re.findall(pattern, said, re.MULTILINE)


def broken(what, file, text, wanted, environment, number):
    got = admin.run("check", "--quiet", environment=environment)
    places = [(p.partition(" ")[0], p.partition(" ")[2]) for p in wanted]
    have = found(file, got.out)
    good = got.code == 1 and len(have) == len(places) and all(
        h[0] == p[0] and p[1] in h[1] for h, p in zip(have, places))
    out.result(good, f"{what} {number}: {text[:40]!r}",
               f"expected {places}\n{got}")


def all_broken():
    rows = [(what, variable, number, base / f"broken-{what}-{number}", row)
            for what, variable, table in (
                ("list", "CERTGATE_LIST", LISTS),
                ("settings", "CERTGATE_CONFIG", SETTINGS))
            for number, row in enumerate(table, 1)]
    # All at first: settings younger than a second are waited for.
    for _, _, _, file, (text, *_) in rows:
        file.write_bytes(text.encode())
        file.chmod(0o640)
    for what, variable, number, file, (text, *wanted) in rows:
        broken(what, file, text, wanted, {variable: str(file)}, number)
    out.result(len(LISTS) + len(SETTINGS) >= 50,
               f"{len(LISTS) + len(SETTINGS)} broken files")


def write(name, text, mode=0o640):
    path = base / name
    path.write_text(text)
    path.chmod(mode)
    return path


def day(days):
    return (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(days)).strftime("%Y-%m-%d")


def warnings():
    soon = admin.certificate(base, "soon", days=10)
    rows = [f"{A}", f"{B} expires={day(0)}", f"{B} expires={day(5)}",
            f"{B} expires={day(12)}", f"{B} expires={day(28)}",
            f"{B} expires={day(40)}", f"{B} expires={day(-2)}",
            f"file:{soon}", f"deny {A}"]
    book = write("warned", "\n".join(rows) + "\n")
    got = admin.run("check", environment={"CERTGATE_LIST": str(book)})
    said = {p: t for p, t in found(book, got.out, "warning")}
    for line, word in (("1", "pinned by SHA-1"), ("2", "within 1 day, on"),
                       ("3", "within 7 days"), ("4", "within 14 days"),
                       ("5", "within 30 days"), ("7", "expired on"),
                       ("8", "expires within 14 days")):
        out.result(word in said.get(line, ""), f"a warning: {word}", got)
    out.result("6" not in said and "9" not in said, "no other", got)
    out.result("without a check of their signature" in got.out,
               "unsigned operation is warned of", got)
    out.equal(got.code, 0, "warnings are not a fault")
    for more in ({}, {"CERTGATE_SIGNATURE": "off", "CERTGATE_ACCESS_KEYS":
                      "one0123456789abcdefg"}):
        got = admin.run("check", environment={
            "CERTGATE_LIST": str(book), "CERTGATE_REMOTE_USER": "service",
            **more})
        out.result("signature" not in got.out,
                   "not if the web server checks the sender", got)
    got = admin.run("check", environment={
        "CERTGATE_LIST": str(book), "CERTGATE_REMOTE_USER": "*"})
    out.result("without a check of their signature" in got.out,
               "any user of the web server: it is warned of", got)
    # tests/doors/test_report_only.py tests the clients that it accepts.
    got = admin.run("check", environment={
        "CERTGATE_LIST": str(book), "CERTGATE_REPORT_ONLY_UNTIL": day(9)})
    out.result("accepting, without roles, clients without an entry or with an "
               f"expired one through {day(9)}" in got.out,
               "the clients that a trial accepts", got)
    order = [p for p, _ in found(book, got.out, "warning")]
    out.equal(order, sorted(order, key=int), "they are in the order of lines")
    ca = admin.certificate(base, "ordered", days=20)
    book = write("ordered", f"{B}\n{B} expires={day(0)}\n{B}\nca:{ca} cn=*\n"
                 f"{B} expires={day(-2)}\n{A}\n{A}\n")
    got = admin.run("check", "--quiet", "--list", book)
    out.equal([(p.partition(":")[0], t.partition(" ")[0]) for p, t in
               found(book, got.out, "warning")],
              [("2", "never"), ("2", "entry"), ("3", "the"), ("4", "any"),
               ("4", "CA"), ("5", "never"), ("5", "entry"), ("6", "2"),
               ("7", "the")],
              "whatever found them; of one line, as they were found")
    told = json.loads(admin.run("check", "--json", "--list", book).out)
    lines = [f["line"] for f in told["findings"]
             if f.get("file") == str(book)]
    out.equal(lines, [2, 2, 3, 4, 4, 5, 5, 6, 7], "and in JSON")


def places():
    """Where what is warned of stands: of more than are kept, the last too."""
    mark = "\u200e"
    lines = [f"{mark}{A} hub=z", f"  deny {mark}{B}", f"sha1:{mark}{A} hub=a",
             f"{A}{mark} hub=b", f"  {A} user=a hub={mark}c # c",
             f'{A} user="a{mark}" hub=d', f"{A} hub=e user={mark}b", "",
             *(f"{mark}{A} hub={hub}" for hub in "fg")]
    book = write("places", "\n".join(lines) + "\n")
    got = admin.run("check", "--list", book)
    said = [p for p, t in found(book, got.out, "warning") if "invisible" in t]
    out.equal(said, ["1:1", "2:8", "3:6", "4:41", "5:55", "6:47", "7:53",
                     "10:1"], "a warning's line and column")
    told = json.loads(admin.run("check", "--json", "--list", book).out)
    out.equal([f"{f['line']}:{f['column']}" for f in told["findings"]
               if "invisible" in f["text"]], said, "and as JSON")
    for n, words in ((8, []), (9, ["1 more warning"]),
                     (300, ["292 more warnings"])):
        write("places", "".join(f"{mark}{A} hub=h{i}\n" for i in range(n)))
        got = admin.run("check", "--quiet", "--list", book)
        out.equal(re.findall(r" (\d+ more .*)", got.out), words,
                  f"of {n} warnings, how many are not shown")


def as_installed():
    """Every client is rejected, and the reason is printed."""
    empty = write("empty", "# no entries\n")
    text = (place.SOURCE / "src/policy/certgate.conf").read_text()
    conf = write("installed", text.replace("/etc/certgate/list", str(empty)))
    got = admin.run("check", "--quiet", "--config", conf)
    for word in ("every event is refused", "no host has the name unset.invalid",
                 f"error: {conf}: every client is refused: CERTGATE_ORIGINS",
                 "(fix: set these lines in the settings file: "
                 "CERTGATE_ORIGINS=NAME.webpubsub.azure.com "
                 "CERTGATE_ACCESS_KEYS=PRIMARY,SECONDARY)\n"):
        out.result(got.code == 1 and word in got.out, f"as installed: {word}",
                   got)
    conf.write_text(conf.read_text().replace("unset.invalid", "a.example") +
                    f"CERTGATE_ACCESS_KEYS={KEY}\n")
    for text, entries in (("# no entries\n", "no entry"),
                          (f"deny {B}\n", "a deny entry alone")):
        write("empty", text)
        got = admin.run("check", "--config", conf)
        out.result(got.code == 1 and f"error: {conf}: every client is refused: "
                   "the list has no allow entry (fix: certgate allow" in got.out
                   and "rejects every client" in got.out,
                   f"every client is rejected: {entries}", got)
    write("empty", f"{B}\n")
    got = admin.run("check", "--quiet", "--config", conf)
    out.equal((got.code, got.out), (0, ""), "as installed, and filled in")


def connection_string():
    """Beside CERTGATE_ORIGINS its host does not count."""
    book = write("strung", f"{B}\n")
    string = (f"WebPubSubConnectionString=Endpoint=https://a.example;"
              f"AccessKey={KEY};Version=1.0;\nCERTGATE_LIST={book}\n")
    for origins, warned in (("unset.invalid", True), ("b.example", True),
                            ("*", False), ("b.example,A.example", False),
                            (None, False)):
        conf = write("string", string + (
            f"CERTGATE_ORIGINS={origins}\n" if origins else ""))
        got = admin.run("check", "--quiet", "--config", conf)
        out.equal((got.code, "does not have a.example, the host of "
                   "WebPubSubConnectionString" in got.out),
                  (int(origins == "unset.invalid"), warned),
                  f"a connection string beside CERTGATE_ORIGINS={origins}")


def authorities():
    ca = admin.certificate(base, "ca", days=20)
    book = write("authorities", f"ca:{ca} cn=*\nca:{ca} cn=pump-*\n"
                 f"ca:{base}/nowhere.pem cn=a\n")
    got = admin.run("check", "--quiet", "--list", book)
    out.result(got.code == 1 and [p for p, _ in found(book, got.out)] ==
               ["3:1"] and "nowhere.pem: No such file" in got.out,
               "a CA's file that is not there", got)
    limits = ("cn=*", "cn=pump-*", "san=*", "cn=* san=*", "san=** cn=***",
              "cn=* san=*.example", "cn=?*", "cn=*-*")
    write("authorities", "".join(f"ca:{ca} {n}\n" for n in limits))
    got = admin.run("check", "--quiet", "--list", book)
    said = found(book, got.out, "warning")
    out.equal([limits[int(p) - 1] for p, t in said
               if t.startswith("any name that this CA signs is accepted")],
              ["cn=*", "san=*", "cn=* san=*", "san=** cn=***"],
              "a CA of any name")
    out.equal([p for p, t in said if t.startswith("CA ") and "within 30 " in t],
              ["1"], "one that ends soon, once")
    out.equal(got.code, 0, "both are warnings")


def files():
    """Bad permissions, with the command that fixes them."""
    book = write("files.list", f"{B}\n")
    conf = write("files.conf", f"CERTGATE_LIST={book}\n"
                 f"CERTGATE_ACCESS_KEYS={KEY}\n", 0o644)
    got = admin.run("check", "--config", conf)
    out.result(got.code == 0 and f"chmod o-r {conf}" in got.out,
               "settings with a key that all can read", got)
    conf.chmod(0o640)
    got = admin.run("check", "--config", conf)
    out.result(got.code == 0 and "0 errors, 0 warnings" in got.out and
               "has 1 entry" in got.out, "all is well", got)
    out.result(KEY not in got.out and "(secret)" in got.out,
               "a secret is not shown", got)
    got = admin.run("check", "--config", conf, environment={
        "CERTGATE_CRL_URLS": "http://u:hunter2@a.example/x.crl?sig=hunter3"})
    out.result(got.code == 0 and "hunter" not in got.out,
               "nor a URL with a password", got)
    got = admin.run("check", "--config", conf)
    out.result(re.search(rf"^CERTGATE_LIST +{book}  \[{conf}:1\]$", got.out,
                         re.MULTILINE), "a value and its line", got)
    out.result(re.search(r"^CERTGATE_LOG_FORMAT +text  \[default\]$", got.out,
                         re.MULTILINE), "a default", got)
    got = admin.run("check", "--config", conf, "--list", book,
                    environment={"CERTGATE_LOG": "syslog",
                                 "CERTGATE_LIST": "/nowhere/list"})
    out.result(re.search(r"CERTGATE_LOG +syslog  \[environment\]", got.out) and
               re.search(rf"CERTGATE_LIST +{book}  \[--list\]", got.out),
               "the environment, and an option that wins", got)
    for mode, fix in ((0o666, "o-w"), (0o662, "o-w")):
        book.chmod(mode)
        got = admin.run("check", "--config", conf)
        out.result(got.code == 1 and f"chmod {fix} {book}" in got.out,
                   f"a list of mode {mode:o}", got)
    book.chmod(0o640)
    keys = write("files.keys", KEY + "\n", 0o644)
    conf = write("files.conf", f"CERTGATE_LIST={book}\nCERTGATE_HUB=\n"
                 f"CERTGATE_ACCESS_KEYS_FILE={keys}\n")
    got = admin.run("check", "--config", conf)
    out.result(got.code == 1 and f"chmod o-r {keys}" in got.out and
               "CERTGATE_HUB: is set but empty" in got.out,
               "a key file, behind settings that are invalid", got)
    keys.chmod(0o640)
    keys.write_text("short\n")
    got = admin.run("check", "--config", conf, "--quiet")
    out.result(f"{keys}:1: a key of 5 characters" in got.out, "a bad key", got)
    keys.write_text(f"{KEY}\nAccessKey={KEY}\n")
    got = admin.run("check", "--config", conf, "--quiet")
    out.result(f"{keys}:2: character 10 of a key is not base64 before its "
               "end: expected keys alone, without name" in got.out and
               f"Key={KEY}" not in got.out, "a key with a name", got)
    for missing in ("--config", "--list"):
        got = admin.run("check", missing, base / "nowhere")
        out.result(got.code == 1 and "\n1 error, " in got.out and
                   f"{base}/nowhere: No such file" in
                   got.out, f"{missing}: a file that is not there", got)
    got = admin.run("check", "--list", base)
    out.result(got.code == 1 and "expected a file" in got.out,
               "a folder", got)
    for option in ("--config", "--list"):
        for path in ("files.list", "./files.list", ""):
            got = admin.run("check", option, path, cwd=base)
            out.equal((got.code, got.out, got.err),
                      (2, "", f"certgate: {option}: expected an absolute "
                       "path\n"), f"{option} {path!r}")
    (conf.parent / "sites").mkdir()
    site = write("sites/one.conf", f"CERTGATE_LIST={book}\nCERTGATE_HUB=\n",
                 0o640)
    got = admin.run("check", "--config", conf, "--site", "one")
    out.result(got.code == 1 and str(site) in got.out and
               "1 error, 0 warnings" in got.out and
               "rejects every client of this site" in got.out,
               "what is wrong with a site is of that site", got)


def other_user():
    book = write("as.list", f"{B}\n", 0o600)
    got = admin.run("check", "--list", book, "--as", "nobody")
    if os.geteuid() == 0:
        out.result(got.code == 1 and 
                   f"{book}: not readable by user nobody (fix: chgrp " in
                   got.out,
                   "--as: a user that cannot read it", got)
        book.chmod(0o644)
        got = admin.run("check", "--list", book, "--as", "nobody")
        out.equal(got.code, 0, "--as: a user that can")
        os.chown(book, 33, 33)
        got = admin.run("check", "--list", book, "--as", "nobody")
        out.result(got.code == 1 and "bad owner: uid 33 (fix: chown root" in got.out,
                   "--as: a third one's file", got)
        got = admin.run("check", "--list", book, "--as", "www-data")
        out.equal(got.code, 0, "--as: a file of the user")
        locked = base / "locked"
        locked.mkdir(mode=0o700)
        for file in "conf", "list":
            (locked / file).write_text("")
        for option in "--config", "--list":
            path = locked / option[2:6]
            got = admin.run("check", "--quiet", option, path, "--as", "nobody")
            out.result(got.code == 1 and f"error: {path}: bad folder: {locked} "
                       "is not searchable by user nobody (fix: chgrp nogroup "
                       f"{locked} && chmod g+x {locked})\n" in got.out,
                       f"--as: a user that may not enter a folder, {option}", got)
        got = admin.run("check", "--list", book, "--as", "root", user=65534,
                        group=65534, extra_groups=[])
        out.result(got.code == 3 and got.err.endswith(
            "user root: Operation not permitted (fix: run as root)\n"),
                   "--as: only root can", got)
    got = admin.run("check", "--as", "no-such-user")
    out.result(got.code == 3 and "no such user" in got.err,
               "--as: no such user", got)


def log_file():
    """Whether the handler can write its log."""
    book = write("log.list", f"{B}\n")
    folder = base / "log"
    path = folder / "file"
    as_user = ["--as", "nobody"] if os.geteuid() == 0 else []

    def said(*arguments):
        got = admin.run("check", "--quiet", "--list", book, *arguments,
                        environment={"CERTGATE_LOG": str(path)})
        return got.code, "".join(
            line for line in got.out.splitlines() if "CERTGATE_LOG" in line)

    book.chmod(0o644)
    out.equal(said(), (1, "error: CERTGATE_LOG: a path of "
                       f"{len(str(path))} characters: No such file or "
                       "directory"), "CERTGATE_LOG: its folder is missing")
    folder.mkdir(mode=0o755)
    out.equal(said(), (0, ""), "CERTGATE_LOG: it is made at the start")
    if not as_user:
        return
    out.equal(said(*as_user), (1, f"error: CERTGATE_LOG: {path}: cannot be "
              "created by user nobody (fix: install -o nobody -m 640 /dev/null "
              f"{path})"),
              "CERTGATE_LOG: no new file in its folder")
    path.touch(mode=0o644)
    out.equal(said(*as_user), (1, f"error: CERTGATE_LOG: {path}: not "
              f"writable by user nobody (fix: chown nobody {path})"),
              "CERTGATE_LOG: a file of root")
    os.chown(path, 65534, 65534)
    out.equal(said(*as_user), (0, ""), "CERTGATE_LOG: a file of its own")
    out.equal(said(), (0, ""), "CERTGATE_LOG: root does not judge its owner")


def weak_settings():
    book = write("weak.list", f"{B}\n")
    for name, value, warned in (
            ("CERTGATE_CHECK_DATES", "no", True),
            ("CERTGATE_SECURITY_LEVEL", "0", True),
            ("CERTGATE_SECURITY_LEVEL", "1", False)):
        for missing in "allow", "refuse":
            got = admin.run("check", "--quiet", "--list", book, environment={
                "CERTGATE_MISSING_CERTIFICATE": missing, name: value})
            out.equal((got.code, f"CERTGATE_MISSING_CERTIFICATE=allow with "
                       f"{name}={value}: " in got.out),
                      (0, warned and missing == "allow"),
                      f"a warning of {missing} with {name}={value}")


def as_json():
    book = write("json.list", f"{B} user=a\nzz\n{A} expires=x\n")
    got = admin.run("check", "--json", "--list", book,
                    environment={"CERTGATE_CODE": "hunter2hunter2"})
    told = json.loads(got.out)
    out.equal((got.code, told["starts"], told["errors"]), (1, False, 2),
              "--json: the result")
    out.equal([(f["file"], f["line"], f["column"]) for f in told["findings"]
               if f["level"] == "error"],
              [(str(book), 2, 1), (str(book), 3, 50)], "--json: the places")
    values = {s["name"]: s for s in told["settings"]}
    out.equal(values["CERTGATE_LIST"],
              {"name": "CERTGATE_LIST", "value": str(book), "given": True,
               "origin": "--list"}, "--json: a setting")
    out.result("hunter2" not in got.out and
               values["CERTGATE_CODE"]["value"] == "(secret)",
               "--json: no secret", got)


all_broken()
warnings()
places()
as_installed()
connection_string()
authorities()
files()
other_user()
log_file()
weak_settings()
as_json()
out.done()
