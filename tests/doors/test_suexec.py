#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The archive for shared hosts, in the home folder of an unprivileged user, whose
programs Apache starts by suEXEC: the steps of docs/shared-host.md, the case tables,
and what is refused."""
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, door, http, place, processes  # noqa: E402
from harness import shared_host, tap  # noqa: E402

PORTABLE = place.BUILD / "portable"
PAGE = place.SOURCE / "docs/shared-host.md"
URL = "/certgate/eventhandler"
NAME = "NAME.webpubsub.azure.com"
KNOWN = cases.certificates()


def steps():
    """Of each numbered section of the page, its blocks."""
    text = PAGE.read_text(encoding="utf-8")
    sections = re.findall(r"^## \d\. .*\n((?:(?!## ).*\n)*)", text,
                          re.MULTILINE)
    return [re.findall(r"```\n(.*?)```", section, re.DOTALL)
            for section in sections]


def filled(host, server, text):
    """With the words that stand for the user's own."""
    for word, own in (("www.example.org", f"127.0.0.1:{server.tls_port}"),
                      ("/home/USER", str(host.home)),
                      ("PRIMARY,SECONDARY", cases.KEY)):
        text = text.replace(word, own)
    return text


def edit(file, lines):
    """As an editor does: these lines in place of those of the same names."""
    text = file.read_text(encoding="utf-8")
    for line in lines.splitlines():
        name = line.partition("=")[0]
        text, count = re.subn(f"^{name}=$", line, text, flags=re.MULTILINE)
        if count != 1:
            tap.bail_out(f"{file.name} has {count} lines {name}=")
    file.write_text(text, encoding="utf-8")


def play_page(out, host, server):
    found = steps()
    out.result(0 < len(found) <= 5, "at most five steps", found)
    (host.home / "pump-7.pem").write_text(KNOWN["device"]["pem"])
    last = None
    for number, blocks in enumerate(found, 1):
        for block in blocks:
            block = filled(host, server, block)
            if block.startswith("CERTGATE_"):
                edit(host.home / "certgate/certgate.conf", block)
                continue
            last = host.run(block)
            out.equal((last.returncode, "sudo" in block), (0, False),
                      f"step {number}: {block.splitlines()[0][:50]}")
    out.result(last and "200 OK" in last.stdout and
               last.stdout.endswith('{"userId":"pump-7"}'),
               "the last step has 200 and the user id", last)


def main():
    shared_host.enter_namespace()
    out = tap.Tap()
    archives = list(PORTABLE.glob("*.zip"))
    if not archives:
        tap.skip_all("no static libraries here")
    host = shared_host.Host()
    shutil.copy(archives[0], host.home)
    host.give(host.home)
    server = shared_host.Apache(host)
    play_page(out, host, server)
    server.close()
    out.done()


main()
