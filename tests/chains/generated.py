# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Chains with one fault each: of a certificate at each level, of a CRL, of
names and keys.  Level 0 is the client, the highest the root."""
import itertools

from harness import chains, pki, x509

DEPTHS = range(4)  # intermediates between the root and the client
NOW = x509.NOW
OLD = {"begin": NOW - 90 * pki.DAY, "end": NOW - pki.DAY}
EARLY = {"begin": NOW + pki.DAY}
another = x509.key("p256", "another")


class Generated:
    """leaf and authorities: x509.Certificate; crls: x509.Crl, None without."""

    def __init__(self, name, leaf, authorities, crls=None, limit="cn=*"):
        self.name = name
        self.leaf = leaf
        self.authorities = list(authorities)
        self.crls = None if crls is None else list(crls)
        self.limit = limit

    def files(self):
        """As the program is given it."""
        return chains.Chain(
            self.name, self.leaf.der, [c.pem for c in self.authorities],
            None if self.crls is None else [c.pem for c in self.crls],
            int(NOW.timestamp()), self.limit)


def ca(*more, length=None, usage=x509.SIGNS_BOTH):
    return {"extensions": (x509.constraints(length=length),
                           x509.usage(usage), *more)}


CA_FORMS = {
    "pathlen-0": ca(length=0),
    "pathlen-1": ca(length=1),
    "no-constraints": {"extensions": (x509.usage(x509.SIGNS_BOTH),)},
    "not-a-ca": {"extensions": (x509.constraints(ca=False),
                                x509.usage(x509.SIGNS_BOTH))},
    "constraints-not-critical": {"extensions": (
        x509.constraints(critical=False), x509.usage(x509.SIGNS_BOTH))},
    "no-cert-sign": ca(usage=x509.CRL_SIGN),
    "no-crl-sign": ca(usage=x509.KEY_CERT_SIGN),
    "no-usage": {"extensions": (x509.constraints(),)},
    "server-only": ca(x509.purposes(x509.SERVER_AUTH)),
    "client-too": ca(x509.purposes(x509.SERVER_AUTH, x509.CLIENT_AUTH)),
    "any-purpose": ca(x509.purposes(x509.ANY_PURPOSE)),
}
FORMS = {
    "plain": {},
    "expired": OLD,
    "not-yet": EARLY,
    "broken": {"broken": True},
    "signed-by-another": {"signer": another},
    "version-1": {"version": 1},
    "sha1": {"digest": "sha1"},
    "sha384": {"digest": "sha384"},
    "no-identifiers": {"identifiers": False},
    "wrong-identifier": {"akid": b"wrong"},
    "p384": {"kind": "p384"},
    "p192": {"kind": "p192"},
    "rsa2048": {"kind": "rsa2048"},
    "rsa1024": {"kind": "rsa1024"},
    "ed25519": {"kind": "ed25519"},
}
LEAF_FORMS = {
    "server-only": {"extensions": (x509.purposes(x509.SERVER_AUTH),)},
    "no-purpose": {"extensions": ()},
    "any-purpose": {"extensions": (x509.purposes(x509.ANY_PURPOSE),)},
    "is-a-ca": {"extensions": x509.CA},
    "only-encipherment": {"extensions": (*x509.CLIENT, x509.usage(0x20))},
}


def added(level, *extensions):
    return {"extensions": (*(x509.CA if level else x509.CLIENT), *extensions)}


def extended(level):
    """Forms of any certificate by extensions beside its own."""
    return {
        "unknown-critical": added(level, x509.unknown(True)),
        "unknown": added(level, x509.unknown(False)),
        "twice": added(level, x509.purposes(x509.CLIENT_AUTH),
                       *[x509.purposes(x509.CLIENT_AUTH)][:level]),
        "unknown-twice": added(level, x509.unknown(False),
                               x509.unknown(False)),
    }


def line(depth, changes=None, every=None):
    """The certificates from the client up to the root; changes: of a level;
    every: of all CAs."""
    found, issuer = [], None
    for level in range(depth + 1, -1, -1):
        more = {**((every or {}) if level else {"digest": (every or {}).get(
            "digest", "sha256"), "pss": (every or {}).get("pss", False)}),
                **((changes or {}).get(level, {}))}
        key = x509.key(more.pop("kind", "p256"), level)
        subject = more.pop("subject", x509.name(
            f"CA {level}" if level else "client"))
        if issuer is not None and issuer.key.kind == "ed25519":
            more.pop("digest", None)
        more.setdefault("extensions", x509.CA if level else x509.CLIENT)
        issuer = x509.Certificate(subject, key, issuer, **more)
        found.insert(0, issuer)
    return found


def crls_of(certificates, changes=None):
    """A CRL of each CA, without those that changes sets to None."""
    for level, authority in enumerate(certificates[1:], 1):
        more = (changes or {}).get(level, {})
        if more is not None:
            yield x509.Crl(authority, **more)


def forms_of(level, depth):
    forms = {**FORMS, **extended(level), **(CA_FORMS if level else LEAF_FORMS)}
    for name, change in forms.items():
        # A self-signed certificate has its own key.
        if not (level == depth + 1 and "signer" in change):
            yield name, change


def at_each_level():
    """Each form of a certificate; with CRLs if the depth is odd."""
    for depth in DEPTHS:
        for level in range(depth + 2):
            if level == depth + 1 and depth in (0, 3):
                continue
            for name, change in forms_of(level, depth):
                if name == "plain" and level:
                    continue
                found = line(depth, {level: change})
                yield Generated(
                    f"{depth}-deep/level-{level}/{name}", found[0], found[1:],
                    crls_of(found) if depth % 2 else None)


def by_chance(number, chance):
    """Forms of several certificates of a chain; chance: random.Random."""
    for n in range(number):
        depth = chance.randrange(4)
        forms = {level: chance.choice(list(forms_of(level, depth)))
                 for level in range(depth + 2) if chance.random() < 0.4}
        found = line(depth, {level: form for level, (_, form)
                             in forms.items()})
        yield Generated(
            f"chance-{n}/{depth}-deep/" + " ".join(
                f"{level}:{name}" for level, (name, _) in forms.items()),
            found[0], found[1:], chance.choice([None, list(crls_of(found))]))


NAMES = {  # kind: within, outside, the constraint
    "DNS": ("a.in.example", "a.out.example", "in.example"),
    "email": ("a@in.example", "a@out.example", "in.example"),
    "URI": ("https://a.in.example/", "https://a.out.example/", ".in.example"),
    "IP": ("10.1.2.3", "10.2.2.3", "10.1.0.0/16"),
    "dirName": (x509.name("x", "In"), x509.name("x", "Out"),
                x509.name(None, "In")),
}


def constrained():
    """Name constraints of a CA at each level."""
    for (kind, (inside, outside, subtree)), level in itertools.product(
            NAMES.items(), (1, 2, 3)):
        for way, (where, value) in itertools.product(
                ("permitted", "excluded"), (("in", inside), ("out", outside))):
            constraint = x509.name_constraints(**{way: ((kind, subtree),)})
            found = line(2, {
                level: added(level, constraint),
                0: added(0, x509.alternative((kind, value)))})
            yield Generated(f"names/{kind}/level-{level}/{way}-{where}",
                            found[0], found[1:])
    for where in ("in", "out"):
        subject = x509.name(f"a.{where}.example")
        found = line(1, {
            1: added(1, x509.name_constraints((("DNS", "in.example"),))),
            0: {"subject": subject}})
        yield Generated(f"names/common-name/{where}", found[0], found[1:])
    both = line(2, {
        2: added(2, x509.name_constraints((("DNS", "in.example"),))),
        1: added(1, x509.name_constraints((("DNS", "a.in.example"),))),
        0: added(0, x509.alternative(("DNS", "b.in.example")))})
    yield Generated("names/both", both[0], both[1:])
    kept = line(1, {1: added(1, x509.name_constraints(
        (("dirName", x509.name(None, "T")),)))})
    yield Generated("names/own-subject", kept[0], kept[1:])


CRL_FORMS = {
    "missing": None,
    "expired": OLD,
    "not-yet": EARLY,
    "broken": {"broken": True},
    "of-another-key": {"signer": another},
    "sha1": {"digest": "sha1"},
    "no-identifier": {"identifiers": False},
    "wrong-identifier": {"akid": b"wrong"},
    "version-1": {"version": 1},
    "point": {"extensions": (x509.distribution_point("http://a/"),)},
    "unknown": {"extensions": (x509.unknown(False),)},
    "unknown-critical": {"extensions": (x509.unknown(True),)},
    "delta": {"extensions": (x509.delta_indicator(1),), "number": 2},
    "user": {"extensions": (x509.distribution_point(user=1),)},
    "ca": {"extensions": (x509.distribution_point(ca=1),)},
    "attribute": {"extensions": (x509.distribution_point(attribute=1),)},
    "indirect": {"extensions": (x509.distribution_point(indirect=1),)},
    "reasons": {"extensions": (x509.distribution_point(reasons=0x60),)},
}


def revocations():
    """CRLs of each CA."""
    for depth in range(3):
        found = line(depth)
        for level in range(1, depth + 2):
            at = f"crl/{depth}-deep/level-{level}"
            for name, form in CRL_FORMS.items():
                yield Generated(f"{at}/{name}", found[0], found[1:],
                                crls_of(found, {level: form}))
                if form is not None:
                    yield Generated(f"{at}/good-and-{name}", found[0],
                                    found[1:], [*crls_of(found), x509.Crl(
                                        found[level], **form)])
            serial = found[level - 1].serial
            yield Generated(f"{at}/revoked", found[0], found[1:], crls_of(
                found, {level: {"revoked": (serial,)}}))
            yield Generated(f"{at}/another-revoked", found[0], found[1:],
                            crls_of(found, {level: {"revoked": (1, 2)}}))
            yield Generated(
                f"{at}/revoked-in-expired", found[0], found[1:],
                [*crls_of(found), x509.Crl(found[level], (serial,), **OLD)])
            yield Generated(
                f"{at}/revoked-in-newer", found[0], found[1:],
                [*crls_of(found), x509.Crl(
                    found[level], (serial,), begin=NOW - pki.DAY / 24,
                    number=2)])
            yield Generated(
                f"{at}/revoked-in-older", found[0], found[1:],
                [*crls_of(found), x509.Crl(
                    found[level], (serial,), begin=NOW - 2 * pki.DAY)])
            yield Generated(
                f"{at}/revoked-in-delta", found[0], found[1:],
                [*crls_of(found), x509.Crl(
                    found[level], (serial,), number=2,
                    extensions=(x509.delta_indicator(1),))])


def entries():
    """Entries of a CRL, its points, and its issuer's name in other words."""
    found = line(0)
    for reason in (0, 1, 6, 8, 10):
        yield Generated(f"crl-entry/reason-{reason}", found[0], found[1:], [
            x509.Crl(found[1], (found[0].serial,),
                     of_entry=(x509.entry_reason(reason),))])
    for critical in (True, False):
        for serial in (found[0].serial, 1):
            yield Generated(
                f"crl-entry/unknown-{critical}-{serial == 1}", found[0],
                found[1:], [x509.Crl(found[1], (serial,), of_entry=(
                    x509.unknown(critical),))])
    for label, own in (("none", ()), ("same", ("http://a/",)),
                       ("other", ("http://b/",)),
                       ("two", ("http://b/", "http://a/"))):
        extensions = [x509.crl_points(*own)] if own else []
        pointing = line(0, {0: added(0, *extensions)})
        for flags in ({}, {"user": 1}, {"ca": 1}):
            for serials in ((), (pointing[0].serial,)):
                yield Generated(
                    f"crl-point/{label}{''.join(flags)}{len(serials)}",
                    pointing[0], pointing[1:], [x509.Crl(
                        pointing[1], serials, extensions=(
                            x509.distribution_point("http://a/", **flags),))])
    for label, issuer in (
            ("printable", x509.name("CA 1", tag=x509.PRINTABLE)),
            ("case", x509.name("ca  1", "t")), ("other", x509.name("CA 2"))):
        for serials in ((), (found[0].serial,)):
            yield Generated(
                f"crl-name/{label}{len(serials)}", found[0], found[1:],
                [x509.Crl(found[1], serials, issuer_name=issuer)])
    yield Generated("crl-entry/root-itself", found[0], found[1:],
                    [x509.Crl(found[1], (found[1].serial,))])


