#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The case tables through nginx."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import door, processes, tap  # noqa: E402

out = tap.Tap()
door.run_server(out, "nginx", processes.Nginx, with_handler=True)
out.done()
