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
        self.take_digests()

    def take_digests(self):
        der = ssl.PEM_cert_to_DER_cert(self.file.read_text())
        self.sha1 = hashlib.sha1(der).hexdigest()
        self.sha256 = hashlib.sha256(der).hexdigest()


class Issued(Identity):
    """One of many(): a certificate of a CA, for a key that they share."""

    def __init__(self, key, file):
        self.key, self.file = key, file
        self.take_digests()


CA = """
[ca]
default_ca = one
[one]
database = {folder}/index
new_certs_dir = {folder}
serial = {folder}/serial
certificate = {ca.file}
private_key = {ca.key}
default_md = sha256
default_days = 30
unique_subject = no
policy = any
[any]
commonName = supplied
"""


def many(folder, count):
    """So many identities, by one run of openssl: a certificate takes longer to
    begin than to sign."""
    ca = Identity(folder, "many-ca")
    folder = folder / "many"
    folder.mkdir()
    (folder / "index").touch()
    (folder / "serial").write_text("1000\n")
    (folder / "conf").write_text(CA.format(folder=folder, ca=ca))
    request = folder / "request"
    subprocess.run(
        ["openssl", "req", "-new", "-key", str(ca.key), "-subj", "/CN=pump",
         "-out", str(request)], check=True, capture_output=True)
    subprocess.run(
        ["openssl", "ca", "-batch", "-notext", "-config",
         str(folder / "conf"), "-infiles", *[str(request)] * count],
        check=True, capture_output=True)
    return [Issued(ca.key, path) for path in sorted(folder.glob("*.pem"))]
