#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The two scripts of docs/emulator.md, with the entries that the page has: one
client listens, another one sends to its group, an unknown one is refused."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import clients, emulator, identities, place  # noqa: E402
from harness import processes, tap  # noqa: E402
from harness.path import Path  # noqa: E402

PAGE = (place.SOURCE / "docs/emulator.md").read_text(encoding="utf-8")
SCRIPTS = ("json.mjs", "mqtt.mjs")


def make_list(folder):
    """The entries of the page, for certificates in the folder."""
    identities.Identity(folder, "pump-9")
    text = ""
    for name, words in re.findall(r"^certgate allow (\S+)\.pem (.*)$", PAGE,
                                  re.MULTILINE):
        device = identities.Identity(folder, name)
        text += f"sha256:{device.sha256} {words}\n"
    return text


def write_scripts(folder, path):
    """The scripts beside the certificates and the packages."""
    (folder / "node_modules").symlink_to(clients.FOLDER / "node_modules")
    (folder / "localhost.pem").symlink_to(path.ca)
    scripts = re.findall(r"^```\n(import .*?)^```", PAGE,
                         re.DOTALL | re.MULTILINE)
    for name, text in zip(SCRIPTS, scripts, strict=True):
        (folder / name).write_text(text.replace(
            "localhost:8443", f"localhost:{path.service.port}"))


class Run:
    """A script with its arguments, and what it prints."""

    def __init__(self, folder, *words):
        self.log = folder / ("-".join(words) + ".log")
        self.process = processes.begin(
            ["env", f"--chdir={folder}", *clients.NODE, *words], self.log)

    def prints(self, text):
        return place.wait_for(lambda: text in self.log.read_text(), 30)

    def code(self):
        place.wait_for(lambda: self.process.poll() is not None, 30)
        return processes.end(self.process)


def play(out, folder, path):
    json, mqtt = (Run(folder, script, "pump-8") for script in SCRIPTS)
    out.result(json.prints("connected as pump-8\n"), "json.mjs: connected",
               path.logs())
    out.result(mqtt.prints("connected\n"), "mqtt.mjs: connected", path.logs())
    for script in SCRIPTS:
        out.equal(Run(folder, script, "pump-7", f"from {script}").code(), 0,
                  f"{script}: pump-7 sends")
    out.result(json.prints("pump-7: from json.mjs\n"), "json.mjs: a message",
               json.log.read_text())
    out.result(mqtt.prints("plant: from mqtt.mjs\n"), "mqtt.mjs: a message",
               mqtt.log.read_text())
    for script, text in zip(SCRIPTS, ("Unexpected server response: 403",
                                      "Connection refused: Not authorized")):
        refused = Run(folder, script, "pump-9")
        out.result(text in PAGE and refused.prints(text),
                   f"{script}: {text}", refused.log.read_text())
        refused.code()
    got = path.administer("disconnect", "--hub", "plant", "pump-8")
    out.result(got.code == 0 and mqtt.code() == 0,
               "certgate disconnect ends mqtt.mjs", got)
    processes.end(json.process)


def main():
    clients.prepare()
    if not emulator.PROGRAM.exists():
        tap.skip_all("certgate-emulator is not built")
    out = tap.Tap()
    folder = place.temporary()
    path = Path(folder / "path", processes.Lighttpd, ["plant"],
                make_list(folder))
    write_scripts(folder, path)
    play(out, folder, path)
    out.equal(path.close(), [0, 0, 0], "all end well")
    out.done()


main()
