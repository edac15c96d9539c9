/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "policy/thumbprint.h"

static const struct {
	size_t size; /* bytes */
	const char *expected;
} kinds[] = {
	[THUMBPRINT_NONE] = { 0, "expected 40 hexadecimal digits (SHA-1) or 64 "
				 "(SHA-256)" },
	[THUMBPRINT_SHA256] = { DIGEST_SHA256_SIZE,
				"expected 64 hexadecimal digits behind "
				"SHA-256" },
	[THUMBPRINT_SPKI] = { DIGEST_SHA256_SIZE,
			      "expected 64 hexadecimal digits (SHA-256) behind "
			      "spki:" },
	[THUMBPRINT_SHA1] = { DIGEST_SHA1_SIZE,
			      "expected 40 hexadecimal digits behind SHA-1" },
};

size_t
thumbprint_size(enum thumbprint_kind kind)
{
	return kinds[kind].size;
}

struct thumbprint
thumbprint_of(enum thumbprint_kind kind, const uint8_t *digest)
{
	struct thumbprint t = { .kind = kind };

	memcpy(t.digest, digest, thumbprint_size(kind));
	return t;
}

int
thumbprint_compare(const struct thumbprint *a, const struct thumbprint *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return memcmp(a->digest, b->digest, sizeof(a->digest));
}

bool
thumbprint_from_label(struct span label, struct thumbprint *t)
{
	*t = (struct thumbprint){ .kind = THUMBPRINT_SHA1 };
	if (hex_decode(label, t->digest, DIGEST_SHA1_SIZE))
		return true;
	*t = (struct thumbprint){ 0 };
	return false;
}

static enum thumbprint_kind
kind_of_length(size_t digits)
{
	if (digits == 2 * DIGEST_SHA1_SIZE)
		return THUMBPRINT_SHA1;
	if (digits == 2 * DIGEST_SHA256_SIZE)
		return THUMBPRINT_SHA256;
	return THUMBPRINT_NONE;
}

static enum thumbprint_kind
take_prefix(struct span *rest)
{
	static const struct {
		struct span text;
		enum thumbprint_kind kind;
	} prefixes[] = {
		{ SPAN_TEXT("sha1:"), THUMBPRINT_SHA1 },
		{ SPAN_TEXT("sha256:"), THUMBPRINT_SHA256 },
		{ SPAN_TEXT("spki:"), THUMBPRINT_SPKI },
		{ SPAN_TEXT("sha1 fingerprint="), THUMBPRINT_SHA1 },
		{ SPAN_TEXT("sha256 fingerprint="), THUMBPRINT_SHA256 },
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (!span_starts_nocase(*rest, prefixes[i].text))
			continue;
		*rest = span_after(*rest, prefixes[i].text.len);
		return prefixes[i].kind;
	}
	return THUMBPRINT_NONE;
}

static void
skip_invisible(struct span *rest, struct warnings *warnings)
{
	size_t n = invisible_at(*rest);

	if (n == 0)
		return;
	error_set(warnings_next(warnings, rest->ptr),
		  "an invisible character (%s) beside a thumbprint is ignored",
		  error_word((struct span){ rest->ptr, n }));
	while ((n = invisible_at(*rest)) > 0)
		*rest = span_after(*rest, n);
}

struct digits {
	uint8_t bytes[DIGEST_MAX_SIZE];
	size_t n; /* digits; only the last run can make it odd */
};

/* Takes one run of digits, with ':' or '-' between bytes, and leaves *rest
 * behind it; false if there are too many, or a separator is out of place. */
static bool
take_group(struct span *rest, struct digits *digits)
{
	for (;;) {
		size_t full = digits->n / 2;
		size_t n = hex_take(*rest, digits->bytes + full,
				    DIGEST_MAX_SIZE - full);
		digits->n += n;
		*rest = span_after(*rest, n);
		if (rest->len == 0 ||
		    (rest->ptr[0] != ':' && rest->ptr[0] != '-'))
			return hex_length(*rest) == 0;
		if (digits->n == 0 || digits->n % 2 != 0 ||
		    hex_length(span_after(*rest, 1)) == 0)
			return false;
		*rest = span_after(*rest, 1);
	}
}

/* True if a blank in *rest joins: what follows it is one more byte group, not
 * a thumbprint of its own and not an option. */
static bool
joins(struct span rest, size_t digits)
{
	if (digits % 2 != 0 || rest.len == 0 ||
	    (rest.ptr[0] != ' ' && rest.ptr[0] != '\t'))
		return false;
	rest = span_skip_blanks(rest);
	size_t n = hex_length(rest);
	bool ends = n == rest.len || rest.ptr[n] == ' ' ||
		    rest.ptr[n] == '\t' || (unsigned char)rest.ptr[n] >= 0x80;
	return n > 0 && n % 2 == 0 && n < 2 * DIGEST_SHA1_SIZE && ends;
}

bool
thumbprint_take(struct span *rest, struct thumbprint *t,
		struct warnings *warnings, struct error *e)
{
	struct digits digits = { .n = 0 };

	*t = (struct thumbprint){ 0 };
	skip_invisible(rest, warnings);
	enum thumbprint_kind named = take_prefix(rest);
	const char *expected = kinds[named].expected;
	*rest = span_skip_blanks(*rest);
	skip_invisible(rest, warnings);
	struct span begin = *rest;
	if (!take_group(rest, &digits))
		return error_set(e, "thumbprint does not read: %s", expected);
	bool one_word = kind_of_length(digits.n) != THUMBPRINT_NONE;
	while (!one_word && joins(*rest, digits.n)) {
		*rest = span_skip_blanks(*rest);
		if (!take_group(rest, &digits))
			return error_set(e, "thumbprint does not read: %s",
					 expected);
	}
	skip_invisible(rest, warnings);
	bool ended = rest->len == 0 || memchr(" \t,", rest->ptr[0], 3) != NULL;
	if (!ended) {
		struct span word;
		span_next(&begin, " \t,", &word);
		return error_set(e, "invalid thumbprint of %zu characters: %s",
				 word.len, expected);
	}
	t->kind = named == THUMBPRINT_NONE ? kind_of_length(digits.n) : named;
	if (digits.n == 0 || digits.n != 2 * thumbprint_size(t->kind)) {
		*t = (struct thumbprint){ 0 };
		*rest = begin;
		return error_set(e, "thumbprint of %zu digits: %s", digits.n,
				 expected);
	}
	memcpy(t->digest, digits.bytes, sizeof(t->digest));
	return true;
}
