# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The blocks of a page of docs/, for tests that type them."""
import re

from . import place


def blocks(text):
    """Each block between lines of ```, without its indentation."""
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in
            re.findall(r"^ *```\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)]


def block(name, begin):
    """The only block of a page that begins so."""
    text = (place.SOURCE / "docs" / name).read_text(encoding="utf-8")
    found = [b for b in blocks(text) if b.startswith(begin)]
    if len(found) != 1:
        raise LookupError(f"{name} has {len(found)} blocks {begin!r}")
    return found[0]
