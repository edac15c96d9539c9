/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/expiry.h"
#include "admin/print.h"
#include "base/date.h"
#include "protocol/certificate.h"

static char *
copy_text(const char *text)
{
	return text == NULL ? NULL : strdup(text);
}

bool
expiries_append(struct expiries *all, const struct expiry *one, struct error *e)
{
	enum { FIRST_SIZE = 64 };
	size_t size = all->size == 0 ? FIRST_SIZE : 2 * all->size;

	if (all->n == all->size) {
		struct expiry *longer =
			reallocarray(all->expiry, size, sizeof(*longer));
		if (longer == NULL)
			return error_set(e, "out of memory");
		all->expiry = longer;
		all->size = size;
	}
	struct expiry *made = &all->expiry[all->n++];
	*made = *one;
	made->what = copy_text(one->what);
	made->user = copy_text(one->user);
	made->pin = copy_text(one->pin);
	made->hub = copy_text(one->hub);
	made->site = copy_text(one->site);
	if ((one->what == NULL || made->what != NULL) &&
	    (one->user == NULL || made->user != NULL) &&
	    (one->pin == NULL || made->pin != NULL) &&
	    (one->hub == NULL || made->hub != NULL) &&
	    (one->site == NULL || made->site != NULL))
		return true;
	return error_set(e, "out of memory");
}

void
expiries_free(struct expiries *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct expiry *one = &all->expiry[i];
		free(one->what);
		free(one->user);
		free(one->pin);
		free(one->hub);
		free(one->site);
	}
	free(all->expiry);
	*all = (struct expiries){ 0 };
}

/* Add the dates of one entry. */
static bool
add_entry(struct expiries *all, const struct entry *entry, struct expiry one,
	  struct error *e)
{
	const struct terms *terms = entry->terms;
	char pin[THUMBPRINT_TEXT_SIZE], *ca = NULL;
	bool ok = true;

	one.line = entry->line;
	one.user = entry->user;
	if (terms != NULL && terms->ca != NULL &&
	    asprintf(&ca, "ca:%s", terms->ca) < 0)
		return error_set(e, "out of memory");
	one.pin = ca != NULL ? ca : thumbprint_text(&entry->pin, pin);
	if (entry->not_after != 0) {
		one.kind = entry->allows ? EXPIRY_ENTRY : EXPIRY_DENY;
		one.not_after = entry->not_after;
		ok = expiries_append(all, &one, e);
	}
	if (ok && entry->allows && entry->ends != 0 &&
	    entry->ends != CERTIFICATE_NOT_AFTER_INVALID) {
		one.kind = EXPIRY_FILE;
		one.not_after = entry->ends;
		ok = expiries_append(all, &one, e);
	}
	free(ca);
	return ok;
}

static bool
add_named(struct expiries *all, const struct chain_trust *trust, size_t i,
	  struct expiry one, struct error *e)
{
	struct buffer name;

	buffer_init(&name, CHAIN_SUBJECT_MAX + 1);
	chain_trust_subject(trust, i, &name);
	if (name.len == name.max)
		name.len--;
	buffer_add_byte(&name, '\0');
	one.what = name.data;
	bool ok = !name.failed ? expiries_append(all, &one, e)
			       : error_set(e, "out of memory");
	buffer_free(&name);
	return ok;
}

/* Return the number of the first CA that signed crl; 0: none. */
static size_t
signer_of(const struct crl *crl)
{
	size_t i = 0;

	while (i < CHAIN_PARTS_MAX - 1 && (crl->signers >> i & 1) == 0)
		i++;
	return crl->signers == 0 ? 0 : i;
}

static bool
add_trust(struct expiries *all, const struct chain_trust *trust,
	  struct expiry one, struct error *e)
{
	bool ok = true;

	one.kind = EXPIRY_CA;
	for (size_t i = 0; ok && i < trust->n_authorities; i++) {
		one.not_after = trust->authorities[i].to;
		ok = add_named(all, trust, i, one, e);
	}
	one.kind = EXPIRY_CRL;
	for (size_t i = 0; ok && i < trust->n_crls; i++) {
		if (trust->crls[i].signers == 0)
			continue;
		one.not_after = trust->crls[i].to;
		ok = add_named(all, trust, signer_of(&trust->crls[i]), one, e);
	}
	return ok;
}

static bool
is_known_trust(const struct list *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (list->entries[k].allows &&
		    list->entries[k].trust == list->entries[i].trust)
			return true;
	return false;
}

