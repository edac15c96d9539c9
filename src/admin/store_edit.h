/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * store_edit: the entries of the store that an edit is about, as lines of it,
 * and the transaction that writes them.
 */
#ifndef CERTGATE_ADMIN_STORE_EDIT_H
#define CERTGATE_ADMIN_STORE_EDIT_H

#include <stdbool.h>

#include "admin/edit.h"
#include "admin/target.h"
#include "host/exit_code.h"
#include "host/store_writer.h"
#include "policy/settings.h"

/* The transaction, and the pins that it may change. */
struct store_edit;

/* Begin a transaction on the store that settings name, and make the entries
 * with a pin of the target lines of edit.  EXIT_DONE, or the error was printed;
 * store_edit_close() in any case. */
enum exit_code store_edit_open(struct store_edit **store,
			       const struct settings *settings,
			       const struct target *target, struct edit *edit);

/* Add those with a pin of another target.  EXIT_DONE, or the error was
 * printed. */
enum exit_code store_edit_add(struct store_edit *store,
			      const struct target *target, struct edit *edit);

/* Put the entries as edit_build() left them into the transaction. */
bool store_edit_apply(struct store_edit *store, const struct edit *edit,
		      struct error *e) __attribute__((warn_unused_result));

/* The store as the transaction has it; borrowed. */
const struct stored_source *store_edit_source(const struct store_edit *store);

/* End the transaction: the next event is decided by it. */
bool store_edit_commit(struct store_edit *store, struct error *e)
	__attribute__((warn_unused_result));

/* Return true if a handler that runs may use the store. */
bool store_edit_has_reader(const struct store_edit *store);

/* NULL is nothing.  Without a commit the store stays as it was. */
void store_edit_close(struct store_edit *store);

/* EXIT_DONE in a transaction on a store of this host alone.  Otherwise the
 * error was printed: certgate-sync writes to the store, and would overwrite
 * each other change (EXIT_MISUSED), or that cannot be told. */
enum exit_code store_edit_check_local(struct store_writer *writer,
				      const char *path);

#endif
