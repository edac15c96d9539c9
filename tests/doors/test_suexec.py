#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The archive for shared hosts, in the home folder of an unprivileged user, whose
programs Apache starts by suEXEC: the steps of docs/shared-host.md, the case tables,
and what is refused."""
import copy
import pathlib
import re
import shutil
import subprocess
import sys
import types
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, door, http, place, processes  # noqa: E402
from harness import shared_host, tap  # noqa: E402

PORTABLE = place.BUILD / "portable"
PAGE = place.SOURCE / "docs/shared-host.md"
URL = "/certgate/eventhandler"
NAME = "NAME.webpubsub.azure.com"
KNOWN = cases.certificates()


def steps():
    """Of each numbered section of the page, its blocks."""
    text = PAGE.read_text(encoding="utf-8")
    sections = re.findall(r"^## \d\. .*\n((?:(?!## ).*\n)*)", text,
                          re.MULTILINE)
    return [re.findall(r"```\n(.*?)```", section, re.DOTALL)
            for section in sections]


def filled(host, server, text):
    """With the words that stand for the user's own."""
    for word, own in (("www.example.org", f"127.0.0.1:{server.tls_port}"),
                      ("/home/USER", str(host.home)),
                      ("PRIMARY,SECONDARY", cases.KEY)):
        text = text.replace(word, own)
    return text


def edit(file, lines):
    """As an editor does: these lines in place of those of the same names."""
    text = file.read_text(encoding="utf-8")
    for line in lines.splitlines():
        name = line.partition("=")[0]
        text, count = re.subn(f"^{name}=.*$", line, text, flags=re.MULTILINE)
        if count != 1:
            tap.bail_out(f"{file.name} has {count} lines {name}=")
    file.write_text(text, encoding="utf-8")


def play_page(out, host, server):
    found = steps()
    out.result(0 < len(found) <= 5, "at most five steps", found)
    (host.home / "pump-7.pem").write_text(KNOWN["device"]["pem"])
    last = None
    for number, blocks in enumerate(found, 1):
        for block in blocks:
            block = filled(host, server, block)
            if block.startswith("CERTGATE_"):
                edit(host.home / "certgate/certgate.conf", block)
                continue
            last = host.run(block)
            out.equal((last.returncode, "sudo" in block), (0, False),
                      f"step {number}: {block.splitlines()[0][:50]}")
    out.result(last and "200 OK" in last.stdout and
               last.stdout.endswith('{"userId":"pump-7"}'),
               "the last step has 200 and the user id", last)


def check_upload(out, host, server, archive):
    """By FTP modes are lost; the page says which ones to set."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.partition("## By FTP\n")[2].partition("\n## ")[0]
    modes = re.findall(r"`([\w.-]+)` to (\d{3})", section)
    out.result("create the folder `certgate` in your home folder, and set its "
               "mode to 700" in " ".join(section.split()),
               "the page has the mode of the folder before the upload")
    out.equal(len(modes), 4, "the page says four modes")
    kept = {}
    for name in ("certgate", "public_html/certgate"):
        kept[name] = host.home / (name.replace("/", ".") + ".kept")
        (host.home / name).rename(kept[name])
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(host.home)
    for path in (host.home / "certgate", host.public / "certgate"):
        path.chmod(0o700 if path.parent == host.home else 0o755)
        for file in path.iterdir():
            file.chmod(0o644)
    for name in ("certgate.conf", "list"):
        shutil.copy(kept["certgate"] / name, host.home / "certgate")
        (host.home / "certgate" / name).chmod(0o664)
    for name, mode in modes:
        places = [p for p in (host.home / name, host.home / "certgate" / name,
                              host.public / "certgate" / name) if p.exists()]
        places[0].chmod(int(mode, 8))
    host.give(host.home)
    got, log = errors_of(server, lambda: send(server.port))
    out.result(got.status == 200 and "warning" not in log,
               "uploaded, and these modes set: 200", f"{got}\n{log}")
    for name, path in kept.items():
        shutil.rmtree(host.home / name)
        path.rename(host.home / name)


def event(**more):
    """A connect event of the listed device."""
    row = {"list": "", "expect": {}} | more
    request = cases.own_request(row, KNOWN)
    return cases.Case("event", {}, None, request | {"path": URL}, {})


def send(port, path=URL, **more):
    case = event(**more)
    case.path = path
    return door.send(port, case)


def check_folder(out, host, server):
    """The server shows nothing but the answers of the handler."""
    (host.public / "certgate/notes.txt").write_text("mine\n")
    for name in ("", "notes.txt", "certgate.cgi", "with-settings.cgi",
                 ".htaccess", "eventhandlers", "eventhandler.txt"):
        got = http.exchange(server.port, http.request_bytes(
            "GET", f"/certgate/{name}", {"Host": "x"}, b""))
        out.equal(got.status, 403, f"GET /certgate/{name}: 403")
    for name in ("eventhandler", "eventhandler?code=x", "eventhandler/chat"):
        got = send(server.port, f"/certgate/{name}", method="OPTIONS")
        out.equal(got.status, 200, f"OPTIONS /certgate/{name}: 200")
    out.result(f"uid: ({host.number}/{shared_host.USER})" in host.suexec_log(),
               "suEXEC has started the handler as the user",
               host.suexec_log())


def errors_of(server, act):
    """An answer, and what the web server's error log has of it."""
    log = pathlib.Path(server.log)
    before = log.stat().st_size
    answer = act()
    return answer, log.read_bytes()[before:].decode("latin-1")


