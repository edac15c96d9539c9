/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * invisible: characters that come along when text is copied from a dialogue or
 * a web page and cannot be seen: marks of direction, zero-width characters,
 * the no-break space, the byte order mark.
 */
#ifndef CERTGATE_BASE_INVISIBLE_H
#define CERTGATE_BASE_INVISIBLE_H

#include <stddef.h>

#include "base/span.h"

/* The bytes of the invisible character that s begins with; 0 if none. */
size_t invisible_at(struct span s);

/* Where in s the first one is; s.len if there is none. */
size_t invisible_find(struct span s);

/* Drops them at both ends; returns how many bytes went at the front. */
size_t invisible_trim(struct span *s);

#endif
