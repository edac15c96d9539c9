/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* target: whom an edit is about: a pin as entries have it, or a certificate in
 * a file. */
#ifndef CERTGATE_ADMIN_TARGET_H
#define CERTGATE_ADMIN_TARGET_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "policy/entry.h"
#include "protocol/certificate.h"

struct target {
	struct buffer pin; /* as it goes to the list */
	struct thumbprint main; /* THUMBPRINT_NONE: it has only its text */
	bool is_certificate; /* then all its pins are known */
	struct thumbprint sha1, sha256, spki;
	struct buffer der; /* of a file; else empty */
};

/* Reads argument: a pin, else the name of a file with one certificate, "-" for
 * standard input.  spki: of a file, the public key is meant.
 * target_free() whatever it returns. */
bool target_read(struct target *target, const char *argument, bool spki,
		 struct error *e) __attribute__((warn_unused_result));
void target_free(struct target *target);

/* The pin is one of this certificate, which is known from elsewhere. */
void target_know(struct target *target, const struct certificate *c);

/* The entry, which text says, has the target's pin. */
bool target_is(const struct target *target, const struct entry *entry,
	       struct span text);

/* The entry has the target's certificate by another pin. */
bool target_is_otherwise(const struct target *target,
			 const struct entry *entry);

#endif
