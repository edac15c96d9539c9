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

/* Of the entry that decided; an entry of the variable has none. */
static struct span
line_of(const struct entry *entry, char text[SPAN_DIGITS_MAX])
{
	if (entry == NULL || entry->line == 0)
		return (struct span){ 0 };
	return span_of_number(entry->line, text);
}

void
log_fields_of(struct log_fields *fields, const struct answer *answer,
	      struct span list)
{
	const struct decision *d = &answer->decision;
	bool allow = d->verdict == VERDICT_ALLOW;

	fields->n = 0;
	add(fields, "verdict", allow ? SPAN("allow") : SPAN("deny"));
	add(fields, "reason", span_of(reason_name(d->reason)));
	add(fields, "event", answer->event);
	add(fields, "origin", answer->origin);
	add(fields, "hub", answer->hub);
	add(fields, "user", answer->user);
	add(fields, "connection", answer->connection);
	add(fields, "sha1", digits(&d->sha1, fields->sha1));
	add(fields, "sha256", digits(&d->sha256, fields->sha256));
	add(fields, "code", span_of(answer->code));
	add(fields, "list", list);
	add(fields, "line", line_of(d->entry, fields->line));
	if (answer->site.ptr != NULL)
		add(fields, "site", site_of(answer->site));
	if (d->reason == REASON_REPORT_ONLY)
		add(fields, "would", span_of(reason_name(d->would)));
	if (d->chain.error != 0)
		add(fields, "verify",
		    span_of_number((uint64_t)d->chain.error, fields->verify));
}

static struct span
shorten(struct span value)
{
	if (value.len > LOG_LINE_VALUE_MAX)
		value.len = LOG_LINE_VALUE_MAX;
	return value;
}

/* Printable ASCII but for the blank and =, " and \. */
static const bool plain[256] = {
	['!'] = true,
	['#' ... '<'] = true,
	['>' ... '['] = true,
	[']' ... '~'] = true,
};

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
	struct span rest = shorten(value);
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
			json_string_add_bytes(out, shorten(field->value));
	}
}

/* Many lines are of one second: its text is made once. */
void
log_line_time(struct buffer *out, int64_t seconds)
{
	static char text[sizeof("YYYY-MM-DDTHH:MM:SSZ") + 16];
	static int64_t made;
	struct date_time t;

	if (text[0] == '\0' || seconds != made) {
		date_from_seconds(seconds, &t);
		(void)snprintf(text, sizeof(text),
			       "%04d-%02d-%02dT%02d:%02d:%02dZ", t.year,
			       t.month, t.day, t.hour, t.minute, t.second);
		made = seconds;
	}
	buffer_add(out, span_of(text));
}
