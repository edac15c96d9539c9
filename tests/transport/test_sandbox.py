#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The sandbox: what a handler that has been taken over tries fails inside the
running program, under each process manager; edits are loaded in it; kernels
without it are tolerated.  The same acts without the sandbox succeed."""
import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, fastcgi, http, place, processes, tap  # noqa: E402

DENIED, FORBIDDEN, KILLED = "EACCES", "EPERM", -signal.SIGSYS
ACTS = {
    "read-inside": "done",
    "read-outside": DENIED,
    "read-folder": DENIED,
    "write-file": FORBIDDEN,
    "add-to-file": FORBIDDEN,
    "make-file": FORBIDDEN,
    "remove-file": FORBIDDEN,
    "open-internet": FORBIDDEN,
    "open-datagram-internet": FORBIDDEN,
    "open-unix": FORBIDDEN,
    "map-executable": FORBIDDEN,
    "make-executable": FORBIDDEN,
    "start-process": FORBIDDEN,
    "signal-parent": FORBIDDEN,
    "execute": KILLED,
    "trace": KILLED,
    "read-process": KILLED,
    "execute-memory": KILLED,
    "pass-descriptor": FORBIDDEN,
    "take-descriptor": FORBIDDEN,
    "send-elsewhere": FORBIDDEN,
    "open-in-another-way": FORBIDDEN,
    "make-ring": FORBIDDEN,
    "start-process-in-another-way": FORBIDDEN,
    "signal-by-thread": FORBIDDEN,
    "write-memory": FORBIDDEN,
    "read-other-environment": DENIED,
    "all-executable": FORBIDDEN,
    "make-executable-by-key": FORBIDDEN,
    "set-limit": FORBIDDEN,
    "rename-file": FORBIDDEN,
    "truncate-file": FORBIDDEN,
    "unshare": FORBIDDEN,
}
LOG_ACTS = {  # with a log file
    "add-to-log": "done",
    "add-to-file": DENIED,
    "write-file": FORBIDDEN,
    "write-log": FORBIDDEN,
    "read-log": DENIED,
    "make-log": FORBIDDEN,
    "make-log-without-name": FORBIDDEN,
    "remove-file": FORBIDDEN,
    "read-outside": DENIED,
}
CGI_ACTS = {  # plain CGI keeps its system calls
    "read-inside": "done",
    "read-outside": DENIED,
    "read-folder": DENIED,
    "write-file": DENIED,
    "make-file": DENIED,
    "remove-file": DENIED,
    "execute": DENIED,
}
PLANTED = place.BUILD / "tests/transport/planted.so"
VALIDATION = fastcgi.request([
    (b"REQUEST_METHOD", b"OPTIONS"),
    (b"HTTP_WEBHOOK_REQUEST_ORIGIN", cases.ORIGIN.encode())])
SETTINGS = {"CERTGATE_ACCESS_KEYS": cases.KEY}
known = cases.certificates()
device, other = known["device"]["sha1"], known["other"]["sha1"]


def ask(path):
    """The answer to a validation; None if the handler did not live."""
    peer = fastcgi.Peer(path)
    peer.send(VALIDATION)
    answer = peer.answer()
    peer.close()
    return answer


def with_log_file(out, base):
    """Only files that are in its folder can be opened, to add to them."""
    prepared = {}
    for name in LOG_ACTS:
        logs = base / name / "logs"
        logs.mkdir(parents=True)
        prepared[name] = processes.Configuration(
            base / name / "conf", SETTINGS | {"CERTGATE_LOG": logs / "log"},
            device + "\n")
    for name, wanted in LOG_ACTS.items():
        got, log = attempt(prepared[name], name, [])
        out.equal(got, wanted, f"with a log file: {name}: {wanted}")
        written = (base / name / "logs/log").read_text()
        out.result("verdict=allow" in written and "sandbox" not in written and
                   "verdict" not in log, f"{name}: the log is the file",
                   f"{written}\n{log}")


def prepare(base, names):
    """A configuration for each.  All are written before the first is read: a
    start waits for settings that are younger than a second."""
    found = {name: processes.Configuration(base / name, SETTINGS,
                                           device + "\n") for name in names}
    for configuration in found.values():
        (configuration.folder / "precious").touch()
    return found


def attempt(configuration, name, arguments):
    """What became of an act: what it said, or the signal that ended it."""
    handler = processes.Handler(configuration, "socket", arguments, {
        "LD_PRELOAD": str(PLANTED), "PLANTED": name,
        "PLANTED_FOLDER": str(configuration.folder)})
    answer = ask(handler.path)
    code = handler.close()
    log = configuration.log_since(0)
    found = re.search(rf"planted={name} result=(\w+)", log)
    alive = (answer or b"").startswith(b"Status: 200") and code == 0
    return (found[1] if found and alive else code), log


def acts(out, base):
    prepared = prepare(base, [*ACTS, *(f"{name}.free" for name in ACTS)])
    for name, wanted in ACTS.items():
        got, log = attempt(prepared[name], name, [])
        out.equal(got, wanted, f"{name}: {wanted}")
        if got != wanted:
            print("# " + log[-600:].replace("\n", "\n# "))
        got, log = attempt(prepared[f"{name}.free"], name, ["--no-sandbox"])
        out.equal(got, 0 if name.startswith("execute") else "done",
                  f"{name}: done with --no-sandbox")
        out.result("--no-sandbox" in log, f"{name}: which the log says", log)


def plain_cgi(out, base):
    prepared = prepare(base, CGI_ACTS)
    for name, wanted in CGI_ACTS.items():
        configuration = prepared[name]
        done = subprocess.run(
            [place.HANDLER], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, env=configuration.environment() | {
                "REQUEST_METHOD": "OPTIONS",
                "HTTP_WEBHOOK_REQUEST_ORIGIN": cases.ORIGIN,
                "LD_PRELOAD": str(PLANTED), "PLANTED": name,
                "PLANTED_FOLDER": str(configuration.folder)})
        out.result(f"planted={name} result={wanted}\n" in done.stderr and
                   done.stdout.startswith("Status: 200"),
                   f"plain CGI: {name}: {wanted}", done.stderr)


def no_file(out, base):
    """No file with a name is open to be written, but a log on stderr."""
    configuration = processes.Configuration(base, SETTINGS, device + "\n")
    got, log = attempt(configuration, "grow-file", [])
    out.equal(got, "ENOENT", "no file is open to be written")
    out.result("verdict=allow" in log, "but the log, which is", log)


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    limits = pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="utf-8")
    return {"Seccomp": re.search(r"Seccomp:\s*(\d)", text)[1],
            "NoNewPrivs": re.search(r"NoNewPrivs:\s*(\d)", text)[1],
            "core": re.search(r"core file size\s+(\d+)", limits)[1]}


def managers(out, base):
    """Under each process manager."""
    ways = {"lighttpd": (processes.Lighttpd, "spawn"),
            "mod_fcgid": (processes.Apache, "fcgid"),
            "descriptor 0": (None, None)}
    for name, (server, how) in ways.items():
        configuration = processes.Configuration(base / name, SETTINGS,
                                                device + "\n")
        if server:
            running = server(base / f"{name}.server", configuration, how)
            http.exchange(running.port, http.request_bytes(
                "OPTIONS", "/eventhandler",
                {"Host": "localhost", "WebHook-Request-Origin":
                 cases.ORIGIN}, b""))
        else:
            running = processes.Handler(configuration)
            ask(running.path)
        log = configuration.log_since(0)
        pid = re.search(r"certgate\[(\d+)\]: verdict=allow", log)[1]
        out.equal(status(pid), {"Seccomp": "2", "NoNewPrivs": "1",
                                "core": "0"}, f"{name}: it is on")
        out.result("sandbox" not in log, f"{name}: with nothing to say", log)
        running.close()


class Gate:
    """A handler, and connect events to it."""

    def __init__(self, out, configuration):
        self.out = out
        self.configuration = configuration
        self.handler = processes.Handler(configuration)

    def reason(self):
        before = self.configuration.log_size()
        body = cases.connect_body(["@device"], known, {}).encode()
        given = [(b"REQUEST_METHOD", b"POST"),
                 (b"CONTENT_LENGTH", str(len(body)).encode())]
        for name, value in cases.event_headers(
                "azure.webpubsub.sys.connect").items():
            name = name.upper().replace("-", "_").encode()
            given.append((name if name == b"CONTENT_TYPE"
                          else b"HTTP_" + name, value.encode()))
        peer = fastcgi.Peer(self.handler.path)
        peer.send(fastcgi.request(given, body))
        peer.answer()
        peer.close()
        line = re.findall(r"verdict=.*", self.configuration.log_since(
            before))[-1]
        fields = dict(f.split("=", 1) for f in line.split())
        return fields["reason"], fields["list"]

    def becomes(self, name, *wanted):
        self.out.result(
            place.wait_for(lambda: self.reason() == wanted, 30, 0.2), name,
            f"got {self.reason()}, expected {wanted}\n" +
            self.configuration.log_since(0)[-1500:])

    def says(self, text, name):
        self.out.result(
            place.wait_for(lambda: text in self.configuration.log_since(0) or
                           not self.reason()), name,
            self.configuration.log_since(0)[-1500:])

    def restart(self):
        self.out.equal(self.handler.stop(), 0, "a restart")
        self.handler.start()

    def close(self):
        self.out.equal(self.handler.close(), 0, "the handler ends with 0")


def turn(link, target):
    """A deployment: another link is moved over the one in force."""
    fresh = link.with_name("fresh")
    fresh.symlink_to(target)
    fresh.rename(link)


def release(base, name, text):
    folder = base / name
    folder.mkdir(parents=True)
    (folder / "list").write_text(text, encoding="utf-8")
    return folder


def links(out, base):
    """Settings name DEPLOYED/current/list; current is a link."""
    deployed = base / "deployed"
    release(deployed, "1", device + "\n")
    release(deployed, "2", other + "\n")
    outside = release(base, "outside", device + "\n")
    (deployed / "current").symlink_to("1")
    gate = Gate(out, processes.Configuration(
        base / "links", {**SETTINGS, "CERTGATE_LIST":
                         str(deployed / "current/list")}, None))
    gate.becomes("behind a link", "listed", "1")
    turn(deployed / "current", "2")
    gate.becomes("the link is turned in its folder", "not-listed", "2")
    release(deployed, "3", device + "\n")
    turn(deployed / "current", "3")
    gate.becomes("to a folder that was not there at the start", "listed", "3")
    turn(deployed / "current", outside)
    gate.becomes("out of its folder: the last good list stays", "listed",
                 "stale")
    gate.says("restart needed", "and the log says what to do")
    gate.restart()
    gate.becomes("does it", "listed", "1")
    gate.close()


def missing(out, base):
    """A list that is not there yet."""
    folder = base / "lists"
    folder.mkdir(parents=True)
    gate = Gate(out, processes.Configuration(
        base / "conf", {**SETTINGS, "CERTGATE_LIST": str(folder / "list")},
        None))
    gate.becomes("no list at the start", "list-unreadable", "none")
    (folder / "list").write_text(device + "\n", encoding="utf-8")
    gate.becomes("it comes", "listed", "1")
    gate.close()


def broken(out, base):
    """Settings that are invalid at the start name nothing: what is in their
    own folder, or beneath, can be read once they are fixed."""
    configuration = processes.Configuration(
        base / "conf", {**SETTINGS, "CERTGATE_HUB": ""}, device + "\n")
    beneath = release(configuration.folder, "lists", other + "\n") / "list"
    elsewhere = release(base, "elsewhere", device + "\n") / "list"
    gate = Gate(out, configuration)
    gate.becomes("broken settings at the start", "settings", "none")
    gate.says("invalid settings: a restart will be needed if they later name "
              "files outside their own folders",
              "the log says what that means")
    bad = configuration.file.read_text(encoding="utf-8")
    good = bad.replace("CERTGATE_HUB=\n", "")
    configuration.file.write_text(good, encoding="utf-8")
    gate.becomes("fixed, with a list beside them", "listed", "1")
    configuration.file.write_text(good.replace(
        str(configuration.list), str(beneath)), encoding="utf-8")
    gate.becomes("with one beneath", "not-listed", "2")
    configuration.file.write_text(good.replace(
        str(configuration.list), str(elsewhere)), encoding="utf-8")
    gate.says(f"{elsewhere} is in none", "with one elsewhere: restart needed")
    gate.restart()
    gate.becomes("which does it", "listed", "1")
    out.equal(configuration.log_since(0).count("invalid settings: a restart"),
              1, "good settings at the start: nothing is said")
    gate.close()


def edits(out, base):
    configuration = processes.Configuration(
        base / "edits", {**SETTINGS, "CERTGATE_LOG": "stderr"},
        device + "\n")
    elsewhere = release(base, "elsewhere", other + "\n") / "list"
    gate = Gate(out, configuration)
    gate.becomes("at the start", "listed", "1")
    if os.geteuid() == 0:  # root's group may write
        configuration.folder.chmod(0o775)
    configuration.write_list(other + "\n")
    gate.becomes("a list by rename", "not-listed", "2")
    good = configuration.file.read_text(encoding="utf-8")
    configuration.file.write_text(good.replace(
        str(configuration.list), str(elsewhere)) + "CERTGATE_HUB=other\n",
        encoding="utf-8")
    gate.becomes("a list outside: the settings stay", "not-listed", "stale")
    gate.says(f"CERTGATE_LIST: {elsewhere} is in none of the folders that "
              "were read at the start; restart needed",
              "the log names it and says what to do")
    configuration.file.write_text(good, encoding="utf-8")
    configuration.write_list(device + "\n")
    gate.becomes("fixed", "listed", "3")
    key = base / "keys"
    key.mkdir()
    (key / "file").write_text(cases.KEY + "\n", encoding="utf-8")
    (key / "file").chmod(0o600)
    configuration.file.write_text(good.replace(
        f"CERTGATE_ACCESS_KEYS={cases.KEY}",
        f"CERTGATE_ACCESS_KEYS_FILE={key / 'file'}"), encoding="utf-8")
    gate.becomes("keys outside: the settings stay", "listed", "stale")
    gate.says(f"{key / 'file'} is in none", "which the log says")
    gate.restart()
    gate.becomes("a restart takes them up", "listed", "1")
    gate.close()


def moved(out, base):
    """The folder itself is another one: what is not there counts as such."""
    configuration = processes.Configuration(base / "conf", SETTINGS, None)
    folder = release(base, "moved", device + "\n")
    configuration.file.write_text(
        configuration.file.read_text(encoding="utf-8") +
        f"CERTGATE_LIST={folder / 'list'}\n", encoding="utf-8")
    gate = Gate(out, configuration)
    gate.becomes("the folder at the start", "listed", "1")
    folder.rename(base / "away")
    folder.mkdir()
    gate.becomes("an empty one in its place: no client", "list-unreadable",
                 "none")
    (folder / "list").write_text(device + "\n", encoding="utf-8")
    gate.says(f"{folder / 'list'} is in none", "a list in it: restart needed")
    gate.becomes("and until then no client", "list-unreadable", "none")
    gate.close()


def many(out, base):
    """A folder for each of many files, as sites may have."""
    pins = []
    for i in range(150):
        folder = base / f"customer-{i}"
        folder.mkdir(parents=True)
        pins.append(folder / "certificate.pem")
        pins[-1].write_text(known["other"]["pem"], encoding="ascii")
    pins[-1].write_text(known["device"]["pem"], encoding="ascii")
    gate = Gate(out, processes.Configuration(
        base / "conf", SETTINGS, "".join(f"file:{pin}\n" for pin in pins)))
    gate.becomes("files in many folders", "listed", "1")
    pins[-1].write_text(known["other"]["pem"], encoding="ascii")
    gate.becomes("one in the last of them is another", "not-listed", "2")
    gate.close()


def many_sites(out, base):
    """More folders than one list can name: a deny is loaded in each site."""
    gate = processes.Configuration(base / "conf", SETTINGS, "")
    (gate.folder / "sites").mkdir()
    lists = {}
    for site in ("a", "b", "c", "d", "e"):
        lists[site] = gate.folder / f"list-{site}"
        pins = [base / site / str(i) / "pin.pem" for i in range(1000)]
        for pin in pins:
            pin.parent.mkdir(parents=True)
            pin.write_text(known["other"]["pem"], encoding="ascii")
        lists[site].write_text("".join(f"file:{pin}\n" for pin in pins),
                               encoding="utf-8")
        (gate.folder / f"sites/{site}.conf").write_text(
            f"CERTGATE_LIST={lists[site]}\n", encoding="utf-8")
    handler = processes.Handler(gate)

    def have(what):
        return place.wait_for(lambda: all(
            f"site {site}: list {what} entries" in gate.log_since(0)
            for site in lists))

    out.result(have("1: 1000"), "files in very many folders")
    for path in lists.values():
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"deny {device}\n")
    out.result(have("2: 1001"), "the deny counts in each site",
               gate.log_since(0)[-1500:])
    out.equal(handler.close(), 0, "the handler ends with 0")


def own_socket(out, base):
    """Removed at the end, in the sandbox too."""
    base.mkdir()
    path = base / "socket"
    process = processes.begin([place.HANDLER, "--listen", path], base / "log",
                              processes.bare_environment({"CERTGATE_HUB": "*"}))

    def is_answered():
        try:
            return (ask(path) or b"").startswith(b"Status: 200")
        except OSError:  # it is not there, or does not listen yet
            return False

    out.result(place.wait_for(is_answered), "--listen")
    out.equal((processes.end(process), path.exists()), (0, False),
              "the socket file is removed at the end")


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp."""
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int),
                ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def without(names):
    """Takes calls away from this process: what is started next finds an older
    kernel."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    allow, unknown, equal = 0x7fff0000, 0x00050000 | 38, 4  # ENOSYS
    filter_ = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(allow)))
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        set_seccomp = Comparison(0, equal, 22, 0)  # PR_SET_SECCOMP
        if library.seccomp_rule_add_array(
                filter_, ctypes.c_uint32(unknown), number,
                int(name == "prctl"), ctypes.byref(set_seccomp)) != 0:
            raise OSError(name)
    if library.seccomp_load(filter_) != 0:
        raise OSError("seccomp_load")


def old_kernels(out, base):
    for name, calls, says in (
            ("Landlock", "landlock_create_ruleset",
             "this kernel has no Landlock"),
            ("seccomp", "seccomp,prctl", "no seccomp")):
        configuration = processes.Configuration(base / name, SETTINGS,
                                                device + "\n")
        path = configuration.folder / "socket"
        with processes.listen(path) as listener:
            process = processes.begin(
                [sys.executable, __file__, "--without", calls, place.HANDLER],
                configuration.log, configuration.environment(),
                stdin=listener)
            out.result((ask(path) or b"").startswith(b"Status: 200"),
                       f"a kernel without {name}: it serves")
            out.equal(processes.end(process), 0, "and ends with 0")
        log = configuration.log_since(0)
        found = [x for x in log.splitlines() if "sandbox: " in x]
        out.result(len(found) == 1 and says in found[0],
                   "with one line that says so", log)


def reconnecting(out, base):
    """A log daemon that is stopped, and started again; in a /dev or /run of the
    test's own."""
    if os.geteuid() != 0:
        out.result(True, "a log daemon # SKIP needs root")
        return
    for target, mounted, name, says in (
            ("syslog", "/dev", "log", b"level=note list 1: 1 entry"),
            ("journal", "/run", "systemd/journal/socket",
             b"MESSAGE=list 1: 1 entry")):
        log_daemon(out, base / target, target, mounted, name, says)


