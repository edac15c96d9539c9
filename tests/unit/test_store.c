/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* A store that several sites name: it is opened once in a process. */
#include "config.h"

#include "tests/unit/unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "host/store.h"
#include "host/store_writer.h"

enum { MANY = 30000 /* entries: more than the map of an empty store has */ };

static char folder[] = "/tmp/certgate.XXXXXX";
static char path[64], other[64];

static void
create(const char *name)
{
	struct error e = { 0 };
	bool made = false;

	if (!store_create(name, (uid_t)-1, (gid_t)-1, &made, &e) || !made)
		fail_msg("%s", e.text);
}

/* Fill the store; the exit code of a process. */
static int
fill(void)
{
	struct error e = { 0 };
	struct store_writer *w = store_writer_open(path, NULL, &e);
	bool ok = w != NULL && store_writer_begin(w, &e);

	for (uint32_t i = 0; ok && i < MANY; i++) {
		struct thumbprint pin = { .kind = THUMBPRINT_SHA256 };
		memcpy(pin.digest, &i, sizeof(i));
		ok = store_writer_put(
			w, &pin,
			SPAN("user=a-user-with-a-long-name expires=2090-01-31"),
			&e);
	}
	ok = ok && store_writer_commit(w, &e);
	store_writer_close(w);
	(void)fputs(e.text, stderr);
	return ok ? 0 : 1;
}

/* Another process fills it: LMDB opens a file once in a process. */
static void
grow(void)
{
	int status = 1;
	pid_t child = fork();

	if (child == 0)
		_exit(fill());
	assert_true(waitpid(child, &status, 0) == child && status == 0);
}

static void
expect_entries(struct store *store, const char *name)
{
	const struct stored_source *source = store_source(store);
	struct thumbprint pin = { .kind = THUMBPRINT_SHA256 };
	struct stored_counts counts;
	struct span text;
	struct error e = { 0 };

	if (!source->begin(source->context, &counts) ||
	    source->find(source->context, &pin, &text) != STORED_FOUND)
		fail_msg("%s: %s", name,
			 store_failed(store, &e) ? e.text : "not found");
	store_rest(store);
}

static void
test_grown(void **state)
{
	struct error e = { 0 };
	struct store *first = store_open(path, NULL, &e), *second;

	(void)state;
	assert_non_null(first);
	grow();
	second = store_open(path, NULL, &e);
	if (second == NULL)
		fail_msg("grown before the second opens it: %s", e.text);
	expect_entries(first, "first");
	expect_entries(second, "second");
	store_close(second);
	store_close(first);
}

static void
test_replaced(void **state)
{
	struct error e = { 0 };
	struct store *first = store_open(path, NULL, &e), *second;

	(void)state;
	assert_non_null(first);
	assert_int_equal(rename(other, path), 0);
	second = store_open(path, NULL, &e);
	assert_null(second);
	if (strstr(e.text, "another file is in its place; restart needed") ==
	    NULL)
		fail_msg("replaced before the second opens it: %s", e.text);
	store_close(first);
}

static int
begin(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/store", folder);
	(void)snprintf(other, sizeof(other), "%s/other", folder);
	create(path);
	create(other);
	return 0;
}

static int
end(void **state)
{
	static const char *const names[] = { "store", "store-lock",
					     "other-lock" };
	char name[64];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		(void)unlink(name);
	}
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grown),
		cmocka_unit_test(test_replaced),
	};

	return cmocka_run_group_tests_name("store", tests, begin, end);
}
