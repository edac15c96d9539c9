#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Messages of `certgate check`, `certgate explain` and the log about CA and CRL
files."""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, pki, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
CA = "basicConstraints=critical,CA:true"
SIGN = "keyUsage=critical,keyCertSign,cRLSign"
root = pki.Authority(base / "root", "/O=T/CN=Root")
between = pki.Authority(base / "between", "/O=T/CN=Between", root, [CA, SIGN])
lost = pki.Authority(base / "lost", "/O=T/CN=Lost", root, [CA, SIGN])
lost_child = pki.Authority(base / "child", "/O=T/CN=Child", lost, [CA, SIGN])
other = pki.Authority(base / "other", "/O=T/CN=Root")
client = between.issue("client", "/CN=client")


def write(name, *texts):
    path = base / name
    path.write_text("".join(texts))
    path.chmod(0o644)
    return path


def crl_with(authority, *extensions):
    """A CRL with these extensions."""
    section = f"[ with ]\n{chr(10).join(extensions)}\n"
    with authority.configuration.open("a") as file:
        file.write(section)
    text = pki.openssl(
        "ca", "-config", authority.configuration, "-keyfile", authority.key,
        "-cert", authority.path, "-gencrl", "-crlexts", "with", "-crldays",
        "30").decode()
    kept = authority.configuration.read_text()
    authority.configuration.write_text(kept.removesuffix(section))
    return text


def check(ca, crl=None):
    entry = f"ca:{ca} cn=*" + (f" crl={crl}" if crl else "") + "\n"
    return admin.run("check", "--list", write("list", entry))


def counts():
    ca = write("ca.pem", root.pem, between.pem, lost.pem, between.pem)
    crl = write("ca.crl", root.crl(), between.crl(), lost.crl())
    got = check(ca, crl)
    out.result(got.code == 0 and
               f"{ca}: 1 anchor, 2 intermediates, 3 CRLs\n" in got.out,
               "anchors, intermediates and CRLs are counted", got)
    got = admin.run("check", "--json", "--list", base / "list")
    out.equal(json.loads(got.out)["cas"], [{"ca": str(ca), "anchors": 1,
                                   "intermediates": 2, "crls": 3}],
              "the same as JSON")
    got = check(write("ca.pem", root.pem, other.pem, between.pem))
    out.result(f"{ca}: 2 anchors, 1 intermediate, 0 CRLs\n" in got.out,
               "two CAs of one name are two anchors", got)
    got = check(write("ca.pem", between.pem))
    out.result(f"{ca}: 1 anchor, 0 intermediates, 0 CRLs\n" in got.out,
               "an intermediate alone is an anchor", got)


def unreached():
    # Each of the two names the other one's name as its issuer.
    loop = pki.Authority(base / "loop", "/O=T/CN=Loop", root, [CA, SIGN])
    back = loop.issue("back", "/O=T/CN=Root", [CA, SIGN], key=root.key)
    ca = write("loop.pem", loop.pem, back.pem)
    got = check(ca)
    out.result(got.code == 0 and all(
        f"warning: {base}/list:1:1: {ca}: block {n}: '{name}' chains to no "
        "anchor in this file\n" in got.out for n, name in
        ((1, "O=T,CN=Loop"), (2, "O=T,CN=Root"))),
        "an intermediate that reaches no anchor is named", got)


def crls():
    ca = write("ca.pem", root.pem, between.pem)
    for name, text, said in (
            ("missing", between.crl(), "error: {list}:1:1: {crl}: no CRL of "
             "'O=T,CN=Root': rejecting every certificate that it issued\n"),
            ("of another key", between.crl() + other.crl(), "error: {list}:1:1"
             ": {crl}: block 2: CRL of 'O=T,CN=Root': not signed by that CA\n"),
            ("of another CA", between.crl() + root.crl() + lost.crl(),
             "warning: {list}:1:1: {crl}: block 3: CRL of 'O=T,CN=Lost': not "
             "a CA of this entry\n"),
            ("delta", root.crl() + crl_with(
                between, "2.5.29.27=critical,ASN1:INTEGER:1"),
             "{crl}: block 2: delta CRL: give the complete CRL\n"),
            ("indirect", crl_with(
                between, "issuingDistributionPoint=critical,@idp", "[idp]",
                "indirectCRL=TRUE"), "{crl}: block 1: indirect CRL: give the "
             "CRL that the issuer itself signed\n"),
            ("partial", crl_with(
                between, "issuingDistributionPoint=critical,@idp", "[idp]",
                "onlysomereasons=keyCompromise"), "{crl}: block 1: CRL for "
             "some reasons only: give the complete CRL\n"),
            ("unknown extension", crl_with(
                between, "1.2.3.4=critical,ASN1:NULL"),
             "{crl}: block 1: unknown critical extension 1.2.3.4\n"),
            ("no date", pki.without_next_update(root.crl()),
             "{crl}: block 1: missing nextUpdate\n")):
        crl = write("ca.crl", text)
        got = check(ca, crl)
        wanted = said.format(list=base / "list", crl=crl)
        out.result(got.code == (0 if said.startswith("warning") else 1) and
                   wanted in got.out, f"CRL, {name}", got)
        out.result(said.format(list="", crl=crl).rpartition(": ")[2] in
                   logged(), f"CRL, {name}: in the log of a start")


def logged():
    """What plain CGI logs on this list."""
    return subprocess.run(
        [place.HANDLER], capture_output=True, check=True, text=True,
        env=processes.bare_environment({
            "CERTGATE_LIST": str(base / "list"), "REQUEST_METHOD": "GET",
            "GATEWAY_INTERFACE": "CGI/1.1"})).stderr


def more_crls():
    """CAs and CRLs that refuse every client are errors, however many warnings
    there are beside them."""
    ca = write("ca.pem", root.pem)
    silent = pki.Authority(base / "silent", "/O=T/CN=Silent", extensions=[
        CA, "keyUsage=critical,keyCertSign"])
    server = pki.Authority(base / "server", "/O=T/CN=Server", extensions=[
        CA, SIGN, "extendedKeyUsage=serverAuth"])
    late = pki.Authority(base / "late", "/O=T/CN=Late",
                         begin=pki.now() + 2 * pki.DAY)
    for name, got, code, said in (
            ("among many warnings", check_lines(
                ca, write("ca.crl", between.crl() * 9), 3), 1,
             "no CRL of 'O=T,CN=Root': rejecting every"),
            ("of a CA that may not sign CRLs", check(
                write("silent.pem", silent.pem),
                write("silent.crl", silent.crl())), 1,
             "CRL of 'O=T,CN=Silent': key usage of that CA without cRLSign\n"),
            ("of a later day", check(ca, write("ca.crl", root.crl(
                begin=pki.now() + 2 * pki.DAY))), 1,
             "a CRL is not valid before "),
            ("that has expired", check(ca, write("ca.crl", root.crl(
                end=pki.now() - pki.DAY / 24))), 1,
             "no current CRL of 'O=T,CN=Root': rejecting every certificate "
             "that it issued (fix: replace the file of crl=)\n"),
            ("that has expired, beside a current one", check(ca, write(
                "ca.crl", root.crl(end=pki.now() - pki.DAY / 24) +
                root.crl())), 0, "CRL of 'O=T,CN=Root' expired on "),
            ("a CA of a later day", check(write("late.pem", late.pem)), 0,
             "a CA is not valid before "),
            ("a CA for servers", check(write("server.pem", server.pem)), 1,
             "'O=T,CN=Server' is not for client authentication: rejecting "
             "every certificate that it issued\n")):
        out.result(got.code == code and said in got.out, f"CRL: {name}", got)


def check_lines(ca, crl, count):
    """One line more than once, each with a warning of its own."""
    return admin.run("check", "--list", write(
        "list", f"ca:{ca} cn=* crl={crl}\n" * count))


def many():
    """However many renewals a file has, a chain that is valid is found, and the
    search ends."""
    own = pki.Authority(base / "renewed", "/O=T/CN=Renewed")
    over = {"end": pki.now() - pki.DAY}
    old = [own.issue(f"old-{n}", "/O=T/CN=Renewed", [CA, SIGN], key=own.key,
                     own=True, **over) for n in range(12)]
    below = pki.Authority(base / "below", "/O=T/CN=Below", own, [CA, SIGN])
    past = [own.issue(f"past-{n}", "/O=T/CN=Below", [CA, SIGN], key=below.key,
                      **over) for n in range(12)]
    leaf = below.issue("leaf", "/CN=leaf")
    got = explain(write("renewed.pem", own.pem, below.pem,
                        *(x.pem for x in old + past)), leaf)
    out.result("reason    listed: " in got.out, "expired renewals", got)
    twins = [(own.issue(f"a-{n}", "/O=T/CN=Below", [CA, SIGN],
                        key=below.key),
              below.issue(f"b-{n}", "/O=T/CN=Renewed", [CA, SIGN],
                          key=own.key)) for n in range(20)]
    got = explain(write("twins.pem", *(x.pem for pair in twins
                                       for x in pair)), leaf)
    out.result("reason    chain: " in got.out, "CAs that sign each other", got)


def scopes():
    """What OpenSSL matches stays accepted."""
    ca = write("ca.pem", root.pem, between.pem)
    for name, crl, reason in (
            ("users only", crl_with(
                between, "issuingDistributionPoint=critical,@idp", "[idp]",
                "onlyuser=TRUE") + root.crl(), "listed"),
            ("CAs only", crl_with(
                between, "issuingDistributionPoint=critical,@idp", "[idp]",
                "onlyCA=TRUE") + root.crl(), "crl"),
            ("CAs only, for a CA", between.crl() + crl_with(
                root, "issuingDistributionPoint=critical,@idp", "[idp]",
                "onlyCA=TRUE"), "listed"),
            ("a point that the certificate does not name", crl_with(
                between, "issuingDistributionPoint=critical,@idp", "[idp]",
                "fullname=URI:http://a.example/x.crl") + root.crl(), "crl")):
        got = explain(ca, client, write("ca.crl", crl))
        out.result(f"reason    {reason}: " in got.out, f"scope: {name}", got)


def explain(ca, certificate, crl=None):
    entry = f"ca:{ca} cn=*" + (f" crl={crl}" if crl else "") + "\n"
    return admin.run("explain", "--list", write("list", entry),
                     certificate.path)


def verification():
    ca = write("ca.pem", root.pem, between.pem)
    expired = pki.Authority(base / "expired", "/O=T/CN=Expired", root,
                            [CA, SIGN], end=pki.now() - pki.DAY)
    late = expired.issue("late", "/CN=late")
    forged = pki.Authority(base / "forger", "/O=T/CN=Between").issue(
        "forged", "/CN=forged")
    between.revoke(between.issue("gone", "/CN=gone"))
    gone = pki.Certificate(between.folder / "gone.pem", None)
    crl = root.crl() + between.crl()
    for name, got, said in (
            ("good", explain(ca, client), None),
            ("expired CA", explain(write("late.pem", root.pem, expired.pem),
                                   late), "10 at depth 1: certificate has "
             "expired: O=T,CN=Expired"),
            ("forged", explain(ca, forged),
             "30 at depth 0: authority and subject key identifier mismatch"),
            ("no CRL", explain(ca, client, write("ca.crl", between.crl())),
             "3 at depth 1: unable to get certificate CRL: issuer "
             "O=T,CN=Root"),
            ("revoked", explain(ca, gone, write("ca.crl", crl)),
             "23 at depth 0: certificate revoked")):
        lines = [line[10:] for line in got.out.splitlines()
                 if line.startswith("verify ")]
        out.equal(lines, [said] if said else [], f"explain: {name}")


counts()
unreached()
crls()
more_crls()
many()
scopes()
verification()
out.done()
