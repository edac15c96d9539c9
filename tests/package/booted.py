#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Inside a machine that run.py boots: the package as an administrator meets
it, with Apache, lighttpd and nginx running, from installation to purge.  What
root types is read from README.Debian and run."""
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, http, place, tap  # noqa: E402

SHARED = pathlib.Path("/certgate")
PORTS = {"Apache": 80, "lighttpd": 8081, "nginx": 8082}
ORIGIN, KEY, HUB = "bench.webpubsub.azure.com", "bench-access-key", "bench"
NEXT_KEY = "the-key-after-the-rotationab"
REQUESTS = 50000  # under load, for each server and act
SETTINGS = pathlib.Path("/etc/certgate/certgate.conf")
LIST = pathlib.Path("/etc/certgate/list")
KEYS = pathlib.Path("/etc/certgate/keys")
EXPORTER = pathlib.Path("/var/lib/prometheus/node-exporter")
README = place.SOURCE / "debian/README.Debian"
# Not what a package leaves: logs, caches, and the lists of dpkg, apt, systemd.
OTHERS = re.compile("|".join([
    r"^/(proc|sys|dev|tmp|run/(?!certgate)|certgate)(/|$)", r"^/var/log/",
    r"^/var/(cache|tmp)/", r"^/var/lib/(apt|dpkg|systemd|ucf)/",
    r"^/etc/(passwd|group|g?shadow|subuid|subgid)-$",
    r"^/var/lib/(nginx|lighttpd|apache2)/(?!.*certgate)"]))
# As install(1) is when it is killed in the middle: what it makes is there, and
# has not got its bytes, owner and mode.  Each call ends so once, with all of
# dpkg.
KILLED_INSTALL = """#!/bin/sh
grep -sqxF -e "$*" /tmp/ended && exec /usr/bin/install "$@"
echo "$*" >>/tmp/ended
umask 077
for target; do :; done
case $1 in
-d) mkdir -p "$target" ;;
*) : >"$target" ;;
esac
kill -9 0
"""
out = tap.Tap()
known = cases.certificates()


def run(command, good=(0,)):
    """A line as root types it; its output."""
    done = subprocess.run(["/bin/sh", "-c", command], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "DEBIAN_FRONTEND":
                               "noninteractive"})
    out.result(done.returncode in good, f"# {command[:70]}", done.stdout)
    return done.stdout


def quiet(command, good=(0,), keep=False, name=None):
    """The same of what is not the matter: a result if it fails, or has a name;
    keep: standard output alone."""
    done = subprocess.run(["/bin/sh", "-c", command], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE if keep
                          else subprocess.STDOUT)
    if name or done.returncode not in good:
        out.result(done.returncode in good, name or f"# {command[:70]}",
                   f"exit {done.returncode}\n{done.stdout}{done.stderr or ''}")
    return done.stdout


def listing():
    found = set()
    for folder, folders, files in os.walk("/"):
        folders[:] = [f for f in folders if not OTHERS.match(
            os.path.join(folder, f) + "/")]
        found.update(os.path.join(folder, name) for name in folders + files)
    return {path for path in found if not OTHERS.match(path)}


def transcript(title):
    """The lines that root types in the section of README.Debian with this
    title, or behind the paragraph that begins with it."""
    text = README.read_text(encoding="utf-8")
    begin = re.search(rf"^(\d\. )?{re.escape(title)}", text, re.MULTILINE)
    rest = text[begin.end():]
    end = re.search(r"\n\n(?!  )(?:\S+\.  |\S+:\n|nginx\.|From|\n)", rest) \
        if begin[1] is None else re.search(r"\n\n\n", rest)
    lines = re.findall(r"^  # (.*)$", rest[:end.start() if end else None],
                       re.MULTILINE)
    words = {"NAME.webpubsub.azure.com": ORIGIN, "ACCESS-KEY": KEY,
             "THUMBPRINT": known["device"]["sha1"], "listen 80 ":
             f"listen {PORTS['nginx']} "}
    for old, new in words.items():
        lines = [line.replace(old, new) for line in lines]
    out.result(lines, f"README.Debian has lines for {title}")
    return lines


def type_in(title, good=(0,)):
    for line in transcript(title):
        run(line, good)


def options(port):
    return http.exchange(port, http.request_bytes("OPTIONS", "/eventhandler", {
        "Host": "localhost", "WebHook-Request-Origin": ORIGIN}, b""))


def connect(port, client="device", key=KEY):
    headers = cases.event_headers("azure.webpubsub.sys.connect", hub=HUB,
                                  key=key,
                                  more={"WebHook-Request-Origin": ORIGIN,
                                        "ce-time": time.strftime(
                                            "%Y-%m-%dT%H:%M:%SZ",
                                            time.gmtime())})
    body = cases.connect_body(["@" + client], known, {}).encode()
    return http.exchange(port, http.request_bytes("POST", "/eventhandler",
                                                  headers, body))


def get(port, path):
    return http.exchange(port, http.request_bytes("GET", path, {
        "Host": "localhost"}, b"")).status


def soon(ask, status, name):
    """ask() has this status within a few seconds: files are looked at once a
    second, and a server that was restarted takes no connection at first."""
    def found():
        try:
            return ask().status
        except ConnectionRefusedError as e:
            return e

    place.wait_for(lambda: found() == status, 10, 0.2)
    return out.equal(found(), status, name)


def serves(how):
    """The main job, through each server."""
    for server, port in PORTS.items():
        soon(lambda port=port: options(port), 200, f"{how}: {server}: "
             "validation")
        soon(lambda port=port: connect(port), 200, f"{how}: {server}: a "
             "listed client is accepted")
        out.equal(connect(port, "stranger").status, 403,
                  f"{how}: {server}: another is refused")
        out.equal(connect(port, key="no-key-of-this-resource0").status, 401,
                  f"{how}: {server}: an event that another signed is refused")


def under_load(name, port, act, events="events"):
    """REQUESTS at least, and for as long as act() takes: none lost, none
    answered wrongly."""
    ended = []
    thread = threading.Thread(target=lambda: ended.append(act()))
    total, output = {"ok": 0, "wrong": 0, "lost": 0}, ""
    while total["ok"] < REQUESTS or thread.is_alive():
        load = subprocess.Popen(
            [SHARED / "load", f"127.0.0.1:{port}", SHARED / events, "16",
             str(REQUESTS // 2)], stdout=subprocess.PIPE, text=True,
            stderr=subprocess.STDOUT)
        if thread.ident is None:
            thread.start()
        output += load.communicate(timeout=120)[0]
        found = re.findall(r"\b(ok|wrong|lost)=(\d+)", output.splitlines()[-1])
        for word, number in found:
            total[word] += int(number)
        if not found:
            break
    thread.join()
    good = total["ok"] >= REQUESTS and total["wrong"] + total["lost"] == 0
    out.result(good, f"under load: {name}: {total['ok']} requests, "
               f"{total['wrong']} wrong, {total['lost']} lost",
               "\n".join(output.splitlines()[-20:]))


def replace(path, text):
    """As an editor does."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    os.chown(new, 0, path.stat().st_gid)
    new.chmod(path.stat().st_mode & 0o777)
    new.rename(path)


