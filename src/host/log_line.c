/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/date.h"
#include "base/hex.h"
#include "base/json.h"
#include "host/log_line.h"
#include "protocol/certificate.h"

const struct log_field_name log_field_names[FIELDS] = {
	[FIELD_VERDICT] = { SPAN_TEXT("verdict"), SPAN_TEXT("VERDICT"), false },
	[FIELD_REASON] = { SPAN_TEXT("reason"), SPAN_TEXT("REASON"), false },
	[FIELD_WOULD] = { SPAN_TEXT("would"), SPAN_TEXT("WOULD"), true },
	[FIELD_EVENT] = { SPAN_TEXT("event"), SPAN_TEXT("EVENT"), false },
	[FIELD_SIGNED] = { SPAN_TEXT("signed"), SPAN_TEXT("SIGNED"), false },
	[FIELD_ORIGIN] = { SPAN_TEXT("origin"), SPAN_TEXT("ORIGIN"), false },
	[FIELD_HUB] = { SPAN_TEXT("hub"), SPAN_TEXT("HUB"), false },
	[FIELD_SITE] = { SPAN_TEXT("site"), SPAN_TEXT("SITE"), true },
	[FIELD_USER] = { SPAN_TEXT("user"), SPAN_TEXT("USER"), false },
	[FIELD_CONNECTION] = { SPAN_TEXT("connection"), SPAN_TEXT("CONNECTION"),
			       false },
	[FIELD_SHA1] = { SPAN_TEXT("sha1"), SPAN_TEXT("SHA1"), false },
	[FIELD_SHA256] = { SPAN_TEXT("sha256"), SPAN_TEXT("SHA256"), false },
	[FIELD_SPKI] = { SPAN_TEXT("spki"), SPAN_TEXT("SPKI"), false },
	[FIELD_SERIAL] = { SPAN_TEXT("serial"), SPAN_TEXT("SERIAL"), false },
	[FIELD_ISSUER] = { SPAN_TEXT("issuer"), SPAN_TEXT("ISSUER"), false },
	[FIELD_NOT_AFTER] = { SPAN_TEXT("not_after"), SPAN_TEXT("NOT_AFTER"),
			      false },
	[FIELD_CODE] = { SPAN_TEXT("code"), SPAN_TEXT("CODE"), false },
	[FIELD_LIST] = { SPAN_TEXT("list"), SPAN_TEXT("LIST"), false },
	[FIELD_LINE] = { SPAN_TEXT("line"), SPAN_TEXT("LINE"), false },
	[FIELD_VERIFY] = { SPAN_TEXT("verify"), SPAN_TEXT("VERIFY"), true },
	[FIELD_SKEW] = { SPAN_TEXT("skew"), SPAN_TEXT("SKEW"), false },
	[FIELD_US] = { SPAN_TEXT("us"), SPAN_TEXT("US"), false },
	[FIELD_SUBJECT] = { SPAN_TEXT("subject"), SPAN_TEXT("SUBJECT"), true },
	[FIELD_COUNT] = { SPAN_TEXT("count"), SPAN_TEXT("COUNT"), true },
	[FIELD_LOST] = { SPAN_TEXT("lost"), SPAN_TEXT("LOST"), true },
};

enum log_field
log_field_find(struct span name)
{
	for (size_t i = 0; i < FIELDS; i++) {
		struct span known = log_field_names[i].name;
		if (known.len == name.len &&
		    known.ptr[0] == (name.ptr[0] | 0x20) &&
		    span_equal_nocase(known, name))
			return (enum log_field)i;
	}
	return FIELDS;
}

/* Return room for n bytes of the line; it is large enough for all values. */
static char *
take(struct log_line *line, size_t n)
{
	char *room = line->room + line->used;

	line->used += n;
	assert(line->used <= sizeof(line->room));
	return room;
}

struct span
log_line_site(struct span name)
{
	return span_empty(name) || request_is_site(name) ? name
							 : SPAN("(invalid)");
}

static struct span
digits_of(struct log_line *line, const uint8_t *bytes, size_t n)
{
	char *text = take(line, 2 * n);

	hex_encode(bytes, n, text);
	return (struct span){ text, 2 * n };
}

static struct span
digest_of(struct log_line *line, const struct thumbprint *t)
{
	return digits_of(line, t->digest, thumbprint_size(t->kind));
}

static struct span
number_of(struct log_line *line, int64_t number)
{
	uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char *text = take(line, SPAN_DIGITS_MAX + 1);
	struct span digits = span_of_number(size, text + 1);

	if (number >= 0)
		return digits;
	memmove(text + 1, digits.ptr, digits.len);
	text[0] = '-';
	return (struct span){ text, digits.len + 1 };
}

/* Return the serial number with one byte more than is written, so that the
 * writer marks it as cut. */
