#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The socket that a process manager hands over as file descriptor 0: refused if
other users can connect; a warning if the path cannot be seen."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, fastcgi, http, place, processes, tap  # noqa: E402

VALIDATION = fastcgi.request([
    (b"REQUEST_METHOD", b"OPTIONS"),
    (b"HTTP_WEBHOOK_REQUEST_ORIGIN", b"x.example")])
ROOT = os.geteuid() == 0
out = tap.Tap()
base = place.temporary()
environment = processes.bare_environment({"CERTGATE_HUB": "*"})


def folder(name, mode=0o755):
    path = base / name
    path.mkdir(parents=True)
    path.chmod(mode)
    return path


def listens(address, mode=None, family=socket.AF_UNIX):
    """As spawn-fcgi makes it: bound, chmod, listening."""
    theirs = socket.socket(family)
    theirs.bind(address)
    if mode is not None:
        os.chmod(address, mode)
    theirs.listen()
    return theirs


def is_answered(connect):
    try:
        with connect() as peer:
            peer.settimeout(10)
            peer.sendall(VALIDATION)
            return b"Status: 200" in peer.recv(4096)
    except OSError:
        return False


def to_name(theirs):
    def connect():
        peer = socket.socket(theirs.family)
        peer.connect(theirs.getsockname())
        return peer
    return connect


def refused(name, theirs, wanted, fix):
    log = base / "log"
    log.write_text("")
    process = processes.begin([place.HANDLER], log, environment, stdin=theirs)
    place.wait_for(lambda: process.poll() is not None, 10)
    out.equal(process.poll(), 3, f"{name}: refused")
    processes.end(process)
    theirs.close()
    said = log.read_text()
    out.result(len(said.splitlines()) == 1 and f"level=error {wanted}" in said
               and f"(fix: {fix})" in said, f"{name}: one line with the fix",
               said)


def served(name, theirs, warning=None, connect=None, before=()):
    """The handler answers on theirs; warning None: no warning is logged."""
    log = base / "log"
    log.write_text("")
    process = processes.begin([*before, place.HANDLER], log, environment,
                              stdin=theirs)
    out.result(is_answered(connect or to_name(theirs)), f"{name}: served")
    out.equal(processes.end(process), 0, f"{name}: it ends with 0")
    said = [line for line in log.read_text().splitlines()
            if "socket" in line or "loopback" in line]
    out.result(not said if warning is None else
               len(said) == 1 and f"level=warning {warning}" in said[0],
               f"{name}: {'a warning' if warning else 'no warning'}", said)
    theirs.close()


def paths():
    fix = ("SocketMode=0660 in the systemd unit, spawn-fcgi -M 0660, or chmod "
           "o-w ")
    own = folder("own")
    for mode in 0o666, 0o777, 0o602:
        path = str(own / f"{mode:o}")
        refused(f"mode {mode:o}", listens(path, mode),
                f"{path}: bad socket: writable by others ", fix + path)
    for mode in 0o660, 0o600, 0o755, 0o664:
        path = str(own / f"{mode:o}")
        served(f"mode {mode:o}", listens(path, mode))
    path = str(own / "fixed")
    theirs = listens(path, 0o666)
    subprocess.run(["chmod", "o-w", path], check=True)
    served("the fix", theirs)
    closed = folder("closed", 0o750)
    served("others cannot reach it", listens(str(closed / "s"), 0o666))
    path = str(folder("passage", 0o711) / "s")
    refused("others cannot list its folder", listens(path, 0o666),
            f"{path}: bad socket: ", fix + path)
    deep = folder("closed/deep/deeper")
    served("others cannot reach its folder", listens(str(deep / "s"), 0o666))
    (own / "link").symlink_to(deep)
    served("a link to such a folder", listens(str(own / "link/t"), 0o666))
    (closed / "link").symlink_to(own)
    path = str(closed / "link/u")
    refused("a link out of such a folder", listens(path, 0o666),
            f"{path}: bad socket: ", fix + path)


def unseen():
    own = folder("unseen")

    def note(path, why):
        return (f"{path}: cannot check the mode of the socket: {why} (make "
                "sure that others cannot connect)")

    path = str(own / "removed")
    theirs = listens(path, 0o666)
    os.rename(path, path + ".now")
    served("its path is gone", theirs, note(path, "No such file or directory"),
           lambda: to_path(path + ".now"))
    theirs = listens(path, 0o666)
    os.rename(path, path + ".now")
    pathlib.Path(path).write_text("")
    served("its path is another file", theirs, note(path, "not a socket"),
           lambda: to_path(path + ".now"))
    here = os.getcwd()
    os.chdir(own)
    theirs = listens("relative", 0o666)
    served("its path is relative", theirs, note("relative", "relative path"))
    os.chdir(here)
    if ROOT and subprocess.run(["unshare", "--mount", "true"], check=False,
                               capture_output=True).returncode == 0:
        path = str(folder("away") / "s")
        served("its path is in another mount namespace", listens(path, 0o666),
               note(path, "No such file or directory"), None, [
                   "unshare", "--mount", "sh", "-c",
                   f'mount -t tmpfs none "{base}/away" && exec "$0"'])


