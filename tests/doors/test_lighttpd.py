#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The case tables through lighttpd: mod_fastcgi both ways, mod_cgi."""
import functools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import door, processes, tap  # noqa: E402

out = tap.Tap()
for how in ("socket", "cgi"):
    door.run_server(out, f"lighttpd {how}",
                    functools.partial(processes.Lighttpd, how=how),
                    with_handler=how == "socket")
door.run_rows(out, "lighttpd spawn",
              functools.partial(processes.Lighttpd, how="spawn"), False,
              door.table_rows())
out.done()
