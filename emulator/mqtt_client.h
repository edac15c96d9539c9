/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* mqtt_client: one MQTT client, from CONNECT to its end. */
#ifndef CERTGATE_EMULATOR_MQTT_CLIENT_H
#define CERTGATE_EMULATOR_MQTT_CLIENT_H

#include "emulator/connection.h"
#include "emulator/mqtt_connect.h"

struct mqtt_client {
	JsonObject *connect_body; /* of the connect event, without mqtt */
	struct mqtt_connect connect;
	bool has_connect; /* the packet is there */
	bool is_waiting; /* for the verdict on it */
	bool is_assigned; /* the client id is ours */
	GByteArray *input;
	bool is_taking; /* a packet that is still in input */
	guint timer; /* 0: none */
	enum mqtt_reason end; /* that the service gives for the end */
	bool is_ended_here;
	JsonObject *goodbye; /* the client's DISCONNECT; NULL: none */
};

/* Sends a packet, which it takes. */
void mqtt_client_send(struct connection *connection, GByteArray *packet);

/* Disconnects the client for a reason. */
void mqtt_client_end(struct connection *connection, enum mqtt_reason reason,
		     const char *why);

#endif
