/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Every byte that a value may have, as text and as JSON: one line, whole, and
 * nothing that could be taken for another field. */
#include "config.h"

#include "tests/unit/unit.h"

#include <json-c/json.h>

#include "base/date.h"
#include "base/hex.h"
#include "base/json.h"
#include "host/log_line.h"
#include "protocol/certificate.h"

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
	buffer_clear(&out);
	struct log_line line = { 0 };
	line.value[FIELD_HUB] = (struct span){ many, sizeof(many) };
	log_line_json(&out, &line);
	assert_true(
		span_contains(buffer_span(&out), SPAN("a...\",\"user\":null")));
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
	static const char text[] =
		"event=- signed=no origin=- hub=- user=- connection=- sha1=- "
		"sha256=- spki=- serial=- issuer=- not_after=- code=- list=1 "
		"line=- skew=- us=0";
	const struct log_details details = { .list = SPAN("1") };
	char expected[512];
	struct buffer out;

	(void)state;
	buffer_init(&out, LOG_LINE_MAX);
	for (int i = 0; i < REASONS; i++) {
		const char *reason = reason_name((enum reason)i);
		struct log_line line;
		struct answer answer;
		answer_init(&answer);
		answer.decision.reason = (enum reason)i;
		log_line_fill(&line, &answer, &details);
		buffer_clear(&out);
		log_line_text(&out, &line);
		/* The verdict is the decision's, not the reason's. */
		(void)snprintf(expected, sizeof(expected),
			       "verdict=deny reason=%s %s%s%s%s", reason,
			       i == REASON_REPORT_ONLY ? "would=" : "",
			       i == REASON_REPORT_ONLY ? reason_name(0) : "",
			       i == REASON_REPORT_ONLY ? " " : "", text);
		assert_span(buffer_span(&out), expected);
		for (const char *c = reason; *c != '\0'; c++)
			assert_true((*c >= 'a' && *c <= 'z') || *c == '-');
		answer_free(&answer);
	}
	buffer_free(&out);
}

/* What is known of a certificate that no entry matches. */
static void
test_values(void **state)
{
	struct log_details details = {
		.list = SPAN("stale"), .now = 1000000000, .us = 42, .lost = 3
	};
	struct log_line line;
	struct answer answer;
	struct buffer out;

	(void)state;
	answer_init(&answer);
	answer.event = SPAN("connect");
	answer.verified = true;
	answer.site = SPAN("one");
	answer.time = SPAN("2001-09-09T01:46:41.5+00:00");
	answer.decision.reason = REASON_NOT_LISTED;
	answer.decision.serial = SPAN("\0\0\xf1\x02");
	answer.decision.issuer = SPAN("1\f0\n\6\3U\4\3\f\3A B");
	answer.decision.subject = SPAN("1\f0\n\6\3U\4\12\f\3a,b"
				       "1\f0\n\6\3U\4\3\f\3x\n=");
	answer.decision.not_after = 1709251199;
	buffer_init(&out, LOG_LINE_MAX);
	log_line_fill(&line, &answer, &details);
	log_line_text(&out, &line);
	assert_span(buffer_span(&out),
		    "verdict=deny reason=not-listed event=connect signed=yes "
		    "origin=- hub=- site=one user=- connection=- sha1=- "
		    "sha256=- spki=- serial=f102 issuer=CN\\x3dA\\x20B "
		    "not_after=2024-02-29T23:59:59Z code=- list=stale line=- "
		    "skew=-1 us=42 "
		    "subject=CN\\x3dx\\x0a\\x5c\\x3d,O\\x3da\\x5c,b lost=3");
	details.count = 7;
	answer.decision.verdict = VERDICT_ALLOW;
	answer.decision.reason = REASON_NOTIFIED;
	answer.time = SPAN("yesterday");
	buffer_clear(&out);
	log_line_fill(&line, &answer, &details);
	log_line_text(&out, &line);
	assert_true(span_contains(buffer_span(&out),
				  SPAN(" skew=- us=- count=7 lost=3")));
	buffer_free(&out);
	answer_free(&answer);
}

/* A refusal by an entry has the user of that entry. */
static void
test_user_of_entry(void **state)
{
	char name[] = "pump-7";
	const struct entry entry = {
		.line = 12,
		.user_source = USER_LITERAL,
		.user = name,
	};
	const struct log_details details = { .list = SPAN("1") };
	struct log_line line;
	struct answer answer;

	(void)state;
	answer_init(&answer);
	answer.user = SPAN("of-the-token");
	answer.decision.reason = REASON_ENTRY_HUB;
	answer.decision.entry = &entry;
	log_line_fill(&line, &answer, &details);
	assert_span(line.value[FIELD_USER], "pump-7");
	answer.decision.verdict = VERDICT_ALLOW;
	log_line_fill(&line, &answer, &details);
	assert_span(line.value[FIELD_USER], "of-the-token");
	answer_free(&answer);
}

static void
test_names(void **state)
{
	static const struct {
		struct span name;
		size_t size;
		const char *text;
	} rows[] = {
		{ SPAN_TEXT(""), 128, "" },
		{ SPAN_TEXT("1\xa"
			    "0\x8\6\3U\4\6\f\1D"),
		  128, "C=D" },
		{ SPAN_TEXT("1\xa"
			    "0\x8\6\3U\4\6\f\1D"),
		  2, "C=" },
		{ SPAN_TEXT("1\xa"
			    "0\x8\6\3\x88\x37\3\f\1D"),
		  128, "2.999.3=D" },
		{ SPAN_TEXT("1\x14"
			    "0\x8\6\3U\4\3\f\1a"
			    "0\x8\6\3U\4\13\f\1b"),
		  128, "CN=a+OU=b" },
		{ SPAN_TEXT("1\xa"
			    "0\x8\6\3U\4\6\f\1"),
		  128, "?" },
		{ SPAN_TEXT("1\xa"
			    "0\x8\6\3U\4\6\f\2D"),
		  128, "?" },
		{ SPAN_TEXT("0\0"), 128, "?" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[128];
		size_t n = certificate_write_name(rows[i].name, text,
						  rows[i].size);
		assert_span((struct span){ text, n }, rows[i].text);
	}
}

static void
test_moments(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: invalid */
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-02T01:02:03.1234567Z", 86400 + 3723 },
		{ "1970-01-02T00:00:00+01:30", 86400 - 5400 },
		{ "1970-01-02T00:00:00.5-00:01", 86400 + 60 },
		{ "1970-01-01T00:00:00", -1 },
		{ "1970-01-01 00:00:00Z", -1 },
		{ "1970-01-01T00:00:60Z", -1 },
		{ "1970-01-01T24:00:00Z", -1 },
		{ "1970-02-30T00:00:00Z", -1 },
		{ "1970-01-01T00:00:00+1:00", -1 },
		{ "1970-01-01T00:00:00ZZ", -1 },
		{ "1970-01-01", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t seconds;
		bool ok = date_time_parse(span_of(rows[i].text), &seconds);
		if (ok != (rows[i].seconds >= 0) ||
		    (ok && seconds != rows[i].seconds))
			fail_msg("%s", rows[i].text);
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
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_user_of_entry),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_moments),
	};

	return cmocka_run_group_tests_name("log line", tests, NULL, NULL);
}
