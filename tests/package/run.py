#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The Debian package: built twice, looked at by lintian and piuparts, its
autopkgtests run, and installed, upgraded and purged in a machine of its own
that systemd-nspawn boots.  The next Debian gets a machine that also builds the
package and runs the tests of what differs there.  What needs packages from the
archive is made with mmdebstrap, once."""
import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import place  # noqa: E402

SUITE = "bookworm"
# The machine has everything but certgate: three servers, what the tests call,
# and what the package depends on, for it has no network.
MACHINE = """apache2 autopkgtest ca-certificates curl dbus dpkg-dev haproxy
libapache2-mod-fcgid libfcgi0ldbl libjson-c5 liblmdb0 libpq5 libssl3 lighttpd
logrotate nginx-light openssl postgresql python3 systemd systemd-sysv""".split()
PACKAGES = {"certgate", "certgate-dbgsym", "certgate-emulator",
            "certgate-emulator-dbgsym", "certgate-sync", "certgate-sync-dbgsym"}
# The next Debian.  Its machine is the other one's without that one's libraries,
# with what building needs (debian/control) and what NEWER_TESTS need.
NEWER = "trixie"
NEWER_MACHINE = [name for name in MACHINE if not name.startswith("lib")] + """
build-essential libapache2-mod-auth-openidc libapache2-mod-fcgid libcmocka-dev
spawn-fcgi""".split()
# What its compiler, OpenSSL, json-c and servers could change.
NEWER_TESTS = """$(UNIT_TESTS) $(EMULATOR_UNIT_TESTS)
tests/chains/test_chains.py tests/chains/test_generated.py
tests/chains/test_orders.py tests/suites/test_suites.py
tests/doors/test_apache.py tests/doors/test_entra.py
tests/doors/test_lighttpd.py tests/doors/test_nginx.py""".split()
AUTOPKGTESTS = ["cgi", "command", "lighttpd", "apache2", "nginx"]
# Its own filter of calls knows nothing of Landlock.
NSPAWN = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit",
          "--private-network", "--system-call-filter=landlock_create_ruleset "
          "landlock_add_rule landlock_restrict_self"]
BOOT_SECONDS = 900


class Count:
    """Prints each check as it ends."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.began = time.monotonic()

    def result(self, good, name, detail="", most=40):
        self.passed += bool(good)
        self.failed += not good
        seconds = time.monotonic() - self.began
        print(f"{'ok' if good else 'NOT OK':<6} {name} ({seconds:.0f} s)",
              flush=True)
        if not good:
            for line in str(detail).splitlines()[-most:]:
                print("       " + line, flush=True)
        return good

    def skip(self, name, why):
        self.skipped += 1
        print(f"skip   {name}: {why}", flush=True)

    def done(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}",
              flush=True)
        sys.exit(1 if self.failed else 0)


def call(*arguments, cwd=None, seconds=600):
    """Exit code and output of a program."""
    done = subprocess.run([str(a) for a in arguments], cwd=cwd,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, text=True,
                          errors="replace", timeout=seconds)
    return done.returncode, done.stdout


def why_not():
    """Why no machine boots here; nothing if one does, as far as a container
    of this system's own /usr shows."""
    if os.geteuid() != 0:
        return "this user is not root"
    for program in ("systemd-nspawn", "mmdebstrap"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    code, text = call(*NSPAWN, "--volatile=yes", "--directory=/",
                      "/usr/bin/true", seconds=60)
    if code != 0:
        lines = text.strip().splitlines() or [f"exit code {code}"]
        return "systemd-nspawn starts no container here: " + lines[-1]
    return None


def make_root(path, variant, packages, suite=SUITE, sources=()):
    """A root file system from the archive: a tar file by the end of its name,
    else a folder."""
    code, text = call("mmdebstrap", "--quiet", f"--variant={variant}",
                      "--dpkgopt=force-unsafe-io",
                      f"--include={','.join(packages)}", suite, path, *sources,
                      seconds=1200)
    return path if code == 0 else text


def newer_sources():
    """Lines of sources.list for NEWER, from the archives that this machine has
    for SUITE; none if apt does not know them."""
    _, text = call("apt-get", "indextargets", "Created-By: Packages",
                   "Origin: Debian", "Component: main", "--format",
                   "$(REPO_URI) $(RELEASE)")
    return sorted({f"deb {uri} {release.replace(SUITE, NEWER)} main"
                   for uri, release in map(str.split, text.splitlines())
                   if release in (SUITE, f"{SUITE}-security")})


def not_reached(sources):
    """Why apt cannot fetch from the archive of NEWER; nothing if it can."""
    if not sources:
        return f"apt has no archive of {SUITE}"
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            _, uri, release, _ = source.split()
            code, text = call("/usr/lib/apt/apt-helper", "download-file",
                              f"{uri}dists/{release}/InRelease",
                              f"{folder}/{release}")
            if code != 0:
                return f"{release}: " + (text.strip().splitlines() or [""])[-1]
    return None


def build_packages():
    """The packages of Build-Depends."""
    text = (place.SOURCE / "debian/control").read_text(encoding="utf-8")
    field = re.search(r"^Build-Depends:\n((?: .*\n)+)", text, re.MULTILINE)
    return re.findall(r"^ ([a-z0-9.+-]+)", field[1], re.MULTILINE)


def make_newer(folder):
    """The machine of NEWER; why there is none, and whether that is a fault."""
    sources = newer_sources()
    why = not_reached(sources)
    if why:
        return why, False
    root = make_root(folder, "apt", NEWER_MACHINE + build_packages(), NEWER,
                     sources)
    return root, not isinstance(root, pathlib.Path)


def unpack(tar, folder):
    folder.mkdir()
    subprocess.run(["tar", "-xf", tar, "-C", folder], check=True)
    return folder


def copy_checkout(folder):
    """What is in version control, as it is now."""
    folder.mkdir(parents=True)
    names = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"],
                           cwd=place.SOURCE, capture_output=True, check=True)
    for name in names.stdout.decode().split("\0"):
        source = place.SOURCE / name
        if name and os.path.lexists(source):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    return folder


