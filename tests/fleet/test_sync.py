#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate-sync and the database of a fleet: every host has what the database
has, in the order of its commits, whatever fails in between; and what a host
cannot take is never skipped."""
import ctypes
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import fleet, place, postgres, processes, store, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
server = postgres.Server(base / "postgres")
numbers = iter(range(1, 1 << 30))


def fresh():
    return fleet.pin(next(numbers))


def allow(entry):
    return int(server.one(f"select certgate.allow($q${entry}$q$)",
                          postgres.ADMIN))


def deny(entry):
    return int(server.one(f"select certgate.deny($q${entry}$q$)",
                          postgres.ADMIN))


def remove(entry):
    return int(server.one(f"select certgate.remove($q${entry}$q$)",
                          postgres.ADMIN))


def in_database():
    return sorted(server.sql("select entry from certgate.entry"))


def end_sessions(host):
    """Those that there are, and wait until they are gone."""
    server.sql("select pg_terminate_backend(pid, 20000) from pg_stat_activity "
               f"where usename = '{host.name}'")


def is_equal(host, name):
    """The host is at the revision of the database, and its store says so."""
    reached = place.wait_for(lambda: host.is_at_head() and
                             host.entries() == in_database(), 20, 0.05)
    got, wanted = host.entries(), in_database()
    detail = f"{host.row()}\n" + "\n".join(
        f"only one: {x}" for x in sorted(set(got) ^ set(wanted))[:5]
    ) + "\n" + "\n".join(host.said().splitlines()[-8:])
    out.result(reached and got == wanted, name, detail)


def order():
    """Two administrators at once, and a host that starts in between."""
    first = fleet.Host(base / "first", server, "first").start()
    is_equal(first, "first start: all entries")

    def change():
        for _ in range(60):
            entry = fresh()
            allow(f"{entry} user=a")
            deny(entry)
            remove(f"{entry} user=a")

    threads = [threading.Thread(target=change) for _ in range(2)]
    for thread in threads:
        thread.start()
    second = fleet.Host(base / "second", server, "second").start()
    for thread in threads:
        thread.join()
    is_equal(first, "changes of two administrators")
    is_equal(second, "changes since a start in between")
    revisions = [int(r) for r in server.sql(
        "select rev from certgate.change order by rev")]
    out.equal(revisions, list(range(len(revisions))), "revisions: no gap")
    out.equal(server.one(
        "select count(*) from certgate.change c join certgate.change p on "
        "p.rev = c.rev - 1 where c.previous <> p.digest or c.digest <> "
        "certgate.digest(p.digest, c.rev, c.verb, c.entry)"), "0",
        "digests: each has the one before it")
    out.result("all entries" not in first.said().split("all entries", 1)[1],
               "changes are applied without reading all entries",
               first.said())
    second.stop()
    return first


def lines():
    """The first entry of a pin that matches decides."""
    pin = fresh()
    entries = [f"{pin} user={name}" for name in "abc"]
    for entry in entries:
        allow(entry)
    # The row moves to the end of the table.
    server.sql(f"update certgate.entry set comment = 'x' where entry = "
               f"'{entries[0]}'")
    host = fleet.Host(base / "lines", server, "lines").start()
    is_equal(host, "entries of one pin")
    got = [line for line in fleet.check(
        "export", "--config", host.settings).splitlines() if pin in line]
    out.equal([" ".join(line.split()) for line in got], entries,
              "are in the order of their revisions")
    host.stop()
    server.sql("select certgate.forget('lines')", postgres.ADMIN)


def notifications(host):
    source = postgres.SCHEMA.read_text(encoding="utf-8")
    make = re.search(r"create or replace function certgate\.make.*?end \$\$;",
                     source, re.DOTALL)[0]
    quiet = make.replace("certgate.make", "certgate.quiet")
    quiet = re.sub(r"\tperform pg_notify.*\n", "", quiet)
    server.sql(quiet)
    server.sql(f"select certgate.quiet('{{add}}', '{{{fresh()}}}')")
    is_equal(host, "a notification that is lost")


def restarts(host):
    server.stop()
    place.wait_for(lambda: "database:" in host.said())
    server.start()
    allow(fresh())
    is_equal(host, "restart of the database")
    server.kill()
    server.start()
    deny(fresh())
    is_equal(host, "crash of the database")
    end_sessions(host)
    deny(fresh())
    is_equal(host, "a session that was ended")


def digests(host):
    """A change that is not what its digest says; a host that had another."""
    host.stop()
    deny(fresh())
    revision = deny(fresh())
    allow(fresh())
    server.sql("update certgate.change set digest = sha256('wrong') where "
               f"rev = {revision}")
    host.start()
    is_equal(host, "a wrong digest: all entries are read")
    out.result(f"revision {revision}: its digest is wrong" in host.said(),
               "a wrong digest is logged", host.said()[-600:])
    server.sql("update certgate.change c set digest = certgate.digest("
               "previous, rev, verb, entry) where digest = sha256('wrong')")
    deny(fresh())
    is_equal(host, "and the next change is applied")


def damage(host):
    """A record with a wrong checksum, which a change of its pin meets."""
    pin = fresh()
    allow(f"{pin} user=a")
    host.catches_up()
    writer = store.Writer(host.store)
    writer.write(b"\1" + bytes.fromhex(pin), b"user=a", b"checksum")
    writer.close()
    deny(fresh())
    deny(pin)
    is_equal(host, "a damaged record: all entries are read again")
    out.result("wrong checksum" in host.said(), "and the log has the reason",
               host.said()[-600:])


def set_back(host):
    """Another program makes the store what it was at an older revision."""
    pin = fresh()
    allow(f"{pin} user=a")
    host.catches_up()
    number, digest, _ = host.row()
    deny(pin)
    is_equal(host, "a deny")
    values = {b"\1" + bytes.fromhex(pin): b"user=a",
              b"\0revision": number.encode(), b"\0digest": digest.encode()}
    writer = store.Writer(host.store)
    txn, dbi = writer.begin()
    for key, text in values.items():
        writer.do("put", txn, dbi, ctypes.byref(store.Value(key)), ctypes.byref(
            store.Value(store.checksum(key, text) + text)), 0)
    writer.do("txn_commit", txn)
    writer.close()
    out.result(place.wait_for(lambda: "changed by another" in host.said(), 20),
               "a store that was set back is noticed", host.said()[-600:])
    is_equal(host, "and the deny is in force again")


def passed_over(host):
    """A row that is not the host's revision: the one was dropped meanwhile."""
    replace_pull("""
    return query select c.rev, c.verb, c.entry, c.digest
        from certgate.change c where c.rev = at + 1;
    if found then return; end if;""")
    deny(fresh())
    out.result(place.wait_for(lambda: host.is_at_head() and
                              "all entries read" in host.said()[-600:]),
               "no row of its revision: all entries are read", host.said()[-600:])
    replace_pull()


