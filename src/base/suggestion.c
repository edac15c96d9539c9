/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "base/suggestion.h"

enum {
	NAME_MAX_LENGTH = 40, /* characters; longer ones are near to nothing */
	DISTANCE_MAX = 2 /* letters */
};

static char
fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c | 0x20);
	return c == '_' ? '-' : c;
}

static bool
is_same(struct span a, size_t i, struct span b, size_t k)
{
	return fold(a.ptr[i]) == fold(b.ptr[k]);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: three rows of the table are kept. */
static size_t
distance_of(struct span a, struct span b)
{
	size_t rows[3][NAME_MAX_LENGTH + 1];

	for (size_t k = 0; k <= b.len; k++)
		rows[0][k] = k;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *row = rows[i % 3], *before = rows[(i + 2) % 3];
		const size_t *earlier = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t k = 1; k <= b.len; k++) {
			bool same = is_same(a, i - 1, b, k - 1);
			row[k] = least(before[k - 1] + !same,
				       least(before[k], row[k - 1]) + 1);
			if (i > 1 && k > 1 && is_same(a, i - 1, b, k - 2) &&
			    is_same(a, i - 2, b, k - 1))
				row[k] = least(row[k], earlier[k - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

void
suggestion_try(struct suggestion *s, struct span name)
{
	size_t most = least(DISTANCE_MAX, name.len / 3);

	if (name.len > NAME_MAX_LENGTH || s->word.len > NAME_MAX_LENGTH ||
	    s->word.len == 0)
		return;
	size_t distance = distance_of(s->word, name);
	if (distance > most || (s->best.ptr != NULL && distance >= s->distance))
		return;
	s->best = name;
	s->distance = distance;
}
