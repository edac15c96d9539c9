#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The store through real web servers: the case tables with their lists in a
store, edits that the next event is decided by, list and store together."""
import concurrent.futures
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, door, place, processes, store, tap  # noqa: E402

known = cases.certificates()
DEVICE, OTHER = known["device"], known["other"]
PINS = {kind: ("spki:" if kind == "spki" else "") + DEVICE[kind]
        for kind in ("sha1", "sha256", "spki")}


# Lists that are invalid on purpose, where the table does not expect that.
INVALID = {"own/notify/answers-without-list", "own/validation/list-unreadable",
           "own/mqtt/list-unreadable"}


def can_be_stored(case):
    """A list with entries, all of them by a pin, without a fault that is its
    point."""
    return case.list is not None and case.name not in INVALID and \
        not getattr(case, "only_inprocess", False) and \
        "CERTGATE_STORE" not in case.settings and \
        not case.parameters and not re.search("ca:|file:", case.list) and \
        case.expected.get("reason") not in ("list-unreadable", "settings")


def run_cases(out, name, start, rows):
    """The tables: each group with a store in the place of its list."""
    base = place.temporary()
    groups = door.groups(rows)
    with concurrent.futures.ThreadPoolExecutor(door.TOGETHER) as pool:
        made = list(pool.map(lambda one: store.Stored(
            base / str(one[0]), one[1][0].list, one[1][0].settings),
            enumerate(groups)))
        for done in [pool.submit(door.run_group, out, name, group,
                                 configuration, start, True)
                     for group, configuration in zip(groups, made)]:
            done.result()


def test_pins(out, gate):
    """Each kind of pin, and all of them in one store."""
    for kind, pin in PINS.items():
        gate.configuration.put(f"{pin} user=by-{kind}\n{OTHER['sha1']}\n")
        got = gate.decide(["@device"])
        out.equal([got["reason"], got["user"], got["line"]],
                  ["listed", f"by-{kind}", "store"], f"by {kind}")
        gate.configuration.put(f"{pin}\ndeny {pin}\n")
        out.equal(gate.reason("@device"), "denied", f"denied by {kind}")
        gate.configuration.put(f"{pin} hub=other\n{pin} user=second\n")
        out.equal(gate.decide(["@device"]).get("user"), "second",
                  f"two entries of one {kind}")
    gate.configuration.put("# nothing\n")
    out.equal(gate.reason("@device"), "not-listed", "an empty store")


def test_labels(out, gate):
    """The label alone: what may be known by more than that is refused."""
    label = DEVICE["sha1"]
    for text, expected in (
            (f"{label}\n", "listed"),
            (f"{label}\ndeny {OTHER['sha1']}\n", "listed"),
            (f"{label}\ndeny {OTHER['sha256']}\n", "content-needed"),
            (f"{OTHER['sha256']}\n", "content-needed"),
            (f"deny {OTHER['sha256']}\n", "content-needed")):
        gate.configuration.put(text)
        out.equal(gate.reason(label), expected,
                  f"the label alone: {re.sub('[0-9a-f]{30,}', 'N', text)!r}")


def test_export(out, gate):
    """What export prints, import takes: the same entries and comments."""
    text = "".join([
        f"{DEVICE['sha256']} user=a hub=h   # one\n",
        f"deny {DEVICE['sha256']} expires=2099-01-31\n",
        f"spki:{DEVICE['spki']}\n", f"deny spki:{'11' * 32} # other\n",
        f"{DEVICE['sha1']} groups=a,b # \"two\"\n"])
    gate.configuration.put(text.encode())
    first = gate.configuration.command("export")
    gate.configuration.put(first.out)
    second = gate.configuration.command("export")
    out.equal((first.code, second.out), (0, first.out), "export and import")
    got = sorted(re.sub(" +", " ", line) for line in first.out.splitlines())
    out.equal(got, sorted(re.sub(" +", " ", line) for line in
                          text.splitlines()), "each entry with its comment")


def test_faults(out, gate):
    """A file with an invalid line changes nothing."""
    pin = DEVICE["sha1"]
    gate.configuration.put(f"{pin} user=before\n")
    for text, says in (
            (f"{pin}\nnot a pin\n", ":2:1: "),
            (f"{pin} colour=red\n", "unknown option"),
            ("ca:/etc/ssl/ca.pem cn=*\n", "put it into the list"),
            (f"{pin}\n{pin[:9]}", ""), ("\n", "empty")):
        done = gate.configuration.put(text)
        out.result(done.code == 1 and says in done.err,
                   f"import refuses {text[-20:]!r}", done)
        out.equal(gate.decide(["@device"]).get("user"), "before",
                  "the store stays as it was")


def test_together(out):
    """List and store: entries of both, and a deny of either."""
    pin = DEVICE["sha1"]
    for listed, stored, expected in (
            ("# none\n", f"{pin}\n", ("listed", "store")),
            (f"{pin}\n", "# none\n", ("listed", "1")),
            (f"deny {pin}\n", f"{pin}\n", ("denied", "1")),
            (f"{pin}\n", f"deny {pin}\n", ("denied", "store")),
            (f"{pin} hub=other\n", f"{pin}\n", ("listed", "store")),
            (f"{pin} user=list\n", f"{pin} user=store\n", ("listed", "1")),
            ("not a line\n", f"{pin}\n", ("list-unreadable", "-"))):
        gate = store.Gate(store.Stored(place.temporary(), stored,
                                       beside=listed))
        got = gate.decide(["@device"])
        out.equal((got["reason"], got.get("line")), expected,
                  f"list {listed[:10]!r}, store {stored[:10]!r}")
        out.equal(gate.close(), 0, "the handler ends with 0")


def test_edits(out):
    """An edit is in force for the next event; a check counts the store."""
    pin = DEVICE["sha1"]
    one = store.Stored(place.temporary(), f"{pin}\n", beside="")
    gate = store.Gate(one)
    out.equal(gate.reason("@device"), "listed", "the store allows it")
    done = one.command("deny", pin)
    out.result(done.code == 0 and "next event is decided" in done.out,
               "deny goes to the store, which a handler has open", done)
    out.equal(gate.reason("@device"), "denied", "the next event is denied")
    out.equal(one.command("remove", "--deny", pin).code, 0, "remove")
    out.equal(one.command("allow", pin, "user=new").code, 0, "allow")
    out.equal(gate.decide(["@device"]).get("user"), "new",
              "the next event has the new entry")
    out.equal(one.command("remove", pin).code, 0, "remove the last one")
    checked = one.command("check")
    out.result("every client is rejected" not in checked.err,
               "check: a store without a list", checked)
    gate.close()


def test_without(out):
    """A store that is not there rejects every client, whatever the list."""
    gate = store.Gate(store.Stored(place.temporary(), None,
                                   beside=DEVICE["sha1"] + "\n"))
    out.equal(gate.decide(["@device"])["reason"], "store", "no store")
    out.equal(gate.decide(["@device"])["status"], 403, "no store: 403")
    log = gate.configuration.log_since(0)
    out.result("there is no store (fix: certgate store init)" in log,
               "no store: the log has the fix", log)
    gate.close()


def main():
    out = tap.Tap()
    rows = [case for case in cases.all_cases() if can_be_stored(case)]
    out.result(len(rows) > 100, f"{len(rows)} cases have a list for a store")
    run_cases(out, "lighttpd, store", processes.Lighttpd, rows)
    gate = store.Gate(store.Stored(place.temporary(), ""))
    test_pins(out, gate)
    test_labels(out, gate)
    test_export(out, gate)
    test_faults(out, gate)
    out.equal(gate.close(), 0, "the handler ends with 0")
    test_together(out)
    test_edits(out)
    test_without(out)
    out.done()


main()