static struct span
serial_of(struct log_line *line, struct span bytes)
{
	while (bytes.len > 1 && bytes.ptr[0] == '\0')
		bytes = span_after(bytes, 1);
	if (bytes.len > LOG_LINE_VALUE_MAX / 2 + 1)
		bytes.len = LOG_LINE_VALUE_MAX / 2 + 1;
	return digits_of(line, (const uint8_t *)bytes.ptr, bytes.len);
}

static struct span
name_of(struct log_line *line, struct span name)
{
	char *text = take(line, LOG_LINE_VALUE_MAX + 1);

	return (struct span){
		text, certificate_write_name(name, text, LOG_LINE_VALUE_MAX + 1)
	};
}

static const char time_form[] = "0000-00-00T00:00:00Z";

enum { TIME_LENGTH = sizeof(time_form) - 1 };

static void
write_digits(char *text, size_t n, int number)
{
	for (; n > 0; number /= 10)
		text[--n] = (char)('0' + number % 10);
}

static struct span
time_of(int64_t seconds, char text[TIME_LENGTH])
{
	struct date_time t;

	date_from_seconds(seconds, &t);
	memcpy(text, time_form, TIME_LENGTH);
	write_digits(text, 4, t.year);
	write_digits(text + 5, 2, t.month);
	write_digits(text + 8, 2, t.day);
	write_digits(text + 11, 2, t.hour);
	write_digits(text + 14, 2, t.minute);
	write_digits(text + 17, 2, t.second);
	return (struct span){ text, TIME_LENGTH };
}

/* Return the user id; for a refusal by an entry, the one of the entry. */
static struct span
user_of(const struct answer *answer)
{
	const struct entry *entry = answer->decision.entry;

	if (answer->decision.verdict != VERDICT_ALLOW && entry != NULL &&
	    entry->user != NULL)
		return span_of(entry->user);
	return answer->user;
}

static bool
is_about_name(enum reason reason)
{
	return reason == REASON_NOT_LISTED || reason == REASON_ENTRY_NAME;
}

static void
fill_certificate(struct log_line *line, const struct decision *d)
{
	struct span *value = line->value;

	value[FIELD_SHA1] = digest_of(line, &d->sha1);
	value[FIELD_SHA256] = digest_of(line, &d->sha256);
	value[FIELD_SPKI] = digest_of(line, &d->spki);
	if (d->serial.ptr == NULL)
		return;
	value[FIELD_SERIAL] = serial_of(line, d->serial);
	value[FIELD_ISSUER] = name_of(line, d->issuer);
	if (d->not_after != CERTIFICATE_NOT_AFTER_INVALID)
		value[FIELD_NOT_AFTER] =
			time_of(d->not_after, take(line, TIME_LENGTH));
	if (is_about_name(d->reason) || is_about_name(d->would))
		value[FIELD_SUBJECT] = name_of(line, d->subject);
}

static void
fill_numbers(struct log_line *line, const struct answer *answer,
	     const struct log_details *details)
{
	const struct decision *d = &answer->decision;
	struct span *value = line->value;
	int64_t sent;

	if (d->entry != NULL && d->entry->line == ENTRY_LINE_STORED)
		value[FIELD_LINE] = SPAN("store");
	else if (d->entry != NULL && d->entry->line != 0)
		value[FIELD_LINE] = number_of(line, d->entry->line);
	if (d->chain.error != 0)
		value[FIELD_VERIFY] = number_of(line, d->chain.error);
	if (date_time_parse(answer->time, &sent))
		value[FIELD_SKEW] = number_of(line, details->now - sent);
	if (details->count > 0)
		value[FIELD_COUNT] = number_of(line, (int64_t)details->count);
	else
		value[FIELD_US] = number_of(line, (int64_t)details->us);
	if (details->lost > 0)
		value[FIELD_LOST] = number_of(line, (int64_t)details->lost);
}

void
log_line_fill(struct log_line *line, const struct answer *answer,
	      const struct log_details *details)
{
	const struct decision *d = &answer->decision;
	bool allow = d->verdict == VERDICT_ALLOW;
	struct span *value = line->value;

	memset(line->value, 0, sizeof(line->value));
	line->used = 0;
	value[FIELD_VERDICT] = allow ? SPAN("allow") : SPAN("deny");
	value[FIELD_REASON] = span_of(reason_name(d->reason));
	if (d->reason == REASON_REPORT_ONLY)
		value[FIELD_WOULD] = span_of(reason_name(d->would));
	value[FIELD_EVENT] = answer->event;
	value[FIELD_SIGNED] = answer->verified ? SPAN("yes") : SPAN("no");
	value[FIELD_ORIGIN] = answer->origin;
	value[FIELD_HUB] = answer->hub;
	value[FIELD_SITE] = log_line_site(answer->site);
	value[FIELD_USER] = user_of(answer);
	value[FIELD_CONNECTION] = answer->connection;
	value[FIELD_CODE] = span_of(answer->code);
	value[FIELD_LIST] = details->list;
	fill_certificate(line, d);
	fill_numbers(line, answer, details);
}

