#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The commands of docs/fleet.md, as they are there, with a database and a folder
of the test.  tests/package/synced.py types those that need the package."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, fleet, pages, place, postgres  # noqa: E402
from harness import processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
server = postgres.Server(base / "postgres")


def block(begin):
    return pages.block("fleet.md", begin)


def shell(text):
    """Run lines in one shell, with the database and the folder of the test."""
    text = text.replace("sudo -u postgres ", "").replace("/etc/certgate",
                                                         str(base))
    environment = processes.bare_environment({
        "PGHOST": str(server.folder), "PGPORT": str(server.port),
        "PGUSER": postgres.OWNER, "PGDATABASE": "postgres"})
    environment["PATH"] = f"{place.BUILD}:{postgres.programs()}:/usr/bin:/bin"
    done = subprocess.run(["sh", "-e", "-c", text], cwd=base, text=True,
                          capture_output=True, check=False, env=environment)
    out.result(done.returncode == 0, f"# {text.splitlines()[0][:60]}",
               f"{done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def sql(text, user):
    """What psql prints for a block of the page."""
    done = subprocess.run(
        [*server.psql(user, postgres.DATABASE), "-v", "ON_ERROR_STOP=1"],
        input=text, text=True, capture_output=True, check=False, cwd=base,
        env=postgres.ENVIRONMENT)
    out.result(done.returncode == 0, f"# {text.splitlines()[0][:60]}",
               done.stderr)
    return done.stdout


def drop(text):
    """Without the sessions of the test."""
    server.stop()
    server.start()
    shell(text)


def begin():
    server.make()
    drop("dropdb fleet")
    shell(block("sudo -u postgres createdb"))
    sql(block("create role ann"), postgres.OWNER)
    out.equal(server.sql("select certgate.deny($q$" + fleet.pin(99) + "$q$)",
                         "ann"), ["1"], "an administrator makes a change")


def move():
    """From a list to the fleet."""
    pump = admin.certificate(base, "pump-7")
    (base / "list").write_text(
        f"# plant\nca:{pump} cn=pump-*\ndeny ca:{pump} cn=pump-9\n\n"
        f"{fleet.pin(0xa1).upper()}   user=a # hall 7\n"
        f'{fleet.pin(2)} user="b \\" # \\\\" groups=x,y\n'
        f"deny {fleet.pin(3)} expires=2090-01-01   # it's 'lost'\n"
        f"file:{pump} user=pump-7\nspki:{fleet.pin(4)}\n"
        f"{fleet.pin(5)} # no options\ndeny {fleet.pin(6)} # nor here\n")
    shell(block("export CERTGATE_CONFIG"))
    sql(block("\\set entries"), "ann")
    sha256 = admin.digest(pump, "sha256")
    wanted = [[f"deny {fleet.pin(99)}", ""],
              [f"{fleet.pin(0xa1)} user=a", "hall 7"],
              [f'{fleet.pin(2)} user="b \\" # \\\\" groups=x,y', ""],
              [f"deny {fleet.pin(3)} expires=2090-01-01", "it's 'lost'"],
              [f"{sha256} user=pump-7", ""], [f"spki:{fleet.pin(4)}", ""],
              [fleet.pin(5), "no options"],
              [f"deny {fleet.pin(6)}", "nor here"]]
    out.equal(sorted(server.sql("select entry, comment from certgate.entry")),
              sorted(wanted), "the entries of a list are in the fleet")
    shell(f"export CERTGATE_CONFIG=/dev/null CERTGATE_LIST={base}/list\n" +
          block("(echo '# see"))
    out.equal((base / "list").read_text(), "# see the fleet\n"
              f"ca:{pump} cn=pump-*\ndeny ca:{pump} cn=pump-9\n",
              "and no longer in the list, which keeps its CAs")
    listed, one = block("select entry, comment").splitlines()
    out.equal(sorted(line.split("\t") for line in
                     sql(listed, "ann").splitlines()), sorted(wanted),
              "they are listed")
    out.equal(sql(one.replace("THUMBPRINT", fleet.pin(3)), "ann"),
              f"{wanted[3][0]}\n", "and those of a pin")


def restore():
    everything = ("select * from certgate.change order by rev",
                  "select * from certgate.entry order by rev",
                  "select * from certgate.head")
    before = [server.sql(text) for text in everything]
    shell(block("sudo -u postgres pg_dumpall"))
    drop("dropdb fleet; dropuser ann; dropuser web1")
    shell(block("sudo -u postgres psql -q <roles.sql"))
    out.equal([server.sql(text) for text in everything], before,
              "a backup is restored")
    out.equal(server.sql(f"select certgate.remove('deny {fleet.pin(99)}')",
                         "ann"), [str(int(before[2][0][1]) + 1)],
              "and a role with it, which makes a change")
    host = fleet.Host(base / "web2", server, "web2").start()
    out.result(host.catches_up() and len(host.entries()) == 7,
               "a host has its entries", host.said())
    host.stop()


begin()
move()
restore()
server.stop()
out.done()
