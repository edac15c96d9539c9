#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""deploy/: the Bicep and the ARM file say the same, ask for what they should,
hold against the published schema where it is given (CERTGATE_ARM_SCHEMAS, or
../shared/schemas/arm), and the READMEs say what they do.  Each check is seen to
find faults that are planted for it."""
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from deploy import arm, bicep, schema  # noqa: E402
from harness import clients, place, processes, tap  # noqa: E402

DEPLOY = place.SOURCE / "deploy"
BICEP = (DEPLOY / "webpubsub.bicep").read_text(encoding="utf-8")
ARM = (DEPLOY / "webpubsub.json").read_text(encoding="utf-8")
SCHEMAS = pathlib.Path(os.environ.get(
    "CERTGATE_ARM_SCHEMAS", place.SOURCE.parent / "shared/schemas/arm"))
LEAST = {"name": "demo", "hubName": "plant", "handlerHost": "HOST"}
MOST = LEAST | {"units": 2, "location": "northeurope", "handlerPath": "a/b",
                "codeSecretUri": "https://v.vault.azure.net/secrets/code",
                "notifications": True, "userEvents": "*",
                "tokenAudience": "api://certgate", "sku": "Premium_P1",
                "disableLocalAuth": True}

DIFFERENCES = [  # in the Bicep file: what is there, what is put there
    ("clientCertEnabled: true", "clientCertEnabled: false"),
    ("clientCertEnabled", "clientCertEnable"),
    ("Policy: 'allow'", "Policy: true"),
    ("Policy: 'allow'", "Policy: 'deny'"),
    ("hubs@2024-03-01", "hubs@2023-02-01"),
    ("name: sku", "name: 'Premium_P1'"),
    ("'Premium_P1'", "'Free_F1'"),
    ("disableLocalAuth: disableLocalAuth", "disableLocalAuth: notifications"),
    ("disableLocalAuth: disableLocalAuth\n", ""),
    ("'https://", "'http://"),
    ("?code={", "?key={"),
    ("  'disconnected'\n", ""),
    ("empty(userEvents) ? nothing : withUserEvents", "withUserEvents"),
    ("nothing : withToken", "withToken : nothing"),
    ("resource: tokenAudience", "resource: userEvents"),
    ("? 'None' : 'SystemAssigned'", "? 'SystemAssigned' : 'None'"),
    ("bool = false", "bool = true"),
    ("@minLength(3)\n", ""),
    ("  90\n", ""),
    ("string = hubName", "string = name"),
    ("properties.hostName", "properties.externalIP"),
    ("  parent: service\n", ""),
    ("Region of", "Place of"),
]
REFUSED = [  # Bicep that the reader does not know, or that is wrong
    ("param name string", "param name secure"),
    ("param units int = 1", "param units int = '1'"),
    ("param name string", "param name string = newGuid()"),
    ("@maxLength(63)", "@secure()"),
    ("@maxLength(63)", "@minLength(3)"),
    ("@maxLength(63)", "@maxLength('63')"),
    ("param notifications", "@minLength(1)\nparam notifications"),
    ("param hubName", "param name"),
    ("name: hubName", "name: hubname"),
    ("name: hubName\n", ""),
    ("name: hubName", "name: hubName name: hubName"),
    ("parent: service", "parent: hub"),
    ("parent: service", "parent: hubName"),
    ("webPubSub/hubs@", "signalR/hubs@"),
    ("resource hub", "resource service"),
    ("' = {\n  parent", "' existing = {\n  parent"),
    ("' = {\n  parent", "' = if (notifications) {\n  parent"),
    ("eventHandlers: handlers", "eventHandlers: [for x in y: "),
    ("    anonymous", "    anonymousConnectPolicy: 'deny'\n    anonymous"),
    ("'allow'", "'''allow'''"),
    ("'allow'", "'allow"),
    ("'allow'", "'all\\ow'"),
    ("'allow'", "concat('al', 'low')"),
    ("empty(userEvents)", "empty(userEvents, name)"),
    ("empty(userEvents)", "userEvents == ''"),
    ("(userEvents) ? nothing", "(userEvents ? nothing"),
    ("union(handler, ", "union("),
    ("${handlerUrl}", "${handlerUrl"),
    ("service.properties", "service.sku"),
    ("// A certificate", "# A certificate"),
    ("var decisions =", "var spare = 1\nvar decisions ="),
    ("output hub string", "output hostName string"),
    ("// SPDX", "targetScope = 'subscription'\n// SPDX"),
    ("// SPDX", "module m 'm.bicep' = {\n}\n// SPDX"),
]
SCHEMA_FAULTS = [  # in the ARM file
    ('"clientCertEnabled"', '"clientCertEnable"'),
    ('"clientCertEnabled": true', '"clientCertEnabled": "yes"'),
    ('"anonymousConnectPolicy": "allow"', '"anonymousConnectPolicy": true'),
    ('"anonymousConnectPolicy"', '"anonymousConnectPolice"'),
    ('"apiVersion": "2024-03-01"', '"apiVersion": "2023-02-01"'),
    ('"capacity":', '"size": "S1", "capacity":'),
    ('"capacity":', '"tier": "Gold", "capacity":'),
    ('"disableLocalAuth": "', '"disableLocalAuths": "'),
    ('"urlTemplate"', '"url"'),
    ('"systemEvents"', '"systemEvent"'),
    ('"type": "Microsoft.SignalRService/webPubSub"',
     '"type": "Microsoft.SignalRService/webPubSubs"'),
    ('"tls"', '"TLS"'),
]
PARAMETERS_REFUSED = [
    {"name": "ab"}, {"name": "a" * 64}, {"hubName": ""},
    {"hubName": "h" * 129}, {"units": 11}, {"units": "1"},
    {"notifications": "true"}, {"handlerHost": ""}, {"size": "S1"},
    {"sku": "Free_F1"}, {"disableLocalAuth": "true"},
]
ROWS = {  # of README.md
    "resource, `tls.clientCertEnabled`":
        "webPubSub: properties.tls.clientCertEnabled",
    "hub settings, Allow anonymous connect":
        "hubs: properties.anonymousConnectPolicy",
    "event handler, URL template":
        "hubs: properties.eventHandlers.0.urlTemplate",
    "event handler, system events":
        "hubs: properties.eventHandlers.0.systemEvents",
    "event handler, user events":
        "hubs: properties.eventHandlers.0.userEventPattern",
}


def planted(text, old, new):
    if old not in text:
        tap.bail_out(f"a fault is planted at {old!r}, which is not there")
    return text.replace(old, new)


def refused(function, *words):
    try:
        function(*words)
    except (arm.Refused, bicep.Refused) as error:
        return str(error)
    return None


def same(out):
    template = json.loads(ARM)
    out.equal(refused(bicep.compile_text, BICEP), None, "the Bicep file reads")
    out.result(bicep.compile_text(BICEP) == template,
               "the ARM file is what the Bicep file stands for",
               json.dumps(bicep.compile_text(BICEP), indent=2))
    for old, new in DIFFERENCES:
        text = planted(BICEP, old, new)
        out.result(refused(bicep.compile_text, text) or
                   bicep.compile_text(text) != template,
                   f"{new!r} for {old!r} is found")
    for old, new in REFUSED:
        text = planted(BICEP, old, new)
        out.result(refused(bicep.compile_text, text),
                   f"{new!r} for {old!r} is refused")
    out.equal([end for end in range(0, len(BICEP) - 1, 7)
               if not refused(bicep.compile_text, BICEP[:end]) and
               bicep.compile_text(BICEP[:end]) == template], [],
              "a file that is cut short is found")


def requests(given):
    """By the last part of the type."""
    deployment = arm.Deployment(json.loads(ARM), given)
    return {request["type"].rpartition("/")[2]: request
            for request in deployment.requests}, deployment.outputs


def asked_for(out):
    least, outputs = requests(LEAST)
    most, _ = requests(MOST)
    out.equal(outputs, {"hostName": "demo.webpubsub.azure.com",
                        "hub": "plant"}, "outputs")
    out.equal(least["webPubSub"]["properties"],
              {"disableLocalAuth": False, "tls": {"clientCertEnabled": True}},
              "the resource")
    out.equal(most["webPubSub"]["properties"]["disableLocalAuth"], True,
              "the resource without keys")
    out.equal(least["webPubSub"]["sku"],
              {"name": "Standard_S1", "capacity": 1}, "the tier")
    out.equal(least["webPubSub"]["identity"], {"type": "None"}, "no identity")
    out.equal(least["hubs"]["name"], "demo/plant", "the hub's name")
    out.equal(least["hubs"]["properties"],
              {"anonymousConnectPolicy": "allow", "eventHandlers": [
                  {"urlTemplate": "https://HOST/eventhandler",
                   "systemEvents": ["connect"]}]}, "the hub")
    out.equal(most["webPubSub"]["identity"], {"type": "SystemAssigned"},
              "an identity with a code")
    out.equal(most["webPubSub"]["location"], "northeurope", "the region")
    out.equal(most["webPubSub"]["sku"], {"name": "Premium_P1", "capacity": 2},
              "another tier, and the units")
    out.equal(most["hubs"]["properties"]["eventHandlers"],
              [{"urlTemplate": "https://HOST/a/b?code={@Microsoft.KeyVault("
                               "SecretUri=https://v.vault.azure.net/secrets/"
                               "code)}",
                "systemEvents": ["connect", "connected", "disconnected"],
                "userEventPattern": "*",
                "auth": {"type": "ManagedIdentity", "managedIdentity": {
                    "resource": "api://certgate"}}}], "an event handler with every option")
    for given, kind in (({"codeSecretUri": "https://v"}, "SystemAssigned"),
                        ({"tokenAudience": "api://x"}, "SystemAssigned"),
                        ({"userEvents": "*"}, "None")):
        out.equal(requests(LEAST | given)[0]["webPubSub"]["identity"],
                  {"type": kind}, f"the identity with {given}")
    out.result("null" not in ARM.replace("nothing", ""),
               "no member is sent as null")
    for change in PARAMETERS_REFUSED:
        out.result(refused(requests, LEAST | change), f"{change} is refused")
    for name in LEAST:
        given = {k: v for k, v in LEAST.items() if k != name}
        out.result(refused(requests, given), f"no {name} is refused")


def against_schema(out):
    if not (SCHEMAS / f"{schema.VERSION}.json").exists():
        out.result(True, "the published schema is not given: nothing was "
                         "checked against it (CERTGATE_ARM_SCHEMAS)")
        return
    rules = schema.Schema(SCHEMAS)

    def errors(text):
        """Of the resources as they stand, and as they are sent."""
        template = json.loads(text)
        try:
            sent = arm.Deployment(template, MOST).requests
        except arm.Refused as error:
            return [str(error)]
        return [error for resource in template["resources"] + sent
                for error in rules.errors(resource)]

    out.equal(errors(ARM), [], "the ARM file holds against the schema")
    for given in (LEAST, MOST):
        for name, request in requests(given)[0].items():
            out.equal(rules.errors(request), [],
                      f"{name} with {len(given)} parameters holds against it")
    for old, new in SCHEMA_FAULTS:
        found = errors(planted(ARM, old, new))
        out.result(found, f"{new} for {old} is found")


def terraform(text):
    """What a Terraform file says, by HashiCorp's parser."""
    folder = place.temporary()
    (folder / "file.tf").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [processes.find("go"), "run", place.SOURCE / "tests/deploy/terraform.go",
         folder / "file.tf"], capture_output=True, text=True, check=False,
        env=clients.go_environment())
    if done.returncode:
        return {"error": done.stderr}
    return {name: json.loads(value) for name, value in
            (line.split(" = ", 1) for line in done.stdout.splitlines())}


