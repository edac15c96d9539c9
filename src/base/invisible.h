/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * invisible: characters that cannot be seen, or are taken for a blank.  They
 * come along when text is copied from a dialogue or a web page, and make two
 * names look like one.  They are Unicode's Default_Ignorable_Code_Point (zero
 * width, marks of direction, fillers, variation selectors, tags, the byte order
 * mark), the no-break spaces, and the separators of lines and paragraphs.
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
