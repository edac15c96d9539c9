#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate doctor: a set-up without a fault is said to be that, through each web
server; each planted fault is found and named.  Every set-up is a real server
with the real handler behind it; what is planted is one change of its
configuration, its certificate, or the handler's settings."""
import hashlib
import json
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import logs, place, processes, tap  # noqa: E402

KEY = "one0123456789abcdefg"
ORIGIN = "doctor.webpubsub.azure.com"
SETTINGS = {"CERTGATE_ACCESS_KEYS": KEY, "CERTGATE_HUB": "pumps",
            "CERTGATE_ORIGINS": ORIGIN}
out = tap.Tap()
base = place.temporary()


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True,
                          capture_output=True, text=True).stdout


def make_ca(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            base / f"{name}.key", "-out", base / f"{name}.pem", "-days", "30",
            "-subj", f"/CN={name}")


def make_certificate(name, host="localhost", days="30", ca="ca", subject=None):
    key, request = base / f"{name}.key", base / f"{name}.csr"
    extensions = base / f"{name}.ext"
    extensions.write_text(f"subjectAltName=DNS:{host}\n" if host else "")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", key, "-out", request, "-subj",
            subject or f"/CN={name}")
    openssl("x509", "-req", "-in", request, "-CA", base / f"{ca}.pem",
            "-CAkey", base / f"{ca}.key", "-days", days, "-extfile",
            extensions, "-out", base / f"{name}.pem")
    # lighttpd and nginx as they start, and as another user.
    key.chmod(0o644)


def run_doctor(configuration, url, *options):
    return subprocess.run(
        [place.BUILD / "certgate", "doctor", url, "--ca", base / "ca.pem",
         *options], env=configuration.environment(), capture_output=True,
        text=True, timeout=120, check=False)


def certgate(configuration, *arguments):
    return subprocess.run(
        [place.BUILD / "certgate", *map(str, arguments)],
        env=configuration.environment(), capture_output=True, text=True,
        timeout=120, check=False)


class TlsNginx(processes.Server):
    """nginx with TLS; plant replaces text of its configuration."""

    def __init__(self, folder, configuration, certificate="good", plant=()):
        super().__init__(folder, configuration.log)
        www = processes.snippet("nginx.conf", {
            "/run/certgate/certgate.sock": configuration.folder / "socket"})
        text = f"""
{"user root;" if processes.os.geteuid() == 0 else ""}
daemon off;
pid {self.folder}/pid;
error_log {configuration.log} warn;
worker_processes 1;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {self.folder}/body;
  fastcgi_temp_path {self.folder}/fastcgi;
  proxy_temp_path {self.folder}/proxy;
  uwsgi_temp_path {self.folder}/uwsgi;
  scgi_temp_path {self.folder}/scgi;
  server {{
    listen 127.0.0.1:{self.port} ssl;
    ssl_certificate {base}/{certificate}.pem;
    ssl_certificate_key {base}/{certificate}.key;
{www}
  }}
}}
"""
        for old, new in plant:
            if old not in text:
                tap.bail_out(f"nginx's configuration does not have {old}")
            text = text.replace(old, new, 1)
        self.begin([processes.find("nginx"), "-p", self.folder, "-c",
                    self.write("nginx.conf", text)], {"PATH": "/usr/bin:/bin"})


LOCATION = re.search(r"location [^{]*\{", (
    place.SOURCE / "www/nginx.conf").read_text())[0]


def inside(line):
    """A line more in the location."""
    return [(LOCATION, LOCATION + "\n" + line)]


def gate(name, settings=None):
    configuration = processes.Configuration(
        base / name, {**SETTINGS, **(settings or {})},
        f"sha256:{PIN} user=pump-7\n")
    return configuration


def judge(name, done, words, faults=None):
    """words: all of them are in one fault."""
    found = re.findall(r"^FAULT .*(?:\n      .*){0,3}", done.stdout,
                       re.MULTILINE)
    good = any(all(w in fault for w in words) for fault in found)
    out.result(good and done.returncode == 1 and
               (faults is None or len(found) == faults),
               f"{name}: {' '.join(words)[:50]}",
               done.stdout + done.stderr)


