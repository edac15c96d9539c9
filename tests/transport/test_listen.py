#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""How the program is started: --listen, file descriptor 0, misuse."""
import fcntl
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import fastcgi, place, processes, tap  # noqa: E402

VALIDATION = fastcgi.request([
    (b"REQUEST_METHOD", b"OPTIONS"),
    (b"HTTP_WEBHOOK_REQUEST_ORIGIN", b"x.example")])
BARE = processes.bare_environment({"CERTGATE_HUB": "*"})
out = tap.Tap()
base = place.temporary()
log = base / "log"


def start(*arguments):
    return processes.begin([place.HANDLER, *arguments], log, BARE)


def is_answered(path):
    try:
        peer = fastcgi.Peer(path, 5)
    except OSError:
        return False
    peer.send(VALIDATION)
    answer = peer.answer()
    peer.close()
    return (answer or b"").startswith(b"Status: 200")


def run(*arguments, environment=None, stdin=subprocess.DEVNULL, **more):
    """One that should end by itself: exit code, output, errors."""
    done = subprocess.run([place.HANDLER, *map(str, arguments)], stdin=stdin,
                          env=environment or BARE, capture_output=True,
                          text=True, timeout=20, check=False, **more)
    return done.returncode, done.stdout, done.stderr


path = base / "socket"
first = start("--listen", path)
out.result(place.wait_for(lambda: is_answered(path)), "--listen PATH")
out.equal(oct(stat.S_IMODE(path.stat().st_mode)), "0o660", "mode 0660")
code, _, errors = run("--listen", path)
out.result(code == 3 and "in use" in errors, "a live socket is not taken",
           errors)
out.result(is_answered(path), "the live one goes on")
out.equal(processes.end(first), 0, "SIGTERM ends it with 0")
out.result(not path.exists(), "its socket is removed")

dead = socket.socket(socket.AF_UNIX)
dead.bind(str(path))
dead.close()
second = start("--listen", path, "--listen-mode", "0600", "--listen-group",
               str(__import__("grp").getgrgid(os.getgid()).gr_name))
out.result(place.wait_for(lambda: is_answered(path)),
           "a dead socket is replaced")
out.equal(oct(stat.S_IMODE(path.stat().st_mode)), "0o600", "--listen-mode")
out.equal(path.stat().st_gid, os.getgid(), "--listen-group")
second.send_signal(signal.SIGKILL)
second.wait()
third = start("--listen", path)
out.result(place.wait_for(lambda: is_answered(path)), "after a SIGKILL too")
processes.end(third, signal.SIGINT)
out.equal(third.returncode, 0, "SIGINT ends it with 0")
last = start("--listen", path)
place.wait_for(lambda: is_answered(path))
last.send_signal(signal.SIGSTOP)
waiting = [fastcgi.Peer(path, 10) for _ in range(150)]
for peer in waiting:
    peer.send(VALIDATION)
last.send_signal(signal.SIGTERM)
last.send_signal(signal.SIGCONT)
out.equal(sum(peer.answer() is not None for peer in waiting), 150,
          "SIGTERM: a connected peer is answered")
for peer in waiting:
    peer.close()
out.equal(processes.end(last), 0, "and then it ends")
dead = socket.socket(socket.AF_UNIX)
dead.bind(str(path))
dead.close()

many = [start("--listen", path) for _ in range(8)]
place.wait_for(lambda: sum(p.poll() is not None for p in many) == 7)
out.equal(sorted(-1 if p.poll() is None else p.poll() for p in many),
          [-1] + [3] * 7, "of eight at once, one gets a dead socket")
out.result(is_answered(path), "and answers")
for process in many:
    processes.end(process)

folder = os.open(base, os.O_RDONLY)
fcntl.flock(folder, fcntl.LOCK_EX)
code, _, errors = run("--listen", path)
out.result(code == 3 and "locked by another process" in errors and
           not path.exists(), "a folder whose lock another one holds", errors)
os.close(folder)


def holds_signals(process):
    """It is not serving yet, and a signal waits until it does."""
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    held = int(text.partition("SigBlk:")[2].split()[0], 16)
    return all(held >> s - 1 & 1 for s in (
        signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1))


