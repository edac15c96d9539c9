/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* json_string: text as a string of JSON (RFC 8259 7), with its quotes. */
#ifndef CERTGATE_BASE_JSON_STRING_H
#define CERTGATE_BASE_JSON_STRING_H

#include "base/buffer.h"
#include "base/span.h"

/* Adds text, which is UTF-8, to out. */
void json_string_add(struct buffer *out, struct span text);

/* The same of any bytes: those that are not printable ASCII as the character of
 * that number. */
void json_string_add_bytes(struct buffer *out, struct span bytes);

#endif
