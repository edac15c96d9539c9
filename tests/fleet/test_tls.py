#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""TLS with client certificates between hosts and the fleet's database, with the
line of pg_hba.conf and the defaults that the documents name: which connections
are made, and what each refused one says."""
import os
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, fleet, pki, place, postgres, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
ours = pki.Authority(base / "ours", "/CN=Fleet CA")
foreign = pki.Authority(base / "foreign", "/CN=Fleet CA")
server = postgres.Server(base / "postgres")
NAME = "db.example"
SECRET = "hunter2"


def documented():
    """The line that docs/fleet.md gives, for loopback."""
    text = (place.SOURCE / "docs/fleet.md").read_text(encoding="utf-8")
    line = re.search(r"^ +(hostssl fleet .*)$", text, re.MULTILINE)[1]
    return line.replace("10.0.0.0/8", "127.0.0.0/8")


def secure():
    """The database takes client certificates of our CA, and no other login but
    that of the test on its own socket."""
    names = [f"subjectAltName=DNS:{NAME}", "extendedKeyUsage=serverAuth"]
    own = ours.issue("server", f"/CN={NAME}", names)
    crl = base / "fleet.crl"
    crl.write_text(ours.crl())
    for file, name in ((own.path, "server.pem"), (own.key, "server.key"),
                       (ours.path, "ca.pem"), (crl, "fleet.crl")):
        copy = server.data / name
        shutil.copy(file, copy)
        copy.chmod(0o600)
        if server.user:
            shutil.chown(copy, server.user)
    hba = server.data / "pg_hba.conf"
    hba.write_text(f"local all all trust\n{documented()}\n")
    server.stop()
    server.options += ["-c", "ssl=on", "-c", "ssl_cert_file=server.pem", "-c",
                       "ssl_key_file=server.key", "-c", "ssl_ca_file=ca.pem",
                       "-c", "ssl_crl_file=fleet.crl"]
    server.start()


def connection(user, certificate, root=None, name=NAME, more=""):
    """A connection string with the files of a certificate; None: none."""
    text = server.connection(user, address=name, more=(
        f"hostaddr=127.0.0.1 sslrootcert={(root or ours).path} {more}"))
    if certificate:
        text += f"sslcert={certificate.path} sslkey={certificate.key}\n"
    else:
        text += "sslcert=/nonexistent sslkey=/nonexistent\n"
    return text


def client(name, authority=ours, **more):
    made = authority.issue(name.replace("/", "-"), f"/CN={name}", **more)
    made.key.chmod(0o600)
    return made


def refuses(host, text, words, name):
    host.connect(text)
    host.log.write_text("")
    host.start()
    place.wait_for(lambda: host.said() != "")
    before = server.one("select count(*) from certgate.host")
    host.stop()
    out.result(re.search(words, host.said()) and host.entries() == [] and
               before == "0", f"refused: {name}", host.said())


def refusals(host, good):
    other, again = client("web2"), foreign.issue("web1", "/CN=web1")
    again.key.chmod(0o600)
    expired = ours.issue("expired", "/CN=web1", begin=pki.now() - 9 * pki.DAY,
                         end=pki.now() - pki.DAY)
    expired.key.chmod(0o600)
    revoked = ours.issue("revoked", "/CN=web1")
    revoked.key.chmod(0o600)
    ours.revoke(revoked)
    crl = server.data / "fleet.crl"
    crl.write_text(ours.crl())
    server.again("select pg_reload_conf()")
    for text, words, name in (
            (connection("web1", None), "certificate", "no client certificate"),
            (connection("web1", other), "certificate authentication failed",
             "the certificate of another host"),
            (connection("web1", again), "unknown ca|self.signed|alert",
             "the same name, of another CA"),
            (connection("web1", expired), "expired", "an expired certificate"),
            (connection("web1", revoked), "revoked", "a revoked certificate"),
            (connection("web1", good, root=foreign), "verify failed",
             "a server of another CA"),
            (connection("web1", good, name="other.example"),
             "does not match host name", "a server of another name"),
            (connection("web1", good, more="sslmode=disable"),
             "no encryption|no pg_hba.conf entry", "a connection without TLS"),
            (connection("owner", good), "no pg_hba.conf entry",
             "a user that is not of the fleet"),
            (connection("web1", good, more=f"password={SECRET} "
                        "sslmode=verify-ful"), "sslmode",
             "a mode that is misspelt")):
        refuses(host, text, words, name)
        out.result(SECRET not in host.said() and "PRIVATE" not in host.said(),
                   "and no secret is in the log", host.said())
    good.key.chmod(0o644)
    refuses(host, connection("web1", good), "private key file .* has group",
            "a key that others can read")
    good.key.chmod(0o600)


def unreadable(good):
    """Files that the user cannot read: libpq's message has random bytes."""
    user = {"user": 65534} if os.geteuid() == 0 else {}
    file = base / "string"
    file.write_text(connection("web1", good))
    file.chmod(0o600)
    owner = 65534 if user else -1
    os.chown(file, owner, -1)
    for path in (good.key, good.path, ours.path):
        os.chown(path, owner, -1)
    for path in (good.key, good.path, ours.path):
        before = path.stat().st_mode
        path.chmod(0)
        done = admin.run("fleet", "status", "--connection", file, **user)
        path.chmod(before)
        out.result(done.code == 3 and f"{path}: not readable by user" in
                   done.err and f"&& chmod 640 {path})\n" in done.err,
                   f"a file that cannot be read: {path.name}", done)
    for path in (good.key, good.path, ours.path):
        os.chown(path, os.geteuid(), -1)