def gone():
    """What hosts applied and the database lost."""
    return server.sql(
        "select g->>'rev', g->>'change', name from certgate.host, "
        "jsonb_array_elements(gone) g order by (g->>'rev')::bigint")


def backup():
    return server.program("pg_dump", "-h", server.folder, "-p", server.port,
                          "-U", postgres.OWNER, "-c", "-n", "certgate",
                          postgres.DATABASE).stdout.decode()


def backups(host):
    """The database is what it was: revisions are gone."""
    allow(fresh())
    host.catches_up()
    dump = backup()
    lost = [fresh(), fresh()]
    revisions = [deny(entry) for entry in lost]
    is_equal(host, "changes after a backup")
    server.script(dump)
    again = deny(fresh())
    out.equal(again, revisions[0], "a backup: the revision is used again")
    is_equal(host, "a restored backup: the host has what it has")
    wanted = [[str(r), f"add deny {e}", host.name]
              for r, e in zip(revisions, lost)]
    out.equal(gone(), wanted, "the revisions that are gone")


def told_again(host):
    """The connection is lost while the host reports what is gone."""
    dump = backup()
    lost = fresh()
    deny(lost)
    is_equal(host, "another change after a backup")
    miss = re.search(r"create or replace function certgate\.miss.*?\$\$;",
                     postgres.SCHEMA.read_text(encoding="utf-8"), re.DOTALL)[0]
    server.script(dump + "create sequence certgate.tries;" + miss.replace(
        "language sql", "language plpgsql").replace("as $$", """as $$ begin
        if nextval('certgate.tries') = 1 then
            perform pg_terminate_backend(pg_backend_pid());
        end if;""").replace("< 300\n$$", "< 300; end $$"))
    is_equal(host, "and the host has what the database has")
    out.result(f"add deny {lost}" in [change for _, change, _ in gone()],
               "a report that was lost is made again", gone())
    server.script(miss)


