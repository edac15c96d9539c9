#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Two hundred certificates of many CAs: the verdict of certgate and that of
`openssl verify` agree, or the difference is in the table EXPLAINED."""
import hashlib
import itertools
import json
import pathlib
import ssl
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, der, inprocess, pki, place, processes  # noqa: E402
from harness import tap  # noqa: E402

WANTED = 200
# name of the chain: what openssl says, the reason of certgate, and why
EXPLAINED = {
    "oversized": (True, "certificate",
                  "more than 32 KiB of PEM is not parsed"),
    "anchor-is-the-client": (True, "list-unreadable",
                             "what is not a CA's is not accepted as one; a "
                             "client is allowed by its pin"),
    "looped": (True, "chain", "of two CAs that issued each other neither is "
                              "an anchor; the judge takes both for one"),
    "path-too-long": (True, "chain", "the judge takes an intermediate for an "
                                     "anchor, and its limits for none"),
}

base = place.temporary()
now = pki.now()
CLIENT = "extendedKeyUsage=clientAuth"
CA = "basicConstraints=critical,CA:true"
SIGN = "keyUsage=critical,keyCertSign,cRLSign"


def key(name, kind="EC", option="ec_paramgen_curve:P-256"):
    return pki.new_key(base / (name + ".key"), kind, option)


KEYS = {
    "p256": key("p256"),
    "p384": key("p384", option="ec_paramgen_curve:P-384"),
    "rsa2048": key("rsa2048", "RSA", "rsa_keygen_bits:2048"),
    "rsa1024": key("rsa1024", "RSA", "rsa_keygen_bits:1024"),
    "p192": key("p192", option="ec_paramgen_curve:prime192v1"),
}


class Chain:
    """A client's certificate, and the CAs and CRLs that it is held against."""

    def __init__(self, name, certificate, authorities, crl=None, at=now):
        self.name = name
        self.certificate = certificate
        self.authorities = "".join(authorities)
        self.crl = crl
        self.at = at


def authorities():
    """name: the CA that issues, and all certificates in the file."""
    root = pki.Authority(base / "root", "/O=T/CN=Root")
    rsa = pki.Authority(base / "rsa", "/O=T/CN=Root RSA",
                        key=KEYS["rsa2048"])
    between = pki.Authority(base / "between", "/O=T/CN=Between", root,
                            [CA, SIGN])
    weak = pki.Authority(base / "weak", "/O=T/CN=Root weak",
                         key=KEYS["rsa1024"])
    over = pki.Authority(base / "over", "/O=T/CN=Root over",
                         begin=now - 400 * pki.DAY, end=now - pki.DAY)
    narrow = pki.Authority(
        base / "narrow", "/O=T/CN=Narrow", root,
        [CA, SIGN, "nameConstraints=critical,permitted;DNS:in.example,"
         "excluded;DNS:not.in.example,permitted;email:in.example"])
    server = pki.Authority(base / "server", "/O=T/CN=Server CA", root,
                           [CA, SIGN, "extendedKeyUsage=serverAuth"])
    return {
        "root": (root, [root.pem]),
        "rsa": (rsa, [rsa.pem]),
        "between": (between, [root.pem, between.pem]),
        "between-alone": (between, [between.pem]),
        "between-missing": (between, [root.pem]),
        "weak": (weak, [weak.pem]),
        "over": (over, [over.pem]),
        "narrow": (narrow, [narrow.pem, root.pem]),
        "server": (server, [server.pem, root.pem]),
    }


