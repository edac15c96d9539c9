/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "policy/entry.h"
#include "policy/option.h"
#include "policy/value.h"
#include "protocol/certificate.h"
#include "protocol/pem.h"

static bool
has_names(const struct terms *terms)
{
	unsigned names = 1U << USER_COMMON_NAME | 1U << USER_ALTERNATIVE_NAME;
	bool found = (names >> terms->user_source & 1) != 0 ||
		     (names >> terms->client_id.source & 1) != 0;

	for (size_t i = 0; i < terms->n_queries; i++)
		found |= (names >> terms->queries[i].source & 1) != 0;
	return found;
}

bool
terms_check(const struct terms *terms, bool is_key, struct error *e)
{
	if (terms->not_after != 0 && terms->not_after < terms->not_before)
		return error_set(e, "the entry ends before it begins");
	if (is_key && has_names(terms))
		return error_set(e, "spki: vouches for no name: expected "
				    "options without @cn and @san");
	bool limits =
		terms->common_name != NULL || terms->alternative_name != NULL;
	if (terms->ca != NULL && !limits)
		return error_set(e, "an entry of a CA without a limit of "
				    "names: expected cn= or san=");
	if (terms->ca == NULL && (limits || terms->crl != NULL))
		return error_set(e, "cn=, san= and crl= limit an entry of a "
				    "CA: expected ca: before them");
	return true;
}

void
terms_free(struct terms *terms)
{
	if (terms == NULL)
		return;
	free(terms->user);
	value_free_items(terms->groups);
	value_free_items(terms->roles);
	value_free_items(terms->subprotocols);
	value_free_items(terms->hubs);
	free(terms->client_id.text);
	for (size_t i = 0; i < terms->n_queries; i++) {
		free(terms->queries[i].name);
		free(terms->queries[i].text);
	}
	free(terms->ca);
	free(terms->crl);
	free(terms->common_name);
	free(terms->alternative_name);
	free(terms);
}

/* FNV-1a, 64 bits: to compare lines with each other, not against anybody. */
static uint64_t
hash(struct span text)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (unsigned char)text.ptr[i]) * 0x100000001b3;
	return h;
}

/* Takes what stands up to the next blank. */
static struct span
take_word(struct span *rest)
{
	struct span tail = *rest, word;

	span_next(&tail, " \t", &word);
	*rest = span_after(*rest, word.len);
	return word;
}

/* at: of the file in its line. */
static void
warn_of_file(struct span text, const char *path, const struct certificate *c,
	     const char *at, struct warnings *warnings)
{
	if (c->not_before == CERTIFICATE_NOT_BEFORE_INVALID)
		error_set(warnings_next(warnings, at),
			  "the certificate's notBefore is not a valid date");
	if (c->not_after == CERTIFICATE_NOT_AFTER_INVALID)
		error_set(warnings_next(warnings, at),
			  "the certificate's notAfter is not a valid date");
	if (pem_file_has_key(text))
		error_set(warnings_next(warnings, at),
			  "%s has a private key, which is not needed (fix: "
			  "openssl x509 -in %s -out NEW)",
			  path, path);
}

/* The SHA-256 of the certificate in the file. */
static bool
take_certificate(struct span text, const char *path, const char *at,
		 struct entry *entry, struct warnings *warnings,
		 struct error *e)
{
	struct certificate c;
	struct error inner = { 0 };
	struct buffer der;

	buffer_init(&der, PEM_MAX);
	bool ok = pem_file_only(text, &der, &c, &inner) ||
		  error_set(e, "%s: %s", error_word(span_of(path)), inner.text);
	if (ok) {
		entry->pin = thumbprint_of(THUMBPRINT_SHA256, c.sha256);
		entry->ends = c.not_after;
	}
	if (ok && entry->allows)
		warn_of_file(text, path, &c, at, warnings);
	buffer_free(&der);
	return ok;
}

