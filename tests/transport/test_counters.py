#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Counters: those of eight processes that are killed at random add up to the
lines of the log, but for the events in hand at a kill; who cannot count answers
all the same; a fleet without certificates is told of."""
import collections
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, fastcgi, place, processes, tap  # noqa: E402

PROCESSES = 8
KILLS = 40
SETTINGS = {"CERTGATE_ACCESS_KEYS": "bench-access-key",
            "CERTGATE_HUB": "bench", "CERTGATE_LOG": "stderr",
            "CERTGATE_ORIGINS": "bench.webpubsub.azure.com"}
bench = place.BUILD / "tests/bench"
out = tap.Tap()
base = place.temporary()


def counted(folder):
    """What all files in folder have together, by name; what stands now, not
    added up, as "now": a list of one for each file."""
    total = collections.Counter()
    for path in folder.glob("counters.*"):
        if path.stat().st_size != 4096:
            out.result(False, f"{path.name} is one page")
        for line in path.read_text().splitlines()[1:]:
            if line and not line.startswith("now."):
                name, value = line.split()
                total[name] += int(value)
    return total


def logged(configuration):
    """The same by the lines of the log."""
    return collections.Counter(
        f"{verdict}.{reason}" for verdict, reason in re.findall(
            r"verdict=(\S+) reason=(\S+)", configuration.log_since(0)))


def by_reason(counts):
    return {name: n for name, n in counts.items()
            if name.startswith(("allow.", "deny.")) and n > 0}


def gate(name, more=None, text=""):
    stats = base / name / "stats"
    configuration = processes.Configuration(
        base / name, {**SETTINGS, "CERTGATE_STATS": stats, **(more or {})},
        text)
    stats.mkdir()
    return configuration, stats


def killed_at_random():
    dice = random.Random(7)
    subprocess.run([bench / "events", "2000", "mixed", base], check=True)
    configuration, stats = gate("killed", text=(base / "list").read_text())
    held = processes.listen(configuration.folder / "socket")

    def start():
        return processes.begin([place.HANDLER], configuration.log,
                               configuration.environment(), stdin=held)

    running = [start() for _ in range(PROCESSES)]
    server = processes.Nginx(base / "server", configuration)
    load = subprocess.Popen(
        [bench / "load", f"127.0.0.1:{server.port}", base / "events", "16",
         "1000000"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.02, 0.1))
        place_of = dice.randrange(PROCESSES)
        processes.end(running[place_of], signal.SIGKILL)
        running[place_of] = start()
    load.terminate()
    load.wait()
    server.close()
    for process in running:
        processes.end(process)
    held.close()
    total, lines = counted(stats), logged(configuration)
    print(f"# {total['events']} events, {sum(lines.values())} lines")
    differences = sum(abs(lines[n] - total[n])
                      for n in {*lines, *by_reason(total)})
    out.result(total["events"] > 1000 and differences <= KILLS,
               f"{KILLS} kills: the counters are the lines of the log",
               f"{by_reason(total)}\n{lines}")
    out.equal(sum(n for name, n in total.items() if name.startswith("time.")),
              total["events"], "each event has its time")
    out.result(len(list(stats.glob("counters.*"))) <= PROCESSES + 1,
               "as many files as processes", list(stats.iterdir()))


def connect(handler, presented):
    headers = cases.event_headers(
        "azure.webpubsub.sys.connect", hub="bench", key="bench-access-key",
        more={"WebHook-Request-Origin": "bench.webpubsub.azure.com"})
    case = cases.Case("connect", {}, None, {
        "method": "POST", "path": "/eventhandler", "headers": headers,
        "body": cases.connect_body(presented, {}, {})}, None)
    peer = fastcgi.Peer(handler.path)
    peer.send(fastcgi.request(list(cgi.parameters(case).items()), case.body))
    answer = peer.answer()
    peer.close()
    return answer


def not_counting():
    cannot = {
        "no folder": lambda stats: stats.rmdir(),
        "a file": lambda stats: (stats.rmdir(), stats.touch()),
        "writable by everybody": lambda stats: stats.chmod(0o777),
    }
    for name, spoil in cannot.items():
        configuration, stats = gate(name.replace(" ", "-"))
        spoil(stats)
        handler = processes.Handler(configuration)
        answer = connect(handler, []) or b""
        connect(handler, [])
        out.result(answer.startswith(b"Status: 403"),
                   f"{name}: it answers all the same", answer)
        handler.close()
        lines = [line for line in
                 configuration.log_since(0).splitlines() if "stats" in line]
        out.equal(len(lines), 1, f"{name}: one line in the log says so")


def take_up(configuration, settings):
    """Sets them while the handler runs; whether it has them."""
    before = configuration.log_since(0).count(" entries\n")
    new = configuration.file.with_suffix(".new")
    new.write_text("".join(f"{n}={v}\n" for n, v in settings.items()))
    new.rename(configuration.file)
    return place.wait_for(
        lambda: configuration.log_since(0).count(" entries\n") > before)


def warned(configuration):
    """The settings that need a restart, as often as the log has it."""
    return re.findall(r"(\S+) is another than at the start: it counts from the "
                      "next start on; restart needed", configuration.log_since(0))


def turned_elsewhere():
    """The folder is that of the start."""
    configuration, stats = gate("turned")
    other = stats.with_name("other")
    other.mkdir()
    first = {**SETTINGS, "CERTGATE_STATS": stats}
    second = {**SETTINGS, "CERTGATE_STATS": other}
    handler = processes.Handler(configuration)
    connect(handler, [])
    for name, settings, wanted in (
            ("another folder", second, ["STATS"]),
            ("no news of it", second, ["STATS"]),
            ("the first one again", first, ["STATS"]),
            ("and a format", {**second, "CERTGATE_LOG_FORMAT": "json"},
             ["STATS", "LOG_FORMAT", "STATS"])):
        out.result(take_up(configuration, settings), f"{name}: is taken up")
        wanted = [f"CERTGATE_{w}" for w in wanted]
        # A take-up and what is said of it are in one turn of the handler.
        place.wait_for(lambda: len(warned(configuration)) >= len(wanted))
        out.equal(warned(configuration), wanted,
                  f"{name}: what needs a restart is said once")
    connect(handler, [])
    handler.close()
    out.equal((counted(stats)["deny.no-certificate"], list(other.iterdir())),
              (2, []), "another folder: all is counted where it was")


def broken_at_the_start():
    """Settings that do not read say where to count all the same."""
    for name, more, wanted in (("with its folder", {}, []),
                               ("without", {"CERTGATE_STATS": ""},
                                ["CERTGATE_STATS"])):
        configuration, stats = gate(
            f"broken-{name[:6]}", {"CERTGATE_COLOUR": "red", **more})
        handler = processes.Handler(configuration)
        connect(handler, [])
        out.result(take_up(configuration, {**SETTINGS, "CERTGATE_STATS": stats}),
                   f"broken settings {name}: mended while it runs",
                   configuration.log_since(0))
        connect(handler, [])
        handler.close()
        out.equal(warned(configuration), wanted,
                  f"broken settings {name}: a restart is needed or not")
        out.equal(by_reason(counted(stats)), {} if wanted else {
            "deny.settings": 1, "deny.no-certificate": 1},
            f"broken settings {name}: what is counted")


def by_cgi():
    configuration, stats = gate("cgi")
    for _ in range(3):
        subprocess.run([place.HANDLER], env={
            **configuration.environment(), "REQUEST_METHOD": "GET"},
            stdin=subprocess.DEVNULL, capture_output=True, check=True)
    out.equal(by_reason(counted(stats)), {"deny.method": 3},
              "plain CGI: each goes on where the last one ended")
    out.equal([p.name for p in stats.glob("counters.*")], ["counters.0"], "plain CGI: in one file")


def hint():
    configuration, _ = gate("hint")
    handler = processes.Handler(configuration)
    for _ in range(5):
        connect(handler, [])
    handler.close()
    out.equal(configuration.log_since(0).count("tls.clientCertEnabled"), 1,
              "nobody has a certificate: one line says what that may be")


killed_at_random()
not_counting()
turned_elsewhere()
broken_at_the_start()
by_cgi()
hint()
out.done()
