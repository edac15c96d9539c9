/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "emulator/mqtt_property.h"

enum kind { NONE, BYTE, TWO, FOUR, VARINT, TEXT, DATA, PAIR };

enum { USER_PROPERTIES_MAX = 100 };

static const enum kind kinds[] = {
	[0x01] = BYTE, [0x02] = FOUR,	[0x03] = TEXT, [0x08] = TEXT,
	[0x09] = DATA, [0x0b] = VARINT, [0x11] = FOUR, [0x12] = TEXT,
	[0x13] = TWO,  [0x15] = TEXT,	[0x16] = DATA, [0x17] = BYTE,
	[0x18] = FOUR, [0x19] = BYTE,	[0x1a] = TEXT, [0x1c] = TEXT,
	[0x1f] = TEXT, [0x21] = TWO,	[0x22] = TWO,  [0x23] = TWO,
	[0x24] = BYTE, [0x25] = BYTE,	[0x26] = PAIR, [0x27] = FOUR,
	[0x28] = BYTE, [0x29] = BYTE,	[0x2a] = BYTE,
};

static void
read_text(struct mqtt_properties *properties, guint8 id,
	  struct mqtt_reader *reader)
{
	g_autofree char *text = mqtt_read_string(reader);

	if (id == MQTT_CONTENT_TYPE)
		properties->content_type = g_steal_pointer(&text);
	else if (id == MQTT_AUTHENTICATION_METHOD)
		properties->has_authentication = true;
}

static void
read_data(struct mqtt_properties *properties, guint8 id,
	  struct mqtt_reader *reader)
{
	GBytes *data = mqtt_read_binary(reader);

	if (id == MQTT_CORRELATION_DATA)
		properties->correlation = data;
	else
		g_clear_pointer(&data, g_bytes_unref);
}

static void
read_pair(struct mqtt_properties *properties, struct mqtt_reader *reader)
{
	char *name = mqtt_read_string(reader);
	char *value = mqtt_read_string(reader);

	if (reader->bad || properties->user->len >= 2 * USER_PROPERTIES_MAX) {
		reader->bad = true;
		g_free(name);
		g_free(value);
		return;
	}
	g_ptr_array_add(properties->user, name);
	g_ptr_array_add(properties->user, value);
}

static void
read_number(struct mqtt_properties *properties, guint8 id,
	    struct mqtt_reader *reader)
{
	if (kinds[id] == BYTE) {
		guint8 value = mqtt_read_u8(reader);
		if (id == MQTT_PAYLOAD_FORMAT)
			properties->payload_format = value;
	} else if (kinds[id] == TWO) {
		(void)mqtt_read_u16(reader);
		properties->has_alias |= id == MQTT_TOPIC_ALIAS;
	} else if (kinds[id] == FOUR) {
		(void)mqtt_read_u32(reader);
	} else {
		(void)mqtt_read_varint(reader);
	}
}

static void
read_one(struct mqtt_properties *properties, struct mqtt_reader *reader)
{
	guint8 id = mqtt_read_u8(reader);
	enum kind kind = id < G_N_ELEMENTS(kinds) ? kinds[id] : NONE;

	/* Only user properties may be there more than once. */
	if (kind == NONE || (kind != PAIR && (properties->seen &
					      G_GUINT64_CONSTANT(1) << id))) {
		reader->bad = true;
		return;
	}
	properties->seen |= G_GUINT64_CONSTANT(1) << id;
	if (kind == TEXT)
		read_text(properties, id, reader);
	else if (kind == DATA)
		read_data(properties, id, reader);
	else if (kind == PAIR)
		read_pair(properties, reader);
	else
		read_number(properties, id, reader);
}

void
mqtt_properties_read(struct mqtt_properties *properties,
		     struct mqtt_reader *reader)
{
	gsize length = mqtt_read_varint(reader);
	struct mqtt_reader part = mqtt_read_part(reader, length);

	*properties = (struct mqtt_properties){
		.user = g_ptr_array_new_with_free_func(g_free),
		.all = part.bad ? NULL : g_bytes_new(part.at, part.left),
	};
	while (!part.bad && part.left > 0)
		read_one(properties, &part);
	reader->bad |= part.bad;
}

void
mqtt_properties_clear(struct mqtt_properties *properties)
{
	g_clear_pointer(&properties->content_type, g_free);
	g_clear_pointer(&properties->correlation, g_bytes_unref);
	g_clear_pointer(&properties->user, g_ptr_array_unref);
	g_clear_pointer(&properties->all, g_bytes_unref);
}

void
mqtt_property_text(GByteArray *out, enum mqtt_property id, const char *text)
{
	mqtt_write_u8(out, (guint8)id);
	mqtt_write_string(out, text);
}

void
mqtt_property_byte(GByteArray *out, enum mqtt_property id, guint8 value)
{
	mqtt_write_u8(out, (guint8)id);
	mqtt_write_u8(out, value);
}

void
mqtt_property_user(GByteArray *out, const char *name, const char *value)
{
	mqtt_write_u8(out, MQTT_USER_PROPERTY);
	mqtt_write_string(out, name);
	mqtt_write_string(out, value);
}

void
mqtt_properties_write(GByteArray *out, GByteArray *properties)
{
	mqtt_write_varint(out, properties->len);
	g_byte_array_append(out, properties->data, properties->len);
	g_byte_array_unref(properties);
}
