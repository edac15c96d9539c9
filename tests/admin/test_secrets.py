#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Secrets in the wrong place: no program prints any part of one."""
import base64
import hashlib
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, inprocess, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
HANDLER = place.program("certgate.fcgi", "HANDLER")
WINDOW = 8  # characters of a secret that must not be seen in a row
PIN = "aa" * 20


def key_of(word, size=32):
    digest = hashlib.shake_256(word.encode()).digest(size)
    return base64.b64encode(digest).decode()


KEY = key_of("certgate")
SLASH = "/" + key_of("slash")[1:20] + "/" + key_of("slash")[21:]
LONG = key_of("long", 63)
CODE = "hunter2/Xyzzy-plugh=42&q"
CODE_PATH = "/Open-Sesame/then-close"
# What is put somewhere, and what of it is secret.
SECRETS = {
    "key": (KEY, KEY),
    "key with /": (SLASH, SLASH),
    "long key": (LONG, LONG),
    "connection string":
        (f"Endpoint=https://x.webpubsub.azure.com;AccessKey={KEY};"
         "Version=1.0;", KEY),
    "code": (CODE, CODE),
    "code with /": (CODE_PATH, CODE_PATH),
}
SETTINGS = [row[0] for row in inprocess.printed("--settings")]


def leak(text, secret):
    """The first piece of the secret that the text has."""
    for i in range(len(secret) - WINDOW + 1):
        if secret[i:i + WINDOW] in text:
            return secret[i:i + WINDOW]
    return None


def handler(environment):
    """One validation by plain CGI; what is on standard error, too."""
    done = subprocess.run(
        [HANDLER], stdin=subprocess.DEVNULL, capture_output=True, check=False,
        timeout=60, env=processes.bare_environment({
            "REQUEST_METHOD": "OPTIONS", "GATEWAY_INTERFACE": "CGI/1.1",
            "HTTP_WEBHOOK_REQUEST_ORIGIN": "x.example", **environment}))
    return (done.stdout + done.stderr).decode(errors="replace")


def programs(environment):
    """Name and output of each program that reads the configuration."""
    commands = [["check"], ["check", "--json"]]
    if not {"CERTGATE_CONFIG", "CERTGATE_LIST"} & set(environment):
        commands += [["explain", "/dev/null"], ["stats"],
                     ["simulate", "--format", "json"],
                     ["doctor", "http://127.0.0.1:9/"]]
    for arguments in commands:
        got = admin.run(*arguments, environment=environment)
        yield " ".join(arguments), got.out + got.err
    yield "certgate.fcgi", handler(environment)


def try_all(what, secret, places):
    """places: what is done, and the environment in which it is."""
    leaks = []
    for name, environment in places:
        for program, text in programs(environment):
            piece = leak(text, secret)
            if piece is not None:
                leaks.append(f"{name}: {program} prints {piece}\n{text}")
    out.result(not leaks, f"{what}: {len(places)} places",
               f"{len(leaks)} leaks\n" + "\n".join(leaks[:4]))


count = iter(range(100000))


def write(text):
    """A new file of its own."""
    path = base / f"file-{next(count)}"
    path.write_text(text)
    path.chmod(0o600)
    return path


def config(text):
    return {"CERTGATE_CONFIG": str(write(text))}


def listed(text):
    return {"CERTGATE_LIST": str(write(text))}


def in_settings(kind, value, secret):
    places = [(f"{name} in the environment", {name: value})
              for name in SETTINGS]
    for name in SETTINGS:
        for text in value, f'"{value}"', f"{value} # comment":
            places.append((f"{name}={text}", config(f"{name}={text}\n")))
    for text in (value, f"{value}=x", f"CERTGATE_{value}=x", f"{value} = x",
                 f"CERTGATE_CODE=x\n{value}", f"CERTGATE_LOG={value}"):
        places.append((text, config(text + "\n")))
    places.append(("no line end", config(value)))
    places.append(("a name in the environment", 
                   {"CERTGATE_" + value.replace("=", ""): "x"}))
    places.append(("CERTGATE_CONFIG", {"CERTGATE_CONFIG": value}))
    places.append(("CERTGATE_SITE", {"CERTGATE_SITE": value}))
    try_all(f"{kind}: in the settings", secret, places)


def in_files(kind, value, secret):
    places = [("key file", {"CERTGATE_ACCESS_KEYS_FILE":
                            str(write(f"{value}\n{value} # comment\n"))}),
              ("key file, quoted", {"CERTGATE_ACCESS_KEYS_FILE":
                                    str(write(f'"{value}"\n'))}),
              ("code file", {"CERTGATE_CODE_FILE":
                             str(write(f"{value}\n{value}\n"))}),
              ("folder", {"CERTGATE_LIST": str(base)})]
    for line in (value, f'"{value}"', f"deny {value}", f"{PIN}{value}",
                 f"{value} user=a", f"sha256:{value}", f"spki:{value}",
                 f"ca:{value} cn=*", f"ca:/{value} cn=*", f"file:{value}",
                 f"file:/{value}", f"{PIN} {value}", f"{PIN} {value}=x",
                 f"{PIN} x={value}", f"deny {PIN} {value}",
                 f"{PIN} user=a{value} user={value}",
                 *(f"{PIN} {option}={text}" for text in (value, f'"{value}"')
                   for option in ("hub", "expires", "not-before", "roles",
                                  "subprotocol", "user", "groups", "client-id",
                                  "query.id", "crl", "cn")),
                 f"{PIN} user=@{value}", f"ca:/etc/hosts cn=* crl=/{value}",
                 f"{PIN} query.a=b query.a={value}", f"ca:/etc/hosts {value}"):
        places.append((line, listed(line + "\n")))
    # A value that parses, such as user=, is for certgate list to print.
    try_all(f"{kind}: in files", secret, places)


