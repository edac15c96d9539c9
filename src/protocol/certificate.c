/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "base/text.h"
#include "protocol/certificate.h"
#include "protocol/der.h"

/* Take the next time.  One of another form becomes invalid, so that only a
 * check of it fails. */
static bool
next_time(struct span *rest, int64_t invalid, int64_t *seconds)
{
	struct span text;
	bool is_utc = der_next_is(rest, V_ASN1_UTCTIME, &text);

	if (!is_utc && !der_next_is(rest, V_ASN1_GENERALIZEDTIME, &text))
		return false;
	if (!der_time(text, is_utc, seconds))
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
 * so that writing it again gives the same bytes. */
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

/* Return true if text can be a name: not blank, no control character, and no
 * white space or invisible character that would let it look like another's. */
static bool
is_name(struct span text)
{
	return !span_empty(text) && text.len <= CERTIFICATE_NAME_MAX &&
	       span_is_text(text) && span_trim(text).len == text.len &&
	       !span_contains(text, SPAN("  ")) &&
	       invisible_find(text) == text.len;
}

/* Add text to name if it can be one. */
static enum certificate_name
take_name(struct span text, struct buffer *name)
{
	if (!is_name(text))
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

/* RFC 5280 4.1.2.4, DirectoryString: true if value is UTF-8 as it is. */
static bool
is_utf8_type(const struct der_element *element)
{
	return element->tag == V_ASN1_UTF8STRING ||
	       (element->tag == V_ASN1_PRINTABLESTRING &&
		is_ascii(element->value));
}

/* Convert a string of another type; *utf8 is OpenSSL's.  Return the length; -1
 * if it is none. */
static int
convert(const struct der_element *element, unsigned char **utf8)
{
	ASN1_STRING *string = ASN1_STRING_type_new(element->tag);
	int length = -1;

	*utf8 = NULL;
	if (string != NULL && ASN1_STRING_set(string, element->value.ptr,
					      (int)element->value.len) == 1)
		length = ASN1_STRING_to_UTF8(utf8, string);
	if (length < 0)
		ERR_clear_error();
	ASN1_STRING_free(string);
	return length;
}

static enum certificate_name
take_directory_string(const struct der_element *element, struct buffer *name)
{
	enum certificate_name result = CERTIFICATE_NAME_UNUSABLE;
	unsigned char *utf8;

	if (element->class != V_ASN1_UNIVERSAL || element->constructed ||
	    element->value.len > CERTIFICATE_NAME_MAX * sizeof(uint32_t))
		return CERTIFICATE_NAME_UNUSABLE;
	if (is_utf8_type(element))
		return take_name(element->value, name);
	int length = convert(element, &utf8);
	if (length >= 0)
		result = take_name(
			(struct span){ (const char *)utf8, (size_t)length },
			name);
	OPENSSL_free(utf8);
	return result;
}

/* Take the next AttributeTypeAndValue (RFC 5280 4.1.2.4); element is the whole
 * type, oid its contents. */
static bool
next_attribute(struct span *set, struct span *element, struct span *oid,
	       struct der_element *value)
{
	struct span pair;

	if (!der_next_is(set, V_ASN1_SEQUENCE, &pair))
		return false;
	*element = pair;
	return der_next_is(&pair, V_ASN1_OBJECT, oid) &&
	       der_next(&pair, value) && pair.len == 0;
}

enum certificate_name
certificate_common_name(const struct certificate *c, struct buffer *name)
{
	struct span common_name = SPAN("\x55\x04\x03"); /* 2.5.4.3 */
	struct span rest = c->subject, set, element, oid;
	struct der_element value, found = { 0 };
	unsigned count = 0;

	while (der_next_is(&rest, V_ASN1_SET, &set)) {
		while (set.len > 0) {
			if (!next_attribute(&set, &element, &oid, &value))
				return CERTIFICATE_NAME_UNUSABLE;
			if (!span_equal(oid, common_name))
				continue;
			found = value;
			count++;
		}
	}
	if (rest.len > 0 || count > 1)
		return CERTIFICATE_NAME_UNUSABLE;
	if (count == 0)
		return CERTIFICATE_NAME_NONE;
	return take_directory_string(&found, name);
}

bool
certificate_has_unusable_name(const struct certificate *c)
{
	struct buffer name;

	buffer_init(&name, CERTIFICATE_NAME_MAX);
	bool unusable =
		certificate_common_name(c, &name) == CERTIFICATE_NAME_UNUSABLE;
	buffer_free(&name);
	return unusable;
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

bool
certificate_next_name(struct span *names, struct span *name)
{
	struct der_element element;

	while (der_next(names, &element)) {
		*name = element.value;
		if (element.class == V_ASN1_CONTEXT_SPECIFIC &&
		    (element.tag == NAME_DNS || element.tag == NAME_URI ||
		     element.tag == NAME_EMAIL))
			return true;
	}
	return false;
}

enum certificate_name
certificate_names(const struct certificate *c, struct span *names)
{
	struct span octets, rest, name;
	size_t n = 0;
	enum certificate_name found = find_alternative_names(c, &octets);

	if (found != CERTIFICATE_NAME_FOUND)
		return found;
	if (!read_names(octets, names))
		return CERTIFICATE_NAME_UNUSABLE;
	for (rest = *names; certificate_next_name(&rest, &name); n++)
		if (n == CERTIFICATE_NAMES_MAX || !is_name(name))
			return CERTIFICATE_NAME_UNUSABLE;
	return n == 0 ? CERTIFICATE_NAME_NONE : CERTIFICATE_NAME_FOUND;
}

static void
write_address(struct span address, struct buffer *out)
{
	enum { IPV4_SIZE = 4 };
	const uint8_t *bytes = (const uint8_t *)address.ptr;

	for (size_t i = 0; i < address.len; i++) {
		char digits[2];
		if (i > 0 && (address.len == IPV4_SIZE || i % 2 == 0))
			buffer_add_byte(out,
					address.len == IPV4_SIZE ? '.' : ':');
		hex_encode(&bytes[i], 1, digits);
		if (address.len == IPV4_SIZE)
			buffer_add_number(out, bytes[i]);
		else
			buffer_add(out, (struct span){ digits, 2 });
	}
}

/* What follows a NUL would look like another name. */
static void
write_alternative(struct span name, struct buffer *out)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '\0')
			buffer_add(out, SPAN("\\00"));
		else
			buffer_add_byte(out, name.ptr[i]);
	}
}

