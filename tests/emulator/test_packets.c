/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* The packets of the emulator's MQTT: those that read, and every cut of them
 * and every changed byte, which must at least not crash. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/json_value.h"
#include "emulator/mqtt_connect.h"
#include "emulator/mqtt_publish.h"

/* Bytes with NULs in them, and their number. */
#define BYTES(text) (const guint8 *)(text), sizeof(text) - 1

static const guint8 connect_5[] =
	"\x10\x2a\0\4MQTT\5\xc2\0\x3c\x0d\x21\0\x14\x26\0\1a\0\2bc\x17\1"
	"\0\6pump-7\0\1u\0\3p\0q";

static void
test_varint(void **state)
{
	static const struct {
		guint32 value;
		gsize bytes;
	} rows[] = { { 0, 1 },	     { 127, 1 },      { 128, 2 },
		     { 16383, 2 },   { 16384, 3 },    { 2097151, 3 },
		     { 2097152, 4 }, { 268435455, 4 } };

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GByteArray) out = g_byte_array_new();
		mqtt_write_varint(out, rows[i].value);
		assert_int_equal(out->len, rows[i].bytes);
		struct mqtt_reader reader = { .at = out->data,
					      .left = out->len };
		assert_int_equal(mqtt_read_varint(&reader), rows[i].value);
		assert_false(reader.bad);
	}
	struct mqtt_reader reader = { .at = (const guint8 *)"\xff\xff\xff\xff",
				      .left = 4 };
	(void)mqtt_read_varint(&reader);
	assert_true(reader.bad);
}

static void
test_framing(void **state)
{
	static const struct {
		const guint8 *data;
		gsize size;
		enum mqtt_take take;
		gsize taken;
	} rows[] = {
		{ BYTES(""), MQTT_TAKE_MORE, 0 },
		{ BYTES("\x10"), MQTT_TAKE_MORE, 0 },
		{ BYTES("\xc0\0"), MQTT_TAKE_PACKET, 2 },
		{ BYTES("\xc0\0\xc0"), MQTT_TAKE_PACKET, 2 },
		{ BYTES("\x10\2a"), MQTT_TAKE_MORE, 0 },
		{ BYTES("\x10\2ab"), MQTT_TAKE_PACKET, 4 },
		{ BYTES("\x10\xff\xff\xff"), MQTT_TAKE_MORE, 0 },
		{ BYTES("\x10\xff\xff\xff\xff"), MQTT_TAKE_BAD, 0 },
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		guint8 first;
		struct mqtt_reader body;
		gsize taken = 0;
		enum mqtt_take take = mqtt_take_packet(
			rows[i].data, rows[i].size, &first, &body, &taken);
		if (take != rows[i].take || taken != rows[i].taken)
			fail_msg("row %zu: %d, %zu", i, (int)take, taken);
	}
}

static enum mqtt_reason
read_connect(const guint8 *data, gsize size, struct mqtt_connect *connect)
{
	struct mqtt_reader reader = { .at = data, .left = size };

	return mqtt_connect_read(connect, reader);
}

static void
test_connect(void **state)
{
	struct mqtt_connect connect;

	(void)state;
	assert_int_equal(
		read_connect(connect_5 + 2, sizeof(connect_5) - 3, &connect),
		MQTT_SUCCESS);
	assert_int_equal(connect.version, 5);
	assert_int_equal(connect.keep_alive_s, 60);
	assert_true(connect.clean_start);
	assert_string_equal(connect.client_id, "pump-7");
	g_autoptr(JsonObject) object = mqtt_connect_json(&connect);
	g_autofree char *text = json_value_object_text(object);
	assert_string_equal(
		text,
		"{\"protocolVersion\":5,\"cleanStart\":true,"
		"\"username\":\"u\",\"password\":\"cABx\","
		"\"userProperties\":[{\"name\":\"a\",\"value\":\"bc\"}]}");
	mqtt_connect_clear(&connect);
}

static void
test_bad_connects(void **state)
{
	static const struct {
		const guint8 *data;
		gsize size;
		enum mqtt_reason reason;
	} rows[] = {
		{ BYTES("\0\4MQTT\4\2\0\0\0\1a"), MQTT_SUCCESS },
		{ BYTES("\0\4MQTT\4\2\0\0\0\0"), MQTT_SUCCESS },
		{ BYTES("\0\4MQTT\4\0\0\0\0\0"), MQTT_CLIENT_ID_NOT_VALID },
		{ BYTES("\0\4MQTT\5\0\0\0\0\0\0"), MQTT_SUCCESS },
		{ BYTES("\0\4MQTT\4\2\0\0\0\3a\nb"), MQTT_CLIENT_ID_NOT_VALID },
		{ BYTES("\0\4MQTT\4\2\0\0\0\2\xc3\xa4"),
		  MQTT_CLIENT_ID_NOT_VALID },
		{ BYTES("\0\4MQTT\4\2\0\0\0\1\xff"), MQTT_MALFORMED_PACKET },
		{ BYTES("\0\4MQTT\4\2\0\0\0\1\0"), MQTT_MALFORMED_PACKET },
		{ BYTES("\0\4MQTT\3\2\0\0\0\1a"), MQTT_UNSUPPORTED_VERSION },
		{ BYTES("\0\4MQTT\6\2\0\0\0\0\1a"), MQTT_UNSUPPORTED_VERSION },
		{ BYTES("\0\4MQTT\4\3\0\0\0\1a"), MQTT_MALFORMED_PACKET },
		{ BYTES("\0\4MQTT\4\x0a\0\0\0\1a"), MQTT_MALFORMED_PACKET },
		{ BYTES("\0\4MQTT\4\2\0\0\0\1ab"), MQTT_MALFORMED_PACKET },
		{ BYTES("\0\4mqtt\4\2\0\0\0\1a"), MQTT_MALFORMED_PACKET },
		{ BYTES("\0\4MQTT\5\2\0\0\4\x15\0\1x\0\1a"),
		  MQTT_BAD_AUTHENTICATION_METHOD },
		{ BYTES("\0\4MQTT\5\2\0\0\4\x17\1\x17\1\0\1a"),
		  MQTT_MALFORMED_PACKET },
		{ BYTES("\0\4MQTT\5\2\0\0\2\x7f\1\0\1a"),
		  MQTT_MALFORMED_PACKET },
		{ BYTES("\0\4MQTT\4\6\0\0\0\1a\0\1t\0\1w"), MQTT_SUCCESS },
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct mqtt_connect connect;
		enum mqtt_reason reason =
			read_connect(rows[i].data, rows[i].size, &connect);
		if (reason != rows[i].reason)
			fail_msg("row %zu: 0x%x, expected 0x%x", i, reason,
				 rows[i].reason);
		mqtt_connect_clear(&connect);
	}
}

