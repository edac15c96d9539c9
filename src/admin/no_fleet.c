/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Builds without libpq: no verb has --fleet. */
#include "config.h"

#include "admin/fleet_edit.h"
#include "admin/print.h"

const char *
fleet_connection(const struct command *command)
{
	(void)command;
	return NULL;
}

enum exit_code
fleet_edit_open(struct fleet_edit **fleet, const struct command *command,
		struct target *target, struct edit *edit)
{
	(void)fleet;
	(void)command;
	(void)target;
	(void)edit;
	print_problem("this program was built without libpq");
	return EXIT_SYSTEM;
}

enum exit_code
fleet_edit_add(const struct fleet_edit *fleet, const struct target *target,
	       struct edit *edit)
{
	(void)fleet;
	(void)target;
	(void)edit;
	return EXIT_SYSTEM;
}

bool
fleet_edit_commit(struct fleet_edit *fleet, struct edit *edit, bool there,
		  struct error *e)
{
	(void)fleet;
	(void)there;
	return edit_commit(edit, e);
}

enum exit_code
fleet_edit_wait(const struct fleet_edit *fleet)
{
	(void)fleet;
	return EXIT_SYSTEM;
}

void
fleet_edit_close(struct fleet_edit *fleet)
{
	(void)fleet;
}