def told_to_another(host):
    """The host reports what is gone, and cannot read the entries; then another
    database, which has no such report, takes over."""
    closed = backup() + "revoke select (entry, rev) on certgate.entry from " \
        "certgate_host;"
    lost = fresh()
    deny(lost)
    is_equal(host, "a change after one more backup")

    def named():
        return [change for _, change, _ in gone()].count(f"add deny {lost}")

    server.script(closed)
    out.result(place.wait_for(named), "it reports at once what is gone", gone())
    end_sessions(host)
    before = reads()  # the server logs a statement that fails
    place.wait_for(lambda: reads() > before)
    out.equal(named(), 1, "another report to the same database: named once")
    server.script(closed)
    end_sessions(host)
    out.result(place.wait_for(named), "a report to another database", gone())
    server.sql("grant select (entry, rev) on certgate.entry to certgate_host")
    is_equal(host, "and the host has what that has")


def reads():
    """How often a host began to read all entries, while all statements, or
    this one, are logged."""
    return server.log.read_text(errors="replace").count("declare entries")


def invalid(host):
    """An entry that the database took and the parser does not."""
    server.sql("alter table certgate.entry drop constraint is_entry")
    good, bad, late = fresh(), f"{fresh()} user=@nonsense", fresh()
    before = deny(good)
    allow(bad)
    deny(late)
    out.result(place.wait_for(
        lambda: host.row()[0] == str(before) and host.row()[2]),
        "an invalid entry: the host stops before it", host.row())
    row = host.row()
    out.result(f"revision {before + 1}" in row[2], "and the fleet knows why",
               row)
    got = host.entries()
    out.equal((f"deny {good}" in got, f"deny {late}" in got, bad in got),
              (True, False, False), "nothing behind it is in force")
    place.wait_for(lambda: False, 2.5)
    server.sql(f"alter role {host.name} set log_statement = 'all'")
    end_sessions(host)
    place.wait_for(lambda: "certgate.pull" in server.log.read_text(
        errors="replace"))
    read = reads()
    for _ in range(3):
        allow(fresh())
        place.wait_for(lambda: False, 1.5)
    out.equal((host.row()[0], host.row()[2] != ""), (str(before), True),
              "it stays there")
    out.equal(reads(), read, "and all entries are not read again")
    server.sql(f"alter role {host.name} reset log_statement")
    log = host.said()
    out.result(log.count(f"revision {before + 1}: ") <= 4,
               "the log does not repeat it each second", log[-900:])
    other = fleet.Host(base / "other", server, "other").start()
    out.result(place.wait_for(lambda: other.row() and other.row()[2]),
               "a new host takes nothing", other.row())
    out.equal(other.entries(), [], "and no part of it")
    other.stop()
    server.sql("select certgate.forget('other')", postgres.ADMIN)
    remove(bad)
    server.sql("alter table certgate.entry add constraint is_entry "
               "check (certgate.is_entry(entry))")
    is_equal(host, "without the entry it goes on")
    out.equal(host.row()[2], "", "and the fleet knows that")


def kills(host):
    done = threading.Event()

    def change():
        while not done.is_set():
            entry = fresh()
            allow(entry)
            deny(entry)

    thread = threading.Thread(target=change)
    thread.start()
    for i in range(12):
        place.wait_for(lambda: False, 0.05 + 0.02 * i)
        host.stop(signal.SIGKILL)
        host.start()
    done.set()
    thread.join()
    is_equal(host, "killed twelve times while changes come")
    out.result("does not have it" not in host.said().split(
        "all entries read")[-1], "each time it went on from its revision",
        host.said()[-900:])


def half_open():
    proxy = fleet.Proxy(server.port)
    host = fleet.Host(base / "proxied", server, "proxied",
                      port=proxy.port).start()
    is_equal(host, "through a proxy")
    proxy.stop()
    deny(fresh())
    out.result(place.wait_for(lambda: "does not answer" in host.said(), 20),
               "a peer that says nothing is noticed", host.said()[-600:])
    proxy.go_on()
    is_equal(host, "and the host connects again")
    host.stop()
    proxy.close()
    server.sql("select certgate.forget('proxied')", postgres.ADMIN)


def full(host):
    size = host.store.stat().st_size
    fleet.limit_file(host.process.pid, size)
    for _ in range(40):
        server.sql("select certgate.make(array_agg('add'::text), array_agg("
                   "certgate_pin(i))) from generate_series(1, 500) i"
                   .replace("certgate_pin(i)",
                            f"lpad(to_hex({next(numbers)} * 100000 + i), 64, "
                            "'e') || ' user=u' || i"), postgres.ADMIN)
        if host.row()[2]:
            break
    place.wait_for(lambda: host.row()[2])
    entry = fresh()
    deny(entry)
    out.result(host.row()[2], "a full disk: the fleet knows", host.row())
    out.result(f"deny {entry}" not in host.entries(),
               "and the store has the last whole revision")
    fleet.limit_file(host.process.pid, "unlimited")
    is_equal(host, "room again: the host catches up")


