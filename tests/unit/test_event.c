/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* The limits of a body, equal members at every depth and in every spelling, and
 * the same text in pieces: what is not wholly understood is not read. */
#include "config.h"

#include "tests/unit/unit.h"

#include "base/buffer.h"
#include "protocol/event.h"
#include "base/json.h"

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

static void
repeat(struct buffer *b, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buffer_add(b, span_of(text));
}

static void
test_limits(void **state)
{
	static const struct {
		const char *begin, *repeated, *end, *behind; /* behind: too */
		size_t good; /* how often at most */
	} rows[] = {
		/* The object itself is one level. */
		{ "{\"a\":", "[", "", "]", JSON_MAX_DEPTH - 1 },
		{ "{\"a\":", "{\"a\":", "1", "}", JSON_MAX_DEPTH - 1 },
		/* The object and its array are values as well. */
		{ "{\"a\":[0", ",0", "]", "", JSON_MAX_VALUES - 3 },
	};
	struct buffer text;

	(void)state;
	buffer_init(&text, 1048576);
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t more = 0; more < 2; more++) {
			buffer_clear(&text);
			repeat(&text, rows[i].begin, 1);
			repeat(&text, rows[i].repeated, rows[i].good + more);
			repeat(&text, rows[i].end, 1);
			repeat(&text, rows[i].behind, rows[i].good + more);
			repeat(&text, "}", 1);
			if (result_of(buffer_span(&text)) !=
			    (more == 0 ? EVENT_READ : EVENT_MALFORMED))
				fail_msg("%zu times '%s'", rows[i].good + more,
					 rows[i].repeated);
		}
	}
	buffer_free(&text);
}

/* The spellings of one name, each with each. */
static void
test_equal_members(void **state)
{
	static const char *const names[] = {
		"thumbprint",
		"thumbprin\\u0074",
		"\\u0074humbprint",
		"th\\u0075mbprint",
	};
	static const char *const around[][2] = {
		{ "", "" },
		{ "{\"a\":", "}" },
		{ "{\"clientCertificates\":[", "]}" },
		{ "{\"a\":[[0,{\"b\":", "}]]}" },
		{ "{\"clientCertificates\":[{\"thumbprint\":\"x\",\"y\":",
		  "}]}" },
	};

	(void)state;
	for (size_t k = 0; k < COUNT(around); k++) {
		for (size_t i = 0; i < COUNT(names); i++) {
			for (size_t j = 0; j < COUNT(names); j++) {
				char text[256];
				(void)snprintf(text, sizeof(text),
					       "%s{\"%s\":\"a\",\"x\":{},"
					       "\"%s\":\"a\"}%s",
					       around[k][0], names[i], names[j],
					       around[k][1]);
				if (result_of(span_of(text)) !=
				    EVENT_DUPLICATE_MEMBER)
					fail_msg("%s", text);
			}
		}
	}
	/* In two objects they are not equal, and case makes another name. */
	assert_int_equal(result_of(SPAN("{\"a\":{\"b\":1},\"c\":{\"b\":1},"
					"\"A\":[{\"b\":1},{\"b\":1}]}")),
			 EVENT_READ);
}