def in_arguments(kind, value, secret):
    pin = str(write(PIN))
    commands = [
        [value], ["check", "--list", value], ["check", "--config", value],
        ["check", "--as", value], ["check", value],
        ["list", "--list", value], ["thumbprint", value], ["explain", value],
        ["explain", pin, "--now", value], ["simulate", value],
        ["simulate", "--post", value], ["simulate", "--ca", value, "--post",
                                        "https://127.0.0.1:9/"],
        ["doctor", value], ["doctor", "http://127.0.0.1:9/", "--admitted",
                            value],
        ["doctor", "https://127.0.0.1:9/", "--authorization", value],
        ["doctor", "https://127.0.0.1:9/", "--ca", value],
        ["addresses", "--nginx", value], ["allow", value],
        ["allow", PIN, value], ["allow", PIN, f"x={value}"],
        ["allow", PIN, f"hub={value}"], ["deny", value], ["remove", value],
        ["remove", f"ca:{value}"], ["rotate", value, value],
        ["rotate", PIN, value], ["rotate", PIN, PIN, "--overlap", value],
        ["deny", PIN, "--disconnect", "--endpoint", value],
        ["stats", "--config", value], ["stats", "--site", value],
    ]
    book = write(f"{PIN}\n")
    leaks = []
    for command in commands:
        got = admin.run(*command, environment={"CERTGATE_LIST": str(book)})
        piece = leak(got.out + got.err, secret)
        if piece is not None:
            leaks.append(f"{command}: {piece}\n{got}")
    for option in "--listen", "--listen-mode", "--listen-group":
        more = [] if option == "--listen" else ["--listen", str(base / "s")]
        done = subprocess.run(
            [HANDLER, option, value, *more], stdin=subprocess.DEVNULL,
            capture_output=True, check=False, timeout=60,
            env=processes.bare_environment())
        text = (done.stdout + done.stderr).decode(errors="replace")
        if done.returncode == 0 or leak(text, secret) is not None:
            leaks.append(f"certgate.fcgi {option}\n{text}")
    out.result(not leaks, f"{kind}: in {len(commands)} commands",
               f"{len(leaks)} leaks\n" + "\n".join(leaks[:4]))


def at_reload():
    """The same in the log of a handler that runs."""
    configuration = processes.Configuration(
        base / "reload", {"CERTGATE_CODE": CODE}, PIN + "\n")
    gate = processes.Handler(configuration)
    place.wait_for(lambda: "every" in configuration.log_since(0) or
                   "signature" in configuration.log_since(0))
    for text in (f"CERTGATE_LOG={KEY}", f"CERTGATE_ORIGINS={SLASH}",
                 f"CERTGATE_LIST={SLASH}", f"{KEY}=x",
                 f"CERTGATE_ACCESS_KEYS_FILE={SLASH}",
                 f"CERTGATE_CODE_FILE={CODE_PATH}",
                 f"CLIENT_CERT_THUMBPRINT={KEY}"):
        before = configuration.log_size()
        new = configuration.folder / "new"
        new.write_text(text + "\n")
        new.chmod(0o600)
        new.rename(configuration.file)
        told = place.wait_for(lambda at=before: configuration.log_since(at),
                              20, 0.1)
        out.result(told, f"reload: {text.partition('=')[0][:20]} is reported")
    log = configuration.log_since(0)
    out.result(not any(leak(log, secret) for _, secret in SECRETS.values()),
               "reload: no secret in the log", log)
    gate.close()


def helpful():
    """What did not parse is not shown; where it is, and how long, is."""
    for text, says in (
            (f"CERTGATE_ACCESS_KEYS_FILE={KEY}\n",
             ":1:27: CERTGATE_ACCESS_KEYS_FILE: a value of 44 characters: "
             "expected an absolute path\n"),
            (f"CERTGATE_ORIGINS={KEY}\n",
             ":1:18: CERTGATE_ORIGINS: an origin of 44 characters: expected "),
            ("CERTGATE_ACESS_KEYS=x\n",
             ':1:1: unknown setting "CERTGATE_ACESS_KEYS" (did you mean '
             'CERTGATE_ACCESS_KEYS?)\n'),
            (f"CERTGATE_{KEY}=x\n",
             f':1:1: unknown setting "CERTGATE_{KEY[:3]}..."\n'),
            (f"{KEY}=x\n", ":1:1: unknown setting of 43 characters\n"),
            (f"CERTGATE_LIST={SLASH}\n",
             "error: a path of 44 characters: No such file or directory\n"),
            ("CERTGATE_LIST=/etc/no-such-list\n",
             "error: /etc/no-such-list: No such file or directory\n")):
        got = admin.run("check", environment=config(text))
        out.result(got.code == 1 and says in got.out, f"it says {says!r}", got)
    path = base / "absent"
    got = admin.run("check", environment={"CERTGATE_LIST": str(path),
                                          "CERTGATE_HUB": "chat"})
    out.result(f"CERTGATE_LIST                      {path}  [" in got.out and
               "CERTGATE_HUB                       chat  [" in got.out,
               "values that parse are shown", got)


for kind_, (value_, secret_) in SECRETS.items():
    in_settings(kind_, value_, secret_)
    in_files(kind_, value_, secret_)
    in_arguments(kind_, value_, secret_)
at_reload()
helpful()
out.done()
