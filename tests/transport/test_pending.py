#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""What handlers note of those whom no entry has: bounded, of verified events
alone, each site's its own, through kills, and in plain CGI; and when a pin that
ends last let somebody in.  Where nothing can be noted it answers all the same."""
import hashlib
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, place, processes, strangers, tap  # noqa: E402

FLOOD = 100000
PER_HUB = 32
FILE = strangers.SLOTS * strangers.SIZE
known = cases.certificates()
DEVICE = [{"thumbprint": known["device"]["sha1"],
           "content": known["device"]["pem"]}]
out = tap.Tap()
base = place.temporary()


def gate(name, more=None, text="", keys=True):
    folder = base / name / "stats"
    settings = {"CERTGATE_STATS": folder, "CERTGATE_LOG": "stderr",
                **({"CERTGATE_ACCESS_KEYS": cases.KEY} if keys else {}),
                **(more or {})}
    configuration = processes.Configuration(base / name, settings, text)
    folder.mkdir()
    return configuration, folder


def becomes(folder, condition, name):
    """Notes are written within a second or so."""
    out.result(place.wait_for(lambda: condition(strangers.knocks(folder)), 30),
               name, strangers.knocks(folder))


def end(handler):
    """Whatever was noted is written by then."""
    out.equal(handler.close(), 0, "the handler ends with 0")


def flood():
    """And a device that knocks twice, before and in the middle of it."""
    configuration, folder = gate("flood")
    handler = processes.Handler(configuration)
    client = strangers.Client(handler.path)
    began = time.time()
    client.knock(DEVICE)
    client.knock(DEVICE)
    client.knock(DEVICE, hub="quiet")
    statuses = client.flood(range(FLOOD))
    out.equal(dict(statuses), {b"403": FLOOD}, f"{FLOOD} are refused")
    print(f"# in {time.time() - began:.1f} s")
    late = strangers.presented(strangers.certificate(FLOOD))
    digest = hashlib.sha256(strangers.certificate(FLOOD)).hexdigest()

    def noted():
        client.knock(late)
        return any(k.sha256 == digest for k in strangers.knocks(folder))
    out.result(place.wait_for(noted, 30), "who comes after them is noted")
    client.close()
    end(handler)
    knocks = strangers.knocks(folder)
    sizes = {p.name: p.stat().st_size for p in folder.glob("pending.*")}
    out.equal(sizes, {"pending.0": FILE}, "one file of one size")
    out.equal(len([k for k in knocks if k.hub == "chat"]), PER_HUB,
              "of a hub, as many as there may be")
    mine = {k.hub: k for k in knocks
            if k.sha256 == known["device"]["sha256"]}
    out.equal({hub: k.count for hub, k in mine.items()},
              {"chat": 2, "quiet": 1}, "the device is still there")
    out.result(int(began) <= mine["chat"].first <= mine["chat"].last <=
               time.time(), "with its times", mine)
    others = {hashlib.sha256(strangers.certificate(n)).hexdigest()
              for n in range(FLOOD)}
    out.equal({k.sha256 for k in knocks} - others,
              {known["device"]["sha256"], digest}, "beside some of the others")


def unverified():
    """Nothing of an event whose signature was not checked."""
    open_gates = {
        "no keys": (False, {}),
        "a code alone": (False, {"CERTGATE_CODE": "secret-of-the-url"}),
        "keys, but signatures off": (True, {"CERTGATE_SIGNATURE": "off"}),
        "a remote user alone": (False, {"CERTGATE_REMOTE_USER": "*"}),
    }
    for name, (keys, more) in open_gates.items():
        configuration, folder = gate("un-" + name.replace(" ", "-"), more,
                                     keys=keys)
        parameters = {"more": {"ce-signature": None}} if not keys else {}
        handler = processes.Handler(configuration)
        parameters, body = strangers.event(DEVICE, **parameters)
        parameters[b"QUERY_STRING"] = b"code=secret-of-the-url"
        parameters[b"AUTH_TYPE"] = parameters[b"REMOTE_USER"] = b"x"
        peer = strangers.fastcgi.Peer(handler.path)
        peer.send(strangers.fastcgi.request(parameters.items(), body))
        out.equal(peer.answer()[8:11], b"403", f"{name}: refused")
        peer.close()
        end(handler)
        out.result("reason=not-listed" in configuration.log_since(0),
                   f"{name}: as not listed")
        out.equal(strangers.knocks(folder), [], f"{name}: nothing is noted")
    configuration, folder = gate("verified")
    handler = processes.Handler(configuration)
    client = strangers.Client(handler.path)
    wrong = cases.signature("not-the-key-of-anybody-here", cases.CONNECTION)
    statuses = [client.knock(DEVICE, more={"ce-signature": s})
                for s in (wrong, None, "sha256=" + "0" * 64, "")]
    out.equal(statuses, [401] * 4, "no signature, and wrong ones")
    label = [{"thumbprint": "aa" * 20}]
    forged = [{"thumbprint": "aa" * 20, "content": known["device"]["pem"]}]
    large = strangers.certificate(1) + b"\0" * 4000
    for what in (label, forged, [], strangers.presented(large)):
        client.knock(what)
    client.knock(DEVICE, hub="h" * 129)
    # Element 0 alone: who has the key of another is not known.
    client.knock(strangers.presented(strangers.certificate(7)) + DEVICE)
    client.close()
    end(handler)
    out.equal([k.sha256 for k in strangers.knocks(folder)],
              [hashlib.sha256(strangers.certificate(7)).hexdigest()],
              "of a verified one, what was in its element 0 alone")


def forgotten():
    """Who is in an entry by now; and who is let in by a trial is noted."""
    until = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
    configuration, folder = gate("forgotten",
                                 {"CERTGATE_REPORT_ONLY_UNTIL": until})
    handler = processes.Handler(configuration)
    client = strangers.Client(handler.path)
    out.equal(client.knock(DEVICE), 200, "a trial lets it in")
    becomes(folder, lambda k: len(k) == 1, "and it is noted")
    configuration.write_list(f"deny {known['device']['sha256']}\n")
    place.wait_for(lambda: client.knock(DEVICE) == 403, 30)
    becomes(folder, lambda k: not k, "once an entry has it, it is forgotten")
    client.close()
    end(handler)


def sites():
    configuration, folder = gate("sites")
    (configuration.folder / "sites").mkdir()
    for name in ("one", "two"):
        (configuration.folder / "sites" / f"{name}.conf").write_text(
            f"CERTGATE_ACCESS_KEYS={cases.KEY}-{name}\n")
    handler = processes.Handler(configuration)
    client = strangers.Client(handler.path)
    for number in range(200):
        site, other = ("one", "two")[number % 2], ("two", "one")[number % 2]
        der = strangers.presented(strangers.certificate(number))
        client.knock(der, site=site, key=f"{cases.KEY}-{site}")
        client.knock(der, site=other, key=f"{cases.KEY}-{site}")
        client.knock(der, key=cases.KEY)
    client.knock(DEVICE, site="one", key=cases.KEY + "-one")
    client.close()
    end(handler)
    knocks = strangers.knocks(folder)
    own = {"one": set(), "two": set()}
    for number in range(200):
        own[("one", "two")[number % 2]].add(
            hashlib.sha256(strangers.certificate(number)).hexdigest())
    own["one"].add(known["device"]["sha256"])
    wrong = [k for k in knocks if k.sha256 not in own[k.site]]
    out.equal(wrong, [], "nothing crosses over")
    out.equal({s: len([k for k in knocks if k.site == s]) for s in own},
              {"one": PER_HUB, "two": PER_HUB}, "each site has its share")


def killed():
    """Writers that are killed leave whole slots, and the next goes on."""
    configuration, folder = gate("killed")
    held = processes.listen(configuration.folder / "socket")

    def start():
        return processes.begin([place.HANDLER], configuration.log,
                               configuration.environment(), stdin=held)

    count = 0
    for turn in range(5):
        running = [start() for _ in range(4)]
        for _ in range(12):
            client = strangers.Client(configuration.folder / "socket")
            client.knock(DEVICE)
            client.flood(range(turn * 100, turn * 100 + 20))
            client.close()
        count += 12
        place.wait_for(lambda: sum(
            k.count for k in strangers.knocks(folder)
            if k.sha256 == known["device"]["sha256"]) >= count, 30)
        for process in running:
            processes.end(process, signal.SIGKILL)
        slots = sum(1 for p in folder.glob("pending.*")
                    for i in range(0, FILE, strangers.SIZE)
                    if p.read_bytes()[i:i + strangers.SIZE].strip(b"\0"))
        out.equal(len(strangers.knocks(folder)), slots,
                  f"turn {turn}: every slot is whole")
    held.close()
    mine = [k for k in strangers.knocks(folder)
            if k.sha256 == known["device"]["sha256"]]
    out.equal(sum(k.count for k in mine), count,
              "what was written before a kill is kept")
    out.result(len(list(folder.glob("pending.*"))) <= 4,
               "as many files as processes", list(folder.iterdir()))


def plain_cgi():
    configuration, folder = gate("cgi")
    for _ in range(3):
        parameters, body = strangers.event(DEVICE)
        environment = {n.encode(): v.encode() for n, v in
                       configuration.environment().items()}
        done = subprocess.run([place.HANDLER], input=body, check=True,
                              capture_output=True, timeout=60,
                              env=environment | parameters)
        out.result(done.stdout.startswith(b"Status: 403"),
                   "plain CGI: refused", done)
    knocks = strangers.knocks(folder)
    out.equal([(k.sha256, k.count) for k in knocks],
              [(known["device"]["sha256"], 3)],
              "plain CGI: each goes on where the last one ended")
    out.equal(len(list(folder.glob("pending.*"))), 1, "plain CGI: in one file")


def nowhere():
    """What is in the way of all files, and of the first."""
    for name, number, wanted in (("all", range(256), 0), ("one", [0], 1)):
        configuration, folder = gate(f"nowhere-{name}")
        for i in number:
            (folder / f"pending.{i}").mkdir()
        handler = processes.Handler(configuration)
        client = strangers.Client(handler.path)
        out.equal(client.knock(DEVICE), 403, f"{name}: it answers")
        client.close()
        end(handler)
        log = configuration.log_since(0)
        lines = [line for line in log.splitlines() if "pending" in line]
        out.equal(len(lines), 1 - wanted, f"{name}: lines that say so")
        for i in number:
            (folder / f"pending.{i}").rmdir()
        out.equal(len(strangers.knocks(folder)), wanted, f"{name}: noted")


def seen():
    """When a pin with expires= last let somebody in."""
    until = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
    configuration, folder = gate(
        "seen", text=f"{known['device']['sha1']} expires={until}\n"
        f"{known['other']['sha1']}\n")
    handler = processes.Handler(configuration)
    client = strangers.Client(handler.path)
    began = int(time.time())
    for name in ("device", "other"):
        out.result(client.knock(strangers.presented(
            strangers.ssl.PEM_cert_to_DER_cert(known[name]["pem"]))) in
            (200, 204), f"{name} is let in")
    client.close()
    end(handler)
    data = (folder / "seen.0").read_bytes()
    used = [data[i:i + 256] for i in range(0, len(data), 256)
            if data[i:i + 256].strip(b"\0")]
    out.equal(len(used), 1, "the pin that ends is noted, no other")
    out.result(began <= int.from_bytes(used[0][32:40], sys.byteorder) <=
               time.time() and used[0][40:60].hex() == known["device"]["sha1"],
               "with its time", used)


flood()
unverified()
forgotten()
sites()
killed()
plain_cgi()
nowhere()
seen()
out.done()
