/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/findings.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/date.h"
#include "base/text.h"
#include "policy/match.h"
#include "protocol/pem.h"
#include "protocol/pem_file.h"

static bool
is_known(const struct findings *findings, const struct error *e)
{
	for (size_t i = 0; i < findings->n; i++) {
		const struct error *other = &findings->found[i].error;
		if (other->line == e->line && other->column == e->column &&
		    strcmp(other->text, e->text) == 0 &&
		    strcmp(other->where, e->where) == 0)
			return true;
	}
	return false;
}

/* Mostly that of the one before. */
static size_t
find_file(const struct findings *findings, const char *where)
{
	for (size_t i = findings->n; i > 0; i--)
		if (strcmp(findings->found[i - 1].error.where, where) == 0)
			return findings->found[i - 1].file;
	return findings->n;
}

void
findings_add(struct findings *findings, enum log_level level,
	     const struct error *e)
{
	enum { FIRST_SIZE = 16, REPEATS_MAX = 1000 /* compared with others */ };

	if (level == LOG_LEVEL_NOTE ||
	    (findings->n < REPEATS_MAX && is_known(findings, e)))
		return;
	if (level == LOG_LEVEL_ERROR)
		findings->errors++;
	else
		findings->warnings++;
	if (findings->n == findings->size) {
		size_t size =
			findings->size == 0 ? FIRST_SIZE : 2 * findings->size;
		struct finding *found =
			reallocarray(findings->found, size, sizeof(*found));
		findings->incomplete |= found == NULL;
		if (found == NULL)
			return;
		findings->found = found;
		findings->size = size;
	}
	findings->found[findings->n] = (struct finding){
		.level = level,
		.error = *e,
		.file = find_file(findings, e->where),
		.at = findings->n,
	};
	findings->n++;
}

void
findings_warn(struct findings *findings, const char *file, unsigned line,
	      const char *format, ...)
{
	struct error e = { .set = true, .line = line };
	va_list arguments;

	error_where(&e, file);
	va_start(arguments, format);
	(void)vsnprintf(e.text, sizeof(e.text), format, arguments);
	va_end(arguments);
	findings_add(findings, LOG_LEVEL_WARNING, &e);
}

static int
compare(const void *a, const void *b)
{
	const struct finding *one = a, *other = b;

	if (one->file != other->file)
		return one->file < other->file ? -1 : 1;
	if (one->error.line != other->error.line)
		return one->error.line < other->error.line ? -1 : 1;
	return one->at < other->at ? -1 : 1;
}

void
findings_sort(struct findings *findings)
{
	if (findings->n > 0)
		qsort(findings->found, findings->n, sizeof(*findings->found),
		      compare);
}

static const char *
level_name(enum log_level level)
{
	return level == LOG_LEVEL_ERROR ? "error" : "warning";
}

void
findings_print(const struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++) {
		const struct error *e = &findings->found[i].error;
		char text[sizeof(*e) + sizeof(":4294967295:4294967295: ")];
		error_text(e, text, sizeof(text));
		print("%s: ", level_name(findings->found[i].level));
		print_text(span_of(text));
		print("\n");
	}
	if (findings->incomplete)
		print("error: out of memory for more of them\n");
}

void
findings_print_json(const struct findings *findings)
{
	print_json_open("findings", '[');
	for (size_t i = 0; i < findings->n; i++) {
		const struct error *e = &findings->found[i].error;
		const char *level = level_name(findings->found[i].level);
		print_json_open(NULL, '{');
		print_json_string("level", span_of(level));
		if (e->where[0] != '\0')
			print_json_string("file", span_of(e->where));
		if (e->line > 0)
			print_json_number("line", e->line);
		if (e->column > 0)
			print_json_number("column", e->column);
		print_json_string("text", span_of(e->text));
		print_json_close('}');
	}
	print_json_close(']');
}

void
findings_free(struct findings *findings)
{
	free(findings->found);
	*findings = (struct findings){ 0 };
}

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

static void
warn_of_sha1(struct findings *findings, const struct list *list,
	     const char *path)
{
	unsigned first = 0;
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (list->entries[i].pin.kind != THUMBPRINT_SHA1 ||
		    !list->entries[i].allows)
			continue;
		first = n++ == 0 ? list->entries[i].line : first;
	}
	if (n == 1)
		findings_warn(findings, path, first,
			      "the entry is pinned by SHA-1: prefer SHA-256 "
			      "(certgate thumbprint FILE)");
	else if (n > 1)
		findings_warn(findings, path, first,
			      "%zu entries are pinned by SHA-1, this one "
			      "first: prefer SHA-256 (certgate thumbprint "
			      "FILE)",
			      n);
}

/* pattern: NULL if there is none. */
static bool
limits_nothing(const char *pattern)
{
	return pattern == NULL || pattern_is_any(pattern);
}

/* Whoever that CA signs for comes in. */
static void
warn_of_any_name(struct findings *findings, const struct list *list,
		 const char *path)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct terms *terms = list->entries[i].terms;
		if (terms == NULL || terms->ca == NULL ||
		    !limits_nothing(terms->common_name) ||
		    !limits_nothing(terms->alternative_name))
			continue;
		findings_warn(findings, path, list->entries[i].line,
			      "any name that this CA signs is let in: expected "
			      "cn= or san= with more than *");
	}
}

void
advice_find(struct findings *findings, const struct list *list,
	    const char *path)
{
	warn_of_sha1(findings, list, path);
	warn_of_any_name(findings, list, path);
}
