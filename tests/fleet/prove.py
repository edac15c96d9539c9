#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A fleet in which links are cut and processes are killed, for so many seconds:
no client is accepted later than a second after its deny on a host that is
connected, no change is lost, each event is answered, and all hosts have the same
entries once it is quiet.  As root, each host is in a network namespace."""
import os
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import fleet, place, postgres, tap  # noqa: E402

HOSTS = 3
CLIENTS = 12
LATEST_S = 1  # from the commit of a deny to its force
# From the end of a fault until a host counts as connected: a half-open
# connection is noticed after 5 s, and the next attempt may take 3 s more.
RECOVERY_S = 10
ACCEPTED, REJECTED = (200, 204), (403,)


class Model:
    """What each client's entry was, from when on; by the monotonic clock."""

    def __init__(self, server):
        self.server = server
        self.clients = [f"{i:040x}" for i in range(1, CLIENTS + 1)]
        self.since = {c: (False, time.monotonic()) for c in self.clients}
        self.entries = {c: set() for c in self.clients}
        self.lock = threading.Lock()
        self.unknown = 0

    def make(self, client, verb, entry):
        """One change, again after a failure of the connection: it may have been
        made, for the database fails between commit and answer."""
        if verb == "add" and entry.startswith("deny"):
            with self.lock:  # from now on either answer may be right
                self.since[client] = (None, time.monotonic())
        while True:
            try:
                self.server.sql(f"select certgate.make('{{{verb}}}', "
                                f"'{{\"{entry}\"}}')", postgres.ADMIN)
                break
            except postgres.Failure as e:
                if "there is" in str(e):  # it was made
                    self.unknown += 1
                    break
                time.sleep(0.2)
        (self.entries[client].add if verb == "add" else
         self.entries[client].discard)(entry)
        denied = any(e.startswith("deny") for e in self.entries[client])
        allowed = bool(self.entries[client]) and not denied
        with self.lock:
            self.since[client] = (allowed, time.monotonic())

    def step(self):
        client = random.choice(self.clients)
        entries = self.entries[client]
        with self.lock:
            self.since[client] = (None, time.monotonic())
        if not entries:
            self.make(client, "add", f"{client} user=u{client[-2:]}")
        elif f"deny {client}" in entries:
            self.make(client, "remove", f"deny {client}")
        elif random.random() < 0.7:
            self.make(client, "add", f"deny {client}")
        else:
            self.make(client, "remove", next(iter(entries)))

    def wanted(self):
        return sorted(set().union(*self.entries.values()))


class World:
    def __init__(self, base):
        self.network = fleet.Network(HOSTS) if os.geteuid() == 0 else None
        within = self.network.within(0) if self.network else ()
        self.server = postgres.Server(
            base / "postgres", within=within, address=self.network.address
            if self.network else "127.0.0.1")
        self.server.make()
        self.proxies, self.hosts, self.gates = [], [], []
        for i in range(1, HOSTS + 1):
            port, within = None, ()
            if self.network:
                within = self.network.within(i)
            else:
                self.proxies.append(fleet.Proxy(self.server.port))
                port = self.proxies[-1].port
            host = fleet.Host(base / f"web{i}", self.server, f"web{i}",
                              port=port, prefix=within).start()
            self.hosts.append(host)
            self.gates.append(fleet.Gate(base / f"gate{i}", host.store,
                                         within))
        # When each host was last in trouble.
        self.trouble = [time.monotonic()] * HOSTS

    def cut(self, i):
        if self.network:
            self.network.cut(i + 1)
        else:
            self.proxies[i].stop()

    def join(self, i):
        if self.network:
            self.network.join(i + 1)
        else:
            self.proxies[i].go_on()

    def fault(self, kind):
        """One fault and its end; the host counts as away for all of it."""
        i = random.randrange(HOSTS)
        hosts = range(HOSTS) if kind == "database" else [i]
        self.mark(hosts, 1e9)
        if kind == "link":
            self.cut(i)
            time.sleep(random.uniform(0.5, 8))
            self.join(i)
        elif kind == "sync":
            self.hosts[i].stop(signal.SIGKILL)
            time.sleep(random.uniform(0, 2))
            self.hosts[i].start()
        else:
            self.server.kill()
            time.sleep(random.uniform(0, 2))
            self.server.start()
        self.mark(hosts, 0)

    def mark(self, hosts, ahead):
        for i in hosts:
            self.trouble[i] = time.monotonic() + ahead


