#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate status --html: the page in a browser, with names of strangers in the
log that want to be markup, and the digests of a certificate that is dropped
there."""
import base64
import grp
import hashlib
import html.parser
import os
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, browser, logs, place, processes, tap  # noqa: E402

SIZE_MAX = 1000000  # bytes
PIN = hashlib.sha256(b"pump-7").hexdigest()
out = tap.Tap()
base = place.temporary()
chromium = browser.Browser(base)


class Markup(html.parser.HTMLParser):
    """The elements of a page, and what is in its script and its style."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.inside = [], {"script": "", "style": ""}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.cdata_elem is not None:
            self.inside[self.cdata_elem] += data


def gate(name, lines, list_text=f"{PIN} user=pump-7\n"):
    made = processes.Configuration(
        base / name, {"CERTGATE_LOG": base / name / "log",
                      "CERTGATE_ACCESS_KEYS": "YS1rZXktb2Ytbm9ib2R5LTAxMjM=",
                      "CERTGATE_ORIGINS": "a.webpubsub.azure.com"}, list_text)
    made.log.write_text(logs.text(sorted(lines, key=lambda line: line[0])))
    made.log.chmod(0o640)
    return made


def status(made, *options):
    return admin.run("status", *options, environment={
        "CERTGATE_CONFIG": str(made.file)})


def write(made, code):
    """The page of a configuration; status has this exit code."""
    path = made.folder / "page.html"
    done = status(made, "--html", path)
    out.result((done.code, done.out, done.err) == (code, "", ""),
               f"{made.folder.name}: it is written", done)
    return path


def lines_of_a_day():
    made = [logs.accepted(f"pump-{n % 40}", n * 80) for n in range(1000)]
    for n, (reason, count) in enumerate((
            ("not-listed", 30), ("certificate-expired", 12),
            ("signature", 20), ("denied", 3), ("entry-hub", 2),
            ("no-certificate", 9), ("revoked", 1), ("a-reason-to-come", 2))):
        made += [logs.rejected(f"valve-{k % 5}", 100 * n + 2000 * k,
                               reason=reason, code=f"{n:04x}{k:04x}")
                 for k in range(count)]
    return made


def policy(path):
    """Nothing but the one script and the one style may act."""
    markup = Markup(path.read_text())
    rule = next(a["content"] for tag, a in markup.elements if
                a.get("http-equiv") == "Content-Security-Policy")
    own = {n: base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()
           for n, t in markup.inside.items()}
    out.equal(rule, "default-src 'none'; base-uri 'none'; form-action 'none'; "
              f"script-src 'sha256-{own['script']}'; "
              f"style-src 'sha256-{own['style']}'",
              f"{path.parent.name}: the policy is that of script and style")
    loads = [(tag, n) for tag, attributes in markup.elements
             for n in attributes if n in ("src", "href", "style", "srcset",
                                          "action", "data") or n[:2] == "on"]
    out.equal(loads, [], f"{path.parent.name}: nothing is loaded")


def contrast():
    """Of each text that is seen, by WCAG 2.1, 1.4.3: the least, and where."""
    return chromium.value("""(() => {
        const numbers = (c) => c.match(/[\\d.]+/g).map(Number);
        const light = (c) => { const [r, g, b] = numbers(c).map((v) =>
            (v /= 255) <= 0.03928 ? v / 12.92 :
            Math.pow((v + 0.055) / 1.055, 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const ground = (e) => { const c = getComputedStyle(e).backgroundColor;
            return numbers(c)[3] === 0 ? ground(e.parentElement) : c; };
        let least = [99, ""];
        const walk = document.createTreeWalker(document.body,
            NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
            const e = walk.currentNode.parentElement;
            if (walk.currentNode.data.trim() === "" || e.closest("svg") ||
                e.getClientRects().length === 0)
                continue;
            const pair = [light(getComputedStyle(e).color),
                light(ground(e))].sort((a, b) => b - a);
            const value = (pair[0] + 0.05) / (pair[1] + 0.05);
            if (value < least[0])
                least = [value, walk.currentNode.data];
        }
        return least; })()""")


def rendering(path):
    name = path.parent.name
    url = f"file://{path}"
    grounds = set()
    for width in (360, 1280):
        for dark in (False, True):
            chromium.open(url, width=width, dark=dark)
            where = f"{name}, {width} px, {'dark' if dark else 'light'}"
            out.equal(chromium.messages, [], f"{where}: no complaint")
            wide = chromium.value("document.documentElement.scrollWidth")
            out.equal(wide, width, f"{where}: no horizontal scroll")
            least = contrast()
            out.result(least[0] >= 4.5, f"{where}: contrast", least)
            grounds.add(chromium.value(
                "getComputedStyle(document.body).backgroundColor"))
            out.equal([u for u in chromium.requests if u != url], [],
                      f"{where}: it asks for nothing")
    out.equal(len(grounds), 2, f"{name}: dark is not light")
    out.equal(chromium.value("getComputedStyle(document.body)"
                             ".fontVariantNumeric"), "tabular-nums",
              f"{name}: digits of one width")


