#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate stats: as text, as JSON and for Prometheus it says what the log says,
whatever else is in the folder."""
import collections
import contextlib
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, fastcgi, place, processes, tap  # noqa: E402

KEY = "one0123456789abcdef"
KNOWN = cases.certificates()
out = tap.Tap()
base = place.temporary()
folder = base / "gate/stats"
configuration = processes.Configuration(
    base / "gate", {"CERTGATE_ACCESS_KEYS": KEY, "CERTGATE_STATS": folder},
    KNOWN["device"]["sha1"] + " user=pump-7\n")


def stats(*options, of=configuration):
    return subprocess.run([place.BUILD / "certgate", "stats", *options],
                          env=of.environment(),
                          capture_output=True, text=True, timeout=60,
                          check=False)


def send(handler, presented, key=KEY, more=()):
    case = cases.Case("connect", {}, None, {
        "method": "POST", "path": "/eventhandler", "headers":
        cases.event_headers("azure.webpubsub.sys.connect", key=key),
        "body": cases.connect_body(presented, KNOWN, {})}, None)
    peer = fastcgi.Peer(handler.path)
    peer.send(fastcgi.request(
        [*cgi.parameters(case).items(), *more], case.body))
    peer.answer()
    peer.close()


def logged():
    return collections.Counter(re.findall(
        r"verdict=(\S+) reason=(\S+)", configuration.log_since(0)))


def in_json():
    value = json.loads(stats("--json").stdout)
    counts = {(r["verdict"], r["reason"]): r["events"]
              for r in value["reasons"] if r["events"]}
    return counts, value


# The lines of Prometheus' text format 0.0.4.
LINE = re.compile(r"(# (HELP|TYPE) certgate_\w+ .+|"
                  r'certgate_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [0-9.]+)')


def in_prometheus():
    lines = stats("--prometheus").stdout.splitlines()
    out.result(all(LINE.fullmatch(line) for line in lines),
               "prometheus: every line is one of its format",
               [line for line in lines if not LINE.fullmatch(line)])
    families = [line.split()[2] for line in lines
                if line.startswith("# TYPE")]
    out.equal(len(set(families)), len(families),
              "prometheus: each family once")
    values = dict(line.rsplit(" ", 1) for line in lines if line[0] != "#")
    return {n: float(v) for n, v in values.items()}


def sites(gate):
    """A site that has settings, or had them when it was counted; no other."""
    (gate.folder / "stats").mkdir()
    (gate.folder / "sites").mkdir()
    for name in ("quiet", "gone"):
        (gate.folder / f"sites/{name}.conf").write_text("CERTGATE_HUB=chat\n")
    with contextlib.closing(processes.Handler(gate)) as handler:
        send(handler, [], more=[(b"CERTGATE_SITE", b"gone")])
    (gate.folder / "sites/gone.conf").unlink()
    for name, events in (("quiet", 0), ("gone", 1)):
        done = stats("--site", name, "--json", of=gate)
        out.result(done.returncode == 0 and
                   json.loads(done.stdout)["events"] == events,
                   f"site {name}", done)
    for form in ([], ["--json"], ["--prometheus"]):
        done = stats("--site", "typo", *form, of=gate)
        out.result(done.returncode == 3 and not done.stdout and
                   "'typo'" in done.stderr and "sites/typo.conf" in done.stderr,
                   f"a site that there is not {form}", done)


out.result(stats().returncode == 3 and "stats" in stats().stderr,
           "without a folder it says so")
folder.mkdir()
out.equal((stats().returncode, in_json()[0]), (0, {}), "nothing yet")
one = processes.Handler(configuration, "one")
two = processes.Handler(configuration, "two")
place.wait_for(lambda: len(in_json()[1]["handlers"]) == 2)
out.equal([(h["list"], h["entries"]) for h in in_json()[1]["handlers"]],
          [(1, 1)] * 2, "the list of each, before an event")
for turn in range(7):
    send(one, ["@device"])
    send(two, [])
    send(two, ["@device"], key="another key of nobody")
counts, value = in_json()
out.equal(counts, dict(logged()), "json: as in the log")
out.equal((value["events"], value["withoutCertificate"]), (21, 7),
          "json: sums")
out.equal(sorted((h["list"], h["entries"], h["stale"])
                 for h in value["handlers"]), [(1, 1, False)] * 2,
          "json: both handlers and their list")
out.equal({h["process"] for h in value["handlers"]},
          {one.process.pid, two.process.pid}, "json: their processes")
within = [w["events"] for w in value["within"]]
out.result(within == sorted(within) and within[-1] <= 21,
           "json: times go up", within)
values = in_prometheus()
out.equal({k: v for k, v in values.items() if "_total{" in k and v}, {
    f'certgate_events_total{{verdict="{v}",reason="{r}"}}': float(n)
    for (v, r), n in logged().items()}, "prometheus: as in the log")
out.equal((values["certgate_decision_seconds_count"],
           values['certgate_decision_seconds_bucket{le="+Inf"}'],
           values["certgate_handlers"], values["certgate_list_entries"],
           values["certgate_without_certificate_total"]),
          (21, 21, 2, 1, 7), "prometheus: sums")
text = stats().stdout
out.result(re.search(r"deny +no-certificate +7\n", text) and
           re.search(r"handlers that run +2\n", text) and
           re.search(rf"process {one.process.pid}, .*list 1 of 1 entries\n",
                     text), "text: the same", text)
# Half a list: from then on it is stale, though no event comes.
configuration.write_list("x")
place.wait_for(lambda: not [h for h in in_json()[1]["handlers"]
                            if not h["stale"]])
out.equal(in_prometheus()["certgate_stale_handlers"], 2,
          "prometheus: a stale list")
two.close()
one.close()
before = in_json()[0]
out.equal((in_prometheus()["certgate_handlers"], before), (0, dict(logged())),
          "what was counted stays when they end")
# Whatever else is there.
page = (folder / "counters.0").read_bytes()
(folder / "counters.7").write_bytes(b"\x1b[31m" * 819 + b"x")
(folder / "counters.8").write_bytes(page[:-1])
(folder / "counters.9").write_bytes(page + b"\n")
(folder / "counters.10").symlink_to(folder / "counters.0")
(folder / "counters.11").write_bytes(page.replace(b"deny.code", b"deny.\x1b[1m"))
(folder / "counters.12").mkdir()
(folder / "counters.999").write_bytes(page)
processes.os.mkfifo(folder / "counters.13")
done = stats("--json")
out.result(done.returncode == 0 and in_json()[0] == before and
           "\x1b" not in done.stdout + done.stderr,
           "strangers in the folder count nothing", done.stdout + done.stderr)
sites(processes.Configuration(
    base / "sited", {"CERTGATE_STATS": base / "sited/stats"}, ""))
out.done()
