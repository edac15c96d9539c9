#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Public suites against the tables beside this file.  A table has a line for
each case: name, what the suite expects (accept, refuse, either), what certgate
does (accept, refuse), and a reason where the two differ."""
import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import inprocess, place, suites, tap  # noqa: E402

# All reasons for which certgate differs from a suite; at most eight.
REASONS = {
    "pkits": {
        "policies": "certificate policies are not evaluated",
        "indirect": "an indirect CRL is refused",
        "partial": "a CRL for some reasons only is refused",
        "delta": "a delta CRL is refused",
        "other-key": "the CRL is signed by another key than the certificate",
        "dsa": "DSA key",
    },
    "json": {
        "strict": "equal members or a NUL in a name, refused by design",
    },
}
# Refusals that are about a chain.
CHAIN = {"certificate", "certificate-expired", "certificate-not-yet", "chain",
         "crl", "list-unreadable", "not-listed", "purpose", "revoked", "weak"}
SAMPLE = """
a accept accept
b refuse refuse
c refuse accept known
d either refuse
"""


def rows(text):
    """{name: (expected, verdict, reason or None)}; a repeated name has a fault
    as its reason."""
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, expected, verdict, *more = line.split()
        found[name] = (expected, verdict, "two lines" if name in found
                       else " ".join(more) or None)
    return found


def faults_of_table(table, reasons):
    """The faults of the table alone."""
    for name, (expected, verdict, reason) in table.items():
        if expected not in ("accept", "refuse", "either") or \
                verdict not in ("accept", "refuse"):
            yield f"{name}: invalid line"
        differs = verdict != expected and expected != "either"
        if differs and reason is None:
            yield f"{name}: differs without a reason"
        if reason is not None and not differs:
            yield f"{name}: a reason, but no difference"
        if reason is not None and reason not in reasons:
            yield f"{name}: unknown reason: {reason}"
    for reason in reasons:
        if all(reason != row[2] for row in table.values()):
            yield f"no case has the reason {reason}"


def faults(table, reasons, found):
    """found: {name: (expected by the suite, verdict, details)}."""
    yield from faults_of_table(table, reasons)
    for name in sorted(set(found) - set(table)):
        yield f"{name}: not in the table"
    for name in sorted(set(table) - set(found)):
        yield f"{name}: not in the suite"
    for name in sorted(set(table) & set(found)):
        expected, verdict, details = found[name]
        if expected != table[name][0]:
            yield f"{name}: the suite expects {expected}"
        if verdict != table[name][1]:
            yield f"{name}: {verdict}, the table has {table[name][1]}: " \
                f"{details}"


def check_checks(out):
    """Each check finds a fault that is planted for it."""
    table = rows(SAMPLE)
    found = {name: (row[0], row[1], "") for name, row in table.items()}
    out.equal(list(faults(table, ["known"], found)), [], "a correct table")
    planted = {
        "a changed verdict": ("", "", {"b": ("refuse", "accept", "")}),
        "a verdict in place of either": ("", "",
                                         {"d": ("either", "accept", "")}),
        "another expectation": ("", "", {"a": ("refuse", "accept", "")}),
        "a case that the table lacks": ("", "",
                                        {"e": ("accept", "accept", "")}),
        "a case that the suite lacks": ("", "e accept accept", {}),
        "a case in two lines": ("", "a accept accept", {}),
        "a difference without reason": (" known", "", {}),
        "an unknown reason": (" known", " other", {}),
        "a reason without difference": ("", "b refuse refuse known", {}),
    }
    for name, (without, more, changed) in planted.items():
        text = SAMPLE.replace(without, more, 1) if without \
            else SAMPLE + more
        out.result(list(faults(rows(text), ["known"], {**found, **changed})),
                   f"found: {name}")
    out.result(list(faults(table, ["known", "unused"], found)),
               "found: a reason that no case has")


def pkits_verdicts():
    chains, folder = list(suites.pkits()), place.temporary()
    decided = inprocess.decisions(
        chain.event(folder) for chain in chains)
    for chain, decision in zip(chains, decided):
        yield chain.name, chain.expected, decision, \
            decision["reason"] == "listed" or decision["reason"] in CHAIN


def json_verdicts():
    texts = list(suites.json_texts())
    decided = inprocess.decisions(
        (text, suites.NOW, body) for text, body in
        (suites.json_event(text) for _, text, _ in texts))
    for (name, _, expected), decision in zip(texts, decided):
        yield name, expected, decision, decision["reason"] in (
            "listed", "body", "duplicate-member")


def summary(table, reasons):
    """The numbers for SECURITY.md."""
    counts = collections.Counter(row[2] for row in table.values() if row[2])
    different = sum(counts.values())
    either = sum(row[0] == "either" for row in table.values())
    text = f"{len(table)} cases, {len(table) - different - either} equal, "
    if either:
        text += f"{either} left to the parser, "
    text += f"{different} different"
    for reason, count in counts.most_common():
        text += f"\n#   {count}: {reasons.get(reason, reason)}"
    return text


def check_suite(out, name, table, verdicts):
    found, causes = {}, []
    for case, expected, decision, meant in verdicts:
        verdict = "accept" if decision["reason"] == "listed" else "refuse"
        found[case] = (expected, verdict, inprocess.details(decision))
        if not meant:
            causes.append(f"{case}: {inprocess.details(decision)}")
    wrong = list(faults(table, REASONS[name], found))
    for fault in wrong:
        print(f"# {name}: {fault}")
    out.result(not wrong, f"{name}: {len(found)} cases as in the table",
               f"{len(wrong)} faults")
    out.equal(causes, [], f"{name}: each reason belongs to the suite")
    print(f"# {name}: {summary(table, REASONS[name])}")


def main():
    out = tap.Tap()
    check_checks(out)
    out.result(sum(map(len, REASONS.values())) <= 8, "at most eight reasons")
    for name, verdicts in (("pkits", pkits_verdicts), ("json", json_verdicts)):
        table = rows((pathlib.Path(__file__).parent / f"{name}.tab")
                     .read_text(encoding="utf-8"))
        out.equal(list(faults_of_table(table, REASONS[name])), [],
                  f"{name}: the table is consistent")
        if suites.has(name):
            check_suite(out, name, table, verdicts())
        else:
            print(f"# {name}: not run: not in CERTGATE_SUITES")
    out.done()


main()