void
certificate_alternative_names(const struct certificate *c, struct buffer *out)
{
	static const char *const words[] = {
		[NAME_EMAIL] = "email:",
		[NAME_DNS] = "DNS:",
		[NAME_URI] = "URI:",
		[NAME_ADDRESS] = "IP:",
	};
	struct span octets, names;
	struct der_element name;

	if (find_alternative_names(c, &octets) != CERTIFICATE_NAME_FOUND ||
	    !read_names(octets, &names))
		return;
	while (der_next(&names, &name)) {
		const char *word =
			name.tag <= NAME_ADDRESS ? words[name.tag] : NULL;
		buffer_add(out, span_of(word == NULL ? "other" : word));
		if (word != NULL && name.tag == NAME_ADDRESS)
			write_address(name.value, out);
		else if (word != NULL)
			write_alternative(name.value, out);
		buffer_add_byte(out, '\0');
	}
}

/* RFC 4514 3, and emailAddress as OpenSSL has it. */
static const struct {
	struct span oid; /* its contents in DER */
	const char *name;
} types[] = {
	{ SPAN_TEXT("\x55\x04\x03"), "CN" },
	{ SPAN_TEXT("\x55\x04\x0a"), "O" },
	{ SPAN_TEXT("\x55\x04\x0b"), "OU" },
	{ SPAN_TEXT("\x55\x04\x06"), "C" },
	{ SPAN_TEXT("\x55\x04\x07"), "L" },
	{ SPAN_TEXT("\x55\x04\x08"), "ST" },
	{ SPAN_TEXT("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"), "DC" },
	{ SPAN_TEXT("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"), "UID" },
	{ SPAN_TEXT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"), "emailAddress" },
};

struct text {
	char *data; /* borrowed */
	size_t len, max; /* bytes */
};

/* As much of bytes as there is room for. */
static void
add(struct text *out, struct span bytes)
{
	size_t room = out->max - out->len;

	if (bytes.len > room)
		bytes.len = room;
	if (bytes.len > 0)
		memcpy(out->data + out->len, bytes.ptr, bytes.len);
	out->len += bytes.len;
}

/* A type that is not in the table by OpenSSL's short name, or in numbers. */
static void
write_other_type(struct span element, struct text *out)
{
	const unsigned char *at = (const unsigned char *)element.ptr;
	ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &at, (long)element.len);
	int nid = OBJ_obj2nid(oid);
	char numbers[128] = "?";

	if (oid != NULL && nid == NID_undef)
		(void)OBJ_obj2txt(numbers, sizeof(numbers), oid, 1);
	add(out, span_of(nid == NID_undef ? numbers : OBJ_nid2sn(nid)));
	ASN1_OBJECT_free(oid);
	ERR_clear_error();
}

