# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Handlers and web servers on loopback, ended by their process id."""
import atexit
import contextlib
import grp
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

from . import place, tap

_running = []


def _end_all():
    for process in list(_running):
        end(process)


atexit.register(_end_all)
# A signal that ends the tests ends what they started, too.
for _signal in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(_signal, lambda number, frame: sys.exit(128 + number))


def begin(arguments, log, environment=None, stdin=subprocess.DEVNULL,
          user=None):
    """Starts a program; its stdout and stderr are added to the file log."""
    with open(log, "ab") as output:
        process = subprocess.Popen(
            [str(a) for a in arguments], stdin=stdin, stdout=output,
            stderr=output, env=environment, start_new_session=True,
            user=user)
    _running.append(process)
    return process


def end(process, sig=signal.SIGTERM, seconds=15):
    """Ends a program that begin() started; its exit code, -9 if it had to be
    killed."""
    if process in _running:
        _running.remove(process)
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return -9
    return process.returncode


def find(program):
    """The path of a program; the tests cannot go on without it."""
    path = shutil.which(program, path=os.environ.get("PATH", "") +
                        ":/usr/sbin:/sbin")
    if path is None:
        tap.bail_out(f"{program} is missing")
    return path


def find_in(program, folder):
    """The same of one that is in no path."""
    path = pathlib.Path(folder, program)
    if not path.exists():
        tap.bail_out(f"{path} is missing")
    return path


def listen(path):
    """A listening unix socket that this program holds, for it and for web
    servers."""
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    os.chmod(path, 0o660)
    if os.geteuid() == 0:
        os.chown(path, 0, grp.getgrnam("www-data").gr_gid)
    s.listen(511)
    return s


def bare_environment(settings=None):
    """An environment in which nothing of the tester's own counts."""
    environment = {"PATH": "/usr/bin:/bin", "CERTGATE_CONFIG": "/dev/null"}
    environment.update(settings or {})
    return environment


