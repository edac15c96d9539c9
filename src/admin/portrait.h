/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* portrait: a certificate as people are shown it.  All of it is what the
 * certificate says of itself, but for its digests. */
#ifndef CERTGATE_ADMIN_PORTRAIT_H
#define CERTGATE_ADMIN_PORTRAIT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "policy/thumbprint.h"
#include "protocol/certificate.h"

struct portrait {
	int64_t not_before, not_after; /* as those of struct certificate */
	struct thumbprint sha1, sha256, spki;
	struct buffer subject, issuer, names; /* as certificate_text */
};

/* Of der, which was read as c.  portrait_free() at the end. */
void portrait_take(struct portrait *portrait, struct span der,
		   const struct certificate *c);
void portrait_free(struct portrait *portrait);

/* Prints subject, issuer and names, a line each, indent before it.  With brief,
 * no more than fits a screen, whatever the certificate says. */
void portrait_print_names(const struct portrait *portrait, const char *indent,
			  bool brief);

/* Prints dates and digests. */
void portrait_print_pins(const struct portrait *portrait);

/* The members of an object that say all of it. */
void portrait_print_json(const struct portrait *portrait);

#endif
