# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Public test suites in the folder CERTGATE_SUITES, as connect events.  No part
of the suites is in the source tree."""
import json
import os
import pathlib
import ssl

from . import cases, chains

FOLDER = os.environ.get("CERTGATE_SUITES")
# The PKITS certificates are valid from 2010 to 2030.
NOW = 1767225600  # 2026-01-01


def has(name):
    """Whether the suite is there; a wrong CERTGATE_SUITES is an error."""
    if FOLDER is None:
        return False
    if not pathlib.Path(FOLDER).is_dir():
        raise FileNotFoundError(f"CERTGATE_SUITES: no folder {FOLDER}")
    return (pathlib.Path(FOLDER) / name).is_dir()


def pem(der, label="CERTIFICATE"):
    return ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", label)


def pkits():
    """The chains of NIST PKITS."""
    folder = pathlib.Path(FOLDER) / "pkits"
    with open(folder / "cases.json", encoding="utf-8") as file:
        table = json.load(file)
    for row in table:
        yield chains.Chain(
            row["name"], (folder / "certs" / row["leaf"]).read_bytes(),
            [pem((folder / "certs" / name).read_bytes())
             for name in row["cas"]],
            [pem((folder / "crls" / name).read_bytes(), "X509 CRL")
             for name in row["crls"]],
            NOW, expected={"valid": "accept", "invalid": "refuse"}[
                row["expected"]])


def json_texts():
    """(name, text, expected) of each text of JSONTestSuite."""
    for path in sorted((pathlib.Path(FOLDER) / "json").glob("*.json")):
        yield path.stem, path.read_bytes(), {
            "y": "accept", "n": "refuse", "i": "either"}[path.name[0]]


def json_event(text):
    """A list and a body: an event of an allowed client, with text as the value
    of a member that does not decide."""
    device = cases.certificates()["device"]
    certificates = json.dumps([{"thumbprint": device["sha1"],
                                "content": device["pem"]}])
    return device["sha1"] + "\n", \
        b'{"clientCertificates":%b,"x":%b}' % (certificates.encode(), text)