# name: extensions, and more for Authority.issue
CLIENTS = {
    "plain": ([CLIENT], {}),
    "no-purpose": ([], {}),
    "server-only": (["extendedKeyUsage=serverAuth"], {}),
    "both": (["extendedKeyUsage=serverAuth,clientAuth"], {}),
    "any-purpose": (["extendedKeyUsage=anyExtendedKeyUsage"], {}),
    "signs": ([CLIENT, "keyUsage=critical,digitalSignature"], {}),
    "agrees": ([CLIENT, "keyUsage=critical,keyAgreement"], {}),
    "enciphers": ([CLIENT, "keyUsage=critical,keyEncipherment"], {}),
    "is-a-ca": ([CLIENT, CA], {}),
    "in": ([CLIENT, "subjectAltName=DNS:a.in.example"], {}),
    "not-in": ([CLIENT, "subjectAltName=DNS:a.not.in.example"], {}),
    "elsewhere": ([CLIENT, "subjectAltName=DNS:in.example.test"], {}),
    "mail-in": ([CLIENT, "subjectAltName=email:a@in.example"], {}),
    "mail-out": ([CLIENT, "subjectAltName=email:a@out.example"], {}),
    "p384": ([CLIENT], {"key": KEYS["p384"]}),
    "rsa2048": ([CLIENT], {"key": KEYS["rsa2048"]}),
    "rsa1024": ([CLIENT], {"key": KEYS["rsa1024"]}),
    "p192": ([CLIENT], {"key": KEYS["p192"]}),
    "sha1": ([CLIENT], {"digest": "sha1"}),
    "sha384": ([CLIENT], {"digest": "sha384"}),
    "expired": ([CLIENT], {"begin": now - 9 * pki.DAY,
                           "end": now - pki.DAY}),
    "not-yet": ([CLIENT], {"begin": now + pki.DAY}),
    "critical-unknown": ([CLIENT, "1.2.3.4=critical,ASN1:NULL"], {}),
}


def product(known):
    for (name, (issuer, pems)), (kind, (extensions, more)) in \
            itertools.product(known.items(), CLIENTS.items()):
        if name == "between-missing" and kind != "plain":
            continue
        certificate = issuer.issue(f"{name}-{kind}", f"/CN={kind}",
                                   extensions, **{"key": KEYS["p256"],
                                                  **more})
        yield Chain(f"{name}/{kind}", certificate, pems)


def revocations(root):
    good = root.issue("kept", "/CN=kept", key=KEYS["p256"])
    bad = root.issue("revoked", "/CN=revoked", key=KEYS["p256"])
    root.revoke(bad)
    other = pki.Authority(base / "other", "/O=T/CN=Root")
    crls = {
        "now": root.crl(),
        "over": root.crl(end=now - pki.DAY / 24),
        "early": root.crl(begin=now + pki.DAY),
        "over-and-now": root.crl(end=now - pki.DAY / 24) + root.crl(),
        "of-another": other.crl(),
    }
    for (name, crl), certificate in itertools.product(
            crls.items(), (good, bad)):
        yield Chain(f"crl-{name}/{certificate.path.stem}", certificate,
                    [root.pem], crl)
    yield Chain("crl-later/kept", good, [root.pem], crls["now"],
                now + 40 * pki.DAY)
    forged = other.issue("forged", "/CN=forged", key=KEYS["p256"])
    yield Chain("another-of-that-name", forged, [root.pem])
    yield Chain("two-of-that-name", forged, [root.pem, other.pem])
    yield Chain("two-of-that-name-2", good, [other.pem, root.pem])


def shapes(root):
    """Chains that loop, are deep, too long, or anchored oddly."""
    plain = root.issue("shape", "/CN=shape", key=KEYS["p256"])
    loop = pki.Authority(base / "loop", "/O=T/CN=Loop B", root, [CA, SIGN])
    back = loop.issue("back", "/O=T/CN=Root", [CA, SIGN], key=root.key)
    looped = loop.issue("looped", "/CN=looped", key=KEYS["p256"])
    yield Chain("looped", looped, [loop.pem, back.pem])
    yield Chain("looped-forged", pki.Authority(
        base / "false", "/O=T/CN=Loop B").issue(
            "x", "/CN=x", key=KEYS["p256"]), [loop.pem, back.pem])
    short = pki.Authority(base / "short", "/O=T/CN=Short", root,
                          ["basicConstraints=critical,CA:true,pathlen:0",
                           SIGN])
    below = pki.Authority(base / "below", "/O=T/CN=Below", short, [CA, SIGN])
    yield Chain("path-too-long", below.issue(
        "y", "/CN=y", key=KEYS["p256"]), [below.pem, short.pem, root.pem])
    yield Chain("path-fits", short.issue("z", "/CN=z", key=KEYS["p256"]),
                [short.pem, root.pem])
    deep, pems = root, [root.pem]
    for n in range(6):
        deep = pki.Authority(base / f"deep{n}", f"/O=T/CN=Deep {n}", deep,
                             [CA, SIGN])
        pems.append(deep.pem)
        leaf = deep.issue("w", "/CN=w", key=KEYS["p256"])
        if n in (3, 5):
            yield Chain(f"deep-{n}", leaf, pems)
    yield Chain("self-signed", root.issue(
        "self", "/CN=self", key=root.key, own=True), [root.pem])
    yield Chain("oversized", root.issue(
        "big", "/CN=big", [CLIENT, "nsComment=" + "x" * 30000],
        key=KEYS["p256"]), [root.pem])
    yield Chain("anchor-is-the-client", plain, [plain.pem])
    for days, name in ((-40, "before"), (400, "after"), (-20, "during")):
        yield Chain("time-" + name, plain, [root.pem],
                    at=now + days * pki.DAY)


