#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The rules of the source: layers, purity, headers, banned functions, sizes,
format, licence.  Each check is also run on a copy with a fault planted for it,
and must find that."""
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import place, processes, tap  # noqa: E402

LAYERS = {
    "base": ["base"],
    "protocol": ["base", "protocol"],
    "policy": ["base", "protocol", "policy"],
    "handler": ["base", "protocol", "policy", "handler"],
    "host": ["base", "protocol", "policy", "handler", "host"],
    "admin": ["base", "protocol", "policy", "handler", "host", "admin"],
    "fcgi": ["base", "protocol", "policy", "handler", "host", "fcgi"],
    "sync": ["base", "protocol", "policy", "handler", "host", "sync"],
    "emulator": ["emulator"],
}
OUTSIDE = {  # a library: the files that may name it
    "curl/": ["admin/web.c"],
    "systemd/": ["admin/journal_reader.c"],
    "json-c/": ["protocol/event.c", "admin/addresses.c"],
    "openssl/": ["protocol/digest.c", "protocol/signature.c",
                 "protocol/pem.c", "protocol/der.c",
                 "protocol/certificate.c",
                 "protocol/chain.c", "protocol/chain_trust.c",
                 "protocol/crl.c"],
    "libpq-fe.h": ["host/database.c"],
    "fcgiapp.h": ["host/fastcgi.c"],
    "lmdb.h": ["host/store.c", "host/store_create.c", "host/store_format.h",
               "host/store_writer.c"],
    "seccomp.h": ["host/system_calls.c"],
    "linux/": ["host/sandbox.c"],
    "fcgi_stdio.h": [],
    "fcgios.h": [],
}
IMPURE = set("""open openat creat read write pread pwrite close fopen fdopen
fread fwrite fgets fputs fputc putc puts putchar printf fprintf vprintf vfprintf
perror stat fstat lstat access unlink rename socket connect bind accept send recv
poll select epoll_wait time clock_gettime gettimeofday localtime localtime_r
gmtime gmtime_r mktime strftime getenv secure_getenv setenv exit _exit _Exit
quick_exit atexit fork execve kill syslog openlog rand random getrandom
pthread_create""".split())
BANNED = """strcpy strcat sprintf vsprintf gets strtok strtok_r strncpy strncat
atoi atol atoll atof alloca system popen tmpnam mktemp scanf sscanf fscanf
setjmp longjmp""".split()
FOLDERS = ["src", "emulator", "tests", "www", "debian", "deploy", "examples",
           ".ci"]
FILE_MAX = 600  # lines
FUNCTION_MAX = 60  # lines
WIDTH_MAX = 80  # columns


def sources(root, pattern="*.[ch]"):
    return sorted((root / "src").rglob(pattern)) + \
        sorted((root / "emulator").rglob(pattern))


def name_of(root, path):
    """The name by which others include it."""
    above = root if root / "emulator" in path.parents else root / "src"
    return str(path.relative_to(above))


def layer_of(name):
    return name.split("/")[0] if "/" in name else name.split(".")[0]


def includes(path):
    text = path.read_text()
    own = re.findall(r'^#\s*include "([^"]+)"', text, re.MULTILINE)
    outside = re.findall(r"^#\s*include <([^>]+)>", text, re.MULTILINE)
    return [i for i in own if i != "config.h"], outside


def check_layers(root):
    graph = {}
    for path in sources(root):
        name = name_of(root, path)
        own, outside = includes(path)
        graph[name] = own
        for other in own:
            if layer_of(other) not in LAYERS[layer_of(name)]:
                yield f"{name} includes {other}, of a higher layer"
        for other in outside:
            for library, files in OUTSIDE.items():
                if other.startswith(library) and name not in files:
                    yield f"{name} includes <{other}>"
    for name in graph:
        if reaches(graph, name, name, set()):
            yield f"{name} includes itself in a circle"
    # A file and its header are one.
    modules = {}
    for name, own in graph.items():
        stem = name.rpartition(".")[0]
        modules.setdefault(stem, set()).update(
            {other.rpartition(".")[0] for other in own} - {stem})
    for name in modules:
        if reaches(modules, name, name, set()):
            yield f"{name} uses itself in a circle"


def reaches(graph, start, goal, seen):
    for other in graph.get(start, []):
        if other == goal:
            return True
        if other not in seen:
            seen.add(other)
            if reaches(graph, other, goal, seen):
                return True
    return False


def check_purity(root):
    """What the core's objects ask of others, as the linker sees it."""
    objects = {}
    for path in sources(root, "*.c"):
        name = name_of(root, path)
        if layer_of(name) in ("host", "fcgi", "admin", "sync",
                              "emulator"):
            continue
        errors, built = object_of(root, path)
        if errors:
            yield f"{name} does not compile: {errors[:300]}"
        else:
            objects[str(built)] = name
    for line in subprocess.run(["nm", "-u", "-A", *objects], check=True,
                               capture_output=True,
                               text=True).stdout.splitlines():
        built, _, symbol = line.partition(":")
        symbol = symbol.split()[-1]
        if plain(symbol) in IMPURE:
            yield f"{objects[built]} calls {symbol}"


