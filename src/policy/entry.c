/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/suggestion.h"
#include "base/text.h"
#include "policy/entry.h"
#include "policy/role.h"
#include "policy/value.h"
#include "protocol/certificate.h"
#include "protocol/pem.h"

enum { ITEMS_MAX = 256 /* in one option */ };

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

static bool
check_denying_terms(const struct terms *terms, struct error *e)
{
	bool limits = terms->common_name != NULL ||
		      terms->alternative_name != NULL || terms->serial != NULL;

	return terms->ca != NULL || !limits ||
	       error_set(e,
			 "cn=, san= and serial= limit a deny of a CA: expected "
			 "ca: before them");
}

/* Check that the options make sense together. */
static bool
check_terms(const struct entry *entry, struct error *e)
{
	const struct terms *terms = entry->terms;

	if (!entry->allows)
		return check_denying_terms(terms, e);
	if (terms->not_after != 0 && terms->not_after < terms->not_before)
		return error_set(e, "the entry ends before it begins");
	/* A public key vouches for no name. */
	if (entry->pin.kind == THUMBPRINT_SPKI && has_names(terms))
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

static void
free_terms(struct terms *terms)
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
	free(terms->serial);
	free(terms);
}

/* FNV-1a by eight bytes at a time: it finds equal lines of one author, and
 * resists no attack. */
static uint64_t
hash(struct span text)
{
	uint64_t h = 0xcbf29ce484222325, word;

	while (text.len > 0) {
		size_t n = text.len < sizeof(word) ? text.len : sizeof(word);
		word = 0;
		memcpy(&word, text.ptr, n);
		h = (h ^ word) * 0x100000001b3;
		h ^= h >> 32;
		text = span_after(text, n);
	}
	return h;
}

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
		error_set(warnings_next(warnings, at),
			  "several common names, or one that could look like "
			  "another's: the default user id is the thumbprint "
			  "(fix: user=NAME)");
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
	entry->terms = calloc(1, sizeof(*entry->terms));
	if (entry->terms == NULL)
		return error_set(e, "out of memory");
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

/* The text that a client must have, or the name of its certificate: one of the
 * first n sources. */
static bool
read_source(enum user_source *source, char **text, struct span value, size_t n,
	    struct error *e)
{
	static const struct {
		struct span name;
		enum user_source source;
	} sources[] = {
		{ SPAN_TEXT("@cn"), USER_COMMON_NAME },
		{ SPAN_TEXT("@san"), USER_ALTERNATIVE_NAME },
		{ SPAN_TEXT("@thumbprint"), USER_THUMBPRINT },
	};

	for (size_t i = 0; i < n; i++) {
		if (!span_equal(value, sources[i].name))
			continue;
		*source = sources[i].source;
		return true;
	}
	*source = USER_LITERAL;
	return value.ptr[0] != '@' && !span_empty(span_trim(value)) &&
	       value_text(text, value, VALUE_TEXT_MAX, e);
}

static bool
read_user(void *field, struct span value, struct error *e)
{
	struct terms *terms = field;

	return read_source(&terms->user_source, &terms->user, value, 3, e);
}

static bool
read_binding(void *field, struct span value, struct error *e)
{
	struct binding *binding = field;

	return read_source(&binding->source, &binding->text, value, 2, e);
}

/* Items are separated by NUL, which no value can have. */
static bool
read_items(char ***items, struct span value, value_check *check,
	   struct error *e)
{
	const char *end;

	while ((end = memchr(value.ptr, '\0', value.len)) != NULL) {
		struct span item = { value.ptr, (size_t)(end - value.ptr) };
		if (!value_add_item(items, item, ITEMS_MAX, check, e))
			return false;
		value = span_after(value, item.len + 1);
	}
	return value_add_item(items, value, ITEMS_MAX, check, e);
}

static bool
read_groups(void *field, struct span value, struct error *e)
{
	return read_items(field, value, role_check_group, e);
}

static bool
read_roles(void *field, struct span value, struct error *e)
{
	char ***roles = field;

	return read_items(roles, value, role_check, e) &&
	       role_complete(*roles, e);
}

static bool
check_subprotocol(struct span item, struct error *e)
{
	return span_is_token(item) ||
	       value_fault(e, "a subprotocol", item,
			   "a token as in Sec-WebSocket-Protocol");
}

static bool
read_subprotocols(void *field, struct span value, struct error *e)
{
	return read_items(field, value, check_subprotocol, e);
}

static bool
read_hubs(void *field, struct span value, struct error *e)
{
	return read_items(field, value, value_check_hub, e);
}