# name: what nginx is given, the server's certificate, the handler's settings,
# the words that the fault must be named with.
PLANTED = {
    "an expired certificate":
        ([], "expired", {}, ["expired", "fix: renew"]),
    "an unknown certificate":
        ([], "stranger", {}, ["public CA"]),
    "a certificate for another host":
        ([], "other", {}, ["name in the URL"]),
    "a certificate with a name for the terminal":
        ([], "hostile", {}, ["name in the URL", "'?[31m'"]),
    "a certificate that ends soon":
        ([], "soon", {}, ["expires in ", "renew it"]),
    "a redirect":
        (inside("return 301 https://elsewhere.example/;"), "good", {},
         ["AbuseProtectionResponseInvalidStatusCode: 301: a redirect",
          "elsewhere"]),
    "OPTIONS answered for CORS":
        (inside("if ($request_method = OPTIONS) { return 204; }"), "good", {},
         ["AbuseProtectionResponseMissingAllowedOrigin", "CORS"]),
    "OPTIONS forbidden":
        (inside("limit_except POST { deny all; }"), "good", {},
         ["AbuseProtectionResponseInvalidStatusCode", "403",
          "let OPTIONS and POST"]),
    "POST forbidden":
        (inside("limit_except OPTIONS { deny all; }"), "good", {},
         ["HttpHandlerUnexpectedResponse", "403",
          "let OPTIONS and POST"]),
    "a login":
        (inside("auth_basic x; auth_basic_user_file /dev/null;"), "good", {},
         ["AbuseProtectionResponseInvalidStatusCode", "asks for a login",
          "let OPTIONS"]),
    "a login for POST":
        (inside("limit_except OPTIONS { auth_basic x; "
                "auth_basic_user_file /dev/null; }"), "good", {},
         ["HttpHandlerUnexpectedResponse", "asks for a login",
          "exempt POST"]),
    "another path":
        ([(LOCATION, "location /elsewhere {")], "good", {},
         ["AbuseProtectionResponseInvalidStatusCode", "path is not"]),
    "no origin passed on":
        (inside("fastcgi_param HTTP_WEBHOOK_REQUEST_ORIGIN '';"), "good", {},
         ["WebHook-Request-Origin", "pass"]),
    "no signature passed on":
        (inside("fastcgi_param HTTP_CE_SIGNATURE '';"), "good", {},
         ["ce-signature", "access keys"]),
    "no connection id passed on":
        (inside("fastcgi_param HTTP_CE_CONNECTIONID '';"), "good", {},
         ["HttpHandlerUnexpectedResponse", "400", "ce- headers"]),
    "a small body only":
        ([("client_max_body_size", "client_max_body_size 64k; #")], "good",
         {}, ["413", "client_max_body_size"]),
    "error pages":
        ([(LOCATION, "location = /no { return 403 no; }\n" + LOCATION +
           "\nfastcgi_intercept_errors on; error_page 403 /no;")], "good",
         {}, ["body of the refusal is replaced", "fastcgi_intercept_errors"]),
    "a page for everything":
        (inside("add_header WebHook-Allowed-Origin *; return 200;"), "good",
         {}, ["accepted, but no entry matches"]),
    "POST answered by a page":
        (inside("if ($request_method = POST) { return 200 hello; }"), "good",
         {}, ["certificate of --admitted", "another program",
          "pass POST"]),
    "another origin allowed":
        ([], "good", {"CERTGATE_ORIGINS": "other.example"},
         ["CERTGATE_ORIGINS", "rejects the origin"]),
    "other keys":
        ([], "good", {"CERTGATE_ACCESS_KEYS": "two0123456789abcdefg"},
         ["signature", "access keys"]),
    "another hub":
        ([], "good", {"CERTGATE_HUB": "other"},
         ["404", "CERTGATE_HUB"]),
    "unsigned events read":
        ([], "good", {"CERTGATE_SIGNATURE": "off"},
         ["wrong signature", "CERTGATE_SIGNATURE=required"]),
    "a TLS client certificate asked for":
        ([("    ssl_certificate ", "    ssl_verify_client on; "
           f"ssl_client_certificate {base}/ca.pem;\n    ssl_certificate ")],
         "good", {}, ["AbuseProtectionResponseInvalidStatusCode", "400",
                      "TLS client certificate"]),
    "settings that are invalid":
        ([], "good", {"CERTGATE_CHECK_DATES": "perhaps"},
         ["AbuseProtectionResponseInvalidStatusCode", "no valid settings",
          "certgate check"]),
}
# The same of other servers: lines more in their configuration.
OTHERS = {
    "Apache, error pages":
        (processes.Apache, 'ProxyErrorOverride On\nErrorDocument 403 "no"',
         ["body of the refusal is replaced", "ErrorDocument"]),
    "Apache, OPTIONS forbidden":
        (processes.Apache, "<If \"%{REQUEST_METHOD} == 'OPTIONS'\">\n"
         "Require all denied\n</If>", ["403", "let OPTIONS and POST"]),
    "lighttpd, error pages":
        (processes.Lighttpd, 'server.error-intercept = "enable"\n'
         f'server.errorfile-prefix = "{base}/status-"',
         ["body of the refusal is replaced", "server.error-intercept"]),
}


