/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Counters in their files, and the hint. */
#include "config.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/counters.h"
#include "host/hint.h"
#include "host/numbered.h"
#include "host/site_counters.h"

enum { MANY = 50000 /* events */, KILLS = 8, JUNK = 3 /* files */ };

static char folder[] = "/tmp/certgate.XXXXXX";

static const char *
path_of(unsigned number)
{
	static char path[sizeof(folder) + 32];

	(void)snprintf(path, sizeof(path), "%s/counters.%u", folder, number);
	return path;
}

/* What all files have together. */
struct sum {
	uint64_t events, not_listed, list, other;
	unsigned files, running;
};

static void
add(void *context, struct span page, bool runs)
{
	struct sum *sum = context;
	struct span name;
	uint64_t value;

	sum->files++;
	sum->running += runs;
	while (counter_page_next(&page, &name, &value)) {
		if (span_equal(name, SPAN("events")))
			sum->events += value;
		if (span_equal(name, SPAN("deny.not-listed")))
			sum->not_listed += value;
		if (span_equal(name, SPAN("now.list")))
			sum->list += value;
		if (span_equal(name, SPAN("deny.of-another-version")))
			sum->other += value;
	}
}

static struct sum
read_all(void)
{
	struct sum sum = { 0 };
	struct error e = { 0 };

	assert_true(counters_read(folder, add, &sum, &e));
	return sum;
}

static void
open_one(struct counters *c)
{
	struct error e = { 0 };

	if (!counters_open(c, folder, &e))
		fail_msg("%s", e.text);
}

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/certgate.XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NUMBERED_FILES; i++)
		(void)unlink(path_of(i));
	return rmdir(folder);
}

static void
test_page(void **state)
{
	struct counter_page page;
	struct span name, rest;
	uint64_t value;
	char long_name[COUNTER_NAME_MAX + 2] = "";

	(void)state;
	counter_page_init(&page, (struct span){ 0 });
	memset(long_name, 'a', COUNTER_NAME_MAX + 1);
	assert_int_equal(counter_page_add(&page, span_of(long_name), 1), 0);
	size_t at = counter_page_add(&page, SPAN("events"), 99);
	size_t reason = counter_page_add(&page, SPAN("deny.a"), 0);
	size_t less = counter_page_add(&page, SPAN("time.10"), 0);
	counter_page_count(&page, at, 2);
	counter_page_count(&page, reason, 101);
	counter_page_count(&page, less, 100);
	rest = (struct span){ page.text, sizeof(page.text) };
	assert_false(counter_page_is_whole(rest));
	counter_page_count(&page, less, 1);
	assert_true(counter_page_is_whole(rest));
	assert_true(counter_page_next(&rest, &name, &value));
	assert_span(name, "events");
	assert_int_equal(value, 101);
	size_t before = page.len;
	while (counter_page_add(&page, SPAN("x"), 0) > 0)
		before = page.len;
	assert_int_equal(page.len, before);
	assert_true(sizeof(page.text) - page.len < COUNTER_DIGITS + 3);
}

/* Whatever else is in a file. */
static void
test_not_whole(void **state)
{
	static const char *const lines[] = {
		"events 000000000000001\n",	 "events 00000000000000001\n",
		"events 000000000000000x\n",	 "Events 0000000000000000\n",
		"events  0000000000000000\n",	 "events\n",
		" 0000000000000000\n",		 "deny.a 0000000000000001\n",
		"\n\nevents 0000000000000000\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct counter_page page;
		struct span text = { page.text, sizeof(page.text) };
		counter_page_init(&page, (struct span){ 0 });
		assert_true(counter_page_is_whole(text));
		memcpy(page.text + page.len, lines[i], strlen(lines[i]));
		if (counter_page_is_whole(text))
			fail_msg("whole: %s", lines[i]);
		counter_page_init(&page, (struct span){ 0 });
		page.text[i] ^= 1;
		assert_false(counter_page_is_whole(text));
		text.len--;
		assert_false(counter_page_is_whole(text));
	}
}

