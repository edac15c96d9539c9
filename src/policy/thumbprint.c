/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "policy/thumbprint.h"
#include "policy/value.h"

enum { MAX_DIGITS = 2 * DIGEST_MAX_SIZE };

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

char *
thumbprint_text(const struct thumbprint *t, char text[THUMBPRINT_TEXT_SIZE])
{
	const struct span mark =
		t->kind == THUMBPRINT_SPKI ? SPAN("spki:") : SPAN("");
	size_t n = thumbprint_size(t->kind);

	memcpy(text, mark.ptr, mark.len);
	hex_encode(t->digest, n, text + mark.len);
	text[mark.len + 2 * n] = '\0';
	return text;
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

/* Words before a certificate's digits, as programs print them, and words that
 * say that the digits are not a certificate's.  The most common one comes
 * first, and a longer one before one that it begins with. */
static const struct word {
	struct span text;
	enum thumbprint_kind kind; /* that it names */
	const char *other; /* what it names instead; NULL: nothing */
} words[] = {
	{ SPAN_TEXT("sha256/"), THUMBPRINT_SPKI, "a digest of a key" },
	{ SPAN_TEXT("sha256"), THUMBPRINT_SHA256, NULL },
	{ SPAN_TEXT("certificate"), THUMBPRINT_NONE, NULL },
	{ SPAN_TEXT("cert"), THUMBPRINT_NONE, NULL },
	{ SPAN_TEXT("digest"), THUMBPRINT_NONE, NULL },
	{ SPAN_TEXT("fingerprint"), THUMBPRINT_NONE, NULL },
	{ SPAN_TEXT("hash"), THUMBPRINT_NONE, NULL },
	{ SPAN_TEXT("issuer"), THUMBPRINT_NONE, "an issuer" },
	{ SPAN_TEXT("key"), THUMBPRINT_SPKI, "a digest of a key" },
	{ SPAN_TEXT("md5"), THUMBPRINT_NONE, "an MD5 fingerprint" },
	{ SPAN_TEXT("pin-sha256"), THUMBPRINT_SPKI, "a digest of a key" },
	{ SPAN_TEXT("public"), THUMBPRINT_SPKI, "a digest of a key" },
	{ SPAN_TEXT("serial"), THUMBPRINT_NONE, "a serial number" },
	{ SPAN_TEXT("sha-1"), THUMBPRINT_SHA1, NULL },
	{ SPAN_TEXT("sha-256"), THUMBPRINT_SHA256, NULL },
	{ SPAN_TEXT("sha-384"), THUMBPRINT_NONE, "a SHA-384" },
	{ SPAN_TEXT("sha-512"), THUMBPRINT_NONE, "a SHA-512" },
	{ SPAN_TEXT("sha1"), THUMBPRINT_SHA1, NULL },
	{ SPAN_TEXT("sha2-256"), THUMBPRINT_SHA256, NULL },
	{ SPAN_TEXT("sha384"), THUMBPRINT_NONE, "a SHA-384" },
	{ SPAN_TEXT("sha512"), THUMBPRINT_NONE, "a SHA-512" },
	{ SPAN_TEXT("spki"), THUMBPRINT_SPKI, NULL },
	{ SPAN_TEXT("subject"), THUMBPRINT_NONE, "a subject" },
	{ SPAN_TEXT("thumbprint"), THUMBPRINT_NONE, NULL },
	{ SPAN_TEXT("x5t#s256"), THUMBPRINT_SHA256, NULL },
	{ SPAN_TEXT("x5t"), THUMBPRINT_SHA1, NULL },
};

/* The word that text begins with; NULL if it is none of them. */
static const struct word *
find_word(struct span text)
{
	/* No word begins with as many hexadecimal digits. */
	if (text.len < 3 || hex_length((struct span){ text.ptr, 3 }) == 3)
		return NULL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct span word = words[i].text;
		if ((text.ptr[0] | ' ') != word.ptr[0] ||
		    !span_starts_nocase(text, word))
			continue;
		struct span rest = span_after(text, word.len);
		if (words[i].other != NULL ||
		    value_letters(rest, "0123456789") == 0)
			return &words[i];
	}
	return NULL;
}

