#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate thumbprint, list and explain: what they show is what openssl, the
list and the handler say; nothing that they show steers a terminal."""
import datetime
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, cgi, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
A, B = "aa" * 20, "bb" * 32
KEY = "a-key-for-tests-0123456789ab"
pump = admin.certificate(base, "pump", "-addext", "subjectAltName="
                         "DNS:pump.example,URI:urn:pump,IP:10.0.0.1,"
                         "email:pump@plant.example")
PUMP = {kind: admin.digest(pump, kind) for kind in ("sha1", "sha256", "spki")}
HOSTILE = "a\x1b]0;x\x07\"b\\c\u202e, d"
hostile = admin.certificate(base, "hostile", subject="/CN=" + HOSTILE.replace(
    "\\", "\\\\"))


def is_harmless(text):
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


def fields(text):
    """name and value of the lines "name      value"."""
    return [(line.partition(" ")[0], line.partition(" ")[2].strip())
            for line in text.splitlines()]


def thumbprint():
    der = base / "pump.der"
    der.write_bytes(subprocess.run(
        ["openssl", "x509", "-in", pump, "-outform", "DER"], check=True,
        capture_output=True).stdout)
    for what, got in (("PEM", admin.run("thumbprint", pump)),
                      ("DER", admin.run("thumbprint", der)),
                      ("standard input", admin.run(
                          "thumbprint", "-", stdin=pump.read_bytes()))):
        shown = dict(fields(got.out))
        out.equal({k: shown.get(k) for k in PUMP}, PUMP, f"pins from {what}")
    out.equal([v for n, v in fields(got.out) if n == "name"],
              ["DNS:pump.example", "URI:urn:pump", "IP:10.0.0.1",
               "email:pump@plant.example"], "every alternative name")
    out.equal(shown["subject"], "CN=pump", "the subject")
    out.equal(shown["entry"], f'{PUMP["sha256"]} user="pump"', "a list line")
    bundle = base / "bundle"
    text = subprocess.run(["openssl", "x509", "-in", pump, "-text"],
                          check=True, capture_output=True).stdout
    bundle.write_bytes(text + hostile.read_bytes())
    got = admin.run("thumbprint", "--json", bundle)
    told = json.loads(got.out)
    out.equal([t["sha256"] for t in told],
              [PUMP["sha256"], admin.digest(hostile, "sha256")],
              "every certificate of a bundle, with text between")
    for name, content in (("nothing", b""), ("text", b"hello\n"),
                          ("half", pump.read_bytes()[:300]),
                          ("no DER", b"0\x82\x01\x00hello"),
                          ("much", b"x" * 2000000)):
        (base / "bad").write_bytes(content)
        got = admin.run("thumbprint", base / "bad")
        out.result(got.code in (1, 3) and not got.out and got.err,
                   f"no certificate: {name}", got)
    got = admin.run("thumbprint", base / "nowhere", pump)
    out.result(got.code == 3 and PUMP["sha1"] in got.out,
               "one file that is not there does not hide the next", got)


def hostile_text():
    path = admin.certificate(base, "nul", "-addext",
                             "subjectAltName=DNS:good.exampleXDNS:bank.example")
    der = base / "nul.der"
    der.write_bytes(ssl.PEM_cert_to_DER_cert(path.read_text()).replace(
        b"exampleXDNS", b"example\0DNS"))
    told = json.loads(admin.run("thumbprint", "--json", der).out)[0]
    out.equal(told["names"], ["DNS:good.example\\00DNS:bank.example"],
              "a NUL in a name makes no second one")
    out.equal(told["issuer"], "CN=nul", "the issuer")
    got = admin.run("thumbprint", hostile)
    out.result(got.code == 0 and is_harmless(got.out),
               "a hostile name is escaped", repr(got.out))
    told = json.loads(admin.run("thumbprint", "--json", hostile).out)[0]
    book = base / "hostile.list"
    book.write_text(told["entry"] + "\n")
    got = admin.run("list", "--list", book)
    out.result(got.code == 0 and is_harmless(got.out),
               "the list line of a hostile name reads", repr(str(got)))
    book.write_text(f"{B} user=\x1b[2J\n{A}\n")
    for verb in ("check", "list", "explain"):
        more = [pump] if verb == "explain" else []
        got = admin.run(verb, "--list", book, *more)
        out.result(got.code == 1 and is_harmless(got.out + got.err),
                   f"{verb}: a hostile list is escaped", repr(str(got)))
    event = base / "hostile.json"
    event.write_text(json.dumps({"clientCertificates": [
        {"thumbprint": HOSTILE, "content": HOSTILE}]}))
    got = admin.run("explain", event)
    out.result(got.code == 1 and is_harmless(got.out + got.err),
               "a hostile event is escaped", repr(str(got)))


def entries():
    book = base / "list"
    book.write_text(f"# c\n{A} user=a groups=x # c\n\n"
                    f"deny {B} # \x1b[2J \u202e\n"
                    f"spki:{B} expires=2020-01-01\n"
                    f"file:{pump} not-before=2999-01-01\n")
    got = admin.run("list", "--list", book)
    out.equal([line.split(None, 3)[:3] for line in got.out.splitlines()
               if "not yet" not in line],
              [["2", "allowed", "sha1"], ["4", "denied", "sha256"],
               ["5", "expired", "spki"]], "line, state and kind of an entry")
    told = json.loads(admin.run("list", "--json", "--list", book).out)
    out.equal(told[0], {"line": 2, "state": "allowed", "kind": "sha1",
                        "pin": A, "options": "user=a groups=x", "comment": "c",
                        "user": "a"}, "list --json: an entry")
    out.equal([line.partition("#")[1:] for line in got.out.splitlines()],
              [("#", " c"), ("#", " \\x1b[2J \\xe2\\x80\\xae"), ("", ""),
               ("", "")], "the comments, escaped")
    out.equal([t.get("comment") for t in told],
              ["c", "\x1b[2J \xe2\x80\xae", None, None], "and in JSON")
    out.equal([(t["state"], t["pin"]) for t in told[1:]],
              [("denied", B), ("expired", B), ("not yet", PUMP["sha256"])],
              "list --json: the others")
    for denied, state in ((f"deny {B}", "denied"),
                          (f"deny spki:{B}", "allowed"),
                          (f"deny {B} expires=2020-01-01", "allowed"),
                          (f"deny {B} expires=2099-01-01", "denied")):
        for lines in [B, denied], [denied, B]:
            book.write_text("\n".join(lines) + "\n")
            told = json.loads(admin.run("list", "--json", "--list", book).out)
            out.equal(told[lines.index(B)]["state"], state,
                      f"list: allowed beside {denied[-20:]}, {lines[0][:6]}")
    past = base / "past.pem"
    past.write_text(cases.certificates()["expired"]["pem"])
    got = admin.run("thumbprint", past)
    out.result(" (it has expired)\n" in got.out, "thumbprint: expired", got)
    got = admin.run("list", "--list", base / "nowhere")
    out.equal((got.code, got.out), (3, ""), "no list")


def explained(got):
    shown = fields(got.out)
    return dict((n, v) for n, v in shown if n not in ("yes", "no", "answer")) \
        | {"answer": "\n".join(v for n, v in shown if n == "answer"),
           "checks": [n for n, _ in shown if n in ("yes", "no")]}


def explain_trial():
    """Under report-only, as the log has it: would= and the reason."""
    book = base / "trial"
    today = datetime.datetime.now(datetime.timezone.utc).date()
    until = f"CERTGATE_REPORT_ONLY_UNTIL={today + datetime.timedelta(2)}\n"
    ended = f"{PUMP['sha256']} expires=2020-01-01\n"
    conf = base / "trial.conf"
    for text, more, code, reason, would in (
            ("# none\n", until, 0, "report-only", "not-listed"),
            (ended, until, 0, "report-only", "entry-expired"),
            (ended, "", 1, "entry-expired", None),
            (PUMP["sha256"] + "\n", until, 0, "listed", None),
            (f"deny {PUMP['sha256']}\n", until, 1, "denied", None)):
        book.write_text(text)
        conf.write_text(f"CERTGATE_LIST={book}\n{more}")
        got = admin.run("explain", "--config", conf, pump)
        told = explained(got)
        out.equal((got.code, told["reason"].partition(":")[0],
                   told.get("would", "").partition(": ")[0] or None),
                  (code, reason, would),
                  f"explain: {reason}, would {would}")


def explain():
    book = base / "explained"
    book.write_text(f"# c\n{PUMP['sha256']} user=pump hub=plant # c\n")
    conf = base / "explained.conf"
    conf.write_text(f"CERTGATE_LIST={book}\nCERTGATE_ACCESS_KEYS={KEY}\n"
                    "CERTGATE_HUB=plant,office\nCERTGATE_CODE=a b%&=c\n"
                    "CERTGATE_ORIGINS=a.example b.example\n"
                    "CERTGATE_REMOTE_USER=*\n")
    conf.chmod(0o640)
    rows = [
        (["--hub", "plant"], 0, "listed", "200", ["yes"] * 10),
        (["--hub", "office"], 1, "entry-hub", "403", ["yes"] * 7 + ["no"]),
        (["--hub", "other"], 1, "hub", "404", ["yes", "no"]),
        (["--now", "2020-01-01"], 1, "certificate-not-yet", "403",
         ["yes"] * 8 + ["no"]),
        (["--now", "2999-01-01T00:00:00Z", "--mqtt", "5"], 1,
         "certificate-expired", "401", ["yes"] * 8 + ["no"]),
    ]
    for arguments, code, reason, status, checks in rows:
        got = admin.run("explain", "--config", conf, *arguments, pump)
        told = explained(got)
        out.result(got.code == code and told["checks"] == checks and
                   told["reason"].startswith(reason + ": ") and
                   told["answer"].startswith(f"Status: {status} "),
                   f"explain {' '.join(arguments)}: {reason}", got)
        if code == 0 or reason == "entry-hub":
            out.equal(told["entry"],
                      f"{book}:2: {PUMP['sha256']} user=pump hub=plant  # c",
                      "and the line that decided")
    got = admin.run("explain", "--config", conf, pump)
    out.result('{"userId":"pump"}' in got.out, "the answer is shown", got)
    shown = admin.run("thumbprint", pump).out.rpartition("entry ")[0]
    out.result(got.out.startswith(shown + "sender "),
               "the certificate as thumbprint shows it", got)
    told = json.loads(admin.run("explain", "--json", "--config", conf,
                                pump).out)
    out.equal({k: told["certificate"][k] for k in PUMP}, PUMP,
              "explain --json: the certificate")
    out.equal((told["verdict"], told["reason"], told["entry"]),
              ("allow", "listed",
               {"file": str(book), "line": 2, "comment": "# c",
                "text": f"{PUMP['sha256']} user=pump hub=plant"}),
              "explain --json: the decision and the entry")
    out.equal((told["answer"][0], told["answer"][-1]),
              ("Status: 200 OK", '{"userId":"pump"}'),
              "explain --json: the answer")
    text = [line[10:] for line in got.out.splitlines()
            if line.startswith("yes ")]
    out.equal([c["check"] for c in told["checks"] if c["passed"]], text,
              "explain --json: the checks")
    told = json.loads(admin.run("explain", "--json", "--config", conf, "--now",
                                "2999-01-01", pump).out)
    out.equal((told["verdict"], told["reason"], told["checks"][-1]["passed"],
               len(told["notes"])), ("deny", "certificate-expired", False, 1),
              "explain --json: a refusal")
    out.result(KEY not in got.out and "b%&" not in got.out, "no secret", got)
    got = admin.run("explain", "--config", conf, "-",
                    stdin=b'{"clientCertificates":[]}')
    out.equal(explained(got)["reason"].partition(":")[0], "no-certificate",
              "an event without a certificate")
    got = admin.run("explain", "--config", conf, "-", stdin=b'{"a":1,"a":2}')
    out.equal(explained(got)["reason"].partition(":")[0], "duplicate-member",
              "an event that is invalid")
    book.write_text(f"{PUMP['sha256']} query.a=7\n")
    for query, code in (("a=7&b=", 0), ("a=8", 1), ("b=7", 1)):
        got = admin.run("explain", "--config", conf, "--query", query, pump)
        out.equal(got.code, code, f"explain --query {query}")
    got = admin.run("explain", "--config", conf, "--query", "a=7", "-",
                    stdin=b'{"query":{}}')
    out.result(got.code == 2 and got.out == "" and "--query" in got.err,
               "an event has its own query", got)
    got = admin.run("explain", pump)
    out.equal((got.code, explained(got)["reason"].partition(":")[0]),
              (1, "settings"), "no settings at all")
    got = admin.run("explain", "--config", base / "nowhere", pump)
    out.equal((got.code, explained(got)["reason"].partition(":")[0]),
              (1, "settings"), "settings that are invalid")
    for arguments, code in ((["--now", "now", pump], 2),
                            (["--mqtt", "3", pump], 2),
                            (["--query", "a", pump], 2), ([pump, pump], 2),
                            ([base / "nowhere"], 3)):
        got = admin.run("explain", *arguments)
        out.equal((got.code, got.out), (code, ""),
                  f"explain {arguments[0]}: {code}")
    for word in ("4262c4ac", "pump", PUMP["sha256"]):
        got = admin.run("explain", word)
        out.result(got.code == 3 and "; expected a file with a certificate or "
                   "a connect event\n" in got.err and
                   ("certgate why " in got.err) ==
                   (word != "pump"), f"explain {word[:8]}", got)


def explain_refusals():
    """A refusal has the client, and the error of the log."""
    book, conf = base / "refused", base / "refused.conf"
    for what, text, settings, reason, log in (
            ("a list that is invalid", "zz\n", "", "list-unreadable",
             f"{book}:1:1: invalid thumbprint of 2 characters"),
            ("no list", None, "", "list-unreadable",
             f"{book}: No such file or directory"),
            ("settings that are invalid", "", "x\n", "settings",
             f"{conf}:2:1: expected NAME=value"),
            ("another hub", "#\n", "CERTGATE_HUB=other\n", "hub", None),
            ("denied", f"deny {PUMP['sha1']} # stolen\n", "", "denied", None)):
        book.unlink(missing_ok=True)
        if text is not None:
            book.write_text(text)
        conf.write_text(f"CERTGATE_LIST={book}\n{settings}")
        got = admin.run("explain", "--config", conf, "--hub", "plant", pump)
        told = explained(got)
        out.equal((got.code, told["reason"].partition(":")[0],
                   {k: told.get(k) for k in PUMP}), (1, reason, PUMP),
                  f"explain: {what}: the client")
        out.result(told.get("log", "").startswith(log) if log else "log" not in told,
                   f"explain: {what}: the log", got)
        out.result(not log or log not in got.err, "and that once", got)
        last_good = {"settings": "last good settings and list, unless a file",
                     "list-unreadable": "last good list, unless a file"}
        out.equal([n for n in last_good.values() if n in got.out],
                  [last_good[reason]] if reason in last_good else [],
                  f"explain: {what}: what a handler that runs goes on with")
    out.result(told["entry"].endswith("  # stolen"), "why it is denied", got)
    out.result("no        no deny entry matches: "
               "A deny entry matches the certificate." in got.out, "denied in plain words", got)
    for options, noted in ((), True), (("--connection-id", "a"), False):
        got = admin.run("explain", "--config", conf, *options, pump)
        out.equal("it is in no log" in got.out, noted,
                  f"explain {options}: whose support code it is")
    book.write_text(PUMP["sha256"] + "\n")
    got = admin.run("explain", "--config", conf, pump)
    out.equal((got.code, "note" in explained(got)), (0, False),
              "no support code, and nothing of one")
    out.equal([line[10:] for line in got.out.splitlines()
               if line.startswith(("yes ", "sender "))],
              ["not checked: code, origin, login, signature",
               "the settings are valid, and the request has the required "
               "headers", "the hub is one of CERTGATE_HUB",
               "the body is valid", "the list is valid",
               "the client presented a certificate",
               "the certificate is valid and agrees with its label",
               "an allow entry matches", "the certificate's dates hold",
               "the user id and the grants are valid"],
              "a plain pin: the checks that applied")


def same_as_the_handler():
    """explain and a handler's plain CGI answer the same bytes."""
    rows = []
    for case in cases.all_cases():
        if not case.name.startswith("own/") or case.method != "POST" or \
                getattr(case, "only_inprocess", False):
            continue
        kind = str(case.headers.get("ce-type"))  # two of them: a list
        if not kind.endswith("sys.connect") or len(case.body) > 100000:
            continue
        rows.append((case, base / f"same-{len(rows)}.list"))
    # All at first: a start waits for a list that is younger than a second.
    for case, book in rows:
        text = case.list
        if text is not None:
            book.write_bytes(text.encode() if isinstance(text, str) else text)
    for case, book in rows:
        compare(case, book)


