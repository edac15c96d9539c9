#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""README.md says what the program does: its tables are the program's, its
options those of --help, its example is run, its sample of ./bootstrap run is what
that prints.  --tables prints the tables."""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import emulator, inprocess, place, processes, tap  # noqa: E402


def settings_table():
    lines = ["| setting | value | default |", "|---|---|---|"]
    for name, expected, standard in inprocess.printed("--settings"):
        lines.append(f"| `{name}` | {expected} | {standard} |")
    return "\n".join(lines)


def reasons_table():
    lines = ["| reason | status | |", "|---|---|---|"]
    for name, statuses, text in inprocess.reasons():
        lines.append(f"| `{name}` | {statuses} | {text} |")
    return "\n".join(lines)


def test_sample(out, text):
    """In the sample, … stands for anything, on a line of its own for lines."""
    sample = re.search(r"```\n(what was sent.*?)```", text, re.DOTALL)[1]
    pattern = re.escape(sample).replace("\n…\\\n", "\n(?:.*\n)*?") \
        .replace("…", ".*")
    got = subprocess.run(
        [place.SOURCE / "tests/demo/run.py", "--build", place.BUILD],
        capture_output=True, text=True, check=False)
    shown = got.stdout.partition("\n\n")[2]
    out.result(got.returncode == 0 and re.fullmatch(pattern, shown),
               "README.md: the sample of ./bootstrap run",
               shown + got.stderr)


def main():
    if sys.argv[1:] == ["--tables"]:
        print(settings_table() + "\n\n" + reasons_table())
        return
    out = tap.Tap()
    text = (place.SOURCE / "README.md").read_text(encoding="utf-8")
    out.result(settings_table() in text, "README.md has every setting",
               settings_table())
    out.result(reasons_table() in text, "README.md has every reason",
               reasons_table())
    if emulator.PROGRAM.exists():
        test_sample(out, text)
    link = place.SOURCE / "README"  # in a release tarball it is a copy
    out.result(link.read_text(encoding="utf-8") == text and
               (not (place.SOURCE / ".git").exists() or
                (link.is_symlink() and os.readlink(link) == "README.md")),
               "README is a link to README.md")
    usage = subprocess.run([place.HANDLER, "--help"], capture_output=True,
                           text=True, check=True,
                           env=processes.bare_environment()).stdout
    known = set(re.findall(r"--[a-z][a-z-]+", usage))
    for option in set(re.findall(r"certgate\.fcgi (--[a-z-]+)", text)) | \
            set(re.findall(r"(--listen[a-z-]*)", text)):
        out.result(option in known, f"README.md: {option} is an option",
                   known)
    for word in re.findall(r"\bCERTGATE_[A-Z_]+", text):
        out.result(word in {n for n, _, _ in inprocess.printed("--settings")} |
                   {"CERTGATE_CONFIG", "CERTGATE_SITE", "CERTGATE_FCGID",
                    "CERTGATE_CGID"},
                   f"README.md: {word} exists")
    for path in re.findall(r"`((?:src|tests|www|debian|deploy)/[\w./]*)`", text):
        out.result((place.SOURCE / path).exists(), f"README.md: {path} is there")
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        command, _, wanted = block.partition("\n")
        environment = processes.bare_environment()
        environment["PATH"] = f"{place.BUILD}:/usr/bin:/bin"
        got = subprocess.run(command.removeprefix("$ "), shell=True,
                             capture_output=True, text=True, check=False,
                             env=environment).stdout
        out.equal(got.replace("\r", "").strip(), wanted.strip(),
                  f"README.md: {command[2:50]}…")
    tour = (place.SOURCE / "src/README.md").read_text(encoding="utf-8")
    for path in sorted((place.SOURCE / "src").rglob("*.c")):
        name = path.stem
        out.result(re.search(rf"`{name}`|`{name}\.c`", tour),
                   f"src/README.md names {path.relative_to(place.SOURCE)}")
    out.done()


main()