def check_modes(how):
    for path, mode in (("/etc/certgate", 0o750), (SETTINGS, 0o640),
                       (LIST, 0o640), ("/var/log/certgate", 0o750)):
        path = pathlib.Path(path)
        got = path.stat() if path.exists() else None
        out.equal(got and (oct(got.st_mode & 0o7777), path.group()),
                  (oct(mode), "_certgate"), f"{how}: mode and group of {path}")


def test_interrupted():
    """Killed again and again as it is configured, it comes right; with its
    folder taken away it begins anew, and by an upgrade does not."""
    tool = pathlib.Path("/usr/local/sbin/install")
    tool.write_text(KILLED_INSTALL, encoding="utf-8")
    tool.chmod(0o755)
    run("setsid --wait dpkg -i /certgate/one.deb", (137,))
    kills = 1
    while kills < 20 and subprocess.run(
            ["setsid", "--wait", "dpkg", "--configure", "-a"],
            check=False).returncode != 0:
        kills += 1
    tool.unlink()
    ended = pathlib.Path("/tmp/ended").read_text(encoding="utf-8")
    out.equal(kills, len(ended.splitlines()), f"killed {kills} times, and "
              "configured then")
    shipped = pathlib.Path("/usr/share/certgate/certgate.conf")
    check_modes("killed before")
    out.equal(SETTINGS.read_bytes(), shipped.read_bytes(),
              "killed before: the settings are those that are shipped")
    run("dpkg -r certgate; rm -r /etc/certgate; dpkg -i /certgate/one.deb")
    check_modes("begun anew")
    run("rm -r /etc/certgate; dpkg -i /certgate/next.deb")
    out.result(not SETTINGS.parent.exists(),
               "an upgrade puts nothing back that was taken away")
    run("apt-get -q -y purge certgate; rm /tmp/ended")


