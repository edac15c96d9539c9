/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/date.h"
#include "base/text.h"
#include "protocol/certificate.h"
#include "protocol/der.h"

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
parse_time(struct span text, bool is_utc, int64_t *seconds)
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

/* Take the next time.  One of another form becomes invalid, so that only a
 * check of it fails. */
static bool
next_time(struct span *rest, int64_t invalid, int64_t *seconds)
{
	struct span text;
	bool is_utc = der_next_is(rest, V_ASN1_UTCTIME, &text);

	if (!is_utc && !der_next_is(rest, V_ASN1_GENERALIZEDTIME, &text))
		return false;
	if (!parse_time(text, is_utc, seconds))
		*seconds = invalid;
	return true;
}

/* RFC 3279 2.3, RFC 5480 2.1.1: the forms of a key's parameters.  OpenSSL may
 * write other bytes than it read if they have another type. */
static bool
is_parameters(struct span algorithm)
{
	struct span value;

	return algorithm.len == 0 ||
	       ((der_next_is(&algorithm, V_ASN1_SEQUENCE, &value) ||
		 der_next_is(&algorithm, V_ASN1_OBJECT, &value) ||
		 (der_next_is(&algorithm, V_ASN1_NULL, &value) &&
		  value.len == 0)) &&
		algorithm.len == 0);
}

/* RFC 5280 4.1.2.7, SubjectPublicKeyInfo: an algorithm and whole bytes of key,
 * so that nobody who writes it again gets other bytes. */
static bool
is_key(struct span key)
{
	struct span info, algorithm, oid, bits;

	return der_next_is(&key, V_ASN1_SEQUENCE, &info) && key.len == 0 &&
	       der_next_is(&info, V_ASN1_SEQUENCE, &algorithm) &&
	       der_next_is(&info, V_ASN1_BIT_STRING, &bits) && info.len == 0 &&
	       bits.len > 0 && bits.ptr[0] == '\0' &&
	       der_next_is(&algorithm, V_ASN1_OBJECT, &oid) &&
	       is_parameters(algorithm);
}

/* RFC 5280 4.1, TBSCertificate, in the order of its members. */
static bool
read_fields(struct span tbs, struct certificate *c)
{
	struct span skipped, validity, wrapped, key;

	der_next_context(&tbs, 0, true, &skipped); /* version */
	if (!der_next_is(&tbs, V_ASN1_INTEGER, &c->serial) ||
	    !der_next_is(&tbs, V_ASN1_SEQUENCE, &skipped) || /* signature */
	    !der_next_is(&tbs, V_ASN1_SEQUENCE, &c->issuer) ||
	    !der_next_is(&tbs, V_ASN1_SEQUENCE, &validity) ||
	    !next_time(&validity, CERTIFICATE_NOT_BEFORE_INVALID,
		       &c->not_before) ||
	    !next_time(&validity, CERTIFICATE_NOT_AFTER_INVALID,
		       &c->not_after) ||
	    validity.len > 0 ||
	    !der_next_is(&tbs, V_ASN1_SEQUENCE, &c->subject))
		return false;
	key = tbs;
	if (!der_next_is(&tbs, V_ASN1_SEQUENCE, &skipped))
		return false;
	key.len -= tbs.len; /* with its tag and length, as a pin has it */
	if (!is_key(key) || !digest_sha256(key, c->spki))
		return false;
	der_next_context(&tbs, 1, false, &skipped); /* issuerUniqueID */
	der_next_context(&tbs, 2, false, &skipped); /* subjectUniqueID */
	if (der_next_context(&tbs, 3, true, &wrapped) &&
	    (!der_next_is(&wrapped, V_ASN1_SEQUENCE, &c->extensions) ||
	     wrapped.len > 0))
		return false;
	return tbs.len == 0;
}

bool
certificate_read(struct span der, struct certificate *c)
{
	struct span rest = der, outer, tbs, skipped;

	memset(c, 0, sizeof(*c));
	if (der_next_is(&rest, V_ASN1_SEQUENCE, &outer) && rest.len == 0 &&
	    der_next_is(&outer, V_ASN1_SEQUENCE, &tbs) &&
	    der_next_is(&outer, V_ASN1_SEQUENCE, &skipped) && /* algorithm */
	    der_next_is(&outer, V_ASN1_BIT_STRING, &skipped) &&
	    outer.len == 0 && read_fields(tbs, c) &&
	    digest_sha1(der, c->sha1) && digest_sha256(der, c->sha256))
		return true;
	memset(c, 0, sizeof(*c));
	return false;
}

/* Adds text to name if it can be one: not blank, no control character, and none
 * that would let it look like another's. */
