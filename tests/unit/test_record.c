/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "tests/unit/unit.h"

#include "protocol/record.h"

enum { BODY_MAX = 100000, INPUT_MAX = 200000 };

/* Take from the front of input. */
static enum record_state
take(struct record_reader *r, struct buffer *input)
{
	struct span rest = buffer_span(input);
	enum record_state state = record_take(r, &rest);

	if (rest.len > 0)
		memmove(input->data, rest.ptr, rest.len);
	input->len = rest.len;
	return state;
}

static void
add(struct buffer *b, unsigned type, unsigned id, struct span content)
{
	char header[RECORD_HEADER] = { 1,
				       (char)type,
				       (char)(id >> 8),
				       (char)id,
				       (char)(content.len >> 8),
				       (char)content.len };

	buffer_add(b, (struct span){ header, sizeof(header) });
	buffer_add(b, content);
}

static void
add_begin(struct buffer *b, unsigned id, char role, char flags)
{
	char content[8] = { 0, role, flags };

	add(b, 1, id, (struct span){ content, sizeof(content) });
}

static const struct span none = { 0 };

/* A whole request with this id, parameters and body. */
static void
add_request(struct buffer *b, unsigned id, char flags, struct span params,
	    struct span body)
{
	add_begin(b, id, 1, flags);
	if (params.len > 0)
		add(b, 4, id, params);
	add(b, 4, id, none);
	if (body.len > 0)
		add(b, 5, id, body);
	add(b, 5, id, none);
}

static void
test_whole(void **state)
{
	struct span params = SPAN("\3\1ABCx\1\0D");
	struct buffer all, input;
	struct record_reader r;

	(void)state;
	buffer_init(&all, INPUT_MAX);
	buffer_init(&input, INPUT_MAX);
	add_request(&all, 0x1234, 1, params, SPAN("hello"));
	for (size_t step = 1; step <= all.len; step++) {
		record_init(&r, BODY_MAX);
		enum record_state got = RECORD_MORE;
		assert_true(record_idle(&r));
		for (size_t at = 0; at < all.len; at += step) {
			size_t n = all.len - at < step ? all.len - at : step;
			assert_int_equal(got, RECORD_MORE);
			buffer_add(&input, (struct span){ all.data + at, n });
			got = take(&r, &input);
		}
		assert_int_equal(got, RECORD_COMPLETE);
		assert_int_equal(input.len, 0);
		assert_true(r.keep);
		assert_true(span_equal(buffer_span(&r.params), params));
		assert_span(buffer_span(&r.body), "hello");
		record_free(&r);
	}
	buffer_free(&all);
	buffer_free(&input);
}

static void
test_two(void **state)
{
	struct buffer input;
	struct record_reader r;

	(void)state;
	buffer_init(&input, INPUT_MAX);
	record_init(&r, BODY_MAX);
	add_request(&input, 1, 1, none, SPAN("one"));
	add_request(&input, 2, 0, none, SPAN("two"));
	assert_int_equal(take(&r, &input), RECORD_COMPLETE);
	assert_span(buffer_span(&r.body), "one");
	record_clear(&r);
	assert_int_equal(take(&r, &input), RECORD_COMPLETE);
	assert_span(buffer_span(&r.body), "two");
	assert_false(r.keep);
	record_free(&r);
	buffer_free(&input);
}

/* What must not come first, or not now. */
static void
test_bad(void **state)
{
	static const char *const params[] = {
		"\1", /* no length of the value */
		"\2\1A", /* a name beyond the end */
		"\1\2Ax", /* a value beyond the end */
		"\x80\1\1\1", /* a long length cut off */
		"\377\377\377\377\377\377\377\377", /* nearly 2 GiB twice */
		"\2\1A=x", /* a name with = */
	};
	struct buffer input;
	struct record_reader r;

	(void)state;
	buffer_init(&input, INPUT_MAX);
	for (unsigned type = 0; type < 256; type++) {
		for (unsigned stage = 0; stage < 3; stage++) {
			buffer_clear(&input);
			record_init(&r, BODY_MAX);
			if (stage > 0)
				add_begin(&input, 1, 1, 0);
			if (stage > 1)
				add(&input, 4, 1, none);
			add(&input, type, 1, SPAN("\0\1\0\0\0\0\0\0"));
			unsigned right = stage == 0 ? 1 : stage == 1 ? 4 : 5;
			assert_int_equal(take(&r, &input) == RECORD_BAD,
					 type != right);
			record_free(&r);
		}
	}
	for (size_t i = 0; i < COUNT(params); i++) {
		buffer_clear(&input);
		record_init(&r, BODY_MAX);
		add_request(&input, 1, 0, span_of(params[i]), none);
		if (take(&r, &input) != RECORD_BAD ||
		    take(&r, &input) != RECORD_BAD)
			fail_msg("row %zu", i);
		record_free(&r);
	}
	buffer_clear(&input);
	record_init(&r, BODY_MAX);
	add_request(&input, 1, 0, SPAN("\1\3Aa\0b"), none);
	assert_int_equal(take(&r, &input), RECORD_BAD);
	record_free(&r);
	for (char role = 0; role < 10; role++) {
		buffer_clear(&input);
		record_init(&r, BODY_MAX);
		add_begin(&input, 1, role, 0);
		assert_int_equal(take(&r, &input),
				 role == 1 ? RECORD_MORE : RECORD_BAD);
		record_free(&r);
	}
	buffer_clear(&input);
	record_init(&r, BODY_MAX);
	add_begin(&input, 0, 1, 0);
	assert_int_equal(take(&r, &input), RECORD_BAD);
	record_free(&r);
	buffer_clear(&input);
	record_init(&r, BODY_MAX);
	add_begin(&input, 1, 1, 0);
	add(&input, 4, 2, none);
	assert_int_equal(take(&r, &input), RECORD_BAD);
	record_free(&r);
	buffer_free(&input);
}

