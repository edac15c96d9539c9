/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "emulator/seen_ids.h"

enum { IDS_MAX = 1024 };

struct seen_ids {
	GHashTable *known;
	GQueue order; /* of the same, oldest first */
};

struct seen_ids *
seen_ids_new(void)
{
	struct seen_ids *ids = g_new0(struct seen_ids, 1);

	ids->known = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
					   NULL);
	g_queue_init(&ids->order);
	return ids;
}

void
seen_ids_free(struct seen_ids *ids)
{
	if (ids == NULL)
		return;
	g_queue_clear(&ids->order);
	g_hash_table_unref(ids->known);
	g_free(ids);
}

bool
seen_ids_add(struct seen_ids *ids, gint64 id)
{
	if (g_hash_table_contains(ids->known, &id))
		return false;

	gint64 *copy = g_memdup2(&id, sizeof(id));
	g_hash_table_add(ids->known, copy);
	g_queue_push_tail(&ids->order, copy);
	if (g_queue_get_length(&ids->order) > IDS_MAX)
		g_hash_table_remove(ids->known, g_queue_pop_head(&ids->order));
	return true;
}
