# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Keys and certificates of test clients, by openssl."""
import hashlib
import ssl
import subprocess


class Identity:
    """A key and a self-signed certificate in a folder."""

    def __init__(self, folder, name, names=""):
        self.name = name
        self.key = folder / f"{name}.key"
        self.file = folder / f"{name}.pem"
        more = ["-addext", f"subjectAltName={names}"] if names else []
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(self.key),
             "-out", str(self.file), "-days", "30", "-subj", f"/CN={name}",
             *more], check=True, capture_output=True)
        der = ssl.PEM_cert_to_DER_cert(self.file.read_text())
        self.sha1 = hashlib.sha1(der).hexdigest()
        self.sha256 = hashlib.sha256(der).hexdigest()
