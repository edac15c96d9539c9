/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* disconnect: closes connections by the service's REST API. */
#ifndef CERTGATE_ADMIN_DISCONNECT_H
#define CERTGATE_ADMIN_DISCONNECT_H

#include <stdbool.h>

#include "admin/command.h"
#include "admin/target.h"

/* Return true if --endpoint and --hub are valid or absent; else print an
 * error. */
bool disconnect_check(const struct command *command);

/* Close the connections of all users whose entries match target, now and again
 * when handlers have loaded the list: until then closed clients can reconnect.
 * With --dry-run print the requests.  Return EXIT_SYSTEM, and print an error,
 * if a connection may still be open. */
enum exit_code disconnect_target(const struct command *command,
				 const struct target *target);

#endif
