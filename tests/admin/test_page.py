#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate(1) and the completion say what the command does: verbs, options and
exit codes are the program's, every example is run."""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, place, processes, tap  # noqa: E402

PAGE = place.SOURCE / "src/admin/certgate.1"
COMPLETION = place.SOURCE / "src/admin/certgate.bash"
out = tap.Tap()
base = place.temporary()
page = PAGE.read_text(encoding="utf-8")


def options_of(text):
    return set(re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE))


def verbs():
    """Each verb and its options, from the program's own help."""
    text = admin.run("--help").out
    return {verb: options_of(admin.run(verb, "--help").out)
            for verb in re.findall(r"^  ([a-z][a-z-]*) ", text, re.MULTILINE)}


def section(name):
    return page.partition(f"\n.Sh {name}\n")[2].partition("\n.Sh ")[0]


def contents():
    known = verbs()
    out.equal(re.findall(r"^\.It Cm ([\w-]+)", page, re.MULTILINE),
              list(known), "certgate(1) has every verb")
    wanted = set().union(*known.values()) | {"--version"}
    out.equal({"-" + n for n in
               re.findall(r"^\.It Fl (-[a-z-]+)", page, re.MULTILINE)},
              wanted, "certgate(1) has every option")
    for verb in [], ["check"]:
        out.equal(admin.run("help", *verb).out,
                  admin.run(*verb, "--help").out, f"certgate help {verb}")
    done = subprocess.run([processes.find("mandoc"), "-Tlint", "-W",
                           "warning", str(PAGE)], capture_output=True,
                          text=True, check=False)
    out.equal(done.stdout + done.stderr, "", "certgate(1): mandoc")
    for verb, options in known.items():
        out.equal(set(complete([verb, "-"])), options,
                  f"completion: the options of {verb}")
    out.equal(set(complete([""])), set(known) | {"--help", "--version"},
              "completion: the verbs")
    out.equal(complete(["th"]), ["thumbprint"], "completion: a verb begun")
    out.equal(complete(["explain", "--mqtt", ""]), ["4", "5"],
              "completion: a value")
    (base / "pump-7.pem").touch()
    out.equal(complete(["deny", "pu"]), ["pump-7.pem"], "completion: a file")
    out.equal(complete(["allow", "x", "us"]), ["user="],
              "completion: an option of an entry")
    book = base / "options"
    book.write_text("aa" * 20 + " colour=red\n")
    said = admin.run("list", "--list", book).err
    entry = re.findall(r"([a-z-]+)=(?=[ \n])",
                       said.partition("expected ")[2])
    out.result('crl' in entry, 'the options of an entry are found', said)
    for name in entry:
        out.result(f"{name}=" in complete(["allow", "x", name]),
                   f"completion: {name}=")


def complete(words):
    """What the completion offers for the last of the words."""
    script = f"""
. {shlex.quote(str(COMPLETION))}
COMP_WORDS=(certgate {' '.join(shlex.quote(w) for w in words)})
COMP_CWORD={len(words)}
_certgate certgate {shlex.quote(words[-1])} {shlex.quote(
        words[-2] if len(words) > 1 else 'certgate')}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return subprocess.run(["bash", "-c", script], cwd=base, check=True,
                          capture_output=True, text=True).stdout.split()


def one_meaning():
    """An option is the same in every verb; eight words say what it does."""
    meanings, long = {}, []
    for verb in verbs():
        text = admin.run(verb, "--help").out
        purpose = text.splitlines()[2]
        rows = re.findall(r"^  --([a-z-]+)(?: \S+)? +(.*)$", text, re.MULTILINE)
        for option, words in rows:
            meanings.setdefault(option, set()).add(words)
        long += [words for words in [purpose, *dict(rows).values()]
                 if len(words.split()) > 8]
    out.equal([o for o, words in meanings.items() if len(words) > 1], [],
              "an option has one meaning")
    out.equal(long, [], "eight words for a verb or an option")


def exit_codes():
    codes = re.findall(r"^\.It (\d)$", section("EXIT STATUS"), re.MULTILINE)
    book = base / "codes"
    book.write_text("# none\n")
    got = [admin.run(*arguments, "--list", book).code for arguments in
           (["list"], ["remove", "9"], ["list", "x"])] + \
        [admin.run("list", "--list", base / "nowhere").code]
    out.equal([str(code) for code in got], codes,
              "certgate(1): each exit code can be had")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([admin.COMMAND, "--help"], stdout=full,
                              stderr=subprocess.DEVNULL, check=False)
    out.equal(done.returncode, 3, "output that cannot be written is an error")


def examples():
    (base / "plant").mkdir()
    ca = admin.certificate(base / "plant", "plant-ca")
    admin.certificate(base, "pump-7")
    admin.certificate(base, "pump-7-new")
    admin.issued(base, "pump-9", ca)
    (base / "plant" / "list").write_text("# none\n")
    conf = base / "plant" / "certgate.conf"
    (base / "plant" / "one").write_text(f"{'a' * 40}\n")
    (base / "new.list").write_text("# none\n")
    (base / "plant" / "sites").mkdir()
    (base / "plant" / "sites" / "one.conf").write_text(
        f"CERTGATE_LIST={base}/plant/one\n")
    conf.write_text(f"CERTGATE_LIST={base}/plant/list\n"
                    f"CERTGATE_LOG={base}/plant/log\n")
    (base / "plant" / "log").touch()
    (base / "ServiceTags_Public.json").write_text(json.dumps({"values": [{
        "name": "AzureWebPubSub", "properties": {
            "addressPrefixes": ["20.1.2.0/24"]}}]}))
    gate = processes.Configuration(base / "gate", {}, "")
    handler = processes.Handler(gate)
    server = processes.Lighttpd(base / "lighttpd", gate)
    environment = processes.bare_environment({"CERTGATE_CONFIG": str(conf)})
    environment["PATH"] = f"{admin.COMMAND.parent}:{environment['PATH']}"
    commands = re.findall(r"^\$ (.*)$", section("EXAMPLES"), re.MULTILINE)
    out.result(len(commands) >= 9, "certgate(1) has examples")
    for command in commands:
        if "--as root" in command and os.geteuid() != 0:
            continue
        settings = environment | {"CERTGATE_STORE": f"{base}/plant/store"} \
            if re.search("store|import|export", command) else environment
        if "disconnect" in command:
            settings = environment | {
                "CERTGATE_ORIGINS": "a.example", "CERTGATE_HUB": "plant",
                "CERTGATE_ACCESS_KEYS": "a-key-for-tests-0123456789ab"}
        done = subprocess.run(
            command.replace("/etc/certgate", f"{base}/plant").replace(
                "https://HOST", f"http://localhost:{server.port}"), shell=True,
            cwd=base, env=settings, capture_output=True, text=True,
            check=False)
        verb = command.split()[1]
        out.result(done.returncode in {"status": (0, 1, 3), "why": (0, 1)}.get(
            verb, (0,)), f"certgate(1): {command[:60]}", done)
    server.close()
    handler.close()
    for verb in verbs():
        out.result(any(f"certgate {verb}" in c for c in commands),
                   f"certgate(1): an example of {verb}")


contents()
one_meaning()
exit_codes()
examples()
out.done()