def check_settings(out, host, server):
    """Where the settings are looked for, and where they are refused."""
    settings = host.home / "certgate/certgate.conf"
    htaccess = host.public / "certgate/.htaccess"
    kit = htaccess.read_text(encoding="utf-8")
    htaccess.write_text(kit + "SetEnv CERTGATE_CONFIG /dev/null\n"
                        "SetEnv CERTGATE_HUB elsewhere\n")
    out.equal(send(server.port).status, 200, "SetEnv does not matter")
    htaccess.write_text(kit)

    settings.rename(host.home / "away.conf")
    for method in ("OPTIONS", "POST"):
        got, log = errors_of(server, lambda method=method: send(
            server.port, method=method))
        out.result(got.status == 403 and f"no configuration: {settings}" in log,
                   f"no settings, {method}: refused", f"{got}\n{log}")
    named(out, host, server, host.home / "away.conf", 200, "reason=listed")
    shown = host.public / "away.conf"
    shutil.copy(host.home / "away.conf", shown)
    host.give(shown)
    for port in (server.port, server.users_port):
        path = URL if port == server.port else \
            f"/~{shared_host.USER}{URL}"
        named(out, host, server, shown, 403, "publishes", port, path)
    shown.unlink()
    (host.home / "away.conf").rename(settings)


def named(out, host, server, settings, status, says, port=None, path=URL):
    """with-settings.cgi in place of certgate.cgi."""
    folder = host.public / "certgate"
    kit = {name: (folder / name).read_text(encoding="utf-8")
           for name in (".htaccess", "with-settings.cgi")}
    (folder / ".htaccess").write_text(kit[".htaccess"].replace(
        "certgate.cgi [END]", "with-settings.cgi [END]"))
    (folder / "with-settings.cgi").write_text(
        re.sub("=.*conf", f"={settings}", kit["with-settings.cgi"]))
    got, log = errors_of(server, lambda: send(port or server.port, path))
    out.result(got.status == status and says in log,
               f"with-settings.cgi, {settings.relative_to(host.home)} at "
               f"{path}: {status}", f"{got}\n{log}")
    for name, text in kit.items():
        (folder / name).write_text(text)


def check_log(out, host, server):
    """CERTGATE_LOG is a file of the user, beside the settings too."""
    settings = host.home / "certgate/certgate.conf"
    text = settings.read_text(encoding="utf-8")
    for name in ("log", "certgate/log"):
        settings.write_text(f"{text}CERTGATE_LOG={host.home}/{name}\n")
        got, said = errors_of(server, lambda: send(server.port))
        written = (host.home / name).read_text(encoding="utf-8")
        out.result(got.status == 200 and said == "" and
                   written.count("\n") == 1 and "reason=listed" in written,
                   f"CERTGATE_LOG=/home/.../{name}: one line",
                   f"{got}\n{said}\n{written}")
    out.equal((host.home / "log").stat().st_uid, host.number,
              "the log is the user's")
    settings.write_text(f"{text}CERTGATE_LOG={host.public}/log\n")
    got, said = errors_of(server, lambda: send(server.port))
    out.result(got.status == 200 and "publishes" in said and
               not (host.public / "log").exists(),
               "a log that the server would show is not written", said)
    settings.write_text(text)


def check_functions(out, host, server):
    """The rule that keeps the URL of docs/functions.md."""
    page = (place.SOURCE / "docs/functions.md").read_text(encoding="utf-8")
    htaccess = host.public / ".htaccess"
    htaccess.write_text(re.search(r"A shared host, .*?```\n(.*?)```", page,
                                  re.DOTALL)[1])
    for path in ("/api/echo", "/api/echo/chat", "/api/echo?code=x", URL):
        out.equal(send(server.port, path).status, 200, f"kept: {path}")
    for path in ("/api/echoes", "/certgate/certgate.cgi", "/certgate/api/echo"):
        out.result(send(server.port, path).status in (403, 404),
                   f"not {path}")
    htaccess.unlink()