/* `file:PATH` */
static bool
take_file(struct span *rest, const struct entry_files *files,
	  struct entry *entry, struct warnings *warnings, struct error *e)
{
	struct span begin = *rest, word = take_word(rest);
	struct buffer text;

	char *path = span_copy(span_after(word, sizeof("file:") - 1));
	buffer_init(&text, PEM_MAX);
	bool ok = path != NULL || error_set(e, "out of memory");
	if (ok && path[0] != '/')
		ok = error_set(e, "file: expected an absolute path");
	ok = ok && files->read(files->context, path, &text, e) &&
	     take_certificate(buffer_span(&text), path, begin.ptr, entry,
			      warnings, e);
	buffer_wipe(&text); /* it may have a private key, too */
	free(path);
	if (!ok)
		*rest = begin;
	return ok;
}

/* `ca:PATH`: whatever is in that file, together with the options. */
static bool
take_authority(struct span *rest, struct entry *entry, struct error *e)
{
	struct span begin = *rest, word;

	if (!entry->allows)
		return error_set(e, "deny takes no ca: expected a thumbprint, "
				    "spki: or file:");
	word = span_after(take_word(rest), sizeof("ca:") - 1);
	entry->terms = calloc(1, sizeof(*entry->terms));
	bool ok = entry->terms != NULL || error_set(e, "out of memory");
	if (ok && (word.len == 0 || word.ptr[0] != '/'))
		ok = error_set(e, "ca: expected an absolute path");
	if (ok)
		entry->terms->ca = span_copy(word);
	if (ok && entry->terms->ca == NULL)
		ok = error_set(e, "out of memory");
	if (!ok)
		*rest = begin;
	return ok;
}

static bool
take_pin(struct span *rest, const struct entry_files *files,
	 struct entry *entry, struct warnings *warnings, struct error *e)
{
	if (span_starts(*rest, SPAN("ca:")))
		return take_authority(rest, entry, e);
	if (span_starts(*rest, SPAN("file:")))
		return take_file(rest, files, entry, warnings, e);
	return thumbprint_take(rest, &entry->pin, warnings, e);
}

static bool
take_options(struct span *rest, struct entry *entry, struct warnings *warnings,
	     struct error *e)
{
	unsigned seen = 0;

	while ((*rest = span_skip_blanks(*rest)).len > 0) {
		if (!entry->allows)
			return error_set(e, "deny takes no options: "
					    "expected the end of the line");
		if (entry->terms == NULL)
			entry->terms = calloc(1, sizeof(*entry->terms));
		if (entry->terms == NULL)
			return error_set(e, "out of memory");
		if (!option_take(rest, entry->terms, &seen, warnings, e))
			return false;
	}
	return true;
}

bool
entry_parse(struct entry *entry, struct span line,
	    const struct entry_files *files, struct warnings *warnings,
	    struct error *e)
{
	struct span deny = SPAN("deny");
	struct span rest = line;

	*entry = (struct entry){ .allows = true, .text_hash = hash(line) };
	if (span_starts(rest, deny) && rest.len > deny.len &&
	    (rest.ptr[deny.len] == ' ' || rest.ptr[deny.len] == '\t')) {
		entry->allows = false;
		rest = span_skip_blanks(span_after(rest, deny.len));
	}
	bool ok = take_pin(&rest, files, entry, warnings, e);
	size_t pin_end = (size_t)(rest.ptr - line.ptr);
	entry->pin_end =
		(uint16_t)(pin_end < UINT16_MAX ? pin_end : UINT16_MAX);
	ok = ok && take_options(&rest, entry, warnings, e) &&
	     (entry->terms == NULL ||
	      terms_check(entry->terms, entry->pin.kind == THUMBPRINT_SPKI, e));
	if (!ok) {
		e->column = (unsigned)(rest.ptr - line.ptr) + 1;
		entry_free(entry);
	}
	return ok;
}

void
entry_free(struct entry *entry)
{
	terms_free(entry->terms);
	*entry = (struct entry){ 0 };
}
