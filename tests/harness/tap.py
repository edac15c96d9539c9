# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The Test Anything Protocol, as automake's driver reads it."""
import sys
import threading


class Tap:
    """Counts as it prints, for several threads; the plan comes last."""

    def __init__(self):
        self.count = 0
        self.failed = 0
        self.lock = threading.Lock()

    def result(self, good, name, detail=""):
        """One test; detail is shown when it failed."""
        with self.lock:
            self.count += 1
            self.failed += not good
            print(f"{'ok' if good else 'not ok'} {self.count} - {name}")
            for line in str(detail).splitlines()[:0 if good else 30]:
                print("# " + line)
            sys.stdout.flush()
        return good

    def equal(self, got, expected, name):
        return self.result(got == expected, name,
                           f"got {got!r}\nexpected {expected!r}")

    def done(self):
        """Prints the plan and ends the program."""
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed else 0)


def size(default):
    """How much a test that can be longer does: its argument."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else default


def bail_out(why):
    """Nothing can be tested at all."""
    print("Bail out! " + why, flush=True)
    sys.exit(99)


def skip_all(why):
    """None of the tests can be run here."""
    print("1..0 # SKIP " + why, flush=True)
    sys.exit(0)
