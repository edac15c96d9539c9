/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/suggestion.h"
#include "base/text.h"
#include "policy/options.h"
#include "policy/role.h"
#include "policy/value.h"
#include "protocol/certificate.h"

enum {
	ITEMS_MAX = 256, /* in one option */
	KEY_MAX = 131072 /* bytes; more than a line has */
};

static bool
has_names(const struct entry *entry)
{
	const struct terms *terms = entry->terms;
	unsigned names = 1U << USER_COMMON_NAME | 1U << USER_ALTERNATIVE_NAME;
	bool found = (names >> entry->user_source & 1) != 0 ||
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
	if (entry->not_after != 0 && entry->not_after < terms->not_before)
		return error_set(e, "the entry expires before it is valid");
	/* A public key vouches for no name. */
	if (entry->pin.kind == THUMBPRINT_SPKI && has_names(entry))
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
	struct entry *entry = field;
	enum user_source source = USER_DEFAULT;
	bool ok = read_source(&source, &entry->user, value, 3, e);

	entry->user_source = (uint8_t)source;
	return ok;
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
	size_t offset; /* of the field, in the terms or, if own, in the entry */
	bool own; /* the value stands in the entry, the terms are without */
	enum use use; /* the entries that may have it */
	bool has_items; /* between commas */
	const char *expected; /* in a message; unused if read has its own */
} options[] = {
	{ SPAN_TEXT("user"), read_user, 0, true, FOR_ALLOW, false,
	  "@cn, @san, @thumbprint or text" },
	{ SPAN_TEXT("groups"), read_groups, offsetof(struct terms, groups),
	  false, FOR_ALLOW, true, "groups" },
	{ SPAN_TEXT("roles"), read_roles, offsetof(struct terms, roles), false,
	  FOR_ALLOW, true, "roles" },
	{ SPAN_TEXT("subprotocol"), read_subprotocols,
	  offsetof(struct terms, subprotocols), false, FOR_ALLOW, true,
	  "subprotocols" },
	{ SPAN_TEXT("client-id"), read_binding,
	  offsetof(struct terms, client_id), false, FOR_ALLOW, false,
	  "@cn, @san or text" },
	{ SPAN_TEXT("query."), read_binding, 0, false, FOR_ALLOW, false,
	  "@cn, @san or text" },
	{ SPAN_TEXT("hub"), read_hubs, offsetof(struct terms, hubs), false,
	  FOR_ALLOW, true, "hubs" },
	{ SPAN_TEXT("not-before"), value_first_second,
	  offsetof(struct terms, not_before), false, FOR_ALLOW, false,
	  "a date that exists, YYYY-MM-DD" },
	{ SPAN_TEXT("expires"), value_last_second,
	  offsetof(struct entry, not_after), true, FOR_BOTH, false,
	  "a date that exists, YYYY-MM-DD" },
	{ SPAN_TEXT("cn"), read_pattern, offsetof(struct terms, common_name),
	  false, FOR_BOTH, false, "a name, with * for any characters" },
	{ SPAN_TEXT("san"), read_pattern,
	  offsetof(struct terms, alternative_name), false, FOR_BOTH, false,
	  "a name, with * for any characters" },
	{ SPAN_TEXT("serial"), read_serial, offsetof(struct terms, serial),
	  false, FOR_DENY, false, "at most 128 hexadecimal digits" },
	{ SPAN_TEXT("crl"), value_path, offsetof(struct terms, crl), false,
	  FOR_ALLOW, false, "an absolute path" },
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
	if (name.len == 0 || name.ptr[0] != option->name.ptr[0])
		return false; /* nearly all */
	return is_open(option) ? span_starts(name, option->name) &&
					 span_is_token(span_after(
						 name, option->name.len))
			       : span_equal(name, option->name);
}

/* NULL: unknown. */
static const struct option *
find_option(struct span name)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (has_name(&options[i], name))
			return &options[i];
	return NULL;
}

/* Set e; a word similar to a name is not a secret, and is in the message. */
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