static bool
read_pattern(void *field, struct span value, struct error *e)
{
	return value_text(field, value, CERTIFICATE_NAME_MAX, e);
}

/* As the log has it: zeros in front do not count, for DER has one before a high
 * bit. */
static bool
read_serial(void *field, struct span value, struct error *e)
{
	char **serial = field;

	if (value.len > 2 * (size_t)ENTRY_SERIAL_MAX ||
	    hex_length(value) != value.len)
		return false;
	while (value.len > 0 && value.ptr[0] == '0')
		value = span_after(value, 1);
	char *digits = span_copy(value);
	if (digits == NULL)
		return error_set(e, "out of memory");
	for (char *at = digits; *at != '\0'; at++)
		if (*at >= 'A' && *at <= 'F')
			*at = (char)(*at - 'A' + 'a');
	free(*serial);
	*serial = digits;
	return true;
}

enum use { FOR_ALLOW = 1, FOR_DENY = 2, FOR_BOTH = FOR_ALLOW | FOR_DENY };

/* A name that ends in '.' goes on with a name of the administrator's, and may
 * come several times. */
static const struct option {
	struct span name;
	bool (*read)(void *field, struct span value, struct error *e);
	size_t offset; /* of the field; 0: all terms */
	enum use use; /* the entries that may have it */
	bool has_items; /* between commas */
	const char *expected; /* in a message; unused if read has its own */
} options[] = {
	{ SPAN_TEXT("user"), read_user, 0, FOR_ALLOW, false,
	  "@cn, @san, @thumbprint or text" },
	{ SPAN_TEXT("groups"), read_groups, offsetof(struct terms, groups),
	  FOR_ALLOW, true, "groups" },
	{ SPAN_TEXT("roles"), read_roles, offsetof(struct terms, roles),
	  FOR_ALLOW, true, "roles" },
	{ SPAN_TEXT("subprotocol"), read_subprotocols,
	  offsetof(struct terms, subprotocols), FOR_ALLOW, true,
	  "subprotocols" },
	{ SPAN_TEXT("client-id"), read_binding,
	  offsetof(struct terms, client_id), FOR_ALLOW, false,
	  "@cn, @san or text" },
	{ SPAN_TEXT("query."), read_binding, 0, FOR_ALLOW, false,
	  "@cn, @san or text" },
	{ SPAN_TEXT("hub"), read_hubs, offsetof(struct terms, hubs), FOR_ALLOW,
	  true, "hubs" },
	{ SPAN_TEXT("not-before"), value_first_second,
	  offsetof(struct terms, not_before), FOR_ALLOW, false,
	  "a date, YYYY-MM-DD" },
	{ SPAN_TEXT("expires"), value_last_second,
	  offsetof(struct terms, not_after), FOR_BOTH, false,
	  "a date, YYYY-MM-DD" },
	{ SPAN_TEXT("cn"), read_pattern, offsetof(struct terms, common_name),
	  FOR_BOTH, false, "a name, with * for any characters" },
	{ SPAN_TEXT("san"), read_pattern,
	  offsetof(struct terms, alternative_name), FOR_BOTH, false,
	  "a name, with * for any characters" },
	{ SPAN_TEXT("serial"), read_serial, offsetof(struct terms, serial),
	  FOR_DENY, false, "at most 128 hexadecimal digits" },
	{ SPAN_TEXT("crl"), value_path, offsetof(struct terms, crl), FOR_ALLOW,
	  false, "an absolute path" },
};

enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

static bool
is_open(const struct option *option)
{
	return option->name.ptr[option->name.len - 1] == '.';
}

static bool
has_name(const struct option *option, struct span name)
{
	return is_open(option) ? span_starts(name, option->name) &&
					 span_is_token(span_after(
						 name, option->name.len))
			       : span_equal(name, option->name);
}

/* A word that is near to a name is no secret, and is repeated. */
static bool
unknown_option(struct span name, struct error *e)
{
	struct suggestion meant = { .word = name };

	for (size_t i = 0; i < OPTIONS; i++)
		suggestion_try(&meant, options[i].name);
	if (span_equal(meant.best, SPAN("query.")))
		meant.best = SPAN("query.NAME");
	if (meant.best.ptr != NULL)
		return error_set(e, "unknown option \"%s\" (did you mean %s=?)",
				 error_word(name), meant.best.ptr);
	return error_set(e, "unknown option: expected user= groups= roles= "
			    "subprotocol= client-id= query.NAME= hub= "
			    "not-before= expires= cn= san= serial= or crl=");
}

