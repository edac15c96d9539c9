/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * handshake: a client's HTTP request for a WebSocket, from its token to the
 * handler's verdict and the upgrade.
 */
#ifndef CERTGATE_EMULATOR_HANDSHAKE_H
#define CERTGATE_EMULATOR_HANDSHAKE_H

#include "emulator/connection.h"

/* Answer the request, now or later; query may be NULL. */
void handshake_begin(struct hub *hub, SoupServerMessage *message,
		     GHashTable *query, bool is_mqtt);

#endif
