/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * database: one connection to the PostgreSQL of a fleet.
 *
 * Every wait has a limit: a server that accepts connections and never answers
 * is an error like one that refuses them.  A connection that failed once fails
 * from then on; close it and open another.
 */
#ifndef CERTGATE_HOST_DATABASE_H
#define CERTGATE_HOST_DATABASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

enum {
	DATABASE_TEXT_MAX = 65536, /* bytes of a file with a connection */
	DATABASE_ANSWER_MS = 5000 /* to the next bytes of an answer */
};

/* The usual files with a connection: certgate's and certgate-sync's. */
#define DATABASE_FLEET "/etc/certgate/fleet"
#define DATABASE_SYNC "/etc/certgate-sync/connection"

struct database;

/* The rows that a statement returned. */
struct rows;

/* Connect as the file at path says: a connection string of libpq, on any
 * number of lines, with # at the start of a comment.  name: of the program, for
 * the server.
 * NULL and e, which never has a part of the file, if it cannot be read or no
 * server takes the connection. */
struct database *database_open(const char *path, const char *name,
			       struct error *e);

/* NULL is nothing. */
void database_close(struct database *database);

/* Run one statement with n values for $1 and on.  Give its rows: rows_free().
 * NULL and e if it failed. */
struct rows *database_ask(struct database *database, const char *statement,
			  const char *const *values, size_t n, struct error *e);

/* The same of one whose rows do not matter. */
bool database_do(struct database *database, const char *statement,
		 struct error *e) __attribute__((warn_unused_result));

/* True if the last statement failed because of what it said, on a connection
 * that works. */
bool database_refused(const struct database *database);

/* Wait for a notification, at most ms.  False with e if the connection is
 * lost. */
bool database_wait(struct database *database, int ms, struct error *e)
	__attribute__((warn_unused_result));

/* Add an element to the text of an array, which is empty before the first. */
void database_add_element(struct buffer *array, struct span text);

/* End the array, and return it as a value, borrowed; NULL if it is too
 * large. */
const char *database_end_array(struct buffer *array);

size_t rows_count(const struct rows *rows);

/* The text of a field, borrowed and ended by NUL; empty if it is null. */
struct span rows_text(const struct rows *rows, size_t row, size_t column);

void rows_free(struct rows *rows);

#endif
