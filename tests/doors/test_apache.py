#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The case tables through Apache: mod_proxy_fcgi, mod_fcgid, mod_cgid."""
import functools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import door, processes, tap  # noqa: E402

out = tap.Tap()
for how in ("proxy", "fcgid", "cgid"):
    door.run_server(out, f"apache {how}",
                    functools.partial(processes.Apache, how=how),
                    with_handler=how == "proxy")
out.done()
