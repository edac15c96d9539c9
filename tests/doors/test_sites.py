#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Two customers on one pool of handlers, through three web servers: nothing of
the one reaches the other.  And names that lead nowhere."""
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, fastcgi, http, place, processes, tap  # noqa: E402

EVENTS = 10200  # in all
out = tap.Tap()
base = place.temporary()
known = cases.certificates()
KEYS = {"one": "key-of-site-one-0123456789ab", "two": "key-of-site-two-0123456789ab"}
LISTS = {"one": f"{known['device']['sha1']} user=ones-device groups=one\n",
         "two": f"{known['other']['sha1']} user=twos-other groups=two\n"
                f"deny {known['device']['sha1']}\n"}
CERTIFICATES = {"device": ["@device"], "other": ["@other"], "none": []}
# Site, certificate: what becomes of it, when its own key signed.
WANTED = {("one", "device"): (200, "listed", "ones-device"),
          ("one", "other"): (403, "not-listed", None),
          ("one", "none"): (403, "no-certificate", None),
          ("two", "device"): (403, "denied", None),
          ("two", "other"): (200, "listed", "twos-other"),
          ("two", "none"): (403, "no-certificate", None)}


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    new = path.with_name("." + path.name)
    new.write_text(text)
    new.chmod(0o640)
    new.rename(path)


def site_text(folder, name):
    return (f"CERTGATE_ACCESS_KEYS={KEYS[name]}\n"
            f"CERTGATE_LIST={folder}/{name}.list\n")


def configure(name):
    """The main settings and the environment accept their own clients."""
    folder = base / name
    configuration = processes.Configuration(
        folder, {"CERTGATE_SIGNATURE": "off"}, known["other"]["sha1"] + "\n" +
        known["device"]["sha1"] + "\n")
    for site, text in LISTS.items():
        write(folder / f"{site}.list", text)
        write(folder / "sites" / f"{site}.conf", site_text(folder, site))
    return configuration


def event(certificate, key, connection=cases.CONNECTION, host="one.example"):
    """A connect event as a case."""
    row = {"certificates": CERTIFICATES[certificate], "key": key,
           "connection": connection, "headers": {"Host": host}}
    return cases.Case("event", {}, None, cases.own_request(row, known), {})


def ask(configuration, parameters, case=None):
    """What the handler answers to these parameters, of which names may come
    twice: status (None: it closed), and the log's line."""
    before = configuration.log_size()
    case = case or event("device", KEYS["one"])
    peer = fastcgi.Peer(configuration.folder / "socket")
    peer.send(fastcgi.request(list(cgi.parameters(case).items()) + parameters,
                              case.body))
    answer = peer.answer()
    peer.close()
    found = processes.decisions(configuration.log_since(before))
    return (cgi.answer_of(answer).status if answer else None,
            found[-1] if found else {})


def becomes(name, configuration, parameters, wanted, case=None, members=None):
    """The log's fields, or some of them, once it is so."""
    members = members or ["reason"]
    got = []

    def is_so():
        line = ask(configuration, parameters, case)[1]
        got[:] = [line.get(m) for m in members]
        return got == wanted

    out.result(place.wait_for(is_so, 20, 0.2), name,
               f"got {got}, expected {wanted}")


def site(name):
    return [(b"CERTGATE_SITE", name.encode())]


