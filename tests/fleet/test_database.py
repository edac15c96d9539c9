#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The database of a fleet, and the verbs with --fleet: what is an entry, which
role can do what, which hosts are late, what is gone."""
import concurrent.futures
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, place, postgres, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
server = postgres.Server(base / "postgres")
connection = base / "admin"
numbers = iter(range(1, 1 << 30))


def fresh():
    return f"{next(numbers):064x}"


def allow(entry):
    return int(server.one(f"select certgate.allow($q${entry}$q$)",
                          postgres.ADMIN))


def run(*arguments):
    return admin.run(*arguments, "--connection", connection)


def says(done, code, *words):
    """Whether a command ended so and said all that."""
    return done.code == code and all(w in done.out + done.err for w in words)


def refuses(text, user, name):
    try:
        server.sql(text, user)
    except postgres.Failure as e:
        out.result("permission denied" in str(e), name, e)
    else:
        out.result(False, name, "it was done")


def fails(text, words, name):
    """An administrator's statement is refused, and changes nothing."""
    revision = server.one("select rev from certgate.head")
    try:
        said = server.sql(text, postgres.ADMIN)
    except postgres.Failure as e:
        said = str(e)
    out.equal((words in said, server.one("select rev from certgate.head")),
              (True, revision), f"refused: {name}")


def options():
    """Each option with each value: certgate parses what the database takes."""
    names = ("user", "groups", "roles", "subprotocol", "client-id", "query.a",
             "query.", "query.a b", "hub", "not-before", "expires", "cn", "crl")
    plain = ("a", "@cn", "@san", "@thumbprint", "@", "@x", "a,b", "a,", ",a",
             "a,,b", "#a", "a#", "a=b", "a\\,b", 'a\\"b', "a\\\\", "\\a", "a\\",
             "-", "1", "h[0].x_y`", "é", "\ue000", "joinLeaveGroup",
             "sendToGroup.", "sendToGroup.a.b", "sendToGroups.a",
             "sendToGroups.\\\\", "sendToGroups.\\\\a", "sendToGroups.*****",
             "sendToGroups.a*b*c*d*e*f*", "sendToGroups.***********",
             "sendToGroups.\\,*\\,*\\,*\\,*\\,*\\,*", "joinLeaveGroupsx",
             "webpubsub.joinLeaveGroup", "webpubsub", "2030-01-31")
    quoted = ("", " ", "a b", " a", "a ", " @cn", "@cn", "a,b", "a, b", "a, ,b",
              "a\\,b", 'a\\"b', "a\\\\", "a user=b", "a # b", "joinLeaveGroup",
              "sendToGroup. ", "sendToGroup. a,sendToGroups. ", "2030-01-31",
              "sendToGroups. *", "sendToGroups.a b, joinLeaveGroup")
    values = [*plain, *(f'"{q}"' for q in quoted)]
    pins = (fresh(), f"spki:{fresh()}", f"deny {fresh()}")
    texts = ",".join(f"$q${pin} {name}={value}$q$" for pin in pins
                     for name in names for value in values)
    taken = server.sql(f"select e from unnest(array[{texts}]) e where "
                       "certgate.is_entry(e)")
    settings = base / "settings"
    settings.write_text(f"CERTGATE_STORE={base}/store\n")
    admin.run("store", "init", "--config", settings)
    done = admin.run("import", "--dry-run", "-", "--config", settings,
                     stdin="".join(e + "\n" for e in taken).encode())
    out.result(len(taken) > 150 and done.code == 0,
               f"certgate parses all of {len(taken)} entries", done)


