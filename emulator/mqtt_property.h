/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* mqtt_property: the properties of MQTT 5.0 packets (2.2.2). */
#ifndef CERTGATE_EMULATOR_MQTT_PROPERTY_H
#define CERTGATE_EMULATOR_MQTT_PROPERTY_H

#include "emulator/mqtt_wire.h"

enum mqtt_property {
	MQTT_PAYLOAD_FORMAT = 0x01,
	MQTT_CONTENT_TYPE = 0x03,
	MQTT_CORRELATION_DATA = 0x09,
	MQTT_SESSION_EXPIRY = 0x11,
	MQTT_ASSIGNED_CLIENT_ID = 0x12,
	MQTT_AUTHENTICATION_METHOD = 0x15,
	MQTT_REASON_STRING = 0x1f,
	MQTT_TOPIC_ALIAS = 0x23,
	MQTT_MAXIMUM_QOS = 0x24,
	MQTT_RETAIN_AVAILABLE = 0x25,
	MQTT_USER_PROPERTY = 0x26,
};

/* What is of use here; the rest is read and forgotten. */
struct mqtt_properties {
	char *content_type; /* NULL: none */
	GBytes *correlation; /* NULL: none */
	GBytes *all; /* as they came; NULL: none were read */
	GPtrArray *user; /* of char *: name, value, name, value ... */
	guint8 payload_format;
	bool has_authentication, has_alias;
	guint64 seen; /* a bit for each identifier */
};

/* Read length and properties; mark the reader bad if they are invalid. */
void mqtt_properties_read(struct mqtt_properties *properties,
			  struct mqtt_reader *reader);
void mqtt_properties_clear(struct mqtt_properties *properties);

/* One property of the kinds that hold a text or a byte. */
void mqtt_property_text(GByteArray *out, enum mqtt_property id,
			const char *text);
void mqtt_property_byte(GByteArray *out, enum mqtt_property id, guint8 value);
void mqtt_property_user(GByteArray *out, const char *name, const char *value);

/* Append length and properties, which it takes. */
void mqtt_properties_write(GByteArray *out, GByteArray *properties);

#endif
