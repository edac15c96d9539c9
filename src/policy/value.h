/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* value: what stands behind the '=' of an option: quotes, escapes, items. */
#ifndef CERTGATE_POLICY_VALUE_H
#define CERTGATE_POLICY_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

enum { VALUE_MAX = 32768 /* bytes of one option's value */ };

/* A value without its quotes and escapes; where it has commas that separate,
 * NUL stands, which no value can have. */
struct value {
	struct span name; /* what an open option's name goes on with */
	struct buffer text; /* initialised with VALUE_MAX */
	size_t items;
};

/* Takes a value up to the blank or the end behind it. */
bool value_take(struct span *rest, struct value *value, struct error *e)
	__attribute__((warn_unused_result));

typedef bool value_check(struct span item, struct error *e);

/* Makes *items (ended by NULL; free with value_free_items) of the value's
 * items, each of which passes check. */
bool value_items(char ***items, const struct value *value, value_check *check,
		 struct error *e) __attribute__((warn_unused_result));

/* Frees an array of owned strings that NULL ends; NULL is nothing. */
void value_free_items(char **items);

/* The value as one: its commas are commas. */
struct span value_whole(struct value *value);

#endif