static void
test_take_over(void **state)
{
	struct counters one, two;
	struct counters_now now = { .list = 7, .entries = 2 };

	(void)state;
	open_one(&one);
	open_one(&two);
	counters_set_now(&one, &now);
	counters_count(&one, REASON_NOT_LISTED, 15000);
	counters_count(&two, REASON_LISTED, 1000000000000);
	struct sum sum = read_all();
	assert_int_equal(sum.files, 2);
	assert_int_equal(sum.running, 2);
	assert_int_equal(sum.events, 2);
	assert_int_equal(sum.not_listed, 1);
	assert_int_equal(sum.list, 7);
	counters_close(&one);
	assert_int_equal(read_all().running, 1);
	open_one(&one);
	counters_count(&one, REASON_NOT_LISTED, 0);
	sum = read_all();
	assert_int_equal(sum.files, 2);
	assert_int_equal(sum.events, 3);
	assert_int_equal(sum.not_listed, 2);
	assert_int_equal(sum.list, 0);
	counters_close(&one);
	counters_close(&two);
}

static struct sum
read_site(const char *site)
{
	struct sum sum = { 0 };
	struct error e = { 0 };

	assert_true(site_counters_read(folder, span_of(site), add, &sum, &e));
	return sum;
}

static void
open_sites(struct site_counters *sites)
{
	struct error e = { 0 };

	if (!site_counters_open(sites, folder, &e))
		fail_msg("%s", e.text);
}

static void
count_site(struct site_counters *sites, const char *site, unsigned times)
{
	struct counters *c = site_counters_of(sites, span_of(site));

	assert_non_null(c);
	while (times-- > 0)
		counters_count(c, REASON_NOT_LISTED, 1);
}

/* Each site has its own, over processes and files. */
static void
test_sites(void **state)
{
	struct site_counters one, two;
	char path[sizeof(folder) + 16];

	(void)state;
	open_sites(&one);
	open_sites(&two);
	count_site(&one, "a", 1);
	count_site(&one, "b", 10);
	count_site(&two, "b", 100);
	site_counters_close(&one);
	assert_int_equal(read_site("a").not_listed, 1);
	assert_int_equal(read_site("b").not_listed, 110);
	assert_int_equal(read_site("b").running, 1);
	assert_int_equal(read_site("").files, 0);
	assert_int_equal(read_site("c").files, 0);
	assert_int_equal(read_all().files, 0);
	open_sites(&one);
	count_site(&one, "c", 1000);
	count_site(&one, "b", 10);
	assert_int_equal(read_site("b").not_listed, 120);
	assert_int_equal(read_site("b").files, 2);
	assert_int_equal(read_site("c").events, 1000);
	site_counters_close(&one);
	site_counters_close(&two);
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/sites.%u", folder, i);
		assert_int_equal(unlink(path), 0);
	}
}

/* One too many is not counted; a file with a page that is none of ours is left
 * alone, and the pages that are whole still read. */
static void
test_sites_limits(void **state)
{
	struct site_counters sites;
	char name[sizeof("s4294967295")], path[sizeof(folder) + 16];
	char text[COUNTER_PAGE_SIZE];
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	unsigned pauses = 3;

	(void)state;
	open_sites(&sites);
	for (unsigned i = 0; i < SITES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "s%u", i);
		count_site(&sites, name, 1);
	}
	assert_null(site_counters_of(&sites, SPAN("more")));
	assert_true(sites.said);
	assert_non_null(site_counters_of(&sites, SPAN("s0")));
	site_counters_close(&sites);
	(void)snprintf(path, sizeof(path), "%s/sites.0", folder);
	int file = open(path, O_RDWR), writer = open(path, O_RDWR);
	assert_int_equal(pwrite(file, "x", 1, COUNTER_PAGE_SIZE), 1);
	assert_int_equal(fcntl(writer, F_OFD_SETLK, &whole), 0);
	/* What is waited for one page is gone for the others. */
	assert_false(
		counters_read_page(file, COUNTER_PAGE_SIZE, &pauses, text));
	assert_int_equal(pauses, 0);
	assert_true(counters_read_page(file, 0, &pauses, text));
	assert_false(
		counters_read_page(file, COUNTER_PAGE_SIZE, &pauses, text));
	assert_int_equal(pauses, 0);
	assert_int_equal(close(file), 0);
	assert_int_equal(close(writer), 0);
	open_sites(&sites);
	assert_int_equal(sites.n, 0);
	assert_int_equal(read_site("s0").events, 1);
	assert_int_equal(read_site("s1").files, 0);
	assert_int_equal(read_site("s255").events, 1);
	site_counters_close(&sites);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof(path), "%s/sites.1", folder);
	assert_int_equal(unlink(path), 0);
}

