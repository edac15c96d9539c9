#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Generated chains, and as many by chance as the argument says, with the verdict
of `openssl verify`, by its library, for the expected one, but for the differences
that are listed here."""
import collections
import os
import pathlib
import random
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import inprocess, place, tap  # noqa: E402
import generated  # noqa: E402
import judge  # noqa: E402

SEED = int(os.environ.get("SEED", random.randrange(2 ** 32)))
WANTED = 200
# Why certgate differs: the verdict, and the names of such chains.
DIFFERENT = {
    "a file with a delta CRL is refused": (
        "deny", r"crl/.*/(good-and-delta|delta|revoked-in-delta)"),
    "a file with a CRL that OpenSSL never applies is refused": (
        "deny", r"crl/.*/good-and-"
        r"(attribute|indirect|reasons|unknown-critical)"),
    "an entry removeFromCRL is a revocation in a complete CRL": (
        "deny", r"crl-entry/reason-8"),
    "a file with a certificate that is not a CA's is refused": (
        "deny", r".*[/:]no-constraints( .*)?|one-name/.*renewed/no-ca/new.*|"
        r"beside/client.*|self-issued/client-is-the-file"),
}


def different(name):
    """(verdict, why) of a listed difference; (None, None) if there is none."""
    for why, (verdict, pattern) in DIFFERENT.items():
        if re.fullmatch(pattern, name):
            return verdict, why
    return None, None


def main():
    out = tap.Tap()
    folder = place.temporary()
    print(f"# SEED={SEED}")
    made = [*generated.all_chains(), *generated.by_chance(
        tap.size(100), random.Random(SEED))]
    decided = inprocess.decisions(
        [chain.files().event(folder) for chain in made])
    judged = list(map(judge.accepts, made))
    used, verdicts = set(), collections.Counter()
    for chain, decision, (good, said) in zip(made, decided, judged):
        wanted, why = different(chain.name)
        if wanted is None or wanted == ("allow" if good else "deny"):
            wanted = "allow" if good else "deny"
        else:
            used.add(why)
        verdicts[decision["verdict"]] += 1
        out.result(decision["verdict"] == wanted,
                   f"{chain.name}: {wanted}",
                   f"{inprocess.details(decision)}\n"
                   f"{said or 'OpenSSL accepts it'}")
    out.result(out.count >= WANTED, f"at least {WANTED} chains", out.count)
    for why in DIFFERENT:
        out.result(why in used, f"among them: {why}")
    print(f"# {out.count} chains: {dict(verdicts)}")
    out.done()


main()