def test_installation():
    run("apt-get -q -y install /certgate/one.deb")
    check_modes("installed")
    socket = pathlib.Path("/run/certgate/certgate.sock").stat()
    out.equal(oct(socket.st_mode & 0o7777), "0o660", "mode of the socket")
    for unit in ("certgate.socket", "certgate.service"):
        run(f"systemctl is-active {unit}")
    exposure = run("systemd-analyze security --no-pager certgate.service")
    found = re.search(r"exposure level for \S+ ([\d.]+)", exposure)
    out.result(found and float(found[1]) <= 1.0, "systemd-analyze security: "
               f"{found and found[1]}", exposure)
    for server in ("Apache", "lighttpd"):
        out.equal(options(PORTS[server]).status, 401,
                  f"as installed: {server}: validation is refused")
        out.equal(connect(PORTS[server]).status, 401,
                  f"as installed: {server}: a client is refused")
    out.equal(options(PORTS["nginx"]).status, 404,
              "as installed: nginx has nothing of it")


def test_set_up():
    type_in("Settings and list")
    type_in("Apache.")
    type_in("lighttpd:", (0, 2))
    type_in("nginx.")
    soon(lambda: options(PORTS["Apache"]), 200, "the settings are loaded")
    type_in("From the host")
    serves("set up")
    found = run("journalctl --sync; "
                "journalctl -q -t certgate REASON=not-listed")
    out.result(known["stranger"]["sha1"] in found,
               "the journal finds the refusals by REASON", found)
    type_in("Plain CGI")


def test_balancer():
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        "-keyout /tmp/host.key -out /tmp/host.pem -subj /CN=HOST 2>/dev/null; "
        "cat /tmp/host.key >>/tmp/host.pem")
    run("sed s,/etc/haproxy/HOST.pem,/tmp/host.pem, /usr/share/doc/certgate/"
        "examples/haproxy.cfg >/tmp/haproxy.cfg; haproxy -c -f "
        "/tmp/haproxy.cfg")


def test_load():
    run(f"echo CERTGATE_HUB={HUB} >>{SETTINGS}")
    before = LIST.read_text(encoding="utf-8")
    more = before + (SHARED / "list").read_text(encoding="utf-8")
    replace(LIST, more)
    place.wait_for(lambda: "1929 entries" in run(
        "journalctl -q -t certgate -n 5"), 10, 1)
    under_load("an upgrade, nginx", PORTS["nginx"],
               lambda: run("dpkg -i /certgate/next.deb"))
    out.result("+next" in run("dpkg-query -W certgate"),
               "the next version is installed")
    under_load("a restart, Apache", PORTS["Apache"],
               lambda: run("systemctl restart certgate"))
    under_load("a reload, lighttpd", PORTS["lighttpd"],
               lambda: run("systemctl reload certgate"))
    under_load("an edit of the list, lighttpd", PORTS["lighttpd"],
               lambda: replace(LIST, "# edited\n" + more))
    under_load("reload of Apache", PORTS["Apache"],
               lambda: run("systemctl reload apache2"), "events.close")
    under_load("reload of lighttpd", PORTS["lighttpd"],
               lambda: run("systemctl reload lighttpd"), "events.close")
    under_load("reload of nginx", PORTS["nginx"],
               lambda: run("systemctl reload nginx"), "events.close")