static void
test_limits(void **state)
{
	static char many[RECORD_CONTENT_MAX];
	struct buffer input;
	struct record_reader r;
	struct span chunk = { many, sizeof(many) };

	(void)state;
	buffer_init(&input, INPUT_MAX);
	record_init(&r, BODY_MAX);
	add_begin(&input, 1, 1, 0);
	add(&input, 4, 1, none);
	for (int i = 0; i < 10; i++) {
		add(&input, 5, 1, chunk);
		assert_int_equal(take(&r, &input), RECORD_MORE);
		assert_true(r.body.len <= BODY_MAX);
	}
	add(&input, 5, 1, none);
	assert_int_equal(take(&r, &input), RECORD_COMPLETE);
	assert_int_equal(r.body_length, 10 * sizeof(many));
	assert_int_equal(r.body.len, 0);
	record_free(&r);
	buffer_clear(&input);
	record_init(&r, BODY_MAX);
	add_begin(&input, 1, 1, 0);
	add(&input, 4, 1, chunk);
	assert_int_equal(take(&r, &input), RECORD_BAD);
	record_free(&r);
	buffer_free(&input);
}

/* libfcgi takes the padding of these for the next record. */
static void
test_padded(void **state)
{
	struct buffer input;
	struct record_reader r;

	(void)state;
	buffer_init(&input, INPUT_MAX);
	for (size_t padded = 0; padded < 5; padded++) {
		buffer_clear(&input);
		record_init(&r, BODY_MAX);
		for (size_t i = 0; i < 5; i++) {
			size_t at = input.len;
			if (i == 0)
				add_begin(&input, 1, 1, 0);
			else
				add(&input, i < 3 ? 4 : 5, 1,
				    i % 2 == 1 ? SPAN("\1\1Ax") : none);
			if (i == padded) {
				input.data[at + 6] = 3;
				buffer_add(&input, SPAN("\1\2\3"));
			}
		}
		if (padded != 4)
			add(&input, 5, 1, none);
		assert_int_equal(take(&r, &input), RECORD_COMPLETE);
		assert_int_equal(r.padded,
				 padded == 0 || padded == 2 || padded == 4);
		record_free(&r);
	}
	buffer_free(&input);
}

/* What is handed to libfcgi is the same request, without padding. */
static void
test_written(void **state)
{
	static char body[BODY_MAX];
	struct span params = SPAN("\3\1ABCx");
	struct buffer input, out;
	struct record_reader r;

	(void)state;
	buffer_init(&input, INPUT_MAX);
	buffer_init(&out, INPUT_MAX);
	record_init(&r, BODY_MAX);
	add_begin(&input, 7, 1, 1);
	add(&input, 4, 7, params);
	input.data[16 + 6] = 1;
	buffer_add_byte(&input, 'p');
	add(&input, 4, 7, none);
	add(&input, 5, 7, (struct span){ body, 50000 });
	add(&input, 5, 7, (struct span){ body, 50000 });
	add(&input, 5, 7, none);
	assert_int_equal(take(&r, &input), RECORD_COMPLETE);
	record_write(&r, &out);
	record_clear(&r);
	assert_int_equal(take(&r, &out), RECORD_COMPLETE);
	assert_int_equal(r.id, 7);
	assert_true(r.keep);
	assert_false(r.padded);
	assert_true(span_equal(buffer_span(&r.params), params));
	assert_int_equal(r.body_length, BODY_MAX);
	assert_int_equal(out.len, 0);
	record_clear(&r);
	add_request(&input, 8, 1, none, none);
	assert_int_equal(take(&r, &input), RECORD_COMPLETE);
	record_free(&r); /* no memory, nor any needed */
	record_write(&r, &out);
	record_clear(&r);
	assert_int_equal(take(&r, &out), RECORD_COMPLETE);
	assert_int_equal(r.body_length, 0);
	record_free(&r);
	buffer_free(&input);
	buffer_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),  cmocka_unit_test(test_two),
		cmocka_unit_test(test_bad),    cmocka_unit_test(test_limits),
		cmocka_unit_test(test_padded), cmocka_unit_test(test_written),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
