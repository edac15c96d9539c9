/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* hex: bytes to hexadecimal digits and back. */
#ifndef CERTGATE_BASE_HEX_H
#define CERTGATE_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Write 2 * n lower-case digits to text; no NUL. */
void hex_encode(const uint8_t *bytes, size_t n, char *text);

/* True if text is exactly 2 * n digits of either case; else bytes is all
 * zero. */
bool hex_decode(struct span text, uint8_t *bytes, size_t n);

/* How many digits, of either case, s begins with. */
size_t hex_length(struct span s);

/* Decode the digits that s begins with, up to 2 * max of them.  Return their
 * number.  If it is odd, the last digit is counted but not decoded. */
size_t hex_take(struct span s, uint8_t *bytes, size_t max);

#endif
