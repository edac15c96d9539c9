#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""What expires is foreseen: a fleet of 1,000 devices, day by day, and what
counts as a renewal."""
import datetime
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, logs, pki, place, tap  # noqa: E402

DAY = 86400
DEVICES = 1000
DAYS = 60
HORIZONS = (1, 7, 14, 30)
out = tap.Tap()
base = place.temporary()
# Midnight, long before now: the clock of the fleet is --now.
BEGIN = int(datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
            .timestamp())
SAID = re.compile(
    r"^warning: (?:\S+?:\d+: )?(certificate|entry|CA|CRL)(?: of)?"
    r"(?: '([^']*)')?(?: \(([^)]*)\))? "
    r"(expired|expires within (\d+) days?,) on (\S+)$", re.MULTILINE)


def write(name, text):
    path = base / name
    path.write_text(text)
    path.chmod(0o640)
    return path


def horizon(end, now):
    """The days that a warning names; 0: it has expired; None: there is none."""
    if end < now:
        return 0
    return next((d for d in HORIZONS if end - now <= d * DAY), None)


def warnings(got):
    """Each as often as it is printed."""
    return [(kind, user or None, pin or None, int(days or 0), day)
            for kind, user, pin, _, days, day in SAID.findall(got.out)]


def day_of(seconds):
    return logs.stamp(seconds)[:10]


class Device:
    """Connects once, and again with a new certificate if it is renewed."""

    def __init__(self, number):
        self.user = f"device-{number:04}"
        self.pin = logs.certificate(self.user)["sha256"]
        # Over 120 days: before, while and after the clock runs.
        self.end = BEGIN + (number * 120 * DAY) // DEVICES + 1800
        self.first = BEGIN - DAY + number
        self.renewed = None
        if number % 4 == 0 and self.end > BEGIN + 25 * DAY:
            self.renewed = self.end - 20 * DAY
        self.new = f"{self.user} new"
        self.new_end = self.end + 400 * DAY
        # Of another device an entry that ends.
        self.entry_end = None
        if number % 10 == 3:
            self.entry_end = day_of(BEGIN + number // 10 * DAY)

    def rows(self):
        terms = f"user={self.user}"
        if self.entry_end:
            terms += f" expires={self.entry_end}"
        yield f"{self.pin} {terms}"
        if self.renewed:
            yield f"{logs.certificate(self.new)['sha256']} user={self.user}"

    def connects(self, now):
        yield connection(self.user, self.first, self.end, self.user)
        if self.renewed and self.renewed <= now:
            yield connection(self.new, self.renewed, self.new_end, self.user)

    def expected(self, now):
        over = None
        if self.entry_end:
            over = int(datetime.datetime.fromisoformat(
                self.entry_end + "T23:59:59+00:00").timestamp())
            days = horizon(over, now)
            if days is not None:
                yield "entry", self.user, self.pin, days, self.entry_end
        days = horizon(self.end, now)
        if days is None or (self.renewed and self.renewed <= now) or \
                self.end < now - 30 * DAY or \
                (over and over < min(now, self.end)):
            return
        yield "certificate", self.user, self.pin, days, day_of(self.end)


def connection(name, at, end, user, **more):
    return logs.accepted(name, logs.NOW - at, user=user,
                         not_after=logs.stamp(end), **more)


def check(*arguments, now, log, book, **more):
    return admin.run("check", *arguments, "--now", logs.stamp(now), "--log",
                     log, environment={"CERTGATE_LIST": str(book)}, **more)


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def fleet():
    """Each day's warnings, and nothing else."""
    ca_end, crl_end = BEGIN + 45 * DAY, BEGIN + 38 * DAY
    ca = pki.Authority(base / "ca", "/O=T/CN=Fleet CA",
                       begin=utc(BEGIN - 99 * DAY), end=utc(ca_end))
    files = {"ca": write("ca.pem", ca.pem), "crl": write(
        "ca.crl", ca.crl(begin=utc(BEGIN - 9 * DAY), end=utc(crl_end)))}
    devices = [Device(n) for n in range(DEVICES)]
    book = write("list", "".join(f"{r}\n" for d in devices for r in d.rows()) +
                 "ca:{ca} cn=x-* crl={crl}\n".format(**files))
    wrong = []
    heard = {}
    for day in range(DAYS + 1):
        now = BEGIN + day * DAY
        log = write("log", logs.text(sorted(
            (c for d in devices for c in d.connects(now)),
            key=lambda c: c[0])))
        have = warnings(check("--quiet", now=now, log=log, book=book))
        wanted = [e for d in devices for e in d.expected(now)]
        for kind, end in (("CA", ca_end), ("CRL", crl_end)):
            days = horizon(end - 1, now)
            if days is not None:
                wanted.append((kind, "O=T,CN=Fleet CA", None, days,
                               day_of(end - 1)))
        if sorted(map(str, have)) != sorted(map(str, wanted)):
            wrong.append((day, sorted(map(str, set(have) ^ set(wanted)))[:4]))
        for kind, user, _, days, _ in have:
            heard.setdefault((kind, user), set()).add(days)
    out.equal(wrong, [], f"{DEVICES} devices over {DAYS} days")
    whole = [u for u in heard.values() if u >= {30, 14, 7, 1}]
    out.result(len(whole) > 200 and
               ("CA", "O=T,CN=Fleet CA") in heard and
               ("CRL", "O=T,CN=Fleet CA") in heard,
               f"{len(whole)} of them at 30, 14, 7 and 1 days", heard)


