/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * store_writer: changes of the store, each one a transaction: whole, or not at
 * all.
 *
 *	w = store_writer_open(path, owner, &e);
 *	store_writer_begin(w, &e)
 *	store_writer_put(w, &pin, SPAN("user=pump hub=h"), &e)
 *	store_writer_set(w, "revision", SPAN("17"), &e)
 *	store_writer_commit(w, &e)
 *	store_writer_close(w);
 *
 * One process writes at a time: the lock is taken by store_writer_begin() and
 * given back by commit or abort, so a writer that is open waits for nothing and
 * delays nothing.  Readers never wait.  A process that ends at any point, even
 * by a signal, leaves the last commit and no lock.
 *
 * Every function that returns false sets e.  Behind one that failed within a
 * transaction, store_writer_commit() fails, too: store_writer_abort().
 */
#ifndef CERTGATE_HOST_STORE_WRITER_H
#define CERTGATE_HOST_STORE_WRITER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "policy/stored.h"

enum {
	STORE_WAIT_MS = 5000, /* for the lock */
	/* Bytes of the map, which is address space alone: what a store can
	 * grow to. */
	STORE_MAP_GIB = 64
};

/* Make the store at path, absolute, and its lock file, where they do not exist:
 * of the user owner; group may read the first and write the second
 * ((uid_t)-1, (gid_t)-1: as a new file has them).  What exists stays.  *made: a
 * store was made.  False with e if that cannot be. */
bool store_create(const char *path, uid_t owner, gid_t group, bool *made,
		  struct error *e) __attribute__((warn_unused_result));

struct store_writer;

/* Open the store at path, absolute, that is there.  owner: as store_open().
 * NULL and e if it cannot be used.  store_writer_close(). */
struct store_writer *store_writer_open(const char *path, const char *owner,
				       struct error *e);

/* Aborts a transaction.  NULL is nothing. */
void store_writer_close(struct store_writer *w);

/* Take the lock and begin a transaction.  False with e, which names the process
 * that has the lock, if that is so for STORE_WAIT_MS. */
bool store_writer_begin(struct store_writer *w, struct error *e)
	__attribute__((warn_unused_result));

/* Replace all entries of the pin.  text: lines of a list without the pin, such
 * as `user=pump hub=h` or `deny expires=2027-01-31   # why`, with a line end
 * between two and none behind the last; empty: one that allows, without
 * options.  False with e if a line is invalid. */
bool store_writer_put(struct store_writer *w, const struct thumbprint *pin,
		      struct span text, struct error *e)
	__attribute__((warn_unused_result));

/* The same of lines that were checked, in a store that has no pin at or behind
 * this one, as behind store_writer_clear(): pins are in the order of
 * thumbprint_compare(). */
bool store_writer_append(struct store_writer *w, const struct thumbprint *pin,
			 struct span text, struct error *e)
	__attribute__((warn_unused_result));

/* Add to text the lines of the pin, as store_writer_put() takes them.  *found:
 * it has some. */
bool store_writer_get(struct store_writer *w, const struct thumbprint *pin,
		      struct buffer *text, bool *found, struct error *e)
	__attribute__((warn_unused_result));

/* Remove all entries of the pin.  *found: it had some. */
bool store_writer_remove(struct store_writer *w, const struct thumbprint *pin,
			 bool *found, struct error *e)
	__attribute__((warn_unused_result));

/* Remove all entries; values stay. */
bool store_writer_clear(struct store_writer *w, struct error *e)
	__attribute__((warn_unused_result));

/* Set the value of a name, such as "revision", "digest" or "contact"; at most
 * STORED_VALUE_MAX bytes. */
bool store_writer_set(struct store_writer *w, const char *name,
		      struct span value, struct error *e)
	__attribute__((warn_unused_result));

/* Set value to that of a name, as this transaction has it; empty: none. */
bool store_writer_value(struct store_writer *w, const char *name,
			struct buffer *value, struct error *e)
	__attribute__((warn_unused_result));

/* Return the number of this transaction: that of the last commit, and one. */
size_t store_writer_number(const struct store_writer *w);

/* Return true if a process that runs has the store open to read, as a handler
 * has it from its start. */
bool store_writer_has_reader(struct store_writer *w);

/* The entries for a decision, as this transaction has them; borrowed. */
const struct stored_source *store_writer_source(const struct store_writer *w);

/* Write the transaction to the disk; it ends in any case.  With true, the next
 * event of each handler is decided by it. */
bool store_writer_commit(struct store_writer *w, struct error *e)
	__attribute__((warn_unused_result));

void store_writer_abort(struct store_writer *w);

#endif
