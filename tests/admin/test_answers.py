#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""certgate explain and status give the answers of the handler, with random
settings, lists, keys, owners and modes.  The handler gets the same event three
times; explain has its verdict and reason, status its cause.  The argument is
the number of configurations; SEED repeats a run."""
import concurrent.futures
import json
import os
import pathlib
import pwd
import random
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import admin, cases, cgi, pki, place, processes, tap  # noqa: E402

SEED = int(os.environ.get("SEED", random.randrange(2 ** 32)))
COUNT = tap.size(100)
REPEATED = 3  # refusals, before status names a reason
known = cases.certificates()
out = tap.Tap()
base = place.temporary()
ROOT = os.geteuid() == 0
USERS = ["www-data", "nobody", "root"] if ROOT else \
    [pwd.getpwuid(os.geteuid()).pw_name]
CLIENTS = ["device", "other", "expired", "not_yet", "pump"]
# The sender is not checked by explain, which says so.
SENDER = {"code", "origin", "hub", "remote-user", "no-key", "no-signature",
          "signature"}
SENTENCE = {
    "settings": "The settings do not load.",
    "list-unreadable": "The list does not load.",
    "signature": "No event has a valid signature: was an access key "
                 "regenerated?",
    "no-signature": "No event has a signature.",
    "origin": "Every event names an origin that is not configured.",
    "hub": "Every event names a hub that is not configured.",
    "code": "No event has the configured code in its URL.",
    "no-certificate": "No client presents a certificate: is "
                      "tls.clientCertEnabled on for the resource?",
    "entry-expired": "The entry of every client has expired.",
    "entry-not-yet": "No client's entry is valid yet.",
    "certificate-expired": "The certificate of every client has expired.",
    "certificate-not-yet": "No client's certificate is valid yet.",
    "crl": "No CRL of the clients' CA is current."}
# One certificate that is refused again and again is not an outage.
STRANGER = {"not-listed", "denied"}


def day(days):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86400))


class Fleet:
    """A CA with its CRLs, and a client, made once."""

    def __init__(self):
        self.ca = pki.Authority(base / "ca", "/O=T/CN=Fleet")
        client = self.ca.issue("client", "/O=T/CN=pump-9")
        self.presented = client.presented()
        self.crls = [self.ca.crl(), self.ca.crl(
            begin=pki.now() - 2 * pki.DAY, end=pki.now() - pki.DAY)]


fleet = Fleet()


class Configuration:
    """Files that chance makes, and an event."""

    def __init__(self, number):
        self.number = number
        self.chance = random.Random(SEED * 1000003 + number)
        self.user = self.chance.choice(USERS)
        account = pwd.getpwnam(self.user)
        self.uid, self.gid = account.pw_uid, account.pw_gid
        self.folder = base / f"{number:04}"
        (self.folder / "logs").mkdir(parents=True)
        self.log = self.folder / "logs/log"
        self.log.touch(0o640)
        os.chown(self.log, self.uid, self.gid)
        self.settings = self.folder / "settings"
        self.environment = {"CERTGATE_CONFIG": str(self.settings)}
        self.event()
        self.write_list()
        self.write_settings()
        self.own(self.folder, 0o755, (0o750, 0o700, 0o775, 0o777, 0o1777),
                 32)

    def often(self, usual, *others, often=8):
        """The usual value, or in one of so many cases another one."""
        return usual if self.chance.randrange(often) else \
            self.chance.choice(others)

    def own(self, path, mode, modes, often=16):
        """An owner, a group and a mode."""
        if ROOT:
            os.chown(path, self.often(0, self.uid, 4711, often=often),
                     self.often(self.gid, 0, 4711, often=often))
        path.chmod(self.often(mode, *modes, often=often))

    def write(self, path, text, mode=0o640):
        """Now and then as other editors write it, behind a link, or not as a
        file."""
        chance = self.chance
        if chance.randrange(60) == 0:
            path.mkdir()
            return
        if chance.randrange(20) == 0:
            text = text.replace("\n", "\r\n")
        text = self.often(text, "\ufeff" + text, text.rstrip("\n"), "\0" + text,
                          text + text, often=30)
        if chance.randrange(20) == 0:
            target = path.with_name(path.name + ".target")
            path.symlink_to(target.name)
            if ROOT:
                os.lchown(path, self.often(0, self.uid, 4711, often=4), 0)
            path = target
            if chance.randrange(5) == 0:
                return
        path.write_text(text)
        self.own(path, mode, (0o600, 0o400, 0o644, 0o664, 0o646, 0o660, 0o000))

    def event(self):
        chance = self.chance
        self.hub = "chat"
        self.key = cases.KEY
        self.code = "a-code"
        self.client = self.often(chance.choice(CLIENTS), None, "fleet", "label",
                              often=3)
        presented = {None: "absent", "fleet": fleet.presented, "label": [
            {"thumbprint": known["device"]["sha1"]}]}.get(
                self.client, [f"@{self.client}"])
        body = cases.connect_body(presented, known, {})
        headers = {}
        if chance.randrange(40) == 0:
            headers["ce-signature"] = None
        self.case = cases.Case("", {}, None, {
            "method": "POST", "path": f"/eventhandler?code={self.code}",
            "body": body, "headers": cases.event_headers(
                "azure.webpubsub.sys.connect", hub=self.hub, key=self.key,
                more=headers)}, {})

    def line(self):
        chance = self.chance
        name = chance.choice(CLIENTS)
        if chance.randrange(4) == 0:
            return self.authority()
        pin = known[name][chance.choice(["sha1", "sha256"])]
        if name in ("device", "pump") and chance.randrange(4) == 0:
            pin = "spki:" + known[name]["spki"]
        if chance.randrange(6) == 0:
            return f"deny {pin}"
        words = [w for w in (
            f"user={name}", f"expires={day(chance.choice([-5, 5, 300]))}",
            f"not-before={day(chance.choice([-5, 5]))}",
            f"hub={chance.choice(['chat', 'plant'])}")
            if chance.randrange(5) == 0]
        return " ".join([pin, *words])

    def authority(self):
        ca = self.folder / "ca.pem"
        if not ca.exists():
            self.write(ca, fleet.ca.pem)
        words = [f"ca:{ca}", f"cn={self.often('pump-*', 'valve-*')}"]
        if self.chance.randrange(2) == 0:
            crl = self.folder / "ca.crl"
            if not crl.exists():
                self.write(crl, self.often(*fleet.crls, often=3))
            words.append(f"crl={crl}")
        return " ".join(words)

    def write_list(self):
        chance = self.chance
        self.list = self.folder / "list"
        lines = ["# entries"] + list(dict.fromkeys(
            self.line() for _ in range(chance.randrange(5))))
        if self.client in known and chance.randrange(2):
            lines.append(known[self.client]["sha256"])
        if chance.randrange(20) == 0:
            lines.insert(chance.randrange(len(lines)), "zz")
        text = self.often("\n".join(lines) + "\n", "", "# none\n", often=20)
        if chance.randrange(25):
            self.write(self.list, text)

    def write_settings(self):
        chance, often = self.chance, self.often
        keys = self.folder / "keys"
        rows = {
            "CERTGATE_LIST": often(self.list, None, often=30),
            "CERTGATE_LOG": self.log,
            "CERTGATE_ORIGINS": often(cases.ORIGIN, "*", None, "b.example",
                                      "unset.invalid", often=12),
            "CERTGATE_HUB": often(None, often(
                "chat", "chat,plant", "*", "plant"), often=2),
            "CERTGATE_CODE": often(None, often(self.code, "another"), often=4),
            "CERTGATE_SIGNATURE": often(None, "required", "off", "auto",
                                        often=2),
            "CERTGATE_CHECK_DATES": often(None, "no"),
            "CERTGATE_REQUIRE_CONTENT": often(None, "yes"),
            "CERTGATE_MISSING_CERTIFICATE": often(None, "allow"),
            "CERTGATE_USER_ID": often(None, "cn", "san", "thumbprint"),
            "CERTGATE_REPORT_ONLY_UNTIL": often(None, day(3), day(-3),
                                                often=12),
            "CLIENT_CERT_THUMBPRINT": often(None, known["device"]["sha1"]),
            often("CERTGATE_SECURITY_LEVEL", "CERTGATE_HUBS", often=30):
                often(None, "3", "9", often=12)}
        how = chance.randrange(8)
        if how < 5:
            rows["CERTGATE_ACCESS_KEYS"] = often(
                cases.KEY, "another-key-0123456789", often=10)
        elif how < 7:
            rows["CERTGATE_ACCESS_KEYS_FILE"] = keys
            if chance.randrange(20):
                self.write(keys, often(cases.KEY + "\n", "", often=12))
        rows = {n: str(v) for n, v in rows.items() if v is not None}
        if chance.randrange(4) == 0:  # the unit's environment
            for name in chance.sample(sorted(rows), chance.randrange(3)):
                self.environment[name] = rows[name] if name != \
                    "CERTGATE_HUB" or chance.randrange(2) else "plant"
                if chance.randrange(2):
                    del rows[name]
        self.write(self.settings, often("".join(
            f"{n}={v}\n" for n, v in rows.items()), "", often=40))

    def run(self, arguments, user=False, **more):
        identity = {"user": self.uid, "group": self.gid, "extra_groups": [self.gid]
               } if user and ROOT else {}
        return subprocess.run(arguments, capture_output=True, check=False,
                              timeout=60, **identity, **more)

    def decide(self):
        """The handler's decision, of a process for each event, which
        has the time of now."""
        self.case.headers["ce-time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                                     time.gmtime())
        environment = {n.encode(): v.encode() for n, v in
                       processes.bare_environment(self.environment).items()}
        environment.update(cgi.parameters(self.case))
        errors = b""
        for _ in range(REPEATED):
            errors += self.run([place.HANDLER], True, env=environment,
                               input=self.case.body).stderr
        text = self.log.read_text() or errors.decode("latin-1")
        if not self.log.stat().st_size:  # it has the default log
            self.log.write_text(text)
        found = processes.decisions(text)
        return found[-1] if len(found) == REPEATED else {
            "verdict": "none", "reason": text}

    def certgate(self, *arguments):
        return admin.run(*arguments, "--json", "--as", self.user,
                         environment=self.environment, stdin=self.case.body)

    def describe(self):
        text = f"{self.environment}\n"
        for path in (self.folder, *sorted(self.folder.iterdir())):
            s = path.lstat()
            text += f"{path.name} {oct(s.st_mode)} {s.st_uid}:{s.st_gid}\n"
        for path in (self.settings, self.list):
            if path.is_file():
                text += f"-- {path.name}\n{path.read_text()}"
        return f"SEED={SEED} number {self.number}, user {self.user}, client " \
            f"{self.client}\n{text}"


def explain_fault(handler, explained):
    """What is wrong with what explain says; None: nothing."""
    got = explained["verdict"], explained["reason"]
    if got == (handler["verdict"], handler["reason"]):
        return None
    if handler["reason"] in SENDER and \
            explained["sender"].startswith("not checked"):
        return None
    return f"explain: {got}"


def status_fault(handler, explained, told, code):
    reason, cause = handler["reason"], told["cause"]
    well = 3 if "doubt" in told else 0
    if code not in (well, 1) or told["well"] != (code == 0):
        return f"status: exit {code}"
    # True whatever the handler decides about one client.
    if cause == "The configuration has errors." and told["errors"] > 0:
        return None
    if explained["reason"] in ("settings", "list-unreadable"):
        good = cause == SENTENCE[explained["reason"]]
    elif cause == SENTENCE["list-unreadable"]:  # true of other senders
        good = reason in SENDER
    elif cause in ("The configuration refuses every client.",
                   "No allow entry is valid today."):
        good = handler["verdict"] == "deny"
    elif handler["verdict"] == "allow":
        good = code == well
    elif reason in STRANGER:
        good = code == well
    else:
        good = code == 1 and cause == SENTENCE.get(
            reason, "Every client is refused for one reason.")
    return None if good else f"status: {cause} ({told['detail']})"


def compare(one):
    handler = one.decide()
    explained = one.certgate("explain", "-", "--hub", one.hub)
    status = one.certgate("status", "--log", one.log)
    try:
        said = json.loads(explained.out)
        faults = [explain_fault(handler, said), status_fault(
            handler, said, json.loads(status.out), status.code)]
    except (json.JSONDecodeError, KeyError) as e:
        faults = [repr(e)]
    faults = [f for f in faults if f]
    reason = handler["reason"]
    out.result(not faults, f"configuration {one.number}: {reason[:40]}",
               "\n".join([*faults, str(handler), explained.out[-600:],
                          explained.err, status.out[:600], status.err,
                          one.describe()]))
    return reason


print(f"# SEED={SEED}")
made = [Configuration(n) for n in range(COUNT)]
time.sleep(1)  # a start waits for files that are younger than a second
counts = {}
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    for word in pool.map(compare, made):
        counts[word] = counts.get(word, 0) + 1
print("# " + ", ".join(f"{n} {counts[n]}" for n in sorted(counts)))
out.done()