def text_of(selector):
    return chromium.value(f"document.querySelector('{selector}').innerText")


def day():
    ends = {"soon": 5, "over": -2, "later": 40}  # days
    made = gate("day", lines_of_a_day() + [
        logs.accepted(name, 90000, user=name, not_after=logs.stamp(
            logs.NOW + days * 86400 + 3600)) for name, days in ends.items()],
        f"{PIN} user=pump-7\n" + "".join(
            f"{logs.certificate(name)['sha256']}\n" for name in ends))
    path = write(made, status(made).code)
    policy(path)
    rendering(path)
    out.result("<th>Expires</th>" in path.read_text(),
               "the column of the dates on which something expires")
    chromium.open(f"file://{path}", scripts=False)
    text = text_of("body")
    for words in (
            "No entry matches the certificate.", "The certificate has expired.",
            "79 refused, 1000 accepted", "unknown",
            "CN=valve-4", "Pending certificates", "certgate thumbprint FILE",
            "0 errors, ", "log begins "):
        out.result(words in re.sub(r"\s+", " ", text) or words in text,
                   f"without scripts: {words}", text)
    out.equal(chromium.value("document.querySelectorAll("
                             "'#box:not([hidden])').length"), 0,
              "without scripts: no box")
    bars = chromium.value(
        "Array.from(document.querySelectorAll('figure.refused rect'),"
        "(r) => r.getBoundingClientRect().height)")
    out.result(len(bars) > 60 and min(bars) > 0, "bars have heights", bars)
    titles = chromium.value(
        "Array.from(document.querySelectorAll('figure title'),"
        "(t) => t.textContent).join('\\n')")
    counted = {}
    for word, number in re.findall(r"^([a-z-]+) (\d+)", titles, re.MULTILINE):
        counted[word] = counted.get(word, 0) + int(number)
    rows = chromium.value(
        "Array.from(document.querySelectorAll('.reasons tbody tr'), (r) => ["
        "r.querySelector('code').textContent,"
        "Number(r.cells[1].textContent), Number(r.cells[2].textContent)])")
    out.equal(counted, {n: h + d for n, h, d in rows},
              "the charts have what the table has")
    out.equal([r for r in rows if r[0] in ("not-listed", "listed")],
              [["not-listed", 2, 30], ["listed", 45, 1000]],
              "the last hour and day")
    out.equal(chromium.value(
        "Array.from(document.querySelectorAll('.rows tbody'),"
        "(t) => t.rows.length)"), [2, 5, 25],
        "rows: what expires, what is pending, the last refusals")
    first = [re.sub(r"\s+", " ", r) for r in chromium.value(
        "Array.from(document.querySelector('.rows tbody').rows,"
        "(r) => r.innerText)")]
    out.result("expired 1 day ago over certificate" in first[0] and
               "in 5 days soon certificate" in first[1] and
               first[1].endswith(" line 2"), "what expires", first)


def hostile():
    made = gate("hostile", logs.hostile(10000))
    path = write(made, 1)
    size = path.stat().st_size
    out.result(size < SIZE_MAX, "hostile: its size", size)
    policy(path)
    rendering(path)
    out.equal(chromium.value("[window.hit === undefined,"
                             "document.scripts.length,"
                             "document.styleSheets.length,"
                             "document.images.length, document.links.length,"
                             "location.protocol]"),
              [True, 1, 1, 0, 0, "file:"], "hostile: nothing acts")
    text = chromium.value("document.body.textContent")
    for word in logs.HOSTILE:
        shown = word
        if isinstance(word, bytes):
            shown = r"\xff\xfe\xc0\xaf<b>"
        elif "\u202e" in word:
            shown = r"CN=\xe2\x80\xaegro.erawlam"
        elif "\x1b" in word:
            shown = r"\x1b[2J\x07\x00"
        out.result(shown in text, f"hostile: as text: {word!a:.40}")
    out.result("onerror=\"" not in path.read_text(),
               "hostile: quotes are escaped")
    out.result("10000 in the last day" in text, "hostile: how many")


def nothing():
    made = gate("nothing", [])
    path = write(made, 3)
    policy(path)
    rendering(path)
    out.equal((text_of(".state h2")[:30], re.findall("^(?:Nothing|None)", text_of("main"),
                                               re.MULTILINE)),
              ("It is unknown whether the hand", ["Nothing", "None", "None"]), "nothing to show")
    made.write_list("nonsense\n")
    write(made, 1)
    chromium.open(f"file://{path}")
    out.result("list:1:1: " in text_of(".detail"), "what is wrong is said",
               text_of(".state"))


