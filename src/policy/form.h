/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * form: the forms that the values of settings have.
 *
 * Each sets its first argument from value and frees what was there; false, with
 * e saying what was expected, if value is of another form.
 */
#ifndef CERTGATE_POLICY_FORM_H
#define CERTGATE_POLICY_FORM_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"

struct form_choice {
	const char *word; /* NULL ends the choices */
	int value;
};

/* Set e for a value that did not parse, which the message calls what; return
 * false.  The message has its length alone: the value may be a key that was put
 * into the wrong setting. */
bool form_fault(struct error *e, const char *what, struct span value,
		const char *expected, ...)
	__attribute__((format(printf, 4, 5)));

bool form_text(char **text, struct span value, struct error *e);
bool form_path(char **path, struct span value, struct error *e);
bool form_yes_no(bool *answer, struct span value, struct error *e);
bool form_choice(int *chosen, struct span value,
		 const struct form_choice *choices, const char *expected,
		 struct error *e);

/* A host's name or address as in a Host header, but without a port. */
bool form_is_host(struct span word);

/* Words between commas or blanks, each to be checked, up to a NULL: free with
 * value_free_items.  `*` alone is NULL. */
bool form_words(char ***words, struct span value,
		bool (*check)(struct span word, struct error *e),
		struct error *e);

#endif
