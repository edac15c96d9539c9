#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A fleet in which links are cut, processes are killed, databases fail over and
are restored, and a disk is full, for so many seconds: no client is accepted later
than a second after its deny on a host that is connected, nor by a store that is
too old; no change is lost, each event is answered, and all hosts have the same
entries once it is quiet.  The arguments are seconds, hosts and entries.  As root,
each host is in a network namespace; without, no database fails over and no disk
is full."""
import atexit
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, fleet, place, postgres, processes, tap  # noqa: E402

LONG = 300  # seconds, from which on it is the whole fleet
CLIENTS = 60
LATEST_S = 1  # from the commit of a deny to its force
# From the end of a fault until a host counts as connected: a half-open
# connection is noticed after 5 s, and the next attempt may take 3 s more.
RECOVERY_S = 10
REREAD_S = 180  # at most, for all hosts to read all entries again
MAX_AGE = 15  # CERTGATE_STORE_MAX_AGE
RETRY_S = 10  # the service sends an event again after a 5xx
DISK = "768M"
ACCEPTED, REJECTED = (200, 204), (403,)


class Model:
    """What each client's entry was, from when on; by the monotonic clock."""

    def __init__(self, world):
        self.world = world
        self.clients = [f"{i:040x}" for i in range(1, CLIENTS + 1)]
        self.entries = {c: set() for c in self.clients}
        self.since = {c: (False, time.monotonic()) for c in self.clients}
        self.lock = threading.Lock()
        self.turn = threading.Lock()  # of one that changes
        self.made = 0

    def forget(self):
        """From now on either answer may be right."""
        with self.lock:
            for client in self.clients:
                self.since[client] = (None, time.monotonic())

    def settle(self, client):
        denied = any(e.startswith("deny") for e in self.entries[client])
        with self.lock:
            self.since[client] = (bool(self.entries[client]) and not denied,
                                  time.monotonic())

    def make(self, client, verb, entry):
        """One change, again after a failure of the connection: it may have been
        made, for the database fails between commit and answer."""
        with self.lock:
            self.since[client] = (None, time.monotonic())
        while True:
            try:
                self.world.server.sql(f"select certgate.make('{{{verb}}}', "
                                      f"'{{\"{entry}\"}}')", postgres.ADMIN)
                break
            except postgres.Failure as e:
                if "there is" in str(e):  # it was made
                    break
                time.sleep(0.2)
        (self.entries[client].add if verb == "add" else
         self.entries[client].discard)(entry)
        self.made += 1
        self.settle(client)

    def step(self):
        client = random.choice(self.clients)
        entries = self.entries[client]
        if not entries:
            self.make(client, "add", f"{client} user=u{client[-2:]}")
        elif f"deny {client}" in entries:
            self.make(client, "remove", f"deny {client}")
        elif random.random() < 0.7:
            self.make(client, "add", f"deny {client}")
        else:
            self.make(client, "remove", next(iter(entries)))

    def reload(self):
        """A restored database has what it had."""
        found = self.stored()
        for client in self.clients:
            self.entries[client] = {e for e in found if client in e}
            self.settle(client)

    def stored(self):
        return sorted(self.world.server.again(
            "select entry from certgate.entry where length(pin) = 40"))

    def wanted(self):
        return sorted(set().union(*self.entries.values()))


class World(fleet.World):
    def __init__(self, base, count, entries):
        super().__init__(base, count, {"CERTGATE_STORE_MAX_AGE": MAX_AGE})
        self.server.sql(
            "insert into certgate.entry (entry, rev) select lpad(to_hex(i), "
            "64, 'e') || ' user=u' || i || ' groups=g' || i % 100, 0 from "
            f"generate_series(1, {entries}) i")
        self.disk = base / f"web{count}" if self.network else None
        if self.disk:
            self.disk.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o",
                            f"size={DISK},mode=755", "certgate", self.disk],
                           check=True)
            atexit.register(subprocess.run, ["umount", "-l", self.disk],
                            check=False)
        self.count = count
        self.standby = None
        self.standbys = 0
        # When each host was last in trouble, and the handler killed; since when
        # its cable is cut.
        self.trouble = [time.monotonic()] * count
        self.killed = [0.0] * count
        self.since_cut = [None] * count

    def mark(self, hosts, ahead=0):
        for i in hosts:
            self.trouble[i] = time.monotonic() + ahead

    def follow(self):
        """Another standby, in the place of the one that is not there."""
        if self.standby:
            self.standby.stop(signal.SIGQUIT)
            shutil.rmtree(self.standby.folder)
        self.standbys += 1
        port = next(p for p in self.ports if p != self.server.port)
        self.standby = self.server.standby(
            self.base / f"standby{self.standbys}", port)
        return self.server.synchronous()

    def alone(self):
        """Without a standby, no commit waits for one."""
        if self.standby:
            self.server.synchronous(False)

    def has_standby(self):
        return self.standby and self.server.synchronous()


