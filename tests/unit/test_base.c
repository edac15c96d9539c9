/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "tests/unit/unit.h"

#include "base/buffer.h"
#include "base/date.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/text.h"

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} rows[] = {
		{ "0", true, 0 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999999", false, 0 },
		{ "", false, 0 },
		{ "-1", false, 0 },
		{ "+1", false, 0 },
		{ "1 ", false, 0 },
		{ "0x1", false, 0 },
		{ "12abc", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t value = 7;
		assert_int_equal(span_number(span_of(rows[i].text), 0,
					     UINT64_MAX, &value),
				 rows[i].good);
		assert_int_equal(value, rows[i].value);
	}
}

static void
test_words(void **state)
{
	struct span rest = SPAN("a,,b, c"), word;

	(void)state;
	assert_true(span_next(&rest, ",", &word));
	assert_span(word, "a");
	assert_true(span_next(&rest, ",", &word));
	assert_span(word, "");
	assert_true(span_next_word(&rest, ", ", &word));
	assert_span(word, "b");
	assert_true(span_next_word(&rest, ", ", &word));
	assert_span(word, "c");
	assert_false(span_next_word(&rest, ", ", &word));
	rest = (struct span){ "a\0b", 3 };
	assert_true(span_next(&rest, " ,", &word));
	assert_int_equal(word.len, 3);
}

static void
test_text(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "", true },
		{ "pump 7", true },
		{ "Zürich €", true },
		{ "\xf0\x9f\x94\x92", true },
		{ "a\nb", false },
		{ "\x7f", false },
		{ "\xc2\x85", false }, /* a C1 control */
		{ "\xc0\xaf", false }, /* overlong */
		{ "\xe0\x80\xaf", false },
		{ "\xed\xa0\x80", false }, /* a surrogate */
		{ "\xf4\x90\x80\x80", false }, /* beyond U+10FFFF */
		{ "\xe2\x82", false },
		{ "\xff", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (span_is_text(span_of(rows[i].text)) != rows[i].good)
			fail_msg("row %zu", i);
	assert_true(span_is_token(SPAN("ocpp1.6")));
	assert_false(span_is_token(SPAN("")));
	assert_false(span_is_token(SPAN("a b")));
	assert_false(span_is_token(SPAN("a,b")));
}

static void
test_case(void **state)
{
	static const struct {
		struct span a, b;
		bool same, nocase;
	} rows[] = {
		{ SPAN_TEXT("az"), SPAN_TEXT("az"), true, true },
		{ SPAN_TEXT("AZ"), SPAN_TEXT("az"), false, true },
		{ SPAN_TEXT("az"), SPAN_TEXT("aZ"), false, true },
		{ SPAN_TEXT("@["), SPAN_TEXT("`{"), false, false },
		{ SPAN_TEXT("\xc3\x84"), SPAN_TEXT("\xc3\xa4"), false, false },
		{ SPAN_TEXT("a\0b"), SPAN_TEXT("A\0B"), false, true },
		{ SPAN_TEXT("a\0b"), SPAN_TEXT("a\0c"), false, false },
		{ SPAN_TEXT("a"), SPAN_TEXT("ab"), false, false },
		{ SPAN_TEXT(""), { NULL, 0 }, true, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (span_equal(rows[i].a, rows[i].b) != rows[i].same ||
		    span_equal_nocase(rows[i].a, rows[i].b) != rows[i].nocase)
			fail_msg("row %zu: expected %d with case, %d without",
				 i, rows[i].same, rows[i].nocase);
	}
	assert_true(span_starts_nocase(SPAN("Sha256=ab"), SPAN("sHA256=")));
	assert_false(span_starts_nocase(SPAN("sha"), SPAN("sha256=")));
}

static void
test_write(void **state)
{
	char text[4] = "abc";

	(void)state;
	span_write((struct span){ 0 }, text, sizeof(text));
	assert_string_equal(text, "");
	span_write(SPAN("abc"), text, sizeof(text));
	assert_string_equal(text, "abc");
	span_write(SPAN("defg"), text, sizeof(text));
	assert_string_equal(text, "def");
}

static void
test_buffer(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 5);
	buffer_add(&b, SPAN("abc"));
	buffer_add(&b, SPAN("de"));
	assert_false(b.failed);
	buffer_add_byte(&b, 'f');
	assert_true(b.failed);
	assert_span(buffer_span(&b), "abcde");
	buffer_clear(&b);
	buffer_add_number(&b, 40213);
	assert_span(buffer_span(&b), "40213");
	assert_null(buffer_reserve(&b, SIZE_MAX));
	buffer_free(&b);
	buffer_free(&b);
	assert_int_equal(b.max, 5);
}

static void
test_base64(void **state)
{
	static const char *const rows[][3] = {
		{ "", "", "" },
		{ "f", "Zg==", "Zg" },
		{ "fo", "Zm8=", "Zm8" },
		{ "foo", "Zm9v", "Zm9v" },
		{ "foob", "Zm9vYg==", "Zm9vYg" },
		{ "\xfb\xff\xbf", "+/+/", "-_-_" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buffer b;
		buffer_init(&b, 32);
		buffer_add_base64(&b, span_of(rows[i][0]), false);
		buffer_add_byte(&b, ' ');
		buffer_add_base64(&b, span_of(rows[i][0]), true);
		buffer_add_byte(&b, '\0');
		char wanted[24];
		snprintf(wanted, sizeof(wanted), "%s %s", rows[i][1],
			 rows[i][2]);
		assert_string_equal(b.data, wanted);
		buffer_free(&b);
	}
}

static void
test_hex(void **state)
{
	uint8_t bytes[2];
	char text[4];

	(void)state;
	assert_true(hex_decode(SPAN("aF09"), bytes, 2));
	assert_int_equal(bytes[0], 0xaf);
	assert_int_equal(bytes[1], 0x09);
	hex_encode(bytes, 2, text);
	assert_memory_equal(text, "af09", 4);
	assert_false(hex_decode(SPAN("aF0"), bytes, 2));
	assert_false(hex_decode(SPAN("aF0g"), bytes, 2));
	assert_int_equal(bytes[0], 0);
	assert_int_equal(hex_take(SPAN("0Bcg"), bytes, 2), 3);
	assert_int_equal(bytes[0], 0x0b);
	assert_int_equal(bytes[1], 0);
	assert_int_equal(hex_take(SPAN("ffEe0"), bytes, 2), 4);
	assert_int_equal(bytes[1], 0xee);
	assert_int_equal(hex_take(SPAN("a"), bytes, 2), 1);
	assert_int_equal(bytes[0], 0xff);
	for (int c = 0; c < 256; c++) {
		const char digits[] = { 'a', (char)c };
		bool is = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
		assert_int_equal(hex_length((struct span){ digits, 2 }),
				 is ? 2 : 1);
	}
}

/* Every day of eight centuries, against the rules of the calendar. */
static void
test_days(void **state)
{
	int64_t expected = -11676096000; /* 1600-01-01 */
	struct date_time t = { .year = 1600, .month = 1, .day = 1 };

	(void)state;
	while (t.year < 2400) {
		struct date_time back;
		int64_t seconds;
		struct date_time next = t;
		assert_true(date_to_seconds(&t, &seconds));
		assert_int_equal(seconds, expected);
		date_from_seconds(seconds + 86399, &back);
		assert_int_equal(back.year, t.year);
		assert_int_equal(back.month, t.month);
		assert_int_equal(back.day, t.day);
		assert_int_equal(back.second, 59);
		next.day++;
		if (!date_to_seconds(&next, &seconds)) {
			next.day = 1;
			next.month++;
		}
		if (next.month > 12) {
			next.month = 1;
			next.year++;
		}
		t = next;
		expected += DATE_DAY_SECONDS;
	}
}

static void
test_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: no date */
	} rows[] = {
		{ "1970-01-01", 0 },	      { "2024-02-29", 1709164800 },
		{ "2030-01-01", 1893456000 }, { "2023-02-29", -1 },
		{ "2026-13-01", -1 },	      { "2026-00-01", -1 },
		{ "2026-01-32", -1 },	      { "2026-1-1", -1 },
		{ "26-01-01", -1 },	      { "2026/01/01", -1 },
		{ "2026-01-01 ", -1 },	      { "", -1 },
		{ "0000-01-01", -1 },	      { "2100-02-29", -1 },
		{ "2000-02-29", 951782400 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t seconds;
		bool good = date_parse(span_of(rows[i].text), &seconds);
		if (good != (rows[i].seconds >= 0) ||
		    (good && seconds != rows[i].seconds))
			fail_msg("%s: %d, %jd", rows[i].text, good,
				 (intmax_t)seconds);
	}
}

static void
test_error(void **state)
{
	struct error e = { 0 };
	struct warnings w = { 0 };
	char text[128];

	(void)state;
	assert_false(error_set(&e, "first %d", 1));
	error_set(&e, "second");
	error_where(&e, "list");
	error_at(&e, 3, 9);
	error_at(&e, 4, 1);
	error_text(&e, text, sizeof(text));
	assert_string_equal(text, "list:3:9: first 1");
	assert_string_equal(error_word((struct span){ "a\n\0\\", 4 }),
			    "a\\x0a\\x00\\x5c");
	for (int i = 0; i < 3 * WARNINGS_MAX; i++)
		error_set(warnings_next(&w, NULL), "%d", i);
	assert_int_equal(w.n, 3 * WARNINGS_MAX);
	assert_string_equal(w.warning[0].text, "0");
	assert_int_equal(w.warning[0].line, 0);
	w.begin = "a b";
	w.line = 7;
	const struct error *placed = warnings_next(&w, w.begin + 2);
	assert_int_equal(placed->line, 7);
	assert_int_equal(placed->column, 3);
	e = (struct error){ 0 };
	error_where(&e, NULL);
	error_where(&e, "a\tb");
	error_set(&e, "%s", "\x1b[31m\n\x7f\xc2\x9b\u00a0\u00e9\x9b\xc2");
	assert_string_equal(e.where, "a?b");
	assert_string_equal(e.text, "?[31m????\u00a0\u00e9\x9b\xc2");
}

static void
test_invisible(void **state)
{
	struct span s = SPAN("\u200e\ufeff"
			     "abc"
			     "\u00a0");

	(void)state;
	assert_int_equal(invisible_trim(&s), 6);
	assert_span(s, "abc");
	s = SPAN("ab\u200bc");
	assert_int_equal(invisible_trim(&s), 0);
	assert_int_equal(invisible_find(s), 2);
	assert_int_equal(invisible_at(SPAN("\u2028")), 3); /* ends a line */
	assert_int_equal(invisible_at(SPAN("\u2029")), 3);
	assert_int_equal(invisible_find(SPAN("äöü")), 6);
	s = SPAN("\U000e0041x\U000e007f\ufe0f");
	assert_int_equal(invisible_trim(&s), 4);
	assert_span(s, "x");
	assert_int_equal(invisible_at(SPAN("")), 0);
	assert_int_equal(invisible_at(SPAN("\xe2\x80")), 0); /* half of one */
	assert_int_equal(invisible_at(SPAN("\xc0\xad")), 0); /* overlong */
}

/* c, above U+007F, in UTF-8; text has room for 4 bytes. */
static struct span
utf8(uint32_t c, char *text)
{
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		text[i] = (char)(0x80 | (c & 0x3f));
	text[0] = (char)(0xf00U >> n | c);
	return (struct span){ text, n };
}

/* The ends of each range, and what is just outside. */
static void
test_invisible_ranges(void **state)
{
	static const struct {
		uint32_t first, last;
	} rows[] = {
		{ 0xa0, 0xa0 },	      { 0xad, 0xad },
		{ 0x34f, 0x34f },     { 0x61c, 0x61c },
		{ 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },
		{ 0x180b, 0x180f },   { 0x1680, 0x1680 },
		{ 0x2000, 0x200f },   { 0x2800, 0x2800 },
		{ 0x3000, 0x3000 },   { 0x1d159, 0x1d159 },
		{ 0x2028, 0x202f },   { 0x205f, 0x206f },
		{ 0x3164, 0x3164 },   { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },
		{ 0xfff0, 0xfffc },   { 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (uint32_t c = rows[i].first - 1; c <= rows[i].last + 1;
		     c++) {
			char text[4];
			struct span s = utf8(c, text);
			bool in = c >= rows[i].first && c <= rows[i].last;
			if (invisible_at(s) != (in ? s.len : 0))
				fail_msg("U+%04X: expected %s", c,
					 in ? "invisible" : "visible");
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_buffer),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_invisible),
		cmocka_unit_test(test_invisible_ranges),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
