#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The handler under valgrind: FastCGI requests of every case of the commonest
configurations, hostile peers, a list that is edited, and a proper end; no error
and no leak.  And one plain CGI request."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, door, fastcgi, place, processes  # noqa: E402
from harness import tap  # noqa: E402

VALGRIND = [processes.find("valgrind"), "--quiet", "--error-exitcode=99",
            "--leak-check=full", "--show-leak-kinds=definite,indirect",
            "--errors-for-leak-kinds=definite,indirect"]
CONFIGURATIONS = 3
out = tap.Tap()
base = place.temporary()


def send(path, data):
    peer = fastcgi.Peer(path)
    peer.send(data)
    answer = peer.answer()
    peer.close()
    return answer


def run(number, group):
    configuration = processes.Configuration(
        base / str(number), group[0].settings, group[0].list)
    path = configuration.folder / "socket"
    with processes.listen(path) as listener:
        # Valgrind itself asks the kernel for more than is in the sandbox.
        handler = processes.begin(VALGRIND + [place.HANDLER, "--no-sandbox"],
                                  configuration.log,
                                  configuration.environment(),
                                  stdin=listener)
        answered = 0
        for case in group:
            answered += send(path, fastcgi.request(
                list(cgi.parameters(case).items()), case.body)) is not None
        out.equal(answered, len(group), f"{number}: every case is answered")
        for wrong in (b"\1\1\0\0", fastcgi.record(9, b"x" * 500, 0),
                      fastcgi.begin(2), fastcgi.begin() +
                      fastcgi.record(4, b"\xff" * 900)):
            peer = fastcgi.Peer(path)
            peer.send(wrong)
            peer.close()
        configuration.write_list("# edited\n")
        code = processes.end(handler, seconds=60)
    out.equal(code, 0, f"{number}: no error, no leak")
    if code != 0:
        print("# " + "\n".join(
            line for line in configuration.log_since(0).splitlines()
            if line.startswith("=="))[:3000]
              .replace("\n", "\n# "))


rows = [c for c in cases.all_cases() if len(c.body) < 100000]
for index, found in enumerate(sorted(door.groups(rows), key=len,
                                     reverse=True)[:CONFIGURATIONS]):
    run(index, found)
case = next(c for c in rows if c.name == "own/entry/everything")
given = {n.encode(): v.encode() for n, v
         in processes.bare_environment(case.settings).items()}
given.update(cgi.parameters(case))
done = subprocess.run(VALGRIND + [place.HANDLER], env=given, input=case.body,
                      capture_output=True, check=False)
out.equal(done.returncode, 0, "plain CGI: no error, no leak")
out.done()
