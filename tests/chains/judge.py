# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The verdict of `openssl verify` on a chain.  The anchors are the self-signed
certificates, and those whose issuer has the name of no other certificate in the
file.  If several certificates have one name, each of them is tried alone too,
because OpenSSL tries only one."""
import itertools
import re
import subprocess

from harness import chains, x509

CHOICES = 100  # of certificates, one of each name
AT = int(x509.NOW.timestamp())


def is_anchor(certificate, file):
    return certificate.is_self_signed() or all(
        x509.canonical(certificate.issuer_name) !=
        x509.canonical(other.subject)
        for other in file if other.der != certificate.der)


def choices(chain):
    """(certificates, CRLs) to try: all, then those CRLs alone that a key of
    their issuer's name signed, then one certificate of each name with the CRLs
    that its key signed."""
    yield chain.authorities, chain.crls
    if chain.crls is not None:
        keys = [(x509.canonical(c.subject), c.key) for c in chain.authorities]
        kept = [crl for crl in chain.crls if not crl.broken and
                (x509.canonical(crl.issuer_name), crl.signer) in keys]
        if len(kept) < len(chain.crls):
            yield chain.authorities, kept
    by_name = {}
    for certificate in chain.authorities:
        same = by_name.setdefault(x509.canonical(certificate.subject), [])
        if all(other.der != certificate.der for other in same):
            same.append(certificate)
    if all(len(same) == 1 for same in by_name.values()):
        return
    for chosen in itertools.islice(
            itertools.product(*by_name.values()), CHOICES):
        keys = {x509.canonical(c.subject): c.key for c in chosen}
        yield chosen, None if chain.crls is None else [
            crl for crl in chain.crls
            if not crl.broken and
            keys.get(x509.canonical(crl.issuer_name)) is crl.signer]


def run(folder, leaf, anchors, rest, crls):
    command = ["openssl", "verify", "-no-CApath", "-no-CAstore",
               "-partial_chain", "-purpose", "sslclient", "-auth_level", "2",
               "-attime", str(AT), "-show_chain", "-trusted",
               chains.written(folder, [c.pem for c in anchors])]
    if rest:
        command += ["-untrusted",
                    chains.written(folder, [c.pem for c in rest])]
    if crls is not None:
        command += ["-crl_check_all"]
    if crls:
        command += ["-CRLfile", chains.written(folder, [c.pem for c in crls])]
    done = subprocess.run([*command, chains.written(folder, [leaf.pem])],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def accepts_one(folder, chain, file, crls):
    anchors = [c for c in file if is_anchor(c, chain.authorities)]
    if not anchors:
        return False, "no anchor"
    rest = [c for c in file if c not in anchors]
    good, said = run(folder, chain.leaf, anchors, rest, None)
    if not good or chain.crls is None:
        return good, said
    top = max(map(int, re.findall(r"^depth=(\d+)", said, re.M)))
    good, said = run(folder, chain.leaf, anchors, rest, crls)
    # An anchor needs no CRL; openssl asks for one.
    depths = re.findall(r"^error \d+ at (\d+) depth", said, re.M)
    return good or (depths and {int(d) for d in depths} == {top}), said


def accepts(folder, chain):
    """Whether openssl accepts the chain, and what it said."""
    told = ""
    for file, crls in choices(chain):
        good, said = accepts_one(folder, chain, file, crls)
        if good:
            return True, ""
        told = told or said
    return False, told