def plain(symbol):
    """The function's name without a version, and without what fortified
    objects call it."""
    return re.sub(r"^__(\w+?)(?:_chk|_2)$", r"\1", symbol.split("@")[0])


def object_of(root, path):
    """The errors, and the object: that of the build, if it is of this text."""
    name = path.relative_to(root)
    source, built = place.SOURCE / name, place.BUILD / name.with_suffix(".o")
    if built.exists() and source.read_text() == path.read_text() and \
            built.stat().st_mtime >= source.stat().st_mtime:
        return "", built
    built = root / "objects" / str(name).replace("/", ".")
    built.parent.mkdir(exist_ok=True)
    done = compile_c(root, [path], "-c", "-o", str(built))
    return done.stderr if done.returncode != 0 else "", built


@functools.cache
def emulator_flags():
    return subprocess.run(
        ["pkg-config", "--cflags", "libsoup-3.0", "json-glib-1.0"],
        capture_output=True, text=True, check=True).stdout.split()


def compile_c(root, paths, *options):
    own = [f"-I{root}", *emulator_flags()] \
        if layer_of(name_of(root, paths[0])) == "emulator" \
        else [f"-I{root / 'src'}"]
    return subprocess.run(
        ["gcc", "-std=gnu11", *own, f"-I{place.BUILD}",
         '-DCERTGATE_CONFIG_DEFAULT="/x"',
         *options, *map(str, paths)],
        capture_output=True, text=True, check=False)


def check_headers(root):
    errors = header_errors(root)
    for path in sources(root, "*.h"):
        name = name_of(root, path)
        if path in errors:
            yield f"{name} does not compile alone: {errors[path][:300]}"
        guard = "CERTGATE_" + re.sub(r"[/.]", "_", name).upper()
        if f"#ifndef {guard}\n#define {guard}\n" not in path.read_text():
            yield f"{name} has no guard {guard}"


_compiled = set()  # path and text of headers that compile alone


def header_errors(root):
    """Those of each header; all are given to one gcc, which compiles each by
    itself, and after an error one after the other."""
    options = "-Wall", "-Werror", "-fsyntax-only", "-include", "config.h"
    errors = {}
    for folder in "src", "emulator":
        new = [path for path in sorted((root / folder).rglob("*.h"))
               if (path, path.read_text()) not in _compiled]
        if new and compile_c(root, new, *options).returncode != 0:
            found = {path: compile_c(root, [path], *options).stderr
                     for path in new}
            errors |= {path: text for path, text in found.items() if text}
        _compiled.update((path, path.read_text()) for path in new
                         if path not in errors)
    return errors


def without_comments(text):
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', "", text, flags=re.DOTALL)


def check_banned(root):
    for path in sources(root):
        text = without_comments(path.read_text())
        for word in BANNED:
            if re.search(rf"\b{word}\s*\(", text):
                yield f"{name_of(root, path)} calls {word}"


def check_sizes(root):
    for path in sources(root):
        lines = path.read_text().splitlines()
        if len(lines) > FILE_MAX:
            yield f"{name_of(root, path)} has {len(lines)} lines"
        begin = 0
        for number, line in enumerate(lines, 1):
            if line == "{":
                begin = number
            if line == "}" and begin and number - begin - 1 > FUNCTION_MAX:
                yield f"{name_of(root, path)}:{begin} is a function of " \
                    f"{number - begin - 1} lines"


def all_c(root):
    return sources(root) + sorted((root / "tests").rglob("*.[ch]"))


