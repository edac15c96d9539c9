/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * value: the kinds of values that settings and the options of an entry have.
 *
 * A reader sets what its first argument points to and frees what was there.
 * It returns false if the value is of another kind; e is set only if the
 * reader knows more than which kind was expected.
 */
#ifndef CERTGATE_POLICY_VALUE_H
#define CERTGATE_POLICY_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

enum {
	VALUE_MAX = 32768, /* bytes of an option's value */
	VALUE_TEXT_MAX = 1024, /* bytes of a user id, or a path */
	VALUE_USER_MAX = 32, /* bytes of a user's name; useradd(8) */
	VALUE_AGE_MIN = 15 /* seconds; a contact is noted each five */
};

/* Set e for a value that did not parse, which the message calls what; return
 * false.  The message has its length alone: the value may be a key that was put
 * into the wrong place. */
bool value_fault(struct error *e, const char *what, struct span value,
		 const char *expected, ...)
	__attribute__((format(printf, 4, 5)));

/* Well-formed UTF-8 of at most max bytes; the field is a char *. */
bool value_text(void *field, struct span value, size_t max, struct error *e);

/* A path, or a user of the system: the field is a char *.  A day: the field is
 * an int64_t, the first UTC second of the day or the last.  An age in seconds:
 * the field is an unsigned. */
bool value_path(void *field, struct span value, struct error *e);
bool value_user(void *field, struct span value, struct error *e);
bool value_first_second(void *field, struct span value, struct error *e);
bool value_last_second(void *field, struct span value, struct error *e);
bool value_age(void *field, struct span value, struct error *e);

/* Set field, of an enum, to the number of the word that value is; words ends by
 * NULL. */
bool value_choose(const char *const *words, void *field, struct span value);

/* Return how many bytes at the front of text are ASCII letters or in others. */
size_t value_letters(struct span text, const char *others);

/* A host's name or address as in a Host header, but without a port. */
bool value_is_host(struct span word);

/* Return true for a name in .invalid: no host has one (RFC 6761 6.4). */
bool value_is_invalid_domain(struct span host);

/* A hub's name as the service has them: a letter, then up to 127 letters,
 * digits, or characters of _`,.[] */
bool value_is_hub(struct span name);

typedef bool value_check(struct span item, struct error *e);

/* As value_is_hub(). */
value_check value_check_hub;

/* Add a copy of item, if it passes check, to *items (owned, ended by NULL;
 * NULL: none yet), which has at most max. */
bool value_add_item(char ***items, struct span item, size_t max,
		    value_check *check, struct error *e);

/* Words between commas or blanks, which the caller frees on failure too. `*`
 * alone is NULL. */
bool value_words(char ***words, struct span value, value_check *check,
		 struct error *e);

/* As value_words(), of http: and https: URLs. */
bool value_urls(void *field, struct span value, struct error *e);

/* Free an array of owned strings that NULL ends; NULL is nothing. */
void value_free_items(char **items);

/* Take an option's value from the front of *rest, up to the blank or the end
 * behind it, and add it to text without its quotes and escapes.  separator
 * stands for each comma that is not escaped. */
bool value_take(struct span *rest, char separator, struct buffer *text,
		struct error *e) __attribute__((warn_unused_result));

/* Warn of a separator or a quote of another program that is part of value, the
 * text of the option name without quotes: `user=x,` is the user "x,". */
void value_warn_of_marks(const char *name, struct span value,
			 struct warnings *warnings);

#endif
