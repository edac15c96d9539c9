#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate crl fetch from a local server: only a newer CRL of the CA changes
the file, everything else has its own message, and clients stay accepted."""
import contextlib
import http.server
import os
import pathlib
import re
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, fastcgi, pki, place  # noqa: E402
from harness import processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
HTML = "<!DOCTYPE html>\n<html><body>Please log in.</body></html>\n"
answers = {}  # path: status, body, length that is announced or None
asked = []
ended = threading.Event()


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        status, body, length = answers.get(self.path, (404, b"nothing", None))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/moved.crl")
        self.send_header("Content-Length",
                         str(len(body) if length is None else length))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)
            if self.path == "/slow.crl":
                self.wfile.flush()
                ended.wait(60)

    def log_message(self, format, *words):  # noqa: A002
        pass


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


URL = serve()


def answer(path, body, status=200, length=None):
    answers[path] = (status, body.encode() if isinstance(body, str) else body,
                     length)
    return URL + path


def write(name, text, mode=0o640):
    path = base / name
    path.write_text(text)
    path.chmod(mode)
    return path


def der_of(pem):
    return ssl.PEM_cert_to_DER_cert(pem.replace("X509 CRL", "CERTIFICATE"))


def fetch(*arguments, settings=None):
    return admin.run("crl", "fetch", "--config", settings or conf, *arguments)


def configure(url, name="conf", book="list"):
    line = f"CERTGATE_CRL_URLS={url}\n" if url else ""
    return write(name, f"CERTGATE_LIST={base / book}\n"
                 f"CERTGATE_SIGNATURE=off\n{line}")


def accepts(client):
    """What the handler decides by the files as they are."""
    return admin.run("explain", client.path, "--config", conf).code == 0


class Watch(threading.Thread):
    """A running handler, and a client that connects ten times a second: it is
    to be accepted as long as a CRL in force is current."""

    def __init__(self):
        super().__init__(daemon=True)
        self.gate = processes.Configuration(
            base / "gate", {"CERTGATE_ACCESS_KEYS": cases.KEY},
            f"ca:{base}/plant.pem cn=* crl={file}\n")
        self.handler = processes.Handler(self.gate)
        self.over = threading.Event()
        self.answers = []
        out.result(place.wait_for(lambda: self.connect(pump)),
                   "the handler accepts the client", self.gate.log_since(0))
        self.start()

    def connect(self, client):
        headers = cases.event_headers("azure.webpubsub.sys.connect")
        parameters = [(b"REQUEST_METHOD", b"POST")]
        for name, value in headers.items():
            prefix = "" if name == "Content-Type" else "HTTP_"
            parameters.append(((prefix + name.upper().replace("-", "_"))
                               .encode(), value.encode()))
        peer = fastcgi.Peer(self.handler.path)
        body = cases.connect_body(client.presented(), {}, {})
        peer.send(fastcgi.request(parameters, body.encode()))
        text = peer.answer() or b""
        peer.close()
        return b"Status: 20" in text

    def run(self):
        while not self.over.wait(0.1):
            self.answers.append(self.connect(pump))

    def close(self):
        self.over.set()
        self.join()
        out.result(len(self.answers) > 20 and all(self.answers),
                   "the handler accepted the client all the while",
                   f"{len(self.answers)} {self.gate.log_since(0)[-2000:]}")
        out.equal(self.handler.close(), 0, "the handler ends with 0")


plant = pki.Authority(base / "plant", "/O=T/CN=Plant")
# The same name, another key.
false = pki.Authority(base / "false", "/O=T/CN=Plant")
other = pki.Authority(base / "other", "/O=T/CN=Other")
pump = plant.issue("pump", "/CN=pump")
lost = plant.issue("lost", "/CN=lost")
file = base / "plant.crl"
write("plant.pem", plant.pem)
write("list", f"ca:{base}/plant.pem cn=* crl={file}\n")
conf = configure(f"{URL}/plant.crl")
NOW = pki.now()
HOUR = pki.DAY / 24


def first():
    """The file that is missing is made: until then the list does not load."""
    out.result(not accepts(pump), "without a CRL no client is accepted")
    answer("/plant.crl", der_of(write("kept.crl", plant.crl()).read_text()))
    got = fetch("--dry-run")
    out.result(got.code == 0 and f"{file}: new: " in got.out and
               not file.exists(), "--dry-run", got)
    got = fetch()
    out.result(got.code == 0 and f"{file}: new: CRL of 'O=T,CN=Plant', "
               "number 01, until " in got.out and not got.err and
               accepts(pump) and accepts(lost), "the first one, in DER", got)
    mode, folder = file.stat(), base.stat()
    out.equal((mode.st_mode & 0o777, mode.st_uid, mode.st_gid),
              (0o640, folder.st_uid, folder.st_gid), "its mode and owner")


def row(name, path, code, said, changes=False, body=None, **more):
    """One fetch: what it says, and whether the file is another then."""
    url = answer(path, body, **more) if body is not None else URL + path
    before = file.read_bytes()
    got = fetch(settings=configure(url, "row"))
    text = got.out + got.err
    out.result(got.code == code and said in text and
               (file.read_bytes() != before) == changes and
               (code == 0 or "a CRL in force expires in " in got.err),
               f"{name}: {said}", got)
    out.result(accepts(pump), f"{name}: the client is still accepted")
    return text.replace(URL, "")


def table():
    kept = plant.crl()  # number 2
    file.chmod(0o604)
    plant.revoke(lost)
    newest = plant.crl()  # number 3
    text = row("new", "/new.crl", 0, f"{file}: new: CRL of 'O=T,CN=Plant', "
               "number 03", True, newest)
    said = {"new": text}
    out.result(file.stat().st_mode & 0o777 == 0o604 and not accepts(lost),
               "the file has its mode, and revokes")
    out.result(place.wait_for(lambda: not watch.connect(lost)),
               "the handler has loaded it")
    for name, path, code, words, *more in (
            ("unchanged", "/new.crl", 0, f"{file}: unchanged: "),
            ("older", "/old.crl", 3, "CRL number 02: older than number 03 in ",
             kept),
            ("wrong signature", "/false.crl", 3,
             "bad signature: not that of the CA that the CRL names",
             false.crl()),
            ("of another CA", "/other.crl", 3,
             "the CRL is not that of a CA of the list", other.crl()),
            ("expired", "/expired.crl", 3, "CRL expired on ",
             plant.crl(end=NOW - HOUR)),
            ("of a later day", "/early.crl", 3, "CRL is not valid before ",
             plant.crl(begin=NOW + pki.DAY)),
            ("HTML", "/html.crl", 3, "found HTML or XML: expected a CRL", HTML),
            ("empty", "/empty.crl", 3, "empty", ""),
            ("a delta CRL", "/delta.crl", 3, "delta CRL: give the complete",
             delta()),
            ("a certificate", "/ca.crl", 3, "found a certificate: expected a "
             "CRL", plant.pem),
            ("cut DER", "/cut.der", 3, "incomplete or invalid DER",
             der_of(newest)[:-40]),
            ("cut PEM", "/cut.crl", 3, "without its -----END", newest[:-40]),
            ("other bytes", "/bytes.crl", 3, "no block: expected a CRL",
             "\x01\x02 nothing"),
            ("absent", "/nowhere.crl", 3, "status 404: expected 200"),
            ("too large", "/large.crl", 3, "larger than 16777216 bytes",
             b"0" * (16 << 20) + b"0")):
        said[name] = row(name, path, code, words,
                         body=more[0] if more else None)
    answer("/moved.crl", plant.crl())
    said["moved"] = row("moved", "/moved", 3, "status 302: expected 200",
                        body="", status=302)
    said["partial"] = row("a connection that ends early", "/part.crl", 3,
                          "/part.crl: ", body=newest[:100], length=5000)
    got = fetch(settings=configure(
        f"http://127.0.0.1:{place.free_port()}/x.crl", "row"))
    out.result(got.code == 3 and "connect" in got.err.lower(), "no server",
               got)
    del said["moved"]  # another status than 200, as absent
    out.equal(len({re.sub(r"/\S+", "", t) for t in said.values()}), len(said),
              "each has its own message")


def delta():
    """A CRL with the extension of one that has changes alone."""
    folder = plant.folder
    own = folder / "delta.cnf"
    own.write_text(plant.configuration.read_text() +
                   "[delta]\n2.5.29.27=critical,DER:020101\n")
    return pki.openssl(
        "ca", "-config", own, "-keyfile", plant.key, "-cert", plant.path,
        "-gencrl", "-md", "sha256", "-crldays", "30", "-crlexts",
        "delta").decode()


def secrets():
    """A URL may have a password, and a query that is one."""
    user = URL.replace("://", "://admin:pass-word@")
    for path, code in (("/nowhere.crl", 3), ("/other.crl", 3)):
        got = fetch(settings=configure(f"{user}{path}?sig=s3cret", "row"))
        out.result(got.code == code and f"{URL}{path}: " in got.err and
                   not re.search("pass-word|s3cret|admin", got.out + got.err),
                   f"{path}: no secret is printed", got)


def links():
    """The file that the link names is replaced, not the link; a link that
    leads nowhere, and a file that others can replace, are refused."""
    folder = base / "linked"
    folder.mkdir()
    real, link = folder / "real.crl", base / "link.crl"
    kept = (base / "kept.crl").read_text()
    write("linked/real.crl", kept)
    link.symlink_to(real)
    write("link-list", f"ca:{base}/plant.pem cn=* crl={link}\n")
    answer("/link.crl", plant.crl())
    own = configure(f"{URL}/link.crl", "row", "link-list")
    got = fetch(settings=own)
    out.result(got.code == 0 and "new: " in got.out and link.is_symlink() and
               real.read_text() != kept and
               [p.name for p in folder.iterdir()] == ["real.crl"],
               "through a link", got)
    for name, change, said in (
            ("a link that leads nowhere", real.unlink,
             "No such file or directory"),
            ("a folder that others can write", lambda: (
                write("linked/real.crl", kept), folder.chmod(0o777)),
             "bad folder")):
        change()
        got = fetch(settings=own)
        out.result(got.code == 3 and said in got.err, name, got)
    folder.chmod(0o755)


def of_the_handler():
    """Root, with a CRL in the folder of the handler's user: it is replaced, and
    no other file is, by a link that this user made."""
    user = 61999
    passwd, folder = base / "passwd", base / "state"
    passwd.write_text(f"root:x:0:0::/:/bin/sh\n_certgate:x:{user}:{user}::/:"
                      "/bin/false\n")
    own = ["unshare", "-m", "sh", "-c", 'mount --bind "$1" /etc/passwd && '
           'shift && exec "$@"', "sh", str(passwd)]
    if os.geteuid() != 0 or subprocess.run(
            [*own, "true"], check=False, capture_output=True).returncode != 0:
        return
    folder.mkdir(mode=0o750)
    os.chown(folder, user, user)
    write("state-list", f"ca:{base}/plant.pem cn=* crl={folder}/x.crl\n")
    answer("/state.crl", plant.crl())
    settings = configure(f"{URL}/state.crl", "row", "state-list")

    def run(*words):
        return subprocess.run(
            [*own, admin.COMMAND, *words, "--config", settings], check=False,
            capture_output=True, text=True, env=processes.bare_environment())
    got = run("crl", "fetch")
    new = folder / "x.crl"
    out.result(got.returncode == 0 and new.exists() and
               new.stat().st_uid == user, "root, a folder of _certgate", got)
    out.equal(run("list").returncode, 0, "root: the list loads then")
    victim = write("victim", "root:x:0:0\n")
    new.unlink()
    new.symlink_to(victim)
    os.chown(new, user, user, follow_symlinks=False)
    got = run("crl", "fetch")
    out.result(got.returncode == 3 and victim.read_text() == "root:x:0:0\n",
               "root, a link of _certgate to another file", got)


def slow():
    begin = time.monotonic()
    row("slow", "/slow.crl", 3, "no whole answer within 15 s",
        body=plant.crl()[:50], length=5000)
    out.result(time.monotonic() - begin < 60, "slow: it ends")
    ended.set()


def loud():
    """Long before the CRL in force expires, and after."""
    for end, words in ((20 * pki.DAY + HOUR, "expires in 20 days, on "),
                       (-HOUR, "expired on ")):
        file.write_text(plant.crl(end=NOW + end))
        got = fetch(settings=configure(f"{URL}/nowhere.crl", "row"))
        out.result(got.code == 3 and f"{file}: a CRL in force {words}" in
                   got.err, f"a failure says: {words}", got)
    answer("/plant.crl", plant.crl())
    got = fetch()
    out.result(got.code == 0 and "new: " in got.out and accepts(pump),
               "the next one heals it", got)
    file.write_text("broken\n")
    got = fetch()
    out.result(got.code == 3 and str(file) in got.err and accepts(pump),
               "a broken file is reported, and replaced", got)


def from_the_ca():
    """Without the setting, from the CAs: an intermediate's certificate names
    the root's CRL."""
    root = pki.Authority(base / "root", "/O=T/CN=Root")
    points = f"crlDistributionPoints=URI:ldap://x/y,URI:{URL}/root.crl"
    below = pki.Authority(
        base / "below", "/O=T/CN=Below", root,
        ["basicConstraints=critical,CA:true", "keyUsage=keyCertSign,cRLSign",
         points])
    both = base / "both.crl"
    write("both.pem", root.pem + below.pem)
    write("both", f"# c\nca:{base}/both.pem cn=* crl={both}\n"
          f"ca:{base}/both.pem cn=x* crl={both}\n")
    both.write_text(below.crl() + root.crl())
    answer("/root.crl", root.crl())
    del asked[:]
    got = fetch(settings=configure(None, "row", "both"))
    out.result(got.code == 0 and "new: CRL of 'O=T,CN=Root', number 02" in
               got.out and asked == ["/root.crl"] and
               both.read_text().count("BEGIN X509 CRL") == 2,
               "from the CA's distribution point, once", got)
    answer("/below.crl", below.crl())
    got = fetch(settings=configure(f"{URL}/root.crl, {URL}/below.crl", "row",
                                   "both"))
    out.result(got.code == 0 and "unchanged: CRL of 'O=T,CN=Root'" in got.out
               and "new: CRL of 'O=T,CN=Below', number 02" in got.out and
               both.read_text().count("BEGIN X509 CRL") == 2,
               "two URLs, of two CAs", got)
    answer("/mirror.crl", root.crl())
    answers["/second.crl"] = answers["/mirror.crl"]
    got = fetch(settings=configure(f"{URL}/mirror.crl {URL}/second.crl", "row",
                                   "both"))
    out.result(got.code == 0 and
               both.read_text().count("BEGIN X509 CRL") == 2,
               "one CRL of two servers", got)
    got = fetch(settings=configure(None, "row"))
    out.result(got.code == 3 and "plant.pem: no CA has the URL of a CRL (fix: "
               "set CERTGATE_CRL_URLS)" in got.err, "no URL", got)