for number, wanted in (signal.SIGHUP, True), (signal.SIGTERM, False):
    folder = os.open(base, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    early = start("--listen", path)
    out.result(place.wait_for(lambda: holds_signals(early)),
               "signals that come before it serves are held")
    early.send_signal(number)
    os.close(folder)
    if wanted:
        out.result(place.wait_for(lambda: is_answered(path)),
                   "SIGHUP before it serves: it does")
        out.equal(processes.end(early), 0, "and ends with 0")
    else:
        out.equal(early.wait(20), 0, "SIGTERM before it serves: it ends")
        out.result(not path.exists(), "and leaves nothing")

without_libfcgi = BARE | {
    "LD_PRELOAD": str(place.BUILD / "tests/transport/planted.so"),
    "PLANTED": "no-start"}
code, _, errors = run("--listen", path, environment=without_libfcgi)
out.result(code == 3 and "libfcgi does not start" in errors and
           not path.exists(), "libfcgi does not start: no socket stays", errors)
path.unlink(missing_ok=True)
with processes.listen(base / "theirs") as theirs:
    code, _, errors = run(environment=without_libfcgi, stdin=theirs)
    out.result(code == 3 and "libfcgi does not start" in errors and
               (base / "theirs").exists(), "but that of another process", errors)

# A user that can write the folder may put a link there at any moment.
swap = base / "swap"
swap.mkdir()
(swap / "precious").write_text("precious")
(swap / "precious").chmod(0o600)
swapped = processes.begin(
    [place.HANDLER, "--listen", swap / "s"], log, without_libfcgi | {"PLANTED": "swap-socket"})
out.result(place.wait_for(lambda: is_answered(swap / "s.bound")) and
           (swap / "s").is_symlink(), "a link in the place of its socket")
out.equal([oct(stat.S_IMODE((swap / name).stat().st_mode))
           for name in ("precious", "s.bound")], ["0o600", "0o660"],
          "the link is not followed, and the socket has its mode")
processes.end(swapped)

path.write_text("precious")
code, _, errors = run("--listen", path)
out.result(code == 3 and "not a socket" in errors and
           path.read_text() == "precious", "a file is left alone", errors)
path.unlink()
target = base / "target"
target.write_text("precious")
path.symlink_to(target)
code, _, errors = run("--listen", path)
out.result(code == 3 and target.read_text() == "precious",
           "a link is left alone", errors)
path.unlink()

port = place.free_port()
inet = start("--listen", f"127.0.0.1:{port}")


def inet_answers():
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.sendall(VALIDATION)
            return b"Status: 200" in s.recv(4096)
    except OSError:
        return False


out.result(place.wait_for(inet_answers), "--listen 127.0.0.1:PORT")
processes.end(inet)
for address in ("0.0.0.0:9000", "192.0.2.1:9000", "localhost:9000", ":9000",
                "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "[::]:9000",
                "socket", "[::1]9000"):
    code, _, errors = run("--listen", address)
    out.result(code == 2 and "expected an absolute path" in errors and
               "--help" in errors, f"not {address}: misused", errors)
code, _, errors = run("--listen", "/" + "x" * 108)
out.result(code == 2 and "path too long" in errors, "a long path: misused",
           errors)
for mode in ("0666", "9", "", "rw", "01777", " 660", "+660", "660 ", "-1"):
    code, _, errors = run("--listen", path, "--listen-mode", mode)
    out.result(code == 2 and "expected octal" in errors,
               f"no mode '{mode}': misused", errors)
code, _, errors = run("--listen", path, "--listen-group", "no-such-group")
out.result(code == 3 and "--listen-group: no such group" in errors,
           "an unknown group", errors)
# A folder of a user that is not in root's group.
own = base / "own"
own.mkdir()
user = {}
if os.geteuid() == 0:
    os.chown(own, 65534, 65534)
    user = {"user": 65534, "group": 65534, "extra_groups": []}
code, _, errors = run("--listen", own / "s", "--listen-group", "root", **user)
out.result(code == 3 and f"{own}/s cannot be given to the group root, which the "
           "user of this program must be in: Operation not permitted" in errors
           and not (own / "s").exists(), "another's group", errors)

with socket.socket() as everywhere:
    everywhere.bind(("0.0.0.0", 0))
    everywhere.listen()
    given = processes.begin([place.HANDLER], log,
                            BARE, stdin=everywhere)
    port = everywhere.getsockname()[1]
    out.result(place.wait_for(inet_answers),
               "descriptor 0 on all addresses: loopback is answered")
    processes.end(given)

# As systemd does whenever it starts a program of the unit, ExecReload's too.
with processes.listen(base / "held") as held:
    given = processes.begin([place.HANDLER], log,
                            BARE, stdin=held)
    out.result(place.wait_for(lambda: is_answered(base / "held")),
               "a socket that others hold, too")
    held.setblocking(True)
    out.result(is_answered(base / "held"),
               "made blocking by another: it answers")
    out.equal(processes.end(given), 0, "made blocking by another: it ends")

code, output, _ = run("--help")
out.result(code == 0 and output.startswith("Usage: certgate.fcgi"), "--help")
code, output, _ = run("--version")
out.result(code == 0 and output.startswith("certgate.fcgi "), "--version")
for arguments in (["--unknown"], ["word"], ["--listen"], []):
    code, _, errors = run(*arguments)
    out.result(code == 2 and "--help" in errors, f"misused: {arguments}",
               errors)

# A web server makes arguments of a query string: they are not looked at.
cgi = BARE | {"REQUEST_METHOD": "OPTIONS",
              "HTTP_WEBHOOK_REQUEST_ORIGIN": "x.example"}
for arguments in (["--no-sandbox"], ["--help"], ["--version"],
                  ["--listen", str(path)], ["--listen-mode", "0777"]):
    code, output, _ = run(*arguments, environment=cgi)
    out.result(code == 0 and output.startswith("Status: 200"),
               f"CGI does not look at {arguments}", output)
out.result(not path.exists(), "and opened no socket")
out.done()