def same_in_terraform(out):
    """The file for Terraform asks for what the template does.  The names of its
    attributes are those of azurerm 3 and 4; the provider itself, which would
    check them, is not in Debian."""
    text = (DEPLOY / "webpubsub.tf").read_text(encoding="utf-8")
    found, _ = requests(LEAST)
    service, hub = found["webPubSub"], found["hubs"]["properties"]
    handler = hub["eventHandlers"][0]
    wanted = {
        "service.name": "name", "service.location": "location",
        "service.resource_group_name": "resource_group_name",
        "service.sku": service["sku"]["name"],
        "service.capacity": service["sku"]["capacity"],
        "service.local_auth_enabled":
            not service["properties"]["disableLocalAuth"],
        "service.tls_client_cert_enabled":
            service["properties"]["tls"]["clientCertEnabled"],
        "hub.name": "hub_name", "hub.web_pubsub_id": "[id]",
        "hub.anonymous_connections_enabled":
            hub["anonymousConnectPolicy"] == "allow",
        "hub.event_handler.url_template":
            handler["urlTemplate"].replace("HOST", "handler_host"),
        "hub.event_handler.system_events": handler["systemEvents"],
    }
    kinds = {"service": "azurerm_web_pubsub", "hub": "azurerm_web_pubsub_hub"}
    wanted = {kinds[name.split(".")[0]] + "." + name: value
              for name, value in wanted.items()}
    out.equal(terraform(text), wanted, "Terraform asks for the same")
    for old, new in (("enabled = true", "enabled = false"),
                     ("= var.local_auth_enabled", "= false"),
                     ("https://", "http://"), ('["connect"]', "[]"),
                     ("Standard_S1", "Free_F1"), ("  }\n}", "  }\n")):
        out.result(terraform(planted(text, old, new)) != wanted,
                   f"Terraform: {new!r} for {old!r} is found")