def partial():
    """Files without the root, or without one between."""
    for depth in (1, 2, 3):
        found = line(depth)
        own = found[1:-1]
        yield Generated(f"partial/{depth}-deep", found[0], own)
        for level in range(1, depth + 2):
            crls = list(crls_of(found, {level: None}))
            yield Generated(f"partial/{depth}-deep/crl-{level}-missing",
                            found[0], own, crls)
            if level > 1:
                yield Generated(
                    f"partial/{depth}-deep/revoked-by-{level}", found[0], own,
                    crls_of(found, {level: {
                        "revoked": (found[level - 1].serial,)}}))
        for gone in range(1, depth + 1):
            rest = [c for c in found[1:] if c is not found[gone]]
            yield Generated(f"partial/{depth}-deep/without-{gone}", found[0],
                            rest)
            yield Generated(f"partial/{depth}-deep/without-{gone}-crls",
                            found[0], rest, crls_of(found, {gone: None}))
    cut = line(2, {2: {"signer": another}})
    yield Generated("partial/broken-above-anchor", cut[0], cut[1:-1])
    yield Generated("partial/root-alone", cut[0], cut[-1:])


def one_name():
    """Several CAs of one name."""
    for identifiers in (True, False):
        more = {"identifiers": identifiers}
        at = "one-name/" + ("" if identifiers else "no-identifiers/")
        roots = [x509.Certificate(x509.name("Root"), x509.key(
            "p256", f"root {n}"), **more) for n in range(3)]
        leaves = [x509.Certificate(x509.name("client"), x509.key("p256", 0),
                                   root, x509.CLIENT, **more)
                  for root in roots]
        crls = [x509.Crl(root, **more) for root in roots]
        for n, leaf in enumerate(leaves):
            yield Generated(f"{at}root-{n}", leaf, roots)
            yield Generated(f"{at}root-{n}-of-two", leaf, roots[:2])
            yield Generated(f"{at}root-{n}/crls", leaf, roots, crls)
            yield Generated(f"{at}root-{n}/crl-missing", leaf, roots,
                            crls[:n] + crls[n + 1:])
            yield Generated(f"{at}root-{n}/revoked", leaf, roots, [
                *crls[:n], x509.Crl(roots[n], (leaf.serial,), **more),
                *crls[n + 1:]])
            yield Generated(f"{at}root-{n}/revoked-by-others", leaf, roots, [
                crls[n] if k == n else
                x509.Crl(root, (leaf.serial,), **more)
                for k, root in enumerate(roots)])
        yield from renewed(at, more)
        yield from crossed(at, more)


