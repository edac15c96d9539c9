/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "policy/entry_parse.h"
#include "policy/options.h"
#include "protocol/certificate.h"
#include "protocol/pem.h"

/* Take prefix and an absolute path, up to the next blank.  Return the path:
 * free(); NULL with e, and nothing taken, if there is none. */
static char *
take_path(struct span *rest, struct span prefix, struct error *e)
{
	struct span tail = *rest, word;

	span_next(&tail, " \t", &word);
	struct span path = span_after(word, prefix.len);
	if (path.len == 0 || path.ptr[0] != '/') {
		error_set(e, "%s expected an absolute path", prefix.ptr);
		return NULL;
	}
	char *copy = span_copy(path);
	if (copy == NULL)
		error_set(e, "out of memory");
	else
		*rest = span_after(*rest, word.len);
	return copy;
}

/* at: of the file in its line; options: what is behind it. */
static void
warn_of_file(struct span text, const char *path, const struct certificate *c,
	     const char *at, struct span options, struct warnings *warnings)
{
	if (certificate_has_unusable_name(c) &&
	    !span_contains(options, SPAN("user=")))
		error_set(warnings_next(warnings, at), CERTIFICATE_UNUSABLE_NAME
			  ": the default user id is the thumbprint (fix: "
			  "user=NAME)");
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
		 struct span options, struct entry *entry,
		 struct warnings *warnings, struct error *e)
{
	struct certificate c;
	struct buffer der;

	buffer_init(&der, PEM_MAX);
	bool ok = pem_file_only(text, &der, &c, e) ||
		  error_prefix(e, error_word(span_of(path)));
	if (ok) {
		entry->pin = thumbprint_of(THUMBPRINT_SHA256, c.sha256);
		entry->ends = c.not_after;
	}
	if (ok && entry->allows)
		warn_of_file(text, path, &c, at, options, warnings);
	buffer_free(&der);
	return ok;
}

/* `file:PATH` */
static bool
take_file(struct span *rest, const struct entry_files *files,
	  struct entry *entry, struct warnings *warnings, struct error *e)
{
	struct span begin = *rest;
	char *path = take_path(rest, SPAN("file:"), e);
	struct buffer text;

	buffer_init(&text, PEM_MAX);
	bool ok = path != NULL && files->read(files->context, path, &text, e) &&
		  take_certificate(buffer_span(&text), path, begin.ptr, *rest,
				   entry, warnings, e);
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
	entry->terms = terms_new(e);
	if (entry->terms == NULL)
		return false;
	entry->terms->ca = take_path(rest, SPAN("ca:"), e);
	return entry->terms->ca != NULL;
}

bool
entry_names_ca(struct span text)
{
	struct span prefix = SPAN("ca:");

	if (!span_starts(text, prefix))
		return false;
	text = span_after(text, prefix.len);
	return hex_length(text) != 2 || text.len < 3 || text.ptr[2] != ':';
}

static bool
take_pin(struct span *rest, const struct entry_files *files,
	 struct entry *entry, struct warnings *warnings, struct error *e)
{
	if (entry_names_ca(*rest))
		return take_authority(rest, entry, e);
	if (span_starts(*rest, SPAN("file:")))
		return take_file(rest, files, entry, warnings, e);
	return thumbprint_take(rest, &entry->pin, warnings, e);
}

bool
entry_parse(struct entry *entry, struct span line,
	    const struct entry_files *files, struct warnings *warnings,
	    struct error *e)
{
	return entry_parse_shared(entry, line, files, NULL, warnings, e);
}

bool
entry_parse_shared(struct entry *entry, struct span line,
		   const struct entry_files *files, struct terms_pool *pool,
		   struct warnings *warnings, struct error *e)
{
	struct span deny = SPAN("deny");
	struct span rest = line;

	*entry = (struct entry){ .allows = true,
				 .text_hash = (uint32_t)span_hash(line) };
	if (span_starts(rest, deny) && rest.len > deny.len &&
	    (rest.ptr[deny.len] == ' ' || rest.ptr[deny.len] == '\t')) {
		entry->allows = false;
		rest = span_skip_blanks(span_after(rest, deny.len));
	}
	bool ok = take_pin(&rest, files, entry, warnings, e);
	size_t pin_end = (size_t)(rest.ptr - line.ptr);
	entry->pin_end =
		(uint16_t)(pin_end < UINT16_MAX ? pin_end : UINT16_MAX);
	ok = ok && options_take(&rest, entry, pool, warnings, e);
	if (!ok) {
		e->column = (unsigned)(rest.ptr - line.ptr) + 1;
		entry_free(entry);
	}
	return ok;
}
