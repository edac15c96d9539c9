/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/date.h"
#include "base/text.h"
#include "policy/form.h"
#include "policy/grant.h"
#include "policy/option.h"
#include "policy/role.h"
#include "policy/value.h"
#include "protocol/certificate.h"

enum {
	USER_MAX = 1024, /* bytes; the service names no limit */
	HUB_MAX = 128 /* characters; constraint of the service */
};

bool
option_is_group(struct span item, struct error *e)
{
	return role_is_target(item) ||
	       form_fault(e, "a group", item, "1 to %d bytes of text",
			  ROLE_GROUP_MAX);
}

static bool
check_subprotocol(struct span item, struct error *e)
{
	return span_is_token(item) ||
	       form_fault(e, "a subprotocol", item,
			  "a token as in Sec-WebSocket-Protocol");
}

bool
option_is_hub(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		if (!letter && (i == 0 || c == '\0' ||
				strchr("0123456789_`,.[]", c) == NULL))
			return false;
	}
	return name.len > 0 && name.len <= HUB_MAX;
}

bool
option_check_hub(struct span name, struct error *e)
{
	return option_is_hub(name) ||
	       form_fault(e, "a hub", name,
			  "a letter, then up to %d letters, digits or _`,.[]",
			  HUB_MAX - 1);
}

/* A name of the certificate, its thumbprint if that is allowed, or text. */
static bool
set_source(enum user_source *source, char **text, struct span value,
	   bool thumbprint, struct error *e)
{
	static const struct {
		struct span name;
		enum user_source source;
	} sources[] = {
		{ SPAN_TEXT("@cn"), USER_COMMON_NAME },
		{ SPAN_TEXT("@san"), USER_ALTERNATIVE_NAME },
		{ SPAN_TEXT("@thumbprint"), USER_THUMBPRINT },
	};
	size_t n = thumbprint ? 3 : 2;

	for (size_t i = 0; i < n; i++) {
		if (!span_equal(value, sources[i].name))
			continue;
		*source = sources[i].source;
		return true;
	}
	if (value.len > 0 && value.ptr[0] == '@')
		return form_fault(e, "a value", value, "%s",
				  thumbprint ? "@cn, @san, @thumbprint or text"
					     : "@cn, @san, or text");
	if (value.len > USER_MAX || span_empty(span_trim(value)) ||
	    !span_is_text(value))
		return form_fault(e, "a value", value, "1 to %d bytes of text",
				  USER_MAX);
	*source = USER_LITERAL;
	*text = span_copy(value);
	return *text != NULL || error_set(e, "out of memory");
}

static bool
set_user(struct terms *terms, struct value *value, struct error *e)
{
	return set_source(&terms->user_source, &terms->user, value_whole(value),
			  true, e);
}

static bool
set_client_id(struct terms *terms, struct value *value, struct error *e)
{
	return set_source(&terms->client_id.source, &terms->client_id.text,
			  value_whole(value), false, e);
}

static bool
set_query(struct terms *terms, struct value *value, struct error *e)
{
	struct binding *query = &terms->queries[terms->n_queries];

	for (size_t i = 0; i < terms->n_queries; i++)
		if (span_equal(span_of(terms->queries[i].name), value->name))
			return error_set(e, "query.%s= a second time",
					 error_word(value->name));
	if (terms->n_queries == ENTRY_QUERIES_MAX)
		return error_set(e, "too many query. options, at most %d",
				 ENTRY_QUERIES_MAX);
	terms->n_queries++;
	query->name = span_copy(value->name);
	if (query->name == NULL)
		return error_set(e, "out of memory");
	return set_source(&query->source, &query->text, value_whole(value),
			  false, e);
}

static bool
names_user(char *const *items)
{
	while (*items != NULL && !template_has_user(span_of(*items)))
		items++;
	return *items != NULL;
}

static bool
set_groups(struct terms *terms, struct value *value, struct error *e)
{
	if (!value_items(&terms->groups, value, option_is_group, e))
		return false;
	terms->groups_name_user = names_user(terms->groups);
	return true;
}

static bool
set_roles(struct terms *terms, struct value *value, struct error *e)
{
	if (!value_items(&terms->roles, value, role_is_valid, e))
		return false;
	terms->roles_name_user = names_user(terms->roles);
	return role_complete(terms->roles, e);
}

static bool
set_subprotocols(struct terms *terms, struct value *value, struct error *e)
{
	return value_items(&terms->subprotocols, value, check_subprotocol, e);
}

static bool
set_hubs(struct terms *terms, struct value *value, struct error *e)
{
	return value_items(&terms->hubs, value, option_check_hub, e);
}

static bool
set_date(int64_t *seconds, struct value *value, struct error *e)
{
	return date_parse(value_whole(value), seconds) ||
	       form_fault(e, "a value", value_whole(value),
			  "a date, YYYY-MM-DD");
}

