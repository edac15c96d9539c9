# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Where things are: the sources, the build, a temporary folder.  The tests of
the Debian package name the installed handler and files."""
import atexit
import itertools
import os
import pathlib
import random
import shutil
import socket
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", SOURCE / "build")).resolve()
WWW = pathlib.Path(os.environ.get("WWW_DIR", SOURCE / "www"))
CASES = SOURCE / "tests" / "cases"


def temporary():
    """A folder that other users can walk through and that goes at the end."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="certgate."))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def program(name, variable):
    """What the environment's variable says, else the one that was built; if root
    builds at home, where servers and tests of another user cannot get, a copy
    where they can."""
    path = pathlib.Path(os.environ.get(variable, BUILD / name))
    if os.geteuid() != 0 or not path.exists() or all(
            folder.stat().st_mode & 0o001 for folder in path.parents):
        return path
    copy = temporary() / name
    shutil.copy(path, copy)
    copy.chmod(0o755)
    return copy


HANDLER = program("certgate.fcgi", "HANDLER")


def is_free(port):
    """As for a server, which can open what one has just left."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def own_ports():
    """A block of loopback ports of this program alone, below those that Linux
    gives to clients, and what holds it: an abstract socket, whose name every
    test on this network sees, in a chroot too."""
    while True:
        first = random.randrange(10240, 32768, 128)
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0certgate-tests-{first}")
            return itertools.cycle(range(first, first + 128)), name
        except OSError:
            name.close()


_ports, _held = own_ports()


def free_port():
    """The next of this program's ports that is free."""
    return next(filter(is_free, _ports))


def wait_for(condition, seconds=20, step=0.02):
    """Waits until condition() is true; whether it became so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(step)
    return bool(condition())
