# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The published schemas of Azure's resources, made strict: they allow members
that they do not name, so a misspelt one would pass."""
import copy
import json

import jsonschema

VERSION = "2024-03-01"


class Schema:
    """A folder with the resource provider's file and definitions.json."""

    def __init__(self, folder):
        provider = json.loads((folder / f"{VERSION}.json").read_text())
        common = json.loads((folder / "definitions.json").read_text())
        base = common["definitions"]["ARMResourceBase"]["properties"]
        strict = strictly(provider)
        for resource in strict["resourceDefinitions"].values():
            for name, rule in base.items():
                resource["properties"].setdefault(
                    name, absolute(rule, common["id"]))
        self.strict = strict
        self.resolver = jsonschema.RefResolver(
            strict["id"], strict, handlers={"https": no_network},
            store={common["id"]: common})

    def errors(self, resource):
        """What is wrong with one resource of a template, as text."""
        for rule in self.strict["resourceDefinitions"].values():
            if rule["properties"]["type"]["enum"] == [resource.get("type")]:
                break
        else:
            return [f"type: {resource.get('type')!r} is not known"]
        validator = jsonschema.Draft4Validator(rule, resolver=self.resolver)
        found = [leaf for error in validator.iter_errors(resource)
                 for leaf in leaves(error)]
        found.sort(key=lambda leaf: -len(leaf.absolute_path))
        return [f"{'/'.join(map(str, leaf.absolute_path))}: {leaf.message}"
                for leaf in found]


def no_network(address):
    raise jsonschema.RefResolutionError(f"{address} is not in the store")


def leaves(error):
    """The alternatives of a oneOf say what is wrong, not the oneOf."""
    if not error.context:
        return [error]
    return [leaf for inner in error.context for leaf in leaves(inner)]


def absolute(rule, address):
    """The rule, with references into its own document spelt out."""
    if isinstance(rule, dict):
        return {name: address.rstrip("#") + value
                if name == "$ref" and value.startswith("#")
                else absolute(value, address) for name, value in rule.items()}
    if isinstance(rule, list):
        return [absolute(value, address) for value in rule]
    return rule


def strictly(node):
    """A copy in which an object has no members but those that are named."""
    node = copy.deepcopy(node)
    close(node)
    return node


def close(node):
    if isinstance(node, list):
        for element in node:
            close(element)
    elif isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
        for element in node.values():
            close(element)
