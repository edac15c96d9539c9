#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Planted logs: what status finds in the last hour and the day before, over a
rotation, of sites, of scanners and with lines that are not the handler's;
hostile values in every field, as every command prints them."""
import json
import os
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, logs, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
WELL, UNKNOWN = "All is well.", "It is unknown whether the handler is running"
KEY_CAUSE = "No event has a valid signature"
HOUR = 3600
PIN = logs.certificate("device")["sha256"]
log = base / "log"
configuration = processes.Configuration(
    base / "gate", {"CERTGATE_LOG": log, "CERTGATE_ORIGINS": cases.ORIGIN,
                    "CERTGATE_ACCESS_KEYS": cases.KEY}, f"{PIN} user=device\n")
configuration.file.chmod(0o600)


def run(*arguments, **more):
    return admin.run(*arguments, environment={
        "CERTGATE_CONFIG": str(configuration.file)}, **more)


def status(*lines):
    log.write_text(logs.text(lines))
    return run("status")


def refused(ago, reason="signature", count=3, **more):
    return [logs.line(ago - n, reason=reason, **more) for n in range(count)]


def strangers(ago, count, **more):
    return [logs.rejected(f"x{n}", ago - n, **more) for n in range(count)]


def one_of(numbers, reason="signature", origin=None):
    """Refusals of one origin, each before a client of another."""
    return [line for n in numbers for line in (
        logs.line(90 - n, reason=reason, origin=origin),
        logs.accepted("device", 90 - n, origin=cases.ORIGIN))]


def clients(ago, count):
    return [logs.accepted(f"c{n}", ago - n) for n in range(count)]


def examined(*times, admitted=True):
    """What certgate doctor leaves behind, at these times."""
    return [make(ago - n, connection="certgate-5e1f") for ago in times
            for n, make in enumerate([
                lambda ago, **more: logs.rejected("doctor", ago, **more),
                lambda ago, **more: logs.line(
                    ago, reason="no-certificate", **more),
                lambda ago, **more: logs.line(ago, reason="signature", **more),
                lambda ago, **more: logs.accepted("device", ago, **more)][
                    :4 if admitted else 3])]


def loaded(ago, site=""):
    return logs.NOW - ago, f"level=note {site}list 1: 1 entry, sha256 f3763f66"


def failed(ago, words="the last good settings and list stay in force", site=""):
    return logs.NOW - ago, f"level=note {site}{words}; see certgate check"


# A name, lines, and the first line of status.  An outage lasts until an event
# passes or a configuration is loaded, however quiet it is since then.
STORIES = [
    ("an hour without an event", refused(2 * HOUR), KEY_CAUSE),
    ("and one after the last load", [loaded(3 * HOUR), *refused(2 * HOUR)],
     KEY_CAUSE),
    ("a refusal every half hour", [
        logs.line(n * 1800, reason="signature") for n in (5, 3, 1)], KEY_CAUSE),
    ("an expired entry, once an hour", [
        logs.rejected("device", n * HOUR + 9, reason="entry-expired")
        for n in (3, 2, 1, 0)], "The entry of every client has expired."),
    ("a load since", [*refused(2 * HOUR), loaded(HOUR + 9)], UNKNOWN),
    ("a client since", [*refused(2 * HOUR), logs.accepted("device", 9)], WELL),
    ("a client in the same hour", [
        *refused(2 * HOUR), logs.accepted("device", 2 * HOUR - 9)], UNKNOWN),
    ("two days ago", refused(48 * HOUR), UNKNOWN),
    ("a clock that was set", refused(2 * HOUR, "listed", skew="-7000"),
     UNKNOWN),
    ("a clock that goes back", [
        logs.line(-9 * HOUR, reason="signature"),
        *refused(-8 * HOUR)], KEY_CAUSE),
    ("one of two resources", one_of(range(4), origin="b.example"), f"{KEY_CAUSE}"
     ": was an access key regenerated? (events of b.example)"),
    ("one of two resources, until a notification", [
        *one_of(range(4), origin="b.example"), logs.line(
            3, verdict="allow", reason="notified", connection=None, count="9")],
     KEY_CAUSE),
    ("one resource, until a notification", [
        *refused(9, origin=cases.ORIGIN), logs.line(
            3, verdict="allow", reason="notified", connection=None, count="9")],
     WELL),
    ("one of two resources, until a client", [
        *one_of(range(4), origin="b.example"),
        logs.accepted("other", 3, origin="b.example")], WELL),
    ("an unknown origin beside clients", one_of(
        range(4), reason="origin", origin="b.example"), WELL),
    ("one of 200 sites", [
        line for n in range(3) for line in [
            *(logs.accepted("device", 50 - n, site=f"s{k}")
              for k in range(199)),
            logs.line(50 - n, reason="signature", site="last")]], KEY_CAUSE),
    ("a stale list for a day", [
        failed(30 * HOUR), logs.accepted("device", 9, list="stale")],
     "The handler uses an older configuration."),
    ("a stale list for an hour", [
        failed(HOUR), logs.accepted("device", 9, list="stale")],
     "The handler uses an older configuration."),
    ("a stale list, a clock that goes back", [
        failed(-HOUR), logs.accepted("device", 9, list="stale")],
     "The handler uses an older configuration."),
    ("a stale list, then a load", [
        failed(HOUR), logs.accepted("device", 9, list="stale"), loaded(5)],
     WELL),
    ("the store, beside a client", [
        logs.accepted("device", 90), *strangers(50, 4, reason="store")],
     "The store cannot be used: every client is refused."),
    ("the store, for one client", [logs.accepted("device", 90), *(
        logs.rejected("x", 50 - n, reason="store") for n in range(3))],
     "The store cannot be used: every client is refused."),
    ("scanners without the code", refused(9, "code", 9), WELL),
    ("the service without the code", refused(9, "code", origin=cases.ORIGIN),
     "No event has the configured code in its URL."),
    ("scanners, then the service", [
        *refused(99, "code", 9), *refused(9, "code", origin=cases.ORIGIN)],
     "No event has the configured code in its URL."),
    ("a stranger's clock", [
        logs.accepted("device", 90), *refused(
            9, "unknown-event", event="-", skew="820000000")], WELL),
    ("scanners of a vhost without a site", [
        logs.accepted("device", 90, site="one"), *refused(9, "site")], WELL),
    ("strangers that name a site and an origin", [
        *refused(90, "site", site="evil", origin="x"),
        logs.accepted("device", 9, site="one", origin=cases.ORIGIN)], WELL),
    ("the service without a site", [
        logs.accepted("device", 90, site="one"),
        *refused(9, "site", origin=cases.ORIGIN)],
     "Events name a site that does not exist."),
    ("strangers in a quiet hour", [
        logs.accepted("device", 5 * HOUR), *strangers(9, 3)], WELL),
    ("strangers after a load", [
        logs.accepted("device", 5 * HOUR), loaded(2 * HOUR), *strangers(9, 3)],
     WELL),
    ("clients without a certificate beside others", [
        *clients(5 * HOUR, 5), *refused(9, "no-certificate", 4)], WELL),
    ("as many clients without a certificate", [
        *clients(5 * HOUR, 5), *refused(9, "no-certificate", 5)],
     "No client presents a certificate"),
    ("many clients without a certificate", [
        *clients(5 * HOUR, 99), *refused(99, "no-certificate", 20)],
     "No client presents a certificate"),
    ("the only client's entry expires", [
        logs.accepted("device", 1900), *(logs.rejected(
            "device", 1500 - n, reason="entry-expired") for n in range(99))],
     "The entry of every client has expired."),
    ("the entry of one of two clients expires", [
        logs.accepted("device", 1900), logs.accepted("other", 1900), *(
            logs.rejected("device", 1500 - n, reason="entry-expired")
            for n in range(99))], WELL),
    ("an expired entry beside strangers", [
        *strangers(900, 99), *(logs.rejected(
            "device", 500 - n, reason="entry-expired") for n in range(9))],
     "The entry of every client has expired."),
    ("no certificate, and one stranger more often", [
        *(logs.rejected("x", 900 - n) for n in range(9)),
        *refused(9, "no-certificate")], "No client presents a certificate"),
    ("the doctor, each five minutes", [
        logs.accepted("device", 5 * HOUR), *examined(
            1500, 1200, 900, 600, 300, admitted=False)], WELL),
    ("no certificate, and the doctor each five minutes", [
        line for ago in (1500, 1200, 900, 600) for line in [
            *examined(ago), logs.line(ago - 9, reason="no-certificate")]],
     "No client presents a certificate"),
    ("no content type", refused(9, "content-type", origin=cases.ORIGIN),
     "No event has the content type application/json"),
    ("no length", [logs.accepted("device", 90), *refused(9, "length")],
     "No event has a body of the length in Content-Length."),
    ("a header less", refused(9, "malformed-request", origin=cases.ORIGIN),
     "A required header of every event is missing or invalid."),
    ("no ce- headers", refused(9, "unknown-event", origin=cases.ORIGIN,
                               event="-", connection=None),
     "No event has a known ce-type"),
    ("no origin", refused(9, "no-origin"),
     "No event has the header WebHook-Request-Origin."),
    ("an internal error", refused(9, "internal"),
     "Every event is refused for one reason. (internal)"),
    ("scanners without a type", [
        *refused(99, "unknown-event", 9, event="-"),
        *refused(50, "no-origin", 9, event="validate"),
        *refused(30, "malformed-request", 9, event="validate", origin="x"),
        *refused(9, "body", 9, event="user")], WELL),
    ("a list that only the handler cannot load", [
        loaded(3 * HOUR), (logs.NOW - HOUR, "level=error CERTGATE_LIST: "
                           "restart needed: /srv/list"), failed(HOUR),
        logs.accepted("device", 9, site="two", list="3")],
     "The handler uses an older configuration. (CERTGATE_LIST: restart needed: "
     "/srv/list)"),
    ("a list that only the handler cannot load, at its start", [
        failed(HOUR, "rejecting all clients until the list is valid"),
        logs.accepted("device", 9, site="two", list="3")],
     "The handler refuses every client: its configuration does not load."),
    ("a failed load, then a decision by a new list", [
        failed(900), logs.accepted("device", 8, list="2")], WELL),
    ("a list that loads soon", [
        failed(9), logs.accepted("device", 8, list="stale")], WELL),
    ("a site that is gone, beside another", [
        logs.accepted("device", 300, site="two"),
        *(line for n in range(3) for line in (
            logs.line(90 - n, reason="site", site="two",
                      origin="a.example", list="-"),
            logs.accepted("device", 90 - n, site="one")))],
     "Events name a site that does not exist."),
    ("sites that never were, beside a site", [
        *(line for n in range(9) for line in (
            logs.line(90 - n, reason="site", site=f"x{n % 2}",
                      origin="a.example", list="-"),
            logs.accepted("device", 90 - n, site="one")))], WELL),
    ("names of two sites", [
        *refused(90, "origin", site="one", origin="a.example"),
        logs.line(9, reason="origin", site="two", origin="b.example")],
     "Every event names an origin that is not configured. (events name "
     "a.example; "),
]


def stories():
    for name, lines, first in STORIES:
        done = status(*lines)
        code = {WELL: 0, UNKNOWN: 3}.get(first, 1)
        out.result(done.code == code and done.out.startswith(first),
                   f"status: {name}", done)
        old = "no event since" in done.out.partition("\n")[0]
        out.equal(old, code == 1 and min(
            logs.NOW - at for at, _ in lines) >= HOUR,
            f"status: {name}: when")


def rotated():
    """The refusals before a rotation, and those after it."""
    before, one = base / "log.1", logs.line(9, reason="signature")
    for name, then, now, first in (
            ("an outage across it", refused(99, count=2), [one], KEY_CAUSE),
            ("an outage before it", refused(99), [], KEY_CAUSE),
            ("a client after it", refused(99), [logs.accepted("device", 9)],
             WELL),
            ("a client before it", [*refused(99, count=2), logs.accepted(
                "device", 50)], [one], WELL)):
        before.write_text(logs.text(then) + "half of a li")
        done = status(*now)
        out.result(done.out.startswith(first), f"rotation: {name}", done)
    before.write_text(logs.text([logs.rejected("pump", 99, code="k7m2")]))
    log.write_text(logs.text([logs.accepted("device", 9)]))
    for arguments, words in ((["why", "k7m2"], "No entry matches"),
                             (["pending"], "CN=pump"),
                             (["stats"], "not-listed")):
        done = run(*arguments)
        out.result(words in done.out, f"rotation: {arguments[0]}", done)
    os.utime(before, (logs.NOW - 2 * HOUR,) * 2)
    done = run("stats")
    out.result("not-listed" not in done.out,
               "rotation: a file that ended before the hour", done)
    counters = []
    before.unlink()
    log.write_text(logs.text(refused(9)))
    for more in ([], [logs.line(6, reason="signature")], []):
        with log.open("a") as file:
            file.write(logs.text(more))
        if more:
            log.rename(before)
            log.write_text(logs.text([logs.line(5, reason="signature")]))
        done = run("stats", "--prometheus", "--state", base / "state")
        found = re.search(r'_events_total{[^}]*reason="signature"} (\d+)',
                          done.out)
        counters.append(int(found[1]) if found else 0)
    out.equal([n - counters[0] for n in counters], [0, 2, 2],
              "rotation: counters go on")
    for what, make in (
            ("a link", lambda: before.symlink_to("/dev/zero")),
            ("a FIFO", lambda: os.mkfifo(before)),
            ("a folder", before.mkdir),
            ("the same file", lambda: os.link(log, before))):
        if before.is_dir():
            before.rmdir()
        else:
            before.unlink(missing_ok=True)
        make()
        done = status(*refused(9, count=2))
        out.result(done.code == 0, f"rotation: {what} in its place", done)
    before.unlink()


def of_sites():
    """The fix of a site's outage is that of its list."""
    site = "one"
    for lines, fixes in (
            (strangers(99, 4, site=site), ["certgate pending --site one, then "
                                           "certgate allow --site one DIGITS"]),
            (refused(9, "denied", sha1="") + [
                logs.rejected(n, 5, reason="denied", site=site) for n in "abc"],
             ["certgate list --site one, then certgate remove --site one "]),
            (refused(9, "certificate-expired", site=site),
             ["certgate rotate --site one OLD NEW"]),
            (refused(9, "entry-expired", site=site),
             ["certgate allow --site one FILE --replace"]),
            (refused(9, "entry-expired"), ["certgate allow FILE --replace"])):
        done = status(*lines)
        out.result(done.code == 1 and all(f in done.out for f in fixes) and
                   "@" not in done.out, f"sites: {fixes[0]}", done)
    status(*strangers(99, 1, site=site, code="k7m2"))
    done = run("why", "k7m2")
    out.result("certgate allow --site one DIGITS" in done.out,
               "sites: why", done)
    folder = configuration.file.parent / "sites"
    folder.mkdir()
    (folder / "one.list").write_text("# none\n")
    (folder / "one.conf").write_text(
        f"CERTGATE_LIST={folder}/one.list\nCERTGATE_SIGNATURE=off\n")
    log.write_text("")
    for arguments in (["status"], ["status", "--site", site], ["check"],
                      ["check", "--site", site]):
        done = run(*arguments)
        out.result(done.code == 1 and
                   "certgate allow --site one FILE" in done.out and
                   "@" not in done.out, f"sites: {' '.join(arguments)}", done)
    for name in ("one", "two"):
        (folder / f"{name}.list").write_text(f"{PIN}\n")
        (folder / f"{name}.conf").write_text(
            f"CERTGATE_LIST={folder}/{name}.list\nCERTGATE_SIGNATURE=off\n")
    log.write_text(logs.text([
        failed(900, site="site one: "), failed(800, site="site two: "),
        loaded(700, "site two: "), logs.accepted("device", 9, site="two")]))
    for arguments, first in (
            (["status"], "The handler uses an older configuration."),
            (["status", "--site", "one"], "The handler uses an older "),
            (["status", "--site", "two"], WELL)):
        done = run(*arguments)
        out.result(done.out.startswith(first) and
                   ("\nsite      one\n" in done.out) == (first != WELL),
                   f"sites: one failed to load: {' '.join(arguments)}", done)
    (folder / "one.conf").unlink()
    done = run("status")
    out.result(done.out.startswith(WELL), "sites: one that failed is removed",
               done)
    shutil.rmtree(folder)
    done = run("status", "--site", site)
    out.result(done.code == 1 and done.out.startswith(
        "The settings do not load. ("), "sites: the settings vanish", done)


