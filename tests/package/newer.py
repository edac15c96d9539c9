#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Inside a machine of the next Debian that run.py boots: the package that was
built there, from installation to purge.  booted.py has the parts."""
import booted


def main():
    before = booted.listing()
    booted.test_installation()
    booted.test_set_up()
    booted.test_journal()
    booted.test_spawned()
    booted.test_counters()
    booted.test_purge(before)
    booted.out.done()


main()
