#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate why: the last decisions about a client, by support code, connection,
user and pin, with the user of the entry and the fix."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, logs, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
log = base / "decisions"
PUMP = logs.certificate("pump")
configuration = processes.Configuration(
    base / "gate", {"CERTGATE_LOG": log},
    f"# pumps\n{PUMP['sha1']} user=pump-7 expires=2020-01-01\n")
LINES = [
    logs.accepted("valve", 900, user="valve-1", connection="v1"),
    logs.rejected("pump", 800, reason="entry-expired", line="2", code="k7m2",
                  connection="p1"),
    logs.rejected("pump", 700, reason="not-listed", line="1", code="k7m3"),
    logs.rejected("stranger", 600, code="k7m4"),
    logs.line(500, reason="a-reason-to-come", code="k7m5"),
    *(logs.line(490, reason=reason, code=reason)
      for reason in ("chain", "weak", "body")),
    *(logs.accepted("many", 400 - n, user="many") for n in range(9))]
log.write_text(logs.text(LINES))


def why(*arguments):
    return admin.run("why", *arguments, environment={
        "CERTGATE_CONFIG": str(configuration.file)})


def found(word):
    value = json.loads(why("--json", word).out)
    return [(d["reason"], d.get("user")) for d in value["last"]]


EXPIRED, OTHER = ("entry-expired", "pump-7"), ("not-listed", None)
for word, wanted in (
        ("k7m2", [EXPIRED]), ("p1", [EXPIRED]),
        ("valve-1", [("listed", "valve-1")]),
        (PUMP["sha1"], [OTHER, EXPIRED]), (PUMP["sha256"], [OTHER, EXPIRED]),
        (f"sha256:{PUMP['sha256']}", [OTHER, EXPIRED]),
        (f"spki:{PUMP['spki']}", [OTHER, EXPIRED]),
        (PUMP["sha1"].upper(), [OTHER, EXPIRED]),
        (":".join(PUMP["sha1"][n:n + 2] for n in range(0, 40, 2)),
         [OTHER, EXPIRED]), (PUMP["sha256"][:8], [OTHER, EXPIRED]),
        (PUMP["sha256"][:7], []), ("k7m", []), ("many", 5 * [("listed",
                                                             "many")])):
    out.equal(found(word), wanted, f"by {word}")
for word, words in (
        ("k7m2", "The entry has expired"),
        ("k7m4", "certgate pending, then certgate allow"),
        ("chain", "certgate explain FILE, then replace the file of ca:"),
        ("weak", "a stronger key"), ("body", "certgate explain EVENT"),
        ("k7m5", "A reason of another version."), ("many", "4 earlier decisions")):
    done = why(word)
    out.result(done.code == 0 and words in done.out, f"{word}: {words}", done)
escape = base / "escape"
escape.write_text(logs.text([logs.line(9, code="k7m6")]).replace(
    "verdict=deny", "verdict=\x1b[31mred"))
done = why("k7m6", "--log", escape)
out.result("red: No entry matches" in done.out and "\x1b" not in done.out,
           "a verdict is escaped", done)
done = why("nothing-like-it")
out.result(done.code == 1 and "no decision in the log matches" in done.out and
           "log begins " in done.out, "no match", done)
out.equal(why("x", "--log", base / "nowhere").code, 3, "no log")
configuration.write_list("broken\n")
out.equal(found("k7m2"), [("entry-expired", None)], "a list that is broken")
out.done()
