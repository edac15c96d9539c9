#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""What a host reports of its log: from certgate fleet report through
certgate-sync to certgate fleet status, whatever is in the log or in the
report."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, fleet, logs, place, postgres, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
server = postgres.Server(base / "postgres")
connection = base / "admin"


class Host(fleet.Host):
    def __init__(self, name):
        super().__init__(base / name, server, name)
        self.report = self.folder / "report"
        with self.settings.open("a") as file:
            file.write(f"CERTGATE_LIST={self.folder}/list\n")
        (self.folder / "list").write_text(
            f"{logs.certificate('known')['sha256']}\n")
        self.start("--report", self.report)

    def leave(self, text):
        """As the unit of the timer does."""
        new = self.folder / "new"
        new.write_text(text, encoding="utf-8")
        new.rename(self.report)

    def stored(self):
        return server.one("select report from certgate.host where name = "
                          f"'{self.name}'")

    def tells(self, lines):
        log = self.folder / "decisions"
        log.write_text(logs.text(lines))
        return admin.run("fleet", "report", "--config", self.settings, "--log",
                         log)

    def sends(self, text, words):
        self.leave(text)
        return place.wait_for(lambda: words in (self.stored() or ""))


def status(*arguments):
    return admin.run("fleet", "status", "--connection", connection, *arguments)


def told():
    return json.loads(status("--json").out)


def numbers(host):
    for one in told()["hosts"]:
        if one["name"] == host.name:
            return one["report"] and {n: one["report"][n] for n in (
                "allowed", "denied", "lost", "pending")}
    return None


def reports(one, other):
    out.equal((numbers(one), told()["pending"]), (None, []),
              "a host without a report")
    log = [logs.accepted("pump", n) for n in range(5)] + \
        [logs.rejected("unknown", 30), logs.rejected("unknown", 20),
         logs.rejected("known", 10), logs.rejected("lost", 5, lost="3",
                                                   reason="denied"),
         logs.rejected("old", 7200)]
    done = one.tells(log)
    report = json.loads(done.out)
    out.equal((done.code, report["allowed"], report["denied"], report["lost"],
               report["pending"],
               [c["sha256"] for c in report["certificates"]]),
              (0, 5, 4, 3, 2, [logs.certificate(n)["sha256"]
                               for n in ("unknown", "old")]),
              "fleet report: the last hour, and what no entry names")
    out.equal([(r["reason"], r["events"]) for r in report["reasons"]],
              [("denied", 1), ("not-listed", 3), ("listed", 5)],
              "fleet report: reasons")
    out.result(one.sends(done.out, report["time"]), "it is sent", one.said())
    out.equal((numbers(one), numbers(other)),
              ({"allowed": 5, "denied": 4, "lost": 3, "pending": 2}, None),
              "fleet status: of this host alone")
    done = status()
    out.result("5 allowed, 4 denied, 2 pending" in done.out and
               logs.certificate("unknown")["sha256"] in done.out,
               "the same as text", done)
    other.sends(other.tells([logs.rejected("unknown", 1)]).out, "unknown")
    row = next(p for p in told()["pending"] if p["subject"] == "CN=unknown")
    out.equal((row["count"], row["hosts"]), (3, f"{one.name} {other.name}"),
              "one certificate on two hosts")


def names(host):
    """Names of a certificate are its claim."""
    subject = "CN=\x1b[31mred\"\\\u202e'); drop table x; --"
    host.sends(host.tells([logs.rejected("hostile", 1, subject)]).out, "red")
    text, parsed = status(), told()
    out.result("red" in text.out and "\x1b" not in text.out and
               "\u202e" not in text.out, "fleet status: escaped", text)
    out.result(any("red" in p["subject"] for p in parsed["pending"]),
               "fleet status --json: escaped", parsed)
    nul = host.tells([logs.rejected("nul", 1, "CN=n\0l")]).out
    out.result("\\u0000" in nul and host.sends(nul, "CN=n\ufffdl"),
               "a name with a NUL does not stop a report", f"{nul}{host.said()}")
    many = host.tells([logs.rejected(f"many-{n}", n, "CN=" + "\x01" * 128)
                       for n in range(300)])
    report = json.loads(many.out)
    out.equal((report["pending"], len(report["certificates"]),
               len(many.out) < 65536), (300, 20, True), "it is bounded")


def forms(host):
    """A report that fleet report did not write."""
    for text in ("7", "[1]", '"x"', "null", "{}",
                 '{"time":{},"allowed":"x","certificates":7}',
                 '{"time":"t","denied":[],"certificates":[7,null,{},[],'
                 '{"sha256":{"a":1},"count":"1e9","last":7}]}'):
        host.leave(text)
        place.wait_for(lambda text=text: json.loads(
            host.stored() or "0") == json.loads(text))
        done = status("--json")
        out.result(done.code in (0, 1) and json.loads(done.out)["hosts"] and
                   status().code in (0, 1), f"fleet status with {text[:30]}",
                   f"{done}{host.stored()}")
    host.leave('{"time":"before"}')
    place.wait_for(lambda: "before" in host.stored())
    (host.folder / "elsewhere").write_text('{"time":"linked"}')
    for name, text, words in (
            ("half of one", '{"time":"never', "database: invalid"),
            ("too long", '{"time":"never%s"}' % ("x" * 70000), "too large")):
        host.log.write_text("")
        host.leave(text)
        out.result(place.wait_for(lambda words=words: words in host.said()) and
                   "before" in host.stored(), f"refused: {name}", host.said())
    host.report.unlink()
    host.report.symlink_to(host.folder / "elsewhere")
    revision = server.one(f"select certgate.deny('{fleet.pin(1)}')",
                          postgres.ADMIN)
    out.result(host.catches_up() and host.row()[0] == revision and
               "before" in host.stored(),
               "a symbolic link; and changes are applied after all this",
               host.said())


def main():
    server.make()
    connection.write_text(server.connection("admin", more="sslmode=disable"))
    connection.chmod(0o600)
    one, other = Host("web1"), Host("web2")
    for host in (one, other):
        host.catches_up()
    reports(one, other)
    names(one)
    forms(one)
    for host in (one, other):
        host.stop()
    server.stop()
    out.done()


main()