def many_of_one_name():
    """More CAs of one name than a limit of tries might allow."""
    more = {"identifiers": False}
    roots = [x509.Certificate(x509.name("Root"), x509.key("p256", f"many {n}"),
                              **more) for n in range(20)]
    for n in (0, 19):
        leaf = x509.Certificate(x509.name("client"), x509.key("p256", 0),
                                roots[n], x509.CLIENT, **more)
        yield Generated(f"many/root-{n}", leaf, roots)
        yield Generated(f"many/root-{n}/crls", leaf, roots,
                        [x509.Crl(root, **more) for root in roots])
    # Each of the upper CAs certifies each of the lower; one is good.
    lower = [x509.Certificate(
        x509.name("Between"), x509.key("p256", f"lower {k}"), roots[n], **more,
        **({} if (n, k) == (3, 3) else OLD)) for n in range(4)
             for k in range(4)]
    leaf = x509.Certificate(x509.name("client"), x509.key("p256", 0),
                            lower[-1], x509.CLIENT, **more)
    yield Generated("many/mesh", leaf, roots[:4] + lower)
    yield Generated("many/mesh/none", leaf, roots[:4] + lower[:-1])


def renewed(at, more):
    """An intermediate with a new key, with the same key, and one that was
    expired or badly signed."""
    root = x509.Certificate(x509.name("Root"), x509.key("p256", "root"),
                            **more)

    def between(label, **form):
        return x509.Certificate(x509.name("Between"), x509.key("p256", label),
                                root, **{**more, **form})

    for name, first, second in (
            ("new-key", between("a"), between("b")),
            ("same-key", between("a"), between("a")),
            ("expired", between("a", **OLD), between("a")),
            ("expired-new-key", between("a", **OLD), between("b")),
            ("broken", between("a", broken=True), between("a")),
            ("no-ca", between("a", extensions=(x509.constraints(ca=False),)),
             between("b")),
            ("pathlen", between("a", extensions=(
                x509.constraints(length=0), x509.usage(x509.SIGNS_BOTH))),
             between("b"))):
        for which, issuer in (("old", first), ("new", second)):
            leaf = x509.Certificate(x509.name("client"), x509.key("p256", 0),
                                    issuer, x509.CLIENT, **more)
            both = [root, first, second]
            yield Generated(f"{at}renewed/{name}/{which}", leaf, both)
            crls = [x509.Crl(c, **more) for c in both]
            yield Generated(f"{at}renewed/{name}/{which}/crls", leaf, both,
                            crls)
            crls[0] = x509.Crl(root, (first.serial,), **more)
            yield Generated(f"{at}renewed/{name}/{which}/old-revoked", leaf,
                            both, crls)


