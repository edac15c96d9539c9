#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A fleet, shown: PostgreSQL, and three hosts in network namespaces, each with
lighttpd, certgate.fcgi, a store and certgate-sync.  One client is allowed and
denied on all of them; then one host is cut off, misses a deny, and catches up.

./bootstrap run --fleet calls it.  Root alone can make network namespaces; for
another user, a proxy that stops is the cable."""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

HOSTS = 3
PUMP, VALVE = f"{0x7:040x}", f"{0x8:040x}"  # SHA-1 of their certificates


class Story:
    """What is typed and what the clients see."""

    def __init__(self, build, world, base):
        from harness import postgres
        self.build, self.world, self.good = build, world, True
        self.connection = base / "admin"
        self.connection.write_text(world.server.connection(
            postgres.ADMIN, address=world.server.folder,
            more="sslmode=disable"))
        self.connection.chmod(0o600)

    def say(self, text, good=True):
        self.good &= bool(good)
        print(text + ("" if good else "   <-- NOT AS IT SHOULD BE"),
              flush=True)

    def type(self, *words, code=0, wanted=""):
        """Run certgate, shown as it is typed."""
        from harness import processes
        self.say(f"\n$ certgate {' '.join(words)}")
        done = subprocess.run(
            [self.build / "certgate", *words, "--connection",
             self.connection], check=False, text=True, capture_output=True,
            env=processes.bare_environment())
        self.say((done.stdout + done.stderr).rstrip(),
                 done.returncode == code and wanted in done.stdout)

    def becomes(self, client, name, wanted, hosts=range(HOSTS), begin=None):
        """Ask the hosts until each gives this status."""
        begin, left = begin or time.monotonic(), list(hosts)
        while left and time.monotonic() < begin + 30:
            for i in list(left):
                status = self.world.gates[i].ask(client)
                if (status in (200, 204)) != (wanted == "accepted"):
                    continue
                left.remove(i)
                ms = 1000 * (time.monotonic() - begin)
                self.say(f"  web{i + 1}: {name} is {wanted} ({status}), "
                         f"{ms:.0f} ms")
        for i in left:
            self.say(f"  web{i + 1}: {name} is not {wanted}", False)


def sql(story, text):
    """A change from SQL, which waits for no host."""
    from harness import postgres
    story.say(f"\n=> {text};")
    story.world.server.sql(text, postgres.ADMIN)
    return time.monotonic()


def play(story):
    print("One client, on all hosts.  The time is from the commit, by asking "
          "one host after the other:")
    story.type("allow", "--fleet", PUMP, "user=pump-7",
               wanted="in force on 3 of 3 hosts")
    story.becomes(PUMP, "pump-7", "accepted")
    begin = sql(story, f"select certgate.deny('{PUMP}')")
    story.becomes(PUMP, "pump-7", "rejected", begin=begin)
    story.type("allow", "--fleet", VALVE, "user=valve-1",
               wanted="in force on 3 of 3 hosts")
    story.becomes(VALVE, "valve-1", "accepted")

    print("\nThe cable of web3 is cut.  It goes on by its store, and the "
          "command names it:")
    story.world.cut(2)
    story.type("deny", "--fleet", VALVE, code=1, wanted="late: web3")
    story.becomes(VALVE, "valve-1", "rejected", (0, 1))
    story.becomes(VALVE, "valve-1", "accepted", (2,))
    story.type("fleet", "status", code=1, wanted="1 behind")

    print("\nThe cable is there again.  web3 connects by itself:")
    story.world.join(2)
    story.becomes(VALVE, "valve-1", "rejected", (2,))
    story.world.hosts[2].catches_up()
    story.type("fleet", "status")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path)
    options = parser.parse_args()
    if options.build:
        os.environ["BUILD_DIR"] = str(options.build.resolve())
    from harness import fleet, place
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    base = place.temporary()
    world = fleet.World(base, HOSTS)
    story = Story(place.BUILD, world, base)
    while len(world.hosts) < HOSTS:
        if not world.add_host():
            story.say(world.hosts[-1].said(), False)
    print(f"PostgreSQL and {HOSTS} hosts, each "
          f"{'in a network namespace' if world.network else 'behind a proxy'}"
          "\n", flush=True)
    play(story)
    print("\nall as it should be" if story.good else
          "\nNOT all as it should be; the logs:\n" +
          "\n".join(host.said() for host in world.hosts))
    world.close()
    return 0 if story.good else 1


sys.exit(main())