def schema():
    out.equal(admin.run("fleet", "init").out,
              postgres.SCHEMA.read_text(encoding="utf-8"),
              "fleet init prints the SQL")
    before = server.sql("select * from certgate.change")
    pin = fresh()
    server.sql("alter table certgate.entry drop constraint is_comment")
    server.sql("insert into certgate.entry (entry, comment, rev) values "
               f"('{pin}', E'x\\ndeny {pin}', 0)")
    server.install()
    out.equal(server.sql("delete from certgate.entry returning comment"),
              [f"x deny {pin}"], "init: a comment of two lines becomes one")
    out.equal(server.sql("select * from certgate.change"), before,
              "init: once more is nothing")
    good = [f"{fresh()}", f"deny {fresh()}", f"spki:{fresh()} user=a",
            f"{'ab' * 20} user=\"a # b \\\" c\" groups=a,b hub=x "
            "query.site=1 expires=2030-01-31", f"deny {fresh()} expires=2030-"
            "01-31", f"{fresh()} user=é"]
    bad = [f"{fresh().upper()}A", f"{fresh()} nonsense=1", f"{fresh()} user=a "
           "# b", f"{fresh()}  user=a", f"{fresh()} user=\"a b", "ca:/x cn=*",
           "file:/etc/x.pem", f"{fresh()}\n{fresh()}", f"deny {fresh()} "
           "user=a", "", f"{fresh()} user=", f"{fresh()} hub=a\u2028b", "# x",
           f"deny deny {fresh()}", f" {fresh()}", f"deny {fresh()} expires=1",
           f"{fresh()} expires=tomorrow", f"{fresh()} user=a user=b",
           f"{fresh()} user=@x", f"{fresh()} roles=x", f"{fresh()} hub=1",
           f"{fresh()} user=a\u200b", f'{fresh()} user=""',
           f"spki:{fresh()} user=@cn", f'{fresh()} roles="sendToGroup. "',
           f"{fresh()} roles=sendToGroups",
           f"{fresh()} roles=sendToGroups.a\\\\",
           f"{fresh()} groups={','.join(['g'] * 257)}",
           f"{fresh()} user={'x' * 1025}",
           f"{fresh()} not-before=2030-01-02 expires=2030-01-01"]
    good += [f'{fresh()} user="a\\\\b" roles=joinLeaveGroup,sendToGroup.a '
             'hub=x,y subprotocol=a.b client-id=@san query.x=@cn',
             f'{fresh()} roles="webpubsub.sendToGroups.a*b**,sendToGroup.a b" '
             'groups="a b,c" not-before=2030-01-01 expires=2030-01-01',
             f"{fresh()} groups={','.join(f'g-{n:09}' for n in range(256))}"]
    got = [e for e in good + bad if server.one(
        f"select certgate.is_entry($q${e}$q$)") == "t"]
    out.equal(got, good, "is_entry: what is an entry, and what not")
    fails(f"select certgate.deny('{fresh()} expires=2027-02-29')",
          "out of range", "a day that does not exist")
    fails("select certgate.allow('nonsense')", "is_entry", "no entry")
    for comment in ("x\\ndeny", "a\\rb", "a\\u2028b", "x" * 1001):
        fails(f"select certgate.allow('{fresh()}', E'{comment}')",
              "is_comment", f"the comment {comment[:9]}")
    pin, groups = fresh(), ",".join(["g" * 99] * 200)
    for i in range(3):
        allow(f"{pin} groups={i},{groups}")
    fails(f"select certgate.allow('{pin} groups={groups}')",
          "too many entries of one pin", "more than a host can store of a pin")
    for verb in ("allow", "remove"):
        revision = server.one("select rev from certgate.head")
        try:
            server.sql(f"select certgate.{verb}('{bad[0]}')", postgres.ADMIN)
            out.result(False, f"{verb}: not an entry")
        except postgres.Failure as e:
            out.equal((server.one("select rev from certgate.head"),
                       "ERROR" in str(e)), (revision, True),
                      f"{verb}: not an entry: refused, no revision")


def rights():
    server.add_host("rights")
    entry = fresh()
    for text in (f"select certgate.allow('{entry}')",
                 f"select certgate.make('{{add}}', '{{{entry}}}')",
                 f"insert into certgate.entry (entry, rev) values ('{entry}', 1)",
                 "update certgate.head set rev = 1",
                 "delete from certgate.change",
                 "select * from certgate.change",
                 "select comment from certgate.entry",
                 "select * from certgate.host",
                 "update certgate.host set rev = 1",
                 "select certgate.compact(0)",
                 "select certgate.forget('rights')",
                 "select certgate.settle()",
                 "update certgate.host set gone = '[]'",
                 "update certgate.host set report = '{}'"):
        refuses(text, "rights", f"a host cannot: {text[:44]}")
    for text in ("insert into certgate.entry (entry, rev) "
                 f"values ('{entry}', 1)",
                 "update certgate.head set rev = 1",
                 "delete from certgate.change", "delete from certgate.host",
                 "select certgate.pull(0, '', '', 1)",
                 "select certgate.report('{}')"):
        refuses(text, postgres.ADMIN, f"an admin cannot: {text[:44]}")
    server.sql("create role stranger login")
    refuses("select entry from certgate.entry", "stranger",
            "another user cannot read")
    refuses(f"select certgate.allow('{entry}')", "stranger",
            "another user cannot write")
    server.sql("select certgate.pull(7, 'x', '', 1)", "rights")
    out.equal(server.sql("select name, rev from certgate.host"),
              [["rights", "7"]], "a host writes the row of its login")
    server.sql("select certgate.forget('rights')", postgres.ADMIN)


