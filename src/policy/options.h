/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * options: the options of an entry, read into it and its terms.
 */
#ifndef CERTGATE_POLICY_OPTIONS_H
#define CERTGATE_POLICY_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"
#include "policy/entry.h"
#include "policy/terms.h"

/* Take all options from *rest, which is behind the pin, and check that they
 * are valid together.  Entries with equal options get the same terms from the
 * pool (NULL: none).  False with e: then *rest begins at the invalid option. */
bool options_take(struct span *rest, struct entry *entry,
		  struct terms_pool *pool, struct warnings *warnings,
		  struct error *e) __attribute__((warn_unused_result));

#endif
