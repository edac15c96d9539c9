/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/chain_memory.h"

enum { WAYS = 4 /* places in which a proof can be */ };

/* Return the first place of proof.  Digests are hashes already; one
 * certificate may be looked up for several trusts in turn. */
static size_t
place_of(const struct chain_proof *proof, size_t size)
{
	uint32_t trust, certificate;

	memcpy(&trust, proof->trust, sizeof(trust));
	memcpy(&certificate, proof->certificate, sizeof(certificate));
	return (trust ^ certificate) % (size / WAYS) * WAYS;
}

static bool
is_same(const struct chain_proof *known, const struct chain_proof *proof)
{
	return memcmp(known->certificate, proof->certificate,
		      sizeof(known->certificate)) == 0 &&
	       memcmp(known->trust, proof->trust, sizeof(known->trust)) == 0 &&
	       known->level == proof->level;
}

static const struct chain_proof *
find(const struct chain_proof *table, size_t size,
     const struct chain_proof *proof, int64_t now)
{
	const struct chain_proof *known = table;

	if (table == NULL)
		return NULL;
	known += place_of(proof, size);
	for (int i = 0; i < WAYS; i++, known++)
		if (is_same(known, proof) && known->from <= now &&
		    now <= known->to)
			return known;
	return NULL;
}

/* Replace the same proof of another time, else the oldest one. */
static void
put(struct chain_proof *place, const struct chain_proof *proof)
{
	int at = 0;

	while (at < WAYS - 1 && !is_same(&place[at], proof))
		at++;
	memmove(&place[1], &place[0], (size_t)at * sizeof(place[0]));
	place[0] = *proof;
}

const struct chain_proof *
chain_memory_find(const struct chain_memory *memory,
		  const struct chain_proof *proof, int64_t now)
{
	const struct chain_proof *known =
		find(memory->good, CHAIN_MEMORY_GOOD, proof, now);

	return known != NULL ? known
			     : find(memory->bad, CHAIN_MEMORY_BAD, proof, now);
}

void
chain_memory_add(struct chain_memory *memory, const struct chain_proof *proof)
{
	bool good = proof->verdict.result == CHAIN_GOOD;
	struct chain_proof **table = good ? &memory->good : &memory->bad;
	size_t size = good ? CHAIN_MEMORY_GOOD : CHAIN_MEMORY_BAD;

	if (*table == NULL)
		*table = calloc(size, sizeof(**table));
	if (*table != NULL)
		put(*table + place_of(proof, size), proof);
}

void
chain_memory_free(struct chain_memory *memory)
{
	free(memory->good);
	free(memory->bad);
	*memory = (struct chain_memory){ 0 };
}
