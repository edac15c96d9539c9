/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "base/hex.h"
#include "base/json.h"

static void
add_escaped(struct buffer *out, char c)
{
	char digits[2];

	if (c == '"' || c == '\\') {
		buffer_add_byte(out, '\\');
		buffer_add_byte(out, c);
		return;
	}
	hex_encode((const uint8_t *)&c, 1, digits);
	buffer_add(out, SPAN("\\u00"));
	buffer_add(out, (struct span){ digits, sizeof(digits) });
}

/* Bytes from ' ' to last stand for themselves. */
static void
add(struct buffer *out, struct span text, unsigned char last)
{
	buffer_add_byte(out, '"');
	while (text.len > 0) {
		size_t n = 0;
		while (n < text.len && text.ptr[n] != '"' &&
		       text.ptr[n] != '\\' &&
		       (unsigned char)text.ptr[n] >= ' ' &&
		       (unsigned char)text.ptr[n] <= last)
			n++;
		buffer_add(out, (struct span){ text.ptr, n });
		text = span_after(text, n);
		if (text.len == 0)
			break;
		add_escaped(out, text.ptr[0]);
		text = span_after(text, 1);
	}
	buffer_add_byte(out, '"');
}

void
json_string_add(struct buffer *out, struct span text)
{
	add(out, text, UINT8_MAX);
}

void
json_string_add_bytes(struct buffer *out, struct span bytes)
{
	add(out, bytes, '~');
}

/* A word of eight bytes that are all b. */
#define EIGHT(b) (0x0101010101010101 * (uint64_t)(b))

struct scanner {
	struct span rest;
	size_t depth, values;
	struct buffer names; /* struct span: of the objects that are open */
	struct buffer decoded; /* borrowed by the names that had escapes */
	struct json_member *found;
	size_t n;
	bool duplicate;
};

/* Return the number of bytes before the first control character, quote,
 * backslash or byte that is not ASCII.  Subtraction sets the highest bit of an
 * ASCII byte that is less than the byte subtracted. */
static size_t
plain_length(struct span s)
{
	size_t n = 0;
	uint64_t word;

	for (; s.len - n >= sizeof(word); n += sizeof(word)) {
		memcpy(&word, s.ptr + n, sizeof(word));
		if (((word | (word - EIGHT(' ')) |
		      ((word ^ EIGHT('"')) - EIGHT(1)) |
		      ((word ^ EIGHT('\\')) - EIGHT(1))) &
		     EIGHT(0x80)) != 0)
			break;
	}
	for (; n < s.len; n++) {
		unsigned char c = (unsigned char)s.ptr[n];
		if (c < ' ' || c >= 0x80 || c == '"' || c == '\\')
			break;
	}
	return n;
}

static bool
read_code_unit(struct span s, uint32_t *unit)
{
	uint8_t bytes[2];

	if (s.len < 6 || s.ptr[0] != '\\' || s.ptr[1] != 'u' ||
	    !hex_decode((struct span){ s.ptr + 2, 4 }, bytes, sizeof(bytes)))
		return false;
	*unit = (uint32_t)bytes[0] << 8 | bytes[1];
	return true;
}

/* Return the length of the character, escaped or not, at the front of s, which
 * is not empty; 0 if it is invalid. */
static size_t
read_character(struct span s, uint32_t *c)
{
	static const char escapes[256] = {
		['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
		['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
	};
	uint32_t low;

	if (s.ptr[0] != '\\')
		return (unsigned char)s.ptr[0] < ' ' ? 0 : span_character(s, c);
	*c = s.len < 2 ? 0 : (uint32_t)escapes[(unsigned char)s.ptr[1]];
	if (*c != 0)
		return 2;
	if (!read_code_unit(s, c))
		return 0;
	if (*c >> 10 != 0xd800 >> 10 ||
	    !read_code_unit(span_after(s, 6), &low) ||
	    low >> 10 != 0xdc00 >> 10)
		return 6;
	*c = 0x10000 + ((*c & 0x3ff) << 10 | (low & 0x3ff));
	return 12;
}

/* Replace a name by its decoded form, in UTF-8.  False if it has a NUL or half
 * a surrogate pair, or if there is no memory. */
static bool
decode_name(struct scanner *s, struct span *name)
{
	struct buffer *out = &s->decoded;
	char *begin = buffer_reserve(out, out->max - out->len), *at = begin;
	struct span rest = *name;

	if (begin == NULL)
		return false;
	while (rest.len > 0) {
		uint32_t c;
		rest = span_after(rest, read_character(rest, &c));
		if (c == 0 || (c >= 0xd800 && c <= 0xdfff))
			return false;
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		for (size_t i = n; i-- > 1; c >>= 6)
			at[i] = (char)(0x80 | (c & 0x3f));
		at[0] = (char)(n == 1 ? c : (0xf00U >> n | c));
		at += n;
	}
	*name = (struct span){ begin, (size_t)(at - begin) };
	out->len += name->len;
	return true;
}

static int
compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->ptr, y->ptr, x->len);
}

