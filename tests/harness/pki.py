# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Certificates made with the openssl command, for one run of a test."""
import datetime
import functools
import hashlib
import ssl
import subprocess

from . import der

DAY = datetime.timedelta(days=1)


def openssl(*arguments, data=None):
    done = subprocess.run(["openssl", *map(str, arguments)], input=data,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments}: {done.stderr.decode()}")
    return done.stdout


def stamp(moment):
    return moment.strftime("%Y%m%d%H%M%SZ")


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


CONFIGURATION = """
[ca]
default_ca = this
[this]
database = {folder}/index.txt
serial = {folder}/serial
crlnumber = {folder}/crlnumber
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = optional
organizationName = optional
[req]
distinguished_name = dn
string_mask = utf8only
[dn]
"""


class Certificate:
    """A certificate with its key in files, and what an event tells of it."""

    def __init__(self, path, key):
        self.path = path
        self.key = key
        self.pem = path.read_text()
        self.der = ssl.PEM_cert_to_DER_cert(self.pem)
        self.sha1 = hashlib.sha1(self.der).hexdigest()
        self.sha256 = hashlib.sha256(self.der).hexdigest()

    @functools.cached_property
    def serial(self):
        """Its digits, as the log has them."""
        return openssl("x509", "-in", self.path, "-noout",
                       "-serial").decode().strip().partition("=")[2].lower()

    @functools.cached_property
    def spki(self):
        public = openssl("x509", "-in", self.path, "-noout", "-pubkey")
        return hashlib.sha256(openssl(
            "pkey", "-pubin", "-outform", "DER", data=public)).hexdigest()

    def presented(self):
        return [{"thumbprint": self.sha1, "content": self.pem}]


_requests = {}  # of each key


class Authority:
    """A CA in a folder of its own; issuer None: a root."""

    def __init__(self, folder, subject, issuer=None, extensions=None,
                 key=None, **more):
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "index.txt").touch()
        (folder / "serial").write_text("1000\n")
        (folder / "crlnumber").write_text("01\n")
        self.configuration = folder / "ca.cnf"
        self.configuration.write_text(
            CONFIGURATION.format(folder=folder))
        self.key = key or new_key(folder / "ca.key")
        extensions = extensions or ["basicConstraints=critical,CA:true",
                                    "keyUsage=keyCertSign,cRLSign"]
        self.path = None
        if issuer is None:
            self.certificate = self.issue("ca", subject, extensions,
                                          key=self.key, own=True, **more)
        else:
            self.certificate = issuer.issue(
                "ca-" + folder.name, subject, extensions, key=self.key, **more)
        self.path = self.certificate.path
        self.pem = self.certificate.pem

    def issue(self, name, subject, extensions=None, key=None, begin=None,
              end=None, digest="sha256", own=False, options=()):
        """A certificate; by default of a client, for a year around now.
        options: of the signature (openssl-ca, -sigopt)."""
        if extensions is None:
            extensions = ["extendedKeyUsage=clientAuth"]
        # Each openssl takes a while to start: its own key is made with the
        # request, and a key needs one request, whose subject is replaced.
        given = ["-key", key]
        if key is None:
            key = self.folder / (name + ".key")
            _requests.pop(key, None)
            given = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-noenc", "-keyout", key]
        if key not in _requests:
            _requests[key] = self.folder / (name + ".csr")
            openssl("req", "-new", *given, "-subj", "/CN=any", "-config",
                    self.configuration, "-out", _requests[key])
        wanted = self.folder / (name + ".ext")
        wanted.write_text("\n".join(extensions) + "\n")
        out = self.folder / (name + ".pem")
        signer = ["-selfsign"] if own else ["-cert", self.path]
        openssl("ca", "-batch", "-notext", "-config", self.configuration,
                "-keyfile", self.key, *signer, "-in", _requests[key],
                "-subj", subject, "-utf8", "-out", out,
                "-extfile", wanted, "-md", digest,
                *(word for option in options for word in ("-sigopt", option)),
                "-startdate", stamp(begin or now() - 30 * DAY),
                "-enddate", stamp(end or now() + 335 * DAY))
        return Certificate(out, key)

    def revoke(self, certificate):
        openssl("ca", "-config", self.configuration, "-keyfile", self.key,
                "-cert", self.path, "-revoke", certificate.path)

    def crl(self, begin=None, end=None, digest="sha256"):
        """Its text, valid for a day before and a month after now."""
        return openssl(
            "ca", "-config", self.configuration, "-keyfile", self.key,
            "-cert", self.path, "-gencrl", "-md", digest,
            "-crl_lastupdate", stamp(begin or now() - DAY),
            "-crl_nextupdate", stamp(end or now() + 30 * DAY)).decode()


    def certify(self, name, subject, public, extensions):
        """A certificate of a public key without its private key;
        public: its SubjectPublicKeyInfo."""
        request = self.folder / (name + ".csr")
        openssl("req", "-new", "-key", self.key, "-subj", subject, "-config",
                self.configuration, "-out", request)
        given = self.folder / (name + ".pub")
        given.write_bytes(openssl("pkey", "-pubin", "-inform", "DER",
                                  data=public))
        wanted = self.folder / (name + ".ext")
        wanted.write_text("\n".join(extensions) + "\n")
        out = self.folder / (name + ".pem")
        openssl("x509", "-req", "-in", request, "-CA", self.path, "-CAkey",
                self.key, "-set_serial", "4711", "-days", "300",
                "-force_pubkey", given, "-extfile", wanted, "-out", out)
        return Certificate(out, None)


