/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/chain_memory.h"

/* The digest is a hash already. */
static struct chain_proof *
place_of(const struct chain_memory *memory, const struct chain_proof *proof)
{
	uint32_t hash;

	memcpy(&hash, proof->certificate, sizeof(hash));
	return &memory->proofs[hash % CHAIN_MEMORY_SIZE];
}

bool
chain_memory_has(const struct chain_memory *memory, struct chain_proof *proof)
{
	if (memory->proofs == NULL)
		return false;
	const struct chain_proof *known = place_of(memory, proof);
	if (memcmp(known->certificate, proof->certificate,
		   sizeof(proof->certificate)) != 0 ||
	    memcmp(known->trust, proof->trust, sizeof(proof->trust)) != 0 ||
	    known->level != proof->level || known->from > proof->from ||
	    proof->from > known->to)
		return false;
	proof->twin = known->twin;
	return true;
}

void
chain_memory_add(struct chain_memory *memory, const struct chain_proof *proof)
{
	if (memory->proofs == NULL)
		memory->proofs =
			calloc(CHAIN_MEMORY_SIZE, sizeof(*memory->proofs));
	if (memory->proofs != NULL)
		*place_of(memory, proof) = *proof;
}

void
chain_memory_free(struct chain_memory *memory)
{
	free(memory->proofs);
	*memory = (struct chain_memory){ 0 };
}