bool
thumbprint_is_likely(struct span text)
{
	return find_word(text) != NULL ||
	       span_starts_nocase(text, SPAN("0x")) ||
	       (text.len > 0 && (strchr("\"'`", text.ptr[0]) != NULL ||
				 (unsigned char)text.ptr[0] >= 0x80));
}

/* The code point of the character that text, not empty, begins with; 0xfffd
 * (replacement character) if it is not UTF-8. */
static unsigned
code_point(struct span text)
{
	uint32_t c = 0xfffd;

	return span_character(text, &c) == 0 ? 0xfffd : c;
}

static void
skip_invisible(struct span *rest, struct warnings *warnings)
{
	size_t n = invisible_at(*rest);

	if (n == 0)
		return;
	error_set(warnings_next(warnings, rest->ptr),
		  "an invisible character (U+%04X) beside a thumbprint is "
		  "ignored",
		  code_point(*rest));
	while ((n = invisible_at(*rest)) > 0)
		*rest = span_after(*rest, n);
}

/* Take the words in front of the digits, such as `Cert Hash(sha1): `, and set
 * *kind if one of them names it. */
static bool
take_label(struct span *rest, enum thumbprint_kind *kind,
	   struct warnings *warnings, struct error *e)
{
	const struct word *word;

	*kind = THUMBPRINT_NONE;
	skip_invisible(rest, warnings);
	while ((word = find_word(*rest)) != NULL) {
		if (word->other != NULL)
			return error_set(e, "%s is not a thumbprint: %s",
					 word->other,
					 kinds[word->kind].expected);
		if (word->kind != THUMBPRINT_NONE && *kind != THUMBPRINT_NONE)
			return error_set(e, "two names of digests before a "
					    "thumbprint: expected one");
		if (word->kind != THUMBPRINT_NONE)
			*kind = word->kind;
		*rest = span_after(*rest, word->text.len);
		while (rest->len > 0 && memchr(" \t:=()", rest->ptr[0], 6))
			*rest = span_after(*rest, 1);
		skip_invisible(rest, warnings);
		*rest = span_skip_blanks(*rest);
	}
	if (span_starts_nocase(*rest, SPAN("0x")))
		*rest = span_after(*rest, 2);
	return true;
}

struct digits {
	uint8_t bytes[DIGEST_MAX_SIZE];
	size_t n; /* digits; only the last run can make it odd */
};

/* Take one run of digits, with ':' or '-' between bytes, and leave *rest
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

/* Take all groups; false as take_group(). */
static bool
take_digits(struct span *rest, struct digits *digits)
{
	if (!take_group(rest, digits))
		return false;
	bool one_word = kind_of_length(digits->n) != THUMBPRINT_NONE;
	while (!one_word && joins(*rest, digits->n)) {
		*rest = span_skip_blanks(*rest);
		if (!take_group(rest, digits))
			return false;
	}
	return true;
}

static bool
is_end(struct span rest)
{
	return rest.len == 0 || memchr(" \t,", rest.ptr[0], 3) != NULL;
}

/* 0 to 63, in the alphabet of RFC 4648 4 or 5; -1 for a byte that is in
 * neither. */
static int
base64_value(char c)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(letters, c);

	if (c == '-')
		return 62;
	if (c == '_')
		return 63;
	return at == NULL ? -1 : (int)(at - letters);
}

/* Return which kind of digest word, in base64, has the length of, and put the
 * digest into bytes; THUMBPRINT_NONE if it is something else. */
