/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* store_format: what the reader and the writer of a store have in common: its
 * files, and the records in it. */
#ifndef CERTGATE_HOST_STORE_FORMAT_H
#define CERTGATE_HOST_STORE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <lmdb.h>

#include "base/error.h"
#include "base/span.h"
#include "host/file.h"
#include "policy/stored.h"

enum {
	STORE_DBI = 1, /* LMDB's main database, which has all records */
	STORE_READERS = 4096 /* processes that look at once */
};

/* Behind the path of the store, that of its lock file. */
#define STORE_LOCK_SUFFIX "-lock"

/* Names of values that are the program's own. */
#define STORE_FORMAT "format"
#define STORE_COUNTS "counts"

/* The value of the first. */
#define STORE_FORMAT_TEXT "certgate 1"

/* Give the path of the data file, symbolic links followed, and that of the lock
 * file: free() both.  False with e if the store is missing. */
bool store_paths(const char *path, char **data, char **lock, struct error *e)
	__attribute__((warn_unused_result));

/* False with e if one of the files is missing, or could be changed by others
 * than root, this user and owner (NULL: none); a lock file also by its
 * group. */
bool store_check_files(const char *path, const char *lock, const char *owner,
		       struct file_identity *data_identity,
		       struct file_identity *lock_identity, struct error *e)
	__attribute__((warn_unused_result));

/* False with e if the file does not begin as one of LMDB, or is cut.  Set *page
 * to the bytes of a page. */
bool store_check_head(const char *path, size_t *page, struct error *e)
	__attribute__((warn_unused_result));

/* Say that the file is cut; always false. */
bool store_is_cut(const char *path, struct error *e);

/* Write the key of a value, and return how long it is. */
size_t store_name_key(const char *name, char key[1 + STORED_NAME_MAX]);

/* Get the value of a name, or the entries of a pin.  *text is valid until the
 * transaction ends.  False with e if the record is damaged or cannot be
 * read. */
bool store_get(const char *path, MDB_txn *txn, const char *name,
	       struct span *text, bool *found, struct error *e)
	__attribute__((warn_unused_result));
bool store_get_pin(const char *path, MDB_txn *txn, const struct thumbprint *pin,
		   struct span *text, bool *found, struct error *e)
	__attribute__((warn_unused_result));

/* Get the counts.  A store without them is damaged. */
bool store_get_counts(const char *path, MDB_txn *txn,
		      struct stored_counts *counts, struct error *e)
	__attribute__((warn_unused_result));

/* False with e if the store is not of the format that this program knows. */
bool store_check_format(const char *path, MDB_txn *txn, struct error *e)
	__attribute__((warn_unused_result));

/* How much to map of a file of that size. */
size_t store_map_size(off_t size);

/* As store_each(). */
bool store_walk(const char *path, MDB_cursor *cursor, stored_function *take,
		void *context, struct error *e)
	__attribute__((warn_unused_result));

#endif
