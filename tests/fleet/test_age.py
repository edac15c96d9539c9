#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A store that has had no contact with the fleet's database: when it rejects
every client, by which clock, and which programs warn."""
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, place, processes, store, tap  # noqa: E402

VALUE = place.BUILD / "tests/fleet/value"
LIMIT = 600
HOUR = 3600
OLD = "older than CERTGATE_STORE_MAX_AGE"
out = tap.Tap()
base = place.temporary()
known = cases.certificates()
DEVICE, OTHER = known["device"]["sha1"], known["other"]["sha1"]
EVENT = cases.Case("event", {}, None, cases.own_request({}, known), {})


def put(configuration, name, value):
    subprocess.run([VALUE, configuration.store, name, value], check=True)


def contact(configuration, age=0, boot=None):
    """The last contact was so many seconds ago, by the clock of the day and by
    that since the boot."""
    now, up = time.time(), time.clock_gettime(time.CLOCK_BOOTTIME)
    put(configuration, "contact", f"{int(now - age)} "
        f"{max(0, int(up - (age if boot is None else boot)))}")


def make(name, limit=True, beside=None, more=None):
    """A store that a fleet keeps, with one entry."""
    settings = {**store.SETTINGS, **(more or {})}
    if limit:
        settings["CERTGATE_STORE_MAX_AGE"] = LIMIT
    made = store.Stored(base / name, f"{DEVICE} user=a\n", settings, beside)
    put(made, "revision", "7")
    contact(made)
    return made


def ages(gate):
    """What becomes of a client that an entry allows."""
    it = gate.configuration
    begin = it.log_size()

    def becomes(name, wanted):
        out.equal(gate.reason("@device"), wanted, name)

    becomes("a contact just now", "listed")
    contact(it, LIMIT - 10)
    becomes("a contact within the limit", "listed")
    contact(it, LIMIT + 10)
    becomes("an older one", "store")
    out.equal(gate.reason("@other"), "store", "an older one: of the list, too")
    out.equal(gate.reason(), "store", "an older one: without a certificate")
    becomes("an older one: once more", "store")
    out.equal(it.log_since(begin).count(OLD), 1, "and it is logged once")
    contact(it)
    becomes("contact again", "listed")
    for text in ("x", "", "1", f"{int(time.time())}", "-1 -1",
                 f"{int(time.time())} 1 1"):
        put(it, "contact", text)
        becomes(f"not a time: '{text[:2]}'", "store")
    contact(it, -HOUR)
    becomes("the clock was set back, to before the contact", "store")
    contact(it, 5, LIMIT + 10)
    becomes("set back, to behind the contact", "store")
    contact(it, LIMIT + 10, 5)
    becomes("set forward", "store")
    contact(it, 5, -HOUR)
    becomes("a contact before the boot", "listed")
    contact(it, LIMIT + 10, -HOUR)
    becomes("an older one before the boot", "store")
    out.result(place.wait_for(lambda: it.log_since(begin).count(OLD) > 1),
               "the second time is logged, too")


def without_contact():
    """A store that certgate-sync never filled, and one that it does not
    keep."""
    it = make("none")
    put(it, "contact", "")
    environment = {n.encode(): v.encode() for n, v in
                   it.environment().items()} | cgi.parameters(EVENT)

    def reason():
        done = subprocess.run([place.HANDLER], input=EVENT.body, timeout=60,
                              env=environment, capture_output=True,
                              check=False)
        return processes.decisions(done.stderr.decode())[-1]["reason"]

    out.equal(reason(), "store", "no contact is known")
    contact(it)
    out.equal(reason(), "listed", "plain CGI: a contact just now")
    contact(it, LIMIT + 10)
    out.equal(reason(), "store", "plain CGI: an older one")
    put(it, "revision", "")
    contact(it)
    out.equal(reason(), "store", "a store that no fleet keeps")


def metric(it):
    done = it.command("stats", "--prometheus", "--state", it.folder / "state",
                      "--log", it.log)
    found = [line for line in done.out.splitlines()
             if line.startswith("certgate_store_age_seconds{")]
    return found[0].split()[-1] if found else None


def status(it):
    return json.loads(it.command("status", "--json", "--log", it.log,
                                 "--socket", it.folder / "socket").out)


def warnings(it):
    """Without a limit, the store decides and the programs warn."""
    gate = store.Gate(it)
    begin = it.log_size()
    words = "The store has no contact with the fleet's database."
    contact(it, 40)
    out.equal(gate.reason("@device"), "listed", "no limit: a contact")
    place.wait_for(lambda: False, 2)
    checked = it.command("check")
    out.equal((words in it.log_since(begin), status(it)["cause"] == words,
               "no contact" in checked.out, 35 < float(metric(it)) < 55),
              (False, False, False, True), "after 40 s: no warning")
    contact(it, 400)
    out.equal(gate.reason("@device"), "listed", "no limit: an old one")
    out.result(place.wait_for(lambda: words in it.log_since(begin)),
               "after 400 s: the handler warns", it.log_since(begin))
    told, checked = status(it), it.command("check")
    out.result(told["cause"] == words and not told["well"] and
               "s ago" in told["detail"], "certgate status: the cause", told)
    out.result(checked.code == 0 and "warning: CERTGATE_STORE: no contact with "
               "the fleet's database for 40" in checked.out,
               "certgate check warns", checked)
    out.result(395 < float(metric(it)) < 415, "the metric is the age",
               metric(it))
    put(it, "contact", "x")
    told, checked = status(it), it.command("check")
    out.equal((told["detail"], metric(it), "more than 60 s" in checked.out),
              ("the last contact is unknown", "+Inf", True),
              "an age that is not known")
    put(it, "revision", "")
    told, checked = status(it), it.command("check")
    out.equal((told["cause"] == words, metric(it), "contact" in checked.out),
              (False, None, False), "no fleet keeps it: no warning")
    gate.close()


def refusals():
    it = make("refusing")
    gate = store.Gate(it)
    contact(it, LIMIT + 10)
    told, checked = status(it), it.command("check")
    gate.close()
    out.result(not told["well"] and OLD in told["detail"] and
               checked.code == 1 and "rejects every client" in checked.out,
               "beyond the limit: status and check", f"{told}{checked}")
    out.equal((told["stored"], "entries pinned by SHA-1: 1" in checked.out),
              (1, True), "and both count the entries of the store")
    alone = processes.Configuration(
        base / "alone", {"CERTGATE_STORE_MAX_AGE": LIMIT}, f"{DEVICE}\n")
    done = subprocess.run([place.HANDLER], env=alone.environment() | {
        "REQUEST_METHOD": "OPTIONS"}, capture_output=True, check=False)
    out.result(b"no effect without CERTGATE_STORE" in done.stderr,
               "a limit without a store", done.stderr)


def main():
    limited = store.Gate(make("limited", beside=f"{OTHER} user=b\n", more={
        "CERTGATE_MISSING_CERTIFICATE": "allow"}))
    ages(limited)
    limited.close()
    without_contact()
    warnings(make("warned", limit=False, beside=f"{OTHER} user=b\n"))
    refusals()
    out.done()


main()
