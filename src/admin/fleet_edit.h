/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * fleet_edit: --fleet of the verbs that edit: the entries of the fleet's
 * database in the place of the list.
 */
#ifndef CERTGATE_ADMIN_FLEET_EDIT_H
#define CERTGATE_ADMIN_FLEET_EDIT_H

#include <stdbool.h>

#include "admin/command.h"
#include "admin/edit.h"
#include "admin/target.h"

/* The connection, and what is to be waited for. */
struct fleet_edit;

/* The file of --connection, or that of the administrator. */
const char *fleet_connection(const struct command *command);

/* Connect, and make the entries of the fleet that have a pin of the target the
 * text of edit.  Write the pin of the target as digits.  EXIT_DONE, or the
 * error was printed; fleet_edit_close() and edit_close() in any case. */
enum exit_code fleet_edit_open(struct fleet_edit **fleet,
			       const struct command *command,
			       struct target *target, struct edit *edit);

/* Add those that have a pin of another target.  EXIT_DONE, or the error was
 * printed. */
enum exit_code fleet_edit_add(const struct fleet_edit *fleet,
			      const struct target *target, struct edit *edit);

/* Write the changes to the database, in one transaction; without a fleet to the
 * list, as edit_commit().  there: the entry is in the fleet already. */
bool fleet_edit_commit(struct fleet_edit *fleet, struct edit *edit, bool there,
		       struct error *e) __attribute__((warn_unused_result));

/* Wait until they are in force on all hosts, and print that.  EXIT_NO if one is
 * late. */
enum exit_code fleet_edit_wait(const struct fleet_edit *fleet);

/* NULL is nothing. */
void fleet_edit_close(struct fleet_edit *fleet);

#endif
