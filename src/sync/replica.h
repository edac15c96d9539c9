/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * replica: the store of this host as a copy of the fleet's entries, with the
 * revision that it is at.
 *
 * Changes are made in one transaction, between replica_begin() and
 * replica_commit(): all of them are in force then, or none.
 */
#ifndef CERTGATE_SYNC_REPLICA_H
#define CERTGATE_SYNC_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "protocol/digest.h"

/* A place in the order of changes. */
struct revision {
	int64_t number; /* -1: none */
	uint8_t digest[DIGEST_SHA256_SIZE];
};

/* How a change went. */
enum replica_result {
	REPLICA_FAILED = 0, /* no memory, or the store cannot be written */
	REPLICA_INVALID, /* the entry does not parse: it can never be made */
	REPLICA_DOUBT, /* the store is damaged, or does not fit the change */
	REPLICA_DONE
};

struct replica;

/* Open the store at path.  NULL and e if it cannot be used; replica_close(). */
struct replica *replica_open(const char *path, struct error *e);

/* NULL is nothing. */
void replica_close(struct replica *replica);

/* Return the revision that the store is at. */
struct revision replica_at(const struct replica *replica);

/* Call it before the database is asked: a contact is as old as the question. */
void replica_ask(struct replica *replica);

/* Begin a transaction; empty: without the entries that there are.  False with
 * e, too, if the store is not at replica_at(), which is then what it is at. */
bool replica_begin(struct replica *replica, bool empty, struct error *e)
	__attribute__((warn_unused_result));

/* Change an entry.  After anything but REPLICA_DONE nothing of this change is
 * in the transaction, and e says why. */
enum replica_result replica_add(struct replica *replica, struct span entry,
				struct error *e);
enum replica_result replica_remove(struct replica *replica, struct span entry,
				   struct error *e);

/* Put the transaction in force, with the revision that it leads to.  contact:
 * the store is what the database had at replica_ask().  False with e if it is
 * not in force; it is over in any case. */
bool replica_commit(struct replica *replica, const struct revision *at,
		    bool contact, struct error *e)
	__attribute__((warn_unused_result));

void replica_abort(struct replica *replica);

#endif
