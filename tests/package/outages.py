#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Inside a machine that run.py boots: outages planted around the installed
handler, each with its cause in the first line of certgate status and a fix that
works, and healthy variations, none with a cause."""
import json
import os
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, cgi, fastcgi, http, logs, pki, place  # noqa: E402
from harness import store  # noqa: E402
from booted import (HUB, KEY, KEYS, LIST, ORIGIN, PORTS, SETTINGS,  # noqa: E402
                    known, options, out, quiet, run, soon, type_in)

PORT = PORTS["Apache"]
SOCKET = "/run/certgate/certgate.sock"
SITES = SETTINGS.parent / "sites"
LOGS = pathlib.Path("/var/log/certgate")
LOG = LOGS / "certgate.log"
UNIT = pathlib.Path("/etc/systemd/system/certgate.service.d/outages.conf")
FILES = pathlib.Path("/tmp/outages")
WELL = "All is well."
URL = "http://localhost/eventhandler?code=a-code"
CODE = "a-code"
DEVICE, OTHER, PUMP, EXPIRED, NOT_YET = (
    known[n]["sha1"] for n in ("device", "other", "pump", "expired", "not_yet"))
TODAY = int(time.time())


def day(days):
    return time.strftime("%Y-%m-%d", time.gmtime(TODAY + days * 86400))


def body_of(client):
    if isinstance(client, pki.Certificate):
        return cases.connect_body(client.presented(), known, {})
    return cases.connect_body([f"@{client}"] if client else "absent", known, {})


def answer(client="device", count=1, key=KEY, hub=HUB, origin=ORIGIN, code=CODE,
           ahead=0, site=None):
    """So many connect events, through Apache, or with the parameter of a site
    straight to the handler; the answer to the last one."""
    headers = cases.event_headers(
        "azure.webpubsub.sys.connect", hub=hub, key=key, more={
            "WebHook-Request-Origin": origin, "ce-time": time.strftime(
                "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead))})
    case = cases.Case("", {}, None, {
        "method": "POST", "path": f"/eventhandler?code={code}",
        "headers": headers, "body": body_of(client),
        "parameters": {"CERTGATE_SITE": site} if site else {}}, {})
    for _ in range(count):
        if site:
            peer = fastcgi.Peer(SOCKET)
            peer.send(fastcgi.request(list(cgi.parameters(case).items()),
                                      case.body))
            got = cgi.answer_of(peer.answer())
            peer.close()
        else:
            got = http.exchange(PORT, http.request_bytes(
                case.method, case.path, case.headers, case.body))
    return got


def event(*arguments, **more):
    return answer(*arguments, **more).status


def put(path, text, mode=0o640):
    """A file that the handler can read, by renaming."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    shutil.chown(new, 0, "_certgate")
    new.chmod(mode)
    new.rename(path)


def settings(**more):
    """The good settings with some others; None takes one out."""
    own = {"CERTGATE_ORIGINS": ORIGIN, "CERTGATE_ACCESS_KEYS": KEY,
           "CERTGATE_SIGNATURE": "required", "CERTGATE_CODE": CODE,
           "CERTGATE_HUB": HUB, "CERTGATE_LIST": LIST}
    put(SETTINGS, "".join(f"{n}={v}\n" for n, v in {**own, **more}.items()
                          if v is not None))


def entries(*lines):
    put(LIST, "".join(line + "\n" for line in lines))


def restart():
    quiet("systemctl restart certgate")


def drop_in(text, codes=(0,)):
    UNIT.parent.mkdir(exist_ok=True)
    UNIT.write_text(f"[Service]\n{text}\n")
    quiet("systemctl daemon-reload; systemctl restart certgate", codes)


def forget_log():
    """The last hour is that of the next story."""
    quiet("journalctl --sync; journalctl --rotate; "
          "rm -f /var/log/journal/*/*@* /run/log/journal/*/*@*")