/* Set *i to the next field that is written; return false after the last. */
static bool
next_field(const struct log_line *line, size_t *i)
{
	while (*i < FIELDS && log_field_names[*i].optional &&
	       line->value[*i].ptr == NULL)
		++*i;
	return *i < FIELDS;
}

/* Printable ASCII but for the blank and =, " and \. */
static const bool plain[256] = {
	['!'] = true,
	['#' ... '<'] = true,
	['>' ... '['] = true,
	[']' ... '~'] = true,
};

bool
log_line_may_be_cut(struct span value)
{
	const struct span mark = SPAN("...");
	const size_t least = LOG_LINE_ESCAPED_MAX / (sizeof("\\u00HH") - 1);

	return value.len >= least + mark.len &&
	       span_equal(span_after(value, value.len - mark.len), mark);
}

/* Return the part of value that is written; a byte that is not plain takes
 * cost. */
static struct span
shorten(struct span value, size_t cost)
{
	size_t n = 0, written = 0;

	while (n < value.len && n < LOG_LINE_VALUE_MAX) {
		written += plain[(unsigned char)value.ptr[n]] ? 1 : cost;
		if (written > LOG_LINE_ESCAPED_MAX)
			break;
		n++;
	}
	value.len = n;
	return value;
}

/* Return the number of leading bytes of s that need no escape. */
static size_t
plain_length(struct span s)
{
	size_t n = 0;

	while (n < s.len && plain[(unsigned char)s.ptr[n]])
		n++;
	return n;
}

void
log_line_escape(struct buffer *out, struct span value)
{
	if (value.len <= LOG_LINE_VALUE_MAX &&
	    plain_length(value) == value.len) { /* nearly always */
		buffer_add(out, value);
		return;
	}
	struct span rest = shorten(value, sizeof("\\xHH") - 1);
	bool cut = rest.len < value.len;

	while (rest.len > 0) {
		char digits[2];
		size_t n = plain_length(rest);
		buffer_add(out, (struct span){ rest.ptr, n });
		rest = span_after(rest, n);
		if (rest.len == 0)
			break;
		hex_encode((const uint8_t *)rest.ptr, 1, digits);
		buffer_add(out, SPAN("\\x"));
		buffer_add(out, (struct span){ digits, sizeof(digits) });
		rest = span_after(rest, 1);
	}
	if (cut)
		buffer_add(out, SPAN("..."));
}

void
log_line_text(struct buffer *out, const struct log_line *line)
{
	for (size_t i = 0; next_field(line, &i); i++) {
		if (i > 0)
			buffer_add_byte(out, ' ');
		buffer_add(out, log_field_names[i].name);
		buffer_add_byte(out, '=');
		if (span_empty(line->value[i]))
			buffer_add_byte(out, '-');
		log_line_escape(out, line->value[i]);
	}
}

void
log_line_journal(struct buffer *out, const struct log_line *line)
{
	for (size_t i = 0; next_field(line, &i); i++) {
		buffer_add_byte(out, '\n');
		buffer_add(out, log_field_names[i].journal);
		buffer_add_byte(out, '=');
		log_line_escape(out, line->value[i]);
	}
}

static void
add_json(struct buffer *out, struct span value)
{
	const struct span mark = SPAN("...");
	char text[LOG_LINE_VALUE_MAX + 3];
	struct span front = shorten(value, sizeof("\\u00HH") - 1);

	if (front.len < value.len) {
		memcpy(text, front.ptr, front.len);
		memcpy(text + front.len, mark.ptr, mark.len);
		front = (struct span){ text, front.len + mark.len };
	}
	json_string_add_bytes(out, front);
}

void
log_line_json(struct buffer *out, const struct log_line *line)
{
	for (size_t i = 0; next_field(line, &i); i++) {
		if (i > 0)
			buffer_add_byte(out, ',');
		json_string_add_bytes(out, log_field_names[i].name);
		buffer_add_byte(out, ':');
		if (span_empty(line->value[i]))
			buffer_add(out, SPAN("null"));
		else
			add_json(out, line->value[i]);
	}
}

/* The text of a second is cached: many lines are of the same second. */
void
log_line_time(struct buffer *out, int64_t seconds)
{
	static char text[TIME_LENGTH];
	static struct span made;
	static int64_t of;

	if (made.len == 0 || seconds != of)
		made = time_of(seconds, text);
	of = seconds;
	buffer_add(out, made);
}

const enum log_field log_pin_field[] = {
	[THUMBPRINT_SHA256] = FIELD_SHA256,
	[THUMBPRINT_SPKI] = FIELD_SPKI,
	[THUMBPRINT_SHA1] = FIELD_SHA1,
};

bool
log_pin_read(enum thumbprint_kind kind, struct span value,
	     struct thumbprint *pin)
{
	uint8_t digest[DIGEST_MAX_SIZE];

	if (!hex_decode(value, digest, thumbprint_size(kind)))
		return false;
	*pin = thumbprint_of(kind, digest);
	return true;
}
