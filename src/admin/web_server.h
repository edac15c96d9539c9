/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* web_server: the configuration of the web servers of this host. */
#ifndef CERTGATE_ADMIN_WEB_SERVER_H
#define CERTGATE_ADMIN_WEB_SERVER_H

#include <stdint.h>

#include "admin/unit.h"
#include "base/error.h"

struct web_server {
	const char *wiring; /* how one that is installed passes events to the
			     * handler; NULL: none is installed */
	char file[256]; /* path of the first file in force that passes them,
			 * cut to the size; empty: none does */
	const char *unit; /* of the web server of the file */
	struct unit_stop stop; /* of that unit; if another one has such a file,
				* too, both are stopped */
	int64_t changed; /* UTC seconds; last change of the files of a running
			  * web server that does not pass events, to which
			  * wiring applies; 0: none */
};

/* Find the web servers of this host. */
void web_server_find(struct web_server *found);

/* Return true if the user of the web server's processes can connect to the
 * socket, or if that is unknown.  Otherwise e has the reason, and *since the
 * time of the last change of the socket, its folder or the processes. */
bool web_server_connects(const struct web_server *server, const char *path,
			 int64_t *since, struct error *e)
	__attribute__((warn_unused_result));

#endif
