/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/mqtt_wire.h"

enum { VARINT_BYTES_MAX = 4, VARINT_BITS = 7, VARINT_MORE = 0x80 };

/* The next n bytes, or NULL. */
static const guint8 *
take(struct mqtt_reader *reader, gsize n)
{
	const guint8 *at = reader->at;

	if (reader->bad || n > reader->left) {
		reader->bad = true;
		return NULL;
	}
	reader->at += n;
	reader->left -= n;
	return at;
}

guint8
mqtt_read_u8(struct mqtt_reader *reader)
{
	const guint8 *at = take(reader, 1);

	return at == NULL ? 0 : *at;
}

guint16
mqtt_read_u16(struct mqtt_reader *reader)
{
	const guint8 *at = take(reader, 2);

	if (at == NULL)
		return 0;
	return (guint16)(at[0] << 8 | at[1]);
}

guint32
mqtt_read_u32(struct mqtt_reader *reader)
{
	guint32 high = mqtt_read_u16(reader);

	return high << 16 | mqtt_read_u16(reader);
}

guint32
mqtt_read_varint(struct mqtt_reader *reader)
{
	guint32 value = 0;

	for (guint i = 0; i < VARINT_BYTES_MAX; i++) {
		guint8 byte = mqtt_read_u8(reader);
		value |= (guint32)(byte & ~VARINT_MORE) << (i * VARINT_BITS);
		if ((byte & VARINT_MORE) == 0)
			return reader->bad ? 0 : value;
	}
	reader->bad = true;
	return 0;
}

char *
mqtt_read_string(struct mqtt_reader *reader)
{
	gsize size = mqtt_read_u16(reader);
	const char *at = (const char *)take(reader, size);

	if (at == NULL)
		return NULL;
	if (memchr(at, '\0', size) != NULL ||
	    !g_utf8_validate_len(at, size, NULL)) {
		reader->bad = true;
		return NULL;
	}
	return g_strndup(at, size);
}

GBytes *
mqtt_read_binary(struct mqtt_reader *reader)
{
	gsize size = mqtt_read_u16(reader);
	const guint8 *at = take(reader, size);

	return at == NULL ? NULL : g_bytes_new(at, size);
}

GBytes *
mqtt_read_rest(struct mqtt_reader *reader)
{
	gsize size = reader->left;

	return g_bytes_new(take(reader, size), reader->bad ? 0 : size);
}

struct mqtt_reader
mqtt_read_part(struct mqtt_reader *reader, gsize n)
{
	struct mqtt_reader part = { .at = take(reader, n), .left = n };

	if (part.at == NULL)
		part = (struct mqtt_reader){ .bad = true };
	return part;
}

enum mqtt_take
mqtt_take_packet(const guint8 *data, gsize size, guint8 *first,
		 struct mqtt_reader *body, gsize *taken)
{
	struct mqtt_reader reader = { .at = data, .left = size };

	*first = mqtt_read_u8(&reader);
	gsize length = mqtt_read_varint(&reader);
	if (reader.bad)
		return size > VARINT_BYTES_MAX ? MQTT_TAKE_BAD : MQTT_TAKE_MORE;
	if (length > reader.left)
		return MQTT_TAKE_MORE;
	*body = (struct mqtt_reader){ .at = reader.at, .left = length };
	*taken = size - reader.left + length;
	return MQTT_TAKE_PACKET;
}

void
mqtt_write_u8(GByteArray *out, guint8 value)
{
	g_byte_array_append(out, &value, 1);
}

void
mqtt_write_u16(GByteArray *out, guint16 value)
{
	mqtt_write_u8(out, (guint8)(value >> 8));
	mqtt_write_u8(out, (guint8)(value & 0xff));
}

void
mqtt_write_varint(GByteArray *out, guint32 value)
{
	do {
		guint8 byte = (guint8)(value & (VARINT_MORE - 1));
		value >>= VARINT_BITS;
		mqtt_write_u8(out, value > 0 ? byte | VARINT_MORE : byte);
	} while (value > 0);
}

static void
write_counted(GByteArray *out, const void *data, gsize size)
{
	guint16 length = (guint16)MIN(size, G_MAXUINT16);

	mqtt_write_u16(out, length);
	g_byte_array_append(out, data, length);
}

void
mqtt_write_string(GByteArray *out, const char *text)
{
	write_counted(out, text, strlen(text));
}

void
mqtt_write_binary(GByteArray *out, GBytes *data)
{
	gsize size;
	const void *bytes = g_bytes_get_data(data, &size);

	write_counted(out, bytes, size);
}

GByteArray *
mqtt_packet(enum mqtt_type type, guint8 flags, GByteArray *body)
{
	GByteArray *out = g_byte_array_new();

	mqtt_write_u8(out, (guint8)(type << 4 | flags));
	mqtt_write_varint(out, body->len);
	g_byte_array_append(out, body->data, body->len);
	g_byte_array_unref(body);
	return out;
}
