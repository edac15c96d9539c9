/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* stranger: the certificate that certgate doctor sends as an unknown one.  Its
 * private key was not kept. */
#ifndef CERTGATE_ADMIN_STRANGER_H
#define CERTGATE_ADMIN_STRANGER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "policy/thumbprint.h"

/* Put the DER into der, which is initialised.  False: out of memory. */
bool stranger_take(struct buffer *der) __attribute__((warn_unused_result));

/* True if this is its SHA-256: another certificate can have the same names. */
bool stranger_is(const struct thumbprint *sha256);

#endif
