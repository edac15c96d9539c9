#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The real clients by themselves: they build, load their packages, and say so
and end with 1 where no server answers, with 2 where they are misused."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import clients, place, processes, tap  # noqa: E402


def make_ca(folder):
    """A certificate with its key behind it, in one file."""
    key, file = folder / "key", folder / "ca.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                    "-out", file, "-days", "2", "-subj", "/CN=Test"],
                   check=True, capture_output=True)
    file.write_text(file.read_text() + key.read_text())
    return file


def start(folder, ca):
    url = f"wss://127.0.0.1:{place.free_port()}/client/hubs/none"
    log = folder / "log"
    return {
        "json": clients.json_client(url, ca, ca, log),
        "json, no certificate": clients.json_client(url, ca, None, log),
        "MQTT 3.1.1": clients.mqtt_client(url, ca, ca, log, 4),
        "MQTT 5.0": clients.mqtt_client(url, ca, None, log, 5, "pump-7"),
        "Go": clients.go_clients(url, ca, [ca, None], log),
    }


def main():
    clients.prepare()
    out = tap.Tap()
    folder = place.temporary()
    program = clients.build_go()
    done = subprocess.run([processes.find("gofmt"), "-l",
                           clients.SOURCES / "client.go"],
                          capture_output=True, text=True, check=True)
    out.equal(done.stdout, "", "client.go is formatted")
    done = subprocess.run([processes.find("go"), "vet",
                           clients.SOURCES / "client.go"],
                          capture_output=True, text=True, check=False,
                          env=clients.go_environment())
    out.equal((done.returncode, done.stderr), (0, ""), "client.go is vetted")
    for name, client in start(folder, make_ca(folder)).items():
        failed = client.hear("failed")
        out.result(failed and "ECONNREFUSED" in failed["text"] or
                   failed and "refused" in failed["text"],
                   f"{name}: says that no server answers", client.seen)
        out.equal(client.end(), 1, f"{name}: ends with 1")
    for command in (["node", clients.FOLDER / "json_client.mjs"],
                    ["node", clients.FOLDER / "mqtt_client.mjs", "a", "b"],
                    ["node", clients.FOLDER / "mqtt_client.mjs", "--x", "a"],
                    [program], [program, "-url", "wss://a", "/none"]):
        client = clients.Client(command, folder / "log")
        out.equal(client.end(), 2, f"{command[-1]}: misuse ends with 2")
    out.done()


main()
