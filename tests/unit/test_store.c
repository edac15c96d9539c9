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

/* A writer that goes on after its file, or its lock file, was replaced writes
 * what no handler sees. */
static void
test_writer(void **state)
{
	static const char *const names[] = { "store", "store-lock" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct error e = { 0 };
		struct store_writer *w = store_writer_open(path, NULL, &e);
		char from[64], to[64];

		if (w == NULL || !store_writer_begin(w, &e))
			fail_msg("%s", e.text);
		store_writer_abort(w);
		(void)snprintf(to, sizeof(to), "%s/%s", folder, names[i]);
		(void)snprintf(from, sizeof(from), "%s/new", folder);
		FILE *file = fopen(from, "w");
		assert_non_null(file);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(rename(from, to), 0);
		assert_false(store_writer_begin(w, &e));
		if (strstr(e.text, "another file is in its place") == NULL)
			fail_msg("%s: %s", names[i], e.text);
		store_writer_close(w);
		(void)unlink(to);
		bool made = false;
		e = (struct error){ 0 };
		assert_true(
			store_create(path, (uid_t)-1, (gid_t)-1, &made, &e));
	}
}

static void
test_link(void **state)
{
	struct error e = { 0 };
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "%s/linked", folder);
	assert_int_equal(link(path, name), 0);
	struct store *store = store_open(path, NULL, &e);
	assert_int_equal(unlink(name), 0);
	assert_null(store);
	assert_non_null(strstr(e.text, "hard link"));
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
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_grown),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_writer),
	};

	return cmocka_run_group_tests_name("store", tests, begin, end);
}
