/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* A host of a fleet without memory: no entry counts as invalid, which would
 * stop the host until the entry is removed. */
#include "config.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <unistd.h>

#include "host/store_writer.h"
#include "sync/replica.h"

#define PIN "00000000000000000000000000000000000000000000000000000000000000aa"

static size_t allocations_left = SIZE_MAX;

#if defined __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
enum { CAN_FAIL = 0 };
#else
enum { CAN_FAIL = 1 };
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool
is_left(void)
{
	if (allocations_left == 0) {
		errno = ENOMEM;
		return false;
	}
	if (allocations_left != SIZE_MAX)
		allocations_left--;
	return true;
}

void *
malloc(size_t size)
{
	return is_left() ? __libc_malloc(size) : NULL;
}

void *
calloc(size_t n, size_t size)
{
	return is_left() ? __libc_calloc(n, size) : NULL;
}

void *
realloc(void *old, size_t size)
{
	return is_left() ? __libc_realloc(old, size) : NULL;
}
#endif

/* Add the entry with memory for n allocations. */
static enum replica_result
add(struct replica *replica, size_t n, struct error *e)
{
	struct span entry = SPAN(PIN " user=a groups=b,c roles=sendToGroup.a "
				     "hub=x expires=2090-01-31");

	*e = (struct error){ 0 };
	if (!replica_begin(replica, false, e))
		fail_msg("%s", e->text);
	allocations_left = n;
	enum replica_result result = replica_add(replica, entry, e);
	allocations_left = SIZE_MAX;
	replica_abort(replica);
	return result;
}

static void
test_memory(void **state)
{
	char folder[] = "/tmp/certgate.XXXXXX", path[64], lock[64];
	struct error e = { 0 };
	bool made;
	size_t n = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/store", folder);
	(void)snprintf(lock, sizeof(lock), "%s/store-lock", folder);
	assert_true(store_create(path, (uid_t)-1, (gid_t)-1, &made, &e));
	struct replica *replica = replica_open(path, &e);
	if (replica == NULL)
		fail_msg("%s", e.text);
	for (; CAN_FAIL && n < 1000; n++) {
		enum replica_result result = add(replica, n, &e);
		if (result == REPLICA_DONE)
			break;
		if (result != REPLICA_FAILED || !e.set)
			fail_msg("memory for %zu: %d: %s", n, result, e.text);
	}
	assert_true(!CAN_FAIL || n > 5);
	replica_close(replica);
	(void)unlink(path);
	(void)unlink(lock);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests_name("replica", tests, NULL, NULL);
}
