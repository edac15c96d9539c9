#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The static programs of `make portable`: what is linked in, and that they run
where no library is.  test_portable_cgi.py puts the case tables through them."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import place, tap  # noqa: E402

PORTABLE = place.BUILD / "portable"
# Each loads the C library's shared files at run time.
FORBIDDEN = re.compile(
    r"libc\.a\((getaddrinfo|gethostby\w*|getpw\w*|getgr(ent|gid|nam)\w*|getserv\w*"
    r"|initgroups|nsswitch|idna|iconv_open)\.o\)")


def output(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True,
                          text=True, timeout=60, check=False, **more)
    return done.returncode, done.stdout + done.stderr


def check_program(out, name):
    program = PORTABLE / name
    _, headers = output("readelf", "-ldSW", program)
    out.result("INTERP" not in headers and "(NEEDED)" not in headers,
               f"{name}: needs no library", headers)
    out.result("DYN" in output("readelf", "-h", program)[1] and
               "GNU_RELRO" in headers and ".symtab" not in headers,
               f"{name}: position independent, RELRO, stripped", headers)
    code = program.read_bytes()
    out.result(b"src/protocol/certificate.c" in code and
               b"/src/protocol/certificate.c" not in code,
               f"{name}: the folders of the build leave no trace")
    linked = (PORTABLE / f"{name}.map").read_text(encoding="utf-8")
    found = sorted({m[0] for m in FORBIDDEN.finditer(linked)})
    out.equal(found, [], f"{name}: nothing that loads shared files is linked")


def in_empty_root(*command, **more):
    """A program in a root that has nothing else; needs user namespaces."""
    root = place.temporary()
    (root / "tmp").mkdir()
    program = root / command[0].name
    shutil.copy(command[0], program)
    return output("unshare", "--map-root-user", "chroot", root,
                  f"/{program.name}", *command[1:], **more)


ARCHIVED = {  # name: mode
    "certgate/": 0o700, "certgate/LICENCES": 0o644, "certgate/README.md": 0o644,
    "certgate/certgate": 0o755, "certgate/certgate.conf.example": 0o600,
    "certgate/list.example": 0o600, "public_html/certgate/": 0o755,
    "public_html/certgate/.htaccess": 0o644,
    "public_html/certgate/certgate.cgi": 0o755,
    "public_html/certgate/with-settings.cgi": 0o755}


def check_archive(out):
    archive = next(PORTABLE.glob("certgate-portable-*.zip"))
    with zipfile.ZipFile(archive) as packed:
        got = {i.filename: i.external_attr >> 16 & 0o777
               for i in packed.infolist()}
        dates = {i.date_time for i in packed.infolist()}
        out.equal(got, ARCHIVED, "the archive's files and modes")
        out.equal(packed.read("certgate/README.md"),
                  (place.SOURCE / "docs/shared-host.md").read_bytes(),
                  "its README is docs/shared-host.md")
    out.equal(dates, {(1980, 1, 1, 0, 0, 0)}, "its dates are fixed")
    again = place.temporary() / "again.zip"
    code, text = output("sh", "-c", "umask 077; exec \"$@\"", "-",
                        place.SOURCE / "portable/zip", PORTABLE, again,
                        env=os.environ | {"TZ": "Asia/Tokyo"})
    out.result(code == 0 and again.read_bytes() == archive.read_bytes(),
               "packed again it has the same bytes", text)


def main():
    out = tap.Tap()
    if not (PORTABLE / "certgate.cgi").exists():
        tap.skip_all("no static libraries here")
    for name in ("certgate.cgi", "certgate"):
        check_program(out, name)
    code, text = in_empty_root(PORTABLE / "certgate.cgi", "--version")
    out.equal(code, 0, "certgate.cgi runs in an empty root")
    code, text = in_empty_root(
        PORTABLE / "certgate.cgi", input="", env=os.environ | {
            "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST"})
    out.result(code == 0 and "Status: 4" in text,
               "certgate.cgi refuses without configuration", text)
    code, text = in_empty_root(PORTABLE / "certgate", "--help")
    out.equal(code, 0, "certgate runs in an empty root")
    out.result("doctor" not in text and "disconnect" not in text,
               "certgate --help has no verb that needs HTTP", text)
    text = (PORTABLE / "LICENCES").read_text(encoding="utf-8")
    for words in ("Copyright The certgate authors", "OpenSSL", "json-c",
                  "libseccomp", "Open Market", "GNU C Library"):
        out.result(words in text, f"LICENCES has {words}")
    check_archive(out)
    out.done()


main()
