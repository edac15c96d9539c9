# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Runs the case tables through one way to the handler."""
import concurrent.futures
import re

from . import cases, expect, http, place, processes

TOGETHER = 8  # servers


def groups(rows):
    """Cases by configuration, in the order of the tables."""
    found = {}
    for case in rows:
        found.setdefault(case.configuration(), []).append(case)
    return list(found.values())


def configured(base, rows):
    """(number, group, its configuration) of each group.  All are written before
    the first is read: a start waits for settings that are younger than a
    second."""
    return [(number, group, processes.Configuration(
        base / str(number), group[0].settings, group[0].list,
        group[0].files)) for number, group in enumerate(groups(rows))]


def send(port, case):
    data = http.request_bytes(case.method, case.path, case.headers, case.body,
                              case.length, case.chunked)
    return http.exchange(port, data, end_early=case.length is not None)


def server_says(case, door):
    """What the table says of a door that answers otherwise by itself."""
    for name, says in case.expected.get("servers", {}).items():
        if door.startswith(name):
            return says
    return None


def reason_fault(case, log):
    wanted = case.expected.get("reason")
    if not wanted or wanted == "notified":  # see run_server
        return []
    # A line with a count is of notifications before, written once a minute.
    found = [d["reason"] for d in processes.decisions(log)
             if "count" not in d]
    return [] if found and found[-1] == wanted else [
        f"reason: got {found}, expected {wanted}"]


def events(log):
    """How many events the lines of a log are about."""
    return sum(int(d.get("count", 1)) for d in processes.decisions(log))


def count_notified(configuration):
    return events("\n".join(re.findall(".*reason=notified.*",
                                       configuration.log_since(0))))


def is_notified(case, door):
    return case.expected.get("reason") == "notified" and \
        not server_says(case, door)


def judge(tap, door, case, answer, log):
    server = server_says(case, door)
    found = expect.faults(case.expected, answer, server)
    if not server:
        found += reason_fault(case, log)
    tap.result(not found, f"{door}: {case.name}",
               "\n".join(found) + f"\nanswer {answer}\nlog {log[-600:]}")


def repeat(tap, door, case, port):
    """The cases that are about more than one request."""
    if case.name == "hostile/concurrent-identical":
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda _: send(port, case), range(50)))
        kinds = {(a.status, a.body) for a in answers}
        tap.result(len(kinds) == 1, f"{door}: {case.name}: 50 equal answers",
                   kinds)
    if case.name == "connect/retry-same-id":
        first, second = send(port, case), send(port, case)
        tap.equal((second.status, second.body), (first.status, first.body),
                  f"{door}: {case.name}: the same answer")


def run_group(tap, door, group, configuration, start, with_handler):
    handler = processes.Handler(configuration) if with_handler else None
    server = start(configuration.folder / "server", configuration)
    for case in group:
        before = configuration.log_size()
        answer = send(server.port, case)
        judge(tap, door, case, answer, configuration.log_since(before))
        repeat(tap, door, case, server.port)
    server.close()
    if handler:
        code = handler.close()
        if code != 0:
            tap.equal(code, 0, f"{door}: the handler ends with 0")
    notified = sum(is_notified(case, door) for case in group)
    if notified:
        place.wait_for(lambda: count_notified(configuration) >= notified)
        tap.equal(count_notified(configuration), notified,
                  f"{door}: accepted notifications, counted")


def run_server(tap, door, start, with_handler):
    """start(folder, configuration) gives a running server with a port."""
    run_rows(tap, door, start, with_handler, [
        c for c in cases.all_cases()
        if not getattr(c, "only_inprocess", False) and not c.parameters])


def run_rows(tap, door, start, with_handler, rows):
    """Several configurations are served at once."""
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        done = [pool.submit(run_group, tap, door, group, configuration, start,
                            with_handler)
                for _, group, configuration in configured(place.temporary(),
                                                          rows)]
        for one in done:
            one.result()
