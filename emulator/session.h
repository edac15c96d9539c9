/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* session: a connection from its WebSocket to its end. */
#ifndef CERTGATE_EMULATOR_SESSION_H
#define CERTGATE_EMULATOR_SESSION_H

#include "emulator/connection.h"

/* How long a reliable client may be without a socket. */
enum { SESSION_RECOVERY_S = 60 };

/* Take the socket, in place of one that the connection may have. */
void session_attach(struct connection *connection,
		    SoupWebsocketConnection *socket);

/* Make it known in the hub and raise connected.  A connection that has the
 * id already is dismissed. */
void session_enter(struct connection *connection);

/* Take it out of the hub and raise disconnected, once; reason may be NULL. */
void session_leave(struct connection *connection, const char *reason);

/* Send the close message, leave and close the socket. */
void session_close(struct connection *connection, gushort code,
		   const char *reason);

#endif
