/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* mqtt_session: what a connected MQTT client publishes and subscribes to. */
#ifndef CERTGATE_EMULATOR_MQTT_SESSION_H
#define CERTGATE_EMULATOR_MQTT_SESSION_H

#include "emulator/mqtt_client.h"

void mqtt_session_publish(struct connection *connection, guint8 flags,
			  struct mqtt_reader body);

/* SUBSCRIBE and UNSUBSCRIBE. */
void mqtt_session_filters(struct connection *connection, bool is_subscribe,
			  struct mqtt_reader body);

#endif
