# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Keys and signatures of OpenSSL's library, without a process for each."""
import ctypes
import ctypes.util

from .der import element, oid

_library = ctypes.CDLL(ctypes.util.find_library("crypto"))
_library.EVP_PKEY_Q_keygen.restype = ctypes.c_void_p
_library.EVP_MD_CTX_new.restype = ctypes.c_void_p
_library.EVP_get_digestbyname.restype = ctypes.c_void_p

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
