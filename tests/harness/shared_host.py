# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A shared host: an unprivileged user with a home folder, and Apache that starts
the user's programs by suEXEC.

All of it is in a mount namespace of the test: users, the configuration of suEXEC
and its log are files of the test, mounted over those of the machine."""
import os
import pathlib
import pwd
import shutil
import subprocess
import sys

from . import identities, place, processes, tap

USER = "certgate-customer"
INSIDE = "CERTGATE_TEST_NAMESPACE"  # set in the namespace
SUEXEC = pathlib.Path("/usr/lib/apache2/suexec")
SUEXEC_FILE = pathlib.Path("/etc/apache2/suexec/www-data")


def enter_namespace():
    """Starts this test again in a mount namespace of its own."""
    if os.geteuid() != 0:
        tap.skip_all("only root can start suEXEC")
    if INSIDE not in os.environ:
        os.execvpe("unshare", ["unshare", "--mount", sys.executable,
                               *sys.argv], os.environ | {INSIDE: "1"})


def free_number():
    """A number that no user and no group has."""
    used = {user.pw_uid for user in pwd.getpwall()} | \
        {user.pw_gid for user in pwd.getpwall()}
    return next(n for n in range(20000, 30000) if n not in used)


def mount(source, target):
    subprocess.run(["mount", "--bind", source, target], check=True)


class Host:
    """home: of the user; public: the folder of its web site."""

    def __init__(self):
        self.base = place.temporary()
        self.home = self.base / "home" / USER
        self.public = self.home / "public_html"
        self.number = free_number()
        self.make_home()
        self.replace_users(f"{USER}:x:{self.number}:{self.number}::"
                           f"{self.home}:/bin/sh\n")
        self.replace_suexec()
        self.tls = identities.Identity(self.base, "host", "IP:127.0.0.1")

    def make_home(self):
        self.public.mkdir(parents=True)
        self.home.chmod(0o711)
        self.give(self.home)

    def give(self, path):
        """Make the user the owner of all that is there."""
        subprocess.run(["chown", "-Rh", f"{self.number}:{self.number}", path],
                       check=True)

    def replace_users(self, line):
        for name, text in (("passwd", line), ("group",
                                              f"{USER}:x:{self.number}:\n")):
            file = self.base / name
            shutil.copy(f"/etc/{name}", file)
            with open(file, "a", encoding="utf-8") as users:
                users.write(text)
            mount(file, f"/etc/{name}")

    def replace_suexec(self):
        """The program whose folders are configured, with ours."""
        program = processes.find_in("suexec-custom", SUEXEC.parent)
        if SUEXEC.resolve() != program:
            mount(program, SUEXEC.resolve())
        file = self.base / "suexec"
        file.write_text(f"{self.home.parent}\npublic_html\n")
        mount(file, SUEXEC_FILE)
        (self.base / "log/apache2").mkdir(parents=True)
        mount(self.base / "log", "/var/log")

    def suexec_log(self):
        return (self.base / "log/apache2/suexec.log").read_text()

    def run(self, command, **more):
        """What a shell of the user does in its home folder."""
        return subprocess.run(
            ["/bin/sh", "-c", command], cwd=self.home, user=self.number,
            group=self.number, extra_groups=[], capture_output=True, text=True,
            timeout=60, check=False, umask=0o022,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.home),
                 "CURL_CA_BUNDLE": str(self.tls.file)}, **more)


class Apache(processes.Server):
    """As a host has it: the user's programs run by suEXEC, .htaccess counts.  On
    port and tls_port the user's folder is the DocumentRoot; on users_port it is
    /~USER/."""

    MODULES = ("mpm_event", "authz_core", "cgid", "env", "mime", "rewrite",
               "socache_shmcb", "ssl", "suexec", "userdir")

    def __init__(self, host):
        super().__init__(host.base / "apache", host.base / "error.log")
        self.users_port = place.free_port()
        self.tls_port = place.free_port()
        (self.folder / "mime.types").touch()
        loads = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
            for name in self.MODULES)
        config = self.write("httpd.conf", f"""
ServerRoot "{self.folder}"
ServerName localhost
Listen 127.0.0.1:{self.port}
Listen 127.0.0.1:{self.users_port}
Listen 127.0.0.1:{self.tls_port}
PidFile {self.folder}/pid
DefaultRuntimeDir {self.folder}
Mutex file:{self.folder} default
ScriptSock {self.folder}/cgisock
ErrorLog {self.log}
LogLevel warn
{loads}
TypesConfig {self.folder}/mime.types
User www-data
Group www-data
DocumentRoot {self.folder}
<Directory />
  AllowOverride None
  Require all denied
</Directory>
<Directory {host.public}>
  AllowOverride FileInfo Options=ExecCGI
  Require all granted
</Directory>
<VirtualHost 127.0.0.1:{self.port}>
  DocumentRoot {host.public}
  SuexecUserGroup {USER} {USER}
</VirtualHost>
<VirtualHost 127.0.0.1:{self.tls_port}>
  DocumentRoot {host.public}
  SuexecUserGroup {USER} {USER}
  SSLEngine on
  SSLCertificateFile {host.tls.file}
  SSLCertificateKeyFile {host.tls.key}
</VirtualHost>
<VirtualHost 127.0.0.1:{self.users_port}>
  UserDir public_html
</VirtualHost>
""")
        self.begin([processes.find("apache2"), "-D", "FOREGROUND", "-f",
                    config], {"PATH": "/usr/bin:/bin"})
        # It serves before its daemon's socket is given to its user.
        place.wait_for(lambda: any(path.stat().st_uid for path in
                                   self.folder.glob("cgisock*")))


class Lighttpd(processes.Server):
    """With user directories, run by the user itself: mod_cgi starts programs as
    the server's own user."""

    def __init__(self, host):
        super().__init__(host.base / "lighttpd", host.base / "lighttpd.log")
        pathlib.Path(self.log).touch()
        host.give(self.log)
        config = self.write("lighttpd.conf", f"""
server.modules = ( "mod_rewrite", "mod_userdir", "mod_cgi" )
server.document-root = "{self.folder}"
server.bind = "127.0.0.1"
server.port = {self.port}
server.errorlog = "{self.log}"
server.breakagelog = "{self.log}"
server.max-request-size = 17408
userdir.path = "public_html"
cgi.assign = ( ".cgi" => "" )
url.rewrite-once = ( "^/~([^/]+)/certgate/eventhandler([/?].*)?$" =>
                     "/~$1/certgate/certgate.cgi$2" )
""")
        self.begin(["setpriv", f"--reuid={host.number}",
                    f"--regid={host.number}", "--clear-groups",
                    processes.find("lighttpd"), "-D", "-f", config],
                   {"PATH": "/usr/bin:/bin"})