NOW = BEGIN
SOON, LATER = NOW + 5 * DAY + 60, NOW + 300 * DAY


def seen(name, days_ago, end, user=None, **more):
    """The certificate of that name was accepted so many days ago."""
    return connection(name, NOW - days_ago * DAY, end, user, **more)


def pin(name):
    return logs.certificate(name)["sha256"]


def rows(*names, terms=""):
    return "".join(f"{pin(n)} {terms}\n" for n in names)


# A list, the log, and the certificates that are warned of.
RENEWALS = [
    ("another user", rows("a", "b"),
     [seen("a", 9, SOON, "u"), seen("b", 8, LATER, "v")], ["a"]),
    ("the same user, later", rows("a", "b"),
     [seen("a", 9, SOON, "u"), seen("b", 8, LATER, "u")], []),
    ("the same user, an earlier end", rows("a", "b"),
     [seen("a", 9, SOON, "u"), seen("b", 8, SOON - DAY, "u")], ["a", "b"]),
    ("the old one is still used", rows("a", "b"),
     [seen("a", 9, SOON, "u"), seen("b", 8, LATER, "u"),
      seen("a", 7, SOON, "u")], ["a"]),
    ("three devices of one user", rows("a", "b", "c"),
     [seen("a", 9, SOON, "u"), seen("b", 8, LATER, "u"),
      seen("c", 7, LATER + DAY, "u")], ["a"]),
    ("three, of which one is old",
     rows("a", terms="expires=2027-01-01") + rows("b", "c"),
     [seen("a", 9, SOON, "u"), seen("b", 8, LATER, "u"),
      seen("c", 7, LATER + DAY, "u")], []),
    ("no user", rows("a", "b"), [seen("a", 9, SOON), seen("b", 8, LATER)],
     ["a"]),
    ("the same key", f"spki:{'ab' * 32}\n",
     [seen("a", 9, SOON, spki="ab" * 32), seen("b", 8, LATER, spki="ab" * 32)],
     []),
    ("the new one is not admitted", rows("a"),
     [seen("a", 9, SOON, "u"), seen("b", 8, LATER, "u")], ["a"]),
    ("removed", rows("c"), [seen("a", 9, SOON, "u")], []),
    ("denied", rows("a") + f"deny {pin('a')}\n", [seen("a", 9, SOON, "u")],
     []),
    ("for another hub", rows("a", terms="hub=other"), [seen("a", 9, SOON)],
     []),
    ("of a site", rows("a"), [seen("a", 9, SOON, site="north")], []),
    ("rejected, for it expired", rows("a"),
     [seen("a", 0, NOW - DAY, "u", verdict="deny",
           reason="certificate-expired")], ["a"]),
    ("long expired", rows("a"), [seen("a", 99, NOW - 31 * DAY)], []),
    ("rejected for another reason", rows("a"),
     [seen("a", 0, SOON, verdict="deny", reason="entry-expired")], []),
    ("by SHA-1", f"{logs.certificate('a')['sha1']}\n", [seen("a", 1, SOON)],
     ["a"]),
]


