# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The administrator's command, and certificates to give to it."""
import subprocess

from . import place, processes

COMMAND = place.program("certgate", "COMMAND")


class Result:
    """How a command ended and what it said."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode(errors="replace")
        self.err = done.stderr.decode(errors="replace")

    def __str__(self):
        return f"exit {self.code}\n{self.out}{self.err}"


def run(*arguments, environment=None, stdin=b"", **more):
    """Runs certgate with nothing of the tester's own settings."""
    return Result(subprocess.run(
        [COMMAND, *map(str, arguments)], input=stdin, capture_output=True,
        check=False, timeout=120,
        env=processes.bare_environment(environment), **more))


def certificate(folder, name, *more, subject=None, days=365):
    """A self-signed certificate and its file, made now."""
    path = folder / f"{name}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout",
         str(folder / f"{name}.key"), "-out", str(path), "-days", str(days),
         "-utf8", "-subj", subject or f"/CN={name}", *more],
        check=True, capture_output=True)
    path.chmod(0o644)
    return path


def issued(folder, name, ca, days=30):
    """A certificate of the CA in the file ca, whose key is beside it."""
    path, request = folder / f"{name}.pem", folder / f"{name}.csr"
    subprocess.run(
        ["openssl", "req", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout",
         str(folder / f"{name}.key"), "-out", str(request), "-subj",
         f"/CN={name}"], check=True, capture_output=True)
    subprocess.run(
        ["openssl", "x509", "-req", "-in", str(request), "-CA", str(ca),
         "-CAkey", str(ca.with_suffix(".key")), "-days", str(days), "-out",
         str(path)], check=True, capture_output=True)
    return path


def digest(path, kind):
    """What openssl says of it: sha1, sha256, or spki."""
    if kind == "spki":
        key = subprocess.run(["openssl", "x509", "-in", path, "-noout",
                              "-pubkey"], check=True,
                             capture_output=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"],
                             input=key, check=True,
                             capture_output=True).stdout
        text = subprocess.run(["openssl", "dgst", "-sha256", "-r"], input=der,
                              check=True, capture_output=True).stdout
        return text.decode().split()[0]
    text = subprocess.run(["openssl", "x509", "-in", path, "-noout",
                           "-fingerprint", f"-{kind}"], check=True,
                          capture_output=True, text=True).stdout
    return text.strip().partition("=")[2].replace(":", "").lower()