/* Goes on with what another version counted, and keeps what it cannot. */
static void
test_other_version(void **state)
{
	struct counter_page page;
	struct counters c;

	(void)state;
	counter_page_init(&page, (struct span){ 0 });
	(void)counter_page_add(&page, SPAN("deny.of-another-version"), 3);
	(void)counter_page_add(&page, SPAN("deny.not-listed"), 4);
	(void)counter_page_add(&page, SPAN("time.33"), 7);
	(void)counter_page_add(&page, SPAN("events"), 7);
	(void)counter_page_add(&page, SPAN("now.weather"), 7);
	int file = open(path_of(0), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(file, page.text, sizeof(page.text)),
			 sizeof(page.text));
	assert_int_equal(close(file), 0);
	open_one(&c);
	counters_count(&c, REASON_NOT_LISTED, 1);
	struct sum sum = read_all();
	assert_int_equal(sum.files, 1);
	assert_int_equal(sum.events, 8);
	assert_int_equal(sum.not_listed, 5);
	assert_int_equal(sum.other, 3);
	counters_close(&c);
}

static void
make(unsigned number, const char *text, mode_t mode)
{
	int file = open(path_of(number), O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(file, mode), 0);
	assert_int_equal(close(file), 0);
}

/* What is no file of ours is left as it is. */
static void
test_strangers(void **state)
{
	char target[sizeof(folder) + 16], twin[sizeof(folder) + 16];
	struct counters c;
	struct error e = { 0 };

	(void)state;
	(void)snprintf(twin, sizeof(twin), "%s/counters.5", folder);
	(void)snprintf(target, sizeof(target), "%s/target", folder);
	make(0, "what is this?", 0600);
	make(1, "", 0666);
	assert_int_equal(symlink(target, path_of(2)), 0);
	assert_int_equal(mkfifo(path_of(3), 0600), 0);
	make(4, "", 0600);
	assert_int_equal(link(path_of(4), twin), 0);
	make(6, "", 0600);
	if (geteuid() == 0)
		assert_int_equal(chown(path_of(6), 12345, 12345), 0);
	else
		assert_int_equal(chmod(path_of(6), 0), 0);
	open_one(&c);
	assert_int_equal(access(path_of(7), F_OK), 0);
	assert_int_equal(access(target, F_OK), -1);
	struct sum sum = read_all();
	assert_int_equal(sum.files, 1);
	counters_close(&c);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_false(counters_open(&c, folder, &e));
	assert_non_null(strstr(e.text, "chmod o-w"));
	assert_int_equal(chmod(folder, 0700), 0);
}

/* Counted here, in place of libc's. */
static unsigned paused;

int
nanosleep(const struct timespec *wanted, struct timespec *left)
{
	paused++;
	return clock_nanosleep(CLOCK_MONOTONIC, 0, wanted, left);
}

static void
fill_with_junk(int file[JUNK], const char *name, off_t size)
{
	char path[sizeof(folder) + 32];

	for (unsigned i = 0; i < JUNK; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s.%u", folder, name, i);
		file[i] = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
		assert_true(file[i] >= 0);
		assert_int_equal(ftruncate(file[i], size), 0);
	}
}