class Traffic:
    """Mixed events to a server, each remembered by its connection."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.sent = {}

    def plan(self, count, tag):
        for number in range(count):
            site_name = self.chance.choice(["one", "two"])
            key = KEYS[site_name if self.chance.random() < 0.8 else
                       "two" if site_name == "one" else "one"]
            certificate = self.chance.choice(list(CERTIFICATES))
            yield f"{tag}-{number}", site_name, key, certificate

    def send(self, port, connection, site_name, key, certificate):
        """What is wrong with the answer, if anything."""
        case = event(certificate, key, connection, f"{site_name}.example")
        answer = http.exchange(port, http.request_bytes(
            case.method, case.path, case.headers, case.body))
        status, reason, user = WANTED[site_name, certificate] \
            if key == KEYS[site_name] else (401, "signature", None)
        self.sent[connection] = (site_name, reason)
        got = json.loads(answer.body).get("userId") \
            if answer.status == 200 else None
        return "" if (answer.status, got) == (status, user) else \
            f"{site_name} {certificate}: {answer}\n"

    def run(self, server, count, tag):
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            faults = [f for f in pool.map(
                lambda one: self.send(server.port, *one),
                self.plan(count, tag)) if f]
        out.result(not faults, f"{tag}: {count} events, every answer is that "
                   "of its site", "".join(faults[:5]))

    def compare(self, log):
        """Each event has one line, of its site and reason."""
        lines = [f for f in processes.decisions(log) if f["connection"] in self.sent]
        wrong = [f for f in lines if self.sent[f["connection"]] !=
                 (f.get("site"), f["reason"])]
        out.equal(len(lines), len(self.sent), "one line for each event")
        out.result(not wrong, "every line is that of its site", wrong[:3])


def pool():
    configuration = configure("pool")
    handler = processes.Handler(
        configuration, environment={
            "CLIENT_CERT_THUMBPRINT": known["device"]["sha1"],
            "CERTGATE_MISSING_CERTIFICATE": "allow"})
    second = processes.begin([place.HANDLER], configuration.log,
                             handler.environment, stdin=handler.socket)
    hosts = {f"{name}.example": name for name in KEYS}
    servers = {
        "lighttpd": processes.Lighttpd(
            base / "lighttpd", configuration, more='server.modules += '
            '( "mod_setenv" )\n' + "".join(
                f'$HTTP["host"] == "{h}" {{ setenv.set-environment = '
                f'( "CERTGATE_SITE" => "{s}" ) }}\n'
                for h, s in hosts.items())),
        "apache": processes.Apache(
            base / "apache", configuration, more="LoadModule rewrite_module "
            "/usr/lib/apache2/modules/mod_rewrite.so\n"
            '<Location "/old">\nRequire all granted\nRewriteEngine on\n'
            "RewriteRule .* /eventhandler\n</Location>\n",
            sites=hosts),
        "nginx": processes.Nginx(base / "nginx", configuration, hosts)}
    traffic = Traffic(1)
    for name, server in servers.items():
        traffic.run(server, EVENTS // 3, name)
    traffic.compare(configuration.log_since(0))
    for name, server in servers.items():
        unnamed(name, server, configuration)
    redirected(servers["apache"], configuration)
    for server in servers.values():
        server.close()
    out.equal(processes.end(second), 0, "the second handler ends with 0")
    breakage(configuration)
    out.equal(handler.close(), 0, "the first one too")


def unnamed(name, server, configuration):
    before = configuration.log_size()
    case = event("device", KEYS["one"], host="unknown.example")
    answer = http.exchange(server.port, http.request_bytes(
        case.method, case.path,
        case.headers | {"certgate-site": "one", "CERTGATE_SITE": "one"},
        case.body))
    got = processes.decisions(configuration.log_since(before))[-1]
    # nginx takes the first server block for a host that it does not know.
    out.equal((answer.status, got["reason"]), (403, "site"),
              f"{name}: a host without a site, whatever its headers")


def redirected(server, configuration):
    before = configuration.log_size()
    case = event("device", KEYS["one"])
    answer = http.exchange(server.port, http.request_bytes(
        case.method, "/old", case.headers, case.body))
    got = processes.decisions(configuration.log_since(before))
    out.equal((answer.status, [f["reason"] for f in got]), (403, ["site"]),
              "apache: a request that was redirected inside")


def breakage(configuration):
    folder = configuration.folder
    one, two = site("one"), site("two")
    other = event("other", KEYS["two"])
    fine = ["listed", "1", "two"]
    members = ["reason", "list", "site"]
    write(folder / "one.list", "nonsense\n")
    becomes("a broken list", configuration, one, ["listed", "stale", "one"],
            members=members)
    becomes("is not the other's", configuration, two, fine, other, members)
    log = configuration.log_since(0)
    out.result("site one: " in log and "site two: list 1: " in log,
               "the log says whose it is", log[-1500:])
    (folder / "one.list").unlink()
    becomes("no list", configuration, one, ["list-unreadable", "none", "one"],
            members=members)
    becomes("is not the other's either", configuration, two, fine, other,
            members)
    write(folder / "one.list", LISTS["two"])
    becomes("fixed", configuration, one, ["denied", "2", "one"],
            members=members)
    write(folder / "sites/one.conf", "CERTGATE_HUB=\n")
    becomes("broken settings", configuration, one, ["denied", "stale", "one"],
            members=members)
    becomes("are not the other's", configuration, two, fine, other, members)
    write(folder / "sites/three.conf", site_text(folder, "two"))
    becomes("a site that is added while it runs", configuration,
            site("three"), ["listed", "1", "three"], other, members)
    (folder / "sites/three.conf").unlink()
    becomes("and removed", configuration, site("three"), ["site", "-"], other,
            ["reason", "list"])


def names():
    """Each is refused as `site`, or the peer is shut out."""
    configuration = configure("names")
    folder = configuration.folder
    write(folder / "outside.conf", site_text(folder, "one"))
    (folder / "sites/deep").mkdir()
    write(folder / "sites/deep/x.conf", site_text(folder, "one"))
    (folder / "sites/gone.conf").symlink_to(folder / "nowhere")
    handler = processes.Handler(configuration)
    out.equal(ask(configuration, site("one"))[0], 200, "the site itself")
    hostile = ["", "../outside", "..", ".", "/", "./one", "one/", "deep/x",
               "One", "one ", " one", "one.conf", "one\n", "one%00", "\xff",
               "one=two", "a" * 65, "a" * 50000, "gone", "none", "one,one",
               str(folder / "sites/one"), "${x}", "%s%n"]
    for name in hostile:
        status, line = ask(configuration, site(name))
        out.equal((status, line.get("reason")), (403, "site"),
                  f"the name {name[:30]!r}")
        out.result(" " not in line.get("site", "") and
                   len(line.get("site", "")) < 600, "is escaped and cut")
    twice = {"twice": site("one") + site("one"),
             "twice, of two": site("one") + site("two"),
             "as before a redirection":
                 [(b"REDIRECT_CERTGATE_SITE", b"one")],
             "and so beside its own":
                 site("one") + [(b"REDIRECT_CERTGATE_SITE", b"one")],
             "not at all": []}
    for name, parameters in twice.items():
        status, line = ask(configuration, parameters)
        out.equal((status, line.get("reason")), (403, "site"), name)
    status, line = ask(configuration, [(b"CERTGATE_SITE", b"one\0two")])
    out.result(status in (None, 403), "a NUL", (status, line))
    out.equal(ask(configuration, site("one"))[0], 200, "the site still")
    handler.close()


def folders():
    """What counts as having sites."""
    configuration = processes.Configuration(
        base / "folders", {"CERTGATE_SIGNATURE": "off"},
        known["device"]["sha1"] + "\n")
    sites = configuration.folder / "sites"
    handler = processes.Handler(configuration)
    becomes("no folder", configuration, [], ["listed"])
    out.equal(ask(configuration, site("one"))[1]["reason"], "site",
              "no folder, and a name")
    sites.mkdir()
    becomes("a folder that is new counts", configuration, [], ["site"])
    out.result(f"{sites}: it cannot be told whether there are sites (it is not "
               "the folder of the start; restart needed)" in
               configuration.log_since(0) and
               f"{sites} has sites" not in configuration.log_since(0),
               "and it is said why", configuration.log_since(0)[-1000:])
    handler.stop()
    handler.start()
    becomes("one that is empty at the start does not", configuration, [],
            ["listed"])
    write(sites / "x.txt", "")
    write(sites / ".y.conf", "")
    becomes("nor do other files", configuration, [], ["listed"])
    write(sites / "Odd_Name.conf", "")
    becomes("any NAME.conf does", configuration, [], ["site"])
    out.result(f"{sites} has sites" in configuration.log_since(0),
               "and that is said")
    got = []

    def is_asked_in_time():
        write(sites / "Odd_Name.conf", "")
        becomes("there it is", configuration, [], ["site"])
        begin = time.monotonic()
        (sites / "Odd_Name.conf").unlink()
        handler.process.send_signal(signal.SIGHUP)
        got[:] = [ask(configuration, [])[1]["reason"]]
        return time.monotonic() - begin < 4

    place.wait_for(is_asked_in_time)
    out.equal(got, ["site"], "not for the moment that it is away")
    becomes("until it goes", configuration, [], ["listed"])
    for number in range(257):
        write(sites / f"s-{number}.conf", "CERTGATE_SIGNATURE=off\n")
    handler.stop()
    handler.start()
    reasons = [ask(configuration, site(f"s-{n}"))[1]["reason"]
               for n in range(257)]
    out.equal((reasons.count("not-listed"), reasons.count("site")), (256, 1),
              "of 257 sites, one is too many")
    handler.close()


def unsearchable():
    """While the folder of the settings cannot be searched, the last good
    settings stay, and what was known of sites too."""
    for name, wanted in (("without", "listed"), ("with", "site")):
        configuration = processes.Configuration(
            base / name, {"CERTGATE_SIGNATURE": "off"},
            known["device"]["sha1"] + "\n")
        if name == "with":
            write(configuration.folder / "sites" / "one.conf",
                  site_text(configuration.folder, "two"))
        link = base / f"{name}-link"
        link.symlink_to(configuration.folder)
        handler = processes.Handler(configuration, environment={
            "CERTGATE_CONFIG": str(link / "settings")})
        out.equal(ask(configuration, [])[1]["reason"], wanted,
                  f"{name} sites: the folder can be searched")
        link.unlink()
        link.symlink_to(link)
        becomes(f"{name} sites: it cannot", configuration, [],
                [wanted, "stale" if wanted == "listed" else "-"],
                members=["reason", "list"])
        handler.close()


class Apart(processes.Handler):
    """A handler that may not be root, its settings and sites in a folder deep
    whose mode can change, and faults of folders and clocks."""

    def __init__(self, name, sites):
        one = configure(name) if sites else processes.Configuration(
            base / name, {"CERTGATE_SIGNATURE": "off"},
            known["device"]["sha1"] + "\n")
        self.deep = one.folder / "deep"
        self.deep.mkdir()
        (one.folder / "sites").mkdir(exist_ok=True)
        self.sites = (one.folder / "sites").rename(self.deep / "sites")
        self.names, self.skip = one.folder / "names", one.folder / "skip"
        self.skip.touch()
        faults = shutil.copy(place.BUILD / "tests/doors/faults.so", one.folder)
        super().__init__(one, environment={
            "CERTGATE_CONFIG": str(one.file.rename(self.deep / "settings")),
            "LD_PRELOAD": str(faults), "FAULTS_NAMES": str(self.names),
            "FAULTS_SKIP": str(self.skip)},
            user=65534 if os.geteuid() == 0 else None)

    def skip_time(self):
        """Longer than a file may be missing."""
        with open(self.skip, "a", encoding="utf-8") as file:
            file.write("x" * 60)

    def says(self, words, change):
        """What it logs after the change, and after a time."""
        before = self.configuration.log_size()
        change()
        self.skip_time()
        out.result(place.wait_for(
            lambda: words in self.configuration.log_since(before)),
            f"{words} is said", self.configuration.log_since(before)[-900:])


SHUT = 0o700 if os.geteuid() == 0 else 0  # to the handler


def held():
    """A folder of sites that is open, and whose names cannot be read, or that
    cannot be reached: the sites stay, and the folder has sites."""
    handler = Apart("held", True)
    configuration = handler.configuration

    def stays(name):
        got = [ask(configuration, p)[1]["reason"] for p in ([], site("one"))]
        out.equal(got, ["site", "listed"], f"held: {name}: the sites stay")

    stays("the start")
    handler.says("there are sites (Input/output error)", handler.names.touch)
    stays("names that cannot be read")
    handler.says("there are sites (Permission denied)",
                 lambda: handler.deep.chmod(SHUT))
    stays("and cannot be reached")
    handler.names.unlink()
    handler.skip_time()
    place.wait_for(lambda: False, 2.5)
    stays("that can be read, and not be reached")
    handler.deep.chmod(0o755)
    handler.says("sites is not searchable by user",
                 lambda: handler.sites.chmod(SHUT))
    stays("a folder that cannot be searched")
    handler.sites.chmod(0o755)
    out.equal(handler.close(), 0, "held: the handler ends with 0")


def bare():
    """The same of a folder that had no site at the start."""
    handler = Apart("bare", False)
    configuration = handler.configuration
    out.equal(ask(configuration, [])[1]["reason"], "listed", "bare: no site")
    for name, mode in (("can", 0o755), ("cannot", SHUT)):
        handler.deep.chmod(mode)
        becomes(f"bare: {name} be reached", configuration, [], ["listed"])
        handler.names.touch()
        becomes("bare: names that cannot be read count", configuration, [],
                ["site"])
        handler.deep.chmod(0o755)
        handler.names.unlink()
        place.wait_for(lambda: handler.skip_time() or ask(
            configuration, [])[1]["reason"] == "listed", step=1)
    folder = os.open(handler.sites, os.O_DIRECTORY)
    handler.deep.chmod(SHUT)
    os.close(os.open("new.conf", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    becomes("bare: a new site that cannot be reached counts", configuration,
            [], ["site"])
    handler.deep.chmod(0o755)
    out.equal(handler.close(), 0, "bare: the handler ends with 0")


def shut():
    """If the handler may not look, it refuses, and names no site."""
    case = event("device", KEYS["one"])
    user = {"user": 65534, "group": 65534, "extra_groups": []} \
        if os.geteuid() == 0 else {}
    for name, closed, sites, wanted in (
            ("its folder", ".", False, "settings"),
            ("its folder and sites", ".", True, "settings"),
            ("the folder of the sites", "sites", True, "site"),
            ("nothing", None, False, "listed")):
        configuration = processes.Configuration(
            base / f"shut-{name[-9:]}", {"CERTGATE_SIGNATURE": "off"},
            known["device"]["sha1"] + "\n")
        if sites:
            (configuration.folder / "sites").mkdir()
        if closed:
            (configuration.folder / closed).chmod(
                0o700 if os.geteuid() == 0 else 0)
        done = subprocess.run(
            [place.HANDLER], input=case.body, capture_output=True, check=True,
            env={n.encode(): v.encode() for n, v in
                 configuration.environment().items()} | cgi.parameters(case),
            timeout=60, **user)
        log = done.stderr.decode("latin-1")
        if closed:
            (configuration.folder / closed).chmod(0o755)
        out.equal(processes.decisions(log)[-1]["reason"], wanted,
                  f"{name} is shut: the reason")
        out.equal((f"{configuration.folder}/sites: it cannot be told whether "
                   "there are sites (Permission denied)" in log,
                   "has sites" in log), (bool(closed), False),
                  f"{name} is shut: what is said of sites")


def plain_cgi():
    configuration = configure("cgi")
    write(base / "elsewhere" / "list", LISTS["one"])
    write(configuration.folder / "sites" / "far.conf",
          f"CERTGATE_ACCESS_KEYS={KEYS['one']}\n"
          f"CERTGATE_LIST={base}/elsewhere/list\n")
    for name, wanted in (("one", "listed"), ("two", "signature"),
                         ("far", "listed"),
                         ("../outside", "site"), (None, "site")):
        case = event("device", KEYS["one"])
        environment = {n.encode(): v.encode() for n, v in
                       configuration.environment().items()}
        if name:
            environment[b"CERTGATE_SITE"] = name.encode()
        environment[b"CLIENT_CERT_THUMBPRINT"] = b"x"  # of no site
        done = subprocess.run(
            [place.HANDLER], input=case.body, capture_output=True,
            env=environment | cgi.parameters(case), check=True, timeout=60)
        got = processes.decisions(done.stderr.decode("latin-1"))[-1]
        out.equal(got["reason"], wanted, f"plain CGI, site {name}")


pool()
names()
folders()
plain_cgi()
unsearchable()
held()
bare()
shut()
out.done()