def planted():
    own = gate("own")
    # All at first: settings younger than a second are waited for.
    gates = [gate(f"planted-{number}", settings)
             for number, (_, _, settings, _) in enumerate(PLANTED.values())]
    for number, (name, (plant, certificate, _, words)) in enumerate(
            PLANTED.items()):
        configuration = gates[number]
        handler = processes.Handler(configuration)
        server = TlsNginx(base / f"nginx-{number}", configuration,
                          certificate, plant)
        done = run_doctor(
            own, f"https://localhost:{server.port}/eventhandler",
            "--admitted", base / "pump.pem")
        judge(name, done, words)
        server.close()
        handler.close()


def planted_elsewhere():
    (base / "status-403.html").write_text("no")
    gates = [gate(f"other-{number}") for number in range(len(OTHERS))]
    for number, (name, (kind, more, words)) in enumerate(OTHERS.items()):
        configuration = gates[number]
        handler = processes.Handler(configuration)
        server = kind(base / f"server-{number}", configuration, more=more)
        judge(name, run_doctor(
            configuration, f"http://localhost:{server.port}/eventhandler"),
            words)
        server.close()
        handler.close()


def nobody_there():
    own = gate("no-name")
    judge("no such name", run_doctor(
        own, "https://handler.invalid/eventhandler"), ["DNS record"])
    judge("nothing listens", run_doctor(
        own, f"https://localhost:{place.free_port()}/eventhandler"),
        ["start the web server"])
    handler = processes.Handler(own)
    server = TlsNginx(base / "down", own)
    handler.close()
    judge("no handler", run_doctor(
        own, f"https://localhost:{server.port}/eventhandler"),
        ["502", "does not reach the handler"])
    server.close()
    handler = processes.Handler(own, "socket.2")
    server = processes.Lighttpd(base / "plain", own, "spawn")
    judge("plain HTTP where TLS is due", run_doctor(
        own, f"https://localhost:{server.port}/eventhandler"),
        ["let the port speak TLS"])
    keyless = processes.Configuration(
        base / "keyless", {"CERTGATE_SIGNATURE": "required",
                            "CERTGATE_ORIGINS": ORIGIN}, "")
    judge("no such file of CAs", certgate(
        own, "doctor", f"https://localhost:{server.port}/eventhandler",
        "--ca", base / "nothing.pem"), ["give --ca"], 1)
    judge("no key to sign with", run_doctor(
        keyless, f"http://localhost:{server.port}/eventhandler"),
        ["no key here", "CERTGATE_ACCESS_KEYS_FILE"], 1)
    server.close()
    handler.close()


def no_site():
    """A request without a site is said to be that, and nothing else is."""
    configuration = gate("no-site")
    (configuration.folder / "sites").mkdir()
    (configuration.folder / "sites/one.conf").touch()
    handler = processes.Handler(configuration)
    server = processes.Lighttpd(base / "lighttpd-no-site", configuration)
    judge("no site named", run_doctor(
        configuration, f"http://localhost:{server.port}/eventhandler"),
        ["403", "CERTGATE_SITE"], 1)
    server.close()
    handler.close()