def write_faults(host):
    """A write that fails, at each step of a commit: of a page of entries, or
    of the first pages, after which LMDB refuses all writes."""
    stuck = []
    for step in range(1, 7):
        before = host.log.stat().st_size
        tracer = subprocess.Popen(
            [processes.find("strace"), "-f", "-q", "-o", base / "trace", "-e",
             "trace=pwrite64,pwritev", "-e",
             f"inject=pwrite64,pwritev:error=EIO:when={step}", "-p",
             str(host.process.pid)], stderr=subprocess.PIPE)
        place.wait_for(lambda: "TracerPid:\t0" not in pathlib.Path(
            f"/proc/{host.process.pid}/status").read_text())
        deny(fresh())
        place.wait_for(lambda offset=before: "nput/output error" in
                       host.said()[offset:], 5)
        tracer.terminate()
        tracer.wait()
        if not host.catches_up():
            stuck.append(step)
            break
    out.equal(stuck, [], "a failed write: the host catches up after it")
    out.result("nput/output error" in host.said(), "and logged the fault",
               host.said()[-900:])
    is_equal(host, "and has all entries")


def compaction(host):
    host.stop()
    for _ in range(20):
        deny(fresh())
    before = gone()
    server.sql("select certgate.compact(5)", postgres.ADMIN)
    out.equal(server.one("select count(*) from certgate.change"), "6",
              "compact: the last changes stay")
    host.start()
    is_equal(host, "a host that lags behind the oldest change")
    out.equal(gone(), before, "its revision is not gone")


def timeouts(host):
    server.sql(f"alter role {host.name} set idle_session_timeout = 300")
    end_sessions(host)
    place.wait_for(lambda: False, 2)
    deny(fresh())
    is_equal(host, "idle_session_timeout")
    server.sql(f"alter role {host.name} reset idle_session_timeout")


def connections(host):
    """Several hosts in one string; what is wrong with a string is not
    repeated."""
    host.stop()
    host.connect(f"# two\nhost=127.0.0.1,127.0.0.1\n"
                 f"port={place.free_port()},{server.port}\n"
                 f"dbname=fleet user={host.name} sslmode=disable\n")
    host.start()
    deny(fresh())
    is_equal(host, "the first of two databases is not there")
    host.stop()
    host.connect(f"# a URI\npostgresql://{host.name}@127.0.0.1:{server.port}/"
                 "fleet?sslmode=disable\n")
    host.start()
    deny(fresh())
    is_equal(host, "a URI")
    host.stop()
    for text in ("host=127.0.0.1 hunter2\n", "password=hunter2 'x\n",
                 "hunter2=1\n", server.connection(
                     host.name, more="password=hunter2 sslmode=nonsense"),
                 server.connection(host.name,
                                   more="password=hunter2")):
        host.log.write_text("")
        host.connect(text)
        host.start()
        place.wait_for(lambda: host.said() != "")
        host.stop()
        out.result("hunter2" not in host.said() and host.said(),
                   "a connection that fails: no secret in the log",
                   host.said())
    out.result("SSL" in host.said(), "without sslmode, TLS is needed",
               host.said())
    host.connect(server.connection(host.name, more="sslmode=disable"))
    host.connection.chmod(0o644)
    host.log.write_text("")
    host.start()
    place.wait_for(lambda: host.said() != "")
    host.stop()
    out.result("chmod" in host.said(), "a file that others can read",
               host.said())
    host.connection.chmod(0o600)


def follows(copy):
    return place.wait_for(lambda: copy.one(
        "select rev from certgate.head") == server.one(
            "select rev from certgate.head"))


