/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "policy/value.h"

enum { ITEMS_MAX = 256 /* in one option */ };

bool
value_take(struct span *rest, struct value *value, struct error *e)
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

void
value_free_items(char **items)
{
	if (items == NULL)
		return;
	for (char **item = items; *item != NULL; item++)
		free(*item);
	free(items);
}

bool
value_items(char ***items, const struct value *value, value_check *check,
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
			value_free_items(made);
			return false;
		}
	}
	*items = made;
	return true;
}

struct span
value_whole(struct value *value)
{
	struct span text = buffer_span(&value->text);

	for (size_t i = 0; i < text.len; i++)
		if (value->text.data[i] == '\0')
			value->text.data[i] = ',';
	return text;
}