static enum certificate_name
take_name(struct span text, struct buffer *name)
{
	if (span_empty(span_trim(text)) || text.len > CERTIFICATE_NAME_MAX ||
	    !span_is_text(text) || invisible_find(text) < text.len)
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
take_directory_string(const struct der_element *element, struct buffer *name)
{
	enum certificate_name result = CERTIFICATE_NAME_UNUSABLE;
	struct span value = element->value;
	unsigned char *utf8 = NULL;
	int length = -1;

	if (element->class != V_ASN1_UNIVERSAL || element->constructed ||
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
	struct der_element value, found = { 0 };
	unsigned count = 0;

	while (der_next_is(&rest, V_ASN1_SET, &set)) {
		while (der_next_is(&set, V_ASN1_SEQUENCE, &pair)) {
			if (!der_next_is(&pair, V_ASN1_OBJECT, &oid) ||
			    !der_next(&pair, &value) || pair.len > 0)
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

/* RFC 5280 4.2.1.6, GeneralName: tags of those that have nothing inside. */
enum { NAME_EMAIL = 1, NAME_DNS = 2, NAME_URI = 6, NAME_ADDRESS = 7 };

/* RFC 5280 4.2: an extension comes once.  FOUND: octets is what is in the one
 * called subjectAltName. */
static enum certificate_name
find_alternative_names(const struct certificate *c, struct span *octets)
{
	static const char subject_alt_name[] = "\x55\x1d\x11"; /* 2.5.29.17 */
	struct span rest = c->extensions, extension, oid, skipped, value;
	unsigned count = 0;

	while (der_next_is(&rest, V_ASN1_SEQUENCE, &extension)) {
		if (!der_next_is(&extension, V_ASN1_OBJECT, &oid))
			return CERTIFICATE_NAME_UNUSABLE;
		der_next_is(&extension, V_ASN1_BOOLEAN,
			    &skipped); /* critical */
		if (!der_next_is(&extension, V_ASN1_OCTET_STRING, &value) ||
		    extension.len > 0)
			return CERTIFICATE_NAME_UNUSABLE;
		if (!span_equal(oid, span_of(subject_alt_name)))
			continue;
		*octets = value;
		count++;
	}
	if (rest.len > 0 || count > 1)
		return CERTIFICATE_NAME_UNUSABLE;
	return count == 0 ? CERTIFICATE_NAME_NONE : CERTIFICATE_NAME_FOUND;
}

/* Whether GeneralNames read with all that is inside them. */
static bool
read_whole(struct span octets)
{
	const unsigned char *at = (const unsigned char *)octets.ptr;
	GENERAL_NAMES *names = d2i_GENERAL_NAMES(NULL, &at, (long)octets.len);
	bool ok = names != NULL && (const char *)at == octets.ptr + octets.len;

	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return ok;
}

/* True if all names in octets read, whatever they are; then their list. */
static bool
read_names(struct span octets, struct span *names)
{
	static const unsigned plain = 1U << NAME_EMAIL | 1U << NAME_DNS |
				      1U << NAME_URI | 1U << NAME_ADDRESS;
	struct span whole = octets, rest;
	struct der_element element;
	bool all_plain = true;

	if (!der_next_is(&octets, V_ASN1_SEQUENCE, names) || octets.len > 0)
		return false;
	rest = *names;
	while (der_next(&rest, &element)) {
		bool is_plain = element.class == V_ASN1_CONTEXT_SPECIFIC &&
				element.tag <= NAME_ADDRESS &&
				(plain >> element.tag & 1) != 0;
		if (is_plain && element.constructed)
			return false;
		all_plain &= is_plain;
	}
	return rest.len == 0 && (all_plain || read_whole(whole));
}

enum certificate_name
certificate_alternative_name(const struct certificate *c, struct buffer *name,
			     enum certificate_kind *kind)
{
	static const struct {
		int tag;
		enum certificate_kind kind;
	} by_preference[] = {
		{ NAME_DNS, CERTIFICATE_KIND_DNS },
		{ NAME_URI, CERTIFICATE_KIND_URI },
		{ NAME_EMAIL, CERTIFICATE_KIND_EMAIL },
	};
	struct span octets, names, text;
	struct der_element skipped;
	enum certificate_name found = find_alternative_names(c, &octets);

	*kind = CERTIFICATE_KIND_NONE;
	if (found != CERTIFICATE_NAME_FOUND)
		return found;
	if (!read_names(octets, &names))
		return CERTIFICATE_NAME_UNUSABLE;
	for (size_t i = 0; i < sizeof(by_preference) / sizeof(by_preference[0]);
	     i++) {
		struct span rest = names;
		do {
			if (!der_next_context(&rest, by_preference[i].tag,
					      false, &text))
				continue;
			*kind = by_preference[i].kind;
			return take_name(text, name);
		} while (der_next(&rest, &skipped));
	}
	return CERTIFICATE_NAME_NONE;
}
