#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The completions for zsh and fish offer what certgate --help has: zsh at a
terminal of its own, fish by its own command."""
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, place, processes, tap  # noqa: E402

SOURCE = place.SOURCE / "src/admin"
WAIT_S = 120  # for a shell; it only matters if the shell hangs
base = place.temporary()
environment = processes.bare_environment({
    "HOME": str(base), "TERM": "dumb", "LC_ALL": "C.UTF-8",
    "PATH": f"{admin.COMMAND.parent}:{os.environ['PATH']}"})


class Zsh:
    """An interactive zsh with the completion as its own function."""

    def __init__(self):
        folder = base / "functions"
        folder.mkdir()
        (folder / "_certgate").write_bytes((SOURCE / "certgate.zsh").
                                           read_bytes())
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(base)
            os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
        self.marks = 0
        self.type(f"fpath=({folder} $fpath); autoload -U compinit; compinit -u"
                  " -D; setopt no_beep no_prompt_sp; LISTMAX=0;"
                  " COLUMNS=200 LINES=200; PS1=READY'> '\n")
        self.until_mark()

    def type(self, text):
        os.write(self.terminal, text.encode())

    def until_mark(self):
        """What the terminal shows until an echo of our own and the prompt."""
        self.marks += 1
        self.type(f"\x15echo MARK$(( {self.marks} + 0 ))END\n")
        shown, end = b"", time.monotonic() + WAIT_S
        last = re.compile(rb"MARK%dEND\r?\n.*READY> " % self.marks, re.DOTALL)
        while not last.search(shown) and time.monotonic() < end:
            if select.select([self.terminal], [], [], 1)[0]:
                shown += os.read(self.terminal, 65536)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "",
                      shown.decode(errors="replace"))

    def complete(self, line):
        """The words of the list, or the line that is completed."""
        self.type(line + "\t\t")
        return self.until_mark().partition("echo MARK")[0]

    def close(self):
        self.type("\x15exit\n")
        os.waitpid(self.process, 0)
        os.close(self.terminal)


class Fish:
    """complete -C prints the candidates of a line."""

    def complete(self, line):
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {SOURCE}/certgate.fish; "
             f"complete -C '{line}'"], cwd=base, env=environment,
            capture_output=True, text=True, timeout=WAIT_S, check=False)
        return done.stdout + done.stderr

    def close(self):
        pass


def verbs():
    """Each verb and its options, from the program's own help."""
    text = admin.run("--help").out
    return {verb: set(re.findall(r"^  (--[a-z-]+)",
                                 admin.run(verb, "--help").out, re.MULTILINE))
            for verb in re.findall(r"^  ([a-z][a-z-]*) ", text, re.MULTILINE)}


def check(out, name, shell):
    known = verbs()
    shown = shell.complete("certgate ")
    missing = [v for v in [*known, "help"]
               if not re.search(rf"(?<![\w-]){v}(?![\w-])", shown)]
    out.result(len(known) > 10 and not missing, f"{name}: the verbs",
               f"{missing}\n{shown}")
    for verb, options in known.items():
        shown = shell.complete(f"certgate {verb} --")
        out.equal(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", shown)), options,
                  f"{name}: the options of {verb}")
    for line, wanted in (("certgate th", "thumbprint"),
                         ("certgate deny pu", "pump-7.pem"),
                         ("certgate check --config pu", "pump-7.pem"),
                         ("certgate crl f", "fetch"),
                         ("certgate help thu", "thumbprint"),
                         ("certgate simulate --format js", "json"),
                         ("certgate allow x us", "user=")):
        shown = shell.complete(line)
        out.result(wanted in shown, f"{name}: {line!r} is {wanted!r}", shown)
    shown = shell.complete("certgate explain --mqtt ")
    out.result({"4", "5"} <= set(shown.split()), f"{name}: a value", shown)
    shell.close()


def main():
    out = tap.Tap()
    (base / "pump-7.pem").touch()
    check(out, "fish", Fish())
    check(out, "zsh", Zsh())
    out.done()


main()
