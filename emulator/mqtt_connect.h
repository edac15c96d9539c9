/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* mqtt_connect: CONNECT packets read, CONNACK packets made. */
#ifndef CERTGATE_EMULATOR_MQTT_CONNECT_H
#define CERTGATE_EMULATOR_MQTT_CONNECT_H

#include <json-glib/json-glib.h>

#include "emulator/mqtt_property.h"

/* MQTT 5.0 2.4, where a code is used here. */
enum mqtt_reason {
	MQTT_SUCCESS = 0x00,
	MQTT_UNSPECIFIED_ERROR = 0x80,
	MQTT_MALFORMED_PACKET = 0x81,
	MQTT_PROTOCOL_ERROR = 0x82,
	MQTT_IMPLEMENTATION_SPECIFIC = 0x83,
	MQTT_UNSUPPORTED_VERSION = 0x84,
	MQTT_CLIENT_ID_NOT_VALID = 0x85,
	MQTT_BAD_USER_OR_PASSWORD = 0x86,
	MQTT_NOT_AUTHORIZED = 0x87,
	MQTT_SERVER_UNAVAILABLE = 0x88,
	MQTT_BAD_AUTHENTICATION_METHOD = 0x8c,
	MQTT_KEEP_ALIVE_TIMEOUT = 0x8d,
	MQTT_TOPIC_NAME_INVALID = 0x90,
	MQTT_RETAIN_NOT_SUPPORTED = 0x9a,
	MQTT_QOS_NOT_SUPPORTED = 0x9b,
	MQTT_QUOTA_EXCEEDED = 0x97,
	MQTT_ADMINISTRATIVE_ACTION = 0x98,
	MQTT_WILDCARDS_NOT_SUPPORTED = 0xa2,
};

struct mqtt_connect {
	guint8 version; /* MQTT_3_1_1 or MQTT_5 */
	bool clean_start;
	guint16 keep_alive_s; /* 0: none */
	char *client_id; /* never NULL; may be empty */
	char *username; /* NULL: none */
	GBytes *password; /* NULL: none */
	struct mqtt_properties properties;
};

/* Read what comes behind the first byte.  MQTT_SUCCESS, or the reason to
 * refuse it, in terms of MQTT 5.0.  In either case it is to be cleared. */
enum mqtt_reason mqtt_connect_read(struct mqtt_connect *connect,
				   struct mqtt_reader reader);
void mqtt_connect_clear(struct mqtt_connect *connect);

/* The member mqtt of the connect event. */
JsonObject *mqtt_connect_json(const struct mqtt_connect *connect);

/* A packet that accepts the client; assigned: the id that was made for it, or
 * NULL; mqtt: that member of the handler's answer, or NULL. */
GByteArray *mqtt_connack(guint8 version, const char *assigned,
			 JsonObject *mqtt);

/* A packet that refuses, with the code, reason and properties that the handler
 * has given in mqtt, or with a code that fits if it has given none: from its
 * status, 0 if there was no answer. */
GByteArray *mqtt_connack_refusal(guint8 version, guint status,
				 JsonObject *mqtt);

/* A packet that refuses for a reason of MQTT 5.0. */
GByteArray *mqtt_connack_fault(guint8 version, enum mqtt_reason reason);

/* The code in which a refusal of the handler reaches the client. */
guint8 mqtt_refusal_code(guint8 version, guint status, JsonObject *mqtt);

/* User properties as JSON; null if there are none. */
JsonNode *mqtt_user_properties_json(const struct mqtt_properties *properties);

#endif
