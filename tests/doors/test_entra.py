#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""www/apache2-entra.conf: Debian's Apache with mod_auth_openidc checks the token
of each event.  The identity provider is a stand-in on this host that publishes
RSA keys and replaces them; the real one cannot be reached by a test."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, door, identities, place, processes, tap  # noqa: E402

MODULE = pathlib.Path("/usr/lib/apache2/modules/mod_auth_openidc.so")
TENANT = "6c0f3b8e-0000-4000-8000-000000000001"
AUDIENCE = "api://certgate"
SERVICE = "6c0f3b8e-0000-4000-8000-000000000002"  # the managed identity


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, **more):
    return subprocess.run(["openssl", *map(str, words)], check=True,
                          capture_output=True, **more).stdout


class Key:
    """An RSA key with an id."""

    def __init__(self, folder, name):
        self.name = name
        self.file = folder / f"{name}.rsa"
        openssl("genrsa", "-out", self.file, 2048)
        modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus")
        self.public = {
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": name,
            "e": "AQAB",
            "n": part(bytes.fromhex(modulus.decode().strip()[len("Modulus="):]))}

    def sign(self, data):
        return openssl("dgst", "-sha256", "-sign", self.file, input=data)


class Issuer:
    """The keys of the identity provider, by HTTPS."""

    def __init__(self, folder):
        self.identity = identities.Identity(folder, "issuer",
                                            "DNS:localhost,IP:127.0.0.1")
        self.keys = [Key(folder, "one")]
        issuer = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps({"keys": [k.public for k in issuer.keys]})
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.identity.file, self.identity.key)
        self.server.socket = context.wrap_socket(self.server.socket,
                                                 server_side=True)
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()
        self.url = f"https://localhost:{self.server.server_port}/keys"

    def token(self, key=None, header=None, **claims):
        """A token of the managed identity; None takes a claim away."""
        key = key or self.keys[-1]
        now = int(time.time())
        body = {"aud": AUDIENCE, "iss": f"https://sts.windows.net/{TENANT}/",
                "iat": now - 60, "nbf": now - 60, "exp": now + 3600,
                "appid": SERVICE, "tid": TENANT, "ver": "1.0", **claims}
        body = {n: v for n, v in body.items() if v is not None}
        head = {"typ": "JWT", "alg": "RS256", "kid": key.name, **(header or {})}
        text = part(json.dumps(head).encode()) + "." + \
            part(json.dumps(body).encode())
        if head["alg"] == "none":
            return text + "."
        return text + "." + part(key.sign(text.encode()))


def confused(issuer, secret):
    """A token whose HMAC has the published key as its secret."""
    head, body, _ = issuer.token(header={"alg": "HS256"}).split(".")
    digest = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256)
    return f"{head}.{body}.{part(digest.digest())}"


def apache(issuer, keys=True):
    """A function that starts Apache with both files of www/; without keys, with
    the default of ENTRA_KEYS."""
    def start(folder, configuration):
        folder.mkdir(parents=True, exist_ok=True)
        www = folder / "entra.conf"
        www.write_text(processes.snippet("apache2-entra.conf", {}))
        www.chmod(0o644)
        return processes.Apache(folder, configuration, before=f"""
LoadModule authn_core_module {MODULE.parent}/mod_authn_core.so
LoadModule authz_user_module {MODULE.parent}/mod_authz_user.so
LoadModule auth_openidc_module {MODULE}
OIDCCABundlePath {issuer.identity.file}
Define ENTRA_TENANT {TENANT}
Define ENTRA_AUDIENCE {AUDIENCE}
{f"Define ENTRA_KEYS {issuer.url}" if keys else ""}
""", inside=f"Include {www}\n")
    return start


def with_token(case, token):
    """The case as the service sends it with a token."""
    case.settings = {**case.settings, "CERTGATE_REMOTE_USER": SERVICE}
    if case.method != "OPTIONS":
        case.headers = {**case.headers, "Authorization": "Bearer " + token}
    return case


def play_tables(out, issuer):
    """A good token changes no verdict.  Cases about the remote user itself are
    played with tokens below."""
    token = issuer.token()
    door.run_server(out, "apache entra", apache(issuer), True, [
        with_token(case, token) for case in door.table_rows()
        if "CERTGATE_REMOTE_USER" not in case.settings])