def crossed(at, more):
    """An intermediate that two roots certify; self-issued CAs."""
    roots = [x509.Certificate(x509.name(f"Root {n}"), x509.key(
        "p256", f"cross {n}"), **more) for n in range(2)]
    key = x509.key("p256", "crossed")
    cross = [x509.Certificate(x509.name("Between"), key, root, **more)
             for root in roots]
    leaf = x509.Certificate(x509.name("client"), x509.key("p256", 0),
                            cross[0], x509.CLIENT, **more)
    yield Generated(f"{at}cross/both", leaf, roots + cross)
    crls = [x509.Crl(c, **more) for c in (*roots, cross[0])]
    yield Generated(f"{at}cross/crls", leaf, roots + cross, crls)
    for n in range(2):
        yield Generated(f"{at}cross/root-{n}", leaf, [roots[n], *cross])
        yield Generated(f"{at}cross/root-{n}-alone", leaf,
                        [roots[n], cross[n]])
        # The file has the other root's certificate of the CA alone.
        yield Generated(f"{at}cross/wrong-{n}", leaf,
                        [roots[n], cross[1 - n]])
        yield Generated(f"{at}cross/revoked-{n}", leaf, roots + cross, [
            x509.Crl(root, (cross[n].serial,), **more) for root in roots] +
            crls[2:])
        yield Generated(
            f"{at}cross/revoked-{n}-alone", leaf, [roots[n], cross[n]],
            [x509.Crl(roots[n], (cross[n].serial,), **more), crls[2]])
    yield Generated(f"{at}cross/both-revoked", leaf, roots + cross, [
        x509.Crl(root, [c.serial for c in cross], **more)
        for root in roots] + crls[2:])


