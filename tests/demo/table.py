# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""What the demonstration prints: a line for each thing that happens."""


class Table:
    """good is whether all lines were as they should be."""

    def __init__(self, first, third):
        self.first, self.third = first, third
        self.good = True

    def head(self):
        self.line(self.first, "status", self.third, "reason in the log", True)

    def line(self, text, status, does, reason, good):
        self.good = self.good and bool(good)
        line = f"{text:<44} {status:<6} {does:<36} {reason}"
        print(line.rstrip() + ("" if good else
                               "   <-- NOT AS IT SHOULD BE"), flush=True)