HOSTILE = "\x1b]0;x\x07\x1b[2J\u202e\u2066</script><script>'\"&\n\r\x00\x9b=\\"


def is_harmless(text):
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2066]", text)


def hostile():
    """What a stranger can choose is shown escaped, whatever the field."""
    fields = [f for f in logs.ORDER if f not in (
        "verdict", "reason", "lost", "count", "us", "line", "skew")]
    lines = [logs.rejected("device", 30 + n, **{f: HOSTILE for f in which})
             for n, which in enumerate([[f] for f in fields] + [fields])]
    lines += [logs.line(9 - n, reason=reason, **{f: HOSTILE for f in fields})
              for reason in ("origin", "hub") for n in range(3)]
    for form, text in (("text", logs.text(lines)),
                       ("JSON", logs.in_json(lines))):
        log.write_text(text)
        page = base / "page.html"
        for arguments in (["status"], ["why", HOSTILE.replace("\x00", "")],
                          ["why", PIN], ["pending"], ["stats"], ["check"],
                          ["list", "--last-used"], ["sweep", "--dry-run"],
                          ["stats", "--prometheus", "--state",
                           base / "state"],
                          ["status", "--html", page]):
            for more in ([], ["--json"]):
                if more and arguments[0] == "sweep" or len(arguments) > 1 and \
                        more and arguments[0] in ("stats", "status"):
                    continue
                done = run(*arguments, *more)
                good = is_harmless(done.out + done.err) and done.code in (
                    0, 1, 3)
                if more:
                    good = good and isinstance(json.loads(done.out),
                                               (dict, list))
                out.result(good, f"hostile {form}: {arguments[0]} {more}",
                           repr(str(done)))
        out.result("<script>'" not in page.read_text(),
                   f"hostile {form}: the page")


