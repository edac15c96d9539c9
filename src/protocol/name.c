/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/asn1.h>

#include "protocol/der.h"
#include "protocol/name.h"

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

static void
add_number(struct text *out, uint64_t number)
{
	char digits[SPAN_DIGITS_MAX];

	add(out, span_of_number(number, digits));
}

/* X.690 8.19: numbers in base 128; the first is 40 * a + b, a at most 2. */
static void
write_oid(struct span oid, struct text *out)
{
	uint64_t number = 0;
	bool first = true;

	for (size_t i = 0; i < oid.len; i++) {
		unsigned char byte = (unsigned char)oid.ptr[i];
		number = number << 7 | (byte & 0x7f);
		if ((byte & 0x80) != 0)
			continue;
		if (first) {
			uint64_t a = number < 80 ? number / 40 : 2;
			add_number(out, a);
			number -= 40 * a;
		}
		add(out, SPAN("."));
		add_number(out, number);
		number = 0;
		first = false;
	}
}

static void
write_type(struct span oid, struct text *out)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!span_equal(oid, types[i].oid))
			continue;
		add(out, span_of(types[i].name));
		return;
	}
	write_oid(oid, out);
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

/* RelativeDistinguishedName: types and values, joined by '+'. */
static bool
write_part(struct span set, struct text *out)
{
	struct span pair, oid;
	struct der_element value;

	for (bool more = false; set.len > 0; more = true) {
		if (!der_next_is(&set, V_ASN1_SEQUENCE, &pair) ||
		    !der_next_is(&pair, V_ASN1_OBJECT, &oid) ||
		    !der_next(&pair, &value))
			return false;
		if (more)
			add(out, SPAN("+"));
		write_type(oid, out);
		add(out, SPAN("="));
		write_value(value.value, out);
	}
	return true;
}

size_t
name_write(struct span name, char *text, size_t size)
{
	struct text whole_text = { text, 0, size }, *out = &whole_text;
	struct span part[NAME_PARTS_MAX], set;
	size_t n = 0;
	bool whole = true;

	while (whole && name.len > 0) {
		whole = der_next_is(&name, V_ASN1_SET, &set);
		if (whole)
			part[n++ % NAME_PARTS_MAX] = set;
	}
	size_t first = n > NAME_PARTS_MAX ? n - NAME_PARTS_MAX : 0;
	for (size_t i = n; whole && i > first && out->len < out->max; i--) {
		if (i < n)
			add(out, SPAN(","));
		whole = write_part(part[(i - 1) % NAME_PARTS_MAX], out);
	}
	if (!whole)
		add(out, SPAN("?"));
	return out->len;
}
