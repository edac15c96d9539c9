#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""www/page-*.conf: each web server serves the page of certgate status
only with a password."""
import base64
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import http, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
page, users = base / "status.html", base / "users"
page.write_text("<!doctype html><title>the page</title>")
digest = subprocess.run(["openssl", "passwd", "-6", "secret"], check=True,
                        capture_output=True, text=True).stdout
users.write_text(f"admin:{digest}")
for path in (page, users):
    path.chmod(0o640)
    if os.geteuid() == 0:
        shutil.chown(path, group="www-data")


def location(name):
    return processes.snippet(f"page-{name}.conf", {
        "/run/certgate-page/status.html": page,
        "/etc/certgate-page.users": users})


class Lighttpd(processes.Server):
    def __init__(self, folder, log):
        super().__init__(folder, log)
        user = 'server.username = "www-data"\nserver.groupname = "www-data"' \
            if os.geteuid() == 0 else ""
        self.begin([processes.find("lighttpd"), "-D", "-f", self.write(
            "lighttpd.conf", f"""
server.document-root = "{self.folder}"
server.bind = "127.0.0.1"
server.port = {self.port}
server.modules = ( )
{user}
{location("lighttpd")}""")])


class Nginx(processes.Server):
    def __init__(self, folder, log):
        super().__init__(folder, log)
        user = "user www-data;" if os.geteuid() == 0 else ""
        paths = "\n".join(f"{n}_temp_path {self.folder}/{n};" for n in (
            "client_body", "fastcgi", "proxy", "uwsgi", "scgi"))
        self.begin([processes.find("nginx"), "-p", self.folder, "-c",
                    self.write("nginx.conf", f"""
{user}
daemon off;
pid {self.folder}/pid;
error_log {log};
events {{ }}
http {{
  access_log off;
  {paths}
  server {{
    listen 127.0.0.1:{self.port};
    root {self.folder};
{location("nginx")}
  }}
}}
""")])


class Apache(processes.Server):
    def __init__(self, folder, log):
        super().__init__(folder, log)
        modules = "/usr/lib/apache2/modules"
        loads = "\n".join(
            f"LoadModule {m}_module {modules}/mod_{m}.so" for m in (
                "mpm_event", "authz_core", "alias", "auth_basic", "authn_core",
                "authn_file", "authz_user", "headers", "mime"))
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        self.begin([processes.find("apache2"), "-D", "FOREGROUND", "-f",
                    self.write("httpd.conf", f"""
ServerRoot "{self.folder}"
ServerName localhost
Listen 127.0.0.1:{self.port}
PidFile {self.folder}/pid
DefaultRuntimeDir {self.folder}
Mutex file:{self.folder} default
ErrorLog {log}
DocumentRoot "{self.folder}"
{loads}
{user}
TypesConfig /etc/mime.types
AddType text/html .html
<Directory />
  Require all denied
</Directory>
{location("apache2")}
""")])


def ask(server, path="/certgate-status", login=None):
    headers = {"Host": "localhost"}
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(
            login.encode()).decode()
    return http.exchange(server.port, http.request_bytes("GET", path, headers,
                                                         b""))


for name, kind in (("lighttpd", Lighttpd), ("nginx", Nginx),
                   ("apache2", Apache)):
    server = kind(base / name, base / f"{name}.log")
    answer = ask(server, login="admin:secret")
    out.result(answer.status == 200 and
               answer.body == page.read_bytes() and
               answer.header("Content-Type").startswith("text/html") and
               answer.header("Cache-Control") == "no-store",
               f"{name}: the page for a user", answer)
    for login in (None, "admin:wrong", "admin:", "stranger:secret", ":"):
        answer = ask(server, login=login)
        out.result(answer.status == 401 and b"the page" not in answer.body,
                   f"{name}: not for {login}", answer)
    for path in ("/certgate-status/", "/certgate-status?x", "//certgate-status",
                 "/certgate-status/../certgate-status", "/certgate-status%2f",
                 "/x/../certgate-status", "/certgate-status%00",
                 "/CERTGATE-STATUS", "/status.html"):
        answer = ask(server, path)
        out.result(answer.status >= 400 and b"the page" not in answer.body,
                   f"{name}: not by {path}", answer)
    users.rename(base / "away")
    answer = ask(server, login="admin:secret")
    out.result(answer.status >= 400 and b"the page" not in answer.body,
               f"{name}: without a file of users", answer)
    (base / "away").rename(users)
    server.close()
out.done()