def begin():
    """A good state, whatever was before."""
    quiet(f"umount {LOGS}; rm -rf {SITES} {LOG}* {UNIT.parent} {KEYS}",
          (0, 1, 32))
    settings()
    entries(f"{DEVICE} user=device", f"{OTHER} user=other")
    quiet("systemctl daemon-reload; "
          "systemctl start certgate.socket; systemctl restart certgate")
    place.wait_for(lambda: event() in (200, 204), 10, 0.1)
    forget_log()


def journal_has(text):
    return place.wait_for(lambda: text in quiet(
        "journalctl -q -t certgate -o cat"), 15, 0.2)


def status():
    """certgate status, when the journal has what was logged."""
    quiet("journalctl --sync")
    text = quiet("certgate status", (0, 1, 2, 3), True)
    return text.splitlines() + ["", ""]


def fix_of(lines):
    return lines[1].removeprefix("fix").strip()


def execute(lines):
    """As an administrator does when pasting the second line."""
    run(fix_of(lines))


# What a story is: a name, what is planted, the first line of status, a part of
# its second, and what is done about it (execute: that line as it stands).
def refused(**more):
    return lambda: event(count=3, **more)


def set_to(how, **more):
    """Settings that a restart takes, and events then."""
    def plant():
        settings(**more)
        restart()
        how()
    return plant


def good_settings(_lines):
    settings()
    restart()


def good_list(_lines):
    entries(f"{DEVICE} user=device")
    restart()


def listed(client, *lines):
    def plant():
        entries(*lines)
        restart()
        event(client, count=3)
    return plant


def while_it_runs(act, said):
    """A change of a file, without a restart."""
    def plant():
        event()
        act()
        journal_has(said)
    return plant


def add_error():
    entries(f"{DEVICE} user=device", "zz")


def at_restart():
    put(SETTINGS, "CERTGATE_HUBS=bench\n")
    restart()
    event(count=3)


def read_by_root():
    os.chown(LIST, 0, 0)
    LIST.chmod(0o600)
    restart()
    event(count=3)


def fill_disk():
    quiet(f"mount -t tmpfs -o size=64k,mode=750,uid=$(id -u _certgate) none "
          f"{LOGS}")
    settings(CERTGATE_LOG=LOG)
    restart()
    event()
    quiet(f"cat /dev/zero >{LOGS}/full 2>/dev/null", (1,))
    event(count=20)


def free_disk(_lines):
    (LOGS / "full").unlink()
    event(count=2)
    place.wait_for(lambda: quiet(
        "systemctl show -P StatusText certgate.service").startswith("list"),
        5, 0.1)


class Fleet:
    """A CA with CRLs, made once."""

    def __init__(self):
        FILES.mkdir(exist_ok=True)
        self.ca = pki.Authority(FILES / "ca", "/O=T/CN=Fleet")
        self.client = self.ca.issue("client", "/O=T/CN=pump-9")
        self.over = self.ca.crl(begin=pki.now() - 2 * pki.DAY,
                                end=pki.now() - pki.DAY)
        self.current = self.ca.crl()

    def plant(self, crl):
        put(SETTINGS.parent / "ca.pem", self.ca.pem)
        put(SETTINGS.parent / "ca.crl", crl)
        entries(f"ca:{SETTINGS.parent}/ca.pem cn=pump-* "
                f"crl={SETTINGS.parent}/ca.crl")
        restart()
        event(self.client, count=3)

    def plant_over(self):
        self.plant(self.over)

    def repair(self, _lines):
        put(SETTINGS.parent / "ca.crl", self.current)
        place.wait_for(lambda: event(self.client) in (200, 204), 10, 0.2)


def write_site(name, origin=ORIGIN):
    SITES.mkdir(exist_ok=True)
    shutil.chown(SITES, 0, "_certgate")
    SITES.chmod(0o750)
    put(SITES / f"{name}.list", f"{DEVICE} user=device\n")
    put(SITES / f"{name}.conf", f"CERTGATE_ORIGINS={origin}\n"
        f"CERTGATE_ACCESS_KEYS={KEY}\nCERTGATE_LIST={SITES}/{name}.list\n")


