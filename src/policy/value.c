/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "policy/value.h"

enum {
	HUB_MAX = 128, /* characters; constraint of the service */
	WORDS_MAX = 64 /* origins or hubs */
};

bool
value_fault(struct error *e, const char *what, struct span value,
	    const char *expected, ...)
{
	char text[sizeof(e->text)];
	va_list arguments;

	va_start(arguments, expected);
	(void)vsnprintf(text, sizeof(text), expected, arguments);
	va_end(arguments);
	return error_set(e, "%s of %zu characters: expected %s", what,
			 value.len, text);
}

bool
value_text(void *field, struct span value, size_t max, struct error *e)
{
	char **text = field;

	if (value.len > max || !span_is_text(value))
		return value_fault(e, "a value", value,
				   "at most %zu bytes of text", max);
	free(*text);
	*text = span_copy(value);
	return *text != NULL || error_set(e, "out of memory");
}

bool
value_path(void *field, struct span value, struct error *e)
{
	return value.ptr[0] == '/' &&
	       value_text(field, value, VALUE_TEXT_MAX, e);
}

bool
value_first_second(void *field, struct span value, struct error *e)
{
	(void)e;
	return date_parse(value, field);
}

bool
value_last_second(void *field, struct span value, struct error *e)
{
	int64_t *second = field;

	if (!value_first_second(field, value, e))
		return false;
	*second += DATE_DAY_SECONDS - 1;
	return true;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

size_t
value_letters(struct span text, const char *others)
{
	size_t n = 0;

	while (n < text.len &&
	       (is_letter(text.ptr[n]) ||
		(text.ptr[n] != '\0' && strchr(others, text.ptr[n]) != NULL)))
		n++;
	return n;
}

bool
value_user(void *field, struct span value, struct error *e)
{
	return value.len <= VALUE_USER_MAX &&
	       value_letters(value, "0123456789._-") == value.len &&
	       value_text(field, value, VALUE_USER_MAX, e);
}

bool
value_is_host(struct span word)
{
	return word.len > 0 &&
	       value_letters(word, "0123456789.-_") == word.len &&
	       word.ptr[word.len - 1] != '.';
}

bool
value_is_invalid_domain(struct span host)
{
	const struct span domain = SPAN(".invalid");

	return host.len >= domain.len &&
	       span_equal_nocase(span_after(host, host.len - domain.len),
				 domain);
}

bool
value_is_hub(struct span name)
{
	return name.len > 0 && name.len <= HUB_MAX && is_letter(name.ptr[0]) &&
	       value_letters(name, "0123456789_`,.[]") == name.len;
}

bool
value_check_hub(struct span name, struct error *e)
{
	return value_is_hub(name) ||
	       value_fault(e, "a hub", name,
			   "a letter, then up to %d letters, digits or _`,.[]",
			   HUB_MAX - 1);
}

bool
value_add_item(char ***items, struct span item, size_t max, value_check *check,
	       struct error *e)
{
	size_t n = 0;

	while (*items != NULL && (*items)[n] != NULL)
		n++;
	if (n == max)
		return error_set(e, "too many items, at most %zu", max);
	if (!check(item, e))
		return false;
	char **made = reallocarray(*items, n + 2, sizeof(*made));
	if (made == NULL)
		return error_set(e, "out of memory");
	*items = made;
	made[n] = span_copy(item);
	made[n + 1] = NULL;
	return made[n] != NULL || error_set(e, "out of memory");
}

bool
value_words(char ***words, struct span value, value_check *check,
	    struct error *e)
{
	struct span word;

	value_free_items(*words);
	*words = NULL;
	if (span_equal(value, SPAN("*")))
		return true;
	while (span_next_word(&value, ", \t", &word))
		if (!value_add_item(words, word, WORDS_MAX, check, e))
			return false;
	return *words != NULL || error_set(e, "no name: expected one, or *");
}

static bool
check_url(struct span url, struct error *e)
{
	const struct span schemes[] = { SPAN("http://"), SPAN("https://") };

	for (size_t i = 0; i < 2; i++)
		if (url.len <= VALUE_TEXT_MAX && url.len > schemes[i].len &&
		    span_starts_nocase(url, schemes[i]) && span_is_text(url))
			return true;
	return value_fault(e, "a URL", url,
			   "http:// or https://, at most %d bytes",
			   VALUE_TEXT_MAX);
}

bool
value_urls(void *field, struct span value, struct error *e)
{
	return value_words(field, value, check_url, e);
}

void
value_free_items(char **items)
{
	for (char **item = items; item != NULL && *item != NULL; item++)
		free(*item);
	free(items);
}

/* Take characters that stand for themselves, up to the next one that may
 * not. */
static void
take_plain(struct span *rest, struct buffer *text)
{
	static const bool means_more[256] = {
		[' '] = true,  ['\t'] = true, ['"'] = true,
		['\\'] = true, [','] = true,
	};
	size_t n = 0;

	while (n < rest->len && !means_more[(unsigned char)rest->ptr[n]])
		n++;
	buffer_add(text, (struct span){ rest->ptr, n });
	*rest = span_after(*rest, n);
}

/* Take one character of a value that is in quotes, or not; false at its end,
 * with e set if it does not end well. */
static bool
take_character(struct span *rest, bool quoted, char separator,
	       struct buffer *text, struct error *e)
{
	char c = rest->len > 0 ? rest->ptr[0] : '\0';

	if (rest->len == 0 && quoted)
		return error_set(e, "no closing quote");
	if (rest->len == 0 || (!quoted && (c == ' ' || c == '\t')))
		return false;
	if (!quoted && c == '"')
		return error_set(e, "a quote inside a value: expected the "
				    "whole value in quotes");
	if (c == '\\' &&
	    (rest->len < 2 || strchr("\\\",", rest->ptr[1]) == NULL))
		return error_set(e, "a backslash before something else than "
				    "\\ \" or ,");
	*rest = span_after(*rest, 1);
	if (c == '"')
		return false;
	if (c == '\\') {
		c = rest->ptr[0];
		*rest = span_after(*rest, 1);
	} else if (c == ',') {
		c = separator;
	}
	buffer_add_byte(text, c);
	return true;
}

bool
value_take(struct span *rest, char separator, struct buffer *text,
	   struct error *e)
{
	bool quoted = rest->len > 0 && rest->ptr[0] == '"';

	if (quoted)
		*rest = span_after(*rest, 1);
	do
		take_plain(rest, text);
	while (take_character(rest, quoted, separator, text, e));
	if (!e->set && rest->len > 0 && rest->ptr[0] != ' ' &&
	    rest->ptr[0] != '\t')
		error_set(e, "expected a blank behind a quoted value");
	if (text->failed)
		error_set(e, "value too long, at most %d bytes", VALUE_MAX);
	return !e->set;
}

void
value_warn_of_marks(const char *name, struct span value,
		    struct warnings *warnings)
{
	static const struct {
		struct span text;
		bool inside; /* else only at an end of the value */
	} marks[] = {
		{ SPAN_TEXT(","), false },	{ SPAN_TEXT(";"), true },
		{ SPAN_TEXT("#"), true },	{ SPAN_TEXT("'"), false },
		{ SPAN_TEXT("`"), false },	{ SPAN_TEXT("\u2018"), false },
		{ SPAN_TEXT("\u2019"), false }, { SPAN_TEXT("\u201a"), false },
		{ SPAN_TEXT("\u201c"), false }, { SPAN_TEXT("\u201d"), false },
		{ SPAN_TEXT("\u201e"), false }, { SPAN_TEXT("\u00ab"), false },
		{ SPAN_TEXT("\u00bb"), false },
	};

	if (value_letters(value, "0123456789-._@*{}") == value.len)
		return; /* nearly all */
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		struct span mark = marks[i].text;
		bool found = span_starts(value, mark) ||
			     span_ends(value, mark) ||
			     (marks[i].inside && span_contains(value, mark));
		if (!found)
			continue;
		error_set(warnings_next(warnings, value.ptr),
			  "%s=: %s is part of the value (fix: remove it, or "
			  "put double quotes around the value)",
			  name, mark.ptr);
		return;
	}
}

bool
value_age(void *field, struct span value, struct error *e)
{
	unsigned *age = field;
	uint64_t number;

	(void)e;
	if (!span_number(value, VALUE_AGE_MIN, INT32_MAX, &number))
		return false;
	*age = (unsigned)number;
	return true;
}

bool
value_choose(const char *const *words, void *field, struct span value)
{
	unsigned *number = field;

	for (unsigned i = 0; words[i] != NULL; i++) {
		if (!span_equal(value, span_of(words[i])))
			continue;
		*number = i;
		return true;
	}
	return false;
}
