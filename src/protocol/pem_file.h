/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * pem_file: the certificates and CRLs in an administrator's file, read as
 * `openssl x509` reads them: PEM or DER, with any text around a block.  In PEM,
 * all bytes but printable ASCII are white space, and white space is ignored.
 */
#ifndef CERTGATE_PROTOCOL_PEM_FILE_H
#define CERTGATE_PROTOCOL_PEM_FILE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

/* What all blocks of a file must be. */
enum pem_file_content { PEM_FILE_CERTIFICATE = 0, PEM_FILE_CRL };

/* Takes the DER of one block, valid until it returns; false with e set ends the
 * reading. */
typedef bool pem_file_function(void *context, struct span der, struct error *e);

/* Calls take for each block of text, which has at least one, none of them
 * another than content.  False with e set, which says the number of the block,
 * or what text is instead.  A block of certificates with trust settings
 * (TRUSTED CERTIFICATE) is another. */
bool pem_file_read(struct span text, enum pem_file_content content,
		   pem_file_function *take, void *context, struct error *e)
	__attribute__((warn_unused_result));

/* Takes the next certificate from the front of *rest, for a pin: its DER, in
 * der, is without the trust settings of a TRUSTED CERTIFICATE.  Other blocks,
 * such as private keys, are passed over.  False without e behind the last one;
 * with e if a block is invalid, or more than PEM_DER_MAX bytes.  der has room
 * for PEM_MAX. */
bool pem_file_next(struct span *rest, struct buffer *der, struct error *e)
	__attribute__((warn_unused_result));

/* Sets e to what text, in which there is no certificate, is instead.  Always
 * false. */
bool pem_file_no_certificate(struct span text, struct error *e);

/* Sets e to what der, which is not a certificate, is instead.  Always false. */
bool pem_file_invalid(struct span der, struct error *e);

/* True if text begins like DER, has a line that begins a block, or is
 * UTF-16. */
bool pem_file_is_meant(struct span text);

/* True if text has a private key in PEM, encrypted or not. */
bool pem_file_has_key(struct span text);

#endif