def break_site():
    write_site("one")
    write_site("two")
    put(SITES / "two.conf", "CERTGATE_ORIGINS\n")
    restart()
    event(site="one")
    event(site="two", count=3)


def repair_site(_lines):
    write_site("two")
    restart()
    event(site="one")
    event(site="two")


def end_each():
    """A handler that ends as soon as it starts."""
    drop_in("ExecStart=\nExecStart=/usr/sbin/certgate.fcgi --unknown", (0, 1))
    place.wait_for(lambda: int(quiet(
        "systemctl show -P NRestarts certgate.service")) > 3, 20, 0.1)


def take_drop_in(_lines):
    shutil.rmtree(UNIT.parent)
    quiet("systemctl daemon-reload; systemctl reset-failed certgate.service; "
          "systemctl restart certgate")


def hang():
    event()
    quiet("systemctl kill -s STOP certgate.service")


def stop():
    event()
    quiet("systemctl stop certgate.socket certgate.service")


def disable():
    event()
    quiet("systemctl disable --now certgate.socket certgate.service")


def mask():
    event()
    quiet("systemctl mask --now certgate.socket certgate.service")


def log_elsewhere():
    """A start with settings that the handler cannot read yet."""
    settings(CERTGATE_LOG=LOG)
    restart()
    event()
    SETTINGS.chmod(0o600)
    os.chown(SETTINGS, 0, 0)
    restart()
    event()
    settings(CERTGATE_LOG=LOG)
    journal_has("CERTGATE_LOG changed: restart needed")
    event()


def lose_socket():
    event()
    os.unlink(SOCKET)


def close_socket(command):
    def plant():
        event()
        quiet(command)
        event()
    return plant


def stop_server():
    event()
    quiet("systemctl stop lighttpd apache2")


def start_server(lines):
    execute(lines)
    quiet("systemctl start lighttpd apache2")


def unwire():
    quiet("lighty-disable-mod certgate; systemctl restart lighttpd; "
          "a2disconf -q certgate; systemctl reload apache2", (0, 2))


def unwire_later():
    event()
    unwire()


def wire(lines):
    execute(lines)
    place.wait_for(lambda: event() in (200, 204), 10, 0.2)


def as_installed():
    put(SETTINGS, pathlib.Path("/usr/share/certgate/certgate.conf").read_text())
    entries("# no entries")
    restart()


def replace_entry(_lines):
    run(f"certgate allow {DEVICE} --replace user=device expires={day(300)}")
    place.wait_for(lambda: event() in (200, 204), 10, 0.2)


def rotate(old, new):
    def repair(_lines):
        run(f"certgate rotate {old} {new}")
        place.wait_for(lambda: event() in (200, 204), 10, 0.2)
    return repair


def keys_of_root():
    put(KEYS, KEY + "\n", 0o600)
    os.chown(KEYS, 0, 0)
    settings(CERTGATE_ACCESS_KEYS=None, CERTGATE_ACCESS_KEYS_FILE=KEYS)
    restart()
    event(count=3)


NO_ACCESS = "The web server cannot connect to the handler. (/run/certgate"
NO_LOAD, NO_SETTINGS = "The list does not load. (", "The settings do not load. ("