def digests(known):
    """Signatures by each digest that CAs sign with, and some."""
    for name in ("root", "rsa"):
        issuer, pems = known[name]
        for digest in ("sha224", "sha256", "sha384", "sha512", "sha3-224",
                       "sha3-256", "sha3-384", "sha3-512", "sha1"):
            yield Chain(f"{name}/{digest}", issuer.issue(
                digest, f"/CN={digest}", key=KEYS["p256"], digest=digest),
                pems)
    issuer, pems = known["rsa"]
    for digest in ("sha512-224", "sha512-256", "md5"):
        yield Chain(f"rsa/{digest}", issuer.issue(
            digest, f"/CN={digest}", key=KEYS["p256"], digest=digest), pems)
    for digest in ("sha256", "sha384", "sha512", "sha1"):
        yield Chain(f"rsa-pss/{digest}", issuer.issue(
            "pss-" + digest, f"/CN=pss-{digest}", key=KEYS["p256"],
            digest=digest, options=["rsa_padding_mode:pss"]), pems)
    sm2 = pki.Authority(base / "sm2", "/O=T/CN=Root SM2", key=key(
        "sm2", option="ec_paramgen_curve:SM2"), digest="sm3")
    yield Chain("sm2/sm3", sm2.issue("sm3", "/CN=sm3", key=KEYS["p256"],
                                     digest="sm3"), [sm2.pem])
    kept = issuer.issue("kept", "/CN=kept", key=KEYS["p256"])
    for digest in ("ripemd160", "md5", "sha1", "sha3-256"):
        yield Chain(f"crl-rsa/{digest}", kept, pems,
                    issuer.crl(digest=digest))


# The order of P-256 (SEC 2 2.4.2)
ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551


def negated(signature):
    """An ECDSA signature that is as good (SEC 1 4.1.4)."""
    (_, r), (_, s) = der.elements(der.elements(signature)[0][1])
    s = (ORDER - int.from_bytes(s, "big")).to_bytes(33, "big").lstrip(b"\0")
    return der.element(0x30, der.element(2, r) + der.element(2, b"\0" * (s[0] >> 7) + s))


def rewritten(certificate):
    """{name: (reason, DER)}: other bytes around what the CA signed."""
    whole = ssl.PEM_cert_to_DER_cert(certificate.pem)
    (_, signed), (_, algorithm), (_, bits) = der.elements(der.elements(whole)[0][1])
    parts = [der.element(0x30, signed), der.element(0x30, algorithm), der.element(3, bits)]
    content = b"".join(parts)
    oid = der.elements(algorithm)[0][1]
    made = {
        "as-it-is": ("denied", whole),
        "long-frame": ("certificate", der.element(0x30, content, 1)),
        "long-algorithm": ("certificate", der.element(
            0x30, parts[0] + der.element(0x30, algorithm, 1) + parts[2])),
        "long-signature": ("certificate", der.element(
            0x30, parts[0] + parts[1] + der.element(3, bits, 1))),
        "long-inside": ("chain", der.element(
            0x30, parts[0] + der.element(0x30, der.element(6, oid, 1) + algorithm[
                2 + len(oid):]) + parts[2])),
        "high-tag": ("certificate", der.element(
            0x30, parts[0] + b"\x3f\x10" + parts[1][1:] + parts[2])),
    }
    if oid.hex() == "2a8648ce3d040302":
        made["twin"] = ("denied", der.element(0x30, parts[0] + parts[1] + der.element(
            3, b"\0" + negated(bits[1:]))))
    return made


