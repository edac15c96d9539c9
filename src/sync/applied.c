/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "host/log.h"
#include "sync/applied.h"

void
applied_add(struct applied *applied, const struct revision *at,
	    struct span verb, struct span entry)
{
	size_t i = applied->n++ % APPLIED_MAX;

	free(applied->recent[i].text);
	applied->recent[i].at = *at;
	if (asprintf(&applied->recent[i].text, "%.*s %.*s", (int)verb.len,
		     verb.ptr, (int)entry.len, entry.ptr) < 0)
		applied->recent[i].text = NULL;
}

void
applied_digits(const struct revision *at, char digits[APPLIED_DIGITS + 1])
{
	hex_encode(at->digest, sizeof(at->digest), digits);
	digits[APPLIED_DIGITS] = '\0';
}

/* The arrays of one statement. */
struct arrays {
	struct buffer numbers, digests, texts;
};

static void
add(struct arrays *arrays, const struct revision *at, struct span text)
{
	char digits[APPLIED_DIGITS + 1], number[SPAN_DIGITS_MAX];

	applied_digits(at, digits);
	database_add_element(&arrays->numbers,
			     span_of_number((uint64_t)at->number, number));
	database_add_element(&arrays->digests, span_of(digits));
	database_add_element(&arrays->texts, text);
}

bool
applied_tell(const struct applied *applied, const struct revision *at,
	     struct database *database)
{
	enum { ARRAY_MAX = 1048576 /* bytes */ };
	struct arrays arrays;
	struct error e = { 0 };

	buffer_init(&arrays.numbers, ARRAY_MAX);
	buffer_init(&arrays.digests, ARRAY_MAX);
	buffer_init(&arrays.texts, 8 * ARRAY_MAX);
	for (size_t i = 0; i < APPLIED_MAX; i++)
		if (applied->recent[i].text != NULL)
			add(&arrays, &applied->recent[i].at,
			    span_of(applied->recent[i].text));
	/* The change that led to the last one may not be known. */
	if (at->number >= 0)
		add(&arrays, at, SPAN(""));
	bool told = arrays.numbers.len == 0;
	const char *values[] = {
		database_end_array(&arrays.numbers),
		database_end_array(&arrays.digests),
		database_end_array(&arrays.texts),
	};
	if (!told && values[0] != NULL && values[1] != NULL &&
	    values[2] != NULL) {
		struct rows *rows = database_ask(
			database, "select certgate.miss($1, $2, $3)", values, 3,
			&e);
		if (rows == NULL)
			log_error(LOG_LEVEL_WARNING, &e);
		told = rows != NULL || database_refused(database);
		rows_free(rows);
	}
	buffer_free(&arrays.numbers);
	buffer_free(&arrays.digests);
	buffer_free(&arrays.texts);
	return told;
}

void
applied_clear(struct applied *applied)
{
	for (size_t i = 0; i < APPLIED_MAX; i++) {
		free(applied->recent[i].text);
		applied->recent[i].text = NULL;
	}
}
