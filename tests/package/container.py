#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The image of the Containerfile: built by podman on a root that mmdebstrap
made, run in a user namespace with a read-only root file system.  run.py starts
this in a mount namespace of its own, for podman's crun refuses a machine that
has both kinds of control groups."""
import argparse
import concurrent.futures
import ctypes
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, door, http, place, processes, tap  # noqa: E402

PORT = 8080
ROOT = 100000  # the user of this machine that is root in the container
KEY = "test-access-key-of-nobody012"
ORIGIN = "demo.webpubsub.azure.com"
CLONE_NEWNET = 0x40000000
CGROUPS = pathlib.Path("/sys/fs/cgroup")
# Those of docs/container.md, and more: crun cannot raise limits, and the
# machine may lack systemd, which starts health checks and holds control groups.
OPTIONS = ["--network=host", "--cgroups=disabled", "--health-interval=disable",
           "--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096",
           f"--uidmap=0:{ROOT}:65536", "--read-only", "--cap-drop=all",
           "--security-opt=no-new-privileges"]
out = tap.Tap()


class Podman:
    """podman with images and containers of its own."""

    def __init__(self, folder):
        self.command = ["podman", f"--root={folder}/root",
                        f"--runroot={folder}/run", f"--tmpdir={folder}/tmp",
                        "--cgroup-manager=cgroupfs", "--events-backend=none"]

    def call(self, *words, seconds=120):
        done = subprocess.run(self.command + [str(w) for w in words],
                              stdin=subprocess.DEVNULL, text=True, check=False,
                              stdout=subprocess.PIPE, timeout=seconds,
                              stderr=subprocess.STDOUT)
        return done.returncode, done.stdout


class Container:
    """The image with the folder of a configuration mounted where it is; its
    log is that of the configuration."""

    def __init__(self, podman, configuration):
        self.podman, self.port = podman, PORT
        for path in [configuration.folder, *configuration.folder.rglob("*")]:
            os.chown(path, ROOT, ROOT)
        code, self.id = podman.call(
            "run", "--detach", *OPTIONS, "--log-driver=k8s-file",
            f"--log-opt=path={configuration.log}",
            f"--env=CERTGATE_CONFIG={configuration.file}",
            f"--volume={configuration.folder}:{configuration.folder}:ro",
            "certgate")
        if code != 0:
            tap.bail_out(f"podman run: {self.id}")
        self.id = self.id.split()[-1]
        if not place.wait_for(lambda: processes.is_serving(PORT), 60):
            tap.bail_out(f"no port: {configuration.log_since(0)}")

    def inside(self, command):
        return self.podman.call("exec", self.id, "/bin/sh", "-c", command)

    def close(self):
        """Exit code after SIGTERM, and how the container is then."""
        self.podman.call("stop", "--time=30", self.id)
        _, text = self.podman.call("inspect", self.id)
        state = json.loads(text)[0]["State"]
        self.podman.call("rm", "--force", self.id)
        return state["ExitCode"], state["Status"]


class Shell:
    """A shell in a container of the image.  It starts and ends a lighttpd for
    each configuration in a folder, with the configuration file of the image but
    another port and socket."""

    def __init__(self, podman, folder):
        self.process = subprocess.Popen(
            [*podman.command, "run", "--interactive", *OPTIONS,
             "--log-driver=none", f"--volume={folder}:{folder}", "certgate",
             "/bin/sh"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def run(self, command):
        os.write(self.process.stdin.fileno(), command.encode() + b"\n")

    def start(self, _, configuration):
        server = Inside(self, place.free_port())
        file = configuration.folder / "lighttpd.conf"
        text = (place.SOURCE / "www/container.conf").read_text(encoding="utf-8")
        for old, new in ((f"server.port = {PORT}",
                          f"server.port = {server.port}\n"
                          f'server.pid-file = "{server.pid}"'),
                         ("/tmp/certgate.sock", f"/tmp/{server.port}.sock")):
            if old not in text:
                tap.bail_out(f"www/container.conf does not have {old}")
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
        for path in [configuration.folder, *configuration.folder.rglob("*")]:
            os.chown(path, ROOT, ROOT)
        self.run(f"CERTGATE_CONFIG={configuration.file} lighttpd -D -f {file} "
                 f"2>>{configuration.log} &")
        if not place.wait_for(lambda: processes.is_serving(server.port), 60):
            tap.bail_out(f"no port: {configuration.log_since(0)}")
        return server

    def close(self):
        self.process.stdin.close()
        return self.process.wait(60)


class Inside:
    """A lighttpd that a shell started."""

    def __init__(self, shell, port):
        self.shell, self.port, self.pid = shell, port, f"/tmp/{port}.pid"

    def close(self):
        """Ends the handler too: lighttpd may leave it running, as in
        processes.Lighttpd."""
        self.shell.run(f"p=$(cat {self.pid}); c=$(cat /proc/$p/task/$p/children)"
                       "; kill -INT $p; wait $p; kill $c 2>/dev/null; :")


def play_tables(podman):
    rows = door.table_rows()
    out.result(len(rows) > 800, f"{len(rows)} cases", len(rows))
    folder = place.temporary()
    folder.chmod(0o755)
    os.chown(folder, ROOT, ROOT)
    shell = Shell(podman, folder)
    with concurrent.futures.ThreadPoolExecutor(door.TOGETHER) as pool:
        list(pool.map(lambda one: door.run_group(
            out, "lighttpd in a container", one[1], one[2], shell.start, False),
                      door.configured(folder, rows)))
    out.equal(shell.close(), 0, "the shell of the tables ends with 0")


def connect():
    known = cases.certificates()
    headers = cases.event_headers(
        "azure.webpubsub.sys.connect", hub="hub", key=KEY,
        more={"WebHook-Request-Origin": ORIGIN})
    body = cases.connect_body(["@device"], known, {}).encode()
    return http.exchange(PORT, http.request_bytes("POST", "/eventhandler",
                                                  headers, body)).status


def test_main_job(podman):
    """A list that changes, the user, the file system, health, logs, the end."""
    known = cases.certificates()
    configuration = processes.Configuration(
        place.temporary() / "own", {"CERTGATE_ORIGINS": ORIGIN,
                                    "CERTGATE_ACCESS_KEYS": KEY}, "")
    container = Container(podman, configuration)
    out.equal(connect(), 403, "a client that is not in the list is refused")
    configuration.write_list(f"{known['device']['sha1']} user=pump-7\n")
    os.chown(configuration.list, ROOT, ROOT)
    place.wait_for(lambda: connect() == 200, 10, 0.2)
    out.equal(connect(), 200, "the mounted list changes: it is accepted")
    _, text = container.inside("cat /proc/1/status /proc/[0-9]*/comm")
    for line in ("Uid:\t0", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"):
        out.equal(line in text, not line.startswith("Uid"),
                  f"in /proc/1/status: {line}")
    out.result("certgate.fcgi" in text, "lighttpd has started the handler",
               text)
    code, text = container.inside(
        "for f in / /etc /srv /usr /etc/certgate /var; do touch $f/x; done")
    out.equal((code, text.count("Read-only file system")), (1, 6),
              "the root file system is read-only")
    health = ["healthcheck", "run", container.id]
    out.equal(podman.call(*health), (0, ""), "healthy")
    good = configuration.file.read_text(encoding="utf-8")
    for name, text in {
            "a code with a blank": f"{good}CERTGATE_CODE=a +b\n",
            "two origins, and a code": good.replace(
                ORIGIN, f"other.example {ORIGIN}") + "CERTGATE_CODE=a\n",
            "a connection string alone":
                f"WebPubSubConnectionString=Endpoint=https://{ORIGIN};"
                f"AccessKey={KEY};Version=1.0;\nCERTGATE_CODE=b\n"}.items():
        configuration.file.write_text(text, encoding="utf-8")
        place.wait_for(lambda: connect() == 401, 10, 0.2)
        # Until the new settings are in force, the code is wrong.
        place.wait_for(lambda: podman.call(*health)[0] == 0, 10, 0.2)
        out.equal(podman.call(*health), (0, ""), f"healthy: {name}")
    configuration.file.write_text("CERTGATE_ORIGIN=\n", encoding="utf-8")
    place.wait_for(lambda: connect() != 200, 10, 0.2)
    out.equal(podman.call(*health)[0], 1, "invalid settings: unhealthy")
    configuration.file.write_text(good, encoding="utf-8")
    place.wait_for(lambda: connect() == 200, 10, 0.2)
    out.equal(podman.call(*health)[0], 0, "corrected settings: healthy")
    # Written by lighttpd itself and by the handler.
    place.wait_for(lambda: "reason=listed" in configuration.log_since(0), 5)
    text = configuration.log_since(0)
    out.result("stderr F" in text and "server started" in text and
               "reason=listed" in text, "both log to standard error", text)
    out.equal(container.close(), (0, "exited"), "SIGTERM ends it with 0")
    out.result("server stopped" in configuration.log_since(0),
               "and lighttpd says so", configuration.log_since(0)[-300:])


def test_page():
    """The options of docs/container.md, but for those that name the files and
    the port of a host."""
    page = (place.SOURCE / "docs/container.md").read_text(encoding="utf-8")
    line = re.search(r"^podman run (.*?[^\\])$", page,
                     re.MULTILINE | re.DOTALL)[1]
    found = {word for word in line.split() if word.startswith("--")} - {
        "--detach", "--name", "--publish", "--volume"}
    out.result(found and found <= set(OPTIONS),
               "it runs with the options of docs/container.md", found)


def build(podman, work, base, deb):
    context = work / "context"
    (context / "www").mkdir(parents=True)
    shutil.copy(deb, context)
    for name in ("Containerfile", "www/container.conf"):
        shutil.copy(place.SOURCE / name, context / name)
    code, text = podman.call("import", base, "certgate-base", seconds=300)
    out.equal(code, 0, f"podman import {text[-500:]}")
    code, text = podman.call(
        "build", "--isolation=chroot", "--network=host", "--format=docker",
        "--build-arg=BASE=localhost/certgate-base", "--tag=certgate", context,
        seconds=900)
    return out.result(code == 0, "the image builds", text[-3000:])


def separate():
    """Control groups of one kind, and a network of loopback alone."""
    if (CGROUPS / "unified").exists():
        subprocess.run(["umount", "--recursive", CGROUPS], check=True)
        subprocess.run(["mount", "-t", "cgroup2", "none", CGROUPS], check=True)


def leave_network():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        tap.bail_out(f"unshare: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("deb", type=pathlib.Path)
    options = parser.parse_args()
    separate()
    podman = Podman(options.work)
    if build(podman, options.work, options.base, options.deb):
        test_page()
        leave_network()
        test_main_job(podman)
        play_tables(podman)
    out.done()


main()
