/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * der: elements of ASN.1 in their one form (X.690 10), read in place.  Another
 * form, or a tag above 30, is invalid: written again, it would be other bytes.
 */
#ifndef CERTGATE_PROTOCOL_DER_H
#define CERTGATE_PROTOCOL_DER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct der_element {
	int tag; /* V_ASN1_SEQUENCE, or n of [n] */
	int class; /* V_ASN1_UNIVERSAL, V_ASN1_CONTEXT_SPECIFIC */
	bool constructed; /* its value is elements */
	struct span value;
};

/* Take the next element from *rest; false at its end, or if it is invalid. */
bool der_next(struct span *rest, struct der_element *element);

/* The same of a universal one with this tag, and nothing taken if it is
 * another; sequences and sets are made of elements, all others are not. */
bool der_next_is(struct span *rest, int tag, struct span *value);

/* The same of the context-specific [tag]. */
bool der_next_context(struct span *rest, int tag, bool constructed,
		      struct span *value);

/* RFC 5280 4.1.2.5: UTCTime YYMMDDHHMMSSZ, where YY below 50 is 20YY, or
 * GeneralizedTime YYYYMMDDHHMMSSZ.  False for every other form. */
bool der_time(struct span text, bool is_utc, int64_t *seconds);

#endif
