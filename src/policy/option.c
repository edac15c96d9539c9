/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/date.h"
#include "base/invisible.h"
#include "policy/option.h"
#include "policy/role.h"

enum {
	VALUE_MAX = 32768, /* bytes of one option's value */
	ITEMS_MAX = 256, /* in one option */
	GROUP_MAX = 1024, /* bytes; the service has as many characters */
	USER_MAX = 1024, /* bytes; the service names no limit */
	HUB_MAX = 128 /* characters; constraint of the service */
};

/* A value without its quotes and escapes; where it has commas that separate,
 * NUL stands, which no value can have. */
struct value {
	struct buffer text;
	size_t items;
};

/* Takes a value up to the blank or the end behind it. */
static bool
take_value(struct span *rest, struct value *value, struct error *e)
{
	bool quoted = rest->len > 0 && rest->ptr[0] == '"';

	if (quoted)
		*rest = span_after(*rest, 1);
	value->items = 1;
	for (;; *rest = span_after(*rest, 1)) {
		char c = rest->len > 0 ? rest->ptr[0] : '\0';
		if (rest->len == 0 && quoted)
			return error_set(e, "no closing quote");
		if (rest->len == 0 || (!quoted && (c == ' ' || c == '\t')))
			break;
		if (c == '"' && quoted) {
			*rest = span_after(*rest, 1);
			break;
		}
		if (c == '"')
			return error_set(e, "a quote inside a value: expected "
					    "the whole value in quotes");
		if (c == '\\') {
			if (rest->len < 2 ||
			    strchr("\\\",", rest->ptr[1]) == NULL)
				return error_set(e, "a backslash before "
						    "something else than "
						    "\\ \" or ,");
			*rest = span_after(*rest, 1);
			buffer_add_byte(&value->text, rest->ptr[0]);
			continue;
		}
		buffer_add_byte(&value->text, c == ',' ? '\0' : c);
		value->items += c == ',';
	}
	if (rest->len > 0 && rest->ptr[0] != ' ' && rest->ptr[0] != '\t')
		return error_set(e, "expected a blank behind a quoted value");
	if (value->text.failed)
		return error_set(e, "value too long, at most %d bytes",
				 VALUE_MAX);
	return true;
}

/* A list needs each item, a single value none but itself. */
typedef bool check_function(struct span item, struct error *e);

static void
free_items(char **items)
{
	if (items == NULL)
		return;
	for (char **item = items; *item != NULL; item++)
		free(*item);
	free(items);
}

static bool
set_items(char ***items, const struct value *value, check_function *check,
	  struct error *e)
{
	struct span rest = buffer_span(&value->text);

	if (value->items > ITEMS_MAX)
		return error_set(e, "too many items, at most %d", ITEMS_MAX);
	char **made = calloc(value->items + 1, sizeof(*made));
	if (made == NULL)
		return error_set(e, "out of memory");
	for (size_t i = 0; i < value->items; i++) {
		struct span item = rest;
		const char *end = memchr(rest.ptr, '\0', rest.len);
		if (end != NULL) {
			item.len = (size_t)(end - rest.ptr);
			rest = span_after(rest, item.len + 1);
		}
		if (!check(item, e) || ((made[i] = span_copy(item)) == NULL &&
					!error_set(e, "out of memory"))) {
			free_items(made);
			return false;
		}
	}
	*items = made;
	return true;
}

/* The value as one: its commas are commas. */
static struct span
whole(struct value *value)
{
	struct span text = buffer_span(&value->text);

	for (size_t i = 0; i < text.len; i++)
		if (value->text.data[i] == '\0')
			value->text.data[i] = ',';
	return text;
}

static bool
check_group(struct span item, struct error *e)
{
	return (item.len <= GROUP_MAX && !span_empty(span_trim(item)) &&
		span_is_text(item)) ||
	       error_set(e, "group '%s': expected 1 to %d bytes of text",
			 error_word(item), GROUP_MAX);
}

static bool
check_role(struct span item, struct error *e)
{
	return role_is_valid(item, e);
}

static bool
check_subprotocol(struct span item, struct error *e)
{
	return span_is_token(item) ||
	       error_set(e,
			 "subprotocol '%s': expected a token as in "
			 "Sec-WebSocket-Protocol",
			 error_word(item));
}