def client_id():
    """A client that has to have an id is tried with it; a fault that several
    trials find is reported once."""
    configuration = gate("client-id")
    configuration.write_list(f"sha256:{PIN} client-id=pump-7\n")
    handler = processes.Handler(configuration)
    server = processes.Lighttpd(base / "lighttpd-client-id", configuration)
    url = f"http://localhost:{server.port}/eventhandler"
    given = ("--admitted", base / "pump.pem", "--mqtt", "5",
             "--connection-id")
    judge("MQTT, not said", run_doctor(configuration, url, *given[:2]),
          ["--admitted", "403: the handler rejects the client", "reason: entry-client-id:"], 1)
    judge("another id", run_doctor(configuration, url, *given, "pump-8"),
          ["--admitted", "401: the handler rejects the client", "reason: entry-client-id:"], 1)
    done = run_doctor(configuration, url, *given, "pump-7")
    out.result(done.returncode == 0 and "0 faults" in done.stdout,
               "with its id it is accepted", done.stdout + done.stderr)
    out.equal(run_doctor(configuration, url, "--mqtt", "6").returncode, 2,
              "MQTT has no version 6")
    configuration.write_list(f"sha256:{PIN} query.of=a%20b query.at=7\n")
    handler.stop()
    handler.start()
    judge("a query that is not said", run_doctor(
        configuration, url, *given[:2]), ["--admitted", "rejects the client", "reason: entry-query:"], 1)
    done = run_doctor(configuration, url, *given[:2], "--query",
                      "at=7&of=a%20b")
    out.result(done.returncode == 0 and "0 faults" in done.stdout,
               "with its query it is accepted", done.stdout + done.stderr)
    out.equal(run_doctor(configuration, url, "--query", "a").returncode, 2,
              "a query is name and value")
    done = run_doctor(configuration, url + "?" + 8192 * "a")
    out.equal((done.returncode, done.stdout, "too long" in done.stderr),
              (2, "", True), "a URL that no request can have")
    handler.close()
    done = run_doctor(configuration, url, *given, "pump-7")
    out.equal((done.stdout.count("FAULT "), done.stdout.count("fix: "),
               done.stdout.count("not reach")), (1, 1, 1), "no handler is said once")
    server.close()


def all_alike():
    """What makes each event fail is said once, and of nothing else."""
    for number, (name, kind, path, settings, words, faults) in enumerate((
            ("another key", processes.Nginx, "/eventhandler",
             {"CERTGATE_ACCESS_KEYS": "two0123456789abcdefg"},
             ["signature", "access keys here"], 1),
            ("another hub", processes.Nginx, "/eventhandler",
             {"CERTGATE_HUB": "pmups"}, ["other hubs", "--hub"], 1),
            ("another path, lighttpd", processes.Lighttpd, "/elsewhere", {},
             ["404", "correct the path"], 1),
            ("another path, Apache", processes.Apache, "/elsewhere", {},
             ["403", "correct the path"], 1),
            ("another path, nginx", processes.Nginx, "/elsewhere", {},
             ["405", "correct the path"], 2))):
        configuration = gate(f"alike-{number}", settings)
        handler = processes.Handler(configuration)
        server = kind(base / f"server-alike-{number}", configuration)
        done = run_doctor(gate("alike"),
                          f"http://localhost:{server.port}{path}")
        judge(name, done, words, faults)
        out.result("would fail in the same way\n" in done.stdout and
                   "replaced" not in done.stdout and
                   "hub pumps, origin " + ORIGIN + "\n" in done.stdout,
                   f"{name}: and nothing else", done.stdout)
        server.close()
        handler.close()
    own = gate("alike-page")
    server = TlsNginx(base / "server-alike-page", own,
                      plant=inside("return 200;"))
    done = run_doctor(own, f"https://localhost:{server.port}/eventhandler")
    judge("a page for all", done, ["another program", "pass POST"], 2)
    out.result("would fail in the same way\n" in done.stdout,
               "a page for all: and nothing else", done.stdout)
    server.close()
    keyless = processes.Configuration(
        base / "alike-keyless", {"CERTGATE_ORIGINS": ORIGIN}, "")
    handler = processes.Handler(gate("alike-keys", {"CERTGATE_HUB": "*"}))
    server = processes.Nginx(base / "server-alike-keys",
                             handler.configuration)
    done = run_doctor(keyless, f"http://localhost:{server.port}/eventhandler")
    judge("no key here", done, ["no key here", "CERTGATE_ACCESS_KEYS here"], 1)
    out.result("note  CERTGATE_ACCESS_KEYS: no key here" in done.stdout,
               "no key here: it says so", done.stdout)
    server.close()
    handler.close()