def age(path):
    chromium.open(f"file://{path}")
    out.equal(chromium.value("document.getElementById('old').hidden"), True,
              "a new page does not say that it is old")
    old = path.with_name("old.html")
    old.write_text(re.sub(r'data-written="\d+"',
                          f'data-written="{logs.NOW - 7200}"',
                          path.read_text()))
    chromium.open(f"file://{old}")
    out.result("This page was written 120 minutes ago" in text_of("#old") or
               "This page was written 121 minutes ago" in text_of("#old"),
               "an old page says so", text_of("#old"))


def said(words):
    """Whether the box comes to say this of a file."""
    return chromium.wait("document.getElementById('said').textContent === " +
                         repr(words))


def shown():
    return [text_of("#" + n) for n in ("sha1", "sha256", "spki", "line")] \
        if not chromium.value("document.getElementById('digests').hidden") \
        else None


def box(path):
    one, other = (admin.certificate(base, n) for n in ("pump-1", "pump-2"))
    der = base / "pump-1.der"
    der.write_bytes(base64.b64decode("".join(
        one.read_text().split("-----")[2].split())))
    chain = base / "chain.pem"
    chain.write_text("the pump\n" + other.read_text() + one.read_text())
    wanted = {p: [admin.digest(p, "sha1"), admin.digest(p, "sha256"),
                  "spki:" + admin.digest(p, "spki"),
                  admin.digest(p, "sha256") + " user=NAME"]
              for p in (one, other)}
    bad = {"long.der": der.read_bytes() + b"\0",
           "short.der": der.read_bytes()[:-1], "empty.pem": b"",
           "words.txt": b"a certificate\n", "zero.der": b"\x30\x80\0\0",
           "torn.pem": b"-----BEGIN CERTIFICATE-----\nMII\n-----END CERT"}
    chromium.open(f"file://{path}")
    chromium.choose("#file", one)
    out.equal((said("pump-1.pem"), shown()), (True, wanted[one]),
              "box: PEM, chosen")
    chromium.drop("#drop", other)
    out.equal((said("pump-2.pem"), shown()), (True, wanted[other]),
              "box: PEM, dropped")
    chromium.drop("#drop", der)
    out.equal((said("pump-1.der"), shown()), (True, wanted[one]),
              "box: DER, dropped")
    chromium.drop("#drop", chain)
    out.equal((said("chain.pem: the first of 2 certificates"), shown()),
              (True, wanted[other]), "box: several")
    chromium.drop("#drop", base / "pump-1.key")
    out.equal((said("pump-1.key: a private key, not a certificate"), shown()),
              (True, None), "box: a key")
    for name, content in bad.items():
        (base / name).write_bytes(content)
        chromium.drop("#drop", base / name)
        out.equal((said(f"{name}: not a certificate"), shown()), (True, None),
                  f"box: {name}")
    out.equal(chromium.messages, [], "box: no complaint")
    out.equal(len(chromium.requests), 1, "box: nothing is sent")


def files():
    made = gate("files", [logs.accepted("pump-7", 9)])
    path = write(made, 0)
    out.equal(path.stat().st_mode & 0o777, 0o640, "the mode of a new page")
    path.write_text("before")
    path.chmod(0o604)
    write(made, 0)
    out.equal((path.stat().st_mode & 0o777, path.read_text()[:9]),
              (0o604, "<!doctype"), "the mode of an old page stays")
    out.equal(sorted(p.name for p in made.folder.iterdir()),
              ["list", "log", "page.html", "settings"], "nothing is left")
    for options in (["--html", "page.html"], ["--html", path, "--json"],
                    ["--html", path, "--log", "-"]):
        out.equal(status(made, *options).code, 2, f"misused: {options[-2:]}")
    done = status(made, "--html", made.folder / "no/page.html")
    out.result(done.code == 3 and "/no: " in done.err,
               "a page that cannot be written", done)
    if os.geteuid() != 0:
        return
    # As certgate-page.service does it.
    served = made.folder / "served"
    served.mkdir(mode=0o750)
    shutil.chown(served, "nobody", "www-data")
    shutil.chown(made.log, "nobody")
    done = admin.run("status", "--html", served / "page.html", user="nobody",
                     group="www-data", extra_groups=[], environment={
                         "CERTGATE_CONFIG": str(made.file)})
    seen = (served / "page.html").stat()
    out.equal((done.code, seen.st_mode & 0o777, seen.st_gid),
              (0, 0o640, grp.getgrnam("www-data").gr_gid),
              "a page for the group of its folder")
    # The page is root's to write, the files are the handler's to read.
    made.folder.joinpath("root").mkdir(mode=0o700)
    made.list.chmod(0o600)
    private = made.folder / "root/page.html"
    done = status(made, "--html", private, "--as", "www-data")
    chromium.open(f"file://{private}")
    out.result(done.code == 1 and "/files/list: " in text_of(".detail"),
               "root: a list that the handler cannot read", text_of(".state"))


day()
hostile()
nothing()
age(base / "day/page.html")
box(base / "day/page.html")
files()
chromium.close()
out.done()
