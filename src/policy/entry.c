/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/entry.h"

const char *
entry_place(unsigned line, char text[ENTRY_PLACE_SIZE])
{
	if (line == 0)
		return "CLIENT_CERT_THUMBPRINT";
	if (line == ENTRY_LINE_STORED)
		return "the store";
	(void)snprintf(text, ENTRY_PLACE_SIZE, "line %u", line);
	return text;
}

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
