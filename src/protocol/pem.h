/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* pem: one certificate in its textual form (RFC 7468 5.1), read strictly, as
 * clients' certificates are.  pem_file reads an administrator's file. */
#ifndef CERTGATE_PROTOCOL_PEM_H
#define CERTGATE_PROTOCOL_PEM_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/span.h"

enum {
	/* Bytes of text; a certificate with an RSA key of 16,384 bits needs
	 * about 8,000. */
	PEM_MAX = 32768,
	PEM_DER_MAX = PEM_MAX / 4 * 3 /* bytes of DER in as much text */
};

/*
 * Puts the DER bytes of the one certificate in text into der, replacing what
 * was there.  Around it only blanks and line ends may stand; lines may have
 * any length and end in LF or CRLF.  False, and der empty, for anything else:
 * other text, a second block, another label, a character that is no base64.
 * Whether the bytes are a certificate is not looked at.
 */
bool pem_decode(struct span text, struct buffer *der)
	__attribute__((warn_unused_result));

/* Add the bytes of text, which is base64 and nothing else (RFC 4648 4), to der.
 * False for other text, or if the bytes do not fit. */
bool pem_decode_base64(struct span text, struct buffer *der)
	__attribute__((warn_unused_result));

/* Adds der as text of that form to text. */
void pem_encode(struct span der, struct buffer *text);

#endif