def outages(fleet):
    return [
        ("expired certificate", listed("expired", EXPIRED),
         "The certificate of every client has expired.", "certgate rotate",
         rotate(EXPIRED, DEVICE)),
        ("expired entry", listed("device", f"{DEVICE} expires={day(-2)}"),
         f"The entry of every client has expired. (line 1 of {LIST}",
         "set a later expires= in this line",
         replace_entry),
        ("certificate not yet valid", listed("not_yet", NOT_YET),
         "No client's certificate is valid yet.", "check the clocks",
         rotate(NOT_YET, DEVICE)),
        ("entry not yet valid", listed(
            "device", f"{DEVICE} not-before={day(2)}"),
         "No client's entry is valid yet.", "not-before=", replace_entry),
        ("wrong key", set_to(refused(), CERTGATE_ACCESS_KEYS="k" * 32),
         "No event has a valid signature: was an access key regenerated?",
         "set CERTGATE_ACCESS_KEYS", good_settings),
        ("wrong origin", set_to(refused(), CERTGATE_ORIGINS="b.example"),
         "Every event names an origin that is not configured. "
         f"(events name {ORIGIN}; configured: b.example)",
         "set CERTGATE_ORIGINS", good_settings),
        ("wrong hub", set_to(refused(), CERTGATE_HUB="plant"),
         "Every event names a hub that is not configured. "
         f"(events name {HUB}; configured: plant)", "set CERTGATE_HUB",
         good_settings),
        ("wrong code", set_to(refused(), CERTGATE_CODE="the-secret"),
         "No event has the configured code in its URL.",
         "set the same code", good_settings),
        ("clientCertEnabled is off", refused(client=None),
         "No client presents a certificate", "az webpubsub update", None),
        ("syntax error while running", while_it_runs(
            add_error, "last good settings and list stay"), NO_LOAD,
         f"correct line 2 of {LIST}", good_list),
        ("syntax error at restart", at_restart, NO_SETTINGS,
         f"correct line 1 of {SETTINGS}", good_settings),
        ("list mode", read_by_root, NO_LOAD,
         f"chgrp _certgate {LIST} && chmod 640 {LIST}", execute),
        ("list that others can write", while_it_runs(
            lambda: LIST.chmod(0o666), "bad permissions"), NO_LOAD,
         f"chmod g-w,o-w {LIST}", execute),
        ("list emptied", while_it_runs(
            lambda: LIST.write_text(""), "empty: "), NO_LOAD,
         f"restore {LIST}", good_list),
        ("list removed", while_it_runs(LIST.unlink, "is missing"), NO_LOAD,
         f"restore {LIST}", good_list),
        ("settings emptied", while_it_runs(
            lambda: SETTINGS.write_text(""), "empty: "), NO_SETTINGS,
         f"restore {SETTINGS}", good_settings),
        ("keys for root alone", keys_of_root, NO_SETTINGS,
         f"chgrp _certgate {KEYS} && chmod 640 {KEYS}", execute),
        ("handler stopped", stop, "The handler is not running.",
         "systemctl start certgate.socket certgate.service", execute),
        ("handler disabled", disable, "The handler is not running.",
         "systemctl unmask certgate.socket certgate.service && systemctl "
         "enable --now certgate.socket certgate.service", execute),
        ("handler masked", mask, "The handler is not running.",
         "systemctl unmask certgate.socket certgate.service && systemctl "
         "enable --now certgate.socket certgate.service", execute),
        ("log elsewhere", log_elsewhere,
         "The handler does not write to the log of the settings.",
         "systemctl restart certgate", execute),
        ("socket file deleted", lose_socket,
         f"The handler is not running. (nothing listens on {SOCKET})",
         "systemctl restart certgate.socket certgate.service", execute),
        ("socket for another group", close_socket(f"chgrp root {SOCKET}"),
         f"{NO_ACCESS}/certgate.sock: user www-data cannot write to it; ",
         f"chgrp www-data {SOCKET} && chmod 660 {SOCKET}", execute),
        ("socket for root alone", close_socket(f"chmod 600 {SOCKET}"),
         f"{NO_ACCESS}/certgate.sock: user www-data cannot write to it; ",
         f"chgrp www-data {SOCKET} && chmod 660 {SOCKET}", execute),
        ("folder of the socket for root alone", close_socket(
            "chmod 700 /run/certgate"),
         f"{NO_ACCESS}: user www-data cannot search it)",
         "chmod o+x /run/certgate", execute),
        ("web server stopped", stop_server,
         "The web server is not running. (", "systemctl start ", start_server),
        ("handler ends again and again", end_each,
         "The handler is not running. (it exits, and systemd restarts it)",
         "journalctl -u certgate.service -n 20 shows why", take_drop_in),
        ("handler hangs", hang,
         "The handler is not running. (its process does not respond)",
         "systemctl restart certgate.service", execute),
        ("disk full", fill_disk, "The disk of the log is full.",
         f"free space in {LOGS}", free_disk),
        ("CRL expired", fleet.plant_over, "The configuration has errors. "
         f"({LIST}:1: no current CRL of ", "replace the file of crl=",
         fleet.repair),
        ("site broken", break_site, "The configuration has errors. "
         f"({SITES}/two.conf:1", f"correct line 1 of {SITES}/two.conf",
         repair_site),
        ("web server not wired", unwire,
         "No web server passes events to the handler.",
         "a2enconf certgate && systemctl reload apache2", wire),
        ("web server no longer wired", unwire_later,
         "No web server passes events to the handler. (the last "
         "event came at ", "a2enconf certgate && systemctl reload apache2",
         wire),
        ("clock wrong", refused(ahead=7200),
         "The clock disagrees with the time in the events. (this host's clock "
         "is 7",
         "timedatectl set-ntp true", None),
        ("as installed", as_installed,
         "The configuration refuses every client. (",
         "set these lines in the settings file:",
         lambda lines: [good_settings(lines), good_list(lines)]),
    ]