def hub_settings():
    """They follow if nothing is wrong; what only the reader knows has a word in
    its place, and so has the code, which is a secret."""
    own = gate("any-hub", {"CERTGATE_HUB": "*", "CERTGATE_CODE": "s3cret/x"})
    handler = processes.Handler(own)
    server = processes.Nginx(base / "server-any-hub", own)
    url = f"http://localhost:{server.port}/eventhandler"
    text = run_doctor(own, url).stdout
    out.result("--hub-name 'HUB' " in text and "  name: 'HUB'\n" in text and
               "# HUB: " in text and "--hub NAME" in text,
               "of any hub the settings have a word to be replaced", text)
    out.result("# only for a new hub: create replaces one that exists, and its "
               "handlers.\n# For a hub that exists see deploy/README.md: A "
               "resource that you have\naz webpubsub hub create " in text and
               "# Free tier: add --sku Standard_S1 --unit-count 1\n"
               "az webpubsub update " in text and
               "in Bicep, for a new hub:" in text,
               "a hub and a resource that exist are named", text)
    out.result(f"'{url}?code=CODE'" in text and "# CODE: " in text and
               "s3cret" not in text, "and one in place of the code", text)
    for name in ("code", "Code"):
        text = run_doctor(
            own, url.replace("//", "//user:passw0rd@") +
            f"?{name}=s3cret%2Fx", "--hub", "chat").stdout
        out.result("--hub-name 'chat' " in text and "  name: 'chat'\n" in text
                   and "HUB" not in text, "--hub names it", text)
        out.result(f"'{url}?code=CODE'" in text and "s3cret" not in text and
                   "passw0rd" not in text,
                   f"no secret of a URL with {name}", text)
    text = run_doctor(own, url + "?code=other").stdout
    out.result("FAULT validation" in text and "hub-name" not in text,
               "no settings of the hub if something is wrong", text)
    server.close()
    handler.close()


def installed():
    """The origin that no host has is a fault, though the handler takes it."""
    own = gate("installed", {"CERTGATE_ORIGINS": "unset.invalid"})
    handler = processes.Handler(own)
    server = processes.Nginx(base / "server-installed", own)
    done = run_doctor(own, f"http://localhost:{server.port}/eventhandler")
    judge("an origin as installed", done, ["CERTGATE_ORIGINS",
                                           "unset.invalid", "fix: set"], 1)
    got = json.loads(run_doctor(
        own, f"http://localhost:{server.port}/eventhandler", "--json").stdout)
    out.equal((got["faults"], got["hub"], got["origin"],
               [(f["result"], f["name"], f["text"], "fix" in f)
                for f in got["findings"]][:2]),
              (1, "pumps", "unset.invalid", [
                  ("fault", "CERTGATE_ORIGINS",
                   "no host has the name unset.invalid", True),
                  ("ok", "validation", "accepted (200)", False)]), "as JSON")
    two = gate("installed-two", {
        "CERTGATE_ORIGINS": "unset.invalid other.invalid"})
    done = run_doctor(two, f"http://localhost:{server.port}/eventhandler")
    out.result(re.search("^FAULT CERTGATE_ORIGINS$", done.stdout, re.M) and
               "the name unset.invalid\n" in done.stdout and
               "other.invalid" not in done.stdout,
               "of several such origins the first", done.stdout)
    out.result("ok    validation: accepted (200)" in done.stdout and
               done.stdout.find("FAULT") < done.stdout.find("ok    "),
               "faults come first", done.stdout)
    server.close()
    handler.close()


def keyless(name, user):
    """A resource without keys, whose login the web server checks."""
    return processes.Configuration(
        base / f"keyless-{name}",
        {"CERTGATE_REMOTE_USER": user, "CERTGATE_SIGNATURE": "off",
         "CERTGATE_HUB": "pumps", "CERTGATE_ORIGINS": ORIGIN},
        f"sha256:{PIN} user=pump-7\n")