def self_issued():
    """A root with a new key that the old one certifies, and the reverse."""
    subject = x509.name("Root")
    keys = [x509.key("p256", "old"), x509.key("p256", "new")]
    old = x509.Certificate(subject, keys[0])
    new = x509.Certificate(subject, keys[1])
    bridge = x509.Certificate(subject, keys[1], old)
    reverse = x509.Certificate(subject, keys[0], new)
    leaf = x509.Certificate(x509.name("client"), x509.key("p256", 0), bridge,
                            x509.CLIENT)
    crls = [x509.Crl(old), x509.Crl(new)]
    for name, file in (("bridge", [old, bridge]), ("bridge-alone", [bridge]),
                       ("all", [old, new, bridge, reverse]),
                       ("reverse", [new, reverse]), ("old", [old])):
        yield Generated(f"self-issued/{name}", leaf, file)
        yield Generated(f"self-issued/{name}/crls", leaf, file, crls)
    yield Generated("self-issued/revoked", leaf, [old, bridge], [
        x509.Crl(old, (bridge.serial,)), crls[1]])
    forged = x509.Certificate(subject, keys[1], old, broken=True)
    yield Generated("self-issued/forged", leaf, [old, forged])
    yield Generated("self-issued/forged-alone", leaf, [forged])
    # Its own key verifies it; its authority key identifier is not its own.
    odd = x509.Certificate(subject, keys[1], akid=b"odd")
    yield Generated("self-issued/odd-identifier", leaf, [odd])
    yield Generated("self-issued/odd-identifier-of-two", leaf, [old, odd])
    other = x509.Certificate(x509.name("Other"), x509.key("p256", "other"))
    cross = x509.Certificate(subject, keys[1], other)
    for name, file in (("both", [other, new, cross]),
                       ("cross", [other, cross]), ("none", [other])):
        yield Generated(f"self-issued/crossed/{name}", leaf, file)
        yield Generated(f"self-issued/crossed/{name}/revoked", leaf, file, [
            x509.Crl(other, (cross.serial,)), x509.Crl(new)])
    short = x509.Certificate(subject, keys[0], extensions=(
        x509.constraints(length=0), x509.usage(x509.SIGNS_BOTH)))
    yield Generated("self-issued/pathlen-0", leaf, [short, bridge])
    own = x509.Certificate(x509.name("client"), x509.key("p256", 0),
                           extensions=x509.CLIENT)
    yield Generated("self-issued/client", own, [old])
    yield Generated("self-issued/client-is-the-file", own, [own])