class Manager:
    """systemd, as far as certgate-sync tells it; sd_notify(3)."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.told = ""

    def hears(self, words):
        try:
            while True:
                self.told += self.socket.recv(65536).decode() + "\n"
        except BlockingIOError:
            return words in self.told


def readiness(host):
    """The unit of the handler starts once the host is ready."""
    host.stop()

    def start(wait):
        folder = base / f"ready-{next(numbers)}"
        folder.mkdir()
        manager = Manager(folder)
        host.log.write_text("")
        host.start("--wait", str(wait),
                   environment={"NOTIFY_SOCKET": str(manager.path)})
        return manager

    revision = deny(fresh())
    manager = start(3600)
    out.result(place.wait_for(lambda: manager.hears("READY=1")) and
               f"in force: revision {revision}" in
               manager.told.partition("READY=1")[0],
               "ready with what the database has", manager.told)
    host.stop()
    server.stop()
    manager = start(1)
    out.result(place.wait_for(lambda: manager.hears("READY=1")) and
               "not caught up after 1 s: clients are decided on by revision "
               f"{revision}" in host.said(),
               "database away: ready after the wait, and a warning",
               host.said())
    out.result("late, revision" in manager.told, "and the state says so",
               manager.told)
    host.stop()
    manager = start(3600)
    place.wait_for(lambda: "database:" in host.said())
    place.wait_for(lambda: False, 2)
    out.result(not manager.hears("READY"), "not before", manager.told)
    server.start()
    revision = deny(fresh())
    out.result(place.wait_for(lambda: manager.hears("READY=1")) and
               place.wait_for(lambda: manager.hears(
                   f"in force: revision {revision}")),
               "and with the first catch-up", manager.told)
    is_equal(host, "it goes on")


def replace_pull(begin=""):
    """What a host asks; begin: what is done first."""
    source = re.search(r"create or replace function certgate\.pull.*?end \$\$;",
                       postgres.SCHEMA.read_text(encoding="utf-8"),
                       re.DOTALL)[0]
    server.script(source.replace("\nbegin\n", f"\nbegin\n{begin}\n", 1))


def busy(host):
    """Changes come faster than the host applies them."""
    host.stop()
    folder = base / "busy"
    folder.mkdir()
    manager = Manager(folder)
    replace_pull("""
    perform certgate.make('{add}', array[encode(sha256(random()::text::bytea),
        'hex')]);
    perform pg_sleep(0.1);""")
    host.start("--wait", "1", environment={"NOTIFY_SOCKET": str(manager.path)})
    out.result(place.wait_for(lambda: manager.hears("READY=1")),
               "never caught up: ready after the wait", manager.told)
    replace_pull()
    is_equal(host, "and it catches up")


def slow(host):
    """It lags behind more changes than one transaction has."""
    host.process.send_signal(signal.SIGSTOP)
    for _ in range(5):
        server.sql("select certgate.make(array_agg('add'::text), array_agg("
                   f"lpad(to_hex({next(numbers)} * 100000 + i), 64, 'd'))) "
                   "from generate_series(1, 5000) i", postgres.ADMIN)
    revision = deny(fresh())
    behind = revision - int(host.row()[0])
    host.process.send_signal(signal.SIGCONT)
    out.result(behind > 25000, "a slow host is late", behind)
    is_equal(host, "and applies all changes")
    out.result("all entries read" not in host.said(),
               "without reading all entries", host.said()[-600:])


def fail_over():
    """The host has both databases in its connection.  First an asynchronous
    standby, which lacks two changes; then a synchronous one."""
    global server  # pylint: disable=global-statement
    copy = server.standby(base / "standby")
    host = fleet.Host(base / "between", server, "between")
    text = host.connection.read_text()
    host.connect(text.replace("127.0.0.1", "127.0.0.1,127.0.0.1").replace(
        str(server.port), f"{server.port},{copy.port}"))
    host.start()
    follows(copy)
    is_equal(host, "a standby does not take writes: the other is used")
    copy.stop()
    lost = [deny(fresh()), deny(fresh())]
    is_equal(host, "changes that the standby lacks")
    server.kill()
    copy.start()
    copy.promote()
    server = host.server = copy
    is_equal(host, "asynchronous: the host has what the standby has")
    out.equal([int(r) for r, _, _ in gone()][-2:], lost,
              "and the revisions that are gone are known")
    copy = server.standby(base / "again")
    text = host.connection.read_text()
    host.stop()
    host.connect(re.sub(r"port=\S+", f"port={server.port},{copy.port}", text))
    host.server = server
    host.start()
    server.synchronous()
    kept = [deny(fresh()) for _ in range(5)]
    server.kill()
    copy.promote()
    server = host.server = copy
    out.equal(int(server.one("select rev from certgate.head")), kept[-1],
              "synchronous: no change is lost")
    deny(fresh())
    is_equal(host, "and the host goes on with the standby")
    out.result("does not have it" not in host.said().split(
        "all entries read")[-1], "from its revision", host.said()[-600:])
    host.stop()


server.make()
it = order()
lines()
notifications(it)
restarts(it)
digests(it)
damage(it)
set_back(it)
passed_over(it)
backups(it)
told_again(it)
told_to_another(it)
invalid(it)
kills(it)
half_open()
full(it)
write_faults(it)
compaction(it)
timeouts(it)
connections(it)
readiness(it)
busy(it)
slow(it)
fail_over()
server.stop()
out.done()
