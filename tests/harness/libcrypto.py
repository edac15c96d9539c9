# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Keys, signatures and verdicts of OpenSSL's library, without a process for
each."""
import ctypes
import ctypes.util

from .der import element, oid

_library = ctypes.CDLL(ctypes.util.find_library("crypto"))
_library.EVP_PKEY_Q_keygen.restype = ctypes.c_void_p
_library.EVP_MD_CTX_new.restype = ctypes.c_void_p
_library.EVP_get_digestbyname.restype = ctypes.c_void_p
_library.X509_verify_cert_error_string.restype = ctypes.c_char_p
for _name in ("X509_STORE_CTX_get0_chain", "X509_STORE_CTX_new",
              "X509_STORE_get0_param", "X509_STORE_new", "OPENSSL_sk_new_null",
              "OPENSSL_sk_pop", "d2i_X509", "d2i_X509_CRL"):
    getattr(_library, _name).restype = ctypes.c_void_p

NULL = element(5, b"")
KINDS = {  # the arguments of EVP_PKEY_Q_keygen
    "p256": (b"EC", ctypes.c_char_p(b"P-256")),
    "p384": (b"EC", ctypes.c_char_p(b"P-384")),
    "p192": (b"EC", ctypes.c_char_p(b"P-192")),
    "ed25519": (b"ED25519",),
    "rsa1024": (b"RSA", ctypes.c_size_t(1024)),
    "rsa2048": (b"RSA", ctypes.c_size_t(2048)),
}
HASHES = {"sha256": "2.16.840.1.101.3.4.2.1"}
ECDSA = {"sha1": "1.2.840.10045.4.1", "sha256": "1.2.840.10045.4.3.2",
         "sha384": "1.2.840.10045.4.3.3", "sha512": "1.2.840.10045.4.3.4"}
RSA = {"md5": "1.2.840.113549.1.1.4", "sha1": "1.2.840.113549.1.1.5",
       "sha256": "1.2.840.113549.1.1.11", "sha384": "1.2.840.113549.1.1.12"}
PSS_PADDING = 6


def pss_parameters(digest):
    """RFC 4055 3.1, with a salt as long as a SHA-256."""
    found = element(0x30, oid(HASHES[digest]) + NULL)
    mask = element(0x30, oid("1.2.840.113549.1.1.8") + found)
    return element(0x30, element(0xa0, found) + element(0xa1, mask) +
                   element(0xa2, element(2, b"\x20")))


class Key:
    """A private key; it lasts as long as the test."""

    def __init__(self, kind):
        self.kind = kind
        self.handle = ctypes.c_void_p(
            _library.EVP_PKEY_Q_keygen(None, None, *KINDS[kind]))
        out = ctypes.c_void_p()
        size = _library.i2d_PUBKEY(self.handle, ctypes.byref(out))
        self.spki = ctypes.string_at(out, size)

    def algorithm(self, digest, pss):
        """The AlgorithmIdentifier of its signatures."""
        if self.kind == "ed25519":
            return element(0x30, oid("1.3.101.112"))
        if not self.kind.startswith("rsa"):
            return element(0x30, oid(ECDSA[digest]))
        if pss:
            return element(0x30, oid("1.2.840.113549.1.1.10") +
                           pss_parameters(digest))
        return element(0x30, oid(RSA[digest]) + NULL)

    def sign(self, data, digest, pss):
        context = ctypes.c_void_p(_library.EVP_MD_CTX_new())
        inner = ctypes.c_void_p()
        hashed = None if self.kind == "ed25519" else ctypes.c_void_p(
            _library.EVP_get_digestbyname(digest.encode()))
        good = _library.EVP_DigestSignInit(
            context, ctypes.byref(inner), hashed, None, self.handle)
        if pss:
            good &= _library.EVP_PKEY_CTX_set_rsa_padding(inner, PSS_PADDING)
            good &= _library.EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, 32)
        out = ctypes.create_string_buffer(1024)
        size = ctypes.c_size_t(1024)
        good &= _library.EVP_DigestSign(context, out, ctypes.byref(size), data,
                                        ctypes.c_size_t(len(data)))
        _library.EVP_MD_CTX_free(context)
        if good != 1:
            raise RuntimeError(f"{self.kind} does not sign {digest}")
        return out.raw[:size.value]


PARTIAL_CHAIN, CRL_CHECK_ALL = 0x80000, 0x4 | 0x8
SSL_CLIENT = 1


class Stack:
    """Certificates or CRLs of their DER, for the time of a with."""

    def __init__(self, parse, free, ders):
        self.stack = ctypes.c_void_p(_library.OPENSSL_sk_new_null())
        self.free = free
        for der in ders:
            data = ctypes.c_char_p(der)
            one = parse(None, ctypes.byref(data), ctypes.c_long(len(der)))
            if one is None:
                raise RuntimeError("no DER")
            _library.OPENSSL_sk_push(self.stack, ctypes.c_void_p(one))

    def __enter__(self):
        return self.stack

    def __exit__(self, *_):
        while one := _library.OPENSSL_sk_pop(self.stack):
            self.free(ctypes.c_void_p(one))
        _library.OPENSSL_sk_free(self.stack)


def certificates(ders):
    return Stack(_library.d2i_X509, _library.X509_free, ders)


def verify(leaf, anchors, rest, crls, at):
    """As `openssl verify -partial_chain -purpose sslclient -auth_level 2`, and
    with crls -crl_check_all, but it ends with the first error.  All are DER.
    Gives what it says, "ok" if it accepts, the depth of that, and the highest
    of the chain."""
    store = ctypes.c_void_p(_library.X509_STORE_new())
    context = ctypes.c_void_p(_library.X509_STORE_CTX_new())
    param = ctypes.c_void_p(_library.X509_STORE_get0_param(store))
    _library.X509_VERIFY_PARAM_set_flags(param, ctypes.c_ulong(
        PARTIAL_CHAIN | (0 if crls is None else CRL_CHECK_ALL)))
    _library.X509_VERIFY_PARAM_set_purpose(param, SSL_CLIENT)
    _library.X509_VERIFY_PARAM_set_auth_level(param, 2)
    _library.X509_VERIFY_PARAM_set_time(param, ctypes.c_long(at))
    with certificates([leaf]) as own, certificates(anchors) as trusted, \
            certificates(rest) as others, Stack(
                _library.d2i_X509_CRL, _library.X509_CRL_free,
                crls or ()) as given:
        client = ctypes.c_void_p(_library.OPENSSL_sk_pop(own))
        _library.X509_STORE_CTX_init(context, store, client, others)
        _library.X509_STORE_CTX_set0_trusted_stack(context, trusted)
        _library.X509_STORE_CTX_set0_crls(context, given)
        good = _library.X509_verify_cert(context) == 1
        said = _library.X509_verify_cert_error_string(ctypes.c_long(
            _library.X509_STORE_CTX_get_error(context))).decode()
        depth = _library.X509_STORE_CTX_get_error_depth(context)
        top = _library.OPENSSL_sk_num(ctypes.c_void_p(
            _library.X509_STORE_CTX_get0_chain(context))) - 1
        _library.X509_STORE_CTX_free(context)
        _library.X509_STORE_free(store)
        _library.X509_free(client)
    if good != (said == "ok"):
        raise RuntimeError(f"accepts: {good}, but says {said}")
    return said, depth, top
