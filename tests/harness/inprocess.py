# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""What the program knows of itself, to be compared with the documentation."""
import subprocess

from . import place


def printed(option):
    """The rows of --settings or --reasons, each a list of cells."""
    text = subprocess.run([place.BUILD / "tests/doors/inprocess", option],
                          capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in text.splitlines()]
