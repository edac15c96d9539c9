/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * thumbprint: the digest of a certificate or of its public key, in bytes, and
 * the many ways in which people and programs write one.
 */
#ifndef CERTGATE_POLICY_THUMBPRINT_H
#define CERTGATE_POLICY_THUMBPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "protocol/digest.h"

/* The order is the one in which entries are looked at. */
enum thumbprint_kind {
	THUMBPRINT_NONE = 0, /* equals nothing */
	THUMBPRINT_SHA256,
	THUMBPRINT_SPKI, /* SHA-256 of the SubjectPublicKeyInfo */
	THUMBPRINT_SHA1
};

struct thumbprint {
	enum thumbprint_kind kind;
	uint8_t digest[DIGEST_MAX_SIZE]; /* zero behind the kind's size */
};

/* Bytes of digest that the kind uses: 0, 20 or 32. */
size_t thumbprint_size(enum thumbprint_kind kind);

/* Made from a digest of the kind's size. */
struct thumbprint thumbprint_of(enum thumbprint_kind kind,
				const uint8_t *digest);

/* By kind, then by digest; as memcmp. */
int thumbprint_compare(const struct thumbprint *a, const struct thumbprint *b);

/*
 * Take one thumbprint, in any form, from the front of *rest: 40 digits (SHA-1)
 * or 64 (SHA-256) of either case, with ':', '-' or blanks between bytes.  In
 * front may be `0x` and what programs print there: `sha1:`, `SHA-256`,
 * `SHA1 Fingerprint=`, `Cert Hash(sha1):`, `Thumbprint :`; or `spki:` before
 * the 64 digits of a public key.
 * A blank ends it behind 40 or 64 digits in one word, else it joins byte
 * groups; a comma ends it too.  Invisible characters at the ends are dropped
 * with a warning.
 *
 * False with e set: then *rest begins where it went wrong.
 */
bool thumbprint_take(struct span *rest, struct thumbprint *t,
		     struct warnings *warnings, struct error *e)
	__attribute__((warn_unused_result));

enum { THUMBPRINT_TEXT_SIZE = sizeof("spki:") + 2 * DIGEST_MAX_SIZE };

/* Write t as a list has it, `spki:` and digits or digits alone; empty for
 * THUMBPRINT_NONE.  Return text. */
char *thumbprint_text(const struct thumbprint *t,
		      char text[THUMBPRINT_TEXT_SIZE]);

/* True if text begins as only a thumbprint does, other than by its digits. */
bool thumbprint_is_likely(struct span text);

/* The label of an event: exactly 40 digits of either case. */
bool thumbprint_from_label(struct span label, struct thumbprint *t);

#endif
