# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Bicep to the ARM template that it stands for: the part of the language that
deploy/ uses, and nothing else.  What is not known here is refused, so that no
line of a template goes unread."""
import re

FUNCTIONS = {"empty": 1, "resourceGroup": 0, "union": 3}  # name: arguments
TYPES = {"string": str, "int": int, "bool": bool}
DECORATORS = {  # name: (member of the parameter, types that may have it)
    "description": (None, ("string", "int", "bool")),
    "allowed": ("allowedValues", ("string", "int")),
    "minLength": ("minLength", ("string",)),
    "maxLength": ("maxLength", ("string",)),
}
ESCAPES = {"\\": "\\", "'": "'", "n": "\n", "r": "\r", "t": "\t", "$": "$"}


class Refused(Exception):
    """Where, and what was expected."""


class Reader:
    """The words of the file, by character: nothing is skipped but blanks and
    comments."""

    def __init__(self, text):
        self.text = text
        self.at = 0

    def refuse(self, expected):
        line = self.text.count("\n", 0, self.at) + 1
        column = self.at - self.text.rfind("\n", 0, self.at)
        raise Refused(f"{line}:{column}: expected {expected}")

    def match(self, pattern):
        found = re.compile(pattern).match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def blanks(self):
        self.match(r" *(//[^\n]*)?")

    def take(self, mark):
        self.blanks()
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        return True

    def expect(self, mark):
        if not self.take(mark):
            self.refuse(repr(mark))

    def lines(self):
        """The end of a line, and empty ones."""
        self.blanks()
        if not self.match(r"\n"):
            self.refuse("the end of the line")
        self.match(r"(?: *(?://[^\n]*)?\n)*")

    def word(self):
        self.blanks()
        found = self.match(r"[A-Za-z_][A-Za-z0-9_]*")
        if not found:
            self.refuse("a name")
        return found.group()

    def keyword(self, *words):
        begin = self.at
        word = self.word()
        if word not in words:
            self.at = begin
            self.blanks()
            self.refuse(" or ".join(words))
        return word

    def string(self):
        """Its parts: text, and expressions that are put in."""
        parts = [""]
        while not self.text.startswith("'", self.at):
            if self.match(r"\$\{"):
                parts += [self.expression(), ""]
                self.expect("}")
            elif self.match(r"\\"):
                found = self.match(r"[\\'nrt$]")
                if not found:
                    self.refuse("an escape")
                parts[-1] += ESCAPES[found.group()]
            else:
                found = self.match(r"[^\n]")
                if not found:
                    self.refuse("the end of the string")
                parts[-1] += found.group()
        self.at += 1
        if len(parts) == 1 and self.text.startswith("'", self.at):
            self.refuse("a string of one line")
        return ("string", parts)

    def plain_string(self):
        self.expect("'")
        _, parts = self.string()
        if len(parts) != 1:
            self.refuse("a string with nothing put in")
        return parts[0]

    def expression(self):
        condition = self.operand()
        if not self.take("?"):
            return condition
        yes = self.expression()
        self.expect(":")
        return ("if", condition, yes, self.expression())

    def operand(self):
        if self.take("'"):
            return self.string()
        found = self.match(r"[0-9]+")
        if found:
            return ("literal", int(found.group()))
        name = self.word()
        if name in ("true", "false", "null"):
            return ("literal",
                    {"true": True, "false": False, "null": None}[name])
        node = ("name", name)
        if self.take("("):
            node = ("call", name, self.arguments())
        while self.take("."):
            node = ("member", node, self.word())
        return node

    def arguments(self):
        found = []
        if self.take(")"):
            return found
        found.append(self.expression())
        while self.take(","):
            found.append(self.expression())
        self.expect(")")
        return found

    def value(self):
        """An expression, an array or an object with a line for each element."""
        if self.take("["):
            elements = []
            self.lines()
            while not self.take("]"):
                elements.append(self.value())
                self.lines()
            return ("array", elements)
        if self.take("{"):
            return ("object", self.members())
        return self.expression()

    def members(self):
        found = {}
        self.lines()
        while not self.take("}"):
            name = self.word()
            if name in found:
                self.refuse(f"{name} once only")
            self.expect(":")
            found[name] = self.value()
            self.lines()
        return found


class Template:
    """The declarations that were read, and the ARM template of them."""

    def __init__(self, text):
        self.reader = Reader(text)
        self.arm = {
            "$schema": "https://schema.management.azure.com/schemas/"
                       "2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "parameters": {}, "variables": {}, "resources": [], "outputs": {},
        }
        self.resources = {}  # symbol: (type, version, nodes of the name)
        self.used = set()
        self.reader.match(r"(?: *(?://[^\n]*)?\n)*")
        while self.reader.at < len(text):
            self.declaration()
        for name in self.arm["parameters"].keys() | \
                self.arm["variables"].keys():
            if name not in self.used:
                self.reader.refuse(f"a use of {name}")

    def declaration(self):
        decorators = {}
        while self.reader.take("@"):
            self.decorator(decorators)
        kind = self.reader.keyword("param", "var", "resource", "output")
        if decorators and kind in ("var", "resource"):
            self.reader.refuse(f"a {kind} without decorators")
        name = self.reader.word()
        if kind != "output" and (name in self.arm["parameters"] or
                                 name in self.arm["variables"] or
                                 name in self.resources):
            self.reader.refuse(f"{name} once only")
        getattr(self, kind)(name, decorators)
        self.reader.lines()

    def decorator(self, decorators):
        name = self.reader.keyword(*DECORATORS)
        if name in decorators:
            self.reader.refuse(f"@{name} once only")
        self.reader.expect("(")
        value = self.json(self.reader.value())
        self.reader.expect(")")
        self.reader.lines()
        good = {"description": str, "allowed": list}.get(name, int)
        if not isinstance(value, good):
            self.reader.refuse(f"another value of @{name}")
        decorators[name] = value

    def typed(self, decorators):
        kind = self.reader.keyword(*TYPES)
        found = {"type": kind}
        for name, value in decorators.items():
            member, types = DECORATORS[name]
            if kind not in types:
                self.reader.refuse(f"no @{name} for {kind}")
            if member:
                found[member] = value
            else:
                found["metadata"] = {"description": value}
        return found

    def param(self, name, decorators):
        found = self.typed(decorators)
        if self.reader.take("="):
            value = self.json(self.reader.expression())
            if type(value) is not TYPES[found["type"]]:
                self.reader.refuse(f"a {found['type']}")
            found["defaultValue"] = value
        self.arm["parameters"][name] = found

    def var(self, name, _):
        self.reader.expect("=")
        self.arm["variables"][name] = self.json(self.reader.value())

    def output(self, name, decorators):
        if decorators.keys() - {"description"} or name in self.arm["outputs"]:
            self.reader.refuse("an output with a description only, once")
        found = self.typed(decorators)
        self.reader.expect("=")
        found["value"] = self.json(self.reader.expression())
        self.arm["outputs"][name] = found

    def resource(self, name, _):
        kind, mark, version = self.reader.plain_string().partition("@")
        if not mark:
            self.reader.refuse("TYPE@VERSION")
        self.reader.expect("=")
        self.reader.expect("{")
        members = self.reader.members()
        names = [members.pop("name", None)]
        found = {"type": kind, "apiVersion": version}
        if "parent" in members:
            parent = self.resource_of(members.pop("parent"))
            if kind.rpartition("/")[0] != parent[0]:
                self.reader.refuse(f"a child of {parent[0]}")
            names = parent[2] + names
            found["dependsOn"] = [f"[{self.resource_id(parent)}]"]
        if None in names:
            self.reader.refuse("a name")
        self.resources[name] = (kind, version, names)
        found["name"] = self.json(names[0]) if len(names) == 1 else \
            f"[{self.format(['', names[0], '/', names[1], ''])}]"
        for member, node in members.items():
            found[member] = self.json(node)
        self.arm["resources"].append(found)

    def resource_of(self, node):
        if node[0] != "name" or node[1] not in self.resources:
            self.reader.refuse("the symbol of a resource above")
        return self.resources[node[1]]

    def resource_id(self, resource):
        kind, _, names = resource
        words = [quoted(kind)] + [self.text(name) for name in names]
        return f"resourceId({', '.join(words)})"

    def json(self, node):
        """What stands in the JSON file for it."""
        if node[0] == "object":
            return {name: self.json(value) for name, value in node[1].items()}
        if node[0] == "array":
            return [self.json(value) for value in node[1]]
        if node[0] == "literal":
            return node[1]
        if node[0] == "string" and len(node[1]) == 1:
            text = node[1][0]
            return "[" + text if text.startswith("[") else text
        return f"[{self.text(node)}]"

    def text(self, node):
        """What stands between the brackets of an ARM expression."""
        return getattr(self, "text_" + node[0])(*node[1:])

    def text_literal(self, value):
        words = {None: "null()", True: "true()", False: "false()"}
        return str(value) if type(value) is int else words[value]

    def text_string(self, parts):
        return quoted(parts[0]) if len(parts) == 1 else self.format(parts)

    def format(self, parts):
        words, pattern = [], ""
        for number, part in enumerate(parts):
            if number % 2:
                pattern += "{%d}" % len(words)
                words.append(self.text(part))
            else:
                pattern += part.replace("{", "{{").replace("}", "}}")
        return f"format({', '.join([quoted(pattern)] + words)})"

    def text_if(self, condition, yes, no):
        return f"if({self.text(condition)}, {self.text(yes)}, {self.text(no)})"

    def text_call(self, name, arguments):
        if FUNCTIONS.get(name) != len(arguments):
            self.reader.refuse(f"another function than {name} with "
                               f"{len(arguments)} arguments")
        return f"{name}({', '.join(map(self.text, arguments))})"

    def text_name(self, name):
        for kind in ("parameters", "variables"):
            if name in self.arm[kind]:
                self.used.add(name)
                return f"{kind}({quoted(name)})"
        return self.reader.refuse(f"a parameter or variable above, not {name}")

    def text_member(self, node, member):
        if node[0] == "call":
            return f"{self.text(node)}.{member}"
        if node[0] == "member" and node[2] == "properties":
            resource = self.resource_of(node[1])
            return f"reference({self.resource_id(resource)}, " \
                f"{quoted(resource[1])}).{member}"
        return self.reader.refuse("a member of a resource's properties")


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def compile_text(text):
    """The ARM template as a value; Refused."""
    return Template(text).arm
