# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Decision lines as the handler logs them: text, JSON, or a journal whose
trusted fields are chosen."""
import hashlib
import json
import subprocess
import time

from . import cases, processes

NOW = int(time.time())
TRUSTED = {"_SYSTEMD_UNIT": "certgate.service", "_UID": "110",
           "_EXE": "/usr/sbin/certgate.fcgi", "_TRANSPORT": "journal"}
OPTIONAL = ("would", "site", "verify", "subject", "count", "lost")
ORDER = ("verdict reason would event signed origin hub site user connection "
         "sha1 sha256 spki serial issuer not_after code list line verify skew "
         "us subject count lost").split()
known = cases.certificates()
# Markup and worse; each stands alone in a value, at most 128 bytes.
HOSTILE = [
    "<script>window.hit = 1</script>", '"><img src=x onerror="hit=1">',
    "' onmouseover='hit=1' x='", "</td></table><h2>All is well.</h2>",
    "</style><style>*{display:none}", "<svg/onload=hit=1>", "<!--", "]]>",
    "&lt;b&gt;&#60;i&#62;", "javascript:hit=1", "CN=\u202egro.erawlam",
    "<meta http-equiv=refresh content=0;url=//a.example>", "W" * 128,
    "\x1b[2J\x07\x00", b"\xff\xfe\xc0\xaf<b>", "<base href=//a.example>",
    "<link rel=stylesheet href=//a.example/x>", "Gr\u00fc\u00dfe \u6cf5\u7ad9"]


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def certificate(name, subject=None):
    """The fields of a certificate: one of the cases, or one that is made up of
    any word."""
    if name in known:
        own = {"sha1": known[name]["sha1"], "sha256": known[name]["sha256"]}
    else:
        own = {"sha1": hashlib.sha1(str(name).encode()).hexdigest(),
               "sha256": hashlib.sha256(str(name).encode()).hexdigest()}
    return own | {"spki": hashlib.sha256(f"key of {name}".encode()).hexdigest(),
                  "serial": "0a", "issuer": "CN=Plant CA",
                  "not_after": "2099-01-31T23:59:59Z",
                  "subject": subject or f"CN={name}"}


def line(ago=0, **fields):
    """A decision that many seconds ago: a pair of its time and its fields."""
    own = {"verdict": "deny", "reason": "not-listed", "event": "connect",
           "signed": "yes", "hub": "chat", "connection": "c", "list": "1",
           "skew": "0", "us": "40", **fields}
    return NOW - ago, {n: own.get(n) for n in ORDER
                       if n not in OPTIONAL or own.get(n) is not None}


def rejected(name, ago=0, subject=None, **fields):
    return line(ago, **{**certificate(name, subject), **fields})


def accepted(name, ago=0, **fields):
    own = {n: v for n, v in certificate(name).items() if n != "subject"}
    return line(ago, **{**own, "verdict": "allow", "reason": "listed",
                        **fields})


def hostile(count):
    """Refusals of which each name is hostile."""
    def word(n):
        return HOSTILE[n % len(HOSTILE)]
    return [rejected(f"stranger {n}", n, subject=word(n), issuer=word(n + 1),
                     hub=word(n + 2), user=word(n + 3), origin=word(n + 4),
                     code=word(n + 5), site=None,
                     reason="origin" if n % 7 == 1 else "not-listed")
            for n in range(count)]


def escape(value):
    data = value if isinstance(value, bytes) else value.encode()
    cut = b"..." if len(data) > 128 else b""
    return "".join(chr(c) if 0x21 <= c <= 0x7e and chr(c) not in '="\\'
                   else f"\\x{c:02x}" for c in data[:128]) + cut.decode()


def message(fields):
    return " ".join(f"{n}={escape(v) if v else '-'}"
                    for n, v in fields.items())


def text(lines, before=""):
    return "".join(f"{before}{stamp(t)} certgate[4711]: "
                   f"{fields if isinstance(fields, str) else message(fields)}\n"
                   for t, fields in lines)


def in_json(lines):
    def value(v):
        data = v if isinstance(v, bytes) else v.encode()
        return json.dumps(data[:128].decode("latin-1"))
    return "".join('{"time":"%s",%s}\n' % (stamp(t), ",".join(
        f'"{n}":{value(v) if v else "null"}' for n, v in fields.items()))
        for t, fields in lines)


def exported(lines, trusted=None):
    """Journal Export Format."""
    out = []
    for number, (t, fields) in enumerate(lines):
        own = {"__REALTIME_TIMESTAMP": t * 1000000 + number,
               "__MONOTONIC_TIMESTAMP": number + 1, "_BOOT_ID": "a" * 32,
               **(TRUSTED if trusted is None else trusted),
               "SYSLOG_IDENTIFIER": "certgate", "PRIORITY": 5}
        if isinstance(fields, str):
            own["MESSAGE"] = fields
        else:
            own["MESSAGE"] = message(fields)
            own |= {n.upper(): escape(v) if v else "-"
                    for n, v in fields.items()}
        out.append("".join(f"{n}={v}\n" for n, v in own.items()) + "\n")
    return "".join(out)


def journal(folder, *parts):
    """A folder with a journal of these texts of exported()."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    subprocess.run(
        [processes.find_in("systemd-journal-remote", "/lib/systemd"),
         "--split-mode=none", "-o", str(folder / "certgate.journal"), "-"],
        input="".join(parts).encode(), check=True, capture_output=True)
    return folder
