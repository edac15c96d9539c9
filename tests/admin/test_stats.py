#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate stats: events of the log as text, as JSON and for Prometheus, which
goes on from a state file."""
import calendar
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, logs, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
log, state = base / "decisions", base / "state"
configuration = processes.Configuration(
    base / "gate", {"CERTGATE_LOG": log, "CERTGATE_HUB": "chat,ocpp"}, "")
LINES = [
    logs.accepted("device", 9 * 86400), logs.accepted("device", 7200),
    logs.accepted("device", 1800, us="9"),
    logs.rejected("other", 1700, us="150", hub="ocpp", list="stale"),
    logs.line(1600, reason="no-certificate", us="300000"),
    logs.line(1500, reason="signature", signed="no", lost="3"),
    logs.line(1400, verdict="allow", reason="notified", event="connected",
              us="", count="37"),
    logs.line(1300, verdict="allow", reason="anonymous", site="one"),
    logs.line(1200, reason="a-reason-to-come", site="one")]


def stats(*options, source=log):
    return admin.run("stats", "--log", source, *options, environment={
        "CERTGATE_CONFIG": str(configuration.file)})


def in_json(*options, source=log):
    value = json.loads(stats("--json", *options, source=source).out)
    return {(r["verdict"], r["reason"]): r["events"]
            for r in value["reasons"]}, value


# The lines of Prometheus' text format 0.0.4.
LINE = re.compile(r"(# (HELP|TYPE) certgate_\w+ .+|"
                  r'certgate_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [0-9.]+)')


def in_prometheus(source=log):
    done = stats("--prometheus", "--state", state, source=source)
    lines = done.out.splitlines()
    out.result(done.code == 0 and all(LINE.fullmatch(line) for line in lines),
               "prometheus: every line is one of its format",
               [done.err, *(n for n in lines if not LINE.fullmatch(n))])
    families = [n.split()[2] for n in lines if n.startswith("# TYPE")]
    out.equal(len(set(families)), len(families),
              "prometheus: each family once")
    return {n: float(v) for n, v in
            (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def reasons(values):
    """Verdict and reason, at all sites and hubs."""
    found = {}
    for name, value in values.items():
        if name.startswith("certgate_events_total{") and value:
            word = tuple(re.findall(r'="([^"]*)"', name)[2:])
            found[word] = found.get(word, 0) + value
    return found


def counted(source):
    counts, value = in_json(source=source)
    name = source.name
    out.equal(counts, {
        ("allow", "listed"): 1, ("deny", "not-listed"): 1,
        ("deny", "no-certificate"): 1, ("deny", "signature"): 1,
        ("allow", "notified"): 37, ("allow", "anonymous"): 1,
        ("deny", "unknown"): 1}, f"{name}: the last hour")
    out.equal([value[n] for n in ("events", "withoutCertificate", "stale",
                                  "lost", "microseconds", "logBegins")],
              [43, 2, 1, 3, 300279, logs.stamp(logs.NOW - 9 * 86400)],
              f"{name}: sums")
    out.equal({w["microseconds"]: w["events"] for w in value["within"]
               if w["microseconds"] in (10, 50, 200, 100000)},
              {10: 1, 50: 4, 200: 5, 100000: 5}, f"{name}: times")
    out.equal([(h.get("site"), h["hub"], h["allow"], h["deny"])
               for h in value["hubs"]],
              [(None, "chat", 38, 2), (None, "ocpp", 0, 1),
               ("one", "chat", 1, 1)], f"{name}: hubs and sites")
    day = logs.stamp(logs.NOW - 10 * 86400)
    for since, n in (("119m", 43), ("121m", 44), ("8d", 44), ("10d", 45),
                     (day[:10], 45), (day, 45),
                     (logs.stamp(logs.NOW - 1300), 2), ("1m", 0)):
        out.equal(in_json("--since", since, source=source)[1]["events"], n,
                  f"{name}: --since {since}")


def as_text():
    text = stats().out
    out.result(re.search(r"^  deny +no-certificate +1$", text, re.MULTILINE) and
               re.search(r"^hub chat of site one: 1 allowed, 1 denied$", text,
                         re.MULTILINE) and
               re.search(r"^lost lines of the log +3$", text, re.MULTILINE) and
               text.startswith("since ") and text.endswith(
                   f"log begins {logs.stamp(logs.NOW - 9 * 86400)}\n"),
               "as text", text)
    for options in (["--since", "x"], ["--since", ""], ["--since", "0d"],
                    ["--since", "3"], ["--prometheus"], ["--state", state],
                    ["--prometheus", "--state", state, "--since", "1h"],
                    ["--prometheus", "--state", "state"]):
        out.equal(stats(*options).code, 2, f"misused: {options}")
    many = [logs.line(9, reason="hub", hub=f"hub{n}") for n in range(400)]
    (base / "many").write_text(logs.text(many))
    value = in_json(source=base / "many")[1]
    out.equal((len(value["hubs"]), sum(h["deny"] for h in value["hubs"])),
              (257, 400), "a sender that makes up hubs")


def sites(source):
    gate = configuration.folder
    (gate / "sites").mkdir(exist_ok=True)
    (gate / "sites/one.conf").write_text("CERTGATE_HUB=chat\n")
    out.equal(in_json("--site", "one", source=source)[1]["events"], 2,
              f"{source.name}: a site")
    done = stats("--site", "typo", source=source)
    out.result(done.code == 3 and not done.out and
               "sites/typo.conf: unknown site" in done.err,
               f"{source.name}: an unknown site", done)


def prometheus():
    """It counts from where the state begins, and each line once."""
    values = in_prometheus()
    out.equal((reasons(values), values["certgate_decision_seconds_count"]),
              ({}, 0), "without a state it begins with 0")
    with log.open("a") as file:
        file.write(logs.text(LINES[2:6]))
    values = in_prometheus()
    wanted = {("allow", "listed"): 1, ("deny", "not-listed"): 1,
              ("deny", "no-certificate"): 1, ("deny", "signature"): 1}
    out.equal(reasons(values), wanted, "what came since")
    out.equal([values[f"certgate_{n}"] for n in (
        'stale_decisions_total{site="",hub="ocpp"}',
        "lost_lines_total", "decision_seconds_count",
        "decision_seconds_sum",
        'decision_seconds_bucket{le="+Inf"}',
        'decision_seconds_bucket{le="0.000200"}')],
        [1, 3, 4, 0.300199, 4, 3], "sums and times")
    out.equal(reasons(in_prometheus()), wanted, "nothing came")
    with log.open("a") as file:
        file.write(logs.text(LINES[2:3]) + logs.text(LINES[2:3])[:-9])
    wanted[("allow", "listed")] += 1
    out.equal(reasons(in_prometheus()), wanted, "a line, and half of one")
    with log.open("a") as file:
        file.write(logs.text(LINES[2:3])[-9:])
    wanted[("allow", "listed")] += 1
    out.equal(reasons(in_prometheus()), wanted, "the other half")
    out.equal(state.stat().st_mode & 0o777, 0o640, "the mode of the state")
    for name, spoil in (
            ("another file", lambda: (log.rename(base / "old"),
                                      log.write_text(logs.text(LINES)))),
            ("a file that is shorter", lambda: log.write_text("")),
            ("a state that is not one", lambda: state.write_bytes(
                os.urandom(4000))),
            ("an empty state", lambda: state.write_text(""))):
        spoil()
        out.equal(reasons(in_prometheus()), {}, f"it begins again: {name}")
        with log.open("a") as file:
            file.write(logs.text(LINES[2:3]))
        out.equal(reasons(in_prometheus()), {("allow", "listed"): 1},
                  f"and goes on: {name}")
    if os.geteuid() == 0:
        os.chown(state, 33, 33)
        out.equal(reasons(in_prometheus()), {}, "a state of another user")
    done = admin.run("stats", "--prometheus", "--state", state, "--log", "-",
                     environment={"CERTGATE_CONFIG": str(configuration.file)})
    out.equal(done.code, 3, "standard input cannot be gone on with")
    done = stats("--prometheus", "--state", base / "no/state")
    out.result(done.code == 3 and not done.out and "no" in done.err,
               "a state that cannot be written", done)


def samples(name, values):
    """The values of a metric by their labels."""
    return {tuple(re.findall(r'="([^"]*)"', n)): v for n, v in values.items()
            if n.split("{")[0] == "certgate_" + name}


def bounded():
    """Sites and hubs are those of the configuration; names that a sender makes
    up are one."""
    gate = processes.Configuration(
        base / "bounded", {"CERTGATE_LOG": base / "bounded/log",
                           "CERTGATE_HUB": "chat,Ocpp"}, "")
    gate.log.chmod(0o640)
    (gate.folder / "sites").mkdir()
    (gate.folder / "sites/one.conf").write_text("CERTGATE_HUB=plant\n")
    (gate.folder / "sites/two.conf").write_text("nonsense\n")

    def run():
        done = admin.run("stats", "--prometheus", "--state",
                         gate.folder / "state", environment={
                             "CERTGATE_CONFIG": str(gate.file)})
        checked = subprocess.run(
            [processes.find("promtool"), "check", "metrics"],
            input=done.out, capture_output=True, text=True, check=False)
        out.equal((done.code, checked.returncode, checked.stderr), (0, 0, ""),
                  "promtool check metrics")
        return {n: float(v) for n, v in
                (line.rsplit(" ", 1) for line in done.out.splitlines()
                 if line[0] != "#")}

    run()
    gate.log.write_text(logs.text(
        [logs.line(9, hub="CHAT"), logs.line(9, hub="ocpp"),
         logs.line(9, hub="plant", site="one"), logs.line(9, hub=None)] +
        [logs.line(9, hub=f"hub{n}") for n in range(300)] +
        [logs.line(9, hub="chat", site=f"site{n}") for n in range(300)] +
        [logs.line(9, hub='x"} 1\n', site='"')]))
    values = run()
    out.equal({n[:2]: v for n, v in samples("events_total", values).items()
               if v}, {
        ("", "chat"): 1, ("", "Ocpp"): 1, ("one", "plant"): 1,
        ("", "(other)"): 301, ("(other)", "(other)"): 301},
        "names that are not configured are one")
    out.equal({n[:2] for n in samples("events_total", values)}, {
        ("", "chat"), ("", "Ocpp"), ("", "(other)"), ("one", "plant"),
        ("one", "(other)"), ("two", "(other)"), ("(other)", "(other)")},
        "each site and hub has its reasons from the start")
    out.equal(samples("configuration_valid", values),
              {("",): 1, ("one",): 1, ("two",): 0}, "which site is invalid")
    gate.file.write_text("nonsense\n" + gate.file.read_text())
    with gate.log.open("a") as file:
        file.write(logs.text([logs.line(9, hub="chat")]))
    done = admin.run("stats", "--prometheus", "--state", gate.folder / "state",
                     "--log", gate.log, environment={
                         "CERTGATE_CONFIG": str(gate.file)})
    out.result('site="",hub="chat",verdict="deny",reason="not-listed"} 2\n' in
               done.out and 'configuration_valid{site=""} 0\n' in done.out,
               "invalid settings: the hubs stay known", done)


def in_force():
    """What the handler itself logs of its loads."""
    gate = processes.Configuration(
        base / "force", {}, "aa" * 20 + "\n")
    handler = processes.Handler(gate)

    def seen():
        values = {n: float(v) for n, v in (
            line.rsplit(" ", 1) for line in admin.run(
                "stats", "--prometheus", "--state", gate.folder / "state",
                "--log", gate.log, environment={"CERTGATE_CONFIG": str(
                    gate.file)}).out.splitlines() if line[0] != "#")}
        return {n: samples(n, values).get(("",)) for n in (
            "list_entries", "list_revision", "configuration_stale",
            "configuration_valid")} | {
                "digest": [n[1] for n in samples("list_info", values)],
                "age": logs.NOW - samples(
                    "list_loaded_timestamp_seconds", values)[("",)] < 60}

    def digest():
        return [hashlib.sha256(gate.list.read_bytes()).hexdigest()[:16]]

    place.wait_for(lambda: "list 1: " in gate.log.read_text())
    wanted = {"list_entries": 1, "list_revision": 1, "configuration_stale": 0,
              "configuration_valid": 1, "digest": digest(), "age": True}
    out.equal(seen(), wanted, "in force: at the start")
    gate.write_list("aa" * 20 + "\n" + "bb" * 20 + "\n")
    wanted |= {"list_entries": 2, "list_revision": 2, "digest": digest()}
    place.wait_for(lambda: "list 2: " in gate.log.read_text())
    out.equal(seen(), wanted, "in force: after a reload")
    gate.write_list("nonsense\n")
    place.wait_for(lambda: "see certgate check" in gate.log.read_text())
    out.equal(seen(), wanted | {"configuration_stale": 1,
                                "configuration_valid": 0},
              "in force: an invalid list on disk")
    (gate.folder / "state").unlink()
    out.equal(seen(), wanted | {"configuration_stale": 1,
                                "configuration_valid": 0},
              "in force: without a state")
    gate.write_list("cc" * 20 + "\n")
    wanted |= {"list_entries": 1, "list_revision": 3, "digest": digest()}
    place.wait_for(lambda: "list 3: " in gate.log.read_text())
    out.equal(seen(), wanted, "in force: it is fixed")
    handler.close()


def ends():
    """The next end by site, hub and kind."""
    now, day = logs.NOW, 86400
    names = {"soon": 5, "later": 9, "past": -3, "long-past": -9}
    gate = processes.Configuration(
        base / "ends", {"CERTGATE_LOG": base / "ends/log",
                        "CERTGATE_HUB": "chat"},
        "".join(f"{logs.certificate(n)['sha256']}\n" for n in names) +
        "dd" * 20 + " expires=2098-01-01\n" +
        "deny " + "ee" * 20 + " expires=2097-01-01\n")
    gate.log.chmod(0o640)

    def run(*known):
        gate.log.write_text(logs.text([
            logs.accepted(n, 99, user=n, not_after=logs.stamp(
                now + names[n] * day)) for n in known]))
        text = admin.run("stats", "--prometheus", "--state",
                         gate.folder / "state", environment={
                             "CERTGATE_CONFIG": str(gate.file)}).out
        return samples("certificate_expires_seconds", {
            n: float(v) for n, v in (line.rsplit(" ", 1) for line in
                                     text.splitlines() if line[0] != "#")})

    entry = {("", "(other)", kind): calendar.timegm(
        (year, 1, 1, 23, 59, 59)) for kind, year in (("entry", 2098),
                                                     ("deny", 2097))}
    out.equal(run(), entry, "ends: those of entries")
    for known, which in ((["later", "soon"], "soon"),
                         (["later", "past"], "past"),
                         (["later", "long-past"], "later")):
        out.equal(run(*known), entry | {("", "chat", "certificate"):
                                        now + names[which] * day},
                  f"ends: {which}")


def of_journal(folder):
    state.unlink(missing_ok=True)
    logs.journal(folder, logs.exported(LINES[:2]))
    out.equal(reasons(in_prometheus(folder)), {}, "journal: it begins with 0")
    before = state.read_text()
    out.equal((reasons(in_prometheus(folder)), state.read_text()),
              ({}, before), "journal: nothing came")
    for path in folder.iterdir():
        more = logs.exported(LINES[2:4], logs.TRUSTED) + \
            logs.exported(LINES[4:5], {"_UID": "1000"})
        subprocess.run([processes.find_in("systemd-journal-remote",
                                          "/lib/systemd"),
                        "--split-mode=none", "-o", path, "-"],
                       input=more.encode(), check=True, capture_output=True)
    wanted = {("allow", "listed"): 1, ("deny", "not-listed"): 1}
    out.equal(reasons(in_prometheus(folder)), wanted,
              "journal: what the handler logged since")
    out.equal(reasons(in_prometheus(folder)), wanted, "journal: once")
    logs.journal(folder, logs.exported(LINES[5:7]))
    out.equal(reasons(in_prometheus(folder)), {},
              "journal: one that does not have the cursor")


log.write_text(logs.text(LINES))
log.chmod(0o640)
journal = logs.journal(base / "journal", logs.exported(LINES))
for source in (log, journal):
    counted(source)
    sites(source)
as_text()
prometheus()
bounded()
in_force()
ends()
of_journal(journal)
out.done()
