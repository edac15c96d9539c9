/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* For a build without LMDB: a store that is configured cannot be used. */
#include "config.h"

#include <stddef.h>

#include "host/store.h"
#include "host/store_writer.h"

static bool
is_missing(struct error *e)
{
	return error_set(e, "this certgate is built without the store");
}

struct store *
store_open(const char *path, const char *owner, struct error *e)
{
	(void)path;
	(void)owner;
	(void)is_missing(e);
	return NULL;
}

void
store_close(struct store *store)
{
	(void)store;
}

static bool
begin_nothing(void *context, struct stored_counts *counts)
{
	(void)context;
	(void)counts;
	return false;
}

static enum stored_result
find_nothing(void *context, const struct thumbprint *pin, struct span *text)
{
	(void)context;
	(void)pin;
	(void)text;
	return STORED_FAILED;
}

const struct stored_source *
store_source(const struct store *store)
{
	static const struct stored_source none = {
		.begin = begin_nothing,
		.find = find_nothing,
	};

	(void)store;
	return &none;
}

void
store_limit_age(struct store *store, unsigned seconds)
{
	(void)store;
	(void)seconds;
}

int64_t
store_age(struct store *store)
{
	(void)store;
	return -1;
}

void
store_rest(struct store *store)
{
	(void)store;
}

bool
store_check(struct store *store, struct error *e)
{
	(void)store;
	return is_missing(e);
}

bool
store_failed(struct store *store, struct error *e)
{
	(void)store;
	(void)e;
	return false;
}
