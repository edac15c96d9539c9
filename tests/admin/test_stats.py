#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate stats: events of the log as text, as JSON and for Prometheus, which
goes on from a state file."""
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
configuration = processes.Configuration(base / "gate", {"CERTGATE_LOG": log},
                                        "")
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
    return {tuple(re.findall(r'="([^"]*)"', n)): v for n, v in values.items()
            if n.startswith("certgate_events_total{") and v}


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
        "without_certificate_total", "stale_decisions_total",
        "lost_lines_total", "decision_seconds_count",
        "decision_seconds_sum",
        'decision_seconds_bucket{le="+Inf"}',
        'decision_seconds_bucket{le="0.000200"}')],
        [1, 1, 3, 4, 0.300199, 4, 3], "sums and times")
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
of_journal(journal)
out.done()
