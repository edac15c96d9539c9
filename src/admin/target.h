/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* target: what an edit is about: a pin, or a certificate with all its pins. */
#ifndef CERTGATE_ADMIN_TARGET_H
#define CERTGATE_ADMIN_TARGET_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "policy/entry.h"

struct target {
	struct buffer pin; /* as it goes to the list */
	struct thumbprint main; /* THUMBPRINT_NONE: the pin has only its text */
	bool is_certificate; /* then all its pins are known: */
	struct thumbprint sha1, sha256, spki;
	int64_t not_after; /* as struct certificate; 0: unknown */
	struct buffer der; /* of a file; else empty */
};

/* How an entry names the target. */
enum target_match {
	TARGET_NONE = 0,
	TARGET_PIN, /* by its pin */
	TARGET_DIGEST, /* by another digest of the certificate */
	TARGET_KEY /* by the public key, which other certificates may have */
};

/* Read argument: a pin, else the name of a file with one certificate, "-" for
 * standard input.  spki: the public key of the file is meant.
 * target_free() whatever it returns. */
bool target_read(struct target *target, const char *argument, bool spki,
		 struct error *e) __attribute__((warn_unused_result));
void target_free(struct target *target);

/* Make the certificate whose digests are set the target. */
void target_set_certificate(struct target *target, bool spki);

/* Write the pin as digits: the store names no files.  False if it has no digest
 * or memory runs out. */
bool target_write_digits(struct target *target);

/* The pin in the text of an entry; borrows text. */
struct span target_pin_text(const struct entry *entry, struct span text);

/* text is that of the entry. */
enum target_match target_match(const struct target *target,
			       const struct entry *entry, struct span text);

#endif
