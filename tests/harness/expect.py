# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Whether an answer is what a case expects; one judge for all doors."""
import json
import re

CONNECT_MEMBERS = {"userId": str, "groups": list, "roles": list,
                   "subprotocol": str, "mqtt": dict}


def header_fault(name, wanted, got):
    if isinstance(wanted, str):
        good = got == wanted
    elif "absent" in wanted:
        good = got is None
    elif "contains" in wanted:
        good = got is not None and wanted["contains"] in got
    elif "regex" in wanted:
        good = got is not None and re.search(wanted["regex"], got)
    elif "regex_if_present" in wanted:
        good = got is None or re.search(wanted["regex_if_present"], got)
    else:
        return f"{name}: the case asks for something unknown: {wanted}"
    return None if good else f"{name}: got {got!r}, expected {wanted}"


def contains(wanted, got):
    """Every member of wanted is in got."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(
            name in got and contains(value, got[name])
            for name, value in wanted.items())
    return wanted == got


def connect_fault(answer):
    """A 200 to connect is empty or an object that the service understands."""
    if answer.status != 200 or not answer.body:
        return None
    try:
        body = json.loads(answer.body)
    except ValueError:
        return "the body of the connect response is not JSON"
    if not isinstance(body, dict):
        return "the body of the connect response is not an object"
    for name, value in body.items():
        if name not in CONNECT_MEMBERS:
            return f"unknown member {name}"
        if not isinstance(value, CONNECT_MEMBERS[name]) or value == "":
            return f"member {name} has a wrong value: {value!r}"
    return None


def body_faults(expected, answer):
    if expected.get("body_empty") and answer.body:
        yield f"body: got {answer.body[:200]!r}, expected none"
    for text in expected.get("body_not_contains", []):
        if text.encode() in answer.body:
            yield f"the body contains {text[:20]!r}…"
    if "body_json" not in expected and "body_json_subset" not in expected:
        return
    try:
        body = json.loads(answer.body)
    except ValueError:
        yield f"body: got {answer.body[:200]!r}, expected JSON"
        return
    if "body_json" in expected and body != expected["body_json"]:
        yield f"body: got {body}, expected {expected['body_json']}"
    subset = expected.get("body_json_subset")
    if subset is not None and not contains(subset, body):
        yield f"body: got {body}, expected with {subset}"


def faults(expected, answer, server=None):
    """What is wrong with answer, as a list of texts.  server is what the case
    says about the web server that is in between."""
    if server and answer.status in server["status"]:
        return []
    found = []
    low, high = expected.get("status_range", [expected.get("status")] * 2)
    if not low <= answer.status <= high:
        found.append(f"status: got {answer.status}, expected {low} to {high}")
    for name, wanted in expected.get("headers", {}).items():
        fault = header_fault(name, wanted, answer.header(name))
        if fault:
            found.append(fault)
    found.extend(body_faults(expected, answer))
    if expected.get("connect_response"):
        fault = connect_fault(answer)
        if fault:
            found.append(fault)
    if answer.status == 204 and answer.header("Content-Type"):
        found.append("a 204 with a Content-Type")
    if answer.status < 300 and answer.status not in (0, 100) \
            and not answer.header("WebHook-Allowed-Origin"):
        found.append("accepted without WebHook-Allowed-Origin")
    if answer.status >= 400 and answer.header("WebHook-Allowed-Origin"):
        found.append("refused with WebHook-Allowed-Origin")
    return found
