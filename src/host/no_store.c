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

bool
store_value(struct store *store, const char *name, struct buffer *value,
	    struct error *e)
{
	(void)store;
	(void)name;
	(void)value;
	return is_missing(e);
}

bool
store_each(struct store *store, stored_function *take, void *context,
	   struct error *e)
{
	(void)store;
	(void)take;
	(void)context;
	return is_missing(e);
}

bool
store_create(const char *path, uid_t owner, gid_t group, bool *made,
	     struct error *e)
{
	(void)path;
	(void)owner;
	(void)group;
	(void)made;
	return is_missing(e);
}

struct store_writer *
store_writer_open(const char *path, const char *owner, struct error *e)
{
	(void)path;
	(void)owner;
	(void)is_missing(e);
	return NULL;
}

bool
store_writer_begin(struct store_writer *w, struct error *e)
{
	(void)w;
	return is_missing(e);
}

bool
store_writer_put(struct store_writer *w, const struct thumbprint *pin,
		 struct span text, struct error *e)
{
	(void)w;
	(void)pin;
	(void)text;
	return is_missing(e);
}

bool
store_writer_append(struct store_writer *w, const struct thumbprint *pin,
		    struct span text, struct error *e)
{
	(void)w;
	(void)pin;
	(void)text;
	return is_missing(e);
}

bool
store_writer_get(struct store_writer *w, const struct thumbprint *pin,
		 struct buffer *text, bool *found, struct error *e)
{
	(void)w;
	(void)pin;
	(void)text;
	(void)found;
	return is_missing(e);
}

bool
store_writer_remove(struct store_writer *w, const struct thumbprint *pin,
		    bool *found, struct error *e)
{
	(void)w;
	(void)pin;
	(void)found;
	return is_missing(e);
}

bool
store_writer_clear(struct store_writer *w, struct error *e)
{
	(void)w;
	return is_missing(e);
}

bool
store_writer_value(struct store_writer *w, const char *name,
		   struct buffer *value, struct error *e)
{
	(void)w;
	(void)name;
	(void)value;
	return is_missing(e);
}

bool
store_writer_commit(struct store_writer *w, struct error *e)
{
	(void)w;
	return is_missing(e);
}

const struct stored_source *
store_writer_source(const struct store_writer *w)
{
	(void)w;
	return store_source(NULL);
}

bool
store_writer_has_reader(struct store_writer *w)
{
	(void)w;
	return false;
}

void
store_writer_abort(struct store_writer *w)
{
	(void)w;
}

void
store_writer_close(struct store_writer *w)
{
	(void)w;
}
