# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A small world of CAs, and what entries of the list make of its certificates.
Made once for each run of a test, around the present day."""
import functools

from . import pki, place

NOW = pki.now()
CLIENT = "extendedKeyUsage=clientAuth"
CA = "basicConstraints=critical,CA:true"


class Row:
    """One certificate against one list."""

    def __init__(self, name, text, certificate, reason, user=None,
                 files=None, settings=None):
        self.name = name
        self.list = text
        self.certificate = certificate
        self.reason = reason
        self.user = user
        self.files = files
        self.settings = settings or {}

    def expected(self):
        if self.reason == "report-only":
            return {"status": 200, "reason": "report-only", "body_json":
                    {"userId": self.user, "roles": []}}
        if self.reason != "listed":
            return {"status": 403, "reason": self.reason}
        return {"status": 200, "reason": "listed",
                "body_json": {"userId": self.user}}


def san(names):
    return [CLIENT, "subjectAltName=" + names]


class World:
    """The CAs and certificates of the table below."""

    def __init__(self):
        base = place.temporary()
        self.plant = pki.Authority(base / "plant", "/O=Plant/CN=Plant CA")
        # The same name, another key.
        self.false = pki.Authority(base / "false", "/O=Plant/CN=Plant CA")
        self.old = pki.Authority(
            base / "old", "/O=Plant/CN=Old CA", begin=NOW - 90 * pki.DAY,
            end=NOW - 10 * pki.DAY)
        self.narrow = pki.Authority(
            base / "narrow", "/CN=Narrow CA", self.plant,
            extensions=[CA, "nameConstraints=critical,"
                        "permitted;DNS:plant.example"])
        key = pki.new_key(base / "client.key")
        weak = pki.new_key(base / "weak.key", "RSA", "rsa_keygen_bits:1024")
        issue = functools.partial(self.plant.issue, key=key)
        self.pump = issue("pump-1", "/O=Plant/CN=pump-1",
                          san("DNS:Pump-1.plant.example,DNS:b.example"))
        self.door = issue("door", "/O=Plant/CN=door-1", san("URI:urn:Door:1"))
        self.mail = issue("mail", "/O=Plant", san("email:a@b.example"))
        # A path without a scheme, in the place of a URI.
        self.path = issue("path", "/O=Plant", san("URI:b.example"))
        self.other = issue("other", "/CN=xpump-1x")
        self.twice = issue("twice", "/CN=pump-1/CN=pump-2")
        self.blank = issue("blank", "/CN=pump-1",
                           san("DNS:pump-1.example\x01"))
        self.hidden = issue("hidden", "/CN=pump\u200b-1")
        self.turned = issue("turned", "/CN=pump-1",
                            san("DNS:pump-1.example\u202e"))
        self.nameless = issue("nameless", "/O=Plant")
        self.server = issue("server", "/CN=pump-1",
                            ["extendedKeyUsage=serverAuth"])
        self.weak = issue("weak", "/CN=pump-1", key=weak)
        self.sha1 = issue("sha1", "/CN=pump-1", digest="sha1")
        self.forged = self.false.issue("forged", "/CN=pump-1", key=key)
        self.late = issue("late", "/CN=pump-1", begin=NOW - 9 * pki.DAY,
                          end=NOW - pki.DAY)
        self.early = issue("early", "/CN=pump-1", begin=NOW + pki.DAY)
        self.odd = pki.ending(self.plant, self.pump, b"4401010000Z")
        self.odd_ca = pki.ending(self.plant, self.plant.certificate,
                                 b"4401010000Z")
        self.of_old = self.old.issue("of-old", "/CN=pump-1", key=key)
        self.outside = self.narrow.issue(
            "outside", "/CN=pump-1", san("DNS:pump-1.other.example"), key=key)
        self.inside = self.narrow.issue(
            "inside", "/CN=pump-1", san("DNS:pump-1.plant.example"), key=key)
        largest = pki.rsa_public(8192)
        larger = pki.rsa_public(8200)
        self.large = self.plant.certify("large", "/CN=pump-1", largest,
                                        [CLIENT])
        self.larger = self.plant.certify("larger", "/CN=pump-1", larger,
                                         [CLIENT])
        self.large_ca = self.plant.certify("large-ca", "/CN=L", largest, [CA])
        self.larger_ca = self.plant.certify("larger-ca", "/CN=L", larger,
                                            [CA])
        self.revoked = issue("revoked", "/CN=pump-9")
        self.plant.revoke(self.revoked)


def rows():
    w = World()
    pumps = "ca:@{folder}/ca.pem cn=pump-*"
    crl = pumps + " crl=@{folder}/ca.crl\n"
    files = {"ca.pem": w.plant.pem}
    with_crl = {**files, "ca.crl": w.plant.crl()}
    pumps += "\n"
    table = [
        ("in", pumps, w.pump, "listed", "pump-1"),
        ("any-name", "ca:@{folder}/ca.pem cn=*\n", w.other, "listed",
         "xpump-1x"),
        ("san", "ca:@{folder}/ca.pem san=*.PLANT.example\n", w.pump, "listed",
         "Pump-1.plant.example"),
        ("san-first-only", "ca:@{folder}/ca.pem san=b.example\n", w.pump,
         "entry-name"),
        ("san-uri", "ca:@{folder}/ca.pem san=urn:Door:*\n", w.door, "listed",
         "urn:Door:1"),
        ("san-uri-case", "ca:@{folder}/ca.pem san=urn:door:*\n", w.door,
         "entry-name"),
        ("san-mail", "ca:@{folder}/ca.pem san=*@b.example\n", w.mail,
         "listed", "a@b.example"),
        ("san-mail-any", "ca:@{folder}/ca.pem san=**\n", w.mail, "listed",
         "a@b.example"),
        ("san-mail-is-no-host", "ca:@{folder}/ca.pem san=*b.example\n",
         w.mail, "entry-name"),
        ("san-uri-is-no-host", "ca:@{folder}/ca.pem san=b.example\n",
         w.path, "entry-name"),
        ("both", "ca:@{folder}/ca.pem cn=pump-* san=*.example\n", w.pump,
         "listed", "pump-1"),
        ("both-one-not", "ca:@{folder}/ca.pem cn=pump-* san=*.test\n", w.pump,
         "entry-name"),
        ("user-san", "ca:@{folder}/ca.pem cn=pump-* user=@san\n", w.pump,
         "listed", "Pump-1.plant.example"),
        ("second-entry", "ca:@{folder}/ca.pem cn=door-* hub=other\n" + pumps,
         w.pump, "listed", "pump-1"),
        ("entry-hub", "ca:@{folder}/ca.pem cn=door-*\n"
         "ca:@{folder}/ca.pem cn=pump-* hub=other\n", w.pump, "entry-hub"),
        ("name-case", "ca:@{folder}/ca.pem cn=PUMP-*\n", w.pump, "entry-name"),
        ("name-anchored", "ca:@{folder}/ca.pem cn=pump-1\n", w.other,
         "entry-name"),
        ("name-missing", "ca:@{folder}/ca.pem cn=*\n", w.nameless,
         "entry-name"),
        ("name-twice", "ca:@{folder}/ca.pem cn=*\n", w.twice, "entry-name"),
        ("name-control", "ca:@{folder}/ca.pem cn=*\n", w.blank, "entry-name"),
        ("name-invisible", "ca:@{folder}/ca.pem cn=*\n", w.hidden,
         "entry-name"),
        ("name-invisible-settled", "ca:@{folder}/ca.pem cn=* user=one\n",
         w.hidden, "entry-name"),
        ("san-direction", "ca:@{folder}/ca.pem san=*\n", w.turned,
         "entry-name"),
        ("pin-invisible", f"{w.hidden.sha256} user=@cn\n", w.hidden,
         "no-user-id"),
        # As of any certificate without a name that can be one.
        ("pin-invisible-default", f"{w.hidden.sha256}\n", w.hidden, "listed",
         w.hidden.sha1),
        ("purpose", pumps, w.server, "purpose"),
        ("weak-key", pumps, w.weak, "weak"),
        ("weak-signature", pumps, w.sha1, "weak"),
        ("forged", pumps, w.forged, "chain"),
        ("expired", pumps, w.late, "certificate-expired"),
        ("not-yet", pumps, w.early, "certificate-not-yet"),
        ("odd-date", pumps, w.odd, "not-after-invalid"),
        ("odd-date-pinned", f"{w.odd.sha256}\n", w.odd, "not-after-invalid"),
        ("ca-odd-date", pumps, w.pump, "list-unreadable", None,
         {"ca.pem": w.odd_ca.pem}),
        ("intermediate-missing", pumps, w.inside, "not-listed"),
        ("crl", crl, w.pump, "listed", "pump-1", with_crl),
        ("revoked", crl, w.revoked, "revoked", None, with_crl),
        ("revoked-without-crl", pumps, w.revoked, "listed", "pump-9"),
        ("crl-over", crl, w.pump, "crl", None, {
            **files, "ca.crl": w.plant.crl(end=NOW - pki.DAY / 24)}),
        ("crl-early", crl, w.pump, "crl", None, {
            **files, "ca.crl": w.plant.crl(begin=NOW + pki.DAY)}),
        ("crl-of-another", crl, w.pump, "crl", None, {
            **files, "ca.crl": w.false.crl()}),
        ("ca-over", pumps, w.of_old, "chain", None, {"ca.pem": w.old.pem}),
        ("constraints-out", pumps, w.outside, "chain", None,
         {"ca.pem": w.plant.pem + w.narrow.pem}),
        ("constraints-in", pumps, w.inside, "listed", "pump-1",
         {"ca.pem": w.plant.pem + w.narrow.pem}),
        ("anchor-is-no-root", pumps, w.inside, "listed", "pump-1",
         {"ca.pem": w.narrow.pem}),
        ("two-cas-of-one-name", pumps, w.forged, "listed", "pump-1",
         {"ca.pem": w.plant.pem + w.false.pem}),
        ("two-files-of-one-name",
         pumps + "ca:@{folder}/b.pem cn=pump-*\n", w.forged, "listed",
         "pump-1", {**files, "b.pem": w.false.pem}),
        ("denied-by-key", f"{pumps}deny spki:{w.pump.spki}\n", w.pump,
         "denied"),
        ("pin-first", f"{pumps}{w.pump.sha1} user=pin\n", w.pump, "listed",
         "pin"),
        ("key-of-8192-bits", pumps, w.large, "listed", "pump-1"),
        ("key-of-more", pumps, w.larger, "chain"),
        ("key-of-more-pinned", f"{w.larger.sha256}\n", w.larger, "listed",
         "pump-1"),
        ("ca-key-of-8192-bits", pumps, w.pump, "listed", "pump-1",
         {"ca.pem": w.plant.pem + w.large_ca.pem}),
        ("ca-key-of-more", pumps, w.pump, "list-unreadable", None,
         {"ca.pem": w.plant.pem + w.larger_ca.pem}),
        ("crl-without-end", crl, w.pump, "list-unreadable", None,
         {**files, "ca.crl": pki.without_next_update(w.plant.crl())}),
        ("file-no-ca", pumps, w.pump, "list-unreadable", None,
         {"ca.pem": w.pump.pem}),
        ("file-empty", pumps, w.pump, "list-unreadable", None,
         {"ca.pem": ""}),
        ("file-cut", pumps, w.pump, "list-unreadable", None,
         {"ca.pem": w.plant.pem[:-40]}),
        ("file-key", pumps, w.pump, "list-unreadable", None,
         {"ca.pem": w.plant.pem + w.plant.key.read_text()}),
        ("file-missing", pumps, w.pump, "list-unreadable", None, {}),
        ("crl-missing", crl, w.pump, "list-unreadable"),
        ("crl-empty", crl, w.pump, "list-unreadable", None,
         {**files, "ca.crl": ""}),
        ("no-limit", "ca:@{folder}/ca.pem\n", w.pump, "list-unreadable"),
    ]
    for name, text, certificate, reason, *more in table:
        user, given = (*more, None, None)[:2]
        yield Row(name, text, certificate, reason, user,
                  files if given is None else given)
    level = {"CERTGATE_SECURITY_LEVEL": "0"}
    yield Row("weak-allowed", pumps, w.weak, "listed", "pump-1", files, level)
    yield Row("level-4", pumps, w.pump, "weak", None, files,
              {"CERTGATE_SECURITY_LEVEL": "4"})
    yield Row("dates-always", pumps, w.late, "certificate-expired", None,
              files, {"CERTGATE_CHECK_DATES": "no"})
    yield Row("odd-date-always", pumps, w.odd, "not-after-invalid", None,
              files, {"CERTGATE_CHECK_DATES": "no"})
    yield Row("variable-beside-ca", pumps.replace("\n", " hub=other\n"),
              w.pump, "listed", "pump-1", files,
              {"CLIENT_CERT_THUMBPRINT": w.pump.sha256})
    trial = {"CERTGATE_REPORT_ONLY_UNTIL":
             (NOW + 7 * pki.DAY).date().isoformat()}
    ended = crl.replace("\n", " expires=2020-01-01\n")
    yield Row("trial", ended, w.pump, "report-only", w.pump.sha1, with_crl,
              trial)
    for name, certificate in (("revoked", w.revoked), ("forged", w.forged),
                              ("purpose", w.server), ("late", w.late)):
        yield Row("trial-" + name, ended, certificate, "entry-expired", None,
                  with_crl, trial)
        yield Row(f"trial-{name}-listed", crl, certificate,
                  {"forged": "chain", "late": "certificate-expired"}.get(
                      name, name), None, with_crl, trial)
    yield Row("user-not-limited", "ca:@{folder}/ca.pem san=*\n", w.pump,
              "listed", "Pump-1.plant.example", files,
              {"CERTGATE_USER_ID": "cn"})
