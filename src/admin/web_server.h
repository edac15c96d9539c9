/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* web_server: the configuration of the web servers of this host. */
#ifndef CERTGATE_ADMIN_WEB_SERVER_H
#define CERTGATE_ADMIN_WEB_SERVER_H

enum { WEB_SERVER_PATH_SIZE = 256 };

/* Return how the web server that is installed passes events to the handler;
 * NULL: none is installed.  Write to file the path of the first file in force
 * that has certgate, cut to its size; empty: none has. */
const char *web_server_find(char file[WEB_SERVER_PATH_SIZE]);

#endif
