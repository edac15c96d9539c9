#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""examples/prometheus and examples/grafana on what certgate stats --prometheus
prints: each alert fires on its planted cause, and on nothing else."""
import json
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, logs, place, processes, tap  # noqa: E402

RULES = place.SOURCE / "examples/prometheus/certgate.rules.yml"
DASHBOARD = place.SOURCE / "examples/grafana/certgate.json"
HEALTHY, PLANTED = 1500, 90  # minutes
DAY = 86400
LIST = "".join(f"{logs.certificate(n)['sha256']} user={n}\n"
               for n in ("pump-1", "pump-2"))
out = tap.Tap()
base = place.temporary()
promtool = processes.find("promtool")
linted = set()


class Host:
    """One host: its settings, its log, and what Prometheus gets from it."""

    def __init__(self, name):
        self.name = name
        self.gate = processes.Configuration(
            base / name, {"CERTGATE_LOG": base / name / "log",
                          "CERTGATE_HUB": "plant"},
            LIST)
        self.gate.log.chmod(0o640)
        self.log(logs.text([load()]))
        self.scrape()

    def log(self, text):
        with self.gate.log.open("a") as file:
            file.write(text)

    def scrape(self):
        done = admin.run("stats", "--prometheus", "--state",
                         self.gate.folder / "state", environment={
                             "CERTGATE_CONFIG": str(self.gate.file)})
        if done.code != 0:
            out.result(False, f"{self.name}: stats", done)
        lint(self.name, done.out)
        return dict(line.rsplit(" ", 1) for line in done.out.splitlines()
                    if not line.startswith("#"))


def lint(name, text):
    """Once for texts that differ in numbers alone."""
    lines = [line if line.startswith("#") else
             f"{line.rpartition(' ')[0]} {float(line.rpartition(' ')[2]) * 0}"
             for line in text.splitlines()]
    if tuple(lines) in linted:
        return
    linted.add(tuple(lines))
    checked = subprocess.run([promtool, "check", "metrics"], input=text,
                             capture_output=True, text=True, check=False)
    if checked.returncode != 0 or checked.stderr:
        out.result(False, f"{name}: promtool check metrics",
                   f"{checked.stderr}{checked.stdout}")


def load(number=1, digest="0011223344556677"):
    return logs.NOW, f"list {number}: 1 entry, sha256 {digest}"


def traffic(*reasons, us="40", **fields):
    """The log of a minute: one line for each reason."""
    lines = []
    for reason in reasons:
        verdict = "allow" if reason in ("listed", "notified", "validated") \
            else "deny"
        lines.append(logs.rejected("pump-1", 1, verdict=verdict, us=us,
                                   reason=reason, hub="plant", **fields))
    return logs.text(lines)


OK = ["listed"] * 6 + ["notified", "validated", "signature", "method",
                       "not-listed"]


def series(host, plant, minutes=PLANTED):
    """A day of traffic that is well, then what plant adds in each minute; by
    the differences of what the program printed."""
    start = host.scrape()
    host.log(traffic(*OK))
    well = host.scrape()
    plant(host)
    ill = host.scrape()
    found = []
    for name in {**well, **ill}:
        label = name.replace("{", '{instance="%s",' % host.name) \
            if "{" in name else name + '{instance="%s"}' % host.name
        label = label.replace(",}", "}")
        a, b, c = (values.get(name) for values in (start, well, ill))
        if "events_total" in name and {a, b, c} == {"0"}:
            continue  # as many of them as reasons; they only take time
        if "stats_timestamp" in name:
            text = f"0+60x{HEALTHY + minutes}"
            if getattr(host, "frozen", False):
                text = f"0+60x{HEALTHY} {HEALTHY * 60}x{minutes - 1}"
        elif "timestamp_seconds" in name:
            text = f"0x{HEALTHY + minutes}"
        elif "expires_seconds" in name:
            # The clock of promtool begins at 0, and is here HEALTHY minutes.
            ends = [int(v) - logs.NOW + HEALTHY * 60 if v else "_"
                    for v in (b, c)]
            text = f"{ends[0]}x{HEALTHY} {ends[1]}x{minutes}"
        elif re.search(r"_(total|bucket|sum|count)(\{|$)", name):
            step, more = float(b) - float(a), float(c) - float(b)
            text = f"0+{step}x{HEALTHY} {step * HEALTHY + more}+" \
                   f"{more}x{minutes - 1}"
        else:
            text = f"{b or '_'}x{HEALTHY} {c or '_'}x{minutes}"
        found.append({"series": "certgate_" * (not label.startswith("certgate"))
                      + label, "values": text})
    return found


def nothing(host):
    host.log(traffic(*OK))


def of(*reasons, **fields):
    return lambda host: host.log(traffic(*reasons, **fields))


def invalid(host):
    nothing(host)
    host.gate.write_list("nonsense\n")


def stale(host):
    nothing(host)
    host.log(logs.text([(logs.NOW, "the last good settings and list stay in "
                                   "force; see certgate check")]))


def old_store(host):
    nothing(host)
    path = host.gate.folder / "store"
    with host.gate.file.open("a") as file:
        file.write(f"CERTGATE_STORE={path}\n")
    admin.run("store", "init", environment=host.gate.environment())
    for name, value in (("revision", "1"),
                        ("contact", f"{int(time.time()) - 400} 0")):
        subprocess.run([place.BUILD / "tests/fleet/value", path, name, value],
                       check=True)


def other_list(host):
    nothing(host)
    host.log(logs.text([load(2, "8899aabbccddeeff")]))


def unknown_site(host):
    nothing(host)
    host.log(traffic("site", site="unknown"))


def frozen(host):
    nothing(host)
    host.frozen = True


def ends_in(days):
    def plant(host):
        nothing(host)
        host.log(logs.text([logs.accepted(
            "pump-2", 1, user="pump-2", hub="plant",
            not_after=logs.stamp(logs.NOW + days * DAY))]))
    return plant


GOOD = ["listed"] * 6
OF_ALL = {"CertgateListsDiffer"}  # it names no host
# The alert, and what is planted for it.
CAUSES = [
    (None, nothing),
    (None, of(*GOOD, "signature", "signature", "origin", "no-signature")),
    (None, of(*GOOD, "not-listed", "no-certificate")),
    (None, of("notified")),
    (None, ends_in(20)),
    ("CertgateMetricsOld", frozen),
    ("CertgateConfigurationInvalid", invalid),
    ("CertgateConfigurationStale", stale),
    ("CertgateListsDiffer", other_list),
    ("CertgateStoreOld", old_store),
    ("CertgateSenderRefused", of("signature", "signature", "validated")),
    ("CertgateSenderRefused", of("origin")),
    ("CertgateSenderRefused", unknown_site),
    ("CertgateNoCertificate", of("no-certificate", "notified")),
    ("CertgateAllRefused", of("not-listed", "notified")),
    ("CertgateAllRefused", of("certificate-expired", "notified")),
    ("CertgateManyRefused", of(*GOOD, "crl", "crl", "crl")),
    ("CertgateDenied", of(*GOOD, "denied")),
    ("CertgateDenied", of(*GOOD, "revoked")),
    ("CertgateExpires", ends_in(10)),
    ("CertgateExpiresNow", ends_in(1)),
    ("CertgateExpiresNow", ends_in(-3)),
    ("CertgateSilent", lambda host: None),
    ("CertgateSlow", of(*GOOD, us="90000")),
    ("CertgateLinesLost", of(*GOOD, lost="3")),
    ("CertgateInternal", of(*GOOD, "internal")),
]


def judge(found, expected):
    """Runs promtool.  expected: a selector of ALERTS, and the one alert that
    fires; None: none."""
    checks = []
    for where, alert in expected.items():
        firing = "group by (alertname) (ALERTS{alertstate=\"firing\"" \
            + where + "})"
        checks += [
            {"expr": firing, "eval_time": f"{HEALTHY - 5}m"},
            {"expr": firing, "eval_time": f"{HEALTHY + PLANTED - 5}m",
             "exp_samples": [{"labels": '{alertname="%s"}' % alert,
                              "value": 1}] if alert else []}]
    path = base / "test.yml"
    path.write_text(json.dumps({
        "rule_files": [str(RULES)], "evaluation_interval": "5m",
        "tests": [{"interval": "1m", "input_series": found,
                   "promql_expr_test": checks}]}))
    done = subprocess.run([promtool, "test", "rules", path],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def of_host(name):
    return f',instance="{name}"'


def alerts():
    """Each cause has a host of its own."""
    known = re.findall(r"- alert: (\w+)", RULES.read_text())
    out.equal(set(known) - {alert for alert, _ in CAUSES}, set(),
              "each alert has a cause")
    other = series(Host("other"), nothing)
    found, expected = list(other), {of_host("other"): None, of_host(""): None}
    for number, (alert, plant) in enumerate(CAUSES):
        name = f"host{number}"
        own = series(Host(name), plant)
        if alert in OF_ALL:
            good, text = judge(own + other, {"": alert})
            out.result(good, f"{alert}: {name}", text[-1500:])
        else:
            found += own
            expected[of_host(name)] = alert
    good, text = judge(found, expected)
    failed = re.findall(r"(?m)^ *expr: .*?(,instance=.*?)\}",
                        text.replace("\\", ""))
    for where, alert in expected.items():
        out.result(good or (failed and where not in failed),
                   f"{alert or 'no alert'}: {where[1:]}", text[-1500:])


def dashboard():
    """Each query parses, and names metrics that there are."""
    text = DASHBOARD.read_text()
    queries = re.findall(r'"(?:expr|query)": "((?:[^"\\]|\\.)*)"', text)
    names = {re.match(r"\w+", n)[0] for n in Host("dashboard").scrape()} | {
        "certgate_certificate_expires_seconds", "certgate_store_age_seconds"}
    rules = {"groups": [{"name": "queries", "rules": [
        {"record": f"query:{n}", "expr": json.loads(f'"{q}"').replace(
            "$__rate_interval", "5m").replace("$__range", "1h")}
        for n, q in enumerate(queries) if "label_values" not in q]}]}
    path = base / "queries.yml"
    path.write_text(json.dumps(rules))
    done = subprocess.run([promtool, "check", "rules", path],
                          capture_output=True, text=True, check=False)
    out.result(len(queries) > 8 and done.returncode == 0,
               "the queries of the dashboard", done.stdout + done.stderr)
    for what, source in (("dashboard", " ".join(queries)),
                         ("alerts", RULES.read_text())):
        used = set(re.findall(r"\bcertgate_\w+", source))
        out.equal({n for n in used if n not in names}, set(),
                  f"{what}: each metric is one")
    out.equal(json.loads(text)["title"], "certgate", "the dashboard is JSON")


alerts()
dashboard()
out.done()