def accepted(host, good):
    host.connect(connection("web1", good))
    host.log.write_text("")
    host.start()
    out.result(host.catches_up() and len(host.entries()) == 1,
               "the certificate of the host: it has all entries", host.said())
    out.equal(server.sql("select s.version from pg_stat_ssl s join "
                         "pg_stat_activity a using (pid) where a.usename = "
                         "'web1' and s.ssl"), ["TLSv1.3"], "by TLS")
    ann = client("ann")
    file = base / "admin"
    file.write_text(connection("ann", ann))
    file.chmod(0o600)
    done = admin.run("deny", "--fleet", fleet.pin(2), "--connection", file)
    out.result(done.code == 0 and "in force on 1 of 1 host " in done.out,
               "an administrator with a certificate", done)
    file.write_text(connection("ann", good))
    done = admin.run("deny", "--fleet", fleet.pin(3), "--connection", file)
    out.result(done.code == 3 and "certificate authentication failed" in
               done.err, "an administrator with the certificate of a host",
               done)
    file.write_text(connection("web1", good))
    done = admin.run("deny", "--fleet", fleet.pin(3), "--connection", file)
    out.result(done.code == 3 and "permission denied" in done.err,
               "a host that makes a change", done)
    stolen(host)
    host.stop()


def stolen(host):
    """What docs/fleet.md has for a stolen host, which runs."""
    text = (place.SOURCE / "docs/fleet.md").read_text(encoding="utf-8")
    block = re.search(r"If a host is stolen, .*?```\n(.*?)```", text,
                      re.DOTALL)[1]
    host.log.write_text("")
    server.script(block)
    out.result(place.wait_for(lambda: "not permitted to log in" in
                              host.said(), 20) and server.one(
        "select count(*) from pg_stat_activity where usename = 'web1'") == "0",
        "a stolen host: its session ends, and it gets no other", host.said())


def main():
    server.make()
    server.sql("create role ann login in role certgate_admin")
    server.sql(f"select certgate.allow('{fleet.pin(1)}')", postgres.ADMIN)
    secure()
    host = fleet.Host(base / "web1", server, "web1")
    server.add_host("web2")
    good = client("web1")
    refusals(host, good)
    unreadable(good)
    accepted(host, good)
    server.stop()
    out.done()


main()
