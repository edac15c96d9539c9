# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""What the program knows of itself, to be compared with the documentation."""
import subprocess

from . import place

# What is answered where somebody or something is let in; test_inprocess.py
# sees that the cases have these and no others.
ACCEPTED = {"validated": "200", "notified": "204", "listed": "200, 204",
            "anonymous": "200", "report-only": "200"}


def printed(option):
    """The rows of --settings or --reasons, each a list of cells."""
    text = subprocess.run([place.BUILD / "tests/doors/inprocess", option],
                          capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in text.splitlines()]


def reasons():
    """Name, statuses and text of each reason."""
    return [(name, status if status != "0" else ACCEPTED[name], text)
            for name, status, text in printed("--reasons")]