def others_tell(name):
    """No other tool says that all is well."""
    pem = FILES / "device.pem"
    pem.write_text(known["device"]["pem"])
    quiet("certgate check --quiet", (1,), True, f"{name}: check")
    text = quiet(f"certgate explain {pem}", (0, 1), True)
    out.result("verdict   deny" in text or "note      certgate status: " in text
               or "note      every " in text, f"{name}: explain", text)
    quiet(f"certgate doctor {URL}", (1, 3), True, f"{name}: doctor")


# Outages that the handler itself cannot see, or sees as refusals of clients.
NOT_SEEN = {"handler stopped", "handler disabled", "handler masked",
            "log elsewhere", "socket file deleted", "web server stopped",
            "socket for another group", "socket for root alone",
            "folder of the socket for root alone",
            "handler ends again and again", "handler hangs", "web server not wired",
            "web server no longer wired", "CRL expired"}


def handler_tells(name, sentence):
    """The same sentence is in the unit's status, and once in the log."""
    out.result(place.wait_for(lambda: quiet(
        "systemctl show -P StatusText certgate.service").startswith(sentence),
        5, 0.1), f"{name}: the unit's status",
        quiet("systemctl show -P StatusText certgate.service"))
    if name == "disk full":  # it has no room for the line
        return
    journal = quiet("journalctl --sync; journalctl -q -t certgate -o cat")
    found = [line for line in journal.splitlines() if sentence in line
             and line.endswith(" See certgate status.")]
    out.result(len(found) == 1, f"{name}: one line of the log", journal[-900:])


def outage(name, plant, first, fix, repair):
    begin()
    plant()
    lines = status()
    good = lines[0].startswith(first) and lines[1].startswith("fix ") and \
        fix in lines[1]
    out.result(good, f"outage: {name}", "\n".join(lines) + quiet(
        "journalctl -q -t certgate -n 20"))
    value = json.loads(quiet("certgate status --json", (1,), True,
                             f"{name}: exit 1"))
    out.result(not value["well"] and fix in value["fix"], f"{name}: JSON",
               value)
    others_tell(name)
    if name not in NOT_SEEN:
        handler_tells(name, lines[0].partition(" (")[0])
    if repair:
        repair(lines)
    if not SITES.exists():
        place.wait_for(lambda: event() in (200, 204), 10, 0.2)
    lines = status()
    out.result(lines[0] == WELL, f"{name}: repaired", "\n".join(lines))


