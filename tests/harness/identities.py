# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Keys and certificates of test clients, by openssl."""
import hashlib
import ssl
import subprocess


class Identity:
    """A self-signed certificate in a folder, for a key of its own or that of
    another identity."""

    def __init__(self, folder, name, names="", key_of=None):
        self.name = name
        self.key = key_of.key if key_of else folder / f"{name}.key"
        self.file = folder / f"{name}.pem"
        more = ["-addext", f"subjectAltName={names}"] if names else []
        more += ["-key", str(self.key)] if key_of else \
            ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", str(self.key)]
        subprocess.run(
            ["openssl", "req", "-x509", "-out", str(self.file), "-days", "30",
             "-subj", f"/CN={name}", *more], check=True, capture_output=True)
        der = ssl.PEM_cert_to_DER_cert(self.file.read_text())
        self.sha1 = hashlib.sha1(der).hexdigest()
        self.sha256 = hashlib.sha256(der).hexdigest()
