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
        self.several = issue("several", "/CN=pump-1", san(
            "email:a@b.example,DNS:first.example,DNS:Second.example,"
            "URI:urn:third"))
        self.crowded = issue("crowded", "/CN=pump-1", san(
            ",".join(f"DNS:{n}.example" for n in range(65))))
        self.odd_names()
        self.revoked = issue("revoked", "/CN=pump-9")
        self.plant.revoke(self.revoked)

    def odd_names(self):
        """Names and serial numbers that openssl does not write."""
        named = functools.partial(pki.named, self.plant, self.pump)
        self.wide = named((30, "pump-1".encode("utf-16-be")))
        self.odd_wide = named((30, b"\0p\0u\0"))
        self.nul = named((12, b"pump-1\0door-1"))
        self.no_text = named((2, b"\1"))
        self.same_twice = named((12, b"pump-1"), (12, b"pump-1"))
        self.no_subject = named()
        numbered = functools.partial(pki.numbered, self.plant, self.pump)
        self.padded = numbered(b"\0\0\x7f")
        self.ten = numbered(b"\x0a")
        self.high = numbered(b"\0\xff")
        self.negative = numbered(b"\xff")
        self.zero = numbered(b"\0")
        self.numberless = numbered(b"")
        self.long = numbered(b"\0" + b"\xff" * 64)
        self.longer = numbered(b"\0" + b"\xff" * 65)
        issued = functools.partial(pki.issued_by, self.plant, self.pump)
        self.shouted = issued((19, b"PLANT"), (19, b"plant  ca"))
        self.astray = issued((12, b"\xff"), (12, b"Plant CA"))


class Label:
    """A certificate of which the event has the thumbprint alone."""

    def __init__(self, certificate):
        self.sha1 = certificate.sha1

    def presented(self):
        return [{"thumbprint": self.sha1}]


