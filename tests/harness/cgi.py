# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Requests as a web server hands them to a CGI program (RFC 3875)."""
from . import http


def parameters(case):
    """NAME and value of a request's meta-variables, in bytes."""
    path, _, query = case.path.partition("?")
    found = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": case.method,
             "QUERY_STRING": query, "REQUEST_URI": case.path,
             "SCRIPT_NAME": path, "SERVER_PROTOCOL": "HTTP/1.1"}
    if case.length is not None:
        found["CONTENT_LENGTH"] = str(case.length)
    elif not case.chunked and (case.body or
                               case.method not in ("OPTIONS", "GET", "HEAD")):
        found["CONTENT_LENGTH"] = str(len(case.body))
    for name, value in case.headers.items():
        if isinstance(value, list):
            value = ", ".join(value)
        name = name.upper().replace("-", "_")
        if name != "CONTENT_TYPE":
            name = "HTTP_" + name
        if name not in found:  # as servers that drop names with '_' do
            found[name] = value
    found.update(case.parameters)
    return {n.encode(): v.encode() for n, v in found.items()}


def answer_of(output):
    """What a server makes of a CGI response."""
    head, found, body = output.partition(b"\r\n\r\n")
    if not found or not head.startswith(b"Status: "):
        return http.Answer(0, (), output)
    status, headers = http.parse_head(b"HTTP/1.1 " + head[len("Status: "):])
    return http.Answer(status, headers, body)