def test_rotation():
    port = PORTS["nginx"]
    out.equal(connect(port, key=NEXT_KEY).status, 401,
              "the next key is none before the rotation")
    type_in("Keys as credentials")
    soon(lambda: connect(port), 200, "the key is a credential")

    def rotate():
        replace(KEYS, f"{KEY} {NEXT_KEY}\n")
        run("systemctl restart certgate")

    under_load("keys rotated, a credential", port, rotate)
    # The load's events are of another year, those behind it are not: the journal
    # takes all lines up first, and loses none of these.
    run("journalctl --sync")
    soon(lambda: connect(port, key=NEXT_KEY), 200, "the next key signs")
    soon(lambda: connect(port), 200, "so does the first")
    run("journalctl --sync; systemctl start certgate-expiry.service")
    found = run("journalctl --sync; journalctl -q _SYSTEMD_INVOCATION_ID="
                "$(systemctl show -P InvocationID certgate-expiry.service)")
    out.result("pinned by SHA-1" in found and
               "CERTGATE_ACCESS_KEYS" not in found,
               "the daily check has the key, too", found)
    run("rm -r /etc/systemd/system/certgate.service.d "
        "/etc/systemd/system/certgate-expiry.service.d; "
        "echo CERTGATE_ACCESS_KEYS_FILE=/etc/certgate/keys >>"
        f"{SETTINGS}; chgrp _certgate {KEYS}; chmod 640 {KEYS}; "
        "systemctl daemon-reload; systemctl restart certgate")
    soon(lambda: connect(port, key=NEXT_KEY), 200, "the key is a file")
    under_load("keys rotated, a file", port,
               lambda: replace(KEYS, f"{KEY} the-third-key-of-them-all012\n"))
    soon(lambda: connect(port, key=NEXT_KEY), 401, "the next key is gone")
    soon(lambda: connect(port, key="the-third-key-of-them-all012"), 200,
         "the third one signs")
    run(f"chmod o+r {KEYS}; systemctl restart certgate")
    soon(lambda: connect(port), 403, "keys that others can read refuse")
    found = run("systemctl show certgate -p ActiveState,StatusText")
    out.result("ActiveState=active" in found and
               "StatusText=The settings do not load. " in found,
               "the service runs, and its status says so", found)
    run("timeout 60 sh -c 'until systemctl is-failed certgate-expiry; "
        "do sleep 0.2; done'")
    # The journal has the lines of the load before to take up first.
    found = run("journalctl --sync; "
                "journalctl -q -t certgate --grep 'fix: '")
    out.result(f"chmod o-r {KEYS}" in found,
               "the journal has the command that fixes it", found)
    found = run("journalctl -q -t certgate REASON=settings")
    out.result(found, "the journal has the reason as a field all the same")
    run(f"chmod o-r {KEYS}; systemctl restart certgate")
    soon(lambda: connect(port), 200, "fixed")
    # The load's events are of another year, this one is not.
    run("journalctl --sync; systemctl start certgate-expiry.service")


def test_journal():
    run("journalctl --sync")
    found = run("journalctl -q -u systemd-journald")
    out.result("certgate" not in found, "the journal takes every line", found)
    found = run("journalctl -q -t certgate --grep 'sandbox:' | head")
    out.equal(found, "", "the sandbox is whole")


def test_spawned():
    type_in("Started by the web server")
    run("systemctl stop certgate.socket certgate.service")
    soon(lambda: connect(PORTS["Apache"]), 200,
         "mod_fcgid starts the handler without the service")
    out.equal(connect(PORTS["Apache"], "stranger").status, 403,
              "mod_fcgid: another is refused")
    out.equal(connect(PORTS["nginx"]).status, 502,
              "nginx has no handler meanwhile")
    run("systemctl start certgate.socket")
    soon(lambda: connect(PORTS["nginx"]), 200,
         "the socket starts it again")
    run("gpasswd -d www-data _certgate")


def test_open_socket():
    """A socket unit without SocketMode, which is 0666."""
    folder = "/etc/systemd/system/certgate.socket.d"
    run(f"mkdir {folder}; printf '[Socket]\\nSocketMode=0666\\n' "
        f">{folder}/open.conf; systemctl daemon-reload; "
        "systemctl stop certgate.service; systemctl restart certgate.socket")
    run("systemctl start certgate.service", (1,))
    found = run("systemctl stop certgate.service; journalctl --sync; "
                "journalctl -q -t certgate --grep 'bad socket'")
    out.result("(fix: SocketMode=0660 in the systemd unit" in found,
               "an open socket: the journal has the fix", found)
    run(f"rm -r {folder}; systemctl daemon-reload; "
        "systemctl restart certgate.socket")
    soon(lambda: options(PORTS["nginx"]), 200, "SocketMode=0660: it serves")
    found = run("journalctl --sync; "
                "journalctl -q -t certgate --grep 'cannot check' | head")
    out.equal(found, "", "the path of the socket can be seen")


def test_ends():
    """A handler that ends again and again is there again."""
    for _ in range(30):
        run("systemctl kill --signal=SEGV certgate.service", (0, 1))
        options(PORTS["nginx"])
    soon(lambda: options(PORTS["nginx"]), 200, "30 ends: it serves")


def test_reload():
    """As soon as it is started, a signal ends it no more."""
    run("for i in $(seq 50); do systemctl restart certgate && "
        "systemctl reload certgate && sleep 0.05 && "
        "systemctl is-active -q certgate || exit 1; done")


def test_user():
    """A user of that name that was there first may be in any group."""
    run("usermod -g nogroup _certgate; systemctl restart certgate")
    soon(lambda: options(PORTS["nginx"]), 200, "a user of another group")
    run("usermod -g _certgate _certgate; systemctl restart certgate")


