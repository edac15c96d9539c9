# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Runs the case tables through one way to the handler."""
import concurrent.futures
import re

from . import cases, expect, http, place, processes

TOGETHER = 8  # servers, or handlers
AT_A_SERVER = 40  # configurations


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
    if not wanted or wanted == "notified":  # see check_notified
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


def run_cases(tap, door, group, configuration, port, with_handler):
    handler = processes.Handler(configuration) if with_handler else None
    for case in group:
        before = configuration.log_size()
        answer = send(port, case)
        judge(tap, door, case, answer, configuration.log_since(before))
        repeat(tap, door, case, port)
    if handler:
        code = handler.close()
        if code != 0:
            tap.equal(code, 0, f"{door}: the handler ends with 0")


def check_notified(tap, door, rows, configuration):
    """Compares the number of notifications in the log with that of the cases.
    Call it after the end of the handler, which writes the last count."""
    notified = sum(is_notified(case, door) for case in rows)
    if notified:
        place.wait_for(lambda: count_notified(configuration) >= notified)
        tap.equal(count_notified(configuration), notified,
                  f"{door}: accepted notifications, counted")


def run_group(tap, door, group, configuration, start, with_handler):
    server = start(configuration.folder / "server", configuration)
    run_cases(tap, door, group, configuration, server.port, with_handler)
    server.close()
    check_notified(tap, door, group, configuration)


def table_rows():
    return [c for c in cases.all_cases()
            if not getattr(c, "only_inprocess", False) and not c.parameters]


def run_server(tap, door, start, with_handler, rows=None):
    """start(folder, configurations) gives a running server with a port for
    each."""
    found = configured(place.temporary(), rows or table_rows())
    for first in range(0, len(found), AT_A_SERVER):
        run_part(tap, door, start, with_handler,
                 found[first:first + AT_A_SERVER])


def run_part(tap, door, start, with_handler, part):
    """One server for all configurations of the part.  Handlers that the server
    starts write to its log: then the cases run one after the other, and a group
    with notifications has a server of its own."""
    shared = []
    for _, group, configuration in part:
        if not with_handler and any(is_notified(case, door) for case in group):
            run_group(tap, door, group, configuration, start, with_handler)
        else:
            shared.append((group, configuration))
            if not with_handler:
                configuration.log = shared[0][1].log
    configurations = [configuration for _, configuration in shared]
    server = start(configurations[0].folder / "server", configurations)
    with concurrent.futures.ThreadPoolExecutor(
            TOGETHER if with_handler else 1) as pool:
        for done in [pool.submit(run_cases, tap, door, group, configuration,
                                 port, with_handler)
                     for (group, configuration), port in
                     zip(shared, server.ports)]:
            done.result()
    server.close()
    for group, configuration in shared:
        check_notified(tap, door, group, configuration)


def run_rows(tap, door, start, with_handler, rows):
    """start(folder, configuration) gives a running server with a port, one for
    each configuration; several at once."""
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        done = [pool.submit(run_group, tap, door, group, configuration, start,
                            with_handler)
                for _, group, configuration in configured(place.temporary(),
                                                          rows)]
        for one in done:
            one.result()
