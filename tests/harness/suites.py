# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Public test suites in the folder CERTGATE_SUITES, as connect events.  No part
of the suites is in the source tree."""
import hashlib
import json
import os
import pathlib
import ssl

from . import cases

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


def presented(der):
    """A certificate as an element of clientCertificates."""
    return {"thumbprint": hashlib.sha1(der).hexdigest(), "content": pem(der)}


class Chain:
    """A client certificate (DER) with the PEM blocks of the entry's files;
    crls None: the entry has no crl=."""

    def __init__(self, name, leaf, authorities, crls, expected=None, now=NOW):
        self.name = name
        self.leaf = leaf
        self.authorities = authorities
        self.crls = crls
        self.expected = expected
        self.now = now

    def body(self):
        return json.dumps({"clientCertificates": [
            presented(self.leaf)]}).encode()

    def entry(self, folder, authorities=None, crls=None):
        """The entry, with its files in folder; in place of the own order of
        certificates or CRLs another can be given."""
        line = "ca:" + written(folder, authorities or self.authorities)
        if self.crls is None:
            return line + " cn=*"
        return line + " cn=* crl=" + written(folder, crls or self.crls)


def written(folder, blocks):
    """The path of a file with these blocks."""
    text = "".join(blocks)
    path = folder / hashlib.sha256(text.encode()).hexdigest()[:32]
    if not path.exists():
        path.write_text(text)
    return str(path)


def pkits():
    """The chains of NIST PKITS."""
    folder = pathlib.Path(FOLDER) / "pkits"
    with open(folder / "cases.json", encoding="utf-8") as file:
        table = json.load(file)
    for row in table:
        yield Chain(
            row["name"], (folder / "certs" / row["leaf"]).read_bytes(),
            [pem((folder / "certs" / name).read_bytes())
             for name in row["cas"]],
            [pem((folder / "crls" / name).read_bytes(), "X509 CRL")
             for name in row["crls"]],
            {"valid": "accept", "invalid": "refuse"}[row["expected"]])


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