def unpack_release(work, folder):
    """The tarball of make dist."""
    folder.mkdir(parents=True)
    code, text = call("make", "-C", place.BUILD, "dist")
    tarballs = sorted(place.BUILD.glob("certgate-*.tar.xz"))
    if code != 0 or len(tarballs) != 1:
        return None, f"{text}\n{tarballs}"
    shutil.move(tarballs[0], work / tarballs[0].name)
    subprocess.run(["tar", "-xf", work / tarballs[0].name, "-C", folder],
                   check=True)
    return next(folder.iterdir()), ""


def build(source):
    """The .deb files beside source, by name with their SHA-256; or the log."""
    code, text = call("dpkg-buildpackage", "-us", "-uc", "-b", cwd=source)
    if code != 0:
        return text
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(source.parent.glob("*.deb"))}


def portable(source):
    """The static programs of a tree that was built, as build()."""
    folder = source / "debian/build"
    code, text = call("make", "-C", folder, f"-j{os.cpu_count()}", "portable")
    if code != 0:
        return text
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted((folder / "portable").iterdir())
            if p.suffix != ".map"}


def package_of(folder):
    return next(p for p in sorted(folder.glob("certgate_*.deb")))


def next_version(deb, work):
    """The same package with a higher version."""
    folder = work / "next"
    code, text = call("dpkg-deb", "-R", deb, folder)
    control = folder / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)", r"\1+next",
                              control.read_text(encoding="utf-8"),
                              flags=re.MULTILINE), encoding="utf-8")
    code, text = call("dpkg-deb", "--root-owner-group", "-b", folder,
                      work / "next.deb")
    shutil.rmtree(folder)
    assert code == 0, text


def close_each(events):
    """The load's requests (see tests/bench/events.c), each on a connection of
    its own: a server that is reloaded closes kept ones whenever it likes."""
    at, out = 0, b""
    while at < len(events):
        request, body, status = struct.unpack_from("=IIH", events, at)
        begin = at + struct.calcsize("=IIH")
        text = events[begin:begin + request].replace(
            b"\r\n", b"\r\nConnection: close\r\n", 1)
        out += struct.pack("=IIH", len(text), body, status) + text + \
            events[begin + request:begin + request + body]
        at = begin + request + body
    return out


def check_builds(count, work):
    """From the release tarball, and from the checkout at another path."""
    release, text = unpack_release(work, work / "release")
    if not count.result(release, "make dist makes a tarball", text):
        return False
    one = build(release)
    made = {n.partition("_")[0] for n in one} if isinstance(one, dict) else one
    if not count.result(made == PACKAGES, "the packages build from it", made):
        return False
    two = build(copy_checkout(work / "elsewhere/with-a-longer-path"))
    if not count.result(isinstance(two, dict), "they build from the checkout",
                        two):
        return False
    count.result(one == two, "both are equal to the byte", f"{one}\n{two}")
    programs = [portable(release),
                portable(work / "elsewhere/with-a-longer-path")]
    count.result(isinstance(programs[0], dict) and
                 programs[0] == programs[1],
                 "so are the static programs", "\n".join(map(str, programs)))
    # Three letters of machine code can be such a word by chance.
    code, text = call("lintian", "--allow-root", "-EvIL", "+pedantic",
                      "--suppress-tags", "spelling-error-in-binary",
                      "--fail-on", "error,warning,info,pedantic,experimental",
                      *sorted((work / "release").glob("*.changes")))
    count.result(code == 0 and not re.search("^[EWIPX]:", text, re.MULTILINE),
                 "lintian has nothing to say", text)
    return True


