#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate addresses: lines that each web server takes and obeys, and nothing
that a hostile file could put into a configuration."""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import http, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
MANY = [f"10.{i // 256}.{i % 256}.0/24" for i in range(600)] + \
    [f"2001:db8:{i:x}::/48" for i in range(200)]


def addresses(text, *options):
    return subprocess.run(
        [place.BUILD / "certgate", "addresses", "-", *options],
        input=text if isinstance(text, bytes) else text.encode(),
        env=processes.bare_environment(), capture_output=True, timeout=60,
        check=False)


def tag(prefixes, name="AzureWebPubSub"):
    return {"name": name, "id": name, "properties": {
        "changeNumber": 7, "region": "", "platform": "Azure",
        "systemService": name, "addressPrefixes": prefixes}}


def file(*tags):
    return json.dumps({"changeNumber": 1, "cloud": "Public",
                       "values": list(tags)}, indent=2)


def put(server, prefixes):
    done = addresses(file(tag(["20.0.0.0/16"], "AzureOther"), tag(prefixes)),
                     server)
    out.result(done.returncode == 0, f"{server}: done", done.stderr)
    path = base / "addresses.conf"
    path.write_bytes(done.stdout)
    return path


def serve(kind, log, config, arguments):
    server = processes.Server(base / kind, log)
    path = server.write("conf", config.replace("PORT", str(server.port)))
    server.begin([processes.find(kind), *arguments, path],
                 {"PATH": "/usr/bin:/bin"})
    answer = http.exchange(server.port, http.request_bytes(
        "GET", "/", {"Host": "localhost"}, b""))
    server.close()
    return answer.status


def obeyed(kind, option, config, arguments):
    log = base / "log"
    log.touch()
    log.chmod(0o666)
    (base / kind).mkdir(exist_ok=True)
    (base / kind / "index.html").write_text("hello")
    put(option, MANY + ["127.0.0.0/8"])
    out.equal(serve(kind, log, config, arguments), 200,
              f"{kind}: an address in the list is accepted")
    put(option, MANY)
    out.equal(serve(kind, log, config, arguments), 403,
              f"{kind}: no other address is")


def all_obey():
    root = processes.os.geteuid() == 0
    modules = "/usr/lib/apache2/modules"
    obeyed("nginx", "--nginx", f"""
{"user root;" if root else ""}
daemon off;
pid {base}/nginx/pid;
error_log {base}/log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {base}/nginx/body;
  fastcgi_temp_path {base}/nginx/fastcgi;
  proxy_temp_path {base}/nginx/proxy;
  uwsgi_temp_path {base}/nginx/uwsgi;
  scgi_temp_path {base}/nginx/scgi;
  server {{
    listen 127.0.0.1:PORT;
    root {base}/nginx;
    location / {{ include {base}/addresses.conf; }}
  }}
}}
""", ["-c"])
    obeyed("lighttpd", "--lighttpd", f"""
server.document-root = "{base}/lighttpd"
server.bind = "127.0.0.1"
server.port = PORT
server.modules = ( "mod_access" )
index-file.names = ( "index.html" )
mimetype.assign = ( "" => "text/plain" )
$HTTP["url"] =~ "^/" {{
  include "{base}/addresses.conf"
}}
""", ["-D", "-f"])
    obeyed("apache2", "--apache", f"""
ServerRoot "{base}/apache2"
ServerName localhost
Listen 127.0.0.1:PORT
PidFile {base}/apache2/pid
DefaultRuntimeDir {base}/apache2
Mutex file:{base}/apache2 default
ErrorLog {base}/log
DocumentRoot "{base}/apache2"
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_host_module {modules}/mod_authz_host.so
LoadModule dir_module {modules}/mod_dir.so
{"User www-data" if root else ""}
<Location />
  Include {base}/addresses.conf
</Location>
""", ["-D", "FOREGROUND", "-f"])


GOOD = ["20.1.2.0/24", "2603:1030::/47", "1.2.3.4/32", "2603::1/128"]
BAD = [  # what is there instead of an address
    "0.0.0.0/0", "::/0", "10.0.0.0/7", "2000::/3", "10.0.0.1/24",
    "2603:1030::1/47", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "/24",
    "2603::/129", "10.0.0.0/24;", "10.0.0.0/24\nallow all", " 10.0.0.0/24",
    "10.0.0.0/+24", "10.0.0.0/024x", "010.0.0.0/24", "10.0.0.0/24\0",
    "10.0.0\0.0/24", "::ffff:1.2.3.4.5/128", "fe80::%eth0/64", "all", "", "x",
    "\"] { } #/24", 7, None, [], {}, ["10.0.0.0/24"]]
BROKEN = [  # the file as a whole, and where its fault is
    ("", "no JSON"), ("{", ":1:2: no JSON"), ("{}", "\"values\""),
    ("[]", "\"values\""), ("null ", "\"values\""),
    ('{"values":{}}', "\"values\""), ('{"values":[]}', "there is no tag"),
    ('{"values":[\n 1]}', "values[0]"),
    ('{"values":[\n  {"name":\n x}]}', ":3:2: no JSON"),
    ('{"values":[{"name":"AzureWebPubSub"}]}', "values[0]"),
    ('{"values":[]} x', "no JSON"), ("[" * 100000, "no JSON"),
    (b'{"values":[{"name":"\xff"}]}', "no JSON"), (b"\0" * 100, "no JSON"),
    (file(tag([])), "addressPrefixes"),
    (file(tag(["10.0.0.0/8"] * 70000)), "addressPrefixes"),
    (file(tag(GOOD), tag(GOOD)), "a second time"),
    (file(tag(GOOD, "AzureOther")), "there is no tag")]


def main():
    for option in ("--apache", "--nginx", "--lighttpd"):
        done = addresses("\ufeff" + file(tag(GOOD)), option)
        out.result(done.returncode == 0 and all(
            p.encode() in done.stdout for p in GOOD), f"{option}: {GOOD}",
            done.stdout + done.stderr)
    for one in BAD:
        done = addresses(file(tag(GOOD + [one])), "--nginx")
        out.result(done.returncode == 1 and not done.stdout and
                   b"values[0].properties.addressPrefixes[4]" in done.stderr,
                   f"refused: {one!r}", done.stdout + done.stderr)
    for text, words in BROKEN:
        done = addresses(text, "--nginx")
        out.result(done.returncode == 1 and not done.stdout and
                   words in done.stderr.decode(), f"{text[:40]!r}: {words}",
                   done.stdout + done.stderr)
    done = addresses(file(tag(GOOD), tag(MANY, "AzureWebPubSub.West")),
                     "--nginx", "--tag", "AzureWebPubSub.West")
    out.result(done.stdout.count(b"allow ") == len(MANY),
               "--tag: another tag's", done.stderr)
    for options in ([], ["--nginx", "--apache"]):
        out.equal(addresses(file(tag(GOOD)), *options).returncode, 2,
                  f"{options}: one server is to be named")
    all_obey()
    out.done()


main()