class Configuration:
    """Settings and list of a case as files in a folder of their own; in the
    list, @{folder} is that."""

    def __init__(self, folder, settings, text, files=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.list = self.folder / "list"
        self.log = self.folder / "log"
        self.log.touch()
        self.log.chmod(0o666)
        lines = dict(settings)
        for name, content in (files or {}).items():
            self.write_file(name, content)
        if text is not None:
            self.write_list(text)
            lines.setdefault("CERTGATE_LIST", str(self.list))
        self.file = self.folder / "settings"
        self.file.write_text(
            "".join(f"{n}={v}\n" for n, v in lines.items()), encoding="utf-8")
        self.file.chmod(0o644)

    def write_list(self, text):
        """Replaces the list as an editor would: by renaming.  "" is a list
        without entries, which has a comment at least."""
        new = self.list.with_suffix(".new")
        data = text if isinstance(text, bytes) else \
            text.encode() or b"# no entries\n"
        new.write_bytes(data.replace(b"@{folder}",
                                     str(self.folder).encode()))
        new.chmod(0o644)
        new.rename(self.list)

    def write_file(self, name, content):
        """A file that the list names as @{folder}/name, by renaming."""
        new = self.folder / (name + ".new")
        new.write_text(content)
        new.chmod(0o644)
        new.rename(self.folder / name)

    def environment(self):
        return bare_environment({"CERTGATE_CONFIG": str(self.file)})

    def log_size(self):
        return self.log.stat().st_size

    def log_since(self, size):
        with open(self.log, "rb") as file:
            file.seek(size)
            return file.read().decode("latin-1")


def decisions(log):
    """The decisions in a log, each as a dictionary."""
    return [dict(f.split("=", 1) for f in line.split() if "=" in f)
            for line in log.splitlines() if "verdict=" in line]


# Only root can look into a process that cannot be dumped.
TO_LOOK_INTO = [] if os.geteuid() == 0 else ["--no-sandbox"]


class Handler:
    """certgate.fcgi on a socket that this program holds open."""

    def __init__(self, configuration, name="socket", arguments=(),
                 environment=None, user=None):
        self.configuration = configuration
        self.arguments = list(arguments)
        self.user = user
        self.environment = configuration.environment() | (environment or {})
        self.path = configuration.folder / name
        self.socket = listen(self.path)
        self.process = None
        self.start()

    def start(self):
        self.process = begin([place.HANDLER] + self.arguments,
                             self.configuration.log, self.environment,
                             stdin=self.socket, user=self.user)

    def stop(self, sig=signal.SIGTERM):
        return end(self.process, sig)

    def close(self):
        code = self.stop()
        self.socket.close()
        return code


def snippet(name, replace, alternative=None):
    """A file of www/ with paths replaced; with alternative, instead of what is
    in force the commented block that has this word."""
    text = (place.WWW / name).read_text(encoding="utf-8")
    if alternative:
        text = uncomment(text, alternative)
    for old, new in replace.items():
        if old not in text:
            tap.bail_out(f"www/{name} does not have {old}")
        text = text.replace(old, str(new))
    return text


def uncomment(text, word):
    """The block of lines "#<tab>…" that has word, without the marks, and before
    it nothing: an administrator takes one or the other."""
    blocks, block = [], []
    for line in text.splitlines() + [""]:
        if line.startswith("#\t"):
            block.append(line[2:])
        elif block:
            blocks.append("\n".join(block) + "\n")
            block = []
    found = [b for b in blocks if word in b]
    if len(found) != 1:
        tap.bail_out(f"{len(found)} blocks in www/ have {word}")
    return found[0]


def is_serving(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Server:
    """A web server with one of the files of www/ and nothing else; count: the
    number of configurations, each with its own port."""

    def __init__(self, folder, log, count=1):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self.folder.chmod(0o777)
        self.log = log
        self.ports = [place.free_port() for _ in range(count)]
        self.port = self.ports[0]
        self.process = None

    def begin(self, arguments, environment=None):
        self.process = begin(arguments, self.log, environment)
        place.wait_for(lambda: all(map(is_serving, self.ports)) or
                       self.process.poll() is not None)
        if self.process.poll() is not None or \
                not all(map(is_serving, self.ports)):
            tap.bail_out(f"{arguments[0]} does not serve: " + pathlib.Path(
                self.log).read_text(errors="replace")[-800:])

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        return path

    def close(self):
        return end(self.process)


def several_of(configuration):
    return configuration if isinstance(configuration, list) else \
        [configuration]


class Lighttpd(Server):
    """how: socket (of a running handler), spawn, cgi.  Several configurations
    are conditions on the port; spawn takes only one."""

    def __init__(self, folder, configuration, how="socket", more=""):
        several = several_of(configuration)
        configuration = several[0]
        super().__init__(folder, configuration.log, len(several))
        if how == "cgi":
            more += '\nserver.modules += ( "mod_setenv" )\n'
        www = self.part(configuration, how)
        if len(several) > 1:
            # Within a condition, lighttpd loads no modules.
            more += "\n".join(re.findall("^server.modules.*", www, re.M))
            www = "".join(
                f'$SERVER["socket"] == "127.0.0.1:{port}" {{\n' + re.sub(
                    "(?m)^server.modules.*", "", self.part(one, how)) + "}\n"
                for one, port in zip(several, self.ports))
        config = self.write("lighttpd.conf", f"""
server.document-root = "{self.folder}"
server.bind = "127.0.0.1"
server.port = {self.port}
server.errorlog = "{configuration.log}"
server.breakagelog = "{configuration.log}"
server.modules = ( )
{more}
{www}""")
        self.begin([find("lighttpd"), "-D", "-f", config],
                   configuration.environment())

    def part(self, configuration, how):
        """What serves a configuration."""
        if how == "socket":
            return snippet("lighttpd.conf", {
                "/run/certgate/certgate.sock": configuration.folder / "socket"
            })
        if how == "spawn":
            return 'server.modules += ( "mod_fastcgi" )\n' + snippet(
                "lighttpd.conf", {
                    "/usr/sbin/certgate.fcgi": place.HANDLER,
                    "/run/lighttpd/certgate.sock": self.folder / "spawned"
                }, "bin-path")
        return snippet("lighttpd.conf", {
            "/usr/sbin/certgate.fcgi": place.HANDLER}, "cgi.assign") + \
            'setenv.set-environment = ( "CERTGATE_CONFIG" => ' \
            f'"{configuration.file}" )\n'

    def close(self):
        """By the signal that lets requests end: SIGTERM with a connection
        open ends lighttpd with 1.  Now and then it leaves a handler that it
        started; so does a kill."""
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        handlers = children.read_text().split() if children.exists() else []
        code = end(self.process, signal.SIGINT)
        for handler in handlers:
            command = pathlib.Path(f"/proc/{handler}/cmdline")
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if command.read_bytes().startswith(bytes(place.HANDLER)):
                    os.kill(int(handler), signal.SIGTERM)
        return code


class Nginx(Server):
    """Talks to the socket of a running handler; sites: of each host, its
    site; tls: an identities.Identity, then it is https.  With kept it keeps
    connections to the handler, or to peer: a port of loopback, to which it
    passes requests on by HTTP."""

    def __init__(self, folder, configuration, sites=None, tls=None,
                 kept=False, peer=None, more=""):
        several = several_of(configuration)
        configuration = several[0]
        super().__init__(folder, configuration.log, len(several))
        www = snippet("nginx.conf", {
            "/run/certgate/certgate.sock": configuration.folder / "socket"})
        upstream = f"server unix:{configuration.folder}/socket;"
        if kept:
            www = re.sub("fastcgi_pass .*", "fastcgi_pass handler;\n"
                         "fastcgi_keep_conn on;", www)
        if peer:
            upstream = f"server 127.0.0.1:{peer};"
            www = "location / { proxy_pass http://handler;\n" + (
                'proxy_http_version 1.1; proxy_set_header Connection "";'
                if kept else "") + "}"
        others = "".join(
            f"server {{ listen 127.0.0.1:{self.port}; server_name {host};\n" +
            www.replace("#fastcgi_param CERTGATE_SITE NAME;",
                        f"fastcgi_param CERTGATE_SITE {site};") + "}\n"
            for host, site in (sites or {}).items())
        others += "".join(
            f"server {{ listen 127.0.0.1:{port};\n" + snippet("nginx.conf", {
                "/run/certgate/certgate.sock": one.folder / "socket"}) + "}\n"
            for one, port in zip(several[1:], self.ports[1:]))
        user = "user root;" if os.geteuid() == 0 else ""
        config = self.write("nginx.conf", f"""
{user}
daemon off;
pid {self.folder}/pid;
error_log {configuration.log} warn;
worker_processes 1;
events {{ }}
http {{
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path {self.folder}/body;
  fastcgi_temp_path {self.folder}/fastcgi;
  proxy_temp_path {self.folder}/proxy;
  uwsgi_temp_path {self.folder}/uwsgi;
  scgi_temp_path {self.folder}/scgi;
  upstream handler {{ {upstream} {"keepalive 32;" if kept else ""} }}
  server {{
    listen 127.0.0.1:{self.port} backlog=511{" ssl" if tls else ""};
    {f"ssl_certificate {tls.file}; ssl_certificate_key {tls.key};"
     if tls else ""}
{more}
{www}
  }}
{others}
}}
""")
        self.begin([find("nginx"), "-p", self.folder, "-c", config],
                   {"PATH": "/usr/bin:/bin"})


class Apache(Server):
    """how: proxy (to a running handler's socket), fcgid, cgid; sites: the site
    of each host; before and inside: lines before and after the file of www/.
    Of several configurations, all but the first are virtual hosts."""

    MODULES = {"proxy": ["proxy", "proxy_fcgi"], "fcgid": ["fcgid"],
               "cgid": ["cgid"]}

    def __init__(self, folder, configuration, how="proxy", more="",
                 sites=None, before="", inside=""):
        several = several_of(configuration)
        super().__init__(folder, several[0].log, len(several))
        modules = "/usr/lib/apache2/modules"
        load = ["mpm_event", "authz_core", "alias", "env", "setenvif"]
        choice = {"proxy": "",
                  "fcgid": "Define CERTGATE_FCGID\n"
                           f"FcgidIPCDir {self.folder}\n"
                           f"FcgidProcessTableFile {self.folder}/table\n",
                  "cgid": "Define CERTGATE_CGID\n"
                          f"ScriptSock {self.folder}/cgisock\n"}[how]
        variable = {"proxy": "#", "fcgid": "FcgidInitialEnv",
                    "cgid": "SetEnv"}[how] + " CERTGATE_CONFIG"
        loads = "\n".join(f"LoadModule {m}_module {modules}/mod_{m}.so"
                          for m in load + self.MODULES[how])
        hosts = "".join(
            f"<VirtualHost 127.0.0.1:{self.port}>\nServerName {host}\n" +
            (f"SetEnv CERTGATE_SITE {site}\n" if site else "") +
            "</VirtualHost>\n" for host, site in
            (({"other.invalid": None} | sites) if sites else {}).items())
        for number, (one, port) in enumerate(zip(several, self.ports)):
            www = self.write(f"certgate-{number}.conf", snippet(
                "apache2.conf", {
                    "/run/certgate/certgate.sock": one.folder / "socket",
                    "/usr/sbin/certgate.fcgi": place.HANDLER}))
            lines = f"{variable} {one.file}\nInclude {www}\n{inside}"
            if number == 0:
                main = lines
            else:
                hosts += f"<VirtualHost 127.0.0.1:{port}>\n{lines}" \
                    "</VirtualHost>\n"
        listen = "".join(f"Listen 127.0.0.1:{port}\n" for port in self.ports)
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        config = self.write("httpd.conf", f"""
ServerRoot "{self.folder}"
ServerName localhost
{listen}
PidFile {self.folder}/pid
DefaultRuntimeDir {self.folder}
Mutex file:{self.folder} default
ErrorLog {self.log}
LogLevel warn
DocumentRoot "{self.folder}"
{loads}
{user}
<Directory />
  Require all denied
</Directory>
MaxKeepAliveRequests 0
{choice}
{before}
{main}
{more}
{hosts}
""")
        self.begin([find("apache2"), "-D", "FOREGROUND", "-f", config],
                   {"PATH": "/usr/bin:/bin"})
        if how == "cgid" and os.geteuid() == 0:
            # It serves before its daemon's socket is given to its user.
            place.wait_for(lambda: any(
                path.stat().st_uid for path in
                self.folder.glob("cgisock*")))