def login():
    """Behind a login: what is tried without one, and with one."""
    users, token = base / "users", base / "token"
    users.write_text("service:{PLAIN}secret-of-it\n")
    users.chmod(0o644)
    asks = inside("limit_except OPTIONS { auth_basic x; "
                  f"auth_basic_user_file {users}; }}")
    passed = [('REMOTE_USER ""', "REMOTE_USER $remote_user"),
              ('AUTH_TYPE ""', "AUTH_TYPE Basic")]
    own = gate("login", {"CERTGATE_REMOTE_USER": "service"})

    def run(name, plant, configuration, authorization, here=own):
        handler = processes.Handler(configuration, f"socket-{name}")
        link = configuration.folder / "socket"
        link.unlink(missing_ok=True)
        link.symlink_to(handler.path)
        server = TlsNginx(base / f"nginx-login-{name}", configuration, plant=plant)
        more = []
        if authorization is not None:
            token.write_text(authorization)
            token.chmod(0o600)
            more = ["--authorization", token]
        done = run_doctor(here, f"https://localhost:{server.port}/eventhandler",
                          "--admitted", base / "pump.pem", *more)
        server.close()
        handler.close()
        return done

    basic = "Basic c2VydmljZTpzZWNyZXQtb2YtaXQ="
    done = run("none", asks + passed, own, None)
    out.equal((done.returncode, done.stdout.count("ok    "),
               "ok    event without a login: rejected (401)\n" in done.stdout,
               "--authorization FILE\n\n0 faults" in done.stdout),
              (0, 4, True, True),
              "without a login it says what is not tried")
    done = run("given", asks + passed, own, basic + "\r\n")
    out.equal((done.returncode, done.stdout.count("ok    "),
               "of --admitted: accepted (200)" in done.stdout,
               "not sent" in done.stdout, basic[6:] in done.stdout + done.stderr),
              (0, 11, True, False, False), "with one, all is tried")
    judge("a login that the web server does not take", run(
        "wrong", asks + passed, own, "Basic AAAA"),
        ["the web server does not accept the login",
         "fix: give --authorization a login"], 1)
    judge("a login of another user", run(
        "other", asks + passed, keyless("other", "another"), basic,
        keyless("other-here", "another")),
        ["401: the handler rejects the login", "fix: compare "
         "CERTGATE_REMOTE_USER"], 1)
    done = run("entra", asks + passed, keyless("entra", "service"), basic,
               keyless("entra-here", "service"))
    out.equal((done.returncode, "the web server authenticates the sender" in
               done.stdout, "any host can post" in done.stdout,
               "CERTGATE_ACCESS_KEYS" in done.stdout),
              (0, True, False, False),
              "no signature, no keys: the web server checks the sender")
    out.result("auth-type=ManagedIdentity auth-resource=AUDIENCE" in done.stdout
               and "auth: {" in done.stdout and "# AUDIENCE: " in done.stdout,
               "the settings of the hub have the managed identity",
               done.stdout)
    judge("a login that is not passed on", run("lost", asks, own, basic),
          ["pass REMOTE_USER, AUTH_TYPE"])
    judge("a handler that asks for none", run(
        "open", [], gate("login-open"), basic),
        ["event without a login", "set CERTGATE_REMOTE_USER"], 1)
    judge("a page for everything behind a login", run(
        "page", inside("add_header WebHook-Allowed-Origin *; return 200;"),
        own, None), ["event without a login", "200: the client is accepted"], 1)
    url = "https://localhost:1/eventhandler"
    for content in ("", "\r\n", "one\ntwo", "one\x01", "x" * 20000):
        token.write_text(content)
        done = run_doctor(own, url, "--authorization", token)
        out.result(done.returncode == 3 and done.stdout == "" and
                   str(token) in done.stderr,
                   f"no header in {content[:10]!r}", done.stderr)
    token.write_text(basic)
    done = run_doctor(own, "http://127.0.0.1.localhost/eventhandler",
                      "--authorization", token)
    out.result(done.returncode == 2 and "https://" in done.stderr,
               "a login does not go by plain HTTP", done.stderr)


