#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The vendor's own handler library and certgate, given the same events: where
they differ is the table in VENDOR.md, and nowhere else.  --write puts it there,
for a person to read."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, clients, door, place  # noqa: E402
from harness import tap  # noqa: E402

DOCUMENT = clients.SOURCES / "VENDOR.md"
SHA1 = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{2}[ :-]*){20}(?![ :-]*[0-9a-f])")


def pins(case):
    """The SHA-1 thumbprints of a configuration, as the library can have them:
    all that stand in it, whatever stands beside them."""
    text = (case.settings.get("CLIENT_CERT_THUMBPRINT", "") + "\n" +
            (case.list or "")).lower()
    return [re.sub("[^0-9a-f]", "", found) for found in SHA1.findall(text)]


def configuration(case):
    origins = case.settings.get("CERTGATE_ORIGINS", "*")
    return {"hubs": re.split("[, ]+", case.settings.get("CERTGATE_HUB", "*")),
            "origins": None if origins == "*" else re.split("[, ]+", origins),
            "allow": pins(case)}


def meaning(case, answer):
    """What the service makes of an answer."""
    if case.method == "OPTIONS":
        allowed = answer.header("WebHook-Allowed-Origin") or ""
        asked = case.headers.get("WebHook-Request-Origin", "")
        agreed = answer.status == 200 and (
            "*" in allowed or asked in re.split(", *", allowed))
        return "yes" if agreed else "no"
    if answer.status in (0, 408) or answer.status >= 500:
        return "retried"
    return "yes" if answer.status < 300 else "no"


def ask_certgate(case, settings):
    environment = {n.encode(): v.encode()
                   for n, v in settings.environment().items()}
    environment.update(cgi.parameters(case))
    done = subprocess.run([place.HANDLER], input=case.body, env=environment,
                          capture_output=True, timeout=60, check=False)
    reasons = re.findall(r" reason=(\S+)", done.stderr.decode("latin-1"))
    return cgi.answer_of(done.stdout), reasons[-1] if reasons else "-"


def compare():
    """For each case: its name, certgate's reason, and what both mean."""
    base = place.temporary()
    configured = door.configured(base, [
        case for case in cases.all_cases()
        if not getattr(case, "only_inprocess", False) and not case.parameters])
    process, ports = clients.vendor_handlers(
        [configuration(group[0]) for _, group, _ in configured],
        base / "library.log")
    found = []
    try:
        for (_, group, settings), port in zip(configured, ports):
            for case in group:
                answer, reason = ask_certgate(case, settings)
                found.append((case.name, reason, meaning(case, answer),
                              meaning(case, door.send(port, case))))
    finally:
        process.terminate()
        process.wait()
    return found


def table(found):
    rows = {}
    for name, reason, ours, theirs in found:
        if ours != theirs:
            rows.setdefault((ours, reason, theirs), []).append(name)
    lines = ["| certgate | reason | library | cases |", "|---|---|---|---|"]
    for (ours, reason, theirs), names in sorted(rows.items()):
        lines.append(f"| {ours} | `{reason}` | {theirs} | "
                     f"{', '.join(sorted(names))} |")
    return "\n".join(lines) + "\n"


def main():
    clients.prepare()
    found = compare()
    text = DOCUMENT.read_text(encoding="utf-8")
    head, mark, documented = text.partition("| certgate |")
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(head + table(found), encoding="utf-8")
        return
    out = tap.Tap()
    out.equal((mark + documented).splitlines(), table(found).splitlines(),
              "VENDOR.md has every difference (else: test_vendor.py --write)")
    same = [row for row in found if row[2] == row[3]]
    for name, _, ours, _ in same:
        out.result(True, f"{name}: {ours}, both")
    for kind in ("yes", "no"):
        out.result(sum(row[2] == kind for row in same) > 50,
                   f"many cases in which both say {kind}")
    name, reason, ours, theirs = same[0]
    other = "no" if ours == "yes" else "yes"
    out.result(table(found + [(name, reason, other, theirs)]) not in text,
               "a planted difference is found")
    out.done()


main()
