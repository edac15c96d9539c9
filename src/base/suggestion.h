/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* suggestion: which of several known names a misspelt one was meant to be. */
#ifndef CERTGATE_BASE_SUGGESTION_H
#define CERTGATE_BASE_SUGGESTION_H

#include "base/span.h"

/* All zero but for word: nothing is near it yet. */
struct suggestion {
	struct span word; /* borrowed */
	struct span best; /* borrowed from the names; absent: none is near */
	size_t distance; /* of best: letters to add, drop, change or swap */
};

/* Take name if it is nearer to the word than the best one so far, and near
 * enough to be meant: one letter in three differs, at most two do.  Letters are
 * compared without case, '-' and '_' are equal. */
void suggestion_try(struct suggestion *s, struct span name);

#endif