def compare(case, book):
    settings = {n: v for n, v in case.settings.items()}
    if case.list is not None:
        settings.setdefault("CERTGATE_LIST", str(book))
    event = base / "same.json"
    event.write_bytes(case.body)
    environment = processes.bare_environment(settings)
    done = subprocess.run(
        [place.HANDLER], input=case.body, capture_output=True, check=False,
        env={n.encode(): v.encode() for n, v in environment.items()} |
        cgi.parameters(case))
    reason = re.search(r"reason=(\S+)", done.stderr.decode("latin-1"))
    # What is wrong with the sender's headers, explain makes right.
    client = {"no-certificate", "too-many-certificates", "certificate",
              "label-mismatch", "content-missing", "content-needed", "denied",
              "not-listed", "listed", "anonymous", "duplicate-member",
              "no-user-id"}
    if not reason or reason[1] not in client or \
            "ce-physicalConnectionId" in case.headers:
        return
    got = admin.run("explain", "--connection-id",
                    case.headers["ce-connectionId"], "--hub",
                    case.headers["ce-hub"],
                    *(["--user", case.headers["ce-userId"]]
                      if "ce-userId" in case.headers else []), event,
                    environment=settings)
    if "not a connect event" in got.err:
        out.result(got.code == 3 and reason[1] == "no-certificate" and not any(
            name in json.loads(case.body) for name in
            ("clientCertificates", "claims", "headers", "query", "mqtt")),
            f"not a connect event: {case.name}", got)
        return
    told = explained(got)
    body = done.stdout.decode().replace("\r", "").partition("\n\n")[2]
    out.result(told["reason"].startswith(reason[1] + ":") and
               told["answer"].partition("\n\n")[2] == body.strip(),
               f"explain says what the handler does: {case.name}",
               f"{reason[1]}\n{body}\n{got}")