def tokens(issuer, foreign):
    """Name, token, status, reason (None: Apache answers itself)."""
    good = issuer.token()
    head, body, signature = good.split(".")
    other = issuer.token(appid="6c0f3b8e-0000-4000-8000-00000000000f")
    hour = 3600
    now = int(time.time())
    return [
        ("good", good, 200, "listed"),
        ("of another application", other, 401, "remote-user"),
        ("without an application",
         issuer.token(appid=None), 401, None),
        ("expired", issuer.token(exp=now - hour), 401, None),
        # What the module does not check, and has no directive for; the page
        # says so.
        ("that is not valid yet",
         issuer.token(nbf=now + hour), 200, "listed"),
        ("without an expiry", issuer.token(exp=None), 200, "listed"),
        ("of a foreign audience", issuer.token(aud="api://other"), 401, None),
        ("of a foreign issuer", issuer.token(
            iss="https://sts.windows.net/other/"), 401, None),
        ("of another tenant with a longer name", issuer.token(
            iss=f"https://sts.windows.net/{TENANT}/x"), 401, None),
        ("without an issuer", issuer.token(iss=None), 401, None),
        ("without an audience", issuer.token(aud=None), 401, None),
        ("unsigned", issuer.token(header={"alg": "none"}), 401, None),
        ("signed with a key that is not published",
         issuer.token(foreign), 401, None),
        ("signed with it under a published name", issuer.token(
            foreign, header={"kid": "one"}), 401, None),
        ("signed with a published key as a secret, in PEM", confused(
            issuer, openssl("rsa", "-in", issuer.keys[-1].file, "-pubout")),
         401, None),
        ("signed with a published modulus as a secret", confused(
            issuer, base64.urlsafe_b64decode(
                issuer.keys[-1].public["n"] + "==")), 401, None),
        ("changed", f"{head}.{part(b'{}')}.{signature}", 401, None),
        ("cut off", f"{head}.{body}.", 401, None),
        ("not a token", "x", 401, None),
        ("missing", None, 401, None),
    ]


# Fields of a request that say what the token does not.
FORGED = {"REMOTE_USER": SERVICE, "Remote-User": SERVICE,
          "CERTGATE_REMOTE_USER": SERVICE, "X-Remote-User": SERVICE,
          "X-Forwarded-User": SERVICE, "OIDC_CLAIM_appid": SERVICE,
          "OIDC-Claim-Appid": SERVICE, "AUTH_TYPE": "oauth20",
          "X-HTTP-Method-Override": "OPTIONS"}


def forged(issuer):
    """Name, method, path, more fields: none is a way around a good token."""
    good = issuer.token()
    other = issuer.token(appid="6c0f3b8e-0000-4000-8000-00000000000f")
    for token, text in ((None, "no token"), (other, "a token of another")):
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        for name, value in FORGED.items():
            yield f"{text}, and {name}", "POST", "", bearer | {name: value}
        for method in ("GET", "HEAD", "PUT", "options", "Options"):
            yield f"{text}, method {method}", method, "", bearer
        for path in ("/", "/x", "//", "/%2e", "/../eventhandler",
                     "?REMOTE_USER=" + SERVICE, "%2f"):
            yield f"{text}, path {path}", "POST", path, bearer
    for text, value in {
            "two tokens, the good one first": f"Bearer {good}, Bearer {other}",
            "two tokens, the good one last": f"Bearer {other}, Bearer {good}",
            "the good one without a scheme": good,
            "the good one by another scheme": f"Basic {good}",
            "the good one in quotes": f'Bearer "{good}"'}.items():
        yield text, "POST", "", {"Authorization": value}
    yield "the good one in a cookie", "POST", "", {
        "Cookie": f"access_token={good}; mod_auth_openidc_session={good}"}
    yield "the good one in another field", "POST", "", {
        "Proxy-Authorization": f"Bearer {good}", "X-Authorization":
        f"Bearer {good}"}