def check_nginx(out, host):
    """nginx starts no programs: the user starts the handler, on a socket."""
    own = types.SimpleNamespace(folder=host.home / "certgate",
                                log=host.base / "nginx.log")
    handler = processes.begin(
        ["setpriv", f"--reuid={host.number}", f"--regid={host.number}",
         "--clear-groups", host.public / "certgate/certgate.cgi", "--listen",
         own.folder / "socket"], own.log, {"PATH": "/usr/bin:/bin"})
    place.wait_for((own.folder / "socket").exists)
    server = processes.Nginx(host.base / "nginx", own)
    for name, certificates, status in (("the listed device", "@device", 200),
                                       ("another", "@other", 403)):
        got = send(server.port, "/eventhandler", certificates=[certificates])
        out.equal(got.status, status, f"nginx, certgate.cgi --listen: {name}")
    server.close()
    out.equal(processes.end(handler), 0, "the handler ends with 0")


def check_no_settings(out, host):
    """A variable does not replace the settings file: without it, and without a
    line in /etc/passwd that leads there, every event is refused."""
    program = host.public / "certgate/certgate.cgi"
    settings = host.home / "certgate/certgate.conf"
    asked = {"REQUEST_METHOD": "OPTIONS",
             "HTTP_WEBHOOK_REQUEST_ORIGIN": NAME, "HOME": str(host.home),
             "CLIENT_CERT_THUMBPRINT": "aa" * 20}
    away = settings.rename(settings.with_name("away"))
    for number, what in ((host.number + 1, "a line in /etc/passwd"),
                         (host.number, "a settings file")):
        done = subprocess.run([program], env=asked, user=number, check=False,
                              group=number, extra_groups=[],
                              capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        out.result(done.stdout.startswith("Status: 403") and
                   "no configuration" in done.stderr and
                   "with-settings.cgi" in done.stderr,
                   f"without {what}: refused, with-settings.cgi is the fix",
                   done.stdout + done.stderr)
    away.rename(settings)


def configured(host):
    """As door.configured(), in the user's home folder."""
    rows = [c for c in cases.all_cases()
            if not getattr(c, "only_inprocess", False) and not c.parameters]
    found = door.configured(host.home / "configurations", rows)
    log = host.home / "log"
    log.touch()
    for _, _, configuration in found:
        with open(configuration.file, "a", encoding="utf-8") as settings:
            settings.write(f"CERTGATE_LOG={log}\n")
        configuration.log.unlink()
        configuration.log = log
        (configuration.folder / "certgate.conf").symlink_to("settings")
    host.give(host.home / "configurations")
    host.give(log)
    return found


def check_tables(out, host, name, port, folder, found):
    """All cases, by one server, which has the kit at the path folder.  ~/certgate is a link to a configuration that
    was written before, for a start waits for files that are younger than a
    second."""
    own = host.home / "certgate"
    for _, group, configuration in found:
        own.unlink(missing_ok=True)
        own.symlink_to(configuration.folder)
        host.give(own)
        for case in map(copy.copy, group):
            case.path = folder + case.path
            before = configuration.log_size()
            answer = door.send(port, case)
            door.judge(out, name, case, answer,
                       configuration.log_since(before))
            door.repeat(out, name, case, port)


def main():
    shared_host.enter_namespace()
    out = tap.Tap()
    archives = list(PORTABLE.glob("*.zip"))
    if not archives:
        tap.skip_all("no static libraries here")
    host = shared_host.Host()
    shutil.copy(archives[0], host.home)
    host.give(host.home)
    server = shared_host.Apache(host)
    play_page(out, host, server)
    edit(host.home / "certgate/certgate.conf",
         f"CERTGATE_ORIGINS={cases.ORIGIN}")
    check_folder(out, host, server)
    check_settings(out, host, server)
    check_log(out, host, server)
    check_upload(out, host, server, archives[0])
    check_functions(out, host, server)
    check_nginx(out, host)
    check_no_settings(out, host)
    (host.home / "certgate").rename(host.home / "certgate.kit")
    found = configured(host)
    check_tables(out, host, "apache suexec", server.port, "/certgate", found)
    server.close()
    server = shared_host.Lighttpd(host)
    check_tables(out, host, "lighttpd user directory", server.port,
                 f"/~{shared_host.USER}/certgate", found)
    server.close()
    out.done()


main()
