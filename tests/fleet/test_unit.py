#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The handler, with the users that its unit and the drop-in of certgate-sync let
it see, and a store of another user, which CERTGATE_STORE_OWNER names.  And
certgate-sync, with the folder of its settings as the package makes it."""
import ctypes
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, cgi, fleet, place, processes  # noqa: E402
from harness import tap  # noqa: E402

CLONE_NEWUSER = 0x10000000
UNITS = [place.SOURCE / "debian" / name
         for name in ("certgate.service", "conf/certgate-sync.conf")]
# Two users that each Debian has, as _certgate and _certgate-sync.
READER, OWNER = "www-data", "games"
out = tap.Tap()


def last_value(files, name):
    """What systemd takes of a setting that is set several times."""
    found = [line.partition("=")[2] for file in files
             for line in file.read_text().splitlines()
             if line.startswith(name + "=")]
    return found[-1] if found else ""


def make(folder):
    folder.mkdir()
    file = folder.parent / "settings"
    file.write_text(f"CERTGATE_STORE={folder}/store\n"
                    f"CERTGATE_STORE_OWNER={OWNER}\n")
    file.chmod(0o644)
    shutil.chown(folder, OWNER)
    folder.chmod(0o755)
    done = admin.run("store", "init", "--config", file, "--as", READER)
    out.equal(done.code, 0, "store init")
    return file


def decide(file, private):
    """The reason by a handler of READER; private: in a user namespace that has
    root and READER alone, as PrivateUsers=yes makes it."""
    user = pwd.getpwnam(READER)
    case = cases.Case("event", {}, None, cases.own_request(
        {}, cases.certificates()), {})
    environment = {n.encode(): v.encode() for n, v in processes.
                   bare_environment({"CERTGATE_CONFIG": str(file)}).items()}
    ready, mapped = os.pipe(), os.pipe()

    def become():
        os.setgroups([])
        if private:
            ctypes.CDLL(None).unshare(CLONE_NEWUSER)
            os.write(ready[1], b"x")
            os.read(mapped[0], 1)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)

    child = os.fork()
    if child == 0:
        become()
        done = subprocess.run(
            [place.HANDLER], env=environment | cgi.parameters(case),
            input=case.body, capture_output=True, check=False)
        found = processes.decisions(done.stderr.decode("latin-1"))
        (file.parent / "tmp").joinpath("reason").write_text(
            found[-1]["reason"] if found else "none")
        os._exit(0)
    if private:
        os.read(ready[0], 1)
        for name, own in (("uid_map", user.pw_uid), ("gid_map", user.pw_gid)):
            pathlib.Path(f"/proc/{child}/{name}").write_text(
                f"0 0 1\n{own} {own} 1\n")
        os.write(mapped[1], b"x")
    os.waitpid(child, 0)
    return (file.parent / "tmp/reason").read_text()


def reads(base):
    """certgate-sync, as OWNER, with its settings in a folder that the postinst
    makes."""
    done = subprocess.run([fleet.SYNC, "--help"], capture_output=True,
                          check=True, text=True)
    path = pathlib.Path(re.search(r"\((/etc/.*)\)", done.stdout)[1])
    debian = place.SOURCE / "debian"
    units = [debian / f"certgate-sync.{name}service"
             for name in ("", "certgate-report.")]
    out.equal([last_value([unit], "ConditionPathExists") for unit in units],
              [str(path)] * 2, "the units wait for the file that it reads")
    made = re.search(rf"^\t(install -d .*) {path.parent}$", (
        debian / "certgate-sync.postinst").read_text(), re.MULTILINE)
    out.result(made, f"the postinst makes {path.parent}")
    folder = base / "etc"
    command = made[1].replace("_certgate-sync", OWNER) if made else \
        f"install -d -m 0750 -g {READER}"
    subprocess.run([*command.split(), folder], check=True)
    file = folder / path.name
    file.write_text("host=/nonexistent user=web1 dbname=fleet\n")
    shutil.chown(file, 0, OWNER)
    file.chmod(0o640)
    log = base / "log"
    sync = processes.begin(
        ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--clear-groups",
         fleet.SYNC, "--connection", file, base / "sync/store"], log,
        processes.bare_environment())
    place.wait_for(lambda: "\n" in log.read_text())
    processes.end(sync)
    out.result("database: connection to server" in log.read_text(),
               "its user reads it", log.read_text())


def main():
    if os.geteuid() != 0:
        tap.skip_all("root alone can make users private")
    base = place.temporary()
    (base / "tmp").mkdir()
    (base / "tmp").chmod(0o777)
    file = make(base / "sync")
    out.equal(decide(file, True), "store", "private users: the store is refused")
    out.equal(last_value(UNITS[:1], "PrivateUsers"), "yes",
              "certgate.service has them")
    out.equal(decide(file, last_value(UNITS, "PrivateUsers") == "yes"),
              "not-listed", "with the drop-in of certgate-sync it is taken")
    reads(base)
    out.done()


main()