/* Whoever fills the folder with what is no page makes nobody wait long: not at
 * all if he does not hold it, else once for all of it. */
static void
test_junk(void **state)
{
	int counters[JUNK], sites[JUNK];
	char path[sizeof(folder) + 32];
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct sum sum = { 0 };
	struct error e = { 0 };

	(void)state;
	fill_with_junk(counters, "counters", COUNTER_PAGE_SIZE);
	fill_with_junk(sites, "sites", 2 * COUNTER_PAGE_SIZE);
	paused = 0;
	assert_int_equal(read_all().files, 0);
	assert_true(site_counters_read(folder, SPAN("one"), add, &sum, &e));
	assert_int_equal(paused, 0);
	for (unsigned i = 0; i < JUNK; i++) {
		assert_int_equal(fcntl(counters[i], F_OFD_SETLK, &whole), 0);
		assert_int_equal(fcntl(sites[i], F_OFD_SETLK, &whole), 0);
	}
	assert_int_equal(read_all().files, 0);
	assert_int_equal(paused, COUNTERS_PAUSES);
	assert_true(site_counters_read(folder, SPAN("one"), add, &sum, &e));
	assert_int_equal(sum.files, 0);
	assert_int_equal(paused, 2 * COUNTERS_PAUSES);
	for (unsigned i = 0; i < JUNK; i++) {
		close(counters[i]);
		close(sites[i]);
		(void)snprintf(path, sizeof(path), "%s/sites.%u", folder, i);
		assert_int_equal(unlink(path), 0);
	}
}

static void
test_no_folder(void **state)
{
	struct counters c;
	struct error e = { 0 };

	(void)state;
	assert_false(counters_open(&c, "/nonexistent/folder", &e));
	assert_false(e.set);
	counters_count(&c, REASON_LISTED, 1);
	counters_close(&c);
	assert_false(counters_open(&c, "/dev/null", &e));
	assert_true(e.set);
}

/* One file is tried, not all of them; later it is as if nothing were. */
static void
test_no_room(void **state)
{
	struct rlimit before, none;
	struct counters c, late;
	struct error e = { 0 };

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 100;
	(void)signal(SIGXFSZ, SIG_IGN);
	open_one(&late);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_false(counters_open(&c, folder, &e));
	assert_true(e.set);
	counters_count(&late, REASON_LISTED, 1);
	assert_true(late.said);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	counters_count(&late, REASON_LISTED, 1);
	assert_int_equal(read_all().events, 2);
	assert_int_equal(access(path_of(1), F_OK), 0);
	assert_int_equal(access(path_of(2), F_OK), -1);
	open_one(&c); /* the one that was begun */
	assert_int_equal(access(path_of(2), F_OK), -1);
	counters_close(&c);
	counters_close(&late);
}

/* A writer that does not wait is killed again and again; whoever reads
 * meanwhile never sees half of an event, and what was counted stays. */
static void
test_kill(void **state)
{
	uint64_t before = 0;

	(void)state;
	for (unsigned k = 0; k < KILLS; k++) {
		pid_t child = fork();
		if (child == 0) {
			/* A test that fails leaves nobody. */
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			struct counters c;
			open_one(&c);
			for (unsigned i = 0; i < MANY * 100; i++)
				counters_count(&c, REASON_NOT_LISTED,
					       i * UINT64_C(1000));
			_exit(0);
		}
		uint64_t end = before + MANY / KILLS;
		while (before < end) {
			struct sum sum = read_all();
			assert_int_equal(sum.events, sum.not_listed);
			assert_true(sum.events >= before);
			assert_true(sum.files <= 1);
			before = sum.events;
		}
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	assert_true(before >= MANY);
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
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_not_whole),
		cmocka_unit_test_setup_teardown(test_take_over, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_sites, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sites_limits, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_other_version, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_strangers, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_junk, set_up, tear_down),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test_setup_teardown(test_no_room, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_kill, set_up, tear_down),
		cmocka_unit_test(test_hint),
	};

	return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
