/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* What systemd and the log are told of the last hour, and the hint. */
#include "config.h"

#include "tests/unit/unit.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/log.h"
#include "host/status.h"

enum { HOUR = 3600, START = 1000 * HOUR };

static char noted[512]; /* the last line of the log */

static void
take(void *context, enum log_level level, const struct error *e)
{
	(void)context;
	assert_int_equal(level, LOG_LEVEL_NOTE);
	(void)snprintf(noted, sizeof(noted), "%s", e->text);
}

static void
count(enum reason reason, unsigned times)
{
	struct decision decision = { .reason = reason };

	for (unsigned i = 0; i < times; i++)
		status_count(&decision);
}

/* The message at the time now; "" if there is none. */
static const char *
tell(int socket, int64_t now)
{
	static struct sites sites = { .main = { .has_settings = true,
						.has_list = true,
						.generation = 1 } };
	static char text[1024];

	status_tell(&sites, now);
	ssize_t n = recv(socket, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

#define LIST "STATUS=list 1: 0 entries; this hour: "

static void
test_hours(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/certgate.XXXXXX";
	int manager = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify",
		       folder);
	assert_int_equal(
		bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
	assert_int_equal(unsetenv("SYSTEMD_EXEC_PID"), 0);
	log_divert(take, NULL);
	status_open();
	assert_string_equal(tell(manager, START),
			    LIST "0 allowed, 0 denied\nREADY=1");
	count(REASON_LISTED, 1203);
	count(REASON_ANONYMOUS, 1);
	count(REASON_NOTIFIED, 7);
	count(REASON_DENIED, 5);
	count(REASON_NOT_LISTED, 12);
	count(REASON_GRANT, 1);
	count(REASON_CHAIN, 2);
	count(REASON_SIGNATURE, 1000);
	assert_string_equal(tell(manager, START + 59), "");
	assert_string_equal(tell(manager, START + 60),
			    LIST "1204 allowed, 1020 denied (signature "
				 "1000, not-listed 12, denied 5, chain 2)");
	assert_string_equal(noted, "");
	count(REASON_LISTED, 1);
	assert_string_equal(tell(manager, START + HOUR),
			    LIST "0 allowed, 0 denied; last hour: 1205 "
				 "allowed, 1020 denied (signature 1000, "
				 "not-listed 12, denied 5, chain 2)");
	assert_string_equal(noted,
			    "last hour: 1205 allowed, 1020 denied (signature "
			    "1000, not-listed 12, denied 5, chain 2)");
	count(REASON_DENIED, 1);
	(void)tell(manager, START + 2 * HOUR);
	assert_string_equal(noted, "last hour: 0 allowed, 1 denied (denied 1)");
	(void)tell(manager, START + 3 * HOUR);
	assert_string_equal(noted, "last hour: 0 allowed, 0 denied");
	close(manager);
	assert_int_equal(unlink(address.sun_path), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
test_hint(void **state)
{
	static const struct {
		enum reason reason;
		int64_t now_s;
		bool due;
	} rows[] = {
		{ REASON_NO_CERTIFICATE, 0, false },
		{ REASON_ANONYMOUS, 1, false },
		{ REASON_VALIDATED, 2, false },
		{ REASON_LIST_UNREADABLE, 2, false },
		{ REASON_NO_CERTIFICATE, 3, true },
		{ REASON_NO_CERTIFICATE, 4, false },
		{ REASON_NO_CERTIFICATE, 3602, false },
		{ REASON_NO_CERTIFICATE, 3603, true },
		{ REASON_NOT_LISTED, 7000, false },
		{ REASON_NO_CERTIFICATE, 7300, false },
		{ REASON_NO_CERTIFICATE, 7301, false },
		{ REASON_NO_CERTIFICATE, 7302, false },
		{ REASON_NO_CERTIFICATE, 10600, true },
		{ REASON_LISTED, 20000, false },
		{ REASON_NO_CERTIFICATE, 30000, false },
		{ REASON_NO_CERTIFICATE, 30000, false },
		{ REASON_NO_CERTIFICATE, 30000, true },
	};
	struct hint hint = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (hint_is_due(&hint, rows[i].reason, rows[i].now_s) !=
		    rows[i].due)
			fail_msg("row %zu", i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_hint),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
