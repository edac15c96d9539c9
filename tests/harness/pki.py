# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Certificates made with the openssl command, for one run of a test."""
import datetime
import functools
import hashlib
import ssl
import subprocess

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
    def spki(self):
        public = openssl("x509", "-in", self.path, "-noout", "-pubkey")
        return hashlib.sha256(openssl(
            "pkey", "-pubin", "-outform", "DER", data=public)).hexdigest()

    def presented(self):
        return [{"thumbprint": self.sha1, "content": self.pem}]


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
              end=None, digest="sha256", own=False):
        """A certificate; by default of a client, for a year around now."""
        if extensions is None:
            extensions = ["extendedKeyUsage=clientAuth"]
        key = key or new_key(self.folder / (name + ".key"))
        request = self.folder / (name + ".csr")
        openssl("req", "-new", "-key", key, "-subj", subject, "-utf8",
                "-config", self.configuration, "-out", request)
        wanted = self.folder / (name + ".ext")
        wanted.write_text("\n".join(extensions) + "\n")
        out = self.folder / (name + ".pem")
        signer = ["-selfsign"] if own else ["-cert", self.path]
        openssl("ca", "-batch", "-notext", "-config", self.configuration,
                "-keyfile", self.key, *signer, "-in", request, "-out", out,
                "-extfile", wanted, "-md", digest,
                "-startdate", stamp(begin or now() - 30 * DAY),
                "-enddate", stamp(end or now() + 335 * DAY))
        return Certificate(out, key)

    def revoke(self, certificate):
        openssl("ca", "-config", self.configuration, "-keyfile", self.key,
                "-cert", self.path, "-revoke", certificate.path)

    def crl(self, begin=None, end=None):
        """Its text, valid for a day before and a month after now."""
        return openssl(
            "ca", "-config", self.configuration, "-keyfile", self.key,
            "-cert", self.path, "-gencrl", "-md", "sha256",
            "-crl_lastupdate", stamp(begin or now() - DAY),
            "-crl_nextupdate", stamp(end or now() + 30 * DAY)).decode()


def new_key(path, kind="EC", option="ec_paramgen_curve:P-256"):
    openssl("genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", path)
    return path
