/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <openssl/asn1.h>

#include "base/date.h"
#include "protocol/der.h"

enum {
	TAG = 0x1f, /* bits of the first byte; all set: a longer tag follows */
	LONG = 0x80, /* a length of as many bytes as the other bits say */
	LENGTH_MAX = 4 /* bytes of a length */
};

/* Read the length behind a tag; *head gets the bytes of both.  False if it is
 * not in its shortest form. */
static bool
read_length(struct span s, size_t *head, size_t *length)
{
	*head = 2;
	*length = (unsigned char)s.ptr[1];
	if (*length < LONG)
		return true;
	*head += *length - LONG;
	if (*head == 2 || *head > 2 + LENGTH_MAX || s.len < *head ||
	    s.ptr[2] == '\0')
		return false;
	*length = 0;
	for (size_t i = 2; i < *head; i++)
		*length = *length << 8 | (unsigned char)s.ptr[i];
	return *length >= LONG;
}

bool
der_next(struct span *rest, struct der_element *element)
{
	size_t head, length;

	if (rest->len < 2 || (rest->ptr[0] & TAG) == TAG ||
	    !read_length(*rest, &head, &length) || length > rest->len - head)
		return false;
	unsigned char first = (unsigned char)rest->ptr[0];
	element->tag = first & TAG;
	element->class = first & V_ASN1_PRIVATE;
	element->constructed = (first & V_ASN1_CONSTRUCTED) != 0;
	element->value = (struct span){ rest->ptr + head, length };
	*rest = span_after(*rest, head + length);
	return true;
}

/* Take the next element if it begins with this byte. */
static bool
next_of(struct span *rest, int first, struct span *value)
{
	struct der_element element;

	if (rest->len == 0 || (unsigned char)rest->ptr[0] != first ||
	    !der_next(rest, &element))
		return false;
	*value = element.value;
	return true;
}

bool
der_next_is(struct span *rest, int tag, struct span *value)
{
	bool constructed = tag == V_ASN1_SEQUENCE || tag == V_ASN1_SET;

	return next_of(rest, constructed ? tag | V_ASN1_CONSTRUCTED : tag,
		       value);
}

bool
der_next_context(struct span *rest, int tag, bool constructed,
		 struct span *value)
{
	return next_of(rest,
		       V_ASN1_CONTEXT_SPECIFIC |
			       (constructed ? V_ASN1_CONSTRUCTED : 0) | tag,
		       value);
}

static bool
two_digits(struct span *text, int *number)
{
	uint64_t n;

	if (text->len < 2 ||
	    !span_number((struct span){ text->ptr, 2 }, 0, 99, &n))
		return false;
	*text = span_after(*text, 2);
	*number = (int)n;
	return true;
}

bool
der_time(struct span text, bool is_utc, int64_t *seconds)
{
	struct date_time t = { 0 };
	int century = 0, year;

	if (!is_utc && !two_digits(&text, &century))
		return false;
	if (!two_digits(&text, &year))
		return false;
	if (is_utc)
		century = year < 50 ? 20 : 19;
	t.year = century * 100 + year;
	return two_digits(&text, &t.month) && two_digits(&text, &t.day) &&
	       two_digits(&text, &t.hour) && two_digits(&text, &t.minute) &&
	       two_digits(&text, &t.second) && span_equal(text, SPAN("Z")) &&
	       date_to_seconds(&t, seconds);
}