class FakeHost:
    """A host as far as the database sees it."""

    def __init__(self, name):
        self.name = name
        server.add_host(name)

    def contact(self, problem=""):
        """At the newest revision; that of a bare host is any."""
        server.sql("select p.rev from certgate.head h, certgate.pull(h.rev, "
                   f"h.digest, '{problem}', 1) p", self.name)


def entries():
    return server.sql("select entry, comment from certgate.entry order by rev")


def edits():
    """Without a host, each change is in force everywhere at once."""
    server.sql("truncate certgate.entry")
    a, b, c = fresh(), fresh(), fresh()
    path = admin.certificate(base, "pump-7")
    sha256 = admin.digest(path, "sha256")
    spki = admin.digest(path, "spki")
    done = run("allow", "--fleet", a.upper(), "user=a b", "--comment", "hall")
    out.result(says(done, 0, "in force on 0 of 0 hosts"), "allow", done)
    out.equal(entries(), [[f'{a} user="a b"', "hall"]], "allow: the entry")
    done = run("allow", "--fleet", a, "user=a b")
    out.result(says(done, 0, "already there"), "allow: once more", done)
    done = run("allow", "--fleet", a, "user=c")
    out.result(says(done, 1, "--replace"), "allow: other options", done)
    done = run("allow", "--fleet", a, "user=c", "--replace", "--dry-run")
    out.result(says(done, 0, "+" + a), "allow: --dry-run", done)
    done = run("allow", "--fleet", a, "user=c", "--replace")
    out.equal((done.code, entries()), (0, [[f"{a} user=c", "hall"]]),
              "allow: --replace, and the comment stays")
    done = run("rotate", "--fleet", a, b)
    got = [e for e, _ in entries()]
    out.result(done.code == 0 and got[0].startswith(f"{a} user=c expires=")
               and got[1:] == [f"{b} user=c"], "rotate", f"{done}{got}")
    done = run("rotate", "--fleet", a, b)
    out.result(says(done, 1, "already"), "rotate: once more", done)
    done = run("deny", "--fleet", a, "expires=2090-01-31", "--comment", "#x")
    out.result(done.code == 0 and [f"deny {a} expires=2090-01-31", "#x"] in
               entries(), "deny, and a mark in the comment", done)
    done = run("allow", "--fleet", a, "user=z")
    typed = f" --connection {connection}"
    out.result(says(done, 1, f"remove --fleet{typed} --deny"),
               "allow: denied, and the command that removes that", done)
    done = run("remove", "--fleet", a)
    out.result(says(done, 0, "--deny"), "remove: the deny stays", done)
    done = run("remove", "--fleet", "--deny", a)
    out.equal((done.code, entries()), (0, [[f"{b} user=c", ""]]),
              "remove --deny")
    done = run("remove", "--fleet", c)
    out.result(says(done, 1, "no such entry", "select entry"), "remove: none",
               done)
    done = run("deny", "--fleet", path)
    out.result(done.code == 0 and [f"deny {sha256}", ""] in entries(),
               "deny: a file", done)
    run("allow", "--fleet", f"spki:{spki}", "user=k")
    done = run("deny", "--fleet", f"file:{path}", "expires=2090-01-01")
    out.result(done.code == 0 and [f"deny {sha256} expires=2090-01-01", ""] in
               entries(), "deny: file: is its SHA-256", done)
    done = run("remove", "--fleet", "--deny", path)
    out.result(says(done, 0, "public key and stays"),
               "remove: all pins of a certificate are looked at", done)
    done = run("allow", "--fleet", a, f"user={'x' * 1024}")
    out.result(says(done, 3, "is_entry", "fix: use shorter values"),
               "allow: a form that the database refuses", done)
    for arguments in (("deny", "--fleet", "ca:/x", "cn=x"),
                      ("deny", "--fleet", "--all"),
                      ("deny", "--fleet", "--disconnect", a),
                      ("deny", "--fleet", a, "nonsense=1")):
        revision = server.one("select rev from certgate.head")
        done = run(*arguments)
        out.equal((done.code in (1, 2),
                   server.one("select rev from certgate.head")),
                  (True, revision), f"refused: {' '.join(arguments)[:40]}")


