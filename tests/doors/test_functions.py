#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""docs/functions.md: its rewrite rules on each web server, the lines that the
installed settings lack, and the sample's job by one variable alone."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, cgi, door, place, processes, tap  # noqa: E402

PAGE = (place.SOURCE / "docs/functions.md").read_text(encoding="utf-8")
KNOWN = cases.certificates()
PIN = KNOWN["device"]["sha1"]
EVENT = next(c for c in cases.all_cases() if c.name == "own/reason/listed")
LINES = re.search(r"```\n(CERTGATE_ORIGINS=.*\nCERTGATE_ACCESS_KEYS=.*\n)```",
                  PAGE)[1].splitlines()
out = tap.Tap()


def rule(name):
    return re.search(rf"^{name}, [^\n]*:\n\n```\n(.*?)```", PAGE,
                     re.DOTALL | re.MULTILINE)[1]


def case_of(path, **more):
    row = {"expect": {}} | more
    case = cases.Case("event", {}, None, cases.own_request(row, KNOWN), {})
    case.path = path
    return case


def check_url(name, server, configuration):
    """The sample's URL and certgate's own reach the handler."""
    for path in ("/api/echo", "/api/echo/chat", "/api/echo?code=secret",
                 "/eventhandler?code=secret"):
        before = configuration.log_size()
        got = door.send(server.port, case_of(path))
        out.result((got.status == 200) == ("secret" in path) and
                   processes.decisions(configuration.log_since(before)),
                   f"{name}: {path}", got)
    for path in ("/api/echoes", "/api", "/x/api/echo"):
        before = configuration.log_size()
        got = door.send(server.port, case_of(path, method="OPTIONS"))
        out.result(got.status in (403, 404, 405) and not processes.decisions(
            configuration.log_since(before)), f"{name}: not {path}", got)


def rewrites():
    base = place.temporary()
    settings = {"CERTGATE_ORIGINS": cases.ORIGIN, "CERTGATE_CODE": "secret",
                "CERTGATE_ACCESS_KEYS": cases.KEY,
                "CLIENT_CERT_THUMBPRINT": PIN}
    configuration = processes.Configuration(base, settings, None)
    handler = processes.Handler(configuration)
    for how in ("proxy", "fcgid", "cgid"):
        server = processes.Apache(
            base / f"apache.{how}", configuration, how,
            "LoadModule rewrite_module "
            "/usr/lib/apache2/modules/mod_rewrite.so\n" + rule("Apache"))
        check_url(f"apache {how}", server, configuration)
        server.close()
    for how in ("socket", "spawn", "cgi"):
        server = processes.Lighttpd(
            base / f"lighttpd.{how}", configuration, how,
            'server.modules += ( "mod_rewrite" )\n' + rule("lighttpd"))
        check_url(f"lighttpd {how}", server, configuration)
        server.close()
    server = processes.Nginx(base / "nginx", configuration,
                             more=rule("nginx"))
    check_url("nginx", server, configuration)
    server.close()
    handler.close()


def ask(environment, case=EVENT):
    done = subprocess.run([place.HANDLER], input=case.body, check=False,
                          capture_output=True, timeout=60,
                          env={n.encode(): v.encode()
                               for n, v in environment.items()} |
                          cgi.parameters(case))
    return cgi.answer_of(done.stdout), done.stderr.decode("latin-1")


def as_installed():
    """The package's settings with the one variable refuse, and say why."""
    folder = place.temporary()
    (folder / "list").write_text("# no entries\n")
    text = (place.SOURCE / "src/policy/certgate.conf").read_text().replace(
        "/etc/certgate", str(folder))
    text, count = re.subn("^#CLIENT_CERT_THUMBPRINT=.*",
                          f"CLIENT_CERT_THUMBPRINT={PIN}", text,
                          flags=re.MULTILINE)
    out.equal(count, 1, "the installed settings have the variable")
    settings = folder / "certgate.conf"
    settings.write_text(text)
    environment = processes.bare_environment({"CERTGATE_CONFIG": str(settings)})
    for case in (EVENT, case_of("/eventhandler", method="OPTIONS")):
        got, log = ask(environment, case)
        out.result(got.status == 401 and all(
            f"(fix: set {line})" in log for line in LINES),
            f"as installed, {case.method}: refused; the log has both lines",
            f"{got}\n{log}")
    for verb in ("check", "status"):
        got = admin.run(verb, "--config", settings)
        out.result(got.code == 1 and
                   [x.strip() for x in got.out.splitlines()
                    if re.match(" *CERTGATE_[A-Z_]*=", x)] == LINES,
                   f"certgate {verb}: both lines, ready to paste", got)
    filled = "\n".join(LINES).replace(
        "NAME.webpubsub.azure.com", cases.ORIGIN).replace(
        "PRIMARY,SECONDARY", cases.KEY)
    settings.write_text(text.replace("CERTGATE_ORIGINS=unset.invalid", filled))
    settings.chmod(0o600)
    got, log = ask(environment)
    out.result(got.status == 200 and "warning" not in log,
               "with both lines: accepted, without a warning", f"{got}\n{log}")


def sample():
    """Plain CGI, and the variable alone; rows of the page's table."""
    alone = {"CERTGATE_CONFIG": "/dev/null", "CLIENT_CERT_THUMBPRINT": PIN}
    listed = {"certificates": ["@device"]}
    rows = [
        ("the certificate of the variable", alone, listed, 200),
        ("another certificate", alone, {"certificates": ["@other"]}, 403),
        ("without a certificate", alone, {"certificates": []}, 403),
        ("an expired certificate", alone | {
            "CLIENT_CERT_THUMBPRINT": KNOWN["expired"]["sha1"]},
         {"certificates": ["@expired"]}, 403),
        ("in upper case", alone | {
            "CLIENT_CERT_THUMBPRINT": PIN.upper()}, listed, 200),
        ("not signed", alone, listed | {"headers": {"ce-signature": None}},
         200),
        ("not signed, and a key", alone | {
            "CERTGATE_ACCESS_KEYS": cases.KEY},
         listed | {"headers": {"ce-signature": None}}, 401),
        ("another event", alone,
         {"type": "azure.webpubsub.sys.connected"}, 204),
        ("without the variable", {"CERTGATE_CONFIG": "/dev/null"}, listed,
         403),
    ]
    for name, environment, row, status in rows:
        got, log = ask(environment, case_of("/eventhandler", **row))
        out.equal(got.status, status, f"the sample's job: {name}")
        if environment is alone:
            said = re.findall("level=warning (.*)", log)
            out.result(len(said) == 1 and "of any host" in said[0] and
                       "signature" in said[0],
                       f"the sample's job: {name}: one warning", log)
    got, _ = ask(alone)
    out.equal(got.body, b'{"userId":"device-001"}', "the user id is sent")


rewrites()
as_installed()
sample()
out.done()
