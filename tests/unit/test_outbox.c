/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Answers that wait in the outbox: each comes to its own peer, or to none. */
#include "config.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/outbox.h"

enum { PAIRS = 4 };

static struct outbox box;
static struct connection ours[PAIRS];
static int theirs[PAIRS];

static int
begin(void **state)
{
	(void)state;
	outbox_init(&box);
	for (size_t i = 0; i < PAIRS; i++) {
		int pair[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		ours[i] = (struct connection){ .fd = pair[0] };
		theirs[i] = pair[1];
		assert_int_equal(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
	}
	return 0;
}

static int
end(void **state)
{
	(void)state;
	for (size_t i = 0; i < PAIRS; i++) {
		close(ours[i].fd);
		close(theirs[i]);
	}
	outbox_free(&box);
	return 0;
}

static void
put(size_t i, const char *answer)
{
	size_t before = box.bytes.len;

	buffer_add(&box.bytes, span_of(answer));
	outbox_add(&box, &ours[i], before);
}

/* Sends; the connections that ended, as digits. */
static const char *
send_all(void)
{
	static char text[PAIRS + 1];
	struct connection *ended[OUTBOX_CONNECTIONS];
	size_t n = outbox_send(&box, ended);

	memset(text, 0, sizeof(text));
	for (size_t i = 0; i < n; i++)
		text[i] = (char)('0' + (ended[i] - ours));
	assert_int_equal(box.n, 0);
	assert_int_equal(box.bytes.len, 0);
	return text;
}

/* What has come to peer i. */
static const char *
come(size_t i)
{
	static char text[64];
	ssize_t n = recv(theirs[i], text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
test_each_its_own(void **state)
{
	(void)state;
	put(2, "two");
	put(0, "");
	put(1, "first");
	put(1, " second");
	put(3, "three");
	assert_int_equal(box.n, 4);
	assert_string_equal(send_all(), "");
	assert_string_equal(come(0), "");
	assert_string_equal(come(1), "first second");
	assert_string_equal(come(2), "two");
	assert_string_equal(come(3), "three");
	assert_string_equal(send_all(), "");
	assert_string_equal(come(1), "");
}

static void
test_end(void **state)
{
	(void)state;
	put(0, "a");
	put(1, "b");
	put(0, "c");
	assert_false(outbox_end(&box, &ours[2]));
	assert_true(outbox_end(&box, &ours[0]));
	assert_string_equal(send_all(), "0");
	assert_string_equal(come(0), "ac");
	assert_string_equal(come(1), "b");
}

/* The place of a closed connection has another one by the time of sending. */
static void
test_forget(void **state)
{
	(void)state;
	put(0, "old");
	put(1, "b");
	assert_true(outbox_end(&box, &ours[0]));
	outbox_forget(&box, &ours[0]);
	put(0, "new");
	assert_string_equal(send_all(), "");
	assert_string_equal(come(0), "new");
	assert_string_equal(come(1), "b");
}

/* Behind half an answer no other may come. */
static void
test_peer_that_does_not_read(void **state)
{
	static char much[FASTCGI_ANSWER_MAX];
	int least = 1;

	(void)state;
	memset(much, 'x', sizeof(much) - 1);
	assert_int_equal(setsockopt(ours[1].fd, SOL_SOCKET, SO_SNDBUF, &least,
				    sizeof(least)),
			 0);
	put(0, "a");
	put(1, much);
	assert_true(outbox_full(&box));
	put(1, "y");
	put(2, "c");
	assert_string_equal(send_all(), "1");
	assert_string_equal(come(0), "a");
	assert_string_equal(come(2), "c");
	for (const char *got; *(got = come(1)) != '\0';)
		assert_null(strchr(got, 'y'));
}

/* As long as it is not full there is room for the largest answer. */
static void
test_full(void **state)
{
	(void)state;
	for (size_t i = 0; i < OUTBOX_CONNECTIONS; i++) {
		assert_false(outbox_full(&box));
		put(i % PAIRS, "a");
	}
	assert_true(outbox_full(&box));
	assert_string_equal(send_all(), "");
	while (!outbox_full(&box))
		buffer_add_byte(&box.bytes, 'x');
	box.bytes.len--;
	assert_false(outbox_full(&box));
	assert_non_null(buffer_reserve(&box.bytes, FASTCGI_ANSWER_MAX));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_its_own, begin, end),
		cmocka_unit_test_setup_teardown(test_end, begin, end),
		cmocka_unit_test_setup_teardown(test_forget, begin, end),
		cmocka_unit_test_setup_teardown(test_peer_that_does_not_read,
						begin, end),
		cmocka_unit_test_setup_teardown(test_full, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