def is_reached(path):
    try:
        to_path(path).close()
        return True
    except OSError:
        return False


def to_path(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    return peer


def others():
    refused("an abstract address", listens("\0certgate \x1b" + str(os.getpid())),
            f"@certgate \\x1b{os.getpid()}: bad socket: abstract, every "
            "local user can connect",
            "listen on a path, such as /run/certgate/certgate.sock")
    inet = socket.AF_INET
    served("loopback", listens(("127.0.0.1", 0), family=inet))
    theirs = listens(("0.0.0.0", 0), family=inet)
    port = theirs.getsockname()[1]
    served("all addresses", theirs,
           "file descriptor 0: not a loopback address: connections from other "
           "hosts are closed (fix: listen on a unix socket or on 127.0.0.1)",
           lambda: socket.create_connection(("127.0.0.1", port)))


def systemd():
    """A socket unit without its SocketMode and with it."""
    program = shutil.which("systemd-socket-activate")
    if program is None:
        return
    for mask, wanted in (0, 3), (0o117, 0):
        path = folder(f"systemd.{mask:o}") / "s"
        log = base / f"systemd.{mask:o}.log"
        before = os.umask(mask)
        process = processes.begin(
            [program, "--listen", path, "-E", "CERTGATE_HUB=*", "-E",
             "CERTGATE_CONFIG=/dev/null", "sh", "-c",
             f"exec {place.HANDLER} <&3 3<&-"], log, environment)
        os.umask(before)
        place.wait_for(path.exists)
        if wanted:
            os.chmod(path, 0o666)
            place.wait_for(lambda path=path: is_reached(str(path)))
            out.equal(process.wait(20), 3, "systemd, mode 0666: refused")
            out.result(f"{path}: bad socket: " in log.read_text() and
                       "SocketMode=0660" in log.read_text(),
                       "systemd, mode 0666: the fix", log.read_text())
        else:
            out.result(place.wait_for(lambda path=path: is_answered(
                lambda: to_path(str(path)))),
                       "systemd, mode 0660: served", log.read_text())
            out.equal(processes.end(process), 0, "systemd: it ends with 0")


def spawn_fcgi():
    program = processes.find("spawn-fcgi")
    for options, wanted in (["-M", "0666"], 3), (["-M", "0660"], 0), ([], 0):
        path = folder("spawn-fcgi" + "".join(options)) / "s"
        log = base / f"{path.parent.name}.log"
        process = processes.begin([program, "-n", "-s", path, *options, "--",
                                   place.HANDLER], log, environment)
        name = f"spawn-fcgi {' '.join(options)}"
        if wanted:
            out.equal(process.wait(20), wanted, f"{name}: refused")
            out.result("spawn-fcgi -M 0660" in log.read_text(),
                       f"{name}: the fix", log.read_text())
        else:
            out.result(place.wait_for(lambda path=path: is_answered(
                lambda: to_path(str(path)))),
                       f"{name}: served", log.read_text())
            processes.end(process)


def servers():
    """Programs that make the socket and start the handler."""
    for server, how, mask in ((processes.Lighttpd, "spawn", 0o022),
                              (processes.Apache, "fcgid", 0o022),
                              (processes.Apache, "fcgid", 0)):
        name = f"{server.__name__}, umask {mask:o}"
        configuration = processes.Configuration(
            base / f"{how}.{mask:o}", {"CERTGATE_SIGNATURE": "off"}, None)
        before = os.umask(mask)
        web = server(configuration.folder / "server", configuration, how)
        os.umask(before)
        answer = http.exchange(web.port, http.request_bytes(
            "OPTIONS", "/eventhandler", {
                "Host": "localhost", "WebHook-Request-Origin": cases.ORIGIN},
            b""))
        log = configuration.log_since(0)
        out.result(answer.status == 200 and "bad socket" not in log and
                   "cannot check" not in log, f"{name}: served",
                   f"{answer}\n{log}")
        web.close()
        if how == "spawn":
            lighttpd(configuration, web.folder)


def lighttpd(configuration, folder):
    """The same program with a umask that allows others to write."""
    before = os.umask(0)
    process = processes.begin(
        [processes.find("lighttpd"), "-D", "-f", folder / "lighttpd.conf"],
        configuration.log, configuration.environment())
    os.umask(before)
    fix = f"bad socket: writable by others (fix: SocketMode=0660 in the " \
        f"systemd unit, spawn-fcgi -M 0660, or chmod o-w {folder}/spawned-0)"
    out.result(place.wait_for(lambda: fix in configuration.log_since(0)),
               "Lighttpd, umask 0: its log has the fix",
               configuration.log_since(0))
    processes.end(process)


paths()
unseen()
others()
systemd()
spawn_fcgi()
servers()
out.done()