def renewals():
    names = {pin(n): n for n in "abc"}
    for name, text, lines, wanted in RENEWALS:
        book = write("renewals", text)
        log = write("renewals.log", logs.text(lines))
        got = check(now=NOW, log=log, book=book)
        have = [names[p] for kind, _, p, *_ in warnings(got)
                if kind == "certificate"]
        out.equal(sorted(have), wanted, f"renewal: {name}")


def of_a_ca():
    """Devices of a CA are distinguished by their users, unless they share one."""
    ca = pki.Authority(base / "plant", "/O=T/CN=Plant")
    file = write("plant.pem", ca.pem)
    for issuer, terms, user, wanted in (
            ("O=T,CN=Plant", "cn=*", "u", 0), ("O=T,CN=Plant", "cn=*", "v", 1),
            ("O=T,CN=Plant", "cn=* user=all", "u", 1),
            ("O=T,CN=Other", "cn=*", "v", 0)):
        book = write("of-ca", f"ca:{file} {terms}\n")
        log = write("of-ca.log", logs.text(
            [seen("a", 9, SOON, "u", issuer=issuer),
             seen("b", 8, LATER, user, issuer=issuer)]))
        got = check(now=NOW, log=log, book=book)
        out.equal(len([w for w in warnings(got) if w[0] == "certificate"]),
                  wanted, f"of a CA: {issuer} {terms} {user}")
    # A deny entry counts as far as the log has what it asks for.
    for allows, terms, wanted in (
            (f"ca:{file} cn=*", "", 0), (f"ca:{file} cn=*", "serial=A", 0),
            (f"ca:{file} cn=*", "serial=0b", 1),
            (f"ca:{file} cn=*", "cn=*", 1),
            (f"ca:{file} cn=*", "cn=* serial=b", 1),
            (f"ca:{file} cn=*", "serial=0a expires=2020-01-01", 1),
            (pin("a"), "serial=0a", 0), (pin("a"), "san=x", 1)):
        book = write("denied", f"{allows}\ndeny ca:{file} {terms}\n")
        log = write("denied.log", logs.text([
            seen("a", 9, SOON, "u", issuer="O=T,CN=Plant", serial="0a")]))
        got = check(now=NOW, log=log, book=book)
        out.equal(len([w for w in warnings(got) if w[0] == "certificate"]),
                  wanted, f"of a CA, denied: {allows[:3]} {terms}")


def sites():
    """Each site's certificates by its own list."""
    folder = base / "sites"
    folder.mkdir()
    main = write("main.conf", f"CERTGATE_LIST={write('empty', '# none')}\n")
    for name, device in (("north", "a"), ("south", "b")):
        book = write(f"{name}-list", rows(device))
        write(f"sites/{name}.conf", f"CERTGATE_LIST={book}\n")
    log = write("sites.log", logs.text(
        [seen(d, 1, SOON, d, site=s) for s in ("north", "south")
         for d in "ab"]))
    for more, wanted in (((), {"a", "b"}), (("--site", "south"), {"b"})):
        got = admin.run("check", "--config", main, *more, "--log", log,
                        "--now", logs.stamp(NOW))
        have = {w[1] for w in warnings(got)}
        out.equal(have, wanted, f"sites {more}")


