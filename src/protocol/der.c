/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <limits.h>

#include <openssl/asn1.h>
#include <openssl/err.h>

#include "protocol/der.h"

bool
der_next(struct span *rest, struct der_element *element)
{
	const unsigned char *at = (const unsigned char *)rest->ptr;
	long length;

	if (rest->len == 0 || rest->len > INT_MAX)
		return false;
	int flags = ASN1_get_object(&at, &length, &element->tag,
				    &element->class, (long)rest->len);
	if ((flags & 0x80) != 0 || (flags & 1) != 0) {
		ERR_clear_error();
		return false;
	}
	size_t size = (size_t)((const char *)at - rest->ptr) + (size_t)length;
	element->constructed = (flags & V_ASN1_CONSTRUCTED) != 0;
	element->value = (struct span){ (const char *)at, (size_t)length };
	if (ASN1_object_size(element->constructed, (int)length, element->tag) !=
	    (int)size)
		return false; /* a longer form of tag or length */
	*rest = span_after(*rest, size);
	return true;
}

static bool
next_of(struct span *rest, int class, int tag, bool constructed,
	struct span *value)
{
	struct span before = *rest;
	struct der_element element;

	if (!der_next(rest, &element) || element.class != class ||
	    element.tag != tag || element.constructed != constructed) {
		*rest = before;
		return false;
	}
	*value = element.value;
	return true;
}

bool
der_next_is(struct span *rest, int tag, struct span *value)
{
	return next_of(rest, V_ASN1_UNIVERSAL, tag,
		       tag == V_ASN1_SEQUENCE || tag == V_ASN1_SET, value);
}

bool
der_next_context(struct span *rest, int tag, bool constructed,
		 struct span *value)
{
	return next_of(rest, V_ASN1_CONTEXT_SPECIFIC, tag, constructed, value);
}