def check_piuparts(count, work, tar):
    code, text = call("piuparts", "--distribution", SUITE, "--basetgz", tar,
                      "--keep-sources-list", "--no-eatmydata", "--fail-on-"
                      "broken-symlinks", package_of(work / "release"))
    count.result(code == 0, "piuparts, on a system without a web server", text)


# In a mount namespace: what is mounted goes with the last process in it.
IN_ROOT = """mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
exec "$@"
"""


def failures(text, name):
    """What failed in an autopkgtest, with its details; the end of all that it
    printed if it names nothing."""
    own = re.search(rf": test {name}: \[-+\n(.*?)^[^\n]*: test {name}: -+\]",
                    text, re.MULTILINE | re.DOTALL)
    said = own[1] if own else text
    found = re.findall(r"^not ok.*\n(?:# .*\n)*", said, re.MULTILINE)
    return "".join(found) or "\n".join(said.splitlines()[-40:])


def check_autopkgtests(count, work, root):
    policy = root / "usr/sbin/policy-rc.d"  # no service is started in it
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    policy.chmod(0o755)
    tests = [f"--test-name={name}" for name in AUTOPKGTESTS]
    code, text = call("unshare", "--mount", "sh", "-c", IN_ROOT, root,
                      "autopkgtest", "--no-built-binaries", *tests,
                      package_of(work / "release"),
                      copy_checkout(work / "autopkgtest"), "--", "chroot",
                      root, seconds=1200)
    for name in AUTOPKGTESTS:
        count.result(re.search(rf"^{name} +PASS$", text, re.MULTILINE),
                     f"autopkgtest {name}", failures(text, name), 400)
    count.result(code == 0, "autopkgtest ends with 0", text)


UNIT = """[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -B /certgate/checkout/tests/package/{script}
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=file:/certgate/results
StandardError=inherit
"""


def prepare_machine(work, root, script, deb):
    """A host with three web servers, which runs the script."""
    for path, old, new in (
            ("etc/lighttpd/lighttpd.conf", r"(server\.port *= ).*",
             r"\g<1>8081"),
            ("etc/nginx/sites-available/default",
             r"listen 80 default_server;", "listen 8082 default_server;"),
            ("etc/nginx/sites-available/default",
             r"listen \[::\]:80 default_server;", "")):
        file = root / path
        text, n = re.subn(old, new, file.read_text(encoding="utf-8"))
        assert n == 1, path
        file.write_text(text, encoding="utf-8")
    unit = root / "etc/systemd/system/certgate-tests.service"
    unit.write_text(UNIT.format(script=script), encoding="utf-8")
    wants = unit.parent / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / unit.name).symlink_to("../certgate-tests.service")
    (wants / "postgresql.service").unlink(missing_ok=True)  # synced.py starts it
    shared = work / f"{root.name}.shared"
    copy_checkout(shared / "checkout")
    shutil.copy(deb, shared / "one.deb")
    for sync in deb.parent.glob("certgate-sync_*.deb"):
        shutil.copy(sync, shared / "sync.deb")
    next_version(deb, shared)
    bench = place.BUILD / "tests/bench"
    shutil.copy(bench / "load", shared)
    subprocess.run([bench / "events", "2000", "mixed", shared], check=True)
    (shared / "events.close").write_bytes(
        close_each((shared / "events").read_bytes()))
    return shared


