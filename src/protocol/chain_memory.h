/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * chain_memory: which certificates were verified, by whose trust, and from when
 * to when that holds.
 *
 * A verification is a function of the bytes of the trust, the bytes of the
 * certificate, the security level and the time.  Those are the key here, as
 * digests, so remembering can save work and nothing else: it cannot change a
 * verdict, needs no clearing when files change, and refusals are not
 * remembered.  The table has a fixed size; a newer one takes an older one's
 * place, so strangers cannot fill it.
 */
#ifndef CERTGATE_PROTOCOL_CHAIN_MEMORY_H
#define CERTGATE_PROTOCOL_CHAIN_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/chain_twin.h"
#include "protocol/digest.h"

enum { CHAIN_MEMORY_SIZE = 32768 /* certificates; about 5 MB in use */ };

struct chain_proof {
	uint8_t trust[DIGEST_SHA256_SIZE];
	uint8_t certificate[DIGEST_SHA256_SIZE];
	int64_t from, to; /* UTC seconds in which it holds */
	unsigned level; /* of security */
	struct chain_twin twin; /* found with it */
};

/* All zero: empty. */
struct chain_memory {
	struct chain_proof *proofs; /* owned; NULL until the first one */
};

/* True if proof, whose from is the time now, was remembered and holds; gives
 * its twin. */
bool chain_memory_has(const struct chain_memory *memory,
		      struct chain_proof *proof);

/* Remembers proof, if there is memory for it. */
void chain_memory_add(struct chain_memory *memory,
		      const struct chain_proof *proof);

void chain_memory_free(struct chain_memory *memory);

#endif
