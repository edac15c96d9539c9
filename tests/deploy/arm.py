# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Deploys an ARM template on paper: checks the parameters, works out the
expressions, and gives the requests that would be sent.  Only what deploy/ uses;
anything else is refused."""
import re

TYPES = {"string": str, "int": int, "bool": bool}
TOKEN = re.compile(r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<int>[0-9]+)"
                   r"|(?P<word>[A-Za-z]+)|(?P<mark>[().,]))")
REGION = "westeurope"


class Refused(Exception):
    """What the deployment would be refused for."""


def check_parameters(declared, given):
    """The values of all parameters."""
    values = {}
    for name in given.keys() - declared.keys():
        raise Refused(f"parameter {name} is not declared")
    for name, rule in declared.items():
        unknown = rule.keys() - {"type", "defaultValue", "allowedValues",
                                 "minLength", "maxLength", "metadata"}
        if unknown:
            raise Refused(f"parameter {name} has {unknown}")
        if name not in given and "defaultValue" not in rule:
            raise Refused(f"parameter {name} is missing")
        value = given.get(name, rule.get("defaultValue"))
        if type(value) is not TYPES[rule["type"]]:
            raise Refused(f"parameter {name} is not a {rule['type']}")
        if value not in rule.get("allowedValues", [value]):
            raise Refused(f"parameter {name} is not allowed")
        if rule["type"] == "string" and not (
                rule.get("minLength", 0) <= len(value) <=
                rule.get("maxLength", len(value))):
            raise Refused(f"parameter {name} is too short or too long")
        values[name] = value
    return values


class Deployment:
    """parameters and variables as values, requests and outputs."""

    def __init__(self, template, given):
        self.template = template
        self.parameters = {
            name: self.value(value) for name, value in
            check_parameters(template["parameters"], given).items()}
        self.variables = {}
        for name, value in template["variables"].items():
            self.variables[name] = self.value(value)
        self.known = {}  # id of a resource that the template makes: version
        self.requests = []
        for resource in template["resources"]:
            request = self.value(resource)
            for needed in request.pop("dependsOn", []):
                if needed not in self.known:
                    raise Refused(f"{request['name']} depends on {needed}")
            names = request["name"].split("/")
            self.known[resource_id(request["type"], *names)] = \
                request["apiVersion"]
            self.requests.append(request)
        self.outputs = {name: self.value(output["value"]) for name, output in
                        template["outputs"].items()}

    def value(self, node):
        """A null member counts as one that is not there."""
        if isinstance(node, dict):
            members = {name: self.value(member)
                       for name, member in node.items()}
            return {name: member for name, member in members.items()
                    if member is not None}
        if isinstance(node, list):
            return [self.value(element) for element in node]
        if not isinstance(node, str) or not node.startswith("["):
            return node
        if node.startswith("[["):
            return node[1:]
        if not node.endswith("]"):
            raise Refused(f"no end of {node}")
        return Expression(self, node[1:-1]).result

    def call(self, name, words):
        if name == "parameters" and words[0] in self.parameters:
            return self.parameters[words[0]]
        if name == "variables" and words[0] in self.variables:
            return self.variables[words[0]]
        if name == "reference":
            if self.known.get(words[0]) != words[1]:
                raise Refused(f"reference to {words}")
            return {"hostName": words[0].rpartition("/")[2] +
                    ".webpubsub.azure.com"}
        simple = {
            "if": lambda condition, yes, no: yes if condition else no,
            "empty": lambda text: text == "",
            "union": lambda *parts: {name: value for part in parts
                                     for name, value in part.items()},
            "format": lambda pattern, *rest: pattern.format(*rest),
            "resourceId": resource_id,
            "resourceGroup": lambda: {"location": REGION},
        }
        if name not in simple:
            raise Refused(f"{name} of {words}")
        try:
            return simple[name](*words)
        except (TypeError, IndexError) as error:
            raise Refused(f"{name}: {error}") from error


def resource_id(kind, *names):
    parts = kind.split("/")
    if len(parts) != len(names) + 1:
        raise Refused(f"{len(names)} names for {kind}")
    return "/".join([parts[0]] + [f"{part}/{name}" for part, name in
                                  zip(parts[1:], names)])


class Expression:
    """The result of what stands between the brackets."""

    def __init__(self, deployment, text):
        self.deployment = deployment
        self.text = text
        self.at = 0
        self.result = self.operand()
        if self.at != len(text):
            raise Refused(f"after {text[:self.at]}")

    def take(self, kind, mark=None):
        found = TOKEN.match(self.text, self.at)
        if not found or found.lastgroup != kind or \
                (mark and found.group(kind) != mark):
            return None
        self.at = found.end()
        return found.group(kind)

    def operand(self):
        word = self.take("string")
        if word:
            return word[1:-1].replace("''", "'")
        word = self.take("int")
        if word:
            return int(word)
        name = self.take("word")
        if not name or not self.take("mark", "("):
            raise Refused(f"no call after {self.text[:self.at]}")
        words = []
        while not self.take("mark", ")"):
            if words and not self.take("mark", ","):
                raise Refused(f"no comma after {self.text[:self.at]}")
            words.append(self.operand())
        value = self.deployment.call(name, words)
        while self.take("mark", "."):
            member = self.take("word")
            if not isinstance(value, dict) or member not in value:
                raise Refused(f"no member {member}")
            value = value[member]
        return value
