/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* disconnect: closes connections by the service's REST API. */
#ifndef CERTGATE_ADMIN_DISCONNECT_H
#define CERTGATE_ADMIN_DISCONNECT_H

#include <stdbool.h>

#include "admin/command.h"
#include "admin/target.h"

struct disconnection;

/* Return true if --hub and --endpoint are valid; else print an error. */
bool disconnect_check_service(const struct command *command);

/* Read the token of --token-file: token borrows text, which the caller wipes in
 * any case.  False, and printed, if the file is not one of one line. */
bool disconnect_read_token(const struct command *command, struct buffer *text,
			   struct span *token);

/* Return true if a path can name the user or the connection with this id. */
bool disconnect_names(struct span id);

/* Return true if the options of an edit agree: --hub, --endpoint and --ca are
 * for --disconnect, and valid; else print an error. */
bool disconnect_check(const struct command *command);

/* Find all users whose entries match target, by the list that is there now.
 * Give them to disconnect_finish(); NULL, and printed, if none can be named.
 * command and target are borrowed until then. */
struct disconnection *disconnect_prepare(const struct command *command,
					 const struct target *target);

/* Close the connections of these users, now and again when handlers have loaded
 * the list: until then closed clients can reconnect.  With --dry-run print the
 * requests.  Return EXIT_SYSTEM, and print an error, if a connection may still
 * be open, or d is NULL.  Takes d. */
enum exit_code disconnect_finish(const struct command *command,
				 struct disconnection *d);

void disconnect_free(struct disconnection *d);

#endif