def late():
    hosts = [FakeHost(name) for name in ("web1", "web2", "web3")]
    for host in hosts:
        host.contact()
    server.sql("update certgate.host set contact = contact - interval '1 h'")
    done = run("deny", "--fleet", fresh())
    out.result(says(done, 1, "in force on 0 of 3 hosts", "late: web1",
                    "late: web3"), "hosts that are away are late", done)
    done = run("deny", "--fleet", fresh(), "--json")
    told = json.loads(done.out)["fleet"]
    out.equal((done.code, told["hosts"], told["inForce"], told["late"]),
              (1, 3, 0, ["web1", "web2", "web3"]), "the same as JSON")
    done = run("fleet", "status")
    out.result(says(done, 1, "2 behind", "last contact 36"),
               "fleet status: away", done)
    hosts[0].contact()
    hosts[1].contact("disk full")
    done = run("fleet", "status")
    out.result(says(done, 1, "disk full"), "fleet status: a problem", done)
    told = {h["name"]: h for h in
            json.loads(run("fleet", "status", "--json").out)["hosts"]}
    out.equal([(told[n]["behind"], told[n]["connected"], told[n]["problem"])
               for n in sorted(told)],
              [(0, True, ""), (0, True, "disk full"), (2, False, "")],
              "the same as JSON")
    server.sql("select certgate.pull(1000000, 'x', '', 1)", "web3")
    done = run("fleet", "status")
    out.result(says(done, 1, "web3", "not in the database"),
               "fleet status: a revision of another database", done)
    done = run("deny", "--fleet", fresh())
    out.result("late: web3" in done.out, "and it is late", done)
    hosts[1].contact()
    for junk in (f"'{{2000000}}', '{{{fresh()[1:]}}}', '{{junk}}'",
                 "'{2000000}', '{zz}', '{junk}'",
                 f"'{{0}}', '{{{fresh()}}}', '{{{'c' * 2000}}}'"):
        server.sql(f"select certgate.miss({junk})", "web1")
    gone = fresh()
    for name, change in (("web3", "add deny x"), ("web2", "")):
        server.sql(f"select certgate.miss('{{1000000}}', '{{{gone}}}', "
                   f"'{{{change}}}')".replace("'{}'", "'{\"\"}'"), name)
    for _ in range(2):
        server.sql("select certgate.miss(array_agg(7000000 + i), array_agg("
                   "repeat('ab', 32)), array_agg(''::text)) from generate_series("
                   "1, 500) i", "web1")
    done = run("fleet", "status", "--json")
    rows = json.loads(done.out)["gone"]
    out.equal(([(g["change"], g["host"]) for g in rows if g["revision"] ==
                "1000000"], len(rows), sorted({len(g["change"]) for g in rows})),
              ([("add deny x", "web3")], 302, [0, 10, 1000]),
              "fleet status: what is gone, by all hosts")
    done = run("fleet", "status")
    out.result(says(done, 1, "revision 1000000", "add deny x", "seen by web3",
                    "certgate.settle()") and "junk" not in done.out,
               "the same as text", done)
    done = run("fleet", "forget", "web3")
    out.result(says(done, 3, "web3", "certgate.settle()") and server.one(
        "select gone <> '[]' from certgate.host where name = 'web3'") == "t",
        "fleet forget: not while it has revisions that are gone", done)
    server.sql("select certgate.settle()", postgres.ADMIN)
    done = run("fleet", "forget", "web3")
    out.equal(done.code, 0, "fleet forget")
    done = run("fleet", "forget", "web3")
    out.result(says(done, 1, f"certgate fleet status --connection {connection}"),
               "fleet forget: none", done)
    for host in hosts[:2]:
        host.contact()
    out.equal(run("fleet", "status").code, 0, "fleet status: all well")


