/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* The bytes of strings; what else a body can be is in tests/cases/body.tab. */
#include "config.h"

#include "tests/unit/unit.h"

#include "protocol/event.h"

static enum event_result
result_of(struct span body)
{
	struct event event;
	enum event_result result = event_read(&event, body);

	if (result != EVENT_READ)
		assert_int_equal(event.presented, PRESENTED_UNREADABLE);
	event_free(&event);
	return result;
}

/* A name of n a's, but for the bytes b and c at p. */
static bool
string_is_read(size_t n, size_t p, unsigned char b, unsigned char c)
{
	char text[40];

	memset(text, 'a', sizeof(text));
	memcpy(text, "{\"", 2);
	memcpy(text + 2 + n, "\":1}", 4);
	text[p + 2] = (char)b;
	text[p + 3] = (char)c;
	return result_of((struct span){ text, n + 6 }) == EVENT_READ;
}

/* The text is read eight bytes at a time: each byte at each place of a word, in
 * front of each that could be mistaken with it. */
static void
test_bytes_of_strings(void **state)
{
	static const unsigned char next[] = {
		'a', ' ', '!', '#', '[', ']', 0x7f
	};

	(void)state;
	for (size_t n = 2; n < 28; n++)
		for (size_t p = 0; p + 1 < n; p++)
			for (unsigned b = 0; b < 0x100; b++)
				for (size_t i = 0; i < COUNT(next); i++)
					if (string_is_read(n, p,
							   (unsigned char)b,
							   next[i]) !=
					    (b >= ' ' && b < 0x80 && b != '"' &&
					     b != '\\'))
						fail_msg("%zu %zu %u", n, p, b);
	assert_false(string_is_read(9, 7, 'a', '\\'));
	assert_false(string_is_read(9, 7, 'a', '"'));
	assert_false(string_is_read(9, 7, 'a', 0x1f));
	assert_false(string_is_read(9, 7, 'a', 0x80));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_of_strings),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