def table(text, head):
    """The rows under a head, as lists of cells."""
    lines = text.split(head + "\n", 1)[-1].splitlines()[1:]
    rows = []
    for line in lines:
        if not line.strip().startswith("|"):
            return rows
        rows.append([cell.strip() for cell in line.strip()[1:-1].split("|")])
    return rows


def property_of(found, path):
    """Its value as a README writes it; "none" for one that is not there."""
    kind, _, members = path.partition(": ")
    node = found[kind]
    for member in members.split("."):
        if isinstance(node, list):
            node = node[int(member)]
        elif member in node:
            node = node[member]
        else:
            return "none"
    if isinstance(node, list):
        return "`" + ", ".join(node) + "`"
    return f"`{node}`" if isinstance(node, str) else f"`{json.dumps(node)}`"


def wrong_cells(text, head, paths=None):
    """What a table says otherwise than the template does."""
    found, _ = requests(LEAST)
    rows = table(text, head)
    if not rows:
        return [f"there is no table {head}"]
    wrong = []
    for field, value, *rest in rows:
        path = paths.get(field) if paths else rest[0].strip("`")
        if path is None or not re.match(
                re.escape(property_of(found, path)) + r"($|\W)", value):
            wrong.append(f"{field}: {value}")
    return wrong


def parameter_rows():
    named = {"": "empty", "[resourceGroup().location]": "that of the group"}
    for name, rule in json.loads(ARM)["parameters"].items():
        standard = rule.get("defaultValue")
        if standard is not None:
            standard = named.get(standard) or "`" + (
                standard if isinstance(standard, str)
                else json.dumps(standard)) + "`"
        yield f"| `{name}` | {standard + ' ' if standard else ''}| " \
            f"{rule['metadata']['description']} |"


