#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The manual says what the program does: settings, options of entries,
reasons, arguments and exit codes are the program's, its examples are run, and
so is the example settings file."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, inprocess, pki, place, processes, tap  # noqa: E402

PAGES = {p.name: p for p in sorted((place.SOURCE / "src").glob("*/*.[158]"))}
EXAMPLE = place.SOURCE / "src/policy/certgate.conf"
LIST = "CERTGATE_LIST=/etc/certgate/list\n"
KEY = "a-key-for-tests-0123456789ab"


def page(name):
    return PAGES[name].read_text(encoding="utf-8")


def items(text, macro):
    """Name and first lines of the .It entries with that macro."""
    lines = r"((?:[^.].*\n|\.br\n)*)"
    found = re.findall(rf"^\.It {macro} (\S+)(.*)\n{lines}", text,
                       re.MULTILINE)
    return [(name, rest.strip(), body.replace(".br\n", ""))
            for name, rest, body in found]


def examples(text):
    """The literal blocks of the section EXAMPLES, as a reader sees them."""
    section = text.partition("\n.Sh EXAMPLES\n")[2].partition("\n.Sh ")[0]
    return [block.replace("\\e", "\\") for block in
            re.findall(r"^\.Bd -literal\n(.*?)^\.Ed", section,
                       re.MULTILINE | re.DOTALL)]


def answer(environment, body=b""):
    """Exit code, answer and log of one request by plain CGI."""
    done = subprocess.run([place.HANDLER], input=body, env=environment,
                          capture_output=True, timeout=60, check=False)
    return done.returncode, cgi.answer_of(done.stdout), done.stderr.decode()


def asked(environment):
    return environment | {"REQUEST_METHOD": "OPTIONS",
                          "HTTP_WEBHOOK_REQUEST_ORIGIN": "a.example"}


def read(out, folder, rows):
    """Settings that read do not refuse for themselves; rows: a text, and the
    name of its result.  All are written at first: a start waits for settings
    that are younger than a second."""
    files = [folder / f"settings-{number}" for number in range(len(rows))]
    for file, (text, _) in zip(files, rows):
        file.write_text(text.replace("/etc/certgate", str(folder)),
                        encoding="utf-8")
        file.chmod(0o644)
    for file, (_, name) in zip(files, rows):
        log = answer(asked(processes.bare_environment(
            {"CERTGATE_CONFIG": str(file)})))[2]
        out.result("reason=" in log and "reason=settings" not in log, name,
                   log)


def test_settings(out, folder):
    text = page("certgate.conf.5")
    wanted = [(name, "", f"Value: {value}\nDefault: {standard}\n")
              for name, value, standard in inprocess.printed("--settings")]
    got = [(n, rest, "".join(body.splitlines(True)[:2]))
           for n, rest, body in items(text, "Cm")]
    out.equal(got, wanted, "certgate.conf(5) has every setting with its value")
    read(out, folder, [(example, f"certgate.conf(5): example {number} reads")
                       for number, example in enumerate(examples(text), 1)])


def test_example_file(out, folder):
    text = EXAMPLE.read_text(encoding="utf-8")
    names = re.findall(r"^#?(\w+)=", text, re.MULTILINE)
    out.equal(sorted(names), sorted(n for n, *_ in
                                    inprocess.printed("--settings")),
              "certgate.conf has every setting once")
    rows = [(text, "certgate.conf reads as it is")]
    for name in re.findall(r"^#(\w+)=", text, re.MULTILINE):
        one = re.sub(rf"^#{name}=", f"{name}=", text, flags=re.MULTILINE)
        for word in ("PRIMARY", "SECONDARY", "SECRET"):
            one = one.replace(word, KEY)
        rows.append((one, f"certgate.conf reads with {name}"))
    read(out, folder, rows)
    write_list(folder, event().settings["CLIENT_CERT_THUMBPRINT"] + "\n")
    _, got, log = connect(folder, text)
    out.result(got.status == 401 and "reason=origin" in log,
               "certgate.conf as it is refuses a listed client", log)


def event():
    """A device that connects."""
    return next(c for c in cases.all_cases()
                if c.name == "connect/retry-same-id")


def write_list(folder, text):
    (folder / "list").write_text(text, encoding="utf-8")
    (folder / "list").chmod(0o644)


def connect(folder, text):
    """What that is answered under these settings."""
    file = folder / "settings"
    file.write_text(text.replace("/etc/certgate", str(folder)),
                    encoding="utf-8")
    file.chmod(0o644)
    environment = {n.encode(): v.encode() for n, v in processes.
                   bare_environment({"CERTGATE_CONFIG": str(file)}).items()}
    return answer(environment | cgi.parameters(event()), event().body)


