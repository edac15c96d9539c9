#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The story of a fleet, through lighttpd: pumps of a CA, one of them stolen, one
revoked while the handler runs, a contractor for some days, a certificate that
is replaced, an MQTT client bound to its id."""
import datetime
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases, http, pki, place, processes, tap  # noqa: E402

out = tap.Tap()
base = place.temporary()
plant = pki.Authority(base / "plant", "/O=Plant/CN=Plant CA")
pumps = {n: plant.issue(f"pump-{n}", f"/O=Plant/CN=pump-{n}")
         for n in range(1, 5)}
door = plant.issue("door", "/O=Plant/CN=door-1")
# The thief has the key, and a CA writes any name beside it.
again = plant.issue("again", "/O=Plant/CN=pump-77", key=pumps[3].key)
contractor = plant.issue("contractor", "/CN=Ann Contractor")
visitor = plant.issue("visitor", "/CN=Bob Visitor")
office = pki.Authority(base / "office", "/CN=Office CA")
scada = [office.issue(f"scada-{n}", "/CN=scada") for n in (1, 2)]
TODAY = datetime.datetime.now(datetime.timezone.utc).date()


def day(n):
    return (TODAY + datetime.timedelta(days=n)).isoformat()


LIST = f"""# the fleet
ca:@{{folder}}/plant.pem cn=pump-* crl=@{{folder}}/plant.crl groups=plant,of-{{user}}
deny spki:{pumps[3].spki}   # stolen
{contractor.sha256} user=ann not-before={day(-3)} expires={day(3)}
{visitor.sha256} user=bob expires={day(-1)}
{scada[0].sha256} user=scada
"""
BOUND = LIST.replace("groups=", "client-id=@cn groups=")
ROTATED = LIST + f"{scada[1].sha256} user=scada\n"


class Fleet:
    """A handler behind lighttpd; what becomes of a client, and why."""

    def __init__(self):
        self.configuration = processes.Configuration(
            base / "gate", {"CERTGATE_ACCESS_KEYS": cases.KEY}, LIST,
            {"plant.pem": plant.pem, "plant.crl": plant.crl()})
        self.handler = processes.Handler(self.configuration)
        self.server = processes.Lighttpd(base / "server", self.configuration)

    def connect(self, certificate, client_id=None):
        """(status, reason, user, line of the list), and the answer's body."""
        body = {"query": {}, "claims": {}, "headers": {}, "subprotocols": [],
                "clientCertificates": certificate.presented()}
        more = {}
        if client_id is not None:
            body["mqtt"] = {"protocolVersion": 5}
            more["ce-physicalConnectionId"] = "p-1"
        before = self.configuration.log_size()
        answer = http.exchange(self.server.port, http.request_bytes(
            "POST", "/eventhandler", cases.event_headers(
                "azure.webpubsub.sys.connect", client_id or cases.CONNECTION,
                more=more), json.dumps(body).encode()))
        lines = [x for x in self.configuration.log_since(before).splitlines()
                 if "verdict=" in x]
        fields = dict(f.split("=", 1) for f in lines[-1].split() if "=" in f)
        return (answer.status, fields["reason"], fields["user"],
                fields["line"]), answer.body

    def becomes(self, name, wanted, certificate, client_id=None):
        got = []

        def is_so():
            got[:] = self.connect(certificate, client_id)[0]
            return tuple(got) == wanted

        out.result(place.wait_for(is_so, 30, 0.2), name,
                   f"got {got}, expected {wanted}\n" +
                   self.configuration.log_since(0)[-1500:])

    def close(self):
        self.server.close()
        out.equal(self.handler.close(), 0, "the handler ends with 0")


def at_first(fleet):
    fleet.becomes("a pump of the CA", (200, "listed", "pump-1", "2"), pumps[1])
    body = json.loads(fleet.connect(pumps[1])[1])
    out.equal(body, {"userId": "pump-1", "groups": ["plant", "of-pump-1"]},
              "gets its own group")
    fleet.becomes("a door of the same CA", (403, "entry-name", "-", "2"), door)
    fleet.becomes("the stolen pump", (403, "denied", "-", "3"), pumps[3])
    fleet.becomes("its key under another name", (403, "denied", "-", "3"),
                  again)
    fleet.becomes("the contractor, these days", (200, "listed", "ann", "4"),
                  contractor)
    fleet.becomes("the visitor of yesterday", (403, "entry-expired", "bob", "5"),
                  visitor)


def revocation(fleet):
    fleet.becomes("a pump before its revocation",
                  (200, "listed", "pump-2", "2"), pumps[2])
    plant.revoke(pumps[2])
    fleet.configuration.write_file("plant.crl", plant.crl())
    fleet.becomes("and after it, with nothing restarted",
                  (403, "revoked", "-", "2"), pumps[2])
    fleet.becomes("another pump", (200, "listed", "pump-1", "2"), pumps[1])
    good = plant.crl()
    fleet.configuration.write_file("plant.crl", "half a file")
    place.wait_for(lambda: "plant.crl: " in
                   fleet.configuration.log_since(0), 20)
    fleet.becomes("a CRL that is invalid: the last one stays",
                  (403, "revoked", "-", "2"), pumps[2])
    fleet.configuration.write_file("plant.crl", plant.crl(
        begin=pki.now() - 9 * pki.DAY, end=pki.now() - pki.DAY))
    fleet.becomes("an expired CRL: no client of that CA",
                  (403, "crl", "-", "2"), pumps[1])
    fleet.becomes("but the contractor", (200, "listed", "ann", "4"),
                  contractor)
    (fleet.configuration.folder / "plant.crl").unlink()
    fleet.becomes("no CRL at all: no client", (403, "list-unreadable", "-", "-"),
                  pumps[1])
    fleet.configuration.write_file("plant.crl", good)
    fleet.becomes("it is back", (200, "listed", "pump-1", "2"), pumps[1])
    fleet.becomes("and so is the revocation", (403, "revoked", "-", "2"),
                  pumps[2])


def edits(fleet):
    fleet.becomes("the next certificate of a user, too early",
                  (403, "not-listed", "-", "-"), scada[1])
    fleet.configuration.write_list(ROTATED)
    fleet.becomes("its pin is rotated in", (200, "listed", "scada", "7"),
                  scada[1])
    fleet.becomes("beside the old one", (200, "listed", "scada", "6"),
                  scada[0])
    fleet.configuration.write_list(ROTATED.replace(
        f"{scada[0].sha256} user=scada\n", ""))
    fleet.becomes("which is rotated out", (403, "not-listed", "-", "-"),
                  scada[0])
    fleet.configuration.write_list(BOUND)
    fleet.becomes("bound to its client id: no MQTT",
                  (403, "entry-client-id", "-", "2"), pumps[4])
    fleet.becomes("another's client id", (401, "entry-client-id", "-", "2"),
                  pumps[4], "pump-1")
    fleet.becomes("its own", (200, "listed", "pump-4", "2"), pumps[4],
                  "pump-4")


def main():
    fleet = Fleet()
    at_first(fleet)
    revocation(fleet)
    edits(fleet)
    fleet.close()
    out.done()


main()