/* Names are compared as what they mean, and decide so. */
static void
test_names(void **state)
{
	static const struct {
		const char *body;
		enum event_result result;
	} rows[] = {
		{ "{\"\":1,\"\":1}", EVENT_DUPLICATE_MEMBER },
		{ "{\"/\":1,\"\\/\":1}", EVENT_DUPLICATE_MEMBER },
		{ "{\"\\n\":1,\"\\u000A\":1}", EVENT_DUPLICATE_MEMBER },
		{ "{\"\xc3\xbc\":1,\"\\u00fc\":1}", EVENT_DUPLICATE_MEMBER },
		{ "{\"\xe0\xa4\x80\":1,\"\\u0900\":1}",
		  EVENT_DUPLICATE_MEMBER },
		{ "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":1}",
		  EVENT_DUPLICATE_MEMBER },
		{ "{\"\\ud83d\\ude00a\":1,\"\\ud83d\\ude01a\":1}", EVENT_READ },
		{ "{\"ab\":1,\"b\\u0061\":1,\"ac\":1,\"\\u0061\":1}",
		  EVENT_READ },
		{ "{\"a\":{\"c\":1},\"b\":[{\"c\":1}],\"c\":1}", EVENT_READ },
		{ "{\"\\ud83d\":1}", EVENT_MALFORMED },
		{ "{\"a\":{\"\\ude00\":1}}", EVENT_MALFORMED },
		{ "{\"\\ud83dx\":1}", EVENT_MALFORMED },
		{ "{\"\\ud83d\\u0061\":1}", EVENT_MALFORMED },
		{ "{\"\\ude00\\ude00\":1}", EVENT_MALFORMED },
		{ "{\"\\ude00\\ud83d\":1}", EVENT_MALFORMED },
		{ "{\"a\":\"\\ud83d\"}", EVENT_READ },
	};
	struct event event;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (result_of(span_of(rows[i].body)) != rows[i].result)
			fail_msg("%s", rows[i].body);
	assert_int_equal(
		event_read(&event,
			   SPAN("{\"client\\u0043ertificates\":[{"
				"\"th\\u0075mbprint\":\"\\u0061\"}],"
				"\"m\\u0071tt\":{\"protocolVersion\":4}}")),
		EVENT_READ);
	assert_int_equal(event.presented, PRESENTED_ONE);
	assert_span(event.thumbprint, "a");
	assert_int_equal(event.mqtt_version, 4);
	event_free(&event);
	assert_int_equal(
		event_read(&event,
			   SPAN("{\"a\":{\"clientCertificates\":[{"
				"\"thumbprint\":\"a\"}],\"mqtt\":{}}}")),
		EVENT_READ);
	assert_int_equal(event.presented, PRESENTED_NONE);
	assert_false(event.mqtt);
	event_free(&event);
}

/* One equal pair among as many names as there may be. */
static void
test_many_names(void **state)
{
	enum { NAMES = JSON_MAX_VALUES - 2 };
	struct buffer text;

	(void)state;
	buffer_init(&text, 1048576);
	for (unsigned equal = 0; equal < 2; equal++) {
		buffer_clear(&text);
		buffer_add_byte(&text, '{');
		for (unsigned i = 0; i < NAMES; i++) {
			char member[32];
			(void)snprintf(member, sizeof(member), "\"%u%s\":0,",
				       i * 7919 % NAMES,
				       i % 2 == 0 ? "name" : "n\\u0061me");
			buffer_add(&text, span_of(member));
		}
		buffer_add(&text, equal ? SPAN("\"5nam\\u0065\":0}")
					: SPAN("\"5Nam\\u0065\":0}"));
		assert_int_equal(result_of(buffer_span(&text)),
				 equal ? EVENT_DUPLICATE_MEMBER : EVENT_READ);
	}
	buffer_free(&text);
}

static void
test_not_json(void **state)
{
	static const char *const bodies[] = {
		"\xef\xbb\xbf{}",
		"{\"a\":'b'}",
		"{a:1}",
		"{\"a\":1}//",
		"{\"a\":1/* */}",
		"{\"a\":nan}",
		"{\"a\":Infinity}",
		"{\"a\":0x10}",
		"{\"a\":01}",
		"{\"a\":+1}",
		"{\"a\":.5}",
		"{\"a\":-.5}",
		"{\"a\":-01}",
		"{\"a\":1.}",
		"{\"a\":2.e3}",
		"{\"a\":1e}",
		"{\"a\":1e+}",
		"{\"a\":-}",
		"{\"a\":}",
		"{\"a\":\"\\ud83d\\u12\"}",
		"{\"a\":\"\xed\xa0\x80\"}",
		"\f{}",
		"{\"a\":True}",
		"{\"a\":tru}",
		"{\"a\":truee}",
		"{\"a\":\"\\x41\"}",
		"{\"a\":\"\\u12\"}",
		"{\"a\":\"\t\"}",
		"{\"a\":\"",
		"{\"a\":\"\\",
		"{\"a\" 1}",
		"{\"a\"}",
		"{,}",
		"{\"a\":[1,]}",
		"{\"a\":[1 2]}",
		"{\"a\":[1}",
		"{\"a\":1]",
		"{1}",
		"{\"a\":1,2}",
		"{\"a\":1}]",
		"{\"a\":1}{",
		"{\"a\\u0000b\":1}",
		"{\"\\u0000\":1}",
		"{\"a\":[}]",
		"\"a\"",
		"1",
		" ",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++)
		if (result_of(span_of(bodies[i])) != EVENT_MALFORMED)
			fail_msg("read: %s", bodies[i]);
}

