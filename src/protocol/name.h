/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * name: a distinguished name as text (RFC 4514), read in place: for the log,
 * which has one of each event.  A name is the certificate's own claim.
 */
#ifndef CERTGATE_PROTOCOL_NAME_H
#define CERTGATE_PROTOCOL_NAME_H

#include <stddef.h>

#include "base/span.h"

enum { NAME_PARTS_MAX = 32 /* further ones, the first of the DER, are cut */ };

/* Write name, the contents of a Name in DER, to text, the most specific part
 * first: CN=pump-7,O=Example.  Return the number of bytes, at most size; the
 * rest is cut.  Bytes of a value are written as they are.  A name that is
 * malformed ends in "?". */
size_t name_write(struct span name, char *text, size_t size);

#endif