def waits():
    """Another change holds the lock: the server gives up first."""
    def held(pin, after):
        server.sql("begin")
        server.sql("select rev from certgate.head for update")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            done = pool.submit(run, "deny", "--fleet", pin)
            after()
            got = done.result()
        server.sql("rollback")
        place.wait_for(lambda: server.one(
            "select count(*) from pg_stat_activity where usename = 'admin' "
            "and state = 'active'") == "0")
        return got, f"deny {pin}" in [e for e, _ in entries()]

    done, there = held(fresh(), lambda: None)
    out.result(says(done, 3, "statement timeout") and not there and
               "may be" not in done.err, "a change that waits too long", done)
    done, there = held(fresh(), lambda: place.wait_for(lambda: server.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename "
        "= 'admin' and wait_event_type = 'Lock'", postgres.ADMIN)))
    out.result(says(done, 3, "may be in the database",
                    f"certgate fleet status --connection {connection}"),
               "a connection that is lost during a change", done)


def is_waiting(user):
    return server.one("select count(*) from pg_stat_activity where usename = "
                      f"'{user}' and wait_event_type = 'Lock'") == "1"


def forgotten():
    """A host reports what is gone while an administrator forgets it: the
    report is kept, and the administrator is refused."""
    host = FakeHost("told")
    host.contact()
    server.sql("begin", host.name)
    server.sql(f"select certgate.miss('{{3000000}}', '{{{fresh()}}}', "
               "'{add deny y}')", host.name)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        done = pool.submit(run, "fleet", "forget", host.name)
        out.result(place.wait_for(lambda: is_waiting(postgres.ADMIN)),
                   "fleet forget waits for a report of what is gone")
        server.sql("commit", host.name)
        got = done.result()
    rows = server.sql("select g->>'change' from certgate.host, "
                      "jsonb_array_elements(gone) g where name = 'told'")
    out.result(says(got, 3, "told had revisions that are gone"),
               "and is refused", got)
    out.equal(rows, ["add deny y"], "and the report is kept")
    server.sql("select certgate.settle()", postgres.ADMIN)
    out.equal(run("fleet", "forget", host.name).code, 0,
              "fleet forget: once that is settled")
    server.sql(f"select certgate.miss('{{3000000}}', '{{{fresh()}}}', "
               "'{add deny z}')", host.name)
    out.equal(server.sql("select name, g->>'change' from certgate.host, "
                         "jsonb_array_elements(gone) g"), [["told", "add deny z"]],
              "what a host reports after a forget is kept")
    server.sql("select certgate.settle()", postgres.ADMIN)
    out.equal(run("fleet", "forget", host.name).code, 0, "and forgotten again")


def faults():
    text = connection.read_text(encoding="utf-8")
    connection.chmod(0o644)
    done = run("fleet", "status")
    out.result(says(done, 3, "chmod"), "a file that others can read", done)
    connection.chmod(0o600)
    connection.write_text("host=x hunter2")
    done = run("fleet", "status")
    out.result(done.code == 3 and "hunter2" not in done.out + done.err,
               "a file without a connection: not repeated", done)
    connection.write_text(text)
    done = admin.run("fleet", "status", "--connection", base / "none")
    out.result(says(done, 3, f"{base}/none: no such file (fix: write a "
                    "connection string of libpq to it"), "no file", done)
    connection.write_text(text.replace("user=admin", "user=stranger"))
    done = run("deny", "--fleet", fresh())
    out.result(says(done, 3, "permission denied", "certgate_admin"),
               "no right, and the role that has it", done)
    connection.write_text(text)
    server.sql("alter function certgate.forget rename to other")
    done = run("fleet", "forget", "web1")
    out.result(says(done, 3, "does not exist", "certgate fleet init"),
               "tables of another version: the command that upgrades them",
               done)
    server.stop()
    done = run("deny", "--fleet", fresh())
    out.result(says(done, 3, "database:"), "no database", done)
    connection.write_text(text.replace("host=127.0.0.1", "host=127.0.0.1,"
                                       "127.0.0.1").replace(
        f"port={server.port}", f"port={server.port},1"))
    done = run("fleet", "status")
    out.result(says(done, 3, f"port {server.port} failed: ", "; ",
                    "port 1 failed: "), "no database at two hosts: both errors",
               done)


server.make()
connection.write_text(server.connection("admin", more="sslmode=disable"))
connection.chmod(0o600)
schema()
options()
rights()
edits()
late()
waits()
forgotten()
faults()
out.done()