bool
expiries_add_list(struct expiries *all, const struct list *list,
		  const char *path, struct span site, struct error *e)
{
	char *name = site.ptr == NULL ? NULL : span_copy(site);
	const struct expiry one = { .list = path, .site = name };
	bool ok = site.ptr == NULL || name != NULL ||
		  error_set(e, "out of memory");

	for (size_t i = 0; ok && i < list->n; i++) {
		const struct entry *entry = &list->entries[i];
		ok = add_entry(all, entry, one, e);
		if (!ok || !entry->allows || entry->trust == NULL ||
		    is_known_trust(list, i))
			continue;
		struct expiry of_ca = one;
		of_ca.line = entry->line;
		ok = add_trust(all, entry->trust, of_ca, e);
	}
	free(name);
	return ok;
}

int
expiry_days(const struct expiry *expiry, int64_t now)
{
	static const int horizons[] = { 1, 7, 14, EXPIRY_SOON_DAYS };
	int64_t left = expiry->not_after - now;

	if (left < 0)
		return 0;
	for (size_t i = 0; i < sizeof(horizons) / sizeof(int); i++)
		if (left <= (int64_t)horizons[i] * DATE_DAY_SECONDS)
			return horizons[i];
	return -1;
}

const struct expiry_words expiry_words[EXPIRY_KINDS] = {
	[EXPIRY_CERTIFICATE] = { "certificate", "certificate", "certificate" },
	[EXPIRY_FILE] = { "certificate", "certificate in a file", "file" },
	[EXPIRY_ENTRY] = { "entry", "entry", "entry" },
	[EXPIRY_DENY] = { "deny entry", "deny entry", "deny" },
	[EXPIRY_CA] = { "CA", "CA", "ca" },
	[EXPIRY_CRL] = { "CRL", "CRL", "crl" },
};

static void
add_name(const struct expiry *expiry, struct buffer *text)
{
	const char *of = expiry->user != NULL ? expiry->user : expiry->what;

	buffer_add(text, span_of(expiry_words[expiry->kind].text));
	if (of != NULL) {
		buffer_add(text, expiry->kind == EXPIRY_CA ? SPAN(" '")
							   : SPAN(" of '"));
		buffer_add(text, span_of(error_word(span_of(of))));
		buffer_add(text, SPAN("'"));
	}
	if (expiry->pin != NULL) {
		buffer_add(text, SPAN(" ("));
		buffer_add(text, span_of(expiry->pin));
		buffer_add(text, SPAN(")"));
	}
}

void
expiry_text(const struct expiry *expiry, int64_t now, struct buffer *text)
{
	int days = expiry_days(expiry, now);
	char day[DATE_TEXT_SIZE], within[32] = "";

	if (days > 0)
		(void)snprintf(within, sizeof(within), " within %d day%s,",
			       days, days == 1 ? "" : "s");
	add_name(expiry, text);
	buffer_add(text, days == 0 ? SPAN(" expired") : SPAN(" expires"));
	buffer_add(text, span_of(within));
	buffer_add(text, SPAN(" on "));
	buffer_add(text, span_of(date_text(expiry->not_after, day)));
}

static int
compare_ends(const void *one, const void *other)
{
	const struct expiry *a = one, *b = other;

	return (a->not_after > b->not_after) - (a->not_after < b->not_after);
}

size_t
expiries_sort(struct expiries *all, int64_t now)
{
	size_t n = 0;

	if (all->n > 0)
		qsort(all->expiry, all->n, sizeof(*all->expiry), compare_ends);
	while (n < all->n && expiry_days(&all->expiry[n], now) >= 0)
		n++;
	return n;
}

static void
print_string(const char *name, const char *text)
{
	if (text != NULL)
		print_json_string(name, span_of(text));
}

static void
print_json(const struct expiry *one, int64_t now)
{
	print_json_open(NULL, '{');
	print_json_string("kind", span_of(expiry_words[one->kind].text));
	print_string("name", one->what);
	print_string("user", one->user);
	print_string("pin", one->pin);
	print_string("hub", one->hub);
	print_string("site", one->site);
	print_string("list", one->list);
	if (one->line > 0)
		print_json_number("line", one->line);
	print_json_time("notAfter", one->not_after);
	print_json_number("days", expiry_days(one, now));
	print_json_close('}');
}

void
expiries_print(const struct expiries *all, size_t n, int64_t now)
{
	enum { SHOWN = 5 };
	struct buffer text;

	buffer_init(&text, sizeof(((struct error *)0)->text));
	print_json_open("expires", '[');
	for (size_t i = 0; i < n; i++) {
		print_json(&all->expiry[i], now);
		if (i >= SHOWN)
			continue;
		buffer_clear(&text);
		expiry_text(&all->expiry[i], now, &text);
		print_label(i == 0 ? "expires" : "");
		print_text(buffer_span(&text));
		print("\n");
	}
	print_json_close(']');
	if (n > SHOWN) {
		print_label("");
		print("and %zu more (certgate check)\n", n - SHOWN);
	}
	buffer_free(&text);
}