class Rewritten:
    """Bytes, presented as a certificate."""

    def __init__(self, value):
        self.value = value

    def presented(self):
        return [{"thumbprint": hashlib.sha1(self.value).hexdigest(),
                 "content": ssl.DER_cert_to_PEM_cert(self.value)}]


def compare_rewritten(out, known, folder):
    """A deny by digest meets each form in which a CA's entry would accept the
    certificate."""
    for issuer in ("root", "rsa"):
        authority, pems = known[issuer]
        certificate = authority.issue("stolen", "/CN=stolen",
                                      key=KEYS["p256"])
        (folder / "ca.pem").write_text("".join(pems))
        digest = hashlib.sha256(
            ssl.PEM_cert_to_DER_cert(certificate.pem)).hexdigest()
        for pin in (digest, certificate.sha1):
            for name, (wanted, value) in rewritten(certificate).items():
                reason = certgate_says(
                    Chain(name, Rewritten(value), []), folder,
                    f"deny {pin}\n")
                out.result(reason == wanted, f"{issuer} stolen, "
                           f"{len(pin)} digits denied, {name}", reason)
        for name in ("as-it-is", "twin"):
            value = rewritten(certificate).get(name, ("", b""))[1]
            if value:
                reason = certgate_says(Chain(name, Rewritten(value), []),
                                       folder)
                out.result(reason == "listed", f"{issuer}, {name}", reason)


def openssl_says(chain, folder):
    command = ["openssl", "verify", "-no-CApath", "-no-CAstore",
               "-partial_chain", "-purpose", "sslclient", "-auth_level", "2",
               "-attime", str(int(chain.at.timestamp())),
               "-CAfile", folder / "ca.pem"]
    if chain.crl:
        command += ["-crl_check", "-CRLfile", folder / "ca.crl"]
    done = subprocess.run([*command, chain.certificate.path],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def certgate_says(chain, folder, before=""):
    body = json.dumps({"clientCertificates": chain.certificate.presented()})
    crl = f" crl={folder}/ca.crl" if chain.crl else ""
    case = cases.Case(chain.name, {}, None, {
        "method": "POST", "path": "/eventhandler", "body": body,
        "headers": cases.event_headers("azure.webpubsub.sys.connect")}, {})
    (_, log), = inprocess.run([inprocess.event(case, {
        "CASE_LIST": f"{before}ca:{folder}/ca.pem cn=*{crl}\n",
        "CASE_NOW": str(int(chain.at.timestamp()))})])
    return processes.decisions(log)[-1]["reason"]


def compare(out, chain, folder):
    (folder / "ca.pem").write_text(chain.authorities)
    if chain.crl:
        (folder / "ca.crl").write_text(chain.crl)
    good, said = openssl_says(chain, folder)
    reason = certgate_says(chain, folder)
    wanted = EXPLAINED.get(chain.name)
    agree = good == (reason == "listed") if wanted is None else \
        (good, reason) == wanted[:2]
    out.result(agree, f"{chain.name}: {reason}" +
               (f" ({wanted[2]})" if wanted else ""), said)
    return reason


def main():
    out = tap.Tap()
    folder = place.temporary()
    known = authorities()
    root = known["root"][0]
    reasons = set()
    for chain in itertools.chain(product(known), revocations(root),
                                 shapes(root), digests(known)):
        reasons.add(compare(out, chain, folder))
    compare_rewritten(out, known, folder)
    out.result(out.count >= WANTED, f"there are {WANTED} of them", out.count)
    for reason in ("listed", "chain", "purpose", "weak", "crl", "revoked",
                   "not-listed", "certificate-expired",
                   "certificate-not-yet"):
        out.result(reason in reasons, f"among them {reason}")
    out.done()


main()
