#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Parameters of a request through the core alone, as a web server may hand them
over: each alone, twice and joined from two lines; names that only look like one;
lengths, types, codes and signatures."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, inprocess, processes, tap  # noqa: E402

LINES = 4  # of a header that is a list
known = cases.certificates()
CASE = cases.Case("", {}, None, {
    "method": "POST", "path": "/eventhandler",
    "headers": cases.event_headers("azure.webpubsub.sys.connect"),
    "body": cases.connect_body(["@device"], known, {})}, None)
GOOD = {n.decode(): v.decode() for n, v in cgi.parameters(CASE).items()}
SIGNATURE = GOOD["HTTP_CE_SIGNATURE"]
ZERO = "sha256=" + "0" * 64
# name: whether ", " in it means two lines that were joined
ONCE = {"REQUEST_METHOD": False, "QUERY_STRING": False, "CONTENT_TYPE": False,
        "CONTENT_LENGTH": False, "REMOTE_USER": False, "AUTH_TYPE": False,
        "HTTP_CE_SPECVERSION": True, "HTTP_CE_TYPE": True, "HTTP_CE_HUB": True,
        "HTTP_CE_CONNECTIONID": True, "HTTP_CE_EVENTNAME": True,
        "HTTP_CE_USERID": False, "HTTP_CE_SUBPROTOCOL": False,
        "HTTP_CE_PHYSICALCONNECTIONID": True}
LISTS = ("HTTP_CE_SIGNATURE", "HTTP_WEBHOOK_REQUEST_ORIGIN")
N = str(len(CASE.body))
# What changes, and the reason then; "": whatever it is, the event is listed.
LENGTHS = {N: "", "0": "length", "": "", "0" + N: "", "+" + N: "length",
           "-" + N: "length", " " + N: "length", N + " ": "length",
           hex(len(CASE.body)): "length",
           str(2 ** 64 + len(CASE.body)): "length"}
TYPES = {"application/json": "", "Application/JSON": "",
         "application/json; charset=utf-8": "", "application/json ;x": "",
         " application/json": "", **dict.fromkeys((
             "application/json,text/plain", "application/jsonp",
             "application/cloudevents+json", "text/plain; application/json",
             ";application/json", ""), "content-type")}
CODES = {"code=A %26": "", "x=1&code=%41%20%26&y": "", "code=%41+%26": "code",
         "code": "code", "code=": "code", "": "code", "Code=%41%20%26": "",
         "code=A%20%26&code=A%20%26": "code", "code=A%20%2": "code",
         "code=A%20%zz": "code", "xcode=A%20%26": "code",
         "code=A%20%26" + "x" * 20: "code"}
SIGNATURES = {
    SIGNATURE: "", ZERO + "," + SIGNATURE: "", ZERO + ", " + SIGNATURE: "",
    "md5=1," + SIGNATURE: "", "sha256=" + SIGNATURE[7:].upper(): "",
    ZERO: "signature", SIGNATURE + "0": "signature",
    "sha1" + SIGNATURE: "signature", "": "no-signature",
    " ,, ": "no-signature", (ZERO + ",") * 15 + SIGNATURE: "",
    (ZERO + ",") * 16 + SIGNATURE: "signature"}
NAMES = {**dict.fromkeys((
    "CERTGATE_HUB=a", "CERTGATE_=a", "CLIENT_CERT_THUMBPRINT=",
    "WebPubSubConnectionString=x", "HTTP_CERTGATE_HUB=a",
    "HTTP_CERTGATE_SITE=a", "certgate_hub=a", "CERTGATE_HUB", "=CERTGATE_HUB"),
    ""), **dict.fromkeys((
        "CERTGATE_SITE=a", "CERTGATE_SITE=", "REDIRECT_CERTGATE_SITE=a"),
        "site")}
# A method and a type are looked at before.
UNCLEAR = ("malformed-request", "method", "unknown-event")
out = tap.Tap()


asked = []  # what, whether a reason is right, its event


def expect(what, strings, reason, code=None):
    """One reason, several, or "" for an event that is accepted."""
    settings = {"CERTGATE_ACCESS_KEYS": f"another-key-of-nobody012,{cases.KEY}",
                "CERTGATE_HUB": "chat", "CERTGATE_ORIGINS": cases.ORIGIN,
                "CASE_LIST": known["device"]["sha1"] + "\n",
                "CASE_NOW": "1893456000"}
    if code:
        settings["CERTGATE_CODE"] = code
    good = (reason or "listed",) if isinstance(reason, str) else reason
    asked.append((what, good, (
        inprocess.strings(processes.bare_environment(settings).items()),
        "".join(s + "\0" for s in [*strings, ""]).encode(), CASE.body)))


def changed(name, *values):
    """The event with these values of name, each a parameter of its own."""
    return [f"{n}={v}" for n, v in GOOD.items() if n != name] + \
        [f"{name}={v}" for v in values]


def each():
    for name, joined in ONCE.items():
        good = GOOD.get(name, "a=b,c")
        for twice in ((good, good), (good, ""), ("", good)):
            expect(f"{name} twice: {twice}", changed(name, *twice), UNCLEAR)
        if joined:
            expect(f"{name}: joined", changed(name, f"{good}, {good}"), UNCLEAR)
    for name in LISTS:
        for n in range(1, LINES + 2):
            expect(f"{name}: {n} times", changed(name, *[GOOD[name]] * n),
                   "malformed-request" if n > LINES else "")
    for name in (*ONCE, *LISTS):
        expect(f"{name}S", changed(name + "S", "x"), "")


def rows():
    for name, table, more in (("CONTENT_LENGTH", LENGTHS, {}),
                              ("CONTENT_TYPE", TYPES, {}),
                              ("QUERY_STRING", CODES, {"code": "A &"}),
                              ("HTTP_CE_SIGNATURE", SIGNATURES, {})):
        for value, reason in table.items():
            expect(f"{name}={value[-90:]}", changed(name, value), reason,
                   **more)
    expect("two signatures", changed("HTTP_CE_SIGNATURE", ZERO, SIGNATURE), "")
    expect("no signature", changed("HTTP_CE_SIGNATURE"), "no-signature")
    expect("of another connection", changed("HTTP_CE_CONNECTIONID",
                                            cases.CONNECTION.upper()),
           "signature")


def names():
    """What a client can set by a header is neither a setting nor a site."""
    whole = [f"{n}={v}" for n, v in GOOD.items()]
    for string, reason in NAMES.items():
        expect(string, whole + [string], reason)


def comma():
    """A connection id that looks like two joined lines is an MQTT client's."""
    physical = "HTTP_CE_PHYSICALCONNECTIONID="
    rest = [f"{n}={v}" for n, v in GOOD.items()
            if n not in ("HTTP_CE_CONNECTIONID", "HTTP_CE_SIGNATURE")]
    signed = "HTTP_CE_SIGNATURE=" + cases.signature(cases.KEY, "a, b")
    joined = "HTTP_CE_CONNECTIONID=a, b"
    for more, reason in (
            ([joined, physical + "p"], ""), ([physical + "p", joined], ""),
            ([joined, physical], "malformed-request"),
            ([joined, "HTTP_CE_CONNECTIONID=c", physical + "p"],
             "malformed-request")):
        expect(str(more), [*rest, signed, *more], reason)


each()
rows()
names()
comma()
for (what, good, _), (_, log) in zip(
        asked, inprocess.run([event for _, _, event in asked])):
    out.result(processes.decisions(log)[-1]["reason"] in good, what,
               f"expected {good}\n{log}")
out.done()