def strangers():
    event()
    for client in ("stranger", "pump", "self_signed"):
        event(client)


def quiet_night():
    settings(CERTGATE_LOG=LOG)
    restart()
    with LOG.open("a", encoding="utf-8") as file:
        file.write(logs.text([logs.accepted("device", 11 * 3600)]))


def rotation():
    event("other")
    quiet(f"certgate rotate {OTHER} {PUMP}")
    journal_has("3 entries")
    event("other")
    event("pump")


def rotate_log():
    settings(CERTGATE_LOG=LOG)
    restart()
    event()
    conf = FILES / "logrotate.conf"  # many hosts have dateext for all files
    conf.write_text("dateext\n" + pathlib.Path(
        "/etc/logrotate.d/certgate").read_text())
    quiet(f"logrotate -f {conf}")
    out.result(LOG.with_name(LOG.name + ".1").exists(),
               "the log is rotated to .1, also with dateext",
               sorted(LOGS.iterdir()))
    event()


def two_sites():
    write_site("one")
    write_site("two")
    restart()
    event(site="one")
    event(site="two")


def credentials():
    """README.Debian's keys for root alone."""
    settings(CERTGATE_ACCESS_KEYS=None)
    put(KEYS, KEY + "\n", 0o600)
    os.chown(KEYS, 0, 0)
    drop_in(f"LoadCredential=keys:{KEYS}\n"
            "Environment=CERTGATE_ACCESS_KEYS_FILE=%d/keys")
    event()


def environment(text):
    def happens():
        settings(CERTGATE_ACCESS_KEYS=None)
        (FILES / "variables").write_text(f"CERTGATE_ACCESS_KEYS={KEY}\n")
        drop_in(text)
        event()
    return happens


def edited():
    event()
    entries(f"{DEVICE} user=device", f"{OTHER} user=other", PUMP)


def with_settings(**more):
    return set_to(event, **more)


def healthy(fleet):
    return [
        ("no client yet", restart),
        ("one client", event),
        ("a quiet night", quiet_night),
        ("one stranger", lambda: event("stranger")),
        ("one stranger again and again", refused(client="stranger")),
        ("strangers beside clients", strangers),
        ("two clients without a certificate",
         lambda: event(client=None, count=2)),
        ("events of another sender, then a client", lambda: [
            event(key="k" * 32, count=5), event()]),
        ("a scanner", lambda: [event(), quiet(
            "for i in 1 2 3 4 5; do curl -s http://localhost/eventhandler; "
            "done")]),
        ("report-only", set_to(lambda: [event(w) for w in (
            "stranger", "pump", "self_signed")],
            CERTGATE_REPORT_ONLY_UNTIL=day(1))),
        ("a rotation under way", rotation),
        ("an unused deny", listed("device", DEVICE, f"deny {PUMP}")),
        ("a client that is denied", listed("pump", DEVICE, f"deny {PUMP}")),
        ("the log was rotated", rotate_log),
        ("just restarted", lambda: [event(), restart()]),
        ("just reloaded", lambda: [event(), quiet(
            "systemctl reload certgate")]),
        ("the list was just edited", edited),
        ("the next event starts the handler", lambda: [event(), quiet(
            "systemctl stop certgate.service")]),
        ("two sites", two_sites),
        ("a CA with a current CRL", lambda: fleet.plant(fleet.current)),
        ("an entry of half a year", listed(
            "device", f"{DEVICE} expires={day(180)}")),
        ("an entry that ends tomorrow", listed(
            "device", f"{DEVICE} expires={day(1)}")),
        ("an entry of another client that expired", listed(
            "device", DEVICE, f"{PUMP} expires={day(-9)}")),
        ("a clock a minute off", refused(ahead=-60)),
        ("no code", with_settings(CERTGATE_CODE=None)),
        ("clients without a certificate are allowed", set_to(
            refused(client=None), CERTGATE_MISSING_CERTIFICATE="allow")),
        ("keys as credentials", credentials),
        ("keys in the unit", environment(
            f"Environment=CERTGATE_ACCESS_KEYS={KEY}")),
        ("keys in a file of variables", environment(
            f"EnvironmentFile={FILES}/variables")),
        ("the doctor was here", lambda: [event(), quiet(
            f"certgate doctor {URL}", (0,), True)]),
        ("an upgrade", lambda: [event(), quiet("dpkg -i /certgate/next.deb")]),
    ]


