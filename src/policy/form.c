/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/form.h"
#include "policy/value.h"

enum {
	WORDS_MAX = 64, /* origins or hubs */
	TEXT_MAX = 1024 /* of a user's name, or a path */
};

bool
form_fault(struct error *e, const char *what, struct span value,
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
form_text(char **text, struct span value, struct error *e)
{
	if (value.len > TEXT_MAX || !span_is_text(value))
		return form_fault(e, "a value", value,
				  "at most %d bytes of text", TEXT_MAX);
	free(*text);
	*text = span_copy(value);
	return *text != NULL || error_set(e, "out of memory");
}

bool
form_path(char **path, struct span value, struct error *e)
{
	if (value.ptr[0] != '/')
		return form_fault(e, "a value", value, "an absolute path");
	return form_text(path, value, e);
}

bool
form_choice(int *chosen, struct span value, const struct form_choice *choices,
	    const char *expected, struct error *e)
{
	for (; choices->word != NULL; choices++) {
		if (!span_equal(value, span_of(choices->word)))
			continue;
		*chosen = choices->value;
		return true;
	}
	return form_fault(e, "a value", value, "%s", expected);
}

bool
form_yes_no(bool *answer, struct span value, struct error *e)
{
	static const struct form_choice choices[] = {
		{ "yes", 1 },
		{ "no", 0 },
		{ NULL, 0 },
	};
	int chosen = 0;

	if (!form_choice(&chosen, value, choices, "yes or no", e))
		return false;
	*answer = chosen == 1;
	return true;
}

bool
form_is_host(struct span word)
{
	for (size_t i = 0; i < word.len; i++) {
		char c = word.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && c != '.' &&
		    c != '-' && c != '_')
			return false;
	}
	return word.len > 0 && word.ptr[word.len - 1] != '.';
}

bool
form_words(char ***words, struct span value,
	   bool (*check)(struct span word, struct error *e), struct error *e)
{
	struct span word;
	size_t n = 0;

	value_free_items(*words);
	*words = NULL;
	if (span_equal(value, SPAN("*")))
		return true;
	char **made = calloc(WORDS_MAX + 1, sizeof(*made));
	if (made == NULL)
		return error_set(e, "out of memory");
	while (span_next_word(&value, ", \t", &word)) {
		if (n == WORDS_MAX)
			error_set(e, "expected at most %d names", WORDS_MAX);
		else if (check(word, e) && (made[n] = span_copy(word)) == NULL)
			error_set(e, "out of memory");
		if (e->set) {
			value_free_items(made);
			return false;
		}
		n++;
	}
	if (n == 0) {
		value_free_items(made);
		return error_set(e, "no name: expected one, or *");
	}
	*words = made;
	return true;
}
