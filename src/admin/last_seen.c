/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <time.h>

#include "admin/last_seen.h"
#include "admin/setup.h"
#include "host/seen.h"

static void
take(void *context, const void *slot)
{
	const struct last_seen *all = context;
	const struct seen_pin *seen = slot;
	struct thumbprint pin =
		thumbprint_of((enum thumbprint_kind)seen->kind, seen->digest);
	const struct list_key *found;
	size_t n = list_find(all->list, &pin, &found);

	if (!seen_is(seen, &pin, setup_site()) || seen_is_ahead(seen, all->now))
		return;
	for (size_t i = 0; i < n; i++) {
		size_t k = (size_t)(found[i].entry - all->list->entries);
		if (seen->last > all->at[k])
			all->at[k] = seen->last;
	}
}

static bool
read_folder(struct last_seen *seen, const char *folder, struct error *e)
{
	seen->at = calloc(seen->list->n, sizeof(*seen->at));
	if (seen->at == NULL)
		return error_set(e, "out of memory");
	if (!slots_read(folder, &seen_kind, take, seen, e))
		return false;
	return slots_are_held(folder, &seen_kind) ||
	       error_set(e, "nothing in %s is a running handler's", folder);
}

void
last_seen_read(struct last_seen *seen, const struct list *list)
{
	struct error e = { 0 };
	char *folder = setup_stats(&e);

	*seen = (struct last_seen){ .list = list, .now = (int64_t)time(NULL) };
	if (folder != NULL && list->n > 0)
		(void)read_folder(seen, folder, &e);
	if (e.set)
		error_text(&e, seen->why, sizeof(seen->why));
	free(folder);
}

void
last_seen_free(struct last_seen *seen)
{
	free(seen->at);
	seen->at = NULL;
}

bool
last_seen_of(const struct last_seen *seen, const struct entry *entry,
	     int64_t *at)
{
	*at = 0;
	if (seen->at != NULL)
		*at = seen->at[entry - seen->list->entries];
	return seen_notes(entry);
}