def stays_well(name, happens):
    begin()
    happens()
    lines = status()
    out.result(lines[0] == WELL, f"healthy: {name}", "\n".join(lines) + quiet(
        "journalctl -q -t certgate -n 20"))
    quiet("certgate check --quiet", (0,), True, f"{name}: check")
    if name.startswith("keys "):
        text = quiet("certgate simulate --format http")
        out.result("\nce-signature: sha256=" in text,
                   f"{name}: certgate simulate signs", text)
        quiet(f"certgate doctor {URL}", (0,), True, f"{name}: doctor")
    quiet("systemctl start certgate-expiry.service", name=f"{name}: the timer")


def misspelt_user():
    """No handler starts, and its files cannot be read as it does."""
    begin()
    drop_in("User=_certgat", (0, 1))
    value = json.loads(quiet("certgate status --json", (1,), True,
                             "a misspelt user: exit 1"))
    out.result(value["cause"] == "The handler is not running." and
               value["detail"] ==
               "User= of the unit: _certgat is not in /etc/passwd",
               "a misspelt user", value)
    quiet("certgate check --quiet", (3,), True, "a misspelt user: check")
    take_drop_in([])
    lines = status()
    out.result(lines[0] == WELL, "a misspelt user: repaired", lines)


def cannot_tell():
    """What status does not know, it says."""
    begin()
    environment(f"Environment=CERTGATE_ACCESS_KEYS={KEY}")()
    quiet("systemctl stop certgate.service")
    text = quiet("certgate status", (3,), True, "no process: exit 3")
    out.result(text.startswith("The variables of the handler are unknown"),
               "keys in the unit of a handler that does not run", text)
    text = quiet("setpriv --reuid nobody --regid nogroup --clear-groups "
                 "certgate status", (3,), True, "another user: exit 3")
    out.result(text.startswith("This user cannot read the configuration.") and
               "\nfix       run certgate status as root\n" in text,
               "a user that is not root", text)


def commits():
    """A store that changes all the time, by the unit's own rules."""
    begin()
    folder = pathlib.Path("/var/lib/certgate")
    run(f"mount -t tmpfs -o mode=750,gid=$(id -g _certgate) none {folder}")
    settings(CERTGATE_LIST=None, CERTGATE_STORE=folder / "store")
    (FILES / "entries").write_text(f"{DEVICE} {store.FIRST}\n")
    run(f"certgate store init && certgate import {FILES}/entries")
    restart()
    out.result(place.wait_for(lambda: event() == 200, 10, 0.1),
               "the handler has the store")
    store.watch_commits(out, folder / "store", DEVICE, answer)
    begin()
    run(f"umount {folder}")


def main():
    began = time.monotonic()
    run("apt-get -q -y install /certgate/one.deb")
    run("systemctl start certgate-expiry.service")
    out.equal(quiet("systemctl list-units --failed --plain --no-legend"), "",
              "installed: no unit has failed")
    FILES.mkdir()
    fleet = Fleet()
    for story in outages(fleet):
        outage(*story)
    print(f"# outages: {time.monotonic() - began:.0f} s")
    for story in healthy(fleet):
        stays_well(*story)
    cannot_tell()
    misspelt_user()
    commits()
    print(f"# {time.monotonic() - began:.0f} s")
    out.done()


main()