def test_list(out, folder):
    text = page("certgate.list.5")
    write_list(folder, "0" * 40 + " nonsense=1\n")
    log = connect(folder, LIST)[2]  # expected user= groups= ...
    wanted = re.findall(r"([a-z-]+\.?)(?:NAME)?=(?= |\n)",
                        log.partition("unknown option: expected ")[2])
    out.equal([n for n, *_ in items(text, "Cm")], wanted,
              "certgate.list(5) has every option of an entry")
    found = examples(text)
    authority = pki.Authority(folder / "plant", "/CN=Plant CA")
    for name, pem in (("plant.pem", authority.pem),
                      ("plant.crl", authority.crl())):
        (folder / name).write_text(pem, encoding="utf-8")
        (folder / name).chmod(0o644)
    used = set(re.findall(r"\s([a-z-]+(?:\.(?=\w+=))?)\w*=", "".join(found)))
    out.equal(used, set(wanted), "certgate.list(5): examples use every option")
    for number, example in enumerate(found, 1):
        write_list(folder, example.replace("/etc/certgate", str(folder)))
        log = connect(folder, LIST)[2]
        out.result(re.search(r"\blist=1\b", log),
                   f"certgate.list(5): example {number} reads", log)


def test_reasons(out):
    got = [(name, rest, body.replace("\n", " ").strip())
           for name, rest, body in items(page("certgate.fcgi.8"), "Sy")]
    wanted = [(name, f"Pq {statuses}", text)
              for name, statuses, text in inprocess.reasons()]
    out.equal(got, wanted, "certgate.fcgi(8) has every reason and status")


def test_arguments(out):
    usage = subprocess.run([place.HANDLER, "--help"], capture_output=True,
                           text=True, check=True,
                           env=processes.bare_environment()).stdout
    text = page("certgate.fcgi.8")
    synopsis = text.partition(".Sh SYNOPSIS")[2].partition(".Sh")[0]
    wanted = set(re.findall(r"--([a-z-]+)", usage))
    out.equal({n.lstrip("-") for n, *_ in items(text, "Fl")}, wanted,
              "certgate.fcgi(8) has every argument")
    out.equal(set(re.findall(r"(?<= )-([a-z-]+)", synopsis)), wanted,
              "certgate.fcgi(8): so has its synopsis")
    for block in [b for b in examples(text) if b.startswith("$ ")]:
        command, _, shown = block.partition("\n")
        environment = processes.bare_environment()
        environment["PATH"] = f"{place.HANDLER.parent}:/usr/bin:/bin"
        got = subprocess.run(command.removeprefix("$ "), shell=True,
                             capture_output=True, text=True, check=False,
                             env=environment).stdout
        out.equal(got.replace("\r", "").strip(), shown.strip(),
                  f"certgate.fcgi(8): {command[2:50]}...")


def test_exit_codes(out, folder):
    text = page("certgate.fcgi.8").partition(".Sh EXIT STATUS")[2]
    codes = re.findall(r"^\.It (\d)$", text.partition("\n.Sh ")[0],
                       re.MULTILINE)
    made = [subprocess.run([place.HANDLER, *arguments], check=False,
                           stdin=subprocess.DEVNULL, capture_output=True,
                           env=processes.bare_environment()).returncode
            for arguments in (["--help"], ["--unknown"],
                              ["--listen", f"{folder}/nowhere/socket"])]
    out.equal([str(code) for code in made], codes,
              "certgate.fcgi(8): each exit code can be had")
    out.equal(answer(asked(processes.bare_environment()))[0], 0,
              "certgate.fcgi(8): 0 after an answer")


def test_pages(out):
    for name, path in PAGES.items():
        done = subprocess.run([processes.find("mandoc"), "-Tlint", "-W",
                               "warning", str(path)], capture_output=True,
                              text=True, check=False)
        out.equal(done.stdout + done.stderr, "", f"{name}: mandoc")
    known = {(m[1], m[2]) for name in PAGES
             if (m := re.match(r"(.*)\.(\d)$", name))}
    for name in PAGES:
        for other in re.findall(r"^\.Xr (certgate\S*) (\d)", page(name),
                                re.MULTILINE):
            out.result(other in known, f"{name}: {other} is a page")


def main():
    out = tap.Tap()
    folder = place.temporary()
    for name in ("keys", "code"):
        (folder / name).write_text(KEY, encoding="utf-8")
        (folder / name).chmod(0o640)
    test_pages(out)
    test_settings(out, folder)
    test_example_file(out, folder)
    test_list(out, folder)
    test_reasons(out)
    test_arguments(out)
    test_exit_codes(out, folder)
    out.done()


main()