def link(world, _):
    i = random.randrange(world.count)
    world.mark([i], 1e9)
    world.cut(i)
    world.since_cut[i] = time.monotonic()
    time.sleep(random.choice([random.uniform(0.5, 8),
                              random.uniform(MAX_AGE, MAX_AGE + 10)]))
    world.since_cut[i] = None
    world.join(i)
    world.mark([i])


def sync(world, _):
    i = random.randrange(world.count)
    world.mark([i], 1e9)
    world.hosts[i].stop(signal.SIGKILL)
    time.sleep(random.uniform(0, 2))
    world.hosts[i].start()
    world.mark([i])


def handler(world, _):
    """A host without a handler still answers, and is sent the event again."""
    i = random.randrange(world.count)
    world.killed[i] = time.monotonic() + 1e9
    world.gates[i].handler.stop(signal.SIGKILL)
    time.sleep(random.uniform(0, 2))
    world.gates[i].handler.start()
    world.killed[i] = time.monotonic()


def database(world, _):
    hosts = range(world.count)
    world.mark(hosts, 1e9)
    world.server.stop(random.choice([signal.SIGINT, signal.SIGQUIT,
                                     signal.SIGKILL]))
    time.sleep(random.uniform(0, 2))
    world.server.start()
    world.mark(hosts)


def backend(world, _):
    """The server ends all sessions if it loses one process."""
    hosts = range(world.count)
    world.mark(hosts, 1e9)
    found = world.server.again("select pid from pg_stat_activity where usename "
                             "like 'web%'")
    if found:
        os.kill(int(random.choice(found)), signal.SIGKILL)
    place.wait_for(world.server.is_ready, 60)
    world.mark(hosts)


def fail_over(world, _):
    """To a synchronous standby; then there is another."""
    hosts = range(world.count)
    if not world.has_standby():
        return
    world.mark(hosts, 1e9)
    world.server.kill()
    shutil.rmtree(world.server.folder)
    world.standby.promote()
    world.server, world.standby = world.standby, None
    for host in world.hosts:
        host.server = world.server
    world.mark(hosts)
    world.follow()


def restore(world, model):
    """A copy of the files of the database, in their place after some seconds.
    What was changed in between is gone, and all entries are read again."""
    hosts = range(world.count)
    world.alone()
    copy = world.base / "backup"
    world.mark(hosts, 1e9)
    with model.turn:
        world.server.stop()
        shutil.copytree(world.server.data, copy)
        world.server.start()
    time.sleep(random.uniform(2, 5))
    with model.turn:
        model.forget()
        world.server.kill()
        shutil.rmtree(world.server.data)
        copy.rename(world.server.data)
        own = world.server.folder.stat()
        subprocess.run(["chown", "-R", f"{own.st_uid}:{own.st_gid}",
                        world.server.data], check=True)
        world.server.start()
        model.reload()
        if not all(host.catches_up(REREAD_S) for host in world.hosts):
            return
    world.mark(hosts)
    if world.standby:
        world.follow()


def disk(world, _):
    """The last host has no room for some seconds."""
    i = world.count - 1
    world.mark([i], 1e9)
    filler = world.disk / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=1M"],
                   check=False, stderr=subprocess.DEVNULL)
    time.sleep(random.uniform(2, 8))
    filler.unlink()
    world.mark([i])


FAULTS = [link, link, sync, sync, handler, database, backend]
OF_ROOT = [fail_over, disk, restore]  # and of a database without a proxy


def measure(world, seconds):
    """Denies by the command, which says when one is in force on all hosts: in
    ms.  No host may accept the client then."""
    connection = world.base / "admin"
    connection.write_text(world.server.connection(
        postgres.ADMIN, address=world.server.folder, more="sslmode=disable"))
    connection.chmod(0o600)
    end, times, wrong = time.monotonic() + seconds, [], []
    number = 1 << 64
    while time.monotonic() < end:
        number += 1
        pin = f"{number:040x}"
        for verb in ("allow", "deny"):
            done = admin.run(verb, "--fleet", pin, "--json", "--connection",
                             connection)
            told = json.loads(done.out)["fleet"] if done.code == 0 else {}
            good = ACCEPTED if verb == "allow" else REJECTED
            wrong += [f"{verb}: {done}"] * (done.code != 0)
            wrong += [f"{verb}: web{i}" for i, gate in
                      enumerate(world.gates, 1) if gate.ask(pin) not in good]
        times.append(told.get("afterMs", 1e9))
        for entry in (pin, f"deny {pin}"):
            world.server.again(f"select certgate.remove('{entry}')",
                             postgres.ADMIN)
    return sorted(times), wrong


class Seen:
    def __init__(self):
        self.asked = self.checked = self.again = self.stale = 0
        self.unanswered, self.late, self.slow, self.old = [], [], [], []


def answer(world, i, client, seen):
    """The verdict on one event, which the service sends again after a 5xx, and
    when it was asked for."""
    first = time.monotonic()
    while True:
        begin = time.monotonic()
        status = world.gates[i].ask(client)
        if status in ACCEPTED + REJECTED:
            return status, begin
        if begin - world.killed[i] > RETRY_S or begin - first > RETRY_S:
            seen.unanswered.append((i + 1, status))
            return None, begin
        seen.again += 1
        time.sleep(0.05)