def rewritten(authority, certificate, name, change):
    """A certificate of authority, signed as it is; change alters the list of
    the fields of its TBSCertificate (RFC 5280 4.1), version first."""
    (_, tbs), algorithm, _ = der.elements(
        der.elements(certificate.der)[0][1])
    fields = der.elements(tbs)
    change(fields)
    tbs = der.element(0x30, b"".join(der.element(*f) for f in fields))
    signature = openssl("dgst", "-sha256", "-sign", authority.key, data=tbs)
    path = certificate.path.with_suffix("." + name)
    path.write_text(ssl.DER_cert_to_PEM_cert(der.element(
        0x30, tbs + der.element(*algorithm) +
        der.element(3, b"\0" + signature))))
    return Certificate(path, certificate.key)


def ending(authority, certificate, end):
    """The same with end, a UTCTime of any form, as its notAfter."""
    def change(fields):
        begin = der.elements(fields[4][1])[0]
        fields[4] = (0x30, der.element(*begin) + der.element(23, end))
    return rewritten(authority, certificate, "ending", change)


def numbered(authority, certificate, serial):
    """The same with the bytes of its serial number."""
    def change(fields):
        fields[1] = (2, serial)
    return rewritten(authority, certificate, serial.hex() + "serial", change)


def name_of(*parts):
    """A Name: of each part the type, the tag of its string, and bytes."""
    return (0x30, b"".join(
        der.element(0x31, der.element(
            0x30, der.oid(kind) + der.element(tag, value)))
        for kind, tag, value in parts))


def named(authority, certificate, *names):
    """The same with these common names, (tag of the string, bytes)."""
    def change(fields):
        fields[5] = name_of(*(("2.5.4.3", *name) for name in names))
    name = hashlib.sha256(repr(names).encode()).hexdigest()[:8]
    return rewritten(authority, certificate, name, change)


def issued_by(authority, certificate, organization, common):
    """The same with an issuer of these names."""
    def change(fields):
        fields[3] = name_of(("2.5.4.3", *common), ("2.5.4.10", *organization))
    name = hashlib.sha256(organization[1] + common[1]).hexdigest()[:8]
    return rewritten(authority, certificate, name, change)


def rsa_public(bits):
    """The SubjectPublicKeyInfo of a number of so many bits."""
    number = (1 << bits - 1 | 1).to_bytes(bits // 8 + 1, "big").lstrip(b"\0")
    number = b"\0" * (number[0] >> 7) + number
    key = der.element(0x30, der.element(2, number) +
                      der.element(2, b"\1\0\1"))
    return der.element(0x30, bytes.fromhex("300d06092a864886f70d0101010500") +
                       der.element(3, b"\0" + key))


def without_next_update(crl):
    """The text of a CRL that does not say when the next one comes; its
    signature is what it was."""
    [(_, whole)] = der.elements(ssl.PEM_cert_to_DER_cert(
        crl.replace("X509 CRL", "CERTIFICATE")))
    (_, signed), *rest = der.elements(whole)
    parts = der.elements(signed)
    del parts[4]  # version, algorithm, issuer, this update, next update
    changed = [(0x30, b"".join(der.element(*p) for p in parts)), *rest]
    return ssl.DER_cert_to_PEM_cert(der.element(
        0x30, b"".join(der.element(*p) for p in changed))).replace(
            "CERTIFICATE", "X509 CRL")


def new_key(path, kind="EC", option="ec_paramgen_curve:P-256"):
    openssl("genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", path)
    _requests.pop(path, None)
    return path