def listen_as_daemon(path):
    path.unlink(missing_ok=True)
    daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    daemon.settimeout(10)
    daemon.bind(str(path))
    return daemon


def log_daemon(out, folder, target, mounted, name, says):
    configuration = processes.Configuration(
        folder, {**SETTINGS, "CERTGATE_LOG": target}, device + "\n")
    path, place_of = folder / "socket", folder / "run" / name
    place_of.parent.mkdir(parents=True)
    mount = 'mount --bind "$1" "$2" && exec "$0"'
    daemon = listen_as_daemon(place_of)
    with processes.listen(path) as listener:
        process = processes.begin(
            ["unshare", "-m", "/bin/sh", "-c", mount, place.HANDLER,
             folder / "run", mounted], configuration.log,
            configuration.environment(), stdin=listener)
        ask(path)
        lines = [b""]
        while b"verdict=" not in lines[-1]:
            lines.append(daemon.recv(8192))
        out.result(b"verdict=allow" in lines[-1] and
                   any(says in x for x in lines) and
                   configuration.log_size() == 0,
                   f"lines go to the {target}, those of the start too", lines)
        daemon.close()
        answers = [ask(path) for _ in range(5)]
        out.result(all(a.startswith(b"Status: 200") for a in answers),
                   f"{target} stopped: all are answered", answers)
        daemon = listen_as_daemon(place_of)
        ask(path)
        line = daemon.recv(8192)
        out.result(b"verdict=allow" in line and b" lost=5" in line and
                   (target != "journal" or b"\nLOST=5" in line),
                   f"{target} started again: it has the number", line)
        ask(path)
        out.result(b"lost" not in daemon.recv(8192).lower(), "once")
        out.equal(processes.end(process), 0, "the handler ends with 0")
    daemon.close()


def main():
    out = tap.Tap()
    base = place.temporary()
    for story in (acts, with_log_file, plain_cgi, no_file, managers, links, missing, broken,
                  edits, moved, many, many_sites, own_socket, old_kernels,
                  reconnecting):
        story(out, base / story.__name__)
    out.done()


if sys.argv[1:2] == ["--without"]:
    without(sys.argv[2].split(","))
    os.execv(sys.argv[3], sys.argv[3:])
main()