def check_format(root):
    done = subprocess.run([processes.find("clang-format"), "--dry-run",
                           "-Werror", "--style=file", *map(str, all_c(root))],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield done.stderr[:600]


def check_width(root):
    """Of comments, too, which clang-format leaves as they are."""
    for path in all_c(root):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if len(line.expandtabs(8)) > WIDTH_MAX:
                yield f"{path.relative_to(root)}:{number} is wider than " \
                    f"{WIDTH_MAX} columns"


def text_files(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
    for name in ("bootstrap", "configure.ac", "Makefile.am", ".clang-format",
                 "README.md", "SECURITY.md", "NEWS", "CONTRIBUTING.md"):
        if (root / name).exists():
            yield root / name


def check_licence(root):
    for path in text_files(root):
        if path.suffix in (".c", ".h", ".py", ".sh", ".ac", ".am", ".conf",
                           ".bicep", ".go", ".mjs", ".js", ".css", ".sql",
                           ".yml") \
                or path.name in ("bootstrap", ".clang-format") \
                or path.parent.name == ".ci":
            head = path.read_text()[:400]
            if "SPDX-License-Identifier: ISC" not in head or \
                    "Copyright The certgate authors" not in head:
                yield f"{path.relative_to(root)} has no licence line"


def check_words(root):
    bad = re.compile("|".join([
        r"(?<![\w.-])/(?:root|home/\w+)/", "TO" + "DO", "FIX" + "ME",
        r"\bX" + r"XX\b", r"registry\.npm" + "js",
        r"(?:deb|security)\.debi" + r"an\.org"]))
    for path in text_files(root):
        if path.suffix in (".json", ""):
            continue
        for number, line in enumerate(
                path.read_text(errors="replace").splitlines(), 1):
            if bad.search(line):
                yield f"{path.relative_to(root)}:{number}: {line[:80]}"


def check_packages(root):
    """npm's packages are pinned, and no host is named that they come from."""
    folder = root / "tests/e2e"
    wanted = json.loads((folder / "package.json").read_text())
    for name, version in wanted.get("devDependencies", {}).items():
        if not re.fullmatch(r"\d+\.\d+\.\d+", version):
            yield f"package.json: {name} is not pinned: {version}"
    if wanted.get("dependencies"):
        yield "package.json: there are dependencies that are not for tests"
    lock = json.loads((folder / "package-lock.json").read_text())
    if lock["packages"][""].get("devDependencies") != \
            wanted["devDependencies"]:
        yield "package-lock.json is not that of package.json"
    for name, package in lock["packages"].items():
        if "resolved" in package:
            yield f"package-lock.json: {name} names a host"
        if name and "integrity" not in package:
            yield f"package-lock.json: {name} has no digest"


def check_own_packages(root):
    """bootstrap installs what the archive has, for each test that it reads."""
    function = re.search(r"^packages_of\(\) \{.*?^\}", (
        root / "bootstrap").read_text(), re.MULTILINE | re.DOTALL)[0]
    for test in ("", "check", "run", "package", "lighttpd", "apache2",
                 "nginx"):
        control = "debian/tests/control" if test else "debian/control"
        found = subprocess.run(
            ["bash", "-c", f'{function}\nsource_dir=$1 packages_of $2 "$3"',
             "bash", place.SOURCE, control, test], capture_output=True,
            text=True, check=True).stdout.split()
        if not found:
            yield f"bootstrap: no packages of {control} {test}"
        yield from (f"bootstrap: {name}, of {control} {test}, is ours"
                    for name in found if "certgate" in name or "@" in name)


def check_missing_packages(root):
    """bootstrap prints each missing package once."""
    function = re.search(r"^missing_of\(\) \{.*?^\}", (
        root / "bootstrap").read_text(), re.MULTILINE | re.DOTALL)[0]
    found = subprocess.run(
        ["bash", "-c", f"{function}\nmissing_of no-such-one base-files "
         "no-such-one no-such-two"], capture_output=True, text=True,
        check=True).stdout.split()
    if found != ["no-such-one", "no-such-two"]:
        yield f"bootstrap: missing_of prints {found}"


def check_proofs(root):
    """CONTRIBUTING.md has the longer proofs of bootstrap, with their sizes."""
    table = (root / "CONTRIBUTING.md").read_text()
    bootstrap = (root / "bootstrap").read_text()
    told = re.findall(r"^  \| `(\w+)` \|.*\(([\d,]+), ", table, re.MULTILINE)
    made = re.findall(r"^(\w+) (tests/\S+) (\d+)$", bootstrap, re.MULTILINE)
    if [(n, s.replace(",", "")) for n, s in told] != \
            [(name, size) for name, _, size in made]:
        yield f"CONTRIBUTING.md: proofs: {told}, but {made}"
    yield from (f"bootstrap: {path} has no size" for _, path, _ in made
                if "tap.size(" not in (root / path).read_text())


def check_shell(root):
    scripts = [p for p in text_files(root)
               if p.read_bytes()[:20].startswith((b"#!/bin/bash",
                                                  b"#!/bin/sh"))]
    done = subprocess.run([processes.find("shellcheck"), *map(str, scripts)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield done.stdout[:600]


# name: check, the file that is spoilt, what is added to it or (old, new)
CHECKS = {
    "layers": (check_layers, "src/base/hex.c",
               '#include "policy/list.h"\n'),
    "layers, libraries": (check_layers, "src/policy/list.c",
                          "#include <openssl/evp.h>\n"),
    "layers, circles": (check_layers, "src/base/span.h",
                        '#include "base/buffer.h"\n'),
    "layers, circles of files": (check_layers, "src/host/sandbox.c",
                                 '#include "host/log.h"\n'),
    "layers, circles of files of the emulator": (
        check_layers, "emulator/connection.c",
        '#include "emulator/session.h"\n'),
    # A double that shares the core's mistakes would prove nothing.
    "layers, the emulator is by itself": (
        check_layers, "emulator/role.c", '#include "base/hex.h"\n'),
    "purity": (check_purity, "src/policy/list.c",
               "#include <time.h>\nlong spoilt(void);\n"
               "long spoilt(void)\n{\n\treturn time(NULL);\n}\n"),
    "headers": (check_headers, "src/base/hex.h", "struct buffer spoilt;\n"),
    "headers of the emulator": (check_headers, "emulator/role.h",
                                "struct token_rules spoilt;\n"),
    "banned functions": (check_banned, "src/base/hex.c",
                         "void f(char *s) { strcpy(s, s); }\n"),
    "sizes of files": (check_sizes, "src/base/hex.c", "\n" * 600),
    "sizes of functions": (check_sizes, "src/base/hex.c",
                           "int\nf(void)\n{\n" + "\t;\n" * 61 + "}\n"),
    "format": (check_format, "src/base/hex.c", "int  x ;\n"),
    "width": (check_width, "src/base/hex.c", f"/* {'a' * 75} */\n"),
    "licence": (check_licence, "tests/spoilt.py", "pass\n"),
    "words": (check_words, "src/base/hex.c", "/* TO" "DO */\n"),
    "npm's packages": (check_packages, "tests/e2e/package-lock.json",
                       ('"integrity"', '"resolved": "https://a", "integrity"')),
    "our own packages": (check_own_packages, "bootstrap",
                         ("(@|certgate)", "(@)")),
    "missing packages": (check_missing_packages, "bootstrap",
                         ("there[name[i]] = 1", "0")),
    "longer proofs": (check_proofs, "bootstrap", ("edits tests", "x tests")),
    "shell": (check_shell, "tests/spoilt.sh",
              "#!/bin/sh\n# SPDX-License-Identifier: ISC\nrm $x\n"),
}


def copy_tree():
    root = place.temporary() / "tree"
    root.mkdir()
    for name in FOLDERS:
        shutil.copytree(place.SOURCE / name, root / name,
                        ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("bootstrap", "configure.ac", "Makefile.am", ".clang-format",
                 "README.md", "SECURITY.md", "NEWS", "CONTRIBUTING.md"):
        shutil.copy(place.SOURCE / name, root / name)
    subprocess.run(["chmod", "-R", "u+w", str(root)], check=True)
    return root


def main():
    out = tap.Tap()
    root = copy_tree()
    for name, (check, path, fault) in CHECKS.items():
        found = list(check(root))
        out.result(not found, name, "\n".join(found))
        spoilt = root / path
        before = spoilt.read_text() if spoilt.exists() else None
        spoilt.write_text(before.replace(*fault) if isinstance(fault, tuple)
                          else (before or "") + fault)
        out.result(len(list(check(root))) > len(found),
                   f"{name}: a planted fault is found")
        if before is None:
            os.unlink(spoilt)
        else:
            spoilt.write_text(before)
    out.done()


main()