def of_others():
    """Lines of other programs do not become decisions, and a log that others can
    write is named as such."""
    decision = logs.text(refused(9)).splitlines()[0]
    message = decision.partition(": ")[2]
    for name, line in (
            ("no program", f"{logs.stamp(logs.NOW - 9)} {message}"),
            ("another program", decision.replace("certgate[", "php[")),
            ("no time", "[error] certgate[1]: " + message),
            ("no process", decision.replace("[4711]", "")),
            ("a cut line", decision.replace("verdict=", "verdic")),
            ("no line end", "")):
        log.write_text(f"{line}\n" * 9 + decision)
        done = run("status")
        out.result(done.code == 3 and "\nlast hour 0 events\n" in done.out,
                   f"a line with {name}", done)
    log.write_text(logs.text(refused(9)))
    for arguments in (["status"], ["why", "c"], ["stats"], ["pending"]):
        for path, named in ((log, False), ("-", True)):
            done = run(*arguments, "--log", path, stdin=log.read_bytes())
            out.equal("note      this is not the log of CERTGATE_LOG\n" in
                      done.out, named,
                      f"{arguments[0]} --log {str(path)[-3:]}: whose lines")


def in_the_journal():
    """Datagrams of other users neither hide an outage nor make one."""
    folder = base / "journal"
    stranger = {"_UID": "1000", "_EXE": "/usr/bin/logger",
                "_SYSTEMD_UNIT": "user@1000.service"}
    client = [logs.accepted("device", 2)]
    note = [(logs.NOW - 1, "list 9: 1 entry, sha256 aa")]
    for name, own, theirs, first in (
            ("an outage", refused(9), client + note, KEY_CAUSE),
            ("an outage hours ago", [loaded(4 * HOUR), *refused(2 * HOUR)],
             client + note, KEY_CAUSE),
            ("clients", client, refused(1, "signature", 9), WELL),
            ("nothing", [loaded(9)], refused(9, "origin", 9), UNKNOWN)):
        logs.journal(folder, logs.exported(own),
                     logs.exported(theirs, stranger))
        done = run("status", "--log", folder)
        out.result(done.out.startswith(first), f"journal: {name}", done)
        done = run("stats", "--since", "1d", "--log", folder)
        found = re.search(r"^events +(\d+)$", done.out, re.MULTILINE)
        out.equal(int(found[1]), len([f for _, f in own if isinstance(f, dict)]),
                  f"journal: {name}: stats")
    for arguments in (["why", "c"], ["pending"], ["sweep", "--dry-run"]):
        logs.journal(folder, logs.exported([loaded(9)]), logs.exported(
            [logs.rejected("pump", 5), logs.accepted("valve", 5)], stranger))
        done = run(*arguments, "--log", folder)
        out.result("CN=pump" not in done.out and "valve" not in done.out and
                   f"log begins {logs.stamp(logs.NOW - 9)}\n" in done.out,
                   f"journal: {arguments[0]}", done)