def boot(*arguments):
    """What the console of the machine shows until it has ended."""
    machine = subprocess.Popen(
        [*NSPAWN, *map(str, arguments), "--boot"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace")
    try:
        return machine.communicate(timeout=BOOT_SECONDS)[0]
    except subprocess.TimeoutExpired:
        machine.terminate()  # which shuts the machine down
        return machine.communicate(timeout=120)[0] + \
            f"not ended within {BOOT_SECONDS} s"


def check_booted(count, work, root, script, deb):
    shared = prepare_machine(work, root, script, deb)
    text = boot(f"--bind={shared}:/certgate", "--directory", root)
    results = shared / "results"
    lines = results.read_text(errors="replace").splitlines() \
        if results.exists() else []
    count.result("1.." in "".join(lines[-1:]), "a machine boots, runs "
                 f"{script} and ends", "\n".join(lines[-10:]) + "\n" + text)
    check_lines(count, script, lines)


def check_lines(count, script, lines):
    """The results that a script printed."""
    for number, line in enumerate(lines):
        match = re.match(r"(not )?ok \d+ - (.*)", line)
        if match:
            detail = [x for x in lines[number + 1:number + 40]
                      if x.startswith("# ")]
            count.result(not match[1], f"{script}: {match[2]}",
                         "\n".join(detail))


def check_container(count, work, base, deb):
    """The Containerfile; in a mount namespace that goes with the script."""
    folder = work / "container"
    folder.mkdir()
    code, text = call("unshare", "--mount", "--kill-child", sys.executable,
                      "-B", place.SOURCE / "tests/package/container.py",
                      folder, base, deb, seconds=1800)
    lines = text.splitlines()
    count.result(code == 0 and "1.." in "".join(lines[-1:]),
                 "container.py ends", "\n".join(lines[-20:]))
    check_lines(count, "container.py", lines)


def inside(root, command, *options):
    """A command in a root that is not booted."""
    return call(*NSPAWN, *options, "--directory", root, "/bin/sh", "-c",
                command, seconds=1800)


def check_newer(count, work, machine):
    """Builds in the machine of NEWER and runs NEWER_TESTS; the package."""
    root, fault = machine.result()
    if not isinstance(root, pathlib.Path):
        if fault:
            count.result(False, f"mmdebstrap makes a root of {NEWER}", root)
        else:
            count.skip(NEWER, root)
        return None
    tree = copy_checkout(root / "tmp-certgate/certgate")
    at = f"cd /{tree.relative_to(root)}"
    code, text = inside(root, f"{at} && dpkg-buildpackage -us -uc -b")
    if not count.result(code == 0, f"{NEWER}: the packages build", text):
        return None
    warnings = re.findall(r".*\bwarning:.*", text, re.IGNORECASE)
    count.result(not warnings, f"{NEWER}: without a warning",
                 "\n".join(warnings))
    suites = os.environ.get("CERTGATE_SUITES")
    # The tables through Apache are in test_apache.py.
    options = ["--setenv=CERTGATE_ENTRA_TABLES=no"]
    if suites:
        options += [f"--bind-ro={suites}:/suites",
                    "--setenv=CERTGATE_SUITES=/suites"]
    code, text = inside(root, f"{at}/debian/build && make -j{os.cpu_count()} "
                        "--output-sync=target check "
                        f"TESTS='{' '.join(NEWER_TESTS)}'", *options)
    check_programs(count, text)
    count.result(code == 0, f"{NEWER}: make check ends with 0", text)
    deb = work / "newer.deb"
    shutil.move(package_of(tree.parent), deb)
    shutil.rmtree(tree.parent)
    return root, deb


def check_programs(count, text):
    """Each test program in the output of make check."""
    found = {}
    for line in re.findall(r"^[A-Z]+: tests/.*", text, re.MULTILINE):
        word, _, rest = line.partition(": ")
        found.setdefault(rest.split()[0], []).append((word, line))
    for name in sorted(found):
        bad = [line for word, line in found[name] if word != "PASS"]
        count.result(not bad, f"{NEWER}: {name}: {len(found[name])} results",
                     "\n".join(bad))
    listed = [name for name in NEWER_TESTS if name.endswith(".py")]
    count.result(set(listed) < set(found), f"{NEWER}: {len(found)} programs",
                 sorted(set(listed) - set(found)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=place.BUILD)
    options = parser.parse_args()
    place.BUILD = options.build.resolve()
    why = why_not()
    if why:
        print(f"package checks: NOT RUN ({why})\n0 passed, 0 failed")
        return
    count = Count()
    work = place.BUILD / "package"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        machine = pool.submit(make_root, work / "machine.tar", "apt", MACHINE)
        newer = pool.submit(make_newer, work / "newer")
        minimal = pool.submit(make_root, work / "minimal.tar.gz", "minbase",
                              ["systemd"])
        built = check_builds(count, work)
        for root in (machine.result(), minimal.result()):
            if not isinstance(root, pathlib.Path):
                count.result(False, "mmdebstrap makes a root", root)
                built = False
        if built:
            check_installed(count, work, pool, machine.result(),
                            minimal.result(), newer)
    count.done()


def check_installed(count, work, pool, machine, minimal, newer):
    """What needs the package that was built."""
    deb = package_of(work / "release")
    tests = pool.submit(check_autopkgtests, count, work,
                        unpack(machine, work / "chroot"))
    purge = pool.submit(check_piuparts, count, work, minimal)
    made = pool.submit(check_newer, count, work, newer)
    container = pool.submit(check_container, count, work, minimal, deb)
    # One after the other: they have one control group.
    for script in ("booted.py", "outages.py", "synced.py"):
        check_booted(count, work, unpack(
            machine, work / script.removesuffix(".py")), script, deb)
    if made.result():
        check_booted(count, work, made.result()[0], "newer.py",
                     made.result()[1])
    for one in (tests, purge, container):
        one.result()


main()
