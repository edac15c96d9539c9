#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Bodies of connect events through the core alone: the rows of cases/body.tab,
equal members in every spelling and depth, limits, and a body in pieces: what is
not wholly understood is not read."""
import itertools
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, inprocess, place, tap  # noqa: E402

NOW = 1893456000  # 2030-01-01
DEPTH, VALUES = 16, 16384
SHA1 = cases.certificates()["device"]["sha1"]
READ = "no-certificate"
NAMES = ["thumbprint", "thumbprin\\u0074", "\\u0074humbprint",
         "th\\u0075mbprint"]
AROUND = ["%", '{"a":%}', '{"clientCertificates":[%]}',
          '{"a":[[0,{"b":%}]]}',
          '{"clientCertificates":[{"thumbprint":"x","y":%}]}']
WHOLE = ('{ "claims":{"a":["b\\u00e9\\n"]},"query":{}, "headers":{"x":["\\"\\\\'
         '"]},\r\n\t"subprotocols":["a","mqtt"],"clientCertificates":[{"thumb'
         'print":"%s"}],"n":[-1.5e+3,0,true,false,null]}' % SHA1).encode()


def reasons(bodies):
    return [d["reason"] for d in inprocess.decisions(
        [("# no entries\n", NOW, body) for body in bodies])]


def rows(out):
    table = [line.split("\t") for line in
             (place.CASES / "body.tab").read_text().splitlines()
             if not line.startswith("# ")]
    bodies = [urllib.parse.unquote_to_bytes(text.replace("@", SHA1))
              for text, _ in table]
    for (text, expected), got in zip(table, reasons(bodies)):
        out.equal(got, expected, text)


def equal_members(out):
    bodies = [around.replace("%", f'{{"{one}":"a","x":{{}},"{other}":"a"}}')
              for around, one, other in itertools.product(AROUND, NAMES, NAMES)]
    got = reasons([body.encode() for body in bodies])
    out.equal([b for b, r in zip(bodies, got) if r != "duplicate-member"], [],
              f"{len(bodies)} spellings of equal members")


def limits(out):
    """So much is read, one more is not."""
    for name, make, most in (
            ("arrays", lambda n: '{"a":' + "[" * n + "]" * n + "}", DEPTH - 1),
            ("objects", lambda n: '{"a":' * n + "1" + "}" * n, DEPTH),
            ("values", lambda n: '{"a":[0' + ",0" * n + "]}", VALUES - 3)):
        out.equal(reasons([make(n).encode() for n in (most, most + 1)]),
                  [READ, "body"], f"at most {most} {name}")
    many = "".join(f'"{i}{("name", "n" + chr(92) + "u0061me")[i % 2]}":0,'
                   for i in range(VALUES - 2))
    out.equal(reasons([f'{{{many}"{last}":0}}'.encode()
                       for last in ("5Nam\\u0065", "5nam\\u0065")]),
              [READ, "duplicate-member"], "as many names as there may be")


def pieces(out):
    """Cut short, or with a NUL in the place of a byte."""
    out.equal(reasons([WHOLE]), ["not-listed"], "a whole body")
    cut = [WHOLE[:n] for n in range(len(WHOLE))]
    out.equal(set(reasons(cut)), {"body"}, f"{len(cut)} that are cut")
    spoilt = [WHOLE[:n] + b"\0" + WHOLE[n + 1:] for n in range(len(WHOLE))]
    out.equal(set(reasons(spoilt)), {"body"}, f"{len(spoilt)} with a NUL")


def main():
    out = tap.Tap()
    rows(out)
    equal_members(out)
    limits(out)
    pieces(out)
    out.done()


main()
