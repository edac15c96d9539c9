# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A client certificate, the certificates and CRLs of an entry's files, and the
connect event that puts them together."""
import hashlib
import itertools
import json
import ssl
import threading

ORDERS_OF = 4  # so many parts in all orders
ORDERS = 20  # of more parts, by chance


class Chain:
    """leaf: DER; authorities and crls: PEM blocks; crls None: the entry has no
    crl=."""

    def __init__(self, name, leaf, authorities, crls, now, limit="cn=*",
                 expected=None):
        self.name = name
        self.leaf = leaf
        self.authorities = authorities
        self.crls = crls
        self.now = now
        self.limit = limit
        self.expected = expected

    def body(self):
        return json.dumps({"clientCertificates": [{
            "thumbprint": hashlib.sha1(self.leaf).hexdigest(),
            "content": ssl.DER_cert_to_PEM_cert(self.leaf)}]}).encode()

    def entry(self, folder, authorities=None, crls=None):
        """The entry, with its files in folder; another order of certificates
        or CRLs can be given."""
        line = "ca:" + written(folder, authorities or self.authorities)
        if self.crls is not None:
            line += " crl=" + written(folder, crls or self.crls)
        return f"{line} {self.limit}\n"

    def event(self, folder):
        """As inprocess.decisions() takes it."""
        return self.entry(folder), self.now, self.body()


def written(folder, blocks):
    """The path of a file with these blocks."""
    text = "".join(blocks)
    path = folder / hashlib.sha256(text.encode()).hexdigest()[:32]
    if not path.exists():
        # Threads may write the same file at once.
        new = folder / f"{path.name}.{threading.get_ident()}"
        new.write_text(text)
        new.rename(path)
    return str(path)


def orders(parts, chance):
    """Orders of parts: all up to four, some of more; chance: random.Random."""
    if len(parts) <= ORDERS_OF:
        return list(itertools.permutations(parts))
    return [tuple(chance.sample(parts, len(parts))) for _ in range(ORDERS)]