def denials(w):
    """Deny entries of a CA: name, list, certificate, reason and user."""
    deny = "deny ca:@{folder}/ca.pem"
    pumps = "ca:@{folder}/ca.pem cn=*\n"
    serial = w.pump.serial
    for name, text, reason in (
            # The CA alone, and each option.
            ("ca", "", "denied"),
            ("name", " cn=pump-1", "denied"),
            ("name-pattern", " cn=p*1", "denied"),
            ("name-case", " cn=PUMP-1", "denied"),
            ("name-any", " cn=*", "denied"),
            ("name-other", " cn=pump-2", "listed"),
            ("name-longer", " cn=pump-1*1", "listed"),
            ("san", " san=pump-1.plant.example", "denied"),
            ("san-second", " san=B.example", "denied"),
            ("san-other", " san=c.example", "listed"),
            ("serial", f" serial={serial}", "denied"),
            ("serial-case", f" serial={serial.upper()}", "denied"),
            ("serial-zeros", f" serial=000{serial}", "denied"),
            ("serial-begun", f" serial={serial[:-1]}", "listed"),
            ("serial-longer", f" serial={serial}0", "listed"),
            ("all", f" cn=pump-* san=b.example serial={serial}", "denied"),
            ("one-not", f" cn=pump-* san=c.example serial={serial}",
             "listed"),
            ("serial-of-another", f" cn=pump-* serial={serial}1", "listed"),
            ("ends", " cn=pump-1 expires=2099-12-31", "denied"),
            ("ended", " cn=pump-1 expires=2020-12-31", "listed")):
        yield name, f"{pumps}{deny}{text}\n", w.pump, reason
        yield name + "-first", f"{deny}{text}\n{pumps}", w.pump, reason
        for kind, pin in (("sha1:", "sha1:" + w.pump.sha1),
                          ("sha256", w.pump.sha256),
                          ("spki:", f"spki:{w.pump.spki} user=pump-1")):
            yield (f"{name}-{kind}", f"{deny}{text}\n{pin}\n", w.pump,
                   reason)
    pinned = "{0.sha256} user=x\n"
    for name, text, certificate, reason in (
            # What cannot be read is denied; what is missing is empty.
            ("name-missing", " cn=pump-*", w.nameless, "listed"),
            ("name-missing-any", " cn=*", w.nameless, "denied"),
            ("name-twice", " cn=door-9", w.twice, "denied"),
            ("name-invisible", " cn=door-9", w.hidden, "denied"),
            ("name-bmp", " cn=pump-1", w.wide, "denied"),
            ("name-bmp-other", " cn=pump-2", w.wide, "listed"),
            ("name-bmp-odd", " cn=door-9", w.odd_wide, "denied"),
            ("name-nul", " cn=door-9", w.nul, "denied"),
            ("name-number", " cn=door-9", w.no_text, "denied"),
            ("name-twice-same", " cn=door-9", w.same_twice, "denied"),
            ("name-twice-serial", " serial=1", w.twice, "listed"),
            ("subject-empty", " cn=?*", w.no_subject, "listed"),
            ("subject-empty-any", " cn=*", w.no_subject, "denied"),
            ("san-missing", " san=*.example", w.other, "listed"),
            ("san-missing-any", " san=**", w.other, "denied"),
            ("san-control", " san=door.example", w.blank, "denied"),
            ("san-direction", " san=door.example", w.turned, "denied"),
            ("san-uri", " san=urn:third", w.several, "denied"),
            ("san-mail", " san=a@B.example", w.several, "denied"),
            ("san-mail-host", " san=*b.example", w.several, "denied"),
            ("san-third", " san=second.example", w.several, "denied"),
            ("san-none-of-them", " san=fourth.example", w.several, "listed"),
            ("san-crowd", " san=door.example", w.crowded, "denied"),
            ("san-crowd-name", " cn=door-1", w.crowded, "listed"),
            ("serial-zero-in-front", " serial=7f", w.padded, "denied"),
            ("serial-odd-digits", " serial=A", w.ten, "denied"),
            ("serial-even-digits", " serial=0a", w.ten, "denied"),
            ("serial-odd-other", " serial=a0", w.ten, "listed"),
            ("serial-high-bit", " serial=ff", w.high, "denied"),
            ("serial-negative", " serial=ff", w.negative, "denied"),
            ("serial-negative-other", " serial=1", w.negative, "listed"),
            ("serial-zero", " serial=0", w.zero, "denied"),
            ("serial-zero-00", " serial=0000", w.zero, "denied"),
            ("serial-zero-other", " serial=1", w.zero, "listed"),
            ("serial-empty", " serial=1", w.numberless, "denied"),
            ("serial-long", f" serial={'f' * 128}", w.long, "denied"),
            ("serial-longer-than-any", f" serial={'f' * 128}", w.longer,
             "listed"),
            ("issuer-other", "", w.of_old, "listed"),
            ("issuer-of-issuer", "", w.inside, "listed"),
            ("issuer-forged", " cn=pump-1", w.forged, "denied"),
            ("issuer-case", " cn=pump-1", w.shouted, "denied"),
            ("issuer-invalid", " cn=door-9", w.astray, "listed"),
            ("issuer-invalid-name", " cn=pump-1", w.astray, "denied")):
        yield (name, deny + text + "\n" + pinned.format(certificate),
               certificate, reason, "x")
    label = Label(w.pump)
    pin = f"{w.pump.sha1} user=x\n"
    for name, text, reason in (
            ("label", f"{deny} cn=door-1\n", "content-needed"),
            ("label-serial", f"{deny} serial=1\n", "content-needed"),
            ("label-ended", f"{deny} cn=* expires=2020-12-31\n", "listed"),
            ("label-pin-ended",
             f"deny {w.door.sha256} expires=2020-12-31\n", "listed"),
            ("label-pin", f"deny {w.door.sha256} expires=2099-12-31\n",
             "content-needed"),
            ("label-sha1", f"deny {w.door.sha1} expires=2099-12-31\n",
             "listed")):
        yield name, text + pin, label, reason, "x"
    ended = f"deny {w.pump.sha256} expires=2020-12-31\n"
    yield "pin-ended", ended + pumps, w.pump, "listed"
    yield ("pin-ends", ended.replace("=2020", "=2099") + pumps, w.pump,
           "denied")
    yield ("pin-ended-other", ended + f"deny {w.pump.sha1}\n" + pumps, w.pump,
           "denied")
    # An entry that denies is never one that allows.
    yield "alone", f"{deny} cn=pump-*\n", w.door, "not-listed"
    yield ("alone-ended", f"{deny} cn=* expires=2020-12-31\n", w.pump,
           "not-listed")
    yield "pin-alone-ended", ended, w.pump, "not-listed"
    yield ("file-missing", pumps + "deny ca:@{folder}/x.pem cn=door-1\n",
           w.pump, "list-unreadable")
    yield ("no-limit-of-allow", "ca:@{folder}/ca.pem\n" + deny + "\n", w.pump,
           "list-unreadable")


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
    crl_doors = crl.replace("pump", "door")
    for name, certificate, text, reason in (
            ("", w.pump, crl_doors, "report-only"),
            ("-unusable", w.twice, crl, "report-only"),
            ("-second", w.pump, "ca:@{folder}/ca.pem cn=x hub=other\n"
             "ca:@{folder}/ca.pem cn=y\n", "report-only"),
            ("-revoked", w.revoked, crl_doors, "entry-name"),
            ("-forged", w.forged, crl_doors, "entry-name"),
            ("-purpose", w.server, crl_doors, "entry-name"),
            ("-late", w.late, crl_doors, "entry-name"),
            ("-hub", w.pump, crl_doors.replace("\n", " hub=other\n"),
             "entry-name"),
            ("-expired", w.pump, ended.replace("pump", "door"), "entry-name"),
            ("-denied", w.pump, crl_doors + "deny ca:@{folder}/ca.pem cn=*\n",
             "denied")):
        yield Row("trial-name" + name, text, certificate, reason,
                  certificate.sha1, with_crl, trial)
    for name, certificate in (("revoked", w.revoked), ("forged", w.forged),
                              ("purpose", w.server), ("late", w.late)):
        yield Row("trial-" + name, ended, certificate, "entry-expired", None,
                  with_crl, trial)
        yield Row(f"trial-{name}-listed", crl, certificate,
                  {"forged": "chain", "late": "certificate-expired"}.get(
                      name, name), None, with_crl, trial)
    for name, text, certificate, reason, *more in denials(w):
        yield Row("deny-" + name, text, certificate, reason,
                  *(more or ["pump-1"]), files)
    yield Row("user-not-limited", "ca:@{folder}/ca.pem san=*\n", w.pump,
              "listed", "Pump-1.plant.example", files,
              {"CERTGATE_USER_ID": "cn"})