def algorithms():
    """Hierarchies of other keys and signatures."""
    for kind, digest, pss in (
            ("rsa2048", "sha256", False), ("rsa2048", "sha256", True),
            ("rsa2048", "sha1", False), ("rsa2048", "md5", False),
            ("rsa1024", "sha256", False), ("p384", "sha384", False),
            ("p192", "sha256", False), ("ed25519", "sha256", False)):
        for depth in (0, 1, 2):
            found = line(depth, None, {"kind": kind, "digest": digest,
                                       "pss": pss})
            at = f"keys/{kind}-{'pss-' * pss}{digest}/{depth}-deep"
            yield Generated(at, found[0], found[1:])
            yield Generated(at + "/crls", found[0], found[1:], crls_of(
                found, {n: {"digest": digest, "pss": pss}
                        for n in range(1, depth + 2)}))


def names():
    """Names that are equal, and nearly so (RFC 5280 7.1)."""
    root = x509.Certificate(x509.name("My Root CA"), x509.key("p256", "root"))
    for label, issuer in (
            ("printable", x509.name("My Root CA", tag=x509.PRINTABLE)),
            ("case", x509.name("MY root CA")),
            ("white-space", x509.name(" My  Root CA  ")),
            ("all", x509.name("my  root ca ", "t", x509.PRINTABLE)),
            ("no-space", x509.name("MyRoot CA")),
            ("other", x509.name("My Root CB")),
            ("part-missing", x509.name("My Root CA", None)),
            ("turned", tuple(reversed(x509.name("My Root CA"))))):
        for depth in (0, 1):
            above, found = root, [root]
            if depth:
                above = x509.Certificate(x509.name("Between"), x509.key(
                    "p256", "between"), root, issuer_name=issuer)
                found.append(above)
            leaf = x509.Certificate(
                x509.name("client"), x509.key("p256", 0), above, x509.CLIENT,
                issuer_name=None if depth else issuer)
            yield Generated(f"equal-names/{label}/{depth}-deep", leaf, found)
            yield Generated(f"equal-names/{label}/{depth}-deep/crls", leaf,
                            found, [x509.Crl(c) for c in found])
    for critical in (True, False):
        leaf = x509.Certificate(
            (), x509.key("p256", 0), root, (*x509.CLIENT, x509.alternative(
                ("DNS", "a.example"), critical=critical)))
        yield Generated(f"empty-subject/critical-{critical}", leaf, [root],
                        limit="san=*")
    nameless = x509.Certificate((), x509.key("p256", "between"), root)
    yield Generated("empty-subject/intermediate", x509.Certificate(
        x509.name("client"), x509.key("p256", 0), nameless, x509.CLIENT),
        [root, nameless])


def beside():
    """A good chain beside certificates that it does not need."""
    found = line(1)
    stray = line(1, {2: {"subject": x509.name("Stray root")},
                     1: {"subject": x509.name("Stray")}})
    alone = x509.Certificate(x509.name("Alone"), x509.key("p256", "alone"),
                             stray[1])
    for name, more in (("root", stray[2:]), ("chain", stray[1:]),
                       ("two-below", [alone]), ("twice", found[1:]),
                       ("client", [stray[0]]),
                       ("expired", line(0, {1: OLD})[1:])):
        yield Generated(f"beside/{name}", found[0], found[1:] + more)
        yield Generated(f"beside/{name}/crls", found[0], found[1:] + more,
                        [*crls_of(found), *crls_of(stray)])


def all_chains():
    return itertools.chain(
        at_each_level(), constrained(), revocations(), entries(), partial(),
        one_name(), many_of_one_name(), self_issued(), algorithms(), names(), beside())
