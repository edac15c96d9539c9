#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""CERTGATE_LOG_FORMAT=json: every line that the program writes is JSON, also
those from before the settings are read, and those that say why they are not."""
import collections
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, fastcgi, place, processes, tap  # noqa: E402

VALIDATION = [(b"REQUEST_METHOD", b"OPTIONS"),
              (b"HTTP_WEBHOOK_REQUEST_ORIGIN", cases.ORIGIN.encode())]
EVENT = cases.Case("connect", {}, None, {
    "method": "POST", "path": "/eventhandler",
    "headers": cases.event_headers("azure.webpubsub.sys.connect", more={
        "ce-time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}),
    "body": cases.connect_body([], {}, {})}, None)
FULL = 500  # events, whose lines are more than a pipe takes
JSON = "CERTGATE_LOG_FORMAT=json\n"
out = tap.Tap()
base = place.temporary()
pin = cases.certificates()["device"]["sha1"]


def start(name, text, mode=0o644, environment=None, files=None):
    """The lines of a handler with these settings, after one answer."""
    configuration = processes.Configuration(base / name, {}, pin + "\n")
    configuration.file.write_text(text.replace("@", str(
        configuration.folder) + "/"), encoding="utf-8")
    configuration.file.chmod(mode)
    for file, content in (files or {}).items():
        path = configuration.folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    # Without the sandbox there is a line of the start on any kernel.
    handler = processes.Handler(configuration, arguments=["--no-sandbox"],
                                environment=environment)
    peer = fastcgi.Peer(handler.path)
    peer.send(fastcgi.request(VALIDATION))
    peer.answer()
    peer.close()
    out.equal(handler.close(), 0, f"{name}: the handler ends with 0")
    return configuration.log_since(0).splitlines()


def warned():
    """How often the log has a setting that needs a restart."""
    return configuration.log_since(0).count("changed: restart needed")


def says(name, lines, *words):
    """All lines are JSON, and among them these messages."""
    try:
        read = [json.loads(line) for line in lines]
        found = [[line for line in read if word in str(line)]
                 for word in words]
        good = all(found) and all("time" in line for line in read)
    except ValueError:
        good = False
    out.result(good, f"{name}: JSON from the first line on",
               f"expected {words} in\n" + "\n".join(lines))


says("good settings", start("good", JSON + "CERTGATE_LIST=@list\n"),
     "--no-sandbox", "without a check of their signature", "list 1: 1 entry",
     "'verdict': 'allow'")
says("a list with warnings", start(
    "warnings", JSON + "CERTGATE_LIST=@list\nCLIENT_CERT_THUMBPRINT="
    f"\u200e{pin}\n"), "invisible", "list 1: 1 entry")
says("a list that is invalid", start(
    "list", JSON + "CERTGATE_LIST=@bad\n", files={"bad": "nonsense\n"}),
    "bad:1:1", "'list': 'none'")
says("settings that are invalid", start(
    "settings", "CERTGATE_HUB=\n" + JSON), "CERTGATE_HUB: is set but empty")
says("an unknown name before it", start(
    "unknown", "CERTGATE_X=1\n" + JSON), "CERTGATE_X")
says("no end of the last line", start("end", JSON[:-1]), "no end")
says("an invalid value", start(
    "values", JSON + "CERTGATE_LOG=paper\n"), "an absolute path")
says("from the environment", start(
    "environment", "CERTGATE_LOG_FORMAT=text\nCERTGATE_HUB=\n",
    environment={"CERTGATE_LOG_FORMAT": "json"}),
    "CERTGATE_HUB: is set but empty")
says("settings that others can write", start(
    "unsafe", "", 0o666, {"CERTGATE_LOG_FORMAT": "json"}), "chmod o-w")
says("a secret that is missing", start(
    "secret", JSON + "CERTGATE_CODE_FILE=@none\n"), "none: No such file")
says("a site that is invalid", start(
    "sites", JSON, files={"sites/one.conf": "x\n"}),
    "site one: ", "has sites")

configuration = processes.Configuration(base / "hint", {}, pin + "\n")
handler = processes.Handler(configuration)
strangers = fastcgi.Peer(handler.path)
for _ in range(5):
    strangers.send(fastcgi.request(list(cgi.parameters(EVENT).items()),
                                   EVENT.body, keep=True))
    strangers.answer()
out.result(place.wait_for(
    lambda: "tls.clientCertEnabled" in configuration.log_since(0)),
    "no client has a certificate: a line says what that may be")
for text, wanted in (("CERTGATE_LOG_FORMAT=json\n", 1),
                     ("CERTGATE_LOG_FORMAT=json\nCERTGATE_HUB=x\n", 1),
                     ("CERTGATE_HUB=x\n", 1), ("CERTGATE_LOG=journal\n", 2)):
    before = configuration.log_since(0).count(" entry, sha256 ")
    new = configuration.file.with_suffix(".new")
    new.write_text(text + f"CERTGATE_LIST={configuration.list}\n")
    new.rename(configuration.file)
    out.result(place.wait_for(lambda: configuration.log_since(0).count(
        " entry, sha256 ") > before), "settings are reloaded")
    # A reload and what is said of it are in one turn of the handler.
    place.wait_for(lambda: warned() >= wanted)
    out.equal(warned(), wanted, "what needs a restart is said once")
out.equal(handler.close(), 0, "the handler ends with 0")



def send(path, kind, hub="chat"):
    case = cases.Case("event", {}, None, {
        "method": "POST", "path": "/eventhandler",
        "headers": cases.event_headers(kind, hub=hub), "body": "{}"}, None)
    peer = fastcgi.Peer(path)
    peer.send(fastcgi.request(list(cgi.parameters(case).items()), case.body))
    answer = peer.answer() or b""
    peer.close()
    return answer[8:11]


def summaries():
    """Accepted notifications: a line a minute and at the end; with more hubs
    than there is room for, and in plain CGI, earlier."""
    configuration = processes.Configuration(
        base / "summaries", {"CERTGATE_ACCESS_KEYS": cases.KEY}, pin + "\n")
    handler = processes.Handler(configuration)
    sys_, user = "azure.webpubsub.sys.", "azure.webpubsub.user."
    sent = collections.Counter()
    for kind, hub, times in ((sys_ + "connected", "chat", 3),
                             (sys_ + "connected", "b", 1),
                             (sys_ + "disconnected", "chat", 2),
                             (user + "message", "chat", 4),
                             *((user + "message", f"h{i}", 1)
                               for i in range(100))):
        for _ in range(times):
            sent[kind.split(".")[2 if sys_ not in kind else 3], hub] += \
                send(handler.path, kind, hub) == b"204"
    began = configuration.log_since(0)
    handler.close()
    found = collections.Counter()
    for d in processes.decisions(configuration.log_since(0)):
        found[d["event"], d["hub"]] += int(d["count"])
        if (d["verdict"], d["reason"], d["signed"], d["us"]) != \
                ("allow", "notified", "yes", "-"):
            out.result(False, "a summary", d)
    out.equal(found, sent, "accepted notifications are counted")
    out.result(0 < began.count("count=") < 100,
               "as often as there is no room for more", began)
    done = subprocess.run(
        [place.HANDLER], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=True, env=configuration.environment() | {
            n.decode(): v.decode() for n, v in cgi.parameters(cases.Case(
                "event", {}, None, {
                    "method": "POST", "path": "/eventhandler",
                    "headers": cases.event_headers(sys_ + "connected"),
                    "body": ""}, None)).items()})
    lines = [x for x in done.stderr.splitlines() if "level=warning" not in x]
    out.result(len(lines) == 1 and lines[0].endswith("count=1"),
               "plain CGI: one line", done.stderr)


def lost():
    """A log that is full keeps no answer waiting."""
    configuration = processes.Configuration(base / "lost", {}, pin + "\n")
    path = configuration.folder / "socket"
    with processes.listen(path) as listener:
        handler = subprocess.Popen(
            [place.HANDLER], stdin=listener, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=configuration.environment())
        kind = "azure.webpubsub.sys.connect"
        answers = [send(path, kind) for _ in range(FULL)]
        out.equal(answers, [b"403"] * FULL, "a full log: all are answered")
        log = os.read(handler.stderr.fileno(), 2 ** 20)
        out.result(0 < log.count(b"verdict=") < FULL, "not all have a line")
        answers = [send(path, kind) for _ in range(3)]
        handler.terminate()
        log += handler.communicate()[1]
    found = processes.decisions(log.decode())
    missing = [int(d["lost"]) for d in found if "lost" in d]
    out.equal(len(found) + sum(missing), FULL + 3,
              "lines and those that the next line counts")
    out.equal(len(missing), 1, "which are counted once")


summaries()
lost()
lines = start("text", "CERTGATE_HUB=\n" + JSON.replace("json", "text"))
out.result(lines and all(" certgate[" in line for line in lines),
           "text, where that is wanted", "\n".join(lines))
lines = start("neither", "CERTGATE_LOG_FORMAT=yaml\n")
out.result(lines and all(" certgate[" in line for line in lines),
           "text, where nothing that reads is", "\n".join(lines))

done = subprocess.run(
    [place.HANDLER, "--listen", base / "nowhere/socket"], capture_output=True,
    text=True, check=False, stdin=subprocess.DEVNULL,
    env=processes.bare_environment({"CERTGATE_LOG_FORMAT": "json"}))
out.result(done.returncode == 3 and "level=error " in done.stderr,
           "no socket: said as text", done)
out.done()
