#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Inside a machine that run.py boots: a host of a fleet and its database, made by
the commands of docs/fleet.md, with certgate-sync and its report in their units,
from installation to purge."""
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import pages, pki, place  # noqa: E402
from booted import (PORTS, SETTINGS, SHARED, connect, known, out,  # noqa: E402
                    quiet, run, soon, type_in)

PORT = PORTS["Apache"]
WORK = pathlib.Path("/tmp/built/certgate")
CLUSTER = next(pathlib.Path("/etc/postgresql").glob("*/main"))
OTHER = known["other"]["sha1"]
REPLACED = {"sudo -u postgres ": "runuser -u postgres -- ",
            "sudo apt ": "apt-get -q -y ", "10.0.0.0/8": "127.0.0.0/8"}


def block(begin):
    text = pages.block("fleet.md", begin)
    for old, new in REPLACED.items():
        text = text.replace(old, new)
    return text


def type_block(begin):
    return "".join(run(f"cd {WORK} && {line}")
                   for line in block(begin).splitlines())


def journal():
    return quiet("journalctl --sync; journalctl -q -u certgate-sync -o cat")


def issue(authority, name, more=None):
    made = authority.issue(name, f"/CN={name}", more)
    shutil.copy(made.path, WORK / f"{name}.pem")
    shutil.copy(made.key, WORK / f"{name}.key")


def test_installation():
    WORK.mkdir(parents=True)
    for name in ("certgate", "certgate-sync"):
        (WORK.parent / f"{name}_1.deb").symlink_to(
            SHARED / ("one.deb" if name == "certgate" else "sync.deb"))
    type_block("sudo apt install")
    out.equal(run("stat -c '%a %U %G' /etc/certgate-sync"),
              "750 root _certgate-sync\n", "the folder of its settings")
    out.equal(run("systemctl show -P ConditionResult certgate-sync"), "no\n",
              "without settings, certgate-sync does not start")
    exposure = run("systemd-analyze security --no-pager certgate-sync.service")
    out.result("exposure level" in exposure, "systemd-analyze security",
               exposure)


def test_settings():
    """Before the database runs: the unit reads its files all the same."""
    ca = pki.Authority(WORK / "ca", "/CN=Fleet CA")
    shutil.copy(ca.path, WORK / "db-ca.pem")
    for name in ("web1", "ann"):
        issue(ca, name)
    issue(ca, "server", ["subjectAltName=DNS:db1.example,DNS:db2.example",
                         "extendedKeyUsage=serverAuth"])
    with open("/etc/hosts", "a", encoding="utf-8") as file:
        file.write("127.0.0.2 db1.example\n127.0.0.1 db2.example\n")
    (WORK / "connection").write_text(block(
        "host=db1.example,db2.example dbname=fleet user=web1"))
    type_block("install -m 0640")
    out.equal(run("cd /etc/certgate-sync && stat -c '%a %U %G %n' *"),
              "".join(f"640 root _certgate-sync {name}\n" for name in
                      ("connection", "db-ca.pem", "web1.key", "web1.pem")),
              "owner and mode of its files")
    out.result("database: connection to server" in journal() and
               "Connection refused" in journal(),
               "it reads them, and the database does not run", journal())
    run("chmod o+r /etc/certgate-sync/connection; "
        "systemctl restart certgate-sync; "
        "chmod o-r /etc/certgate-sync/connection")
    place.wait_for(lambda: "chmod" in journal(), 10, 0.2)
    out.result("chmod o-r /etc/certgate-sync/connection" in journal(),
               "settings that others can read: the journal has the command",
               journal())


def test_database():
    for name, mode in (("server.pem", 0o644), ("server.key", 0o600),
                       ("db-ca.pem", 0o644)):
        shutil.copy(WORK / name, CLUSTER / name)
        shutil.chown(CLUSTER / name, "postgres", "postgres")
        (CLUSTER / name).chmod(mode)
    with open(CLUSTER / "postgresql.conf", "a", encoding="utf-8") as file:
        file.write(f"ssl = on\nssl_cert_file = '{CLUSTER}/server.pem'\n"
                   f"ssl_key_file = '{CLUSTER}/server.key'\n"
                   f"ssl_ca_file = '{CLUSTER}/db-ca.pem'\n")
    hba = CLUSTER / "pg_hba.conf"
    rules = hba.read_text(encoding="utf-8")
    hba.write_text(block("hostssl fleet") + rules, encoding="utf-8")
    run("systemctl start postgresql")
    place.wait_for(lambda: "accepting" in quiet("pg_isready", (0, 1, 2)), 60, 1)
    type_block("sudo -u postgres createdb")
    logins = WORK / "logins.sql"
    logins.write_text(block("create role ann"))
    run(f"runuser -u postgres -- psql -v ON_ERROR_STOP=1 fleet <{logins}")
    run("systemctl restart certgate-sync")
    text = run("systemctl status --no-pager certgate-sync")
    out.result("in force: revision 0" in text,
               "certgate-sync is at the revision of the database",
               text + journal())


def test_handler():
    type_in("Settings and list")
    type_in("Apache.")
    with open(SETTINGS, "a", encoding="utf-8") as file:
        file.write(block("CERTGATE_STORE="))
    run("systemctl restart certgate")
    soon(lambda: connect(PORT), 200, "a client of the list is accepted")
    out.equal(connect(PORT, "other").status, 403, "another is refused")


def test_changes():
    file = pathlib.Path("/etc/certgate/fleet")
    file.write_text(block("host=db1.example,db2.example dbname=fleet user=ann"))
    for name in ("db-ca.pem", "ann.pem", "ann.key"):
        shutil.copy(WORK / name, file.parent)
    for path in (file, file.parent / "ann.key"):
        path.chmod(0o600)
    text = run(f"certgate allow --fleet {OTHER} user=other")
    out.result("in force on 1 of 1 host " in text, "a client is allowed", text)
    out.equal(connect(PORT, "other").status, 200, "and accepted")
    text = run("certgate list")
    out.result(OTHER in text, "the host lists it", text)
    run(f"certgate deny --fleet {OTHER}")
    out.equal(connect(PORT, "other").status, 403, "it is denied, and refused")
    run(f"certgate remove --fleet --deny {OTHER}")
    out.equal(connect(PORT, "other").status, 403, "it is removed, and refused")


def test_report():
    connect(PORT, "stranger")
    run("journalctl --sync; systemctl start certgate-report.service")
    out.equal(run("stat -c '%a %U %G' /run/certgate-report/report"),
              "640 _certgate _certgate-sync\n", "owner and mode of the report")
    sha256 = known["stranger"]["sha256"]
    found = place.wait_for(lambda: sha256 in quiet("certgate fleet status"), 20,
                           0.5)
    out.result(found, "the database has the report of the host's log",
               quiet("certgate fleet status; certgate fleet report", (0, 1)) +
               journal())


def test_restart():
    """As a host is booted while the database is away."""
    run("systemctl stop postgresql certgate-sync certgate")
    run("systemctl start certgate-sync certgate")
    soon(lambda: connect(PORT), 200, "database away: the handler starts")
    run("systemctl start postgresql")
    run("certgate check", (0, 1))
    place.wait_for(lambda: "in force" in quiet(
        "systemctl show -P StatusText certgate-sync"), 30, 0.5)
    text = run(f"certgate allow --fleet {OTHER} user=other")
    out.result("in force on 1 of 1 host " in text, "and it follows again", text)
    soon(lambda: connect(PORT, "other"), 200, "the client is accepted")


def test_purge():
    run("apt-get -q -y purge certgate-sync")
    left = [path for path in ("/etc/certgate-sync", "/var/lib/certgate-sync",
                              "/run/certgate-report") if os.path.exists(path)]
    out.equal(left, [], "purged: nothing is left")
    soon(lambda: connect(PORT), 403, "without its store the handler refuses")


def main():
    test_installation()
    test_settings()
    test_database()
    test_handler()
    test_changes()
    test_report()
    test_restart()
    test_purge()
    out.done()


main()
