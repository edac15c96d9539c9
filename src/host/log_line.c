/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/hex.h"
#include "base/json_string.h"
#include "host/log_line.h"
#include "host/sites.h"
#include "protocol/certificate.h"
#include "protocol/name.h"

static void
add(struct log_fields *fields, const char *name, struct span value)
{
	fields->field[fields->n++] = (struct log_field){ name, value };
}

/* What cannot be a site's name is not shown: it may be a secret. */
static struct span
site_of(struct span name)
{
	return span_empty(name) || sites_is_name(name) ? name
						       : SPAN("(invalid)");
}

static struct span
digits(const struct thumbprint *t, char *text)
{
	hex_encode(t->digest, thumbprint_size(t->kind), text);
	return (struct span){ text, 2 * thumbprint_size(t->kind) };
}

static struct span
number_of(int64_t number, char text[LOG_LINE_NUMBER_MAX])
{
	uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;
	size_t n = span_of_number(size, text + 1).len + (number < 0);
	char *begin = text + LOG_LINE_NUMBER_MAX - n;

	if (number < 0)
		*begin = '-';
	return (struct span){ begin, n };
}

static struct span
serial_of(struct span bytes, char text[LOG_LINE_VALUE_MAX + 2])
{
	while (bytes.len > 1 && bytes.ptr[0] == '\0')
		bytes = span_after(bytes, 1);
	if (bytes.len > LOG_LINE_VALUE_MAX / 2 + 1)
		bytes.len = LOG_LINE_VALUE_MAX / 2 + 1;
	hex_encode((const uint8_t *)bytes.ptr, bytes.len, text);
	return (struct span){ text, 2 * bytes.len };
}

static struct span
name_of(struct span name, char text[LOG_LINE_VALUE_MAX + 1])
{
	return (struct span){ text,
			      name_write(name, text, LOG_LINE_VALUE_MAX + 1) };
}

static struct span
time_of(int64_t seconds, char text[LOG_LINE_TIME_MAX])
{
	struct date_time t;

	date_from_seconds(seconds, &t);
	int n = snprintf(text, LOG_LINE_TIME_MAX,
			 "%04d-%02d-%02dT%02d:%02d:%02dZ", t.year, t.month,
			 t.day, t.hour, t.minute, t.second);
	return (struct span){ text, (size_t)n };
}

/* Of a refusal by an entry, the user that it would have made of the client. */
static struct span
user_of(const struct answer *answer)
{
	const struct entry *entry = answer->decision.entry;

	if (answer->decision.verdict != VERDICT_ALLOW && entry != NULL &&
	    entry->terms != NULL && entry->terms->user != NULL)
		return span_of(entry->terms->user);
	return answer->user;
}

static void
add_certificate(struct log_fields *fields, const struct decision *d)
{
	const struct span unknown = { 0 };
	bool known = d->serial.ptr != NULL;
	bool dated = known && d->not_after != CERTIFICATE_NOT_AFTER_INVALID;

	add(fields, "sha1", digits(&d->sha1, fields->sha1));
	add(fields, "sha256", digits(&d->sha256, fields->sha256));
	add(fields, "spki", digits(&d->spki, fields->spki));
	add(fields, "serial",
	    known ? serial_of(d->serial, fields->serial) : unknown);
	add(fields, "issuer",
	    known ? name_of(d->issuer, fields->issuer) : unknown);
	add(fields, "not_after",
	    dated ? time_of(d->not_after, fields->not_after) : unknown);
}

/* Fields that only some lines have, at their end. */
static void
add_rest(struct log_fields *fields, const struct decision *d,
	 const struct log_details *details)
{
	if (d->serial.ptr != NULL &&
	    (d->reason == REASON_NOT_LISTED || d->would == REASON_NOT_LISTED))
		add(fields, "subject", name_of(d->subject, fields->subject));
	if (details->count > 0)
		add(fields, "count",
		    number_of((int64_t)details->count, fields->count));
	if (details->lost > 0)
		add(fields, "lost",
		    number_of((int64_t)details->lost, fields->lost));
}

void
log_fields_of(struct log_fields *fields, const struct answer *answer,
	      const struct log_details *details)
{
	const struct decision *d = &answer->decision;
	const struct span unknown = { 0 };
	bool allow = d->verdict == VERDICT_ALLOW;
	/* An entry of the variable has no line. */
	unsigned line = d->entry == NULL ? 0 : d->entry->line;
	int64_t sent;
	bool timed = date_time_parse(answer->time, &sent);

	fields->n = 0;
	add(fields, "verdict", allow ? SPAN("allow") : SPAN("deny"));
	add(fields, "reason", span_of(reason_name(d->reason)));
	if (d->reason == REASON_REPORT_ONLY)
		add(fields, "would", span_of(reason_name(d->would)));
	add(fields, "event", answer->event);
	add(fields, "signed", answer->verified ? SPAN("yes") : SPAN("no"));
	add(fields, "origin", answer->origin);
	add(fields, "hub", answer->hub);
	if (answer->site.ptr != NULL)
		add(fields, "site", site_of(answer->site));
	add(fields, "user", user_of(answer));
	add(fields, "connection", answer->connection);
	add_certificate(fields, d);
	add(fields, "code", span_of(answer->code));
	add(fields, "list", details->list);
	add(fields, "line",
	    line == 0 ? unknown : number_of(line, fields->line));
	if (d->chain.error != 0)
		add(fields, "verify",
		    number_of(d->chain.error, fields->verify));
	add(fields, "skew",
	    timed ? number_of(details->now - sent, fields->skew) : unknown);
	add(fields, "us",
	    details->count > 0 ? unknown
			       : number_of((int64_t)details->us, fields->us));
	add_rest(fields, d, details);
}

/* Printable ASCII but for the blank and =, " and \. */
static const bool plain[256] = {
	['!'] = true,
	['#' ... '<'] = true,
	['>' ... '['] = true,
	[']' ... '~'] = true,
};

/* The front of value that is written; a byte that is not plain takes cost. */
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

/* How many bytes at the front of s can be written as they are. */
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
log_line_text(struct buffer *out, const struct log_fields *fields)
{
	for (size_t i = 0; i < fields->n; i++) {
		const struct log_field *field = &fields->field[i];
		if (i > 0)
			buffer_add_byte(out, ' ');
		buffer_add(out, span_of(field->name));
		buffer_add_byte(out, '=');
		if (span_empty(field->value))
			buffer_add_byte(out, '-');
		log_line_escape(out, field->value);
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
log_line_json(struct buffer *out, const struct log_fields *fields)
{
	for (size_t i = 0; i < fields->n; i++) {
		const struct log_field *field = &fields->field[i];
		if (i > 0)
			buffer_add_byte(out, ',');
		json_string_add_bytes(out, span_of(field->name));
		buffer_add_byte(out, ':');
		if (span_empty(field->value))
			buffer_add(out, SPAN("null"));
		else
			add_json(out, field->value);
	}
}

/* Many lines are of one second: its text is made once. */
void
log_line_time(struct buffer *out, int64_t seconds)
{
	static char text[LOG_LINE_TIME_MAX];
	static struct span made;
	static int64_t of;

	if (made.len == 0 || seconds != of)
		made = time_of(seconds, text);
	of = seconds;
	buffer_add(out, made);
}
