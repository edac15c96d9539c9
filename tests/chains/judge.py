# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The verdict of OpenSSL on a chain, as `openssl verify` asks for it.  The anchors
are the self-signed certificates, and those whose issuer has the name of no other
certificate in the file.  If several certificates have one name, each of them is
tried alone too, because OpenSSL tries only one."""
import itertools

from harness import libcrypto, x509

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


def accepts_one(chain, file, crls):
    anchors = [c for c in file if is_anchor(c, chain.authorities)]
    if not anchors:
        return False, "no anchor"
    given = (chain.leaf.der, [c.der for c in anchors],
             [c.der for c in file if c not in anchors])
    said, depth, top = libcrypto.verify(*given, None, AT)
    if said == "ok" and chain.crls is not None:
        said, depth, _ = libcrypto.verify(
            *given, [c.der for c in crls], AT)
        # An anchor needs no CRL; OpenSSL looks for one at last.
        if depth == top:
            return True, said
    return said == "ok", f"{said}, at depth {depth}"


def accepts(chain):
    """Whether OpenSSL accepts the chain, and what it said."""
    told = ""
    for file, crls in choices(chain):
        good, said = accepts_one(chain, file, crls)
        if good:
            return True, ""
        told = told or said
    return False, told