def authority():
    """A certificate of a CA: through the same verbs."""
    ca = admin.certificate(base, "plant-ca")
    device = admin.issued(base, "pump-9", ca)
    book = base / "ca.list"
    got = admin.run("allow", "--list", book, f"ca:{ca}", "cn=pump-*",
                    "groups=plant")
    out.result(got.code == 0 and book.read_text() ==
               f"ca:{ca} cn=pump-* groups=plant\n", "allow a CA", got)
    got = admin.run("allow", "--list", book, f"ca:{ca}", "cn=valve-*")
    out.result(got.code == 0 and got.out.startswith("allowed: line 2 "),
               "and another name of it", got)
    got = admin.run("allow", "--list", book, f"ca:{ca}")
    out.result(got.code == 1 and "stays as it is" in got.err,
               "never without a name", got)
    got = admin.run("list", "--list", book, "--json")
    out.equal([(t["kind"], t["pin"], t["options"]) for t in
               json.loads(got.out)],
              [("ca", f"ca:{ca}", "cn=pump-* groups=plant"),
               ("ca", f"ca:{ca}", "cn=valve-*")], "list a CA")
    got = admin.run("explain", "--list", book, device)
    told = explained(got)
    out.result(got.code == 0 and '"userId":"pump-9"' in told["answer"] and
               told["entry"].startswith(f"{book}:1: "), "explain its device",
               got)
    got = admin.run("remove", "--list", book, f"ca:{ca}")
    out.equal((got.code, book.read_text()),
              (0, "# no entries: every client is rejected\n"), "remove a CA")


thumbprint()
hostile_text()
entries()
explain()
explain_trial()
explain_refusals()
authority()
same_as_the_handler()
out.done()
