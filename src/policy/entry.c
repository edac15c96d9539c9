/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "policy/entry.h"

bool
entry_has_expired(const struct entry *entry, int64_t now)
{
	return entry->not_after != 0 && now > entry->not_after;
}

void
entry_free(struct entry *entry)
{
	terms_release(entry->terms);
	free(entry->user);
	*entry = (struct entry){ 0 };
}
