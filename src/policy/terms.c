/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "policy/terms.h"
#include "policy/value.h"

struct terms *
terms_new(struct error *e)
{
	struct terms *terms = calloc(1, sizeof(*terms));

	if (terms == NULL)
		error_set(e, "out of memory");
	else
		terms->uses = 1;
	return terms;
}

void
terms_release(struct terms *terms)
{
	if (terms == NULL || --terms->uses > 0)
		return;
	value_free_items(terms->groups);
	value_free_items(terms->roles);
	value_free_items(terms->subprotocols);
	value_free_items(terms->hubs);
	free(terms->client_id.text);
	for (size_t i = 0; i < terms->n_queries; i++) {
		free(terms->queries[i].name);
		free(terms->queries[i].text);
	}
	free(terms->queries);
	free(terms->ca);
	free(terms->crl);
	free(terms->common_name);
	free(terms->alternative_name);
	free(terms->serial);
	free(terms);
}

/* Return the slot of the key, or the free one where it belongs. */
static struct pooled_terms *
find_slot(const struct terms_pool *pool, struct span key, uint64_t hash)
{
	size_t i = hash & (pool->size - 1);

	while (pool->slots[i].terms != NULL &&
	       (pool->slots[i].hash != hash ||
		!span_equal((struct span){ pool->slots[i].key,
					   pool->slots[i].length },
			    key)))
		i = (i + 1) & (pool->size - 1);
	return &pool->slots[i];
}

/* Keep half of the slots free. */
static bool
grow(struct terms_pool *pool, struct error *e)
{
	enum { FIRST_SIZE = 16 };
	struct terms_pool made = {
		.n = pool->n,
		.size = pool->size == 0 ? FIRST_SIZE : 2 * pool->size,
		.key = pool->key,
	};

	if (2 * (pool->n + 1) <= pool->size)
		return true;
	made.slots = calloc(made.size, sizeof(*made.slots));
	if (made.slots == NULL)
		return error_set(e, "out of memory");
	for (size_t i = 0; i < pool->size; i++) {
		struct pooled_terms *old = &pool->slots[i];
		struct span key = { old->key, old->length };
		if (old->terms != NULL)
			*find_slot(&made, key, old->hash) = *old;
	}
	free(pool->slots);
	*pool = made;
	return true;
}

void
terms_pool_free(struct terms_pool *pool)
{
	for (size_t i = 0; i < pool->size; i++) {
		terms_release(pool->slots[i].terms);
		free(pool->slots[i].key);
	}
	free(pool->slots);
	buffer_free(&pool->key);
	*pool = (struct terms_pool){ 0 };
}

struct pooled_terms *
terms_pool_find(struct terms_pool *pool, struct error *e)
{
	struct span key = buffer_span(&pool->key);
	uint64_t hash = span_hash(key);

	if (!grow(pool, e))
		return NULL;
	struct pooled_terms *slot = find_slot(pool, key, hash);
	slot->hash = hash;
	return slot;
}

bool
terms_pool_fill(struct terms_pool *pool, struct pooled_terms *slot,
		struct terms *terms, bool warned, struct error *e)
{
	slot->key = span_copy(buffer_span(&pool->key));
	if (slot->key == NULL)
		return error_set(e, "out of memory");
	slot->length = pool->key.len;
	slot->terms = terms;
	slot->warned = warned;
	terms->uses++;
	pool->n++;
	return true;
}
