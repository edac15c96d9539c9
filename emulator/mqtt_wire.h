/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* mqtt_wire: the bytes that MQTT packets are made of (MQTT 5.0 1.5, 2.1). */
#ifndef CERTGATE_EMULATOR_MQTT_WIRE_H
#define CERTGATE_EMULATOR_MQTT_WIRE_H

#include <glib.h>
#include <stdbool.h>

enum mqtt_type {
	MQTT_CONNECT = 1,
	MQTT_CONNACK = 2,
	MQTT_PUBLISH = 3,
	MQTT_PUBACK = 4,
	MQTT_SUBSCRIBE = 8,
	MQTT_SUBACK = 9,
	MQTT_UNSUBSCRIBE = 10,
	MQTT_UNSUBACK = 11,
	MQTT_PINGREQ = 12,
	MQTT_PINGRESP = 13,
	MQTT_DISCONNECT = 14,
};

enum { MQTT_3_1_1 = 4, MQTT_5 = 5 }; /* protocol levels */

/* Reads from borrowed bytes; once something is not there, bad is set and
 * every read gives zero or NULL. */
struct mqtt_reader {
	const guint8 *at;
	gsize left;
	bool bad;
};

enum mqtt_take { MQTT_TAKE_MORE, MQTT_TAKE_PACKET, MQTT_TAKE_BAD };

/* Look for one packet at the start of data.  PACKET: its first byte, a reader
 * of the rest, and how many bytes it took; MORE: it is not all there. */
enum mqtt_take mqtt_take_packet(const guint8 *data, gsize size, guint8 *first,
				struct mqtt_reader *body, gsize *taken);

guint8 mqtt_read_u8(struct mqtt_reader *reader);
guint16 mqtt_read_u16(struct mqtt_reader *reader);
guint32 mqtt_read_u32(struct mqtt_reader *reader);
guint32 mqtt_read_varint(struct mqtt_reader *reader);
/* UTF-8 without NUL; the caller frees it. */
char *mqtt_read_string(struct mqtt_reader *reader);
GBytes *mqtt_read_binary(struct mqtt_reader *reader);
GBytes *mqtt_read_rest(struct mqtt_reader *reader);
/* The next n bytes as a reader of their own. */
struct mqtt_reader mqtt_read_part(struct mqtt_reader *reader, gsize n);

void mqtt_write_u8(GByteArray *out, guint8 value);
void mqtt_write_u16(GByteArray *out, guint16 value);
void mqtt_write_varint(GByteArray *out, guint32 value);
/* At most 65535 bytes of them. */
void mqtt_write_string(GByteArray *out, const char *text);
void mqtt_write_binary(GByteArray *out, GBytes *data);

/* A packet around body, which it takes; the caller frees it with
 * g_byte_array_unref. */
GByteArray *mqtt_packet(enum mqtt_type type, guint8 flags, GByteArray *body);

#endif
