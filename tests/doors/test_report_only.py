#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A week on trial: a fleet's days are replayed with a clock of our own, once as
they would be and once with CERTGATE_REPORT_ONLY_UNTIL.  The log has exactly
the clients that would be refused, the others are decided as before, and the end
date ends it."""
import datetime
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, inprocess, pki, place, tap  # noqa: E402

DAY = 86400
BEGIN = 1893456000  # 2030-01-01, the first day of the trial
UNTIL = "2030-01-07"
DAYS = range(-1, 9)  # from the day before to the second after its end
CHANCE = random.Random(7)
known = cases.certificates()


def label(name):
    return f"{name:040x}"


# A CA, and the pattern of its entry, which is wrong.
LIFE = {"begin": datetime.datetime(2029, 1, 1), "end": datetime.datetime(2031, 1, 1)}
AUTHORITY = pki.Authority(place.temporary() / "ca", "/CN=Plant CA", **LIFE)
PUMP, REVOKED = (AUTHORITY.issue(name, "/CN=" + name, **LIFE)
                 for name in ("pump-1", "pump-2"))
AUTHORITY.revoke(REVOKED)
CRL = AUTHORITY.folder / "crl.pem"
CRL.write_text(AUTHORITY.crl(**LIFE))
LISTED = [label(n) for n in range(1, 9)]
ENDING = [label(n) for n in range(21, 26)]  # each on another day
DENIED = [label(n) for n in range(31, 33)]
STRANGERS = [label(n) for n in range(41, 46)]
LIST = "".join(
    [f"{pin} user=pump-{pin[-2:]} roles=sendToGroup groups=plant\n"
     for pin in LISTED] +
    [f"{pin} user=guest-{pin[-2:]} expires=2030-01-{n + 2:02}\n"
     for n, pin in enumerate(ENDING)] +
    [f"{label(50)} user=other-hub hub=ocpp\n",
     f"{label(51)} user=late not-before=2030-01-05\n",
     f"{label(52)} user=bound expires=2030-01-02 client-id=x\n"] +
    [f"deny {pin}\n" for pin in DENIED] +
    [f"ca:{AUTHORITY.path} crl={CRL} cn=pumps-*\n"])


def presented():
    """The events of every day: name and clientCertificates."""
    for pin in LISTED + ENDING + DENIED + STRANGERS + \
            [label(n) for n in range(50, 53)]:
        yield pin, [{"thumbprint": pin}]
    yield PUMP.sha1, PUMP.presented()
    yield REVOKED.sha1, REVOKED.presented()
    yield "whole", ["@device"]
    yield "forged", [{"thumbprint": LISTED[0],
                      "content": known["device"]["pem"]}]
    yield "none", []
    yield "nonsense", [{"thumbprint": "x"}]


def event(certificates, key=cases.KEY):
    row = {"certificates": certificates, "key": key}
    return cases.Case("event", {}, None, cases.own_request(row, known), {})


def decide(case, now, more, text=LIST):
    """Status, body and the log's fields."""
    (answer, log), = inprocess.run([inprocess.event(case, {
        "CERTGATE_ACCESS_KEYS": cases.KEY, "CASE_LIST": text,
        "CASE_NOW": str(now), **more})])
    answer = cgi.answer_of(answer)
    line = [x for x in log.splitlines() if "verdict=" in x][-1]
    fields = dict(f.split("=", 1) for f in line.split() if "=" in f)
    return answer.status, answer.body, fields


def is_report(strict, trial, name):
    """Accepted without roles; the log has client and reason."""
    status, body, fields = trial
    wanted = {"roles": []} | (
        {"userId": fields["sha1"]} if fields["sha1"] != "-" else {})
    return status == 200 and json.loads(body) == wanted and \
        fields["verdict"] == "allow" and \
        fields["reason"] == "report-only" and \
        fields["would"] == strict[2]["reason"] and \
        name in ("whole", fields["sha1"])


def compare(case, name, now, days_on):
    """The reported client ('' if none), and the faults."""
    trial_settings = {"CERTGATE_REPORT_ONLY_UNTIL": UNTIL}
    strict, trial = decide(case, now, {}), decide(case, now, trial_settings)
    reported = days_on and name not in (label(52), REVOKED.sha1) and \
        strict[2]["reason"] in ("not-listed", "content-needed",
                                "entry-name", "entry-expired")
    good = is_report(strict, trial, name) if reported else \
        (trial[:2], trial[2] | {"time": ""}) == \
        (strict[:2], strict[2] | {"time": ""})
    return trial[2].get("would", ""), \
        "" if good else f"{name}: {trial}, and without {strict}\n"


def week(out):
    for day in DAYS:
        said, faults = {}, ""
        for name, certificates in presented():
            now = BEGIN + day * DAY + CHANCE.randrange(DAY)
            would, fault = compare(event(certificates), name, now, day < 7)
            faults += fault
            if would:
                said[name] = would
        out.result(not faults, f"day {day + 1}: all but those reported fare "
                   "as ever", faults)
        wanted = {name: "content-needed" for name in STRANGERS}
        wanted["whole"] = "not-listed"
        wanted[PUMP.sha1] = "entry-name"
        wanted |= {pin: "entry-expired" for n, pin in enumerate(ENDING)
                   if day + 1 > n + 2}
        out.equal(said, wanted if day < 7 else {},
                  f"day {day + 1}: the log names exactly the clients that would be refused")


def edges(out):
    """The last second, and clients that no trial accepts."""
    on = {"CERTGATE_REPORT_ONLY_UNTIL": UNTIL}
    stranger = event([{"thumbprint": STRANGERS[0]}])
    end = BEGIN + 7 * DAY
    out.equal(decide(stranger, end - 1, on)[0], 200, "its last second")
    out.equal(decide(stranger, end, on)[0], 403, "the second after")
    out.equal(decide(stranger, BEGIN - 24 * DAY, on)[2]["reason"],
              "report-only", "31 days ahead")
    out.equal(decide(stranger, BEGIN - 25 * DAY - 1, on)[2]["reason"],
              "settings", "a day more is an error")
    forged = event([{"thumbprint": STRANGERS[0]}], key="not-the-key-of-ours")
    out.equal(decide(forged, BEGIN, on)[2]["reason"], "signature",
              "a wrong signature")
    out.equal(decide(stranger, BEGIN, on, "nonsense\n")[2]["reason"],
              "list-unreadable", "a list that is invalid")


def main():
    out = tap.Tap()
    week(out)
    edges(out)
    out.done()


main()
