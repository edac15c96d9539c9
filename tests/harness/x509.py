# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Certificates and CRLs of our own making (RFC 5280), also in forms that no
CA's program writes."""
import hashlib
import ipaddress
import itertools
import re
import ssl

from . import libcrypto, pki
from .der import element, integer, oid

COMMON_NAME, ORGANIZATION = "2.5.4.3", "2.5.4.10"
UTF8, PRINTABLE = 12, 19
CLIENT_AUTH, SERVER_AUTH = "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"
ANY_PURPOSE = "2.5.29.37.0"
DIGITAL_SIGNATURE, KEY_CERT_SIGN, CRL_SIGN = 0x80, 0x04, 0x02
SIGNS_BOTH = KEY_CERT_SIGN | CRL_SIGN
TRUE = element(1, b"\xff")

NOW = pki.now()
_serials = itertools.count(0x1000)


def name(common, organization="T", tag=UTF8):
    """A name: (attribute, value, type of string) of each part."""
    return tuple((attribute, value, tag) for attribute, value in
                 ((ORGANIZATION, organization), (COMMON_NAME, common))
                 if value is not None)


def name_der(parts):
    return element(0x30, b"".join(
        element(0x31, element(0x30, oid(attribute) + element(
            tag, value.encode()))) for attribute, value, tag in parts))


def canonical(parts):
    """The same for names that are equal (RFC 5280 7.1)."""
    return tuple((attribute, re.sub(" +", " ", value.strip(" ")).lower())
                 for attribute, value, _ in parts)


def time(moment):
    if moment.year < 2050:
        return element(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())
    return element(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())


def extension(number, value, critical=False):
    return element(0x30, oid(number) + (TRUE if critical else b"") +
                   element(4, value))


def constraints(ca=True, length=None, critical=True):
    """Basic constraints."""
    return extension("2.5.29.19", element(
        0x30, (TRUE if ca else b"") +
        (b"" if length is None else integer(length))), critical)


def usage(bits):
    unused = (bits & -bits).bit_length() - 1
    return extension("2.5.29.15", element(3, bytes([unused, bits])), True)


def purposes(*numbers):
    """Extended key usage."""
    return extension("2.5.29.37", element(0x30, b"".join(map(oid, numbers))))


def general(kind, value):
    """A GeneralName; an IP address with its mask in name constraints."""
    if kind == "dirName":
        return element(0xa4, name_der(value))
    if kind == "IP":
        if "/" in value:
            net = ipaddress.ip_network(value)
            return element(0x87, net.network_address.packed +
                           net.netmask.packed)
        return element(0x87, ipaddress.ip_address(value).packed)
    return element({"email": 0x81, "DNS": 0x82, "URI": 0x86}[kind],
                   value.encode())


def alternative(*names, critical=False):
    """Subject alternative names, each (kind, value)."""
    return extension("2.5.29.17", element(
        0x30, b"".join(general(*n) for n in names)), critical)


def name_constraints(permitted=(), excluded=(), critical=True):
    def subtrees(tag, names):
        return element(tag, b"".join(
            element(0x30, general(*n)) for n in names)) if names else b""
    return extension("2.5.29.30", element(
        0x30, subtrees(0xa0, permitted) + subtrees(0xa1, excluded)), critical)


def unknown(critical):
    return extension("1.2.3.4.5", libcrypto.NULL, critical)


def identifier(key):
    return hashlib.sha1(key.spki).digest()


def subject_key(value):
    return extension("2.5.29.14", element(4, value))


def authority_key(value):
    return extension("2.5.29.35", element(0x30, element(0x80, value)))


def signed(body, key, digest, pss, broken):
    """The SEQUENCE of body, algorithm and signature; body(algorithm)."""
    algorithm = key.algorithm(digest, pss)
    body = element(0x30, body(algorithm))
    signature = key.sign(body, digest, pss)
    if broken:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    return element(0x30, body + algorithm + element(3, b"\0" + signature))


CA = (constraints(), usage(SIGNS_BOTH))
CLIENT = (purposes(CLIENT_AUTH),)