/* Return a further one, with that name; NULL with e if there can be none. */
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
	struct binding *queries = reallocarray(
		terms->queries, terms->n_queries + 1, sizeof(*queries));
	if (queries == NULL) {
		error_set(e, "out of memory");
		return NULL;
	}
	terms->queries = queries;
	struct binding *query = &queries[terms->n_queries++];
	*query = (struct binding){ .name = NULL };
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
	struct span tail = *rest, name;

	span_next(&tail, "=", &name);
	const struct option *option = find_option(name);
	if (tail.ptr == NULL || option == NULL)
		return unknown_option(name, e);
	if ((option->use & use) == 0)
		return wrong_option(option, e);
	char *all = option->own ? (char *)entry : (char *)entry->terms;
	void *field = all + option->offset;
	unsigned bit = 1U << (option - options);
	bool ok = true;
	if (is_open(option)) {
		field = add_query(entry->terms,
				  span_after(name, option->name.len), e);
		ok = field != NULL;
	} else if ((*seen & bit) != 0) {
		ok = error_set(e, "given a second time");
	}
	*seen |= bit;
	if (ok) {
		*rest = tail;
		ok = take_value(option, field, rest, warnings, e);
	}
	if (ok)
		return true;
	char prefix[sizeof(e->text)];
	(void)snprintf(prefix, sizeof(prefix), "%s=", error_word(name));
	return error_prefix(e, prefix);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Return the option that text begins with, up to a blank that is not in quotes.
 * It need not be valid. */
static struct span
first_option(struct span text)
{
	const char *p = text.ptr, *end = p + text.len;

	while (p < end && *p != '=' && !is_blank(*p))
		p++;
	if (end - p > 1 && p[0] == '=' && p[1] == '"')
		for (p += 2; p < end && *p != '"'; p++)
			if (*p == '\\' && p + 1 < end)
				p++;
	while (p < end && !is_blank(*p))
		p++;
	return (struct span){ text.ptr, (size_t)(p - text.ptr) };
}

/* Return true if text, of one option, has a value for the entry itself. */
static bool
is_own(struct span text)
{
	struct span name;

	span_next(&text, "=", &name);
	const struct option *option = find_option(name);
	return text.ptr != NULL && option != NULL && option->own;
}

/* Write the text of all options but the entry's own: equal texts of valid
 * options make equal terms. */
static void
write_key(struct buffer *key, bool allows, struct span rest)
{
	buffer_clear(key);
	buffer_add_byte(key, allows ? '+' : '-');
	while ((rest = span_skip_blanks(rest)).len > 0) {
		struct span option = first_option(rest);
		rest = span_after(rest, option.len);
		if (is_own(option))
			continue;
		buffer_add_byte(key, ' ');
		buffer_add(key, option);
	}
}

/* Read the options into the entry.  With known, skip those that are not its
 * own: its terms have them. */
static bool
read_options(struct span *rest, struct entry *entry, bool known, bool *warned,
	     struct warnings *warnings, struct error *e)
{
	unsigned seen = 0;

	while ((*rest = span_skip_blanks(*rest)).len > 0) {
		struct span option = first_option(*rest);
		bool own = is_own(option);
		unsigned before = warnings->n;
		if (rest->ptr[0] == ',')
			return error_set(e, "a comma: expected a blank before "
					    "an option");
		if (known && !own)
			*rest = span_after(*rest, option.len);
		else if (!take_option(rest, entry, &seen, warnings, e))
			return false;
		*warned |= !own && warnings->n != before;
	}
	return true;
}

/* Options that gave a warning are read again for each line, for the warning of
 * that line. */
static bool
take_shared(struct span *rest, struct entry *entry, struct terms_pool *pool,
	    struct warnings *warnings, struct error *e)
{
	bool warned = false;

	pool->key.max = KEY_MAX;
	write_key(&pool->key, entry->allows, *rest);
	if (pool->key.failed)
		return error_set(e, "options too long, or out of memory");
	struct pooled_terms *slot = terms_pool_find(pool, e);
	if (slot == NULL)
		return false;
	bool pooled = slot->terms != NULL, known = pooled && !slot->warned;
	entry->terms = known ? slot->terms : terms_new(e);
	if (entry->terms == NULL)
		return false;
	entry->terms->uses += known;
	if (!read_options(rest, entry, known, &warned, warnings, e))
		return false;
	if (!pooled)
		return terms_pool_fill(pool, slot, entry->terms, warned, e);
	if (!known) {
		terms_release(entry->terms);
		entry->terms = slot->terms;
		entry->terms->uses++;
	}
	return true;
}

bool
options_take(struct span *rest, struct entry *entry, struct terms_pool *pool,
	     struct warnings *warnings, struct error *e)
{
	bool ok, warned = false, has_ca = entry->terms != NULL;

	*rest = span_skip_blanks(*rest);
	if (rest->len == 0) {
		ok = true;
	} else if (pool != NULL && !has_ca) {
		ok = take_shared(rest, entry, pool, warnings, e);
	} else {
		if (!has_ca)
			entry->terms = terms_new(e);
		ok = entry->terms != NULL &&
		     read_options(rest, entry, false, &warned, warnings, e);
	}
	return ok && (entry->terms == NULL || check_terms(entry, e));
}
