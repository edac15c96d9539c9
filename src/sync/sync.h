/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* sync: keeps the store of this host equal to the fleet's database. */
#ifndef CERTGATE_SYNC_SYNC_H
#define CERTGATE_SYNC_SYNC_H

#include "host/exit_code.h"

struct sync_options {
	const char *connection; /* path of the file that says where the
				 * database is */
	const char *store; /* path */
	const char *report; /* path of what is sent to the fleet; NULL: none */
	int wait_s; /* for the first catch-up, before it counts as ready */
};

/* Go on until a signal ends the process.  Return if the store cannot be
 * used. */
enum exit_code sync_run(const struct sync_options *options);

#endif
