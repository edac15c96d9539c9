/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "admin/advice.h"
#include "policy/pattern.h"

static void
warn_of_sha1(struct findings *findings, const struct list *list,
	     const char *path)
{
	unsigned first = 0;
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (list->entries[i].pin.kind != THUMBPRINT_SHA1 ||
		    !list->entries[i].allows)
			continue;
		first = n++ == 0 ? list->entries[i].line : first;
	}
	if (n == 1)
		findings_warn(findings, path, first,
			      "the entry is pinned by SHA-1: prefer SHA-256 "
			      "(certgate thumbprint FILE)");
	else if (n > 1)
		findings_warn(findings, path, first,
			      "%zu entries are pinned by SHA-1, this one "
			      "first: prefer SHA-256 (certgate thumbprint "
			      "FILE)",
			      n);
}

/* pattern: NULL if there is none. */
static bool
limits_nothing(const char *pattern)
{
	return pattern == NULL || pattern_is_any(pattern);
}

/* Whoever that CA signs for comes in. */
static void
warn_of_any_name(struct findings *findings, const struct list *list,
		 const char *path)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct terms *terms = list->entries[i].terms;
		if (terms == NULL || terms->ca == NULL ||
		    !limits_nothing(terms->common_name) ||
		    !limits_nothing(terms->alternative_name))
			continue;
		findings_warn(findings, path, list->entries[i].line,
			      "any name that this CA signs is let in: expected "
			      "cn= or san= with more than *");
	}
}

void
advice_find(struct findings *findings, const struct list *list,
	    const char *path)
{
	warn_of_sha1(findings, list, path);
	warn_of_any_name(findings, list, path);
}
