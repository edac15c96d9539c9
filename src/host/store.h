/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * store: the store as a reader: entries by pin in a file of LMDB.
 *
 * Everything is opened at once, before a sandbox; each look-up is about the
 * newest commit, in one read transaction until store_rest().  A store that
 * cannot be used never looks like an empty one.
 */
#ifndef CERTGATE_HOST_STORE_H
#define CERTGATE_HOST_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/stored.h"

enum {
	STORE_FILES = 2 /* descriptors of one that is open */
};

struct store;

/* Open the store at path, absolute; owner (NULL: none) is a user, by name or
 * by digits, that is trusted with it beside root and this user.  NULL and e,
 * with the command that fixes it, if it is missing, not safe, damaged, not a
 * store, of a newer format, or without a lock.  store_close(). */
struct store *store_open(const char *path, const char *owner, struct error *e);

/* NULL is nothing. */
void store_close(struct store *store);

/* The entries; borrowed.  NULL is a store that cannot be used. */
const struct stored_source *store_source(const struct store *store);

/* From now on, look-ups fail unless the store was what the fleet's database has
 * within the last so many seconds; 0: any age is good.  NULL is nothing. */
void store_limit_age(struct store *store, unsigned seconds);

/* Return how many seconds ago the store was last what the fleet's database has,
 * as store_contact_age(); INT64_MAX also if that cannot be read; -1: no fleet
 * keeps it, it cannot be used, or store is NULL. */
int64_t store_age(struct store *store);

/* Give the numbers of entries, also of a store that is too old; false if it
 * cannot be used, or store is NULL.  It begins a look-up: store_rest() ends
 * it. */
bool store_count(struct store *store, struct stored_counts *counts)
	__attribute__((warn_unused_result));

/* End the transaction that a look-up began: the next one is about the newest
 * commit then. */
void store_rest(struct store *store);

/* Return true if the store can be used; otherwise e says why.  Look once a
 * second: a file in place of the one that was opened ends the store. */
bool store_check(struct store *store, struct error *e);

/* Take what store_source() failed with, if that is new: then true. */
bool store_failed(struct store *store, struct error *e);

/* Give all pins in order.  False with e if the store cannot be read to its
 * end. */
bool store_each(struct store *store, stored_function *take, void *context,
		struct error *e) __attribute__((warn_unused_result));

#endif
