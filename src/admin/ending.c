/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "admin/ending.h"
#include "admin/input.h"
#include "admin/setup.h"
#include "base/date.h"
#include "base/lines.h"
#include "protocol/pem.h"
#include "protocol/pem_file.h"

/* Days before the end, the least first. */
static const int horizons[] = { 1, 7, 14, 30 };

struct place {
	struct findings *findings;
	const char *path;
	unsigned line;
	int64_t now;
};

static void
warn(const struct place *place, const char *what, int64_t end)
{
	int64_t left = end - place->now;
	struct date_time t;

	date_from_seconds(end, &t);
	if (left < 0)
		findings_warn(place->findings, place->path, place->line,
			      "%s ended on %04d-%02d-%02d", what, t.year,
			      t.month, t.day);
	for (size_t i = 0; left >= 0 && i < sizeof(horizons) / sizeof(int);
	     i++) {
		if (left > (int64_t)horizons[i] * DATE_DAY_SECONDS)
			continue;
		findings_warn(place->findings, place->path, place->line,
			      "%s ends within %d day%s, on %04d-%02d-%02d",
			      what, horizons[i], horizons[i] == 1 ? "" : "s",
			      t.year, t.month, t.day);
		return;
	}
}

static void
warn_certificate(const struct place *place, const struct certificate *c)
{
	if (c->not_before == CERTIFICATE_NOT_BEFORE_INVALID)
		findings_warn(place->findings, place->path, place->line,
			      "the certificate's notBefore is not a valid "
			      "date");
	if (c->not_after == CERTIFICATE_NOT_AFTER_INVALID)
		findings_warn(place->findings, place->path, place->line,
			      "the certificate's notAfter is not a valid date");
	else
		warn(place, "the certificate", c->not_after);
}

/* The certificate of a file: entry, which is read again for its end. */
static void
look_at_file(const struct place *place, struct span pin)
{
	struct span prefix = SPAN("file:");
	struct certificate c;
	struct buffer text, der;
	struct error e = { 0 };

	if (!span_starts(pin, prefix))
		return;
	char *path = span_copy(span_after(pin, prefix.len));
	buffer_init(&text, PEM_MAX);
	buffer_init(&der, PEM_MAX);
	if (path != NULL &&
	    setup_files.read(setup_files.context, path, &text, &e)) {
		if (pem_file_only(buffer_span(&text), &der, &c, &e))
			warn_certificate(place, &c);
		if (pem_file_has_key(buffer_span(&text)))
			findings_warn(place->findings, place->path, place->line,
				      "%s has a private key, which is not "
				      "needed (fix: openssl x509 -in %s -out "
				      "NEW)",
				      path, path);
	}
	buffer_wipe(&text);
	buffer_free(&der);
	free(path);
}

static void
warn_part(const struct place *place, const char *what, int64_t from, int64_t to)
{
	struct date_time t;

	if (from > place->now) {
		date_from_seconds(from, &t);
		findings_warn(place->findings, place->path, place->line,
			      "%s is not valid before %04d-%02d-%02d", what,
			      t.year, t.month, t.day);
	}
	warn(place, what, to);
}

/* A CA whose CRLs are all of another time. */
static void
check_current(const struct place *place, const struct chain_trust *trust,
	      size_t i)
{
	struct error e = { .line = place->line };
	bool has_crl = false, is_current = false;
	struct buffer name;

	for (size_t k = 0; k < trust->n_crls; k++) {
		const struct crl *crl = &trust->crls[k];
		if ((crl->signers >> i & 1) == 0)
			continue;
		has_crl = true;
		is_current |= crl->from <= place->now && place->now <= crl->to;
	}
	if (!has_crl || is_current)
		return;
	buffer_init(&name, CHAIN_SUBJECT_MAX);
	chain_trust_subject(trust, i, &name);
	error_where(&e, place->path);
	error_set(&e,
		  "no current CRL of '%s': rejecting every certificate that it "
		  "issued",
		  error_word(buffer_span(&name)));
	findings_add(place->findings, LOG_LEVEL_ERROR, &e);
	buffer_free(&name);
}

/* The CAs and CRLs of a ca: entry. */
static void
look_at_trust(const struct place *place, const struct chain_trust *trust)
{
	for (size_t i = 0; i < trust->n_authorities; i++)
		check_current(place, trust, i);
	for (size_t i = 0; i < trust->n_authorities; i++)
		warn_part(place, "a CA", trust->authorities[i].from,
			  trust->authorities[i].to);
	for (size_t i = 0; i < trust->n_crls; i++)
		warn_part(place, "a CRL", trust->crls[i].from,
			  trust->crls[i].to);
}

static void
look_at_entry(const struct place *place, const struct entry *entry,
	      struct span text)
{
	if (!entry->allows)
		return;
	if (entry->terms != NULL && entry->terms->not_after != 0)
		warn(place, "the entry", entry->terms->not_after);
	if (text.len > entry->pin_end)
		text.len = entry->pin_end;
	look_at_file(place, text);
	if (entry->trust != NULL)
		look_at_trust(place, entry->trust);
}

void
ending_find(struct findings *findings, const struct list *list,
	    struct span text, const char *path, int64_t now)
{
	struct place place = { findings, path, 0, now };
	struct span line;
	size_t next = 0;

	text = lines_begin(text);
	while (next < list->n && span_next(&text, "\n", &line)) {
		if (list->entries[next].line != ++place.line)
			continue;
		look_at_entry(&place, &list->entries[next++],
			      list_entry_text(line));
	}
}