def sites():
    """Each site's CRLs by its own URLs."""
    folder = base / "plants" / "sites"
    folder.mkdir(parents=True)
    main = write("plants/certgate.conf",
                 f"CERTGATE_LIST={write('plants/none', '# none')}\n")
    own = base / "one.crl"
    write("one", f"ca:{base}/other.pem cn=* crl={own}\n")
    write("other.pem", other.pem)
    answer("/one.crl", other.crl())
    write("plants/sites/one.conf", f"CERTGATE_LIST={base}/one\n"
          f"CERTGATE_CRL_URLS={URL}/one.crl\n")
    got = fetch(settings=main)
    out.result(got.code == 0 and f"{own}: new: " in got.out, "a site's", got)


def misused():
    for arguments, code, said in (
            (["crl"], 2, "expected fetch"),
            (["crl", "show"], 2, "expected fetch"),
            (["crl", "fetch", "--config", write(
                "ftp", "CERTGATE_CRL_URLS=ftp://x/y\n")], 3,
             "the settings do not load"),
            (["crl", "fetch", "--config", write(
                "row", f"CERTGATE_LIST={write('bare', '# none')}\n")], 0,
             "no entry has crl=")):
        got = admin.run(*arguments)
        out.result(got.code == code and said in got.out + got.err,
                   f"{arguments[:2]}: {said}", got)
    locked = base / "locked"
    locked.mkdir()
    (locked / "x.crl").write_text(plant.crl())
    locked.chmod(0o555)
    write("row-list", f"ca:{base}/plant.pem cn=* crl={locked}/x.crl\n")
    if os.geteuid() != 0:
        got = fetch(settings=configure(f"{URL}/plant.crl", "row", "row-list"))
        out.result(got.code == 3 and "Permission denied" in got.err,
                   "a folder that cannot be written", got)


first()
watch = Watch()
table()
secrets()
links()
of_the_handler()
slow()
watch.close()
loud()
from_the_ca()
sites()
misused()
out.done()