def shown():
    """What status and list say of it, now: in words and in JSON."""
    now = logs.NOW
    soon, later = now + 6 * DAY + 3600, now + 99 * DAY
    day = day_of(now + 3 * DAY)
    book = write("shown", f"{pin('a')} user=u\n{pin('b')} user=v "
                 f"expires={day}\n{pin('c')} expires=2020-01-01\n")
    log_text = logs.text(
        [logs.accepted(n, 9, user=u, not_after=logs.stamp(end)) for n, u, end
         in (("a", "u", soon), ("b", "v", later), ("c", "w", soon))])
    log = write("shown.log", log_text)
    names = [f"entry of 'v' ({pin('b')}) expires within 7 days, on {day}",
             f"certificate of 'u' ({pin('a')}) expires within 7 days, on "
             f"{day_of(soon)}"]
    conf = write("shown.conf", f"CERTGATE_LIST={book}\n"
                 f"CERTGATE_SIGNATURE=off\nCERTGATE_LOG={log}\n")
    got = admin.run("status", "--config", conf)
    old = f"entry ({pin('c')}) expired on 2020-01-01"
    out.result(f"expires   {old}\n{'':10}{names[0]}\n{'':10}{names[1]}\n"
               in got.out, "status", got)
    told = json.loads(admin.run("status", "--json", "--config", conf).out)
    out.equal([(e["kind"], e.get("user"), e["pin"], e["line"], e["days"])
               for e in told["expires"]],
              [("entry", None, pin("c"), 3, 0), ("entry", "v", pin("b"), 2, 7),
               ("certificate", "u", pin("a"), 1, 7)], "status --json")
    for more, wanted in (((), [names[0]]),
                         (("--last-used",), [names[1], names[0]])):
        got = admin.run("list", *more, "--config", conf)
        out.equal([line.strip() for line in got.out.splitlines()
                   if " expires within " in line], wanted, f"list {more}")
        told = json.loads(admin.run("list", "--json", *more, "--config",
                                    conf).out)
        out.equal([w for e in told for w in e.get("warnings", ())], wanted,
                  f"list --json {more}")
    got = admin.run("status", "--config", conf)
    out.result(got.out.startswith("All is well.\n"), "status: none expired",
               got)
    page = base / "page.html"
    for over, words in ((1, "1 certificate has"), (2, "2 certificates have")):
        write("shown", f"{pin('a')} user=u\n{pin('b')} user=v\n"
              f"{pin('c')} expires=2020-01-01\n")
        write("shown.log", logs.text([logs.accepted(
            n, 9, user=n, not_after=logs.stamp(now - 2 * DAY))
            for n in "ab"[:over]]))
        first = f"All is well, but {words} expired."
        got = admin.run("status", "--config", conf)
        told = json.loads(admin.run("status", "--json", "--config", conf).out)
        admin.run("status", "--html", page, "--config", conf)
        out.result(got.code == 0 and got.out.startswith(f"{first}\n") and
                   told["well"] and told["cause"] == first and
                   f"<h2>{first}</h2>" in page.read_text(),
                   f"status: {first}", got)
    write("shown.log", log_text)
    write("shown", "".join(f"{pin(n)} expires={day}\n" for n in range(9)))
    got = admin.run("status", "--config", conf)
    out.result(got.out.count("expires within 7 days") == 5 and
               "and 4 more (certgate check)\n" in got.out, "many of them",
               got)


def unreadable():
    """It is said if the log cannot be read."""
    got = check(now=NOW, log=base / "nowhere", book=write("list", rows("a")))
    out.result(got.code == 3 and "error: " in got.out and
               "nowhere" in got.out, "no log", got)
    got = admin.run("check", "--now", "tomorrow")
    out.result(got.code == 2 and "--now: expected" in got.err, "--now", got)


fleet()
renewals()
of_a_ca()
sites()
shown()
unreadable()
out.done()