static bool
check_hub(struct span item, struct error *e)
{
	return option_is_hub(item) ||
	       error_set(e, "'%s' is no hub's name", error_word(item));
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

static bool
set_user(struct terms *terms, struct value *value, struct error *e)
{
	static const struct {
		struct span name;
		enum user_source source;
	} sources[] = {
		{ { "@cn", 3 }, USER_COMMON_NAME },
		{ { "@san", 4 }, USER_ALTERNATIVE_NAME },
		{ { "@thumbprint", 11 }, USER_THUMBPRINT },
	};
	struct span text = whole(value);

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (!span_equal(text, sources[i].name))
			continue;
		terms->user_source = sources[i].source;
		return true;
	}
	if (text.len > 0 && text.ptr[0] == '@')
		return error_set(e,
				 "user '%s': expected @cn, @san, "
				 "@thumbprint or a name",
				 error_word(text));
	if (text.len > USER_MAX || span_empty(span_trim(text)) ||
	    !span_is_text(text))
		return error_set(e, "user '%s': expected 1 to %d bytes of text",
				 error_word(text), USER_MAX);
	terms->user_source = USER_LITERAL;
	terms->user = span_copy(text);
	return terms->user != NULL || error_set(e, "out of memory");
}

static bool
set_groups(struct terms *terms, struct value *value, struct error *e)
{
	return set_items(&terms->groups, value, check_group, e);
}

static bool
set_roles(struct terms *terms, struct value *value, struct error *e)
{
	return set_items(&terms->roles, value, check_role, e) &&
	       role_complete(terms->roles, e);
}

static bool
set_subprotocols(struct terms *terms, struct value *value, struct error *e)
{
	return set_items(&terms->subprotocols, value, check_subprotocol, e);
}

static bool
set_hubs(struct terms *terms, struct value *value, struct error *e)
{
	return set_items(&terms->hubs, value, check_hub, e);
}

static bool
set_date(int64_t *seconds, struct value *value, struct error *e)
{
	return date_parse(whole(value), seconds) ||
	       error_set(e, "date '%s': expected YYYY-MM-DD",
			 error_word(whole(value)));
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

static const struct option {
	struct span name;
	bool (*set)(struct terms *terms, struct value *value, struct error *e);
} options[] = {
	{ { "user", 4 }, set_user },
	{ { "groups", 6 }, set_groups },
	{ { "roles", 5 }, set_roles },
	{ { "subprotocol", 11 }, set_subprotocols },
	{ { "hub", 3 }, set_hubs },
	{ { "not-before", 10 }, set_not_before },
	{ { "expires", 7 }, set_expires },
};

enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

/* The option whose name is in front of *rest with its '='; both are taken. */
static size_t
take_name(struct span *rest)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		struct span name = options[i].name;
		if (!span_starts(*rest, name) || rest->len == name.len ||
		    rest->ptr[name.len] != '=')
			continue;
		*rest = span_after(*rest, name.len + 1);
		return i;
	}
	return OPTIONS;
}

static bool
set_value(const struct option *option, struct span *rest, struct terms *terms,
	  struct warnings *warnings, struct error *e)
{
	struct span begin = *rest;
	struct value value = { 0 };

	buffer_init(&value.text, VALUE_MAX);
	bool ok = take_value(rest, &value, e);
	struct span text = buffer_span(&value.text);
	size_t dropped = invisible_trim(&text);
	if (ok && text.len < value.text.len) {
		error_set(warnings_next(warnings),
			  "an invisible character beside the value of %s "
			  "is ignored",
			  option->name.ptr);
		buffer_drop(&value.text, dropped);
		value.text.len = text.len;
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
	struct span begin = *rest, tail = *rest, word;
	size_t i = take_name(rest);

	span_next(&tail, " \t", &word);
	if (i == OPTIONS)
		return error_set(e,
				 "'%s' is no option: expected user= "
				 "groups= roles= subprotocol= hub= "
				 "not-before= or expires=",
				 error_word(word));
	if ((*seen & 1U << i) != 0) {
		*rest = begin;
		return error_set(e, "%s= a second time", options[i].name.ptr);
	}
	*seen |= 1U << i;
	return set_value(&options[i], rest, terms, warnings, e);
}

void
option_free_terms(struct terms *terms)
{
	if (terms == NULL)
		return;
	free(terms->user);
	free_items(terms->groups);
	free_items(terms->roles);
	free_items(terms->subprotocols);
	free_items(terms->hubs);
	free(terms);
}
