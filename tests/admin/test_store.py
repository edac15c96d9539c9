#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The administrator's verbs with a store: which of list and store an edit
changes, what both say of a client, and what is refused."""
import contextlib
import datetime
import http.server
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, logs, place, store, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
A, B = "aa" * 20, "bb" * 32
pump = admin.certificate(base, "pump")
PUMP = {kind: admin.digest(pump, kind) for kind in ("sha1", "sha256", "spki")}
ca = admin.certificate(base, "ca")
EMPTY = "# none\n"
OWN = "certgate-sync writes this store"


class Book(store.Stored):
    """A list and a store in a folder of their own."""

    count = 0

    def __init__(self, listed, stored, **more):
        Book.count += 1
        super().__init__(base / f"book{Book.count}", stored, beside=listed,
                         **more)

    def both(self):
        return (self.list.read_text() if self.list.exists() else "",
                self.text())


def steps(name, listed, stored, rows, **more):
    """Each row: arguments, exit code, the list and the store after it (None:
    the same), and words that are said."""
    book = Book(listed, stored, **more)
    for arguments, code, after_list, after_store, says in rows:
        before = book.both()
        got = book.command(*arguments)
        what = f"{name}: {' '.join(map(str, arguments))[:70]}"
        expected = (before[0] if after_list is None else after_list,
                    before[1] if after_store is None else after_store)
        out.equal((got.code, *book.both()), (code, *expected), what)
        for word in says:
            out.result(word in got.out + got.err, f"{what}: says {word}", got)
    return book


def test_edits():
    steps("edits", EMPTY, "", [
        (["allow", A, "user=pump", "hub=h"], 0, None,
         f"{A} user=pump hub=h\n", ["allowed: ", "/store: ", "No handler"]),
        (["allow", A, "user=pump", "hub=h"], 0, None, None,
         ["already there: "]),
        (["allow", A, "user=other"], 1, None, None,
         ["the store has this pin with other options", "--replace"]),
        (["allow", A, "user=other", "--replace", "--comment", "why"], 0, None,
         f"{A} user=other # why\n", []),
        (["allow", B, "colour=red"], 1, None, None, ["unknown option"]),
        (["deny", A, "--dry-run"], 0, None, None,
         [f"+deny {A}", "The store allows the certificate; the deny "
          "entry takes precedence"]),
        (["deny", A, "expires=2099-01-31"], 0, None,
         f"{A} user=other # why\ndeny {A} expires=2099-01-31\n", ["denied: "]),
        (["allow", A, "user=again"], 1, None, None,
         ["certgate remove --deny PIN"]),
        (["remove", A], 0, None, f"deny {A} expires=2099-01-31\n",
         ["The store denies it and stays", "rejected: the store denies it"]),
        (["remove", A], 1, None, None, ["no such entry"]),
        (["remove", "--deny", A], 0, None, "", ["rejected: no entry matches"]),
        (["allow", pump, "user=p"], 0, None, f"{PUMP['sha256']} user=p\n", []),
        (["allow", f"file:{pump}"], 1, None, None, ["the store has this pin"]),
        (["remove", f"file:{pump}"], 0, None, "", []),
        (["allow", f"file:{pump}"], 0, None, f"{PUMP['sha256']}\n", []),
        (["remove", pump], 0, None, "", ["The certificate is rejected"]),
        (["allow", f"ca:{ca}", "cn=*.x"], 0, f"{EMPTY}ca:{ca} cn=*.x\n", None,
         ["allowed: line 2 of "]),
        (["deny", f"ca:{ca}", "serial=17"], 0,
         f"{EMPTY}ca:{ca} cn=*.x\ndeny ca:{ca} serial=17\n", None, []),
        (["remove", "3"], 0, f"{EMPTY}ca:{ca} cn=*.x\n", None, []),
        (["remove", f"ca:{ca}"], 0, EMPTY, None, [])])


def test_both():
    """A pin that list and store have."""
    listed, stored = f"{EMPTY}{B} user=list\n", f"{B} user=store # two\n"
    steps("both", listed, stored, [
        (["allow", B, "user=list"], 1, None, None, ["the store has this pin"]),
        (["allow", B, "user=new", "--replace"], 0, f"{EMPTY}{B} user=new\n",
         "", ["removed: ", "allowed: line 2 of"])])
    steps("both", listed, stored, [
        (["deny", B], 0, None, f"{stored}deny {B}\n",
         ["Line 2 allows the certificate", "The store allows the certificate"]),
        (["remove", B], 0, EMPTY, f"deny {B}\n",
         ["Running handlers load the list", "rejected"])])
    steps("both", listed, stored, [
        (["remove", "2"], 0, EMPTY, None, ["verdict on its clients is unknown"]),
        (["remove", B], 0, None, "", ["rejected: no entry matches"])])
    book = Book(listed, stored)
    got = book.command("remove", "--list", book.list, B)
    out.result(got.code == 0 and "is unknown" in got.out and
               book.both() == (EMPTY, stored), "both: remove --list", got)
    book = Book(listed, stored)
    got = book.command("rotate", B, "cc" * 32, "--overlap", "1d")
    after = book.both()
    out.result(got.code == 0 and all(
        f"{'cc' * 32} user={name}" in text and f"{B} user={name} expires=2"
        in text for name, text in zip(("list", "store"), after)),
        "rotate: the new pin where the old one is", f"{got}{after}")
    again = book.command("rotate", "dd" * 32, "cc" * 32)
    out.result(again.code == 1 and "has the new pin already" in again.err,
               "rotate: the store has the new pin", again)


def test_emptied():
    """Handlers keep the list before an emptied one, and what it denies."""
    book = Book(EMPTY, f"{B}\n")
    book.list.write_text("")
    got = book.command("deny", B)
    out.result(got.code == 1 and "last good list, with" in got.err and
               book.both() == ("", f"{B}\ndeny {B}\n"),
               "an emptied list: deny changes the store alone",
               f"{got}{book.both()}")
    got = book.command("deny", f"ca:{ca}", "serial=17")
    out.result(got.code == 1 and f"{book.list}: the list is empty" in got.err
               and book.both() == ("", f"{B}\ndeny {B}\n"),
               "an emptied list: a deny that is for it", f"{got}{book.both()}")
    book.list.write_text(f"nonsense\ndeny {A}\n")
    got = book.command("deny", A)
    out.result(got.code == 1 and "last good list, without" in got.err,
               "an invalid list that has the deny: it is not in force", got)


def test_rejected():
    """A client that an edit says is gone is rejected, also by another digest
    of its certificate."""
    for kind, pin in (("sha1", PUMP["sha1"]), ("sha256", PUMP["sha256"]),
                      ("spki", "spki:" + PUMP["spki"])):
        book = Book(f"{EMPTY}{pin}\n", f"{pin}\n")
        out.equal(book.command("explain", pump).code, 0, f"{kind}: accepted")
        done = book.command("deny", pump)
        out.equal((done.code, book.command("explain", pump).code), (0, 1),
                  f"{kind}: denied")
        gone = kind != "spki"
        book = Book(f"{EMPTY}{pin}\n", f"{pin}\n")
        done = book.command("remove", pump)
        said = "certificate is rejected" in done.out
        out.equal((said, book.command("explain", pump).code), (gone, int(gone)),
                  f"{kind}: removed by the certificate, if it can be")
        out.result(gone or "has its public key and stays" in done.out +
                   done.err, f"{kind}: what stays is said", done)


def test_explain():
    book = Book(EMPTY, f"{PUMP['sha256']} user=p # of hall 2\n"
                f"{PUMP['sha256']} hub=other\n")
    got = book.command("explain", pump)
    out.result(f"{book.store}: {PUMP['sha256']} user=p  # of hall 2" in got.out,
               "explain: the entry of the store", got)
    entry = json.loads(book.command("explain", "--json", pump).out)["entry"]
    out.equal((entry["file"], entry["line"], entry["text"]),
              (str(book.store), "store", f"{PUMP['sha256']} user=p"),
              "explain --json")


def test_json():
    book = Book(EMPTY, f"{A}\n")
    got = json.loads(book.command("deny", "--json", A).out)
    out.equal((got["file"], got["written"], got["verdict"], [
        (c["what"], c["line"], c["entry"]) for c in got["changes"]]),
        (str(book.list), True, "deny", [("denied", "store", f"deny {A}")]),
        "deny --json")


def test_lists():
    """The list beside the store: invalid, missing, none at all."""
    broken = f"{EMPTY}not a line\n"
    steps("invalid list", broken, f"{A} user=a\n", [
        (["allow", B], 1, None, None,
         [":2:1: ", "list and store stay as they are: the list is invalid"]),
        (["remove", A], 1, None, None, ["stay as they are"]),
        (["deny", A], 1, None, f"{A} user=a\ndeny {A}\n",
         [":2:1: ", "last good list, with this entry"])])
    book = Book(EMPTY, f"{A}\n")
    book.list.unlink()
    for arguments, stored in ((["allow", B], f"{B}\n{A}\n"),
                              (["deny", A], f"{B}\n{A}\ndeny {A}\n")):
        got = book.command(*arguments)
        out.result(got.code == 1 and f"{book.list}: missing list: every client "
                   f"is rejected (fix: echo '# list' >{book.list}, or unset "
                   "CERTGATE_LIST)\n" in got.err and
                   book.both() == ("", stored),
                   f"missing list: {arguments[0]} says that none is accepted",
                   f"{got}{book.both()}")
    steps("no list", None, "", [
        (["allow", PUMP["sha256"], "user=p"], 0, None,
         f"{PUMP['sha256']} user=p\n", []),
        (["explain", pump], 0, None, None, ["/store: "]),
        (["allow", f"ca:{ca}", "cn=*"], 3, None, None,
         ["no list is configured (fix: "]),
        (["remove", pump], 0, None, "", ["rejected"])])


def test_unusable():
    """A store that cannot be used: nothing is changed; --list still works."""
    book = Book(EMPTY, None)
    for verb in ("allow", "deny", "remove"):
        got = book.command(verb, A)
        out.result(got.code == 3 and "there is no store" in got.err and
                   book.list.read_text() == EMPTY, f"no store: {verb}", got)
    got = book.command("deny", "--list", book.list, A)
    out.equal((got.code, book.list.read_text()), (0, f"{EMPTY}deny {A}\n"),
              "no store: deny --list")


def test_fixes():
    """The fix of a store that cannot be used repairs it."""
    book = Book(None, f"{A} user=a\n")
    lock = book.folder / "store-lock"
    text = book.store.read_bytes()

    def fix_of(*more):
        book.file.chmod(0o644)
        lines = book.command("status", "--log", os.devnull, *more).out
        return lines.splitlines()[1].removeprefix("fix").strip()

    book.store.write_bytes(b"text\n")
    fix = fix_of()
    out.equal(fix, "correct CERTGATE_STORE, or restore the store from a backup;"
              " without one, move the file away, then certgate store init && "
              "certgate import FILE", "fixes: a file that is not a store")
    book.store.write_bytes(text)
    if os.geteuid() != 0:
        return
    for path in (base, book.folder):
        path.chmod(0o755)
    shutil.chown(book.store, 0, "www-data")
    book.store.chmod(0o640)
    for uid, gid, mode in (0, 0, 0o660), (0, 0, 0o600), (5, 60, 0o660):
        os.chown(lock, uid, gid)
        lock.chmod(mode)
        for _ in range(2):
            fix = fix_of("--as", "www-data")
            if str(lock) in fix:
                subprocess.run(fix, shell=True, check=True)
        fix = fix_of("--as", "www-data")
        out.result("store" not in fix and "check" not in fix,
                   f"fixes: a lock of {uid}:{gid}, mode {mode:o}", fix)
    os.chown(book.store, 5, 60)
    for _ in range(2):
        subprocess.run(fix_of("--as", "www-data"), shell=True, check=True)
    out.result("store" not in fix_of("--as", "www-data"),
               "fixes: a store of another user", fix)


def test_import_while_edited():
    """An import of a text from before a deny does not overwrite it."""
    book = Book(EMPTY, f"{A} user=a\n")
    pipe = book.folder / "pipe"
    os.mkfifo(pipe)
    done = []
    thread = threading.Thread(target=lambda: done.append(
        book.command("import", pipe)))
    thread.start()
    opened = []

    def is_open():  # once the reader has it
        with contextlib.suppress(OSError):
            opened.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return opened

    place.wait_for(is_open)
    denied = book.command("deny", A)
    os.write(opened[0], f"{A} user=a\n{B}\n".encode())
    os.close(opened[0])
    thread.join()
    out.equal((denied.code, done[0].code, book.text()),
              (0, 3, f"{A} user=a\ndeny {A}\n"),
              "import: a deny came while the file was read")
    out.result("run the command again" in done[0].err,
               "import: run it again", done[0])


def test_fleet():
    """certgate-sync would overwrite a local edit."""
    book = Book(EMPTY, f"{A} user=a\n")
    store.set_value(book.store, "revision", b"17")
    for arguments in (["allow", B], ["deny", A], ["remove", A],
                      ["rotate", A, B], ["allow", A, "--replace"]):
        before = book.both()
        got = book.command(*arguments)
        out.result(got.code == 2 and OWN in got.err and "--fleet" in got.err
                   and book.both() == before, f"of a fleet: {arguments[0]}",
                   got)
    got = book.put(f"{B}\n")
    out.result(got.code == 2 and OWN in got.err, "of a fleet: import", got)
    got = book.command("deny", "--list", book.list, A)
    out.equal((got.code, book.both()), (0, (f"{EMPTY}deny {A}\n",
                                           f"{A} user=a\n")),
              "of a fleet: deny --list denies on this host")
    got = book.command("allow", f"ca:{ca}", "cn=*.x")
    out.equal(got.code, 0, "of a fleet: an entry of a CA is the list's")


def test_damaged():
    """Whether certgate-sync writes to the store cannot be told."""
    book = Book(EMPTY, f"{A} user=a\n")
    store.set_value(book.store, "revision", b"17", b"checksum")
    for arguments in (["deny", A], ["import", "-"]):
        got = book.command(*arguments)
        out.result(got.code == 3 and "wrong checksum" in got.err and
                   "--list" not in got.err, f"damaged: {arguments[0]}", got)


def day(days):
    return str(datetime.date.today() + datetime.timedelta(days))


def test_list():
    book = Book(f"{EMPTY}{A} user=l\n", f"deny {A}   # why\n{B} user=b hub=h\n"
                f"{'cc' * 32} expires={day(-9)}\n"
                f"{'dd' * 32} not-before={day(9)}\n")
    got = book.command("list")
    out.equal((got.code, [" ".join(row.split()) for row in
                          got.out.splitlines()]),
              (0, [f"2 denied sha1 {A} user=l",
                   f"store allowed sha256 {B} user=b hub=h",
                   f"store expired sha256 {'cc' * 32} expires={day(-9)}",
                   f"store not yet sha256 {'dd' * 32} not-before={day(9)}",
                   f"store denied sha1 {A} # why"]), "list: both")
    rows = json.loads(book.command("list", "--json").out)
    out.equal([(r["line"], r["state"], r["pin"][:4], r["options"])
               for r in rows],
              [(2, "denied", "aaaa", "user=l"),
               ("store", "allowed", "bbbb", "user=b hub=h"),
               ("store", "expired", "cccc", f"expires={day(-9)}"),
               ("store", "not yet", "dddd", f"not-before={day(9)}"),
               ("store", "denied", "aaaa", "")], "list --json: both")
    got = book.command("list", "--list", book.list)
    out.result(got.code == 0 and "store" not in got.out,
               "list --list: the list alone", got)
    book = Book(f"{EMPTY}deny {A}\n{'cc' * 32}\ndeny {B} expires={day(-9)}\n",
                f"{A} user=s\n{B}\n{'cc' * 32} user=s\n"
                f"deny {'cc' * 32}\n")
    rows = json.loads(book.command("list", "--json").out)
    out.equal([(r["line"], r["state"], r["pin"][:4]) for r in rows],
              [(2, "denied", "aaaa"), (3, "denied", "cccc"),
               (4, "expired", "bbbb"), ("store", "allowed", "bbbb"),
               ("store", "denied", "cccc"), ("store", "denied", "cccc"),
               ("store", "denied", "aaaa")], "list: a deny of either wins")
    book = Book(None, f"{A}\n")
    out.equal(len(book.command("list").out.splitlines()), 1, "list: no list")
    book = Book(EMPTY, None)
    got = book.command("list")
    out.result(got.code == 3 and "there is no store" in got.err,
               "list: no store", got)


def test_last_used():
    one, two = logs.certificate("one"), logs.certificate("two")
    book = Book(EMPTY, f"{one['sha256']} user=1\n{A} user=unused\n"
                f"spki:{two['spki']}\ndeny {two['sha1']}\n")
    book.log.write_text(logs.text(
        [logs.accepted("one", 900 - n) for n in range(800)] +
        [logs.accepted(f"n{n}", 90) for n in range(2000)] +
        [logs.accepted("two", 60, line="store"),
         logs.rejected("two", 30, reason="denied", line="store")]))
    got = book.command("list", "--last-used", "--json", "--log", book.log)
    rows = {(r["pin"], r["state"]): r["last-used"]
            for r in json.loads(got.out)}
    out.equal(rows, {
        (one["sha256"], "allowed"): logs.stamp(logs.NOW - 101),
        (two["spki"], "allowed"): logs.stamp(logs.NOW - 60),
        (two["sha1"], "denied"): logs.stamp(logs.NOW - 30)},
        "list --last-used: the entries with a use")


def test_check():
    book = Book(EMPTY, f"{A}\n{B} expires={day(3)}\n"
                f"{'cc' * 32} expires={day(20)}\ndeny {B} expires={day(-3)}\n")
    got = book.command("check")
    for words in ("entries pinned by SHA-1: 1", "entries that expired: 1",
                  f"within 30 days: 2, the first on {day(3)}",
                  "has 0 entries, and 4 in the store"):
        out.result(words in got.out and got.code == 0, f"check: {words}", got)
    for verb in ("check", "status"):
        out.equal(json.loads(book.command(verb, "--json").out)["stored"], 4,
                  f"{verb} --json: stored")
    data = book.store.read_bytes()
    book.store.write_bytes(data.replace(b"expires=" + day(20).encode(),
                                        b"expirez=" + day(20).encode()))
    got = book.command("check")
    out.result(got.code == 1 and "damaged: wrong checksum" in got.out,
               "check: a damaged entry", got)
    book = Book(EMPTY, "")
    got = book.command("check")
    out.result(got.code == 1 and "every client is refused: the list has no "
               "allow entry" in got.out, "check: no entry in either", got)
    book = Book(f"{EMPTY}{A}\n", None)
    got = book.command("check")
    out.result(got.code == 1 and "there is no store" in got.out,
               "check: no store", got)


def test_readers():
    """What reads the log asks the store as well."""
    soon = {"not_after": logs.stamp(logs.NOW + 5 * 86400)}
    pins = {name: logs.certificate(name) for name in
            ("known", "stranger", "bound", "kept", "denied", "gone")}
    book = Book(EMPTY, "".join([
        f"{pins['known']['sha256']} hub=other\n",
        f"{pins['bound']['sha1']} user=of-the-store expires=2020-01-31\n",
        f"spki:{pins['kept']['spki']} user=kept\n",
        f"{pins['denied']['sha256']} user=denied\n",
        f"deny {pins['denied']['sha1']}\n"]),
        settings={**store.SETTINGS, "CERTGATE_LOG": base / "decisions"})
    book.log = base / "decisions"
    book.log.write_text(logs.text([
        logs.rejected("known", 900), logs.rejected("stranger", 800),
        logs.rejected("bound", 700, reason="entry-expired", line="store",
                      code="k7m2"),
        *(logs.accepted(name, 600, user=name, connection=f"c-{name}",
                        line="store", origin=cases.ORIGIN, **soon)
          for name in ("kept", "denied", "gone"))]))
    book.log.chmod(0o640)
    got = json.loads(book.command("pending", "--json", "--log", book.log).out)
    out.equal([c["sha256"] for c in got["certificates"]],
              [pins["stranger"]["sha256"]],
              "pending: not what the store has")
    got = json.loads(book.command("why", "--json", "k7m2", "--log",
                                  book.log).out)["last"]
    out.equal([(d["line"], d.get("user")) for d in got],
              [("store", "of-the-store")], "why: the user of the entry")
    got = book.command("check", "--log", book.log)
    out.result(f"{book.store}: certificate of 'kept'" in got.out and
               "certificate of 'denied'" not in got.out and
               "certificate of 'gone'" not in got.out,
               "check: certificates that the store accepts expire", got)
    test_pending_digits(book, pins["stranger"]["sha256"])
    test_sweep(book)


def test_pending_digits(book, pin):
    before = book.text()
    got = book.command("allow", pin[:40], "--yes", "user=new", "--log",
                       book.log)
    out.result(got.code == 0 and f"{pin} user=new hub=chat\n" in book.text(),
               "allow DIGITS: goes to the store", f"{got}{book.text()}")
    book.command("remove", pin)
    out.equal(book.text(), before, "and is removed")


class Service(http.server.BaseHTTPRequestHandler):
    """Each connection is open."""

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def test_sweep(book):
    certificate = admin.certificate(base, "service", "-addext",
                                    "subjectAltName=IP:127.0.0.1")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    got = book.command("sweep", "--dry-run", "--log", book.log, "--endpoint",
                       f"https://127.0.0.1:{server.server_port}", "--ca",
                       certificate)
    out.result(got.code == 0 and "c-kept" not in got.out and all(
        f"connection {name} of" in got.out for name in ("c-denied", "c-gone")),
        "sweep: closes what the store does not accept", got)
    server.shutdown()


def test_disconnect():
    """The users of the entries of the store are closed."""
    for verb in ("remove", "deny"):
        book = Book(EMPTY, f"{PUMP['sha256']} user=pump-7\n"
                    f"spki:{PUMP['spki']} user=pump-8\n",
                    settings={**store.SETTINGS,
                              "CERTGATE_ORIGINS": cases.ORIGIN})
        got = book.command(verb, pump, "--disconnect", "--dry-run")
        out.result(got.code == 0 and all(
            f"/users/{user}/:closeConnections" in got.out
            for user in ("pump-7", "pump-8")) and
            book.command("explain", pump).code == 0,
            f"{verb} --disconnect: users of the store", got)


def main():
    test_list()
    test_last_used()
    test_check()
    test_readers()
    test_disconnect()
    test_edits()
    test_both()
    test_emptied()
    test_rejected()
    test_explain()
    test_json()
    test_lists()
    test_unusable()
    test_fixes()
    test_import_while_edited()
    test_fleet()
    test_damaged()
    out.done()


main()