def validation():
    """--validation sends the validation alone, as the settings say it."""
    settings = {"CERTGATE_CODE": "a +b", "CERTGATE_SIGNATURE": "required",
                "CERTGATE_ORIGINS": f"other.example {ORIGIN}"}
    connection = (f"Endpoint=https://{ORIGIN};AccessKey={KEY};Version=1.0;")
    for name, own in {
            "two origins, a code with a blank": gate("valid", settings),
            "a connection string alone": processes.Configuration(
                base / "valid-connection",
                {"WebPubSubConnectionString": connection}, ""),
            "no setting": processes.Configuration(
                base / "valid-none", {"CERTGATE_SIGNATURE": "off"}, "")}.items():
        handler = processes.Handler(own)
        server = processes.Lighttpd(base / f"server-{own.folder.name}", own)
        url = f"http://127.0.0.1:{server.port}/eventhandler"
        before = own.log_size()
        done = certgate(own, "doctor", "--validation", url)
        found = processes.decisions(own.log_since(before))
        out.equal((done.returncode, done.stderr, done.stdout.splitlines()[1:],
                   [row["reason"] for row in found]),
                  (0, "", ["", "ok    validation: accepted (200)", "",
                           "0 faults"], ["validated"]), f"valid: {name}")
        other = gate(f"{own.folder.name}-other", {"CERTGATE_ORIGINS": "x.example",
                                                  "CERTGATE_CODE": "b"})
        done = certgate(other, "doctor", "--validation", url)
        wrong = name != "no setting"
        out.equal((done.returncode, "rejects the origin or the code" in
                   done.stdout, len(re.findall("FAULT", done.stdout))),
                  (int(wrong), wrong, int(wrong)), f"other settings: {name}")
        handler.close()
        done = certgate(own, "doctor", "--validation", url)
        out.result(done.returncode == 1 and "FAULT validation" in done.stdout,
                   f"no handler: {name}", done.stdout)
        server.close()
    own = gate("valid-moved", settings)
    server = processes.Nginx(base / "server-moved", own, more="location = "
                             "/moved { return 301 /elsewhere?$args; }")
    done = certgate(own, "doctor", "--validation",
                    f"http://127.0.0.1:{server.port}/moved")
    out.result("/elsewhere" in done.stdout and "a%20" not in done.stdout and
               "code=" not in done.stdout, "a redirect: not the code",
               done.stdout)
    server.close()
    own.file.write_text("CERTGATE_ORIGIN=\n", encoding="utf-8")
    done = certgate(own, "doctor", "--validation", url)
    out.equal((done.returncode, done.stdout), (3, ""), "invalid settings")


def options():
    """A validation needs no key, and options of events that are not sent are
    refused."""
    own = processes.Configuration(
        base / "options", {"CERTGATE_SIGNATURE": "required",
                           "CERTGATE_ORIGINS": ORIGIN}, "")
    handler = processes.Handler(own)
    server = processes.Lighttpd(base / "server-options", own)
    url = f"http://127.0.0.1:{server.port}/eventhandler"
    done = certgate(own, "doctor", "--validation", url)
    out.equal((done.returncode, "FAULT" in done.stdout), (0, False),
              "a validation without a key")
    for arguments, words in (
            *((["--validation", f"--{name}", value],
               f"--validation sends no event (fix: remove --{name})")
              for name, value in (("admitted", "/nowhere"), ("mqtt", "5"),
                                  ("authorization", "/nowhere"),
                                  ("connection-id", "a"), ("hub", "a"),
                                  ("query", "a=b"))),
            *((["--mqtt", "5"],
               "missing --admitted FILE (fix: remove --mqtt)"),
              (["--hub", "a';id"], "a hub of 5 characters: expected a letter"))):
        done = certgate(own, "doctor", url, *arguments)
        out.result((done.returncode, done.stdout) == (2, "") and
                   words in done.stderr, words, done.stdout + done.stderr)
    server.close()
    handler.close()


def plain():
    """Plain HTTP is not a fault on loopback, and on loopback alone: a name that
    begins like an address there may be that of another host."""
    configuration = gate("plain-http")
    handler = processes.Handler(configuration)
    server = processes.Lighttpd(base / "lighttpd-plain", configuration)
    for host, good in {"127.0.0.1": True, "LOCALHOST": True,
                       "name@localhost": True, "localhost@127.0.0.1": True,
                       "127.0.0.1.localhost": False,
                       "localhost.localhost": False,
                       "127.0.0.1@of.localhost": False}.items():
        done = run_doctor(configuration,
                          f"http://{host}:{server.port}/eventhandler")
        out.equal((done.returncode, "FAULT HTTPS\n" in done.stdout,
                   "plain HTTP on loopback" in done.stdout),
                  (0, False, True) if good else (1, True, False),
                  f"plain HTTP to {host}")
    server.close()
    handler.close()


