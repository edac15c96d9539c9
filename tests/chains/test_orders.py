#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The order of certificates and CRLs in an entry's files, and of the lines of
the list, does not change a verdict.  With a number as argument, so many orders
of each chain are tried together."""
import concurrent.futures
import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import chains, inprocess, place, suites, tap, x509  # noqa: E402
import generated  # noqa: E402

SEED = int(os.environ.get("SEED", random.randrange(2 ** 32)))
TOGETHER = tap.size(2)  # orders of certificates, CRLs and lines at once
EVERY = 20  # chains, of which one is tried with all orders of the lines


def lines_beside(folder):
    """Lines that allow nothing here: a CA with a name that the chains have, a
    client of other names, and a denied certificate."""
    other = x509.Certificate(x509.name("Root"), x509.key("p256", "beside"))
    alone = x509.Certificate(x509.name("CA 1"), x509.key("p256", "beside"))
    path = chains.written(folder, [other.pem, alone.pem])
    return [f"ca:{path} cn=*\n", f"ca:{path} cn=nothing\n",
            "deny " + "0" * 40 + "\n"]


def events(chain, folder, beside, chance, with_lines):
    """The event as it is given, then with other orders."""
    body = chain.body()
    own = chain.entry(folder)
    certificates = chains.orders(chain.authorities, chance)
    crls = chains.orders(chain.crls or (), chance)
    texts = [chain.entry(folder, order) for order in certificates]
    texts += [chain.entry(folder, None, order) for order in crls]
    if with_lines:
        texts += ["".join(order) for order in
                  chains.orders([own, *beside], chance)]
    for _ in range(TOGETHER):
        texts.append("".join(chance.sample([chain.entry(
            folder, chance.choice(certificates), chance.choice(crls)),
            *beside], 1 + len(beside))))
    for text in dict.fromkeys([own, *texts]):
        yield text, chain.now, body


def check(out, name, found, chance, folder):
    beside = lines_beside(folder)
    given, first = [], []
    for n, chain in enumerate(found):
        first.append(len(given))
        given += events(chain, folder, beside, chance, n % EVERY == 0)
    half = len(given) // 2
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        decided = sum(pool.map(inprocess.decisions,
                               (given[:half], given[half:])), [])
    for chain, begin, end in zip(found, first, [*first[1:], len(given)]):
        verdict = decided[begin]["verdict"]
        others = [n for n in range(begin + 1, end)
                  if decided[n]["verdict"] != verdict]
        out.result(not others, f"{name}: {chain.name}: {verdict} in "
                   f"{end - begin} orders", "".join(
                       f"{inprocess.details(decided[begin])}, but "
                       f"{inprocess.details(decided[n])} with\n{given[n][0]}"
                       for n in others[:3]))
    print(f"# {name}: {len(given)} orders of {len(found)} chains")


def main():
    print(f"# SEED={SEED}")
    out = tap.Tap()
    folder = place.temporary()
    chance = random.Random(SEED)
    check(out, "generated", [
        chain.files() for n, chain in enumerate(generated.all_chains())
        if not chain.name.startswith("3-deep") or n % 4 == 0], chance, folder)
    if suites.has("pkits"):
        check(out, "pkits", list(suites.pkits()), chance, folder)
    else:
        print("# pkits: not run: not in CERTGATE_SUITES")
    out.done()


main()
