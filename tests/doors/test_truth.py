#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The fail-closed truth table, cell by cell, through plain CGI; and that
SECURITY.md has the same table.  --markdown prints it for there."""
import json
import os
import pathlib
import pwd
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, place, processes, tap  # noqa: E402

known = cases.certificates()
device = known["device"]["sha1"]
other = known["other"]["sha1"]


def read_table():
    rows = [line.split() for line in
            (place.CASES / "truth.tab").read_text().splitlines()
            if line and not line.startswith("#")]
    return rows[0][1:], {r[0]: r[1:] for r in rows[1:]}


def markdown():
    events, rows = read_table()
    lines = ["| configured | " + " | ".join(events) + " |",
             "|---" * (len(events) + 1) + "|"]
    for name, cells in rows.items():
        words = ["allowed" if c == "1" else "–" for c in cells]
        lines.append(f"| {name} | " + " | ".join(words) + " |")
    return "\n".join(lines)


EVENTS = {
    "absent": {},
    "null": {"clientCertificates": None},
    "none": {"clientCertificates": []},
    "empty": {"clientCertificates": [{}]},
    "string": {"clientCertificates": ""},
    "number": {"clientCertificates": 1},
    "array": {"clientCertificates": [{"thumbprint": [device]}]},
    "object": {"clientCertificates": {"thumbprint": device}},
    "wrong": {"clientCertificates": [cases.fill("@stranger", known)]},
    "right": {"clientCertificates": [cases.fill("@device", known)]},
    "second": {"clientCertificates": [cases.fill("@stranger", known),
                                      cases.fill("@device", known)]},
}


def body_of(event):
    if event == "twice":
        right = json.dumps(EVENTS["right"])[1:-1]
        return ("{\"clientCertificates\": [], " + right + "}").encode()
    return json.dumps(EVENTS[event]).encode()


def authorities(folder, listed):
    """The same for entries of the CA that issued the right certificate."""
    one = f"ca:{folder}/ca.pem cn=".encode()
    crl = f"device-001 crl={folder}/ca.crl\n".encode()
    denies = device.encode() + b"\ndeny " + one
    return {
        "ca-denied": (listed, denies + b"DEVICE-001\n"),
        "ca-denied-other-name": (listed, denies + b"device-002\n"),
        "ca-denied-missing": (listed, denies + b"device-002\n"),
        "ca-one": (listed, one + b"device-001\n"),
        "ca-other-name": (listed, one + b"pump-*\n"),
        "ca-no-limit": (listed, f"ca:{folder}/ca.pem\n".encode()),
        **{name: (listed, one + b"device-001\n") for name in (
            "ca-missing", "ca-empty", "ca-cut", "ca-writable",
            "ca-no-authority")},
        "ca-crl-missing": (listed, one + crl),
        "ca-crl-empty": (listed, one + crl),
    }


def prepare_authority(name, folder):
    with open(place.CASES / "service.json", encoding="utf-8") as file:
        pem = next(row["config"]["cert"]["ca_pem"] for row in json.load(file)
                   if row["name"] == "cert/ca-signed-ok")
    text = {"ca-empty": "", "ca-cut": pem[:-30],
            "ca-no-authority": known["device"]["pem"] + "\n"}.get(name, pem)
    path = folder / "ca.pem"
    if not name.endswith("-missing") or name == "ca-crl-missing":
        path.write_text(text)
        path.chmod(0o666 if name == "ca-writable" else 0o644)
    if name == "ca-crl-empty":
        (folder / "ca.crl").write_text("")


def configurations(folder):
    """name: environment, and bytes of the list file (None: there is none)."""
    path = str(folder / "list")
    listed = {"CERTGATE_LIST": path}
    good = device.encode() + b"\n"
    return {
        "nothing": ({}, None),
        "variable-empty": ({"CLIENT_CERT_THUMBPRINT": ""}, None),
        "variable-blanks": ({"CLIENT_CERT_THUMBPRINT": "  "}, None),
        "variable-commas": ({"CLIENT_CERT_THUMBPRINT": ",,"}, None),
        "variable-one": ({"CLIENT_CERT_THUMBPRINT": device}, None),
        "variable-several":
            ({"CLIENT_CERT_THUMBPRINT": f"{other},{device}"}, None),
        "variable-bad": ({"CLIENT_CERT_THUMBPRINT": device + ",x"}, None),
        "list-one": (listed, good),
        "list-empty": (listed, b""),
        "list-path-empty": ({"CERTGATE_LIST": "",
                             "CLIENT_CERT_THUMBPRINT": device}, good),
        "list-missing": (listed, None),
        "list-unreadable": (listed, good),
        "list-directory": (listed, None),
        "list-nul": (listed, good + b"# \0\n"),
        "list-byte-order-mark": (listed, b"\xef\xbb\xbf" + good),
        "list-crlf": (listed, b"# list\r\n" + device.encode() + b"\r\n"),
        "list-half-written": (listed, good + other.encode()),
        "list-bad-line": (listed, good + b"nonsense\n"),
        "list-bad-option": (listed, device.encode() + b" expire=2099-01-01\n"),
        "list-only-deny": (listed, b"deny " + other.encode() + b"\n"),
        "list-deny-beats-variable":
            ({**listed, "CLIENT_CERT_THUMBPRINT": device}, b"deny " + good),
        "list-expired-variable":
            ({**listed, "CLIENT_CERT_THUMBPRINT": known["device"]["sha256"]},
             device.encode() + b" expires=2020-01-01\n"),
        "list-bad-variable-good":
            ({**listed, "CLIENT_CERT_THUMBPRINT": device}, b"nonsense\n"),
        **authorities(folder, listed),
        "settings-unknown": ({"CLIENT_CERT_THUMBPRINT": device,
                              "CERTGATE_HUBS": "x"}, None),
    }


def prepare(name, folder, data):
    path = folder / "list"
    if name.startswith("ca-"):
        prepare_authority(name, folder)
    if name == "list-directory":
        path.mkdir()
    if data is None:
        return
    path.write_bytes(data)
    path.chmod(0o000 if name == "list-unreadable" else 0o644)


def run(environment, event):
    body = body_of(event)
    given = processes.bare_environment(environment)
    given.update({"REQUEST_METHOD": "POST", "CONTENT_TYPE":
                  "application/json", "CONTENT_LENGTH": str(len(body))})
    for header, value in cases.event_headers(
            "azure.webpubsub.sys.connect").items():
        if header != "Content-Type":
            given["HTTP_" + header.upper().replace("-", "_")] = value
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    done = subprocess.run([place.HANDLER], input=body, env=given, user=user,
                          capture_output=True, check=False, timeout=60)
    return cgi.answer_of(done.stdout), done.stderr.decode()


def main():
    if sys.argv[1:] == ["--markdown"]:
        print(markdown())
        return
    out = tap.Tap()
    events, rows = read_table()
    for name, cells in rows.items():
        folder = place.temporary()
        environment, data = configurations(folder)[name]
        prepare(name, folder, data)
        for event, cell in zip(events, cells):
            answer, log = run(environment, event)
            good = answer.status in (200, 204) if cell == "1" else \
                400 <= answer.status < 500 and answer.status != 408
            out.result(good, f"{name}, {event}: "
                       f"{'allowed' if cell == '1' else 'refused'}",
                       f"{answer}\n{log}")
    text = (place.SOURCE / "SECURITY.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- truth table -->\n(.*?)\n<!-- end -->", text,
                      re.DOTALL)
    out.result(found and found.group(1) == markdown(),
               "SECURITY.md has this table",
               "make it with tests/doors/test_truth.py --markdown")
    out.done()


main()