static enum thumbprint_kind
base64_read(struct span word, uint8_t bytes[DIGEST_MAX_SIZE])
{
	size_t digits = 0, n = 0;
	uint32_t bits = 0;

	while (word.len % 4 == 0 && word.len > 0 &&
	       word.ptr[word.len - 1] == '=')
		word.len--;
	n = word.len * 6 / 8;
	if ((n != DIGEST_SHA1_SIZE && n != DIGEST_SHA256_SIZE) ||
	    word.len % 4 == 0)
		return THUMBPRINT_NONE;
	for (size_t i = 0; i < word.len; i++) {
		int value = base64_value(word.ptr[i]);
		if (value < 0)
			return THUMBPRINT_NONE;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 > 0 && digits < n)
			bytes[digits++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return n == DIGEST_SHA1_SIZE ? THUMBPRINT_SHA1 : THUMBPRINT_SHA256;
}

/* Name a digest in base64.  Its digits are printed only if a name of a digest
 * is before it: an access key has the same form. */
static bool
explain_base64(struct span word, enum thumbprint_kind named, struct error *e)
{
	uint8_t bytes[DIGEST_MAX_SIZE];
	char digits[MAX_DIGITS];
	enum thumbprint_kind kind = base64_read(word, bytes);
	size_t n = thumbprint_size(kind);

	if (kind == THUMBPRINT_NONE || hex_length(word) == word.len)
		return false;
	hex_encode(bytes, n, digits);
	if (thumbprint_size(named) != n)
		error_set(e, "base64 is not a thumbprint: %s",
			  kinds[named].expected);
	else
		error_set(e, "base64 is not a thumbprint: %s (fix: write %.*s)",
			  kinds[named].expected, (int)(2 * n), digits);
	return true;
}

/* Name a character that ends the digits too early; false if it is none of
 * those that come with a copy. */
static bool
explain_character(struct span rest, struct error *e)
{
	static const struct {
		struct span text;
		const char *message;
	} marks[] = {
		{ SPAN_TEXT("#"), "expected a blank before a comment, or in a "
				  "setting a line of its own" },
		{ SPAN_TEXT(";"), "a ';' behind a thumbprint: expected a "
				  "blank" },
		{ SPAN_TEXT("\""), "a quote: expected a thumbprint without "
				   "quotes" },
		{ SPAN_TEXT("'"), "a quote: expected a thumbprint without "
				  "quotes" },
		{ SPAN_TEXT("`"), "a quote: expected a thumbprint without "
				  "quotes" },
		{ SPAN_TEXT("\n"), "a line break in a thumbprint: expected one "
				   "line" },
		{ SPAN_TEXT(":"), "misplaced ':' in a thumbprint: expected "
				  "two digits on both sides" },
		{ SPAN_TEXT("-"), "misplaced '-' in a thumbprint: expected "
				  "two digits on both sides" },
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (span_starts(rest, marks[i].text))
			return !error_set(e, "%s", marks[i].message);
	if ((unsigned char)rest.ptr[0] < 0x80)
		return false;
	return !error_set(e, "%s U+%04X in a thumbprint (fix: remove it)",
			  invisible_at(rest) > 0 ? "an invisible character"
						 : "the character",
			  code_point(rest));
}

/* Say why there is no thumbprint from begin on: *rest is behind n digits. */
static bool
explain(struct span *rest, struct span begin, size_t n,
	enum thumbprint_kind named, struct error *e)
{
	const char *expected = kinds[named].expected;
	struct span tail = begin, word;

	span_next(&tail, " \t,", &word);
	if (explain_base64(word, named, e)) {
		*rest = begin;
		return false;
	}
	if (rest->len > 1 && strchr(":-", rest->ptr[0]) != NULL &&
	    (unsigned char)rest->ptr[1] >= 0x80)
		*rest = span_after(*rest, 1);
	if (rest->len > 0 && hex_length(*rest) > 0)
		return error_set(e, "thumbprint of more than %d digits: %s",
				 MAX_DIGITS, expected);
	if (is_end(*rest)) {
		*rest = begin;
		return error_set(e, "thumbprint of %zu digits: %s", n,
				 expected);
	}
	if (explain_character(*rest, e))
		return false;
	return error_set(e, "invalid thumbprint of %zu characters: %s",
			 word.len, expected);
}

bool
thumbprint_take(struct span *rest, struct thumbprint *t,
		struct warnings *warnings, struct error *e)
{
	struct digits digits = { .n = 0 };
	enum thumbprint_kind named;

	*t = (struct thumbprint){ 0 };
	if (!take_label(rest, &named, warnings, e))
		return false;
	struct span begin = *rest;
	bool taken = take_digits(rest, &digits);
	enum thumbprint_kind kind =
		named == THUMBPRINT_NONE ? kind_of_length(digits.n) : named;
	size_t size = thumbprint_size(kind);
	struct span end = *rest;
	if (!taken || digits.n == 0 || digits.n != 2 * size)
		return explain(rest, begin, digits.n, named, e);
	skip_invisible(rest, warnings);
	if (!is_end(*rest)) {
		*rest = end;
		return explain(rest, begin, digits.n, named, e);
	}
	t->kind = kind;
	memcpy(t->digest, digits.bytes, sizeof(t->digest));
	return true;
}