def version():
    """HTTP/1.1, also with a server that would rather speak HTTP/2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(base / "good.pem", base / "good.key")
    context.set_alpn_protocols(["h2", "http/1.1"])
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)

        def answer():
            with context.wrap_socket(listener.accept()[0],
                                     server_side=True) as client:
                seen.append((client.selected_alpn_protocol(),
                             client.recv(4096).partition(b"\r\n")[0]))

        thread = threading.Thread(target=answer)
        thread.start()
        run_doctor(gate("version"), "https://localhost:"
                   f"{listener.getsockname()[1]}/eventhandler")
        thread.join()
    out.equal(seen, [("http/1.1", b"OPTIONS /eventhandler HTTP/1.1")],
              "HTTP/1.1 is spoken")


def good():
    """No fault, through each server."""
    for kind, how in ((TlsNginx, None), (processes.Lighttpd, "socket"),
                      (processes.Apache, "proxy")):
        name = kind.__name__
        configuration = gate(f"good-{name}")
        handler = processes.Handler(configuration)
        server = kind(base / name, configuration,
                      *([how] if how else []))
        scheme = "http" if how else "https"
        done = run_doctor(
            configuration,
            f"{scheme}://localhost:{server.port}/eventhandler",
            "--admitted", base / "pump.pem")
        out.result(done.returncode == 0 and "0 faults" in done.stdout and
                   done.stdout.count("ok    ") == (10 if scheme == "https"
                                                   else 9),
                   f"{name}: nothing is wrong", done.stdout + done.stderr)
        out.result("--hub-name 'pumps'" in done.stdout and
                   "anonymousConnectPolicy: 'allow'" in done.stdout and
                   "auth" not in done.stdout and
                   f"'{scheme}://localhost:{server.port}/eventhandler'" in
                   done.stdout, f"{name}: the settings of the hub follow",
                   done.stdout)
        server.close()
        handler.close()


make_ca("ca")
make_ca("other-ca")
make_certificate("pump")
PIN = openssl("x509", "-in", base / "pump.pem", "-noout", "-fingerprint",
              "-sha256").strip().partition("=")[2]
make_certificate("good")
make_certificate("soon", days="3")
make_certificate("expired", days="-1")
make_certificate("other", host="other.example")
make_certificate("stranger", ca="other-ca")
make_certificate("hostile", host=None, subject="/CN=\x1b[31m")
def pending():
    """The doctor's events are distinguished from a certificate with the same name."""
    configuration = gate("pending", {})
    own = hashlib.sha256(ssl.PEM_cert_to_DER_cert(
        "-----BEGIN CERTIFICATE-----\n" + "".join(re.findall(
            r'"([A-Za-z0-9+/=]+)\\n"', (
                place.SOURCE / "src/admin/stranger.c").read_text())) +
        "\n-----END CERTIFICATE-----\n")).hexdigest()
    name = "CN=stranger of certgate doctor"
    log = base / "pending.log"
    log.write_text(logs.text([
        logs.rejected("doctor", 60, subject=name, sha256=own),
        logs.rejected("copy", 50, subject=name)]))
    rows = json.loads(certgate(configuration, "pending", "--json", "--log",
                               log).stdout)["certificates"]
    out.equal([(r["doctor"], r["subject"]) for r in rows],
              [(n, name) for n in (False, True)],
              "pending: the doctor's, and one that has its name")
    text = certgate(configuration, "pending", "--log", log).stdout
    out.equal([line[:16] for line in text.splitlines()
               if line.endswith(", certgate doctor's own")], [own[:16]],
              "as text")
    text = certgate(configuration, "allow", own[:12], "--dry-run", "--log",
                    log).stdout
    out.result("certgate doctor's own" in text, "before it is allowed", text)


good()
pending()
nobody_there()
no_site()
client_id()
all_alike()
hub_settings()
installed()
login()
validation()
options()
plain()
version()
planted()
planted_elsewhere()
out.done()