static bool
wrong_option(const struct option *option, struct error *e)
{
	return option->use == FOR_DENY
		       ? error_set(e, "serial= is an option of deny alone")
		       : error_set(e, "deny takes no such option: expected "
				      "expires= cn= san= or serial=");
}

/* Return the next one, with that name; NULL with e if there can be none. */
static struct binding *
add_query(struct terms *terms, struct span name, struct error *e)
{
	for (size_t i = 0; i < terms->n_queries; i++)
		if (span_equal(span_of(terms->queries[i].name), name)) {
			error_set(e, "given a second time");
			return NULL;
		}
	if (terms->n_queries == ENTRY_QUERIES_MAX) {
		error_set(e, "too many query. options, at most %d",
			  ENTRY_QUERIES_MAX);
		return NULL;
	}
	struct binding *query = &terms->queries[terms->n_queries++];
	query->name = span_copy(name);
	if (query->name == NULL)
		error_set(e, "out of memory");
	return query->name == NULL ? NULL : query;
}

/* Read the value at the front of *rest, which stays there on failure. */
static bool
take_value(const struct option *option, void *field, struct span *rest,
	   struct warnings *warnings, struct error *e)
{
	struct span begin = *rest;
	struct buffer buffer;

	buffer_init(&buffer, VALUE_MAX);
	bool ok = value_take(rest, option->has_items ? '\0' : ',', &buffer, e);
	struct span text = buffer_span(&buffer);
	(void)invisible_trim(&text);
	if (ok && text.len < buffer.len)
		error_set(warnings_next(warnings, begin.ptr),
			  "%s=: an invisible character beside the value is "
			  "ignored",
			  option->name.ptr);
	if (ok && begin.ptr[0] != '"')
		value_warn_of_marks(
			option->name.ptr,
			(struct span){ begin.ptr, begin.len - rest->len },
			warnings);
	if (ok && text.len == 0)
		ok = error_set(e, "is empty");
	if (ok && invisible_find(text) < text.len)
		ok = error_set(e, "an invisible character inside the value");
	if (ok && !option->read(field, text, e))
		ok = value_fault(e, "a value", text, "%s", option->expected);
	buffer_free(&buffer);
	if (!ok)
		*rest = begin;
	return ok;
}

static bool
take_option(struct span *rest, struct entry *entry, unsigned *seen,
	    struct warnings *warnings, struct error *e)
{
	enum use use = entry->allows ? FOR_ALLOW : FOR_DENY;
	struct terms *terms = entry->terms;
	struct span tail = *rest, name;
	size_t i = 0;

	span_next(&tail, "=", &name);
	while (i < OPTIONS && !has_name(&options[i], name))
		i++;
	if (tail.ptr == NULL || i == OPTIONS)
		return unknown_option(name, e);
	if ((options[i].use & use) == 0)
		return wrong_option(&options[i], e);
	void *field = (char *)terms + options[i].offset;
	bool ok = true;
	if (is_open(&options[i])) {
		field = add_query(terms, span_after(name, options[i].name.len),
				  e);
		ok = field != NULL;
	} else if ((*seen & 1U << i) != 0) {
		ok = error_set(e, "given a second time");
	}
	*seen |= 1U << i;
	if (ok) {
		*rest = tail;
		ok = take_value(&options[i], field, rest, warnings, e);
	}
	if (ok)
		return true;
	char prefix[sizeof(e->text)];
	(void)snprintf(prefix, sizeof(prefix), "%s=", error_word(name));
	return error_prefix(e, prefix);
}

static bool
take_options(struct span *rest, struct entry *entry, struct warnings *warnings,
	     struct error *e)
{
	unsigned seen = 0;

	while ((*rest = span_skip_blanks(*rest)).len > 0) {
		if (rest->ptr[0] == ',')
			return error_set(e, "a comma: expected a blank before "
					    "an option");
		if (entry->terms == NULL)
			entry->terms = calloc(1, sizeof(*entry->terms));
		if (entry->terms == NULL)
			return error_set(e, "out of memory");
		if (!take_option(rest, entry, &seen, warnings, e))
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
	     (entry->terms == NULL || check_terms(entry, e));
	if (!ok) {
		e->column = (unsigned)(rest.ptr - line.ptr) + 1;
		entry_free(entry);
	}
	return ok;
}

bool
entry_has_expired(const struct entry *entry, int64_t now)
{
	const struct terms *terms = entry->terms;

	return terms != NULL && terms->not_after != 0 && now > terms->not_after;
}

void
entry_free(struct entry *entry)
{
	free_terms(entry->terms);
	*entry = (struct entry){ 0 };
}
