/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * pem: certificates and CRLs as text (RFC 7468).
 *
 * A client's certificate is read strictly.  An administrator's file is read as
 * `openssl x509` reads it: PEM or DER, with any text around a block.  In its
 * PEM, all bytes but printable ASCII are white space, and white space is
 * ignored.
 */
#ifndef CERTGATE_PROTOCOL_PEM_H
#define CERTGATE_PROTOCOL_PEM_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "protocol/certificate.h"

enum {
	/* Bytes of text; a certificate with an RSA key of 16,384 bits needs
	 * about 8,000. */
	PEM_MAX = 32768,
	PEM_DER_MAX = PEM_MAX / 4 * 3 /* bytes of DER in as much text */
};

/*
 * Put the DER bytes of the one certificate in text into der, replacing what
 * was there.  Only blanks and line ends are allowed around it; lines may have
 * any length and end in LF or CRLF.  False, and der empty, for anything else:
 * other text, a second block, another label, a character that is not base64.
 * The bytes may be anything.
 */
bool pem_decode(struct span text, struct buffer *der)
	__attribute__((warn_unused_result));

/* Add der as text of that form to text. */
void pem_encode(struct span der, struct buffer *text);

/* What all blocks of a file must be. */
enum pem_file_content { PEM_FILE_CERTIFICATE = 0, PEM_FILE_CRL };

/* Take the DER of one block, counted from 1; der is valid until the return.
 * False with e set ends the reading. */
typedef bool pem_file_function(void *context, struct span der, unsigned block,
			       struct error *e);

/* Call take for each block of text.  False with e set if a block has another
 * content (e has its number) or text has no block (e says what text is).  A
 * TRUSTED CERTIFICATE, which has trust settings, is another content. */
bool pem_file_read(struct span text, enum pem_file_content content,
		   pem_file_function *take, void *context, struct error *e)
	__attribute__((warn_unused_result));

/* Take the next certificate from the front of *rest, for a pin.  der, which has
 * room for PEM_MAX bytes, gets the certificate without what follows it, such as
 * the trust settings of a TRUSTED CERTIFICATE; c borrows der.  Other blocks,
 * such as private keys, are skipped.  False without e behind the last
 * certificate; with e if a block is invalid, or a certificate has more than
 * PEM_DER_MAX bytes. */
bool pem_file_next(struct span *rest, struct buffer *der, struct certificate *c,
		   struct error *e) __attribute__((warn_unused_result));

/* Do the same for the first certificate in text.  If text has none, e says what
 * text is instead. */
bool pem_file_first(struct span text, struct buffer *der, struct certificate *c,
		    struct error *e) __attribute__((warn_unused_result));

/* Do the same; false with e also if text has several certificates. */
bool pem_file_only(struct span text, struct buffer *der, struct certificate *c,
		   struct error *e) __attribute__((warn_unused_result));

/* Return true if text begins like DER, has a line that begins a block, or is
 * UTF-16. */
bool pem_file_is_likely(struct span text);

/* Return true if text has a private key in PEM, encrypted or not. */
bool pem_file_has_key(struct span text);

#endif
