#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The case tables through the static program as plain CGI."""
import os
import pathlib
import runpy
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness import place, tap  # noqa: E402

STATIC = place.BUILD / "portable/certgate.cgi"
if not STATIC.exists():
    tap.skip_all("no static libraries here")
place.HANDLER = STATIC
runpy.run_path(str(HERE / "test_cgi.py"))