def of_the_doctor():
    """Its events show that the handler runs; they are not of clients."""
    done = status(*examined(90))
    out.result(done.code == 0 and done.out.startswith(WELL) and
               "\nlast hour 0 events\n" in done.out, "the doctor alone", done)
    done = status(*examined(90), logs.accepted("device", 9))
    out.result("\nlast hour 1 events\n" in done.out and
               "not-listed" not in done.out, "the doctor and a client", done)


def dropped():
    """A list that was cut at a line end."""
    before, after = clients(900, 5), [loaded(600)]
    lost = [logs.rejected(f"c{n}", 500 - n) for n in (3, 4) for _ in range(3)]
    rest = [logs.accepted(f"c{n}", 400) for n in range(3)]
    note = "{} clients that were accepted before the last load of the list " \
        "are not in it: certgate pending lists them"
    for name, lines, count in (
            ("two clients", before + after + lost + rest, 2),
            ("one client", before + after + lost[:3] + rest, 0),
            ("before a load", before + lost + after + rest, 0),
            ("strangers", before + after + strangers(500, 3) + rest, 0),
            ("listed again", before + after + lost + rest + [
                logs.accepted("c3", 300)], 0),
            ("a later load", before + after + lost + rest + [loaded(100)], 0),
            ("accepted by another site", [logs.accepted(
                f"c{n}", 900, site="one") for n in range(5)] + [
                loaded(600, "site two: ")] + [logs.rejected(
                    f"c{n}", 500 - n, site="two") for n in (3, 4)] + rest, 0),
            ("of a site, then a load of another", [logs.accepted(
                f"c{n}", 900, site="one") for n in range(5)] + [
                loaded(600, "site one: ")] + [logs.rejected(
                    f"c{n}", 500 - n, site="one") for n in (3, 4)] + [
                loaded(100, "site two: "),
                logs.accepted("c1", 90, site="one")], 2),
            ("the doctor's", [logs.accepted(
                f"c{n}", 900, connection="certgate-1") for n in (3, 4)] +
             after + lost + rest, 0)):
        done = status(*lines)
        value = json.loads(run("status", "--json").out)
        out.result(done.code == 0 and done.out.startswith(WELL) and
                   (f"\nnote      {note.format(count)}\n" in done.out) ==
                   (count > 0) and value.get("dropped", 0) == count,
                   f"dropped: {name}", done)
    page = base / "dropped.html"
    status(*before, *after, *lost, *rest)
    run("status", "--html", page)
    out.result(note.format(2) in page.read_text(), "dropped: the page")


def colours():
    """Only on a terminal, and not with NO_COLOR."""
    log.write_text(logs.text(refused(9)))
    for name, more, coloured in (("", {}, True), ("NO_COLOR", {
            "NO_COLOR": "1"}, False), ("a pipe", None, False)):
        if more is None:
            text = run("status").out
        else:
            pid, fd = os.forkpty()
            if pid == 0:
                os.execve(admin.COMMAND, ["certgate", "status"],
                          processes.bare_environment({
                              "CERTGATE_CONFIG": str(configuration.file),
                              **more}))
            text = b""
            try:
                while data := os.read(fd, 4096):
                    text += data
            except OSError:  # the end of a terminal
                pass
            os.waitpid(pid, 0)
            text = text.decode()
        out.equal(text.startswith(f"\x1b[31m{KEY_CAUSE}"), coloured,
                  f"colours: {name or 'a terminal'}")
        out.equal("\x1b" in text, coloured, f"colours: {name}: no other")


stories()
of_the_doctor()
dropped()
colours()
rotated()
of_sites()
hostile()
of_others()
in_the_journal()
out.done()