static bool
set_not_before(struct terms *terms, struct value *value, struct error *e)
{
	return set_date(&terms->not_before, value, e);
}

/* Holds through the last second of its day. */
static bool
set_expires(struct terms *terms, struct value *value, struct error *e)
{
	if (!set_date(&terms->not_after, value, e))
		return false;
	terms->not_after += DATE_DAY_SECONDS - 1;
	return true;
}

static bool
set_pattern(char **pattern, struct value *value, struct error *e)
{
	struct span text = value_whole(value);

	if (text.len > CERTIFICATE_NAME_MAX || !span_is_text(text))
		return form_fault(
			e, "a value", text,
			"a name of at most %d bytes, with * for any characters",
			CERTIFICATE_NAME_MAX);
	*pattern = span_copy(text);
	return *pattern != NULL || error_set(e, "out of memory");
}

static bool
set_common_name(struct terms *terms, struct value *value, struct error *e)
{
	return set_pattern(&terms->common_name, value, e);
}

static bool
set_alternative_name(struct terms *terms, struct value *value, struct error *e)
{
	return set_pattern(&terms->alternative_name, value, e);
}

static bool
set_crl(struct terms *terms, struct value *value, struct error *e)
{
	return form_path(&terms->crl, value_whole(value), e);
}

/* A name that ends in '.' goes on with a name of the administrator's, and may
 * come several times. */
static const struct option {
	struct span name;
	bool (*set)(struct terms *terms, struct value *value, struct error *e);
} options[] = {
	{ SPAN_TEXT("user"), set_user },
	{ SPAN_TEXT("groups"), set_groups },
	{ SPAN_TEXT("roles"), set_roles },
	{ SPAN_TEXT("subprotocol"), set_subprotocols },
	{ SPAN_TEXT("client-id"), set_client_id },
	{ SPAN_TEXT("query."), set_query },
	{ SPAN_TEXT("hub"), set_hubs },
	{ SPAN_TEXT("not-before"), set_not_before },
	{ SPAN_TEXT("expires"), set_expires },
	{ SPAN_TEXT("cn"), set_common_name },
	{ SPAN_TEXT("san"), set_alternative_name },
	{ SPAN_TEXT("crl"), set_crl },
};

enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

static bool
is_open(const struct option *option)
{
	return option->name.ptr[option->name.len - 1] == '.';
}

/* The option whose name is in front of *rest with its '='; both are taken, and
 * what an open name goes on with is in *name. */
static size_t
take_name(struct span *rest, struct span *name)
{
	struct span tail = *rest, word;

	span_next(&tail, "=", &word);
	if (tail.ptr == NULL)
		return OPTIONS;
	for (size_t i = 0; i < OPTIONS; i++) {
		struct span known = options[i].name;
		bool open = is_open(&options[i]);
		if (open ? !span_starts(word, known) ||
				    !span_is_token(span_after(word, known.len))
			 : !span_equal(word, known))
			continue;
		*rest = tail;
		*name = span_after(word, known.len);
		return i;
	}
	return OPTIONS;
}

static bool
set_value(const struct option *option, struct span name, struct span *rest,
	  struct terms *terms, struct warnings *warnings, struct error *e)
{
	struct span begin = *rest;
	struct value value = { .name = name };

	buffer_init(&value.text, VALUE_MAX);
	bool ok = value_take(rest, &value, e);
	struct span text = buffer_span(&value.text);
	size_t dropped = invisible_trim(&text);
	if (ok && text.len < value.text.len) {
		error_set(warnings_next(warnings, begin.ptr),
			  "an invisible character beside the value of %s "
			  "is ignored",
			  option->name.ptr);
		buffer_drop(&value.text, dropped);
		value.text.len = text.len;
		text = buffer_span(&value.text);
	}
	if (ok && value.text.len == 0)
		ok = error_set(e, "%s is empty", option->name.ptr);
	if (ok && invisible_find(text) < text.len)
		ok = error_set(e,
			       "an invisible character inside the value "
			       "of %s",
			       option->name.ptr);
	ok = ok && option->set(terms, &value, e);
	buffer_free(&value.text);
	if (!ok)
		*rest = begin;
	return ok;
}

bool
option_take(struct span *rest, struct terms *terms, unsigned *seen,
	    struct warnings *warnings, struct error *e)
{
	struct span begin = *rest, name;
	size_t i = take_name(rest, &name);

	if (i == OPTIONS)
		return error_set(e, "unknown option: expected user= groups= "
				    "roles= subprotocol= client-id= "
				    "query.NAME= hub= not-before= expires= "
				    "cn= san= or crl=");
	if ((*seen & 1U << i) != 0 && !is_open(&options[i])) {
		*rest = begin;
		return error_set(e, "%s= a second time", options[i].name.ptr);
	}
	*seen |= 1U << i;
	return set_value(&options[i], name, rest, terms, warnings, e);
}