/* Write the type that element, an OBJECT IDENTIFIER, has as its value oid. */
static void
write_type(struct span element, struct span oid, struct text *out)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!span_equal(oid, types[i].oid))
			continue;
		add(out, span_of(types[i].name));
		return;
	}
	write_other_type(element, out);
}

/* RFC 4514 2.4: what would end the value, or seem to, behind a backslash. */
static void
write_value(struct span value, struct text *out)
{
	static const bool special[256] = {
		[','] = true, ['+'] = true, ['"'] = true, ['\\'] = true,
		['<'] = true, ['>'] = true, [';'] = true, ['='] = true,
	};
	size_t n;

	for (; value.len > 0 && out->len < out->max;
	     value = span_after(value, n)) {
		if (special[(unsigned char)value.ptr[0]])
			add(out, SPAN("\\"));
		for (n = 1;
		     n < value.len && !special[(unsigned char)value.ptr[n]];)
			n++;
		add(out, (struct span){ value.ptr, n });
	}
}

static void
write_string(const struct der_element *element, struct text *out)
{
	unsigned char *utf8 = NULL;
	int length = element->tag == V_ASN1_BMPSTRING ||
				     element->tag == V_ASN1_T61STRING ||
				     element->tag == V_ASN1_UNIVERSALSTRING
			     ? convert(element, &utf8)
			     : -1;

	write_value(length < 0 ? element->value
			       : (struct span){ (const char *)utf8,
						(size_t)length },
		    out);
	OPENSSL_free(utf8);
}

/* RelativeDistinguishedName: types and values, joined by '+'. */
static bool
write_part(struct span set, struct text *out)
{
	struct span element, oid;
	struct der_element value;

	for (bool more = false; set.len > 0; more = true) {
		if (!next_attribute(&set, &element, &oid, &value))
			return false;
		if (more)
			add(out, SPAN("+"));
		write_type(element, oid, out);
		add(out, SPAN("="));
		write_string(&value, out);
	}
	return true;
}

size_t
certificate_write_name(struct span name, char *text, size_t size)
{
	enum { PARTS_MAX = 32 /* the first ones of more are cut */ };
	struct text whole_text = { text, 0, size }, *out = &whole_text;
	struct span part[PARTS_MAX], set;
	size_t n = 0;
	bool whole = true;

	while (whole && name.len > 0) {
		whole = der_next_is(&name, V_ASN1_SET, &set);
		if (whole)
			part[n++ % PARTS_MAX] = set;
	}
	size_t first = n > PARTS_MAX ? n - PARTS_MAX : 0;
	for (size_t i = n; whole && i > first && out->len < out->max; i--) {
		if (i < n)
			add(out, SPAN(","));
		whole = write_part(part[(i - 1) % PARTS_MAX], out);
	}
	if (!whole)
		add(out, SPAN("?"));
	return out->len;
}
