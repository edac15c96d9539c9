/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Every byte that a value may have, as text and as JSON: one line, whole, and
 * nothing that could be taken for another field. */
#include "config.h"

#include "tests/unit/unit.h"

#include <json-c/json.h>

#include "base/hex.h"
#include "base/json_string.h"
#include "host/log_line.h"

/* The character that out, one string of JSON, is. */
static int
read_json(struct buffer *out)
{
	buffer_add_byte(out, '\0');
	struct json_object *tree = json_tokener_parse(out->data);
	assert_non_null(tree);
	const unsigned char *got =
		(const unsigned char *)json_object_get_string(tree);
	int value =
		got[0] < 0x80 ? got[0] : (got[0] & 0x1f) << 6 | (got[1] & 0x3f);
	assert_int_equal(json_object_get_string_len(tree),
			 got[0] < 0x80 ? 1 : 2);
	json_object_put(tree);
	return value;
}

static void
test_each_byte(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, LOG_LINE_MAX);
	for (int c = 0; c < 256; c++) {
		char byte = (char)c, escaped[5] = "\\x", one[2] = { byte };
		bool plain = c > ' ' && c <= '~' && strchr("=\"\\", c) == NULL;
		hex_encode((const uint8_t *)&byte, 1, escaped + 2);
		escaped[4] = '\0';
		buffer_clear(&out);
		log_line_escape(&out, (struct span){ &byte, 1 });
		assert_span(buffer_span(&out), plain ? one : escaped);
		buffer_clear(&out);
		json_string_add_bytes(&out, (struct span){ &byte, 1 });
		assert_int_equal(read_json(&out), c);
	}
	buffer_free(&out);
}

/* Every character of up to two bytes, as text. */
static void
test_each_character(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, LOG_LINE_MAX);
	for (int c = 0; c < 0x800; c++) {
		char text[] = { (char)(0xc0 | c >> 6),
				(char)(0x80 | (c & 0x3f)) };
		struct span s = { text, 2 };
		if (c < 0x80) {
			text[0] = (char)c;
			s.len = 1;
		}
		buffer_clear(&out);
		json_string_add(&out, s);
		assert_int_equal(read_json(&out), c);
	}
	buffer_free(&out);
}

/* Cut at the limit, and said so; the limit itself is not cut. */
static void
test_cut(void **state)
{
	char many[LOG_LINE_VALUE_MAX + 1];
	struct buffer out;

	(void)state;
	memset(many, 'a', sizeof(many));
	buffer_init(&out, LOG_LINE_MAX);
	log_line_escape(&out, (struct span){ many, LOG_LINE_VALUE_MAX });
	assert_int_equal(out.len, LOG_LINE_VALUE_MAX);
	buffer_clear(&out);
	log_line_escape(&out, (struct span){ many, LOG_LINE_VALUE_MAX + 1 });
	assert_int_equal(out.len, LOG_LINE_VALUE_MAX + 3);
	assert_memory_equal(out.data + LOG_LINE_VALUE_MAX, "...", 3);
	buffer_free(&out);
}

static void
test_time(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ 1709251199, "2024-02-29T23:59:59Z" },
		{ 4102444800, "2100-01-01T00:00:00Z" },
		{ 253402300799, "9999-12-31T23:59:59Z" },
	};
	struct buffer out;

	(void)state;
	buffer_init(&out, LOG_LINE_MAX);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buffer_clear(&out);
		log_line_time(&out, rows[i].seconds);
		assert_span(buffer_span(&out), rows[i].text);
	}
	buffer_free(&out);
}

/* The fields that a reader of the log counts on, in this order, for every
 * reason. */
static void
test_fields(void **state)
{
	static const char *const names[] = { "verdict",	   "reason", "event",
					     "origin",	   "hub",    "user",
					     "connection", "sha1",   "sha256",
					     "code",	   "list",   "line",
					     "would" };

	(void)state;
	for (int reason = 0; reason < REASONS; reason++) {
		struct log_fields fields;
		struct answer answer;
		answer_init(&answer);
		answer.decision.reason = (enum reason)reason;
		log_fields_of(&fields, &answer, SPAN("1"));
		assert_int_equal(fields.n,
				 COUNT(names) - (reason != REASON_REPORT_ONLY));
		for (size_t i = 0; i < fields.n; i++)
			assert_string_equal(fields.field[i].name, names[i]);
		/* The verdict is the decision's, not the reason's. */
		assert_span(fields.field[0].value, "deny");
		assert_span(fields.field[1].value,
			    reason_name((enum reason)reason));
		for (const char *c = reason_name((enum reason)reason);
		     *c != '\0'; c++)
			assert_true((*c >= 'a' && *c <= 'z') || *c == '-');
		answer_free(&answer);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_byte),
		cmocka_unit_test(test_each_character),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests_name("log line", tests, NULL, NULL);
}
