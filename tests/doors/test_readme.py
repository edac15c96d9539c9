#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""README.md says what the program does: its tables are the program's, its
options those of --help, its examples are run, its sample of ./bootstrap run is
what that prints.  --tables prints the tables."""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, emulator, inprocess, pki, place  # noqa: E402
from harness import processes, tap  # noqa: E402


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


def pattern_of(sample):
    """… stands for anything, on a line of its own for lines."""
    return re.escape(sample).replace("\n…\\\n", "\n(?:.*\n)*?") \
        .replace("…", ".*")


def test_sample(out, text):
    pattern = pattern_of(
        re.search(r"```\n(what was sent.*?)```", text, re.DOTALL)[1])
    got = subprocess.run(
        [place.SOURCE / "tests/demo/run.py", "--build", place.BUILD],
        capture_output=True, text=True, check=False)
    shown = got.stdout.partition("\n\n")[2]
    out.result(got.returncode == 0 and re.fullmatch(pattern, shown),
               "README.md: the sample of ./bootstrap run",
               shown + got.stderr)


def typed(out, text):
    """What is typed in a clone that was built, in one shell, and what comes of
    it."""
    folder = place.temporary()
    (folder / "build").mkdir()
    for program in (place.HANDLER, admin.COMMAND):
        (folder / "build" / pathlib.Path(program).name).symlink_to(program)
    block = re.search(r"```console\n(.*?)```", text, re.DOTALL)[1]
    commands = re.findall(r"^\$ (.*\n)", block, re.MULTILINE)
    (folder / "commands").write_text("".join(commands))
    pattern = pattern_of(re.sub(r"^\$ ", "", block, flags=re.MULTILINE))
    done = subprocess.run(
        ["bash", "-e", "-v", "commands"], cwd=folder, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=processes.bare_environment())
    said = done.stdout.replace("\r", "").strip() + "\n"
    out.result(len(commands) > 4 and done.returncode == 0 and
               re.fullmatch(pattern, said),
               f"README.md: {len(commands)} commands without installing",
               f"{done.returncode}: {pattern}\n{said}")


def administrator(out, text):
    """The commands of each way of working, and what explain says, with the
    folder of a test in the place of /etc/certgate; … stands for anything."""
    folder = place.temporary()
    (folder / "list").write_text("# no entries\n")
    (folder / "list").chmod(0o640)
    (folder / "certificates").mkdir()
    ca = pki.Authority(folder / "ca", "/CN=Plant CA")
    for number in (7, 8, 9):
        found = ca.issue(f"pump-{number}", f"/CN=pump-{number}").pem
        (folder / f"pump-{number}.pem").write_text(found)
        (folder / "certificates" / f"{number}.pem").write_text(found)
    (folder / "plant-ca.pem").write_text(ca.pem)
    (folder / "plant.crl").write_text(ca.crl())
    environment = processes.bare_environment(
        {"CERTGATE_LIST": str(folder / "list")})
    environment["PATH"] = f"{place.BUILD}:/usr/bin:/bin"
    section = text.partition("## Who may come in")[2].partition("\n## ")[0]
    said, commands = "", 0
    for block in re.findall(r"```\n(.*?)```", section, re.DOTALL):
        block = block.replace("/etc/certgate", str(folder))
        if not block.startswith("certgate "):
            pattern = r"\s*".join(re.escape(line).replace("…", ".*?")
                                  for line in block.splitlines())
            pattern = re.sub(r"list:\d+:\\ \w+", r"list:\\d+:\\ \\w+", pattern)
            out.result(re.search(pattern, said, re.DOTALL),
                       f"README.md: {block[:30]!r}…", f"{pattern}\n{said}")
            continue
        for line in block.splitlines():
            done = subprocess.run(line, shell=True, cwd=folder, text=True,
                                  capture_output=True, check=False,
                                  env=environment)
            said = done.stdout
            commands += 1
            out.result(done.returncode == 0, f"README.md: {line[:50]}",
                       f"{done.returncode}: {said}{done.stderr}")
    out.result(commands > 5, f"README.md: {commands} commands ran")
    for name, reason in (("pump-8", "listed"), ("pump-9", "denied")):
        done = subprocess.run(
            ["certgate", "explain", name + ".pem"], cwd=folder, text=True,
            capture_output=True, check=False, env=environment)
        out.result(f"reason    {reason}:" in done.stdout,
                   f"README.md: {name} is {reason}",
                   done.stdout + done.stderr)


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
    typed(out, text)
    administrator(out, text)
    tour = (place.SOURCE / "src/README.md").read_text(encoding="utf-8")
    for path in sorted((place.SOURCE / "src").rglob("*.c")):
        name = path.stem
        out.result(re.search(rf"`{name}`|`{name}\.c`", tour),
                   f"src/README.md names {path.relative_to(place.SOURCE)}")
    out.done()


main()
