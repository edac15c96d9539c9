#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""README.md and the pages of docs/ say what the program does: their examples are
run, the sample of ./bootstrap run is what that prints, and every option,
setting, file and link is there."""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, emulator, inprocess, pages, pki  # noqa: E402
from harness import place, processes, tap  # noqa: E402


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
               f"docs: {len(commands)} commands without installing",
               f"{done.returncode}: {pattern}\n{said}")


def administrator(out, text):
    """The commands of docs/list.md and docs/ca.md, and what explain says, with
    the folder of a test in the place of /etc/certgate; … stands for anything."""
    folder = place.temporary()
    (folder / "list").write_text("# no entries\n")
    (folder / "list").chmod(0o640)
    (folder / "certificates").mkdir()
    ca = pki.Authority(folder / "ca", "/CN=Plant CA")
    for number in (7, 8, 9):
        found = ca.issue(f"pump-{number}", f"/CN=pump-{number}").pem
        (folder / f"pump-{number}.pem").write_text(found)
        (folder / "certificates" / f"{number}.pem").write_text(found)
    (folder / "pump-8-new.pem").write_text(
        ca.issue("pump-8-new", "/CN=pump-8").pem)
    root = pki.Authority(folder / "root", "/CN=Root CA")
    for name, authority in (("plant-ca.pem", ca), ("issuing.pem", ca),
                            ("root.pem", root)):
        (folder / name).write_text(authority.pem)
    for name, authority in (("plant.crl", ca), ("issuing.crl", ca),
                            ("root.crl", root)):
        (folder / name).write_text(authority.crl())
    environment = processes.bare_environment(
        {"CERTGATE_LIST": str(folder / "list")})
    environment["PATH"] = f"{place.BUILD}:/usr/bin:/bin"
    said, commands = "", 0
    for block in pages.blocks(text):
        block = block.replace("/etc/certgate", str(folder))
        if not block.startswith(("certgate ", "cat ")):
            pattern = r"\s*".join(re.escape(line).replace("…", ".*?")
                                  for line in block.splitlines())
            pattern = re.sub(r"list:\d+:\\ \w+", r"list:\\d+:\\ \\w+", pattern)
            out.result(re.search(pattern, said, re.DOTALL),
                       f"docs: {block[:30]!r}…", f"{pattern}\n{said}")
            continue
        for line in block.splitlines():
            done = subprocess.run(line, shell=True, cwd=folder, text=True,
                                  capture_output=True, check=False,
                                  env=environment)
            said = done.stdout
            commands += 1
            out.result(done.returncode == 0, f"docs: {line[:50]}",
                       f"{done.returncode}: {said}{done.stderr}")
    out.result(commands > 5, f"docs: {commands} commands ran")
    for name, reason in (("pump-8", "listed"), ("pump-9", "denied")):
        done = subprocess.run(
            ["certgate", "explain", name + ".pem"], cwd=folder, text=True,
            capture_output=True, check=False, env=environment)
        out.result(f"reason    {reason}:" in done.stdout,
                   f"docs: {name} is {reason}",
                   done.stdout + done.stderr)


LINES_MAX = 200  # of README.md

# Commands that another test runs, or that none can, and why.
ELSEWHERE = {
    "./bootstrap ": ".ci/run calls it",
    "dpkg-buildpackage ": "tests/package builds the package",
    "sudo apt install ": "tests/package installs it",
    "curl -i -X OPTIONS ": "tests/package does, as README.Debian has it",
    "a2enconf certgate": "tests/package types README.Debian",
    "lighty-enable-mod certgate": "tests/package types README.Debian",
    "systemctl ": "tests/package types README.Debian",
    "journalctl ": "tests/package boots a journal",
    "certgate simulate pump-7.pem --post ": "tests/admin/test_simulate.py",
    "certgate doctor ": "tests/admin/test_doctor.py",
    "certgate status": "tests/admin/test_status.py",
    "certgate why ": "tests/admin/test_why.py",
    "certgate/certgate ": "tests/doors/test_suexec.py plays docs/shared-host.md",
    "cp certgate/": "tests/doors/test_suexec.py plays docs/shared-host.md",
    "rewrite ^/api/echo": "tests/doors/test_functions.py",
    "unzip certgate-": "tests/doors/test_suexec.py plays docs/shared-host.md",
    "cd build && ../configure ": "tests/package/run.py installs the same way",
    "useradd ": "it makes a user of the machine",
    "install ": "it writes to /etc",
    "echo ": "it writes to /etc",
    "apt-get install ": "debian/tests/control has the package",
    "a2enmod ": "tests/doors/test_entra.py loads the module",
    "az ": "there is no Azure here",
    "umask ": "the az command below it does not run here",
    "certgate disconnect --token-file ": "tests/emulator/test_disconnect.py",
    "--query ": "a line of the az command above",
    "for host in ": "there is one host here",
    "cp ../certgate_": "tests/package/container.py makes the build context",
    "podman build ": "tests/package/container.py builds the image",
    "chgrp ": "it changes files of the host",
    "chmod ": "it changes files of the host",
    "podman run --rm ": "no test has a list that podman may write",
    "podman run ": "tests/package/container.py runs it with these options",
    "for name in ": "tests/e2e/test_page.py makes the same certificates",
    "openssl req ": "tests/e2e/test_page.py makes the same certificates",
    "certgate allow pump-7.pem user=pump-7 roles=": "tests/e2e/test_page.py",
    "certgate allow pump-8.pem user=pump-8 groups=": "tests/e2e/test_page.py",
    "certgate-emulator ": "tests/e2e/test_page.py runs it on another port",
    "npm install ": "./bootstrap check installs the packages",
    "node ": "tests/e2e/test_page.py",
    "certgate disconnect --hub plant ": "tests/e2e/test_page.py",
    "certgate fleet ": "tests/fleet/test_database.py",
    "alter role web1 nologin": "tests/fleet/test_tls.py",
    "select pg_terminate_backend(": "tests/fleet/test_tls.py",
    "certgate allow --fleet ": "tests/fleet/test_database.py",
    "certgate rotate --fleet ": "tests/fleet/test_database.py",
    "certgate deny --fleet ": "tests/fleet/test_database.py",
    "certgate remove --fleet ": "tests/fleet/test_database.py",
    "sudo -u postgres ": "tests/fleet/test_page.py",
    "export CERTGATE_CONFIG=": "tests/fleet/test_page.py",
    "certgate store init": "tests/fleet/test_page.py",
    "grep -vE ": "tests/fleet/test_page.py",
    "certgate export >entries": "tests/fleet/test_page.py",
    "unset CERTGATE_": "tests/fleet/test_page.py",
    "select entry": "tests/fleet/test_page.py",
}


def commands(text):
    """Lines of a page that are typed into a shell."""
    word = re.compile(r"(?:certgate|\./bootstrap|[a-z][a-z0-9-]*) ")
    for block in pages.blocks(text):
        if re.match(r"(?:verdict=|what was|sender |revision |host=|hostssl |create |"
                    r"\\set |"
                    r"FAULT |\[Service\]|import |"
                    r"include |Include |CERTGATE_|[a-z.]+ += |╭| event )",
                    block):
            continue
        for line in block.replace("\\\n", "").splitlines():
            if word.match(line):
                yield line.strip()


def all_pages():
    """README.md and docs/, by their path."""
    found = [place.SOURCE / "README.md",
             *sorted((place.SOURCE / "docs").glob("*.md"))]
    return {path: path.read_text(encoding="utf-8") for path in found}


def verbs():
    """The verbs of certgate, and the options of each."""
    usage = subprocess.run([admin.COMMAND, "--help"], capture_output=True,
                           text=True, check=True,
                           env=processes.bare_environment()).stdout
    found = {}
    for verb in re.findall(r"^  ([a-z][a-z-]+)(?= )", usage, re.MULTILINE):
        told = subprocess.run([admin.COMMAND, verb, "--help"], text=True,
                              capture_output=True, check=False,
                              env=processes.bare_environment()).stdout
        found[verb] = set(re.findall(r"--[a-z][a-z-]+", told))
    return found


def is_told(out, path, text, known):
    """What a page names exists."""
    name = path.relative_to(place.SOURCE)
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        out.result((path.parent / target).exists(),
                   f"{name}: {target} is there")
    for file in re.findall(r"`((?:src|tests|www|debian|deploy|docs|examples)/"
                           r"[\w./-]*)`", text):
        out.result((place.SOURCE / file).exists(), f"{name}: {file} is there")
    for word in set(re.findall(r"\bCERTGATE_[A-Z_]+", text)):
        out.result(word in {n for n, _, _ in inprocess.printed("--settings")} |
                   {"CERTGATE_CONFIG", "CERTGATE_SITE", "CERTGATE_FCGID",
                    "CERTGATE_CGID", "CERTGATE_STORE_WAIT"},
                   f"{name}: {word} exists")
    spans = re.findall(r"`(certgate [a-z][^`\n]*)`", text)
    for line in {*spans, *commands(text)}:
        found = re.search(r"\bcertgate ([a-z][a-z-]+)\b([^|#]*)", line)
        if not found:
            continue
        verb, rest = found.groups()
        options = set(re.findall(r"(?<=\s)--[a-z][a-z-]+", rest))
        out.result(verb in known and options <= known[verb],
                   f"{name}: certgate {verb} {' '.join(sorted(options))}",
                   known.get(verb))


def test_pages(out, ran):
    known = verbs()
    out.result(len(known) > 10, f"certgate has {len(known)} verbs", known)
    for path, text in all_pages().items():
        is_told(out, path, text, known)
        for line in commands(text):
            out.result(line in ran or any(map(line.startswith, ELSEWHERE)),
                       f"{path.name}: a test runs {line[:60]!r}")


def main():
    out = tap.Tap()
    text = (place.SOURCE / "README.md").read_text(encoding="utf-8")
    lines = len(text.splitlines())
    out.result(lines <= LINES_MAX, f"README.md has {lines} lines")
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
    docs = {path.stem: page for path, page in all_pages().items()}
    for option in set(re.findall(r"(--listen[a-z-]*)", "".join(docs.values()))):
        out.result(option in known, f"docs: {option} is an option", known)
    typed(out, docs["install"])
    administrator(out, docs["list"] + docs["ca"])
    test_pages(out, set(commands(docs["list"] + docs["ca"])))
    tour = (place.SOURCE / "src/README.md").read_text(encoding="utf-8")
    for path in sorted((place.SOURCE / "src").rglob("*.c")):
        name = path.stem
        out.result(re.search(rf"`{name}`|`{name}\.c`", tour),
                   f"src/README.md names {path.relative_to(place.SOURCE)}")
    out.done()


main()
