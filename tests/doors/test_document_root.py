#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Plain CGI refuses settings, keys, lists and logs that the web server publishes,
and every request if there is no setting at all."""
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, place, processes, tap  # noqa: E402

SHA1 = cases.certificates()["device"]["sha1"]
KEY = cases.KEY
EVENT = next(c for c in cases.all_cases() if c.name == "own/reason/listed")
SHOWN = "whose files the web server publishes"


class Home:
    """A home folder with a document root, public, and the link www to it."""

    def __init__(self):
        self.path = place.temporary()
        self.public = self.path / "public"
        for name in ("public/deep", "private"):
            (self.path / name).mkdir(parents=True)
        (self.path / "www").symlink_to("public")
        (self.public / "link").symlink_to("../private")
        (self.path / "private/back").symlink_to("../public")
        self.program = self.public / "certgate.cgi"
        shutil.copy(place.HANDLER, self.program)
        shutil.copy(place.HANDLER, self.path / "private/certgate.cgi")
        for folder in ("private", "public", "public/deep"):
            self.write(f"{folder}/list", SHA1 + "\n", 0o644)
            self.write(f"{folder}/keys", KEY + "\n", 0o600)
            self.write(f"{folder}/settings", self.settings(), 0o600)

    def write(self, name, text, mode):
        path = self.path / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def settings(self, **changes):
        """Text of good settings, all in private."""
        given = {"CERTGATE_LIST": "private/list",
                 "CERTGATE_ACCESS_KEYS_FILE": "private/keys"} | changes
        return "".join(f"{name}={self.path}/{value}\n"
                       for name, value in given.items())

    def run(self, environment, program=None):
        """Answer and log of one connect event."""
        environment = processes.bare_environment({
            n: v.replace("@", str(self.path)) for n, v in environment.items()})
        environment = {n.encode(): v.encode() for n, v in environment.items()}
        done = subprocess.run([program or self.program],
                              input=EVENT.body, capture_output=True,
                              env=environment | cgi.parameters(EVENT),
                              timeout=60, check=False)
        return cgi.answer_of(done.stdout), done.stderr.decode("latin-1")


# What is refused with DOCUMENT_ROOT @/public: settings file, changes.
INSIDE = [
    ("settings", "public/settings", {}),
    ("settings in a deeper folder", "public/deep/settings", {}),
    ("settings by a link to it", "www/settings", {}),
    ("settings by a link beside it", "private/back/settings", {}),
    ("list", "private/s", {"CERTGATE_LIST": "public/list"}),
    ("list by a link", "private/s", {"CERTGATE_LIST": "www/deep/list"}),
    ("keys", "private/s", {"CERTGATE_ACCESS_KEYS_FILE": "public/keys"}),
]
OUTSIDE = [
    ("private files", "private/settings", {}),
    ("private files by a link in it", "public/link/settings", {}),
]
# DOCUMENT_ROOT that is not believed.
IGNORED = [("absent", None), ("empty", ""), ("/", "/"), ("/.", "/."),
           ("elsewhere", "@/private"), ("missing", "@/nowhere"),
           ("a file", "@/public/settings")]


def refused(out, home, name, environment, program=None):
    got, log = home.run(environment, program)
    out.result(got.status == 403 and SHOWN in log, f"refused: {name}",
               f"{got}\n{log}")


def accepted(out, home, name, environment):
    got, log = home.run(environment)
    out.result(got.status == 200 and SHOWN not in log, f"accepted: {name}",
               f"{got}\n{log}")


def check_files(out, home):
    for judge, rows in ((refused, INSIDE), (accepted, OUTSIDE)):
        for name, file, changes in rows:
            if changes:
                home.write(file, home.settings(**changes), 0o600)
            judge(out, home, name, {"CERTGATE_CONFIG": f"@/{file}",
                                    "DOCUMENT_ROOT": "@/public"})


def check_roots(out, home):
    inside = {"CERTGATE_CONFIG": "@/public/settings"}
    for name, root in IGNORED:
        accepted(out, home, f"DOCUMENT_ROOT {name}", inside | (
            {} if root is None else {"DOCUMENT_ROOT": root}))
    refused(out, home, "DOCUMENT_ROOT is a link",
            inside | {"DOCUMENT_ROOT": "@/www"})
    refused(out, home, "DOCUMENT_ROOT has a / at its end",
            inside | {"DOCUMENT_ROOT": "@/public/"})
    refused(out, home, "CONTEXT_DOCUMENT_ROOT, of a user's folder",
            inside | {"DOCUMENT_ROOT": "/var/www",
                      "CONTEXT_DOCUMENT_ROOT": "@/public"})
    (home.public / "kit").symlink_to("../private")
    refused(out, home, "a link in it leads to the folder of the script", {
        "CERTGATE_CONFIG": "@/private/settings", "DOCUMENT_ROOT": "@/public",
        "SCRIPT_FILENAME": "@/public/kit/certgate.cgi"},
        home.path / "private/certgate.cgi")
    refused(out, home, "a script in it starts a program elsewhere",
            inside | {"DOCUMENT_ROOT": "@/public",
                      "SCRIPT_FILENAME": "@/public/list"},
            home.path / "private/certgate.cgi")


def check_log(out, home):
    """The decision goes to stderr, and no log is written."""
    for name in ("public/log", "www/log"):
        got, log = home.run({"CERTGATE_CONFIG": "@/private/settings",
                             "CERTGATE_LOG": f"@/{name}",
                             "DOCUMENT_ROOT": "@/public"})
        out.result(got.status == 200 and SHOWN in log and
                   "reason=listed" in log and
                   not (home.public / "log").exists(),
                   f"refused: CERTGATE_LOG {name}", f"{got}\n{log}")
    got, log = home.run({"CERTGATE_CONFIG": "@/private/settings",
                         "CERTGATE_LOG": "@/private/log",
                         "DOCUMENT_ROOT": "@/public"})
    written = (home.path / "private/log").read_text(encoding="utf-8")
    out.result(got.status == 200 and "reason=listed" in written,
               "accepted: CERTGATE_LOG beside the settings", written)
    out.equal((written.count("\n"), log), (1, ""),
              "it has one line, without a warning")


def ask(environment, method):
    return subprocess.run(
        [place.HANDLER], stdin=subprocess.DEVNULL, capture_output=True,
        timeout=60, check=False, text=True,
        env={"REQUEST_METHOD": method,
             "HTTP_WEBHOOK_REQUEST_ORIGIN": "a.example"} | environment)


def check_no_configuration(out, home):
    nothing = {"CERTGATE_CONFIG": "/dev/null"}
    for method in ("OPTIONS", "GET"):
        done = ask(nothing, method)
        out.result(done.stdout.startswith("Status: 403") and
                   "WebHook-Allowed-Origin" not in done.stdout and
                   "no configuration" in done.stderr,
                   f"no configuration, {method}: refused",
                   done.stdout + done.stderr)
    home.write("private/comments", "# CERTGATE_LIST=/x\n", 0o600)
    for name, value in (("CLIENT_CERT_THUMBPRINT", SHA1),
                        ("CERTGATE_ORIGINS", "*"),
                        ("CERTGATE_LIST", f"{home.path}/private/list"),
                        ("CERTGATE_CONFIG", f"{home.path}/private/comments")):
        done = ask(nothing | {name: value}, "OPTIONS")
        out.result(done.stdout.startswith("Status: 200"),
                   f"no configuration but {name}: validated",
                   done.stdout + done.stderr)


def main():
    out = tap.Tap()
    home = Home()
    check_files(out, home)
    check_roots(out, home)
    check_log(out, home)
    check_no_configuration(out, home)
    out.done()


main()