static const char whole[] =
	"{ \"claims\":{\"a\":[\"b\\u00e9\\n\"]},\"query\":{}, \"headers\":{"
	"\"x\":[\"\\\"\\\\\"]},\r\n\t\"subprotocols\":[\"a\",\"mqtt\"],"
	"\"clientCertificates\":[{\"thumbprint\":"
	"\"c1b211808c4c4cf8a9c59501fe103ed006a70d69\",\"content\":\"x\\ny\"}],"
	"\"n\":[-1.5e+3,0,true,false,null]}";

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

/* It does not read if it is cut short, or has a NUL in the place of a byte. */
static void
test_pieces(void **state)
{
	struct event event;
	char text[sizeof(whole)];

	(void)state;
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		/* In its own memory, so that a byte too far is seen. */
		char *piece = malloc(n + (n == 0));
		assert_non_null(piece);
		memcpy(piece, whole, n);
		if (result_of((struct span){ piece, n }) != EVENT_MALFORMED)
			fail_msg("read: the first %zu bytes", n);
		free(piece);
	}
	assert_int_equal(event_read(&event, span_of(whole)), EVENT_READ);
	assert_int_equal(event.presented, PRESENTED_ONE);
	assert_int_equal(event.thumbprint.len, 40);
	assert_span(event.content, "x\ny");
	assert_true(event_offers(&event, SPAN("mqtt")));
	event_free(&event);
	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		memcpy(text, whole, sizeof(text));
		text[i] = '\0';
		if (result_of((struct span){ text, sizeof(whole) - 1 }) ==
		    EVENT_READ)
			fail_msg("read with a NUL at byte %zu", i);
	}
}

/* A NUL in a value stays in it, so that it is no prefix of what it is not. */
static void
test_nul_in_values(void **state)
{
	struct event event;

	(void)state;
	assert_int_equal(
		event_read(&event,
			   SPAN("{\"clientCertificates\":[{\"thumbprint\":"
				"\"a\\u0000b\",\"content\":\"\\u0000\"}],"
				"\"subprotocols\":[\"mqtt\\u0000x\"]}")),
		EVENT_READ);
	assert_int_equal(event.thumbprint.len, 3);
	assert_int_equal(event.content.len, 1);
	assert_false(event_offers(&event, SPAN("mqtt")));
	event_free(&event);
}

/* The next event has nothing of one that did not read. */
static void
test_after_malformed(void **state)
{
	static const char *const rows[] = {
		"{\"a\":\"\\ud83d\\u00zz\"}",
		"{\"\\ud83d\\u00zz\":1}",
		"{\"a\":\"\\ud83d\\uzz\"}",
		"{\"a\":\"\\ud83d\\u\"}",
		"{\"a\":\"\\ud83d\\z\"}",
		"{\"a\":\"\\u006\"}",
		"{\"a\":[{\"thumbprint\":\"b\"},-",
		"{\"a\":1.",
		"{\"a\":tru",
		"{\"a\":{\"b\":",
		"{\"a",
	};
	struct event event;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (result_of(span_of(rows[i])) != EVENT_MALFORMED)
			fail_msg("read: %s", rows[i]);
		assert_int_equal(
			event_read(&event,
				   SPAN("{\"clientCertificates\":[{"
					"\"thumbprint\":\"\\u0061b\"}]}")),
			EVENT_READ);
		if (!span_equal(event.thumbprint, SPAN("ab")))
			fail_msg("'%s' behind %s", event.thumbprint.ptr,
				 rows[i]);
		event_free(&event);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_equal_members),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_not_json),
		cmocka_unit_test(test_bytes_of_strings),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_nul_in_values),
		cmocka_unit_test(test_after_malformed),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
