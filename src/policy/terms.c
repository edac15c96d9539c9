/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "policy/terms.h"
#include "policy/value.h"

static bool
has_names(const struct terms *terms)
{
	unsigned names = 1U << USER_COMMON_NAME | 1U << USER_ALTERNATIVE_NAME;
	bool found = (names >> terms->user_source & 1) != 0 ||
		     (names >> terms->client_id.source & 1) != 0;

	for (size_t i = 0; i < terms->n_queries; i++)
		found |= (names >> terms->queries[i].source & 1) != 0;
	return found;
}

bool
terms_check(const struct terms *terms, bool is_key, struct error *e)
{
	if (terms->not_after != 0 && terms->not_after < terms->not_before)
		return error_set(e, "the entry ends before it begins");
	if (is_key && has_names(terms))
		return error_set(e, "spki: vouches for no name: expected "
				    "options without @cn and @san");
	bool limits =
		terms->common_name != NULL || terms->alternative_name != NULL;
	if (terms->ca != NULL && !limits)
		return error_set(e, "an entry of a CA without a limit of "
				    "names: expected cn= or san=");
	if (terms->ca == NULL && (limits || terms->crl != NULL))
		return error_set(e, "cn=, san= and crl= limit an entry of a "
				    "CA: expected ca: before them");
	return true;
}

void
terms_free(struct terms *terms)
{
	if (terms == NULL)
		return;
	free(terms->user);
	value_free_items(terms->groups);
	value_free_items(terms->roles);
	value_free_items(terms->subprotocols);
	value_free_items(terms->hubs);
	free(terms->client_id.text);
	for (size_t i = 0; i < terms->n_queries; i++) {
		free(terms->queries[i].name);
		free(terms->queries[i].text);
	}
	free(terms->ca);
	free(terms->crl);
	free(terms->common_name);
	free(terms->alternative_name);
	free(terms);
}
