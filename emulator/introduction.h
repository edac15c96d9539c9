/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* introduction: what a client says of itself when it asks for a WebSocket. */
#ifndef CERTGATE_EMULATOR_INTRODUCTION_H
#define CERTGATE_EMULATOR_INTRODUCTION_H

#include "emulator/connection.h"

struct introduction {
	JsonObject *body; /* of the connect event */
	JsonArray *offered; /* the subprotocols, borrowed from body */
};

/* Read a request; the token, if there is one, gives the connection user,
 * roles and groups.  False if the client may not even ask, and why.  body is
 * to be unreferenced in either case. */
bool introduction_read(struct introduction *introduction,
		       struct connection *connection,
		       SoupServerMessage *message, const char **why);

bool introduction_offers(const struct introduction *introduction,
			 const char *subprotocol);

/* The hosts that tokens for this request may name, up to a NULL; the array is
 * freed with g_strfreev. */
char **introduction_hosts(const struct settings *settings,
			  SoupServerMessage *message);

/* The token of Authorization: Bearer, or NULL. */
const char *introduction_bearer(SoupServerMessage *message);

#endif