static void
test_cut_and_changed(void **state)
{
	(void)state;
	for (gsize size = 0; size < sizeof(connect_5) - 3; size++) {
		/* Of its own, so that a sanitizer sees a byte too far. */
		g_autofree guint8 *copy = g_memdup2(connect_5 + 2, size);
		struct mqtt_connect connect;
		assert_int_not_equal(read_connect(copy, size, &connect),
				     MQTT_SUCCESS);
		mqtt_connect_clear(&connect);
	}
	for (gsize at = 0; at < sizeof(connect_5) - 3; at++) {
		for (guint value = 0; value < 256; value++) {
			gsize size = sizeof(connect_5) - 3;
			g_autofree guint8 *copy =
				g_memdup2(connect_5 + 2, size);
			struct mqtt_connect connect;
			copy[at] = (guint8)value;
			(void)read_connect(copy, size, &connect);
			mqtt_connect_clear(&connect);
		}
	}
}

static void
test_publish(void **state)
{
	static const struct {
		const guint8 *data;
		gsize size;
		guint8 version, flags;
		enum mqtt_reason reason;
		const char *event;
	} rows[] = {
#define TOPIC "\0\x1a$webpubsub/server/events/e"
		{ BYTES(TOPIC "x"), 4, 0, MQTT_SUCCESS, "e" },
		{ BYTES(TOPIC "\0\0x"), 5, 0, MQTT_SUCCESS, NULL },
		{ BYTES(TOPIC "\0\1x"), 4, 2, MQTT_SUCCESS, "e" },
		{ BYTES(TOPIC "\0\0x"), 4, 2, MQTT_MALFORMED_PACKET, NULL },
		{ BYTES(TOPIC), 4, 4, MQTT_QOS_NOT_SUPPORTED, NULL },
		{ BYTES(TOPIC), 4, 1, MQTT_RETAIN_NOT_SUPPORTED, NULL },
		{ BYTES(TOPIC "\3\x23\0\1"), 5, 0, MQTT_TOPIC_NAME_INVALID,
		  NULL },
		{ BYTES("\0\3a/b"), 4, 0, MQTT_SUCCESS, NULL },
		{ BYTES("\0\3a/#"), 4, 0, MQTT_TOPIC_NAME_INVALID, NULL },
		{ BYTES("\0\0"), 4, 0, MQTT_TOPIC_NAME_INVALID, NULL },
		{ BYTES("\0\3a"), 4, 0, MQTT_MALFORMED_PACKET, NULL },
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct mqtt_reader reader = { .at = rows[i].data,
					      .left = rows[i].size };
		struct mqtt_publish publish;
		enum mqtt_reason reason = mqtt_publish_read(
			&publish, rows[i].version, rows[i].flags, reader);
		if (reason != rows[i].reason)
			fail_msg("row %zu: 0x%x", i, reason);
		if (rows[i].event != NULL)
			assert_string_equal(mqtt_publish_event(&publish),
					    rows[i].event);
		mqtt_publish_clear(&publish);
	}
}

static void
test_codes(void **state)
{
	static const struct {
		guint8 version;
		guint status;
		const char *mqtt;
		guint8 code;
	} rows[] = {
		{ 4, 401, "{\"code\":5}", 5 },
		{ 5, 401, "{\"code\":135}", 135 },
		{ 5, 401, "{\"code\":5}", 128 },
		{ 4, 401, "{\"code\":135}", 3 },
		{ 5, 401, "{\"code\":0}", 128 },
		{ 4, 401, "{\"code\":0}", 3 },
		{ 5, 401, "{\"code\":\"135\"}", 128 },
		{ 5, 401, "{}", 128 },
		{ 5, 401, NULL, 135 },
		{ 5, 400, NULL, 134 },
		{ 5, 403, NULL, 128 },
		{ 5, 0, NULL, 136 },
		{ 4, 401, NULL, 5 },
		{ 4, 400, NULL, 4 },
		{ 4, 403, NULL, 3 },
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(JsonObject) mqtt =
			rows[i].mqtt == NULL
				? NULL
				: json_value_parse_object(rows[i].mqtt,
							  strlen(rows[i].mqtt));
		guint8 code = mqtt_refusal_code(rows[i].version, rows[i].status,
						mqtt);
		if (code != rows[i].code)
			fail_msg("row %zu: %u", i, code);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_varint),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_bad_connects),
		cmocka_unit_test(test_cut_and_changed),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
