/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* client: the kinds of clients. */
#ifndef CERTGATE_EMULATOR_CLIENT_H
#define CERTGATE_EMULATOR_CLIENT_H

#include "emulator/connection.h"

#define CLIENT_JSON_SUBPROTOCOL "json.webpubsub.azure.v1"
#define CLIENT_RELIABLE_SUBPROTOCOL "json.reliable.webpubsub.azure.v1"
#define CLIENT_MQTT_SUBPROTOCOL "mqtt"

/* No subprotocol, or one of the handler's choice. */
extern const struct client_kind client_simple;

/* json.webpubsub.azure.v1 */
extern const struct client_kind client_json;

/* json.reliable.webpubsub.azure.v1: messages are numbered and kept until the
 * client has acknowledged them, and it can reconnect. */
extern const struct client_kind client_reliable;

/* MQTT 3.1.1 and 5.0; its client is made by mqtt_client_new. */
extern const struct client_kind client_mqtt;

/* connect_body: what a connect event says of the client, without its member
 * mqtt.  Takes it. */
gpointer mqtt_client_new(JsonObject *connect_body);

/* The WebSocket is there: CONNECT is to come. */
void mqtt_client_begin(struct connection *connection);

#endif
