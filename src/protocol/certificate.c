/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/date.h"
#include "protocol/certificate.h"

/* A tag-length-value element; tag is the number with its class in the bits
 * that ASN1_get_object gives (V_ASN1_CONTEXT_SPECIFIC for [n]). */
struct element {
	int tag;
	int class;
	bool constructed;
	struct span value;
};

/* Takes the next element from *rest; false at its end or if it does not read.
 * Definite lengths only (DER, X.690 10.1). */
static bool
next(struct span *rest, struct element *element)
{
	const unsigned char *at = (const unsigned char *)rest->ptr;
	long length;

	if (rest->len == 0)
		return false;
	int flags = ASN1_get_object(&at, &length, &element->tag,
				    &element->class, (long)rest->len);
	if ((flags & 0x80) != 0 || (flags & 1) != 0) {
		ERR_clear_error();
		return false;
	}
	element->constructed = (flags & V_ASN1_CONSTRUCTED) != 0;
	element->value = (struct span){ (const char *)at, (size_t)length };
	*rest = span_after(*rest, (size_t)((const char *)at - rest->ptr) +
					  (size_t)length);
	return true;
}

/* Takes the next element if it is a universal one with this tag. */
static bool
next_is(struct span *rest, int tag, struct span *value)
{
	struct span before = *rest;
	struct element element;

	if (!next(rest, &element) || element.class != V_ASN1_UNIVERSAL ||
	    element.tag != tag) {
		*rest = before;
		return false;
	}
	*value = element.value;
	return true;
}

/* The same for the context-specific [tag]. */
static bool
next_is_context(struct span *rest, int tag, struct span *value)
{
	struct span before = *rest;
	struct element element;

	if (!next(rest, &element) || element.class != V_ASN1_CONTEXT_SPECIFIC ||
	    element.tag != tag) {
		*rest = before;
		return false;
	}
	*value = element.value;
	return true;
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

/* RFC 5280 4.1.2.5: UTCTime YYMMDDHHMMSSZ, where YY below 50 is 20YY, or
 * GeneralizedTime YYYYMMDDHHMMSSZ. */
static bool
next_time(struct span *rest, int64_t *seconds)
{
	struct date_time t = { 0 };
	struct span text;
	int century, year;

	if (next_is(rest, V_ASN1_UTCTIME, &text)) {
		if (!two_digits(&text, &year))
			return false;
		century = year < 50 ? 20 : 19;
	} else if (!next_is(rest, V_ASN1_GENERALIZEDTIME, &text) ||
		   !two_digits(&text, &century) || !two_digits(&text, &year)) {
		return false;
	}
	t.year = century * 100 + year;
	return two_digits(&text, &t.month) && two_digits(&text, &t.day) &&
	       two_digits(&text, &t.hour) && two_digits(&text, &t.minute) &&
	       two_digits(&text, &t.second) && span_equal(text, SPAN("Z")) &&
	       date_to_seconds(&t, seconds);
}

/* RFC 5280 4.1, TBSCertificate, in the order of its members. */
static bool
read_fields(struct span tbs, struct certificate *c)
{
	struct span skipped, validity, wrapped, key;

	next_is_context(&tbs, 0, &skipped); /* version */
	if (!next_is(&tbs, V_ASN1_INTEGER, &skipped) ||
	    !next_is(&tbs, V_ASN1_SEQUENCE, &skipped) || /* signature */
	    !next_is(&tbs, V_ASN1_SEQUENCE, &c->issuer) ||
	    !next_is(&tbs, V_ASN1_SEQUENCE, &validity) ||
	    !next_time(&validity, &c->not_before) ||
	    !next_time(&validity, &c->not_after) || validity.len > 0 ||
	    !next_is(&tbs, V_ASN1_SEQUENCE, &c->subject))
		return false;
	key = tbs;
	if (!next_is(&tbs, V_ASN1_SEQUENCE, &skipped))
		return false;
	key.len -= tbs.len; /* with its tag and length, as a pin has it */
	if (!digest_sha256(key, c->spki))
		return false;
	next_is_context(&tbs, 1, &skipped); /* issuerUniqueID */
	next_is_context(&tbs, 2, &skipped); /* subjectUniqueID */
	if (next_is_context(&tbs, 3, &wrapped) &&
	    (!next_is(&wrapped, V_ASN1_SEQUENCE, &c->extensions) ||
	     wrapped.len > 0))
		return false;
	return tbs.len == 0;
}

bool
certificate_read(struct span der, struct certificate *c)
{
	struct span rest = der, outer, tbs, skipped;

	memset(c, 0, sizeof(*c));
	if (next_is(&rest, V_ASN1_SEQUENCE, &outer) && rest.len == 0 &&
	    next_is(&outer, V_ASN1_SEQUENCE, &tbs) &&
	    next_is(&outer, V_ASN1_SEQUENCE, &skipped) && /* algorithm */
	    next_is(&outer, V_ASN1_BIT_STRING, &skipped) && outer.len == 0 &&
	    read_fields(tbs, c) && digest_sha1(der, c->sha1) &&
	    digest_sha256(der, c->sha256))
		return true;
	memset(c, 0, sizeof(*c));
	return false;
}

/* Adds text to name if it can be one; not empty, blank, or hidden. */
static enum certificate_name
take_name(struct span text, struct buffer *name)
{
	if (span_empty(span_trim(text)) || text.len > CERTIFICATE_NAME_MAX ||
	    !span_is_text(text))
		return CERTIFICATE_NAME_UNUSABLE;
	buffer_add(name, text);
	return name->failed ? CERTIFICATE_NAME_UNUSABLE
			    : CERTIFICATE_NAME_FOUND;
}

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	return true;
}

