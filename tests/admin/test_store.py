#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The administrator's verbs with a store: which of list and store an edit
changes, what both say of a client, and what is refused."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, place, store, tap  # noqa: E402

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
         ["the store has other options", "--replace"]),
        (["allow", A, "user=other", "--replace", "--comment", "why"], 0, None,
         f"{A} user=other # why\n", []),
        (["allow", B, "colour=red"], 1, None, None, ["unknown option"]),
        (["deny", A, "--dry-run"], 0, None, None,
         [f"+deny {A}", "The store still allows it; the deny wins"]),
        (["deny", A, "expires=2099-01-31"], 0, None,
         f"{A} user=other # why\ndeny {A} expires=2099-01-31\n", ["denied: "]),
        (["allow", A, "user=again"], 1, None, None,
         ["certgate remove --deny PIN"]),
        (["remove", A], 0, None, f"deny {A} expires=2099-01-31\n",
         ["The store denies it and stays", "rejected: the store denies it"]),
        (["remove", A], 1, None, None, ["no such entry"]),
        (["remove", "--deny", A], 0, None, "", ["rejected: no entry matches"]),
        (["allow", pump, "user=p"], 0, None, f"{PUMP['sha256']} user=p\n", []),
        (["allow", f"file:{pump}"], 1, None, None, ["the store has other"]),
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
        (["allow", B, "user=list"], 1, None, None, ["the store has other"]),
        (["allow", B, "user=new", "--replace"], 0, f"{EMPTY}{B} user=new\n",
         "", ["removed: ", "allowed: line 2 of"])])
    steps("both", listed, stored, [
        (["deny", B], 0, None, f"{stored}deny {B}\n",
         ["Line 2 still allows it", "The store still allows it"]),
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
         [":2:1: ", "last good list, and this entry"])])
    book = Book(EMPTY, f"{A}\n")
    book.list.unlink()
    for arguments, stored in ((["allow", B], f"{B}\n{A}\n"),
                              (["deny", A], f"{B}\n{A}\ndeny {A}\n")):
        got = book.command(*arguments)
        out.result(got.code == 1 and "there is no such list: every client is "
                   "rejected" in got.err and book.both() == ("", stored),
                   f"missing list: {arguments[0]} says that none is accepted",
                   f"{got}{book.both()}")
    steps("no list", None, "", [
        (["allow", PUMP["sha256"], "user=p"], 0, None,
         f"{PUMP['sha256']} user=p\n", []),
        (["explain", pump], 0, None, None, ["/store: "]),
        (["allow", f"ca:{ca}", "cn=*"], 3, None, None, ["there is no list"]),
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
    out.result(got.code == 3 and OWN in got.err, "of a fleet: import", got)
    got = book.command("deny", "--list", book.list, A)
    out.equal((got.code, book.both()), (0, (f"{EMPTY}deny {A}\n",
                                           f"{A} user=a\n")),
              "of a fleet: deny --list denies on this host")
    got = book.command("allow", f"ca:{ca}", "cn=*.x")
    out.equal(got.code, 0, "of a fleet: an entry of a CA is the list's")


def main():
    test_edits()
    test_both()
    test_rejected()
    test_explain()
    test_json()
    test_lists()
    test_unusable()
    test_fleet()
    out.done()


main()