def probe(world, model, i, done, seen):
    """Ask one host all the time."""
    while not done.wait(0.01):
        client = random.choice(model.clients)
        cut = world.since_cut[i]
        with model.lock:
            before = model.since[client]
        status, begin = answer(world, i, client, seen)
        with model.lock:
            after = model.since[client]
        seen.asked += 1
        if status is None:
            continue
        # The last contact was before the cut.
        if cut and cut == world.since_cut[i] and begin - cut > MAX_AGE + 2:
            seen.stale += 1
            if status in ACCEPTED:
                seen.old.append(f"web{i + 1}: {begin - cut:.1f} s after the cut")
        if before != after or before[0] is None or \
                begin - before[1] < LATEST_S or \
                begin - world.trouble[i] < RECOVERY_S:
            continue
        seen.checked += 1
        if (status in ACCEPTED) != before[0]:
            (seen.late if status in ACCEPTED else seen.slow).append(
                f"web{i + 1}: {status} for {client[-2:]}, "
                f"{begin - before[1]:.3f} s after its change")


def break_things(world, model, seconds):
    """Faults at random, each kind once at first; how many there were."""
    faults = FAULTS + (OF_ROOT if world.network else [])
    left = list(dict.fromkeys(faults))
    random.shuffle(left)
    end, count = time.monotonic() + seconds, {}
    # Half of the time is for what happens between faults.
    while time.monotonic() < end:
        fault = left.pop() if left else random.choice(faults)
        count[fault.__name__] = count.get(fault.__name__, 0) + 1
        fault(world, model)
        time.sleep(random.uniform(0, 2 * RECOVERY_S if seconds > LONG
                                  else RECOVERY_S / 2))
    return count


def run(out, world, model, seconds):
    done, seen = threading.Event(), [Seen() for _ in world.gates]
    threads = [threading.Thread(target=probe, daemon=True,
                                args=(world, model, i, done, seen[i]))
               for i in range(world.count)]

    def change():
        while not done.is_set():
            with model.turn:
                model.step()
            time.sleep(random.uniform(0, 0.1))

    threads.append(threading.Thread(target=change, daemon=True))
    for thread in threads:
        thread.start()
    times, wrong = measure(world, min(60, seconds / 8))
    out.equal(wrong[:5], [], f"{len(times)} denies in force as the command "
              f"says: after {times[len(times) // 2]} ms (median), "
              f"{times[int(len(times) * 0.99)]} ms (99 of 100) on "
              f"{world.count} hosts")
    count = break_things(world, model, seconds * 0.8)
    time.sleep(RECOVERY_S + 2 * LATEST_S)  # the last fault counts, too
    done.set()
    for thread in threads:
        thread.join()

    def total(name):
        return sum((getattr(s, name) for s in seen), start=type(
            getattr(seen[0], name))())

    out.result(total("checked") > 0, f"{count}: {model.made} changes, "
               f"{total('asked')} events, {total('again')} sent again, "
               f"{total('checked')} checked, {total('stale')} by an old store")
    out.equal(total("unanswered")[:5], [], "each event is answered")
    out.equal(total("late")[:5], [], "no client is accepted a second after its "
              "deny on a connected host")
    out.equal(total("slow")[:5], [], "nor rejected a second after it was allowed")
    out.equal(total("old")[:5], [], "no client is accepted by a store that is "
              "too old")


def compare(out, world, model):
    entries = sorted(world.server.again("select entry from certgate.entry"))
    out.equal(model.stored(), model.wanted(), "no change is lost")
    for host in world.hosts:
        out.result(host.catches_up(60), f"{host.name}: the same revision and "
                   "digest", f"{host.row()}\n{host.said()[-800:]}")
        out.result(host.entries() == entries, f"{host.name}: the same "
                   f"{len(entries)} entries")


def argument(number, default):
    return int(sys.argv[number]) if len(sys.argv) > number else default


def main():
    seconds = tap.size(60)
    hosts = argument(2, 10 if seconds >= LONG else 3)
    entries = argument(3, 1000000 if seconds >= LONG else 1000)
    seed = random.randrange(1 << 32)
    random.seed(seed)
    print(f"# {seconds} s, {hosts} hosts, {entries} entries, seed {seed}",
          flush=True)
    out = tap.Tap()
    world = World(place.temporary(), hosts, entries)
    for i in range(hosts):
        begin = time.monotonic()
        out.result(world.add_host(), f"web{i + 1} has all entries, after "
                   f"{time.monotonic() - begin:.1f} s",
                   world.hosts[i].said())
    if world.network:
        out.result(world.follow(), "and the database has a standby")
    model = Model(world)
    world.mark(range(hosts))
    run(out, world, model, seconds)
    compare(out, world, model)
    world.close()
    out.done()


main()