/* RFC 5280 4.1.2.4, DirectoryString: UTF-8 is what it is, OpenSSL turns the
 * other types into it. */
static enum certificate_name
take_directory_string(const struct element *element, struct buffer *name)
{
	enum certificate_name result = CERTIFICATE_NAME_UNUSABLE;
	struct span value = element->value;
	unsigned char *utf8 = NULL;
	int length = -1;

	if (element->class != V_ASN1_UNIVERSAL ||
	    value.len > CERTIFICATE_NAME_MAX * sizeof(uint32_t))
		return CERTIFICATE_NAME_UNUSABLE;
	if (element->tag == V_ASN1_UTF8STRING ||
	    (element->tag == V_ASN1_PRINTABLESTRING && is_ascii(value)))
		return take_name(value, name);
	ASN1_STRING *string = ASN1_STRING_type_new(element->tag);
	if (string != NULL &&
	    ASN1_STRING_set(string, value.ptr, (int)value.len) == 1)
		length = ASN1_STRING_to_UTF8(&utf8, string);
	if (length >= 0)
		result = take_name(
			(struct span){ (const char *)utf8, (size_t)length },
			name);
	else
		ERR_clear_error();
	OPENSSL_free(utf8);
	ASN1_STRING_free(string);
	return result;
}

enum certificate_name
certificate_common_name(const struct certificate *c, struct buffer *name)
{
	static const char common_name[] = "\x55\x04\x03"; /* 2.5.4.3 */
	struct span rest = c->subject, set, pair, oid;
	struct element value, found = { 0 };
	unsigned count = 0;

	while (next_is(&rest, V_ASN1_SET, &set)) {
		while (next_is(&set, V_ASN1_SEQUENCE, &pair)) {
			if (!next_is(&pair, V_ASN1_OBJECT, &oid) ||
			    !next(&pair, &value) || pair.len > 0)
				return CERTIFICATE_NAME_UNUSABLE;
			if (span_equal(oid, span_of(common_name))) {
				found = value;
				count++;
			}
		}
		if (set.len > 0)
			return CERTIFICATE_NAME_UNUSABLE;
	}
	if (rest.len > 0 || count > 1)
		return CERTIFICATE_NAME_UNUSABLE;
	if (count == 0)
		return CERTIFICATE_NAME_NONE;
	return take_directory_string(&found, name);
}

/* The value of the extension subjectAltName, a list of GeneralName. */
static enum certificate_name
find_alternative_names(const struct certificate *c, struct span *names)
{
	static const char subject_alt_name[] = "\x55\x1d\x11"; /* 2.5.29.17 */
	struct span rest = c->extensions, extension, oid, skipped, octets;

	while (next_is(&rest, V_ASN1_SEQUENCE, &extension)) {
		if (!next_is(&extension, V_ASN1_OBJECT, &oid))
			return CERTIFICATE_NAME_UNUSABLE;
		next_is(&extension, V_ASN1_BOOLEAN, &skipped); /* critical */
		if (!next_is(&extension, V_ASN1_OCTET_STRING, &octets))
			return CERTIFICATE_NAME_UNUSABLE;
		if (span_equal(oid, span_of(subject_alt_name)))
			return next_is(&octets, V_ASN1_SEQUENCE, names) &&
					       octets.len == 0
				       ? CERTIFICATE_NAME_FOUND
				       : CERTIFICATE_NAME_UNUSABLE;
	}
	return rest.len == 0 ? CERTIFICATE_NAME_NONE
			     : CERTIFICATE_NAME_UNUSABLE;
}

enum certificate_name
certificate_alternative_name(const struct certificate *c, struct buffer *name,
			     bool *is_dns)
{
	/* RFC 5280 4.2.1.6, GeneralName: dNSName, URI, rfc822Name */
	static const int by_preference[] = { 2, 6, 1 };
	struct span names;
	enum certificate_name found = find_alternative_names(c, &names);

	*is_dns = false;
	if (found != CERTIFICATE_NAME_FOUND)
		return found;
	for (size_t i = 0; i < sizeof(by_preference) / sizeof(int); i++) {
		struct span rest = names;
		struct element element;
		while (next(&rest, &element)) {
			if (element.class != V_ASN1_CONTEXT_SPECIFIC ||
			    element.tag != by_preference[i])
				continue;
			*is_dns = i == 0;
			return take_name(element.value, name);
		}
	}
	return CERTIFICATE_NAME_NONE;
}