def measure(world, model, seconds):
    """From the commit of a deny to its force on all hosts, in ms."""
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client = random.choice(model.clients)
        for entry in list(model.entries[client]):
            model.make(client, "remove", entry)
        model.make(client, "add", f"{client} user=x")
        place.wait_for(lambda: all(g.ask(client) in ACCEPTED
                                   for g in world.gates), 10, 0.001)
        model.make(client, "add", f"deny {client}")
        begin = time.monotonic()
        place.wait_for(lambda: all(g.ask(client) in REJECTED
                                   for g in world.gates), 10, 0.001)
        found.append(1000 * (time.monotonic() - begin))
    return sorted(found)


def probe(world, model, i, done, seen):
    """Ask one host all the time."""
    while not done.is_set():
        client = random.choice(model.clients)
        with model.lock:
            before = model.since[client]
        begin = time.monotonic()
        status = world.gates[i].ask(client)
        with model.lock:
            after = model.since[client]
        seen["asked"] += 1
        if status not in ACCEPTED + REJECTED:
            seen["unanswered"].append((i, status))
            continue
        connected = begin - world.trouble[i] > RECOVERY_S
        if before != after or before[0] is None or \
                begin - before[1] < LATEST_S or not connected:
            continue
        seen["checked"] += 1
        if (status in ACCEPTED) != before[0]:
            seen["late" if status in ACCEPTED else "slow"].append(
                f"web{i + 1}: {status} for {client[-2:]}, "
                f"{begin - before[1]:.3f} s after its change")
        time.sleep(0.002)


def main():
    seconds = tap.size(45)
    random.seed(seconds)
    out = tap.Tap()
    world = World(place.temporary())
    model = Model(world.server)
    for host in world.hosts:
        out.result(host.catches_up(), f"{host.name} has all entries",
                   host.said())
    times = measure(world, model, min(10, seconds / 5))
    out.result(times, f"{len(times)} denies: in force on all hosts after "
               f"{times[len(times) // 2]:.0f} ms (median), "
               f"{times[int(len(times) * 0.99)]:.0f} ms (99 of 100)")
    done = threading.Event()
    seen = {"asked": 0, "checked": 0, "unanswered": [], "late": [], "slow": []}
    threads = [threading.Thread(target=probe,
                                args=(world, model, i, done, seen))
               for i in range(HOSTS)]

    def change():
        while not done.is_set():
            model.step()
            time.sleep(random.uniform(0, 0.1))

    threads.append(threading.Thread(target=change))
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds * 0.7
    faults = []
    while time.monotonic() < end:
        faults.append(random.choice(["link", "link", "sync", "sync",
                                     "database"]))
        world.fault(faults[-1])
        time.sleep(random.uniform(0, 2 * RECOVERY_S
                                  if seconds > 300 else RECOVERY_S / 2))
    done.set()
    for thread in threads:
        thread.join()
    out.result(seen["checked"] > 0, f"{len(faults)} faults, {seen['asked']} "
               f"events, {seen['checked']} of them checked")
    out.equal(seen["unanswered"][:5], [], "each event is answered")
    out.equal(seen["late"][:5], [], "no client is accepted a second after its "
              "deny on a connected host")
    out.equal(seen["slow"][:5], [], "nor rejected a second after it was allowed")
    out.equal(sorted(world.server.sql("select entry from certgate.entry")),
              model.wanted(), "no change is lost")
    for host in world.hosts:
        out.result(host.catches_up(30), f"{host.name}: the same revision and "
                   "digest", f"{host.row()}\n{host.said()[-800:]}")
        out.equal(host.entries(), model.wanted(), f"{host.name}: the same "
                  "entries")
    for gate in world.gates:
        gate.close()
    out.done()


main()