def command_words():
    """What the az commands have to say to ask for the same."""
    found, _ = requests(LEAST)
    hub = found["hubs"]["properties"]
    handler = hub["eventHandlers"][0]
    sku = found["webPubSub"]["sku"]
    enabled = found["webPubSub"]["properties"]["tls"]["clientCertEnabled"]
    return [
        f"--sku {sku['name']} --unit-count {sku['capacity']}",
        f"--client-cert-enabled {json.dumps(enabled)}",
        "--allow-anonymous " +
        json.dumps(hub["anonymousConnectPolicy"] == "allow"),
        f"url-template={handler['urlTemplate']} " +
        " ".join("system-event=" + event for event in handler["systemEvents"]),
    ]


def documented(out):
    guide = (DEPLOY / "README.md").read_text(encoding="utf-8")
    readme = (place.SOURCE / "README.md").read_text(encoding="utf-8")
    head, long_head = "| portal field | value |", \
        "| portal field | value | property |"
    out.equal(wrong_cells(guide, long_head), [],
              "deploy/README.md: the fields are the template's")
    indented = re.sub("^ +", "", readme, flags=re.MULTILINE)
    out.equal(wrong_cells(indented, head, ROWS), [],
              "README.md: the fields are the template's")
    for text, top, paths in ((guide, long_head, None), (indented, head, ROWS)):
        for old, new in (("`true`", "`false`"), ("`allow`", "`deny`"),
                         ("`connect`", "`connected`"), ("| none", "| all"),
                         ("| `https://", "| `http://")):
            out.result(wrong_cells(planted(text, old, new), top, paths),
                       f"{new} for {old} in a README is found")
    rows = list(parameter_rows())
    out.equal(["| " + " | ".join(row) + " |" for row in
               table(guide, "| parameter | default | |")],
              [re.sub(r"` \| \| ", "` |  | ", row) for row in rows],
              "deploy/README.md has every parameter")
    for words in command_words():
        out.result(words in " ".join(guide.replace("\\\n", " ").split()),
                   f"deploy/README.md: {words}")
    out.result("deploy/README.md" in readme,
               "README.md says where the templates are")


def main():
    out = tap.Tap()
    same(out)
    asked_for(out)
    against_schema(out)
    same_in_terraform(out)
    documented(out)
    out.done()


main()