def play_forged(out, issuer, known, port, configuration):
    """No request without a good token is an event that is accepted."""
    row = {"list": "", "headers": {"ce-signature": None}}
    for name, method, path, more in forged(issuer):
        case = cases.Case("", {}, None, cases.own_request(row, known), {})
        case.method, case.path = method, "/eventhandler" + path
        case.headers.update(more)
        before = configuration.log_size()
        answer = door.send(port, case)
        log = configuration.log_since(before)
        out.result(400 <= answer.status < 500 and "verdict=allow" not in log,
                   f"{name}: refused", f"{answer}\n{log}")
    lines = [("Authorization", f"Bearer {issuer.token()}"),
             ("Authorization", "Bearer x")]
    for fields in (lines, lines[::-1]):
        case = cases.Case("", {}, None, cases.own_request(row, known), {})
        case.headers["Authorization"] = [value for _, value in fields]
        out.equal(door.send(port, case).status, 401,
                  "two Authorization fields: refused")
    case = cases.Case("", {}, None, cases.own_request(row, known), {})
    case.headers["Authorization"] = "bearer " + issuer.token()
    out.equal(door.send(port, case).status, 200, "the scheme in lower case")
    case.headers.update(FORGED)
    out.equal(door.send(port, case).status, 200,
              "a good token, and what is forged beside it")
    case.method = "OPTIONS"
    case.headers.pop("Authorization")
    before = configuration.log_size()
    answer = door.send(port, case)
    out.equal((answer.body, "event=connect" in configuration.log_since(before)),
              (b"", False), "OPTIONS with the body of an event decides nothing")


def play_tokens(out, issuer):
    folder = place.temporary()
    known = cases.certificates()
    folder.chmod(0o755)
    configuration = processes.Configuration(
        folder / "tokens", {"CERTGATE_REMOTE_USER": SERVICE,
                            "CERTGATE_SIGNATURE": "off"},
        f"{known['device']['sha1']} user=pump-7\n")
    handler = processes.Handler(configuration)
    server = apache(issuer)(folder / "server", configuration)
    row = {"list": "", "headers": {"ce-signature": None}}

    def send(token, path="/eventhandler"):
        case = cases.Case("", {}, None, cases.own_request(row, known), {})
        case.path = path
        if token is not None:
            case.headers["Authorization"] = "Bearer " + token
        before = configuration.log_size()
        answer = door.send(server.port, case)
        found = processes.decisions(configuration.log_since(before))
        return answer.status, found[-1]["reason"] if found else None

    foreign = Key(folder, "foreign")
    for name, token, status, reason in tokens(issuer, foreign):
        out.equal(send(token), (status, reason), f"a token {name}")
    out.equal(send(None, "/eventhandler?access_token=" + issuer.token())[0],
              401, "a token in the query does not count")
    play_forged(out, issuer, known, server.port, configuration)
    old = issuer.token()
    issuer.keys = [Key(folder, "two")]
    out.equal(send(issuer.token()), (200, "listed"),
              "a token signed with a new key")
    out.equal(send(old)[0], 401, "the old key is not published any more")
    options = cases.Case("", {}, None, cases.own_request(
        {"method": "OPTIONS"}, known), {})
    out.equal(door.send(server.port, options).status, 200,
              "OPTIONS needs no token")
    out.equal((server.close(), handler.close()), (0, 0), "both end with 0")


def play_default(out, issuer):
    """Without ENTRA_KEYS: the keys are those of Entra ID."""
    folder = place.temporary()
    folder.chmod(0o755)
    configuration = processes.Configuration(
        folder / "default", {"CERTGATE_REMOTE_USER": SERVICE}, "")
    handler = processes.Handler(configuration)
    server = apache(issuer, keys=False)(folder / "server", configuration)
    known = cases.certificates()
    for method, status in (("OPTIONS", 200), ("POST", 401)):
        case = cases.Case("", {}, None, cases.own_request(
            {"method": method}, known), {})
        before = configuration.log_size()
        out.equal((door.send(server.port, case).status, len(
            processes.decisions(configuration.log_since(before)))),
                  (status, int(method == "OPTIONS")),
                  f"the default of ENTRA_KEYS: {method}")
    out.equal((server.close(), handler.close()), (0, 0), "both end with 0")


def main():
    if not MODULE.exists():
        tap.skip_all("mod_auth_openidc is not installed")
    out = tap.Tap()
    issuer = Issuer(place.temporary())
    play_tokens(out, issuer)
    play_default(out, issuer)
    issuer.keys = [Key(place.temporary(), "three")]
    if os.environ.get("CERTGATE_ENTRA_TABLES") != "no":
        play_tables(out, issuer)
    out.done()


main()