static bool
take(struct scanner *s, char c)
{
	if (s->rest.len == 0 || s->rest.ptr[0] != c)
		return false;
	s->rest = span_after(s->rest, 1);
	return true;
}

static void
skip_blanks(struct scanner *s)
{
	while (take(s, ' ') || take(s, '\n') || take(s, '\r') || take(s, '\t'))
		continue;
}

/* *text: the bytes between the quotes. */
static bool
read_string(struct scanner *s, struct span *text)
{
	uint32_t c;

	if (!take(s, '"'))
		return false;
	const char *begin = s->rest.ptr;
	for (;;) {
		s->rest = span_after(s->rest, plain_length(s->rest));
		*text = (struct span){ begin, (size_t)(s->rest.ptr - begin) };
		if (take(s, '"'))
			return true;
		size_t n = s->rest.len == 0 ? 0 : read_character(s->rest, &c);
		if (n == 0)
			return false;
		s->rest = span_after(s->rest, n);
	}
}

static bool
read_digits(struct scanner *s)
{
	size_t n = 0;

	while (n < s->rest.len && s->rest.ptr[n] >= '0' &&
	       s->rest.ptr[n] <= '9')
		n++;
	s->rest = span_after(s->rest, n);
	return n > 0;
}

/* RFC 8259 6. */
static bool
read_number(struct scanner *s)
{
	(void)take(s, '-');
	if (!take(s, '0') && !read_digits(s))
		return false;
	if (take(s, '.') && !read_digits(s))
		return false;
	if (!take(s, 'e') && !take(s, 'E'))
		return true;
	(void)(take(s, '+') || take(s, '-'));
	return read_digits(s);
}

static bool read_members(struct scanner *s, char end);

static bool
read_value(struct scanner *s)
{
	static const struct span words[] = { SPAN_TEXT("true"),
					     SPAN_TEXT("false"),
					     SPAN_TEXT("null") };
	struct span text;

	if (++s->values > JSON_MAX_VALUES)
		return false;
	if (take(s, '{'))
		return read_members(s, '}');
	if (take(s, '['))
		return read_members(s, ']');
	if (s->rest.len > 0 && s->rest.ptr[0] == '"')
		return read_string(s, &text);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!span_starts(s->rest, words[i]))
			continue;
		s->rest = span_after(s->rest, words[i].len);
		return true;
	}
	return read_number(s);
}

/* A member of an object. */
static bool
read_member(struct scanner *s)
{
	struct span name;

	if (!read_string(s, &name))
		return false;
	if (memchr(name.ptr, '\\', name.len) != NULL && !decode_name(s, &name))
		return false;
	buffer_add(&s->names,
		   (struct span){ (const char *)&name, sizeof(name) });
	skip_blanks(s);
	if (!take(s, ':') || s->names.failed)
		return false;
	skip_blanks(s);
	const char *begin = s->rest.ptr;
	size_t values = s->values;
	if (!read_value(s))
		return false;
	size_t length = (size_t)(s->rest.ptr - begin);
	for (size_t i = 0; i < s->n && s->depth == 1; i++) {
		struct json_member *found = &s->found[i];
		if (!span_equal(found->name, name))
			continue;
		found->value = (struct span){ begin, length };
		found->values = s->values - values;
	}
	return true;
}

/* Sorted: a client may send thousands of names. */
static void
compare_names(struct scanner *s, size_t begin)
{
	size_t n = (s->names.len - begin) / sizeof(struct span);

	s->names.len = begin;
	if (n < 2)
		return;
	struct span *names = (void *)(s->names.data + begin);
	qsort(names, n, sizeof(*names), compare);
	for (size_t i = 1; i < n; i++)
		if (compare(&names[i - 1], &names[i]) == 0)
			s->duplicate = true;
}

/* The rest of an array or an object, from behind its first bracket. */
static bool
read_members(struct scanner *s, char end)
{
	size_t begin = s->names.len;

	if (++s->depth > JSON_MAX_DEPTH)
		return false;
	skip_blanks(s);
	if (!take(s, end)) {
		do {
			skip_blanks(s);
			if (!(end == '}' ? read_member(s) : read_value(s)))
				return false;
			skip_blanks(s);
		} while (take(s, ','));
		if (!take(s, end))
			return false;
	}
	s->depth--;
	compare_names(s, begin);
	return true;
}

bool
json_read(struct span text, struct json_member *found, size_t n,
	  bool *duplicate)
{
	struct scanner s = { .rest = text, .found = found, .n = n };

	buffer_init(&s.decoded, text.len);
	buffer_init(&s.names, JSON_MAX_VALUES * sizeof(struct span));
	skip_blanks(&s);
	bool ok = s.rest.len > 0 && s.rest.ptr[0] == '{' && read_value(&s);
	skip_blanks(&s);
	*duplicate = s.duplicate;
	buffer_free(&s.names);
	buffer_free(&s.decoded);
	return ok && s.rest.len == 0;
}
