/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* The reports of the last hour and of outages to systemd and the log. */
#include "config.h"

#include "tests/unit/unit.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/log.h"
#include "host/status.h"

enum { HOUR = 3600, START = 1000 * HOUR };

static char noted[640], warned[640]; /* the last lines of the log */
static unsigned outages; /* warnings */

static void
take(void *context, enum log_level level, const struct error *e)
{
	(void)context;
	if (level == LOG_LEVEL_WARNING)
		outages++;
	(void)snprintf(level == LOG_LEVEL_WARNING ? warned : noted,
		       sizeof(noted), "%s", e->text);
}

static void
count(enum reason reason, unsigned times)
{
	struct answer answer = { .decision.reason = reason };

	for (unsigned i = 0; i < times; i++)
		status_count(&answer, START);
}

/* Systemd, and a folder for its socket. */
struct manager {
	char folder[sizeof("/tmp/certgate.XXXXXX")];
	struct sockaddr_un address;
	int socket;
};

static struct manager manager;

static struct sites sites = { .main = { .has_settings = true,
					.has_list = true,
					.settings.missing_allowed = true,
					.generation = 1 } };

/* The message at the time now; "" if there is none. */
static const char *
tell(int64_t now)
{
	static char text[1024];

	status_tell(&sites, now);
	ssize_t n = recv(manager.socket, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

#define LIST "STATUS=list 1: 0 entries; this hour: "

static int
listen_there(void **state)
{
	struct sockaddr_un *address = &manager.address;

	(void)state;
	strcpy(manager.folder, "/tmp/certgate.XXXXXX");
	if (mkdtemp(manager.folder) == NULL)
		return -1;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(address->sun_path, sizeof(address->sun_path),
		       "%s/notify", manager.folder);
	manager.socket = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (bind(manager.socket, (struct sockaddr *)address,
		 sizeof(*address)) != 0 ||
	    setenv("NOTIFY_SOCKET", address->sun_path, 1) != 0)
		return -1;
	log_divert(take, NULL);
	status_open();
	return unsetenv("SYSTEMD_EXEC_PID");
}

static int
stop_listening(void **state)
{
	(void)state;
	close(manager.socket);
	return unlink(manager.address.sun_path) | rmdir(manager.folder);
}

static void
test_hours(void **state)
{
	(void)state;
	assert_string_equal(tell(START), LIST "0 allowed, 0 denied\nREADY=1");
	count(REASON_NOTIFIED, 7);
	count(REASON_DENIED, 5);
	count(REASON_NOT_LISTED, 12);
	count(REASON_GRANT, 1);
	count(REASON_CHAIN, 2);
	count(REASON_SIGNATURE, 1000);
	count(REASON_LISTED, 1203);
	count(REASON_ANONYMOUS, 1);
	assert_string_equal(tell(START + 59), "");
	assert_string_equal(tell(START + 60),
			    LIST "1204 allowed, 1020 denied (signature "
				 "1000, not-listed 12, denied 5, chain 2)");
	assert_string_equal(noted, "");
	count(REASON_LISTED, 1);
	assert_string_equal(tell(START + HOUR),
			    LIST "0 allowed, 0 denied; last hour: 1205 "
				 "allowed, 1020 denied (signature 1000, "
				 "not-listed 12, denied 5, chain 2)");
	assert_string_equal(noted,
			    "last hour: 1205 allowed, 1020 denied (signature "
			    "1000, not-listed 12, denied 5, chain 2)");
	count(REASON_DENIED, 1);
	(void)tell(START + 2 * HOUR);
	assert_string_equal(noted, "last hour: 0 allowed, 1 denied (denied 1)");
	(void)tell(START + 3 * HOUR);
	assert_string_equal(noted, "last hour: 0 allowed, 0 denied");
}

#define SIGNATURE                                                              \
	"No event has a valid signature: was an access key regenerated?"

/* An outage is in each message while it lasts, up to a day after the last event
 * of the site, whatever others have; a line of the log names it once in an
 * hour. */
static void
test_outages(void **state)
{
	const int64_t now = START + 11 * HOUR;
	struct answer other = { .decision.reason = REASON_LISTED,
				.site = SPAN("two") };

	(void)state;
	(void)tell(now - HOUR);
	(void)tell(now);
	warned[0] = '\0';
	outages = 0;
	count(REASON_SIGNATURE, 2);
	assert_string_equal(tell(now + 1), "");
	count(REASON_SIGNATURE, 1);
	assert_true(strncmp(tell(now + 2), "STATUS=" SIGNATURE " list 1: ",
			    strlen("STATUS=" SIGNATURE " list 1: ")) == 0);
	assert_string_equal(warned, SIGNATURE " See certgate status.");
	assert_non_null(strstr(tell(now + 60), SIGNATURE));
	count(REASON_LISTED, 1);
	assert_null(strstr(tell(now + 120), SIGNATURE));
	count(REASON_SIGNATURE, 3);
	assert_non_null(strstr(tell(now + 180), SIGNATURE));
	assert_int_equal(outages, 1);
	count(REASON_NOTIFIED, 1);
	count(REASON_NO_CERTIFICATE, 19); /* beside 1206 clients */
	assert_null(strstr(tell(now + 181), "clientCertEnabled"));
	count(REASON_NO_CERTIFICATE, 1);
	assert_non_null(strstr(tell(now + 182), "clientCertEnabled"));
	assert_non_null(strstr(warned, "clientCertEnabled"));
	assert_int_equal(outages, 2);
	assert_non_null(strstr(tell(now + HOUR), "clientCertEnabled"));
	assert_int_equal(outages, 3);
	assert_non_null(strstr(tell(now + 2 * HOUR), "clientCertEnabled"));
	assert_int_equal(outages, 4);
	status_count(&other, START + 24 * HOUR);
	assert_null(strstr(tell(START + 25 * HOUR), "clientCertEnabled"));
	assert_int_equal(outages, 4);
}

static void
count_client(uint8_t digest, unsigned times)
{
	struct answer answer = { .decision.reason = REASON_NOT_LISTED,
				 .decision.sha1.digest = { digest } };

	answer.decision.sha1.kind = THUMBPRINT_SHA1;
	for (unsigned i = 0; i < times; i++)
		status_count(&answer, START);
}

/* A single unknown client is not an outage, with others that have no
 * certificate either: certgate doctor sends both. */
static void
test_unknown_clients(void **state)
{
	static const char unknown[] = "No entry matches any client.";
	const int64_t now = START + 41 * HOUR;

	(void)state;
	(void)tell(now - HOUR);
	(void)tell(now);
	count_client(1, 2);
	count(REASON_NO_CERTIFICATE, 1);
	count_client(1, 3);
	assert_null(strstr(tell(now + 60), unknown));
	count_client(2, 1);
	assert_non_null(strstr(tell(now + 120), unknown));
	sites.main.generation++;
	assert_null(strstr(tell(now + 180), unknown));
	count_client(1, 1);
	count_client(2, 2);
	assert_non_null(strstr(tell(now + 240), unknown));
	count(REASON_LISTED, 1);
	sites.main.generation++;
	(void)tell(now + 300);
	count_client(1, 1);
	count_client(2, 2);
	assert_null(strstr(tell(now + 360), unknown));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_outages),
		cmocka_unit_test(test_unknown_clients),
	};

	return cmocka_run_group_tests_name("status", tests, listen_there,
					   stop_listening);
}
