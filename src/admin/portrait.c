/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <time.h>

#include "admin/portrait.h"
#include "admin/print.h"
#include "protocol/certificate_text.h"

enum {
	TEXT_MAX = 65536, /* bytes of subject, issuer or names */
	BRIEF_TEXT = 160, /* bytes of one line */
	BRIEF_NAMES = 8
};

void
portrait_take(struct portrait *p, struct span der, const struct certificate *c)
{
	p->not_before = c->not_before;
	p->not_after = c->not_after;
	p->sha1 = thumbprint_of(THUMBPRINT_SHA1, c->sha1);
	p->sha256 = thumbprint_of(THUMBPRINT_SHA256, c->sha256);
	p->spki = thumbprint_of(THUMBPRINT_SPKI, c->spki);
	buffer_init(&p->subject, TEXT_MAX);
	buffer_init(&p->issuer, TEXT_MAX);
	buffer_init(&p->names, TEXT_MAX);
	if (!certificate_text(der, &p->subject, &p->issuer, &p->names))
		buffer_clear(&p->names);
}

void
portrait_free(struct portrait *p)
{
	buffer_free(&p->subject);
	buffer_free(&p->issuer);
	buffer_free(&p->names);
}

static void
print_line(const char *indent, const char *name, struct span text, bool brief)
{
	bool cut = brief && text.len > BRIEF_TEXT;

	if (cut)
		text.len = BRIEF_TEXT;
	print("%s%-10s ", indent, name);
	print_text(text);
	print("%s\n", cut ? "..." : "");
}

void
portrait_print_names(const struct portrait *p, const char *indent, bool brief)
{
	struct span names = buffer_span(&p->names);
	unsigned n = 0;

	print_line(indent, "subject", buffer_span(&p->subject), brief);
	print_line(indent, "issuer", buffer_span(&p->issuer), brief);
	for (; names.len > 0; n++) {
		struct span one = span_of(names.ptr);
		if (!brief || n < BRIEF_NAMES)
			print_line(indent, "name", one, brief);
		names = span_after(names, one.len + 1);
	}
	if (brief && n > BRIEF_NAMES)
		print("%s%-10s and %u more\n", indent, "name", n - BRIEF_NAMES);
}

static void
print_pin(const char *name, const struct thumbprint *t)
{
	print("%-10s ", name);
	print_digits(t);
	print("\n");
}

static bool
are_dates(const struct portrait *p)
{
	return p->not_before != CERTIFICATE_NOT_BEFORE_INVALID &&
	       p->not_after != CERTIFICATE_NOT_AFTER_INVALID;
}

void
portrait_print_pins(const struct portrait *p)
{
	int64_t now = (int64_t)time(NULL);

	print("%-10s ", "valid");
	if (p->not_before == CERTIFICATE_NOT_BEFORE_INVALID)
		print("notBefore: invalid date");
	else
		print_date(p->not_before);
	print(" to ");
	if (p->not_after == CERTIFICATE_NOT_AFTER_INVALID)
		print("notAfter: invalid date");
	else
		print_date(p->not_after);
	print("%s\n", !are_dates(p)	    ? ""
		      : now > p->not_after  ? " (it has ended)"
		      : now < p->not_before ? " (not yet)"
					    : "");
	print_pin("sha1", &p->sha1);
	print_pin("sha256", &p->sha256);
	print_pin("spki", &p->spki);
}

void
portrait_print_json(const struct portrait *p)
{
	struct span names = buffer_span(&p->names);

	print_json_string("subject", buffer_span(&p->subject));
	print_json_string("issuer", buffer_span(&p->issuer));
	print_json_open("names", '[');
	while (names.len > 0) {
		struct span one = span_of(names.ptr);
		print_json_string(NULL, one);
		names = span_after(names, one.len + 1);
	}
	print_json_close(']');
	if (p->not_before == CERTIFICATE_NOT_BEFORE_INVALID)
		print_json_string("from", SPAN("invalid date"));
	else
		print_json_date("from", p->not_before);
	if (p->not_after == CERTIFICATE_NOT_AFTER_INVALID)
		print_json_string("to", SPAN("invalid date"));
	else
		print_json_date("to", p->not_after);
	print_json_digits("sha1", &p->sha1);
	print_json_digits("sha256", &p->sha256);
	print_json_digits("spki", &p->spki);
}