def test_forged():
    """Whatever another user writes to the journal, no certificate is pending by
    it."""
    forge = ("import socket; socket.socket(socket.AF_UNIX, "
             "socket.SOCK_DGRAM).sendto(b'MESSAGE=x\\nSYSLOG_IDENTIFIER="
             "certgate\\nVERDICT=deny\\nREASON=not-listed\\nSIGNED=yes\\n"
             "HUB=bench\\n_SYSTEMD_UNIT=certgate.service\\nSHA256=" +
             "ab" * 32 + "\\n', '/run/systemd/journal/socket')")
    for user in ("nobody", "www-data"):
        run(f"setpriv --reuid {user} --clear-groups python3 -c \"{forge}\"")
    connect(PORTS["nginx"], "stranger")
    run("journalctl --sync")
    out.result(run("journalctl -q SHA256=" + "ab" * 32),
               "the journal has what others forged")
    found = [r["sha256"] for r in json.loads(
        run("certgate pending --json"))["certificates"]]
    out.result(known["stranger"]["sha256"] in found and
               "ab" * 32 not in found, "it is not pending", found)


def test_counters():
    """They go on from a state, and a link that the exporter's user can lay
    leads nowhere."""
    precious = pathlib.Path("/tmp/precious")
    precious.write_text("precious\n", encoding="utf-8")
    EXPORTER.mkdir(parents=True)
    for name in ("certgate.new", "certgate.prom.new"):
        (EXPORTER / name).symlink_to(precious)
    type_in("Counters")
    run("systemctl start certgate-stats.service")
    for _ in range(5):
        options(PORTS["nginx"])
    run("journalctl --sync; systemctl start certgate-stats.service")
    text = run("setpriv --reuid nobody --regid nogroup --clear-groups "
               f"cat {EXPORTER}/certgate.prom")
    out.equal(sum(int(n) for n in re.findall(
        r"^certgate_events_total\S+ (\d+)", text, re.MULTILINE)), 5,
        "the exporter's user reads what was logged since the first time")
    out.equal(precious.read_text(encoding="utf-8"), "precious\n",
              "a link in the exporter's folder is not followed")
    run("systemctl start certgate-page.service")
    out.equal(run("stat -c '%a %U %G' /run/certgate-page/status.html"),
              "640 _certgate www-data\n",
              "the page of certgate status is the web servers' to read")


def test_purge(before):
    timers = [f"certgate-{what}.timer"
              for what in ("stats", "page", "crl", "sweep")]
    run(f"systemctl enable -q --now {' '.join(timers)}")
    pathlib.Path("/var/lib/certgate-crl").mkdir(exist_ok=True)
    run("apt-get -q -y remove certgate")
    for server in ("Apache", "lighttpd"):
        out.equal((get(PORTS[server], "/"),
                   get(PORTS[server], "/eventhandler")), (200, 404),
                  f"removed: {server} serves without it")
    run("sed -i /certgate/d /etc/nginx/sites-available/default; "
        "systemctl reload nginx")
    out.result(LIST.exists(), "removed: the list is still there")
    for timer in (*timers, "certgate-expiry.timer"):
        # 4: systemd 256 and later, of a unit that is not there.
        out.equal(run(f"systemctl is-active {timer}", (3, 4)), "inactive\n",
                  f"removed: {timer} is stopped")
    run(f"rm -r {EXPORTER.parent} /tmp/precious")
    run("apt-get -q -y install /certgate/next.deb")
    soon(lambda: options(PORTS["lighttpd"]), 200,
         "installed again: lighttpd serves as before")
    run("mkdir /tmp/away && mv /usr/sbin/light* /tmp/away && "
        "apt-get -q -y remove certgate && mv /tmp/away/* /usr/sbin && "
        "rmdir /tmp/away")
    run("systemctl restart lighttpd")  # removed while it was away
    run("apt-get -q -y purge certgate")
    after = listing()
    out.equal(sorted(after - before), [], "purged: nothing is left")
    out.equal(sorted(before - after), [], "purged: nothing else is gone")
    for unit in ("apache2", "lighttpd", "nginx"):
        run(f"systemctl is-active {unit}")


def main():
    before = listing()
    test_interrupted()
    test_installation()
    test_set_up()
    test_balancer()
    test_load()
    test_rotation()
    test_journal()
    test_spawned()
    test_open_socket()
    test_ends()
    test_reload()
    test_user()
    test_forged()
    test_counters()
    test_purge(before)
    out.done()


if __name__ == "__main__":
    main()
