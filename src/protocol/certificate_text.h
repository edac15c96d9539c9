/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certificate_text: what people want to see of a certificate; nothing is
 * decided by it. */
#ifndef CERTGATE_PROTOCOL_CERTIFICATE_TEXT_H
#define CERTGATE_PROTOCOL_CERTIFICATE_TEXT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/span.h"

/* OpenSSL's name for X509_NAME. */
struct X509_name_st;

/*
 * Adds the subject and the issuer (RFC 4514) to these, and every alternative
 * name, as DNS:NAME, URI:…, email:…, IP:… or other, to names, each with a NUL
 * behind it; a NUL inside one is written as \00.  False if der does not read.
 */
bool certificate_text(struct span der, struct buffer *subject,
		      struct buffer *issuer, struct buffer *names)
	__attribute__((warn_unused_result));

/* Add an X509_NAME to out, as in RFC 4514. */
void certificate_text_name(const struct X509_name_st *name, struct buffer *out);

#endif