class Certificate:
    """issuer: a Certificate, None for a self-signed one.  signer: the key that
    signs, if not the issuer's.  identifiers: whether it has a subject and an
    authority key identifier; akid: the latter's value, if not the issuer's."""

    def __init__(self, subject, key, issuer=None, extensions=CA, begin=None,
                 end=None, digest="sha256", pss=False, version=3, signer=None,
                 broken=False, identifiers=True, akid=None, serial=None,
                 issuer_name=None):
        self.subject = subject
        self.key = key
        self.issuer_name = issuer_name or (
            issuer.subject if issuer else subject)
        self.signer = signer or (issuer.key if issuer else key)
        self.serial = serial or next(_serials)
        self.broken = broken
        extensions = list(extensions)
        if identifiers:
            extensions.append(subject_key(identifier(key)))
            extensions.append(authority_key(akid or identifier(
                issuer.key if issuer else key)))
        found = b"" if version == 1 or not extensions else element(
            0xa3, element(0x30, b"".join(extensions)))
        self.der = signed(lambda algorithm: (
            b"" if version == 1 else element(0xa0, integer(version - 1))) +
            integer(self.serial) + algorithm + name_der(self.issuer_name) +
            element(0x30, time(begin or NOW - 30 * pki.DAY) +
                    time(end or NOW + 335 * pki.DAY)) +
            name_der(subject) + key.spki + found,
            self.signer, digest, pss, broken)
        self.pem = ssl.DER_cert_to_PEM_cert(self.der)

    def is_self_signed(self):
        return canonical(self.subject) == canonical(self.issuer_name) and \
            self.signer is self.key and not self.broken


class Crl:
    """Of an issuer (a Certificate); signer: the key that signs, if not the
    issuer's; revoked: serial numbers; of_entry: extensions of each."""

    def __init__(self, issuer, revoked=(), begin=None, end=None, signer=None,
                 broken=False, digest="sha256", pss=False, identifiers=True,
                 akid=None, extensions=(), number=1, version=2, of_entry=(),
                 issuer_name=None):
        self.issuer_name = issuer_name or issuer.subject
        self.signer = signer or issuer.key
        self.broken = broken
        begin = begin or NOW - pki.DAY
        entries = b"".join(element(0x30, integer(serial) + time(begin) + (
            element(0x30, b"".join(of_entry)) if of_entry else b""))
                           for serial in revoked)
        extensions = [extension("2.5.29.20", integer(number)), *extensions]
        if identifiers:
            extensions.append(authority_key(
                akid or identifier(self.signer)))
        self.der = signed(lambda algorithm: (
            b"" if version == 1 else integer(version - 1)) + algorithm +
            name_der(self.issuer_name) + time(begin) +
            time(end or NOW + 30 * pki.DAY) +
            (element(0x30, entries) if entries else b"") +
            (b"" if version == 1 else
             element(0xa0, element(0x30, b"".join(extensions)))),
            self.signer, digest, pss, broken)
        self.pem = ssl.DER_cert_to_PEM_cert(self.der).replace(
            "CERTIFICATE", "X509 CRL")


def delta_indicator(base):
    return extension("2.5.29.27", integer(base), True)


def distribution_point(uri=None, **flags):
    """An issuing distribution point; flags: user, ca, indirect, attribute
    (BOOLEAN) and reasons (bits)."""
    value = point(uri) if uri else b""
    for flag, tag in (("user", 0x81), ("ca", 0x82), ("reasons", 0x83),
                      ("indirect", 0x84), ("attribute", 0x85)):
        if flag in flags:
            value += element(tag, b"\x01" + bytes([flags[flag]])
                             if flag == "reasons" else b"\xff")
    return extension("2.5.29.28", element(0x30, value), True)


def point(uri):
    """A DistributionPointName."""
    return element(0xa0, element(0xa0, general("URI", uri)))


def crl_points(*uris):
    """CRL distribution points of a certificate."""
    return extension("2.5.29.31", element(0x30, b"".join(
        element(0x30, point(uri)) for uri in uris)))


def entry_reason(number):
    return extension("2.5.29.21", element(10, bytes([number])))


_keys = {}


def key(kind, label=""):
    """The key of this kind and label."""
    if (kind, label) not in _keys:
        _keys[kind, label] = libcrypto.Key(kind)
    return _keys[kind, label]
