# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The Test Anything Protocol, as automake's driver reads it."""
import sys


class Tap:
    """Counts as it prints; the plan comes last."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def result(self, good, name, detail=""):
        """One test; detail is shown when it failed."""
        self.count += 1
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}",
              flush=True)
        if not good:
            self.failed += 1
            for line in str(detail).splitlines()[:30]:
                print("# " + line, flush=True)
        return good

    def equal(self, got, expected, name):
        return self.result(got == expected, name,
                           f"got {got!r}\nexpected {expected!r}")

    def done(self):
        """Prints the plan and ends the program."""
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed else 0)


def bail_out(why):
    """Nothing can be tested at all."""
    print("Bail out! " + why, flush=True)
    sys.exit(99)


def skip_all(why):
    """None of the tests can be run here."""
    print("1..0 # SKIP " + why, flush=True)
    sys.exit(0)
