/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * certificate: the few fields of an X.509 certificate (RFC 5280 4.1) that a
 * decision needs, read in place with OpenSSL's TLV reader: a full parse costs
 * fifty times as much.  Its names as text: they are its own claim.
 *
 * Nothing here says that a certificate is trusted.
 */
#ifndef CERTGATE_PROTOCOL_CERTIFICATE_H
#define CERTGATE_PROTOCOL_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"
#include "protocol/digest.h"

/* A date of a form that RFC 5280 4.1.2.5 does not have.  The values are later
 * and earlier than every time, so that no check of them passes. */
#define CERTIFICATE_NOT_BEFORE_INVALID INT64_MAX
#define CERTIFICATE_NOT_AFTER_INVALID INT64_MIN

struct certificate {
	uint8_t sha1[DIGEST_SHA1_SIZE]; /* of the whole DER */
	uint8_t sha256[DIGEST_SHA256_SIZE]; /* of the whole DER */
	uint8_t spki[DIGEST_SHA256_SIZE]; /* of SubjectPublicKeyInfo */
	int64_t not_before; /* UTC seconds, or CERTIFICATE_NOT_BEFORE_INVALID */
	int64_t not_after; /* UTC seconds, the last valid one, or
			    * CERTIFICATE_NOT_AFTER_INVALID */
	struct span serial; /* the bytes of the number; borrows der */
	struct span issuer; /* what is in the Name; borrows der */
	struct span subject; /* what is in the Name; borrows der */
	struct span extensions; /* what is in the list; absent if none */
};

enum {
	CERTIFICATE_NAME_MAX = 256, /* bytes of UTF-8 of a name that is taken */
	CERTIFICATE_NAMES_MAX = 64 /* alternative names; bounds the work */
};

enum certificate_name {
	CERTIFICATE_NAME_UNUSABLE = 0, /* several, or not fit to be a name */
	CERTIFICATE_NAME_NONE,
	CERTIFICATE_NAME_FOUND
};

/* Which of the alternative names it is. */
enum certificate_kind {
	CERTIFICATE_KIND_NONE = 0,
	CERTIFICATE_KIND_DNS,
	CERTIFICATE_KIND_URI,
	CERTIFICATE_KIND_EMAIL
};

/* Read der, which must be one certificate to its last byte, and borrow it.
 * False, and c all zero, if it is invalid. */
bool certificate_read(struct span der, struct certificate *c)
	__attribute__((warn_unused_result));

/* The common name of the subject as UTF-8, added to name.  UNUSABLE: two of
 * them, or one that is empty, no text, has a control character, an invisible
 * one, a blank at an end, two in a row, or more than CERTIFICATE_NAME_MAX
 * bytes. */
enum certificate_name certificate_common_name(const struct certificate *c,
					      struct buffer *name);

/* Return true if the certificate has several common names, or one that cannot
 * be a user id. */
bool certificate_has_unusable_name(const struct certificate *c);
#define CERTIFICATE_UNUSABLE_NAME                                              \
	"several common names, or one that could look like another's"

/* The first DNS name among the subject's alternative names, else the first
 * URI, else the first e-mail address, added to name; *kind says which.
 * UNUSABLE: the same of that one, or any of the names is invalid. */
enum certificate_name certificate_alternative_name(const struct certificate *c,
						   struct buffer *name,
						   enum certificate_kind *kind);

/* Set *names to the alternative names, for certificate_next_name(); borrows
 * what c borrows.  UNUSABLE: any of the names is invalid, there are more than
 * CERTIFICATE_NAMES_MAX, or a DNS name, URI or e-mail address is not fit to be
 * a name.  NONE: none of those three is among them. */
enum certificate_name certificate_names(const struct certificate *c,
					struct span *names);

/* Take the next DNS name, URI or e-mail address; false behind the last. */
bool certificate_next_name(struct span *names, struct span *name);

/* Add every alternative name as DNS:NAME, URI:…, email:…, IP:… or other to out,
 * each with a NUL behind it; a NUL inside one is written as \00.  None if one
 * of them is invalid. */
void certificate_alternative_names(const struct certificate *c,
				   struct buffer *out);

/* Write name, the contents of a Name in DER, to text (RFC 4514), the most
 * specific part first: CN=pump-7,O=Example.  Return the number of bytes, at
 * most size; the rest is cut.  A value is UTF-8, or the bytes that it has.  A
 * name that is malformed ends in "?". */
size_t certificate_write_name(struct span name, char *text, size_t size);

#endif
