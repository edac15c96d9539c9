# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""DER, as far as tests put it together themselves."""


def element(tag, value, longer=0):
    """An element; longer: so many bytes more in its length than in DER."""
    n = len(value)
    width = (n.bit_length() + 7) // 8 if n > 127 else 0
    width += longer
    head = bytes([0x80 | width]) + n.to_bytes(width, "big") if width else \
        bytes([n])
    return bytes([tag]) + head + value


def elements(value):
    """[(tag, contents)] of what is in DER."""
    found = []
    while value:
        n, at = value[1], 2
        if n > 127:
            at += n & 127
            n = int.from_bytes(value[2:at], "big")
        found.append((value[0], value[at:at + n]))
        value = value[at + n:]
    return found


def oid(text):
    """An OBJECT IDENTIFIER, from its dotted form."""
    first, second, *arcs = map(int, text.split("."))
    found = b""
    for arc in (first * 40 + second, *arcs):
        part = bytes([arc & 127])
        while arc > 127:
            arc >>= 7
            part = bytes([arc & 127 | 128]) + part
        found += part
    return element(6, found)


def integer(number):
    """An INTEGER that is not negative."""
    return element(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))
