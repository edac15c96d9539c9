/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/findings.h"
#include "admin/print.h"
#include "base/date.h"
#include "policy/pattern.h"

static bool
is_same_file(const struct finding *one, const struct error *e)
{
	return strcmp(one->error.where, e->where) == 0;
}

static bool
is_known(const struct findings *findings, const struct error *e)
{
	enum { COMPARED_MAX = 1000 /* the last ones */ };

	for (size_t i = findings->n; i > 0 && findings->n - i < COMPARED_MAX;
	     i--) {
		const struct finding *one = &findings->found[i - 1];
		if (one->error.line == e->line &&
		    one->error.column == e->column && is_same_file(one, e) &&
		    strcmp(one->error.text, e->text) == 0)
			return true;
	}
	return false;
}

static size_t
find_file(const struct findings *findings, const struct error *e)
{
	for (size_t i = findings->n; i > 0; i--)
		if (is_same_file(&findings->found[i - 1], e))
			return findings->found[i - 1].file;
	return findings->n;
}

/* Make room for one more. */
static bool
grow(struct findings *findings)
{
	enum { FIRST_SIZE = 16 };
	size_t size = findings->size == 0 ? FIRST_SIZE : 2 * findings->size;
	struct finding *found;

	if (findings->n < findings->size)
		return true;
	found = reallocarray(findings->found, size, sizeof(*found));
	findings->incomplete |= found == NULL;
	if (found == NULL)
		return false;
	findings->found = found;
	findings->size = size;
	return true;
}

void
findings_add(struct findings *findings, enum log_level level,
	     const struct error *e)
{
	if (level == LOG_LEVEL_NOTE || is_known(findings, e))
		return;
	if (level == LOG_LEVEL_ERROR)
		findings->errors++;
	else
		findings->warnings++;
	if (!grow(findings))
		return;
	findings->found[findings->n] = (struct finding){
		.level = level,
		.error = *e,
		.file = find_file(findings, e),
		.at = findings->n,
	};
	findings->n++;
}

void
findings_warn(struct findings *findings, const char *format, ...)
{
	struct error e = { .set = true, .line = findings->line };
	va_list arguments;

	error_where(&e, findings->path);
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

static void
print_finding(const struct finding *finding)
{
	const struct error *e = &finding->error;
	const char *level =
		finding->level == LOG_LEVEL_ERROR ? "error" : "warning";
	char text[sizeof(*e) + sizeof(":4294967295:4294967295: ")];

	error_text(e, text, sizeof(text));
	print("%s: ", level);
	print_text(span_of(text));
	print("\n");
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

void
findings_print(struct findings *findings)
{
	if (findings->n > 0)
		qsort(findings->found, findings->n, sizeof(*findings->found),
		      compare);
	print_json_open("findings", '[');
	for (size_t i = 0; i < findings->n; i++)
		print_finding(&findings->found[i]);
	print_json_close(']');
	if (findings->incomplete)
		print("error: out of memory for more of them\n");
}

void
findings_free(struct findings *findings)
{
	free(findings->found);
	*findings = (struct findings){ 0 };
}

void
findings_expire(struct findings *findings, const struct expiries *all,
		size_t first)
{
	struct buffer text;

	buffer_init(&text, sizeof(((struct error *)0)->text));
	for (size_t i = first; i < all->n; i++) {
		const struct expiry *one = &all->expiry[i];
		if (expiry_days(one, findings->now) < 0)
			continue;
		buffer_clear(&text);
		expiry_text(one, findings->now, &text);
		findings->path = one->list;
		findings->line = one->line;
		findings_warn(findings, "%.*s", (int)text.len, text.data);
	}
	buffer_free(&text);
	findings->path = NULL;
	findings->line = 0;
}

static void
check_begin(struct findings *findings, const char *what, int64_t from)
{
	char day[DATE_TEXT_SIZE];

	if (from > findings->now)
		findings_warn(findings, "%s is not valid before %s", what,
			      date_text(from, day));
}

/* Report an error if none of a CA's CRLs is current. */
static void
check_crls(struct findings *findings, const struct chain_trust *trust, size_t i)
{
	struct error e = { .line = findings->line };
	bool has_crl = false, is_current = false;
	struct buffer name;

	for (size_t k = 0; k < trust->n_crls; k++) {
		const struct crl *crl = &trust->crls[k];
		if ((crl->signers >> i & 1) == 0)
			continue;
		has_crl = true;
		is_current |=
			crl->from <= findings->now && findings->now <= crl->to;
	}
	if (!has_crl || is_current)
		return;
	buffer_init(&name, CHAIN_SUBJECT_MAX);
	chain_trust_subject(trust, i, &name);
	error_where(&e, findings->path);
	error_set(&e,
		  "no current CRL of '%s': rejecting every certificate that it "
		  "issued (fix: replace the file of crl=)",
		  error_word(buffer_span(&name)));
	findings_add(findings, LOG_LEVEL_ERROR, &e);
	buffer_free(&name);
}

/* Check the CAs and CRLs of a ca: entry. */
static void
check_trust(struct findings *findings, const struct chain_trust *trust)
{
	for (size_t i = 0; i < trust->n_authorities; i++)
		check_crls(findings, trust, i);
	for (size_t i = 0; i < trust->n_authorities; i++)
		check_begin(findings, "a CA", trust->authorities[i].from);
	for (size_t i = 0; i < trust->n_crls; i++)
		check_begin(findings, "a CRL", trust->crls[i].from);
}

/* Return true if pattern matches every name; NULL: no pattern. */
static bool
limits_nothing(const char *pattern)
{
	return pattern == NULL || pattern_is_any(pattern);
}

static void
check_entry(struct findings *findings, const struct entry *entry)
{
	const struct terms *terms = entry->terms;

	if (!entry->allows)
		return;
	if (terms != NULL && terms->ca != NULL &&
	    limits_nothing(terms->common_name) &&
	    limits_nothing(terms->alternative_name))
		findings_warn(findings,
			      "any name that this CA signs is accepted (fix: "
			      "cn= or san= with more than *)");
	if (entry->trust != NULL)
		check_trust(findings, entry->trust);
}

static bool
is_weak(const struct entry *entry)
{
	return entry->pin.kind == THUMBPRINT_SHA1 && entry->allows &&
	       entry->line > 0;
}

static void
check_pins(struct findings *findings, const struct list *list)
{
	size_t n = 0;

	for (size_t i = list->n; i-- > 0;)
		if (is_weak(&list->entries[i])) {
			findings->line = list->entries[i].line;
			n++;
		}
	if (n == 1)
		findings_warn(findings,
			      "the entry is pinned by SHA-1: prefer SHA-256 "
			      "(certgate thumbprint FILE)");
	else if (n > 1)
		findings_warn(findings,
			      "%zu entries are pinned by SHA-1, this one "
			      "first: prefer SHA-256 (certgate thumbprint "
			      "FILE)",
			      n);
}

void
findings_advise(struct findings *findings, const struct list *list,
		const char *path)
{
	struct expiries all = { .n = 0 };
	struct error e = { 0 };

	if (findings->now == 0)
		findings->now = (int64_t)time(NULL);
	findings->path = path;
	check_pins(findings, list);
	for (size_t i = 0; i < list->n; i++) {
		findings->line = list->entries[i].line;
		check_entry(findings, &list->entries[i]);
	}
	if (expiries_add_list(&all, list, path, (struct span){ 0 }, &e))
		findings_expire(findings, &all, 0);
	else
		findings->incomplete = true;
	expiries_free(&all);
	findings->path = NULL;
	findings->line = 0;
}
