# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""A PostgreSQL of the test's own: in a temporary folder, of a user other
than root, on a free port of loopback."""
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import threading
import time

from . import place, processes, tap

SCHEMA = place.SOURCE / "src/admin/fleet.sql"
DATABASE = "fleet"
OWNER = "owner"
ADMIN = "admin"


def programs():
    """The folder of the server's programs, which are in no path."""
    folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"),
                     key=lambda p: int(p.parent.name))
    if not folders:
        tap.bail_out("postgres is missing (package postgresql)")
    return folders[-1]


class Failure(Exception):
    """What psql said."""


ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
               "PGOPTIONS": "-c client_min_messages=warning"}


class Session:
    """psql, which is asked one statement after the other: a process for each
    would take longer than the statement."""

    MARK = "-- end of the answer --"

    def __init__(self, server, user):
        self.process = subprocess.Popen(
            server.psql(user, DATABASE), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=ENVIRONMENT, encoding="utf-8", errors="replace",
            start_new_session=True)
        self.lock = threading.Lock()

    def ask(self, text):
        with self.lock:
            self.process.stdin.write(f"{text}\n;\n\\echo {self.MARK}\n")
            self.process.stdin.flush()
            lines = []
            for line in self.process.stdout:
                if line.rstrip("\n") == self.MARK:
                    return lines
                lines.append(line.rstrip("\n"))
        raise Failure("\n".join(lines))

    def close(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


class Server:
    """Users OWNER, of the database, and ADMIN, of certgate_admin; hosts by
    add_host()."""

    def __init__(self, folder, address="127.0.0.1", options=(), within=(),
                 port=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.address = address
        self.port = port or place.free_port()
        self.within = list(within)  # what starts it in another namespace
        self.user = None
        if os.geteuid() == 0:
            self.user = pwd.getpwnam("postgres").pw_name
            shutil.chown(self.folder, self.user)
        self.options = ["-c", f"listen_addresses={address}",
                        "-c", f"port={self.port}",
                        "-c", f"unix_socket_directories={self.folder}",
                        "-c", "fsync=off", *options]
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.process = None
        self.sessions = {}
        self.lock = threading.Lock()

    def program(self, name, *arguments, **more):
        return subprocess.run(
            [programs() / name, *map(str, arguments)], check=True,
            capture_output=True, user=self.user, cwd=self.folder, timeout=120,
            env=ENVIRONMENT, **more)

    def make(self):
        """A new cluster with the schema in it, as init prints it."""
        self.program("initdb", "-D", self.data, "-U", OWNER, "-A", "trust",
                     "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
        with open(self.data / "pg_hba.conf", "a", encoding="utf-8") as file:
            file.write("host all all 10.0.0.0/8 trust\n"
                       "host replication all 10.0.0.0/8 trust\n")
        self.start()
        self.program("createdb", "-h", self.folder, "-p", self.port, "-U",
                     OWNER, DATABASE)
        self.install()
        self.sql(f"create role {ADMIN} login in role certgate_admin")

    def install(self):
        self.script(SCHEMA.read_text(encoding="utf-8"))

    def add_host(self, name):
        self.sql(f"create role {name} login in role certgate_host")

    def start(self):
        begin, user = [], self.user
        if self.within:
            become = ["setpriv", f"--reuid={user}", f"--regid={user}",
                      "--clear-groups"] if user else []
            begin, user = [*self.within, *become], None
        command = [*begin, programs() / "postgres", "-D", self.data,
                   *self.options]

        def is_up():
            # After a SIGKILL, it starts once the last of its children ended.
            if self.process is None or self.process.poll() is not None:
                self.process = processes.begin(command, self.log, ENVIRONMENT,
                                               user=user)
            return self.is_ready() and self.process.poll() is None

        if not place.wait_for(is_up, 60, 0.1):
            tap.bail_out("postgres does not start: " +
                         self.log.read_text(errors="replace")[-800:])

    def is_ready(self):
        return subprocess.run(
            [programs() / "pg_isready", "-q", "-h", self.folder, "-p",
             str(self.port), "-d", "postgres", "-U", OWNER],
            check=False).returncode == 0

    def stop(self, sig=signal.SIGINT):
        """SIGINT: sessions are ended; SIGQUIT: as after a crash."""
        with self.lock:
            for session in self.sessions.values():
                session.close()
            self.sessions = {}
        return processes.end(self.process, sig)

    def kill(self):
        """As a crash of the host: without a word, and its children too."""
        self.stop(signal.SIGQUIT)

    def standby(self, folder, port=None):
        """A copy that follows this one."""
        copy = Server(folder, self.address, within=self.within, port=port)
        self.program("pg_basebackup", "-D", copy.data, "-h", self.folder, "-p",
                     self.port, "-U", OWNER, "-R", "-X", "stream",
                     "--no-sync", "-c", "fast")
        copy.start()
        return copy

    def synchronous(self, wanted=True):
        """Let each commit wait for a standby, or not; whether one is there."""
        self.again("alter system set synchronous_standby_names = "
                 f"'{'*' if wanted else ''}'")
        self.again("select pg_reload_conf()")
        return not wanted or place.wait_for(lambda: self.again(
            "select count(*) from pg_stat_replication where sync_state = "
            "'sync'") == ["1"], 60)

    def promote(self):
        """A standby whose primary has ended takes writes."""
        self.again("select pg_promote()")
        self.synchronous(False)
        return place.wait_for(lambda: self.again(
            "select pg_is_in_recovery()") == ["f"], 30)

    def psql(self, user, database):
        return [processes.find("psql"), "-X", "-q", "-A", "-t", "-F", "\t",
                "-h", self.folder, "-p", str(self.port), "-U", user, "-d",
                database]

    def script(self, text, user=OWNER):
        """Many statements, in one transaction."""
        done = subprocess.run(
            [*self.psql(user, DATABASE), "-v", "ON_ERROR_STOP=1", "-1", "-f",
             "-"], input=text.encode(), capture_output=True, check=False,
            timeout=300, env=ENVIRONMENT)
        if done.returncode != 0:
            raise Failure(done.stderr.decode(errors="replace"))

    def sql(self, text, user=OWNER):
        """The rows of one statement: a string for one field, else a list of
        them."""
        with self.lock:
            if user not in self.sessions:
                self.sessions[user] = Session(self, user)
            session = self.sessions[user]
        try:
            lines = session.ask(text)
        except (Failure, OSError) as e:  # it has ended, with its connection
            with self.lock:
                if self.sessions.get(user) is session:
                    del self.sessions[user]
            raise Failure(str(e)) from e
        if any(line.startswith(("ERROR:", "FATAL:", "PANIC:", "WARNING:",
                                "psql:")) or
               "server closed the connection" in line or
               "connection to the server" in line for line in lines):
            raise Failure("\n".join(lines))
        rows = [line.split("\t") for line in lines]
        return [row[0] if len(row) == 1 else row for row in rows]

    def again(self, text, user=OWNER, seconds=30):
        """The same, once more while there is no connection."""
        end = time.monotonic() + seconds
        while True:
            try:
                return self.sql(text, user)
            except Failure:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def one(self, text, user=OWNER):
        """The only field of the only row."""
        rows = self.sql(text, user)
        return rows[0] if rows else None

    def connection(self, user, address=None, port=None, more=""):
        """A connection string."""
        return (f"host={address or self.address} port={port or self.port} "
                f"dbname={DATABASE} user={user} {more}\n")
