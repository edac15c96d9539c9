/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "host/account.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/files.h"
#include "host/store.h"
#include "host/store_contact.h"
#include "host/store_format.h"

/* A file that is open.  LMDB must not open a file twice in a process: the close
 * of one would drop the locks of the other. */
struct opened {
	struct opened *next;
	struct file_identity data, lock;
	MDB_env *env; /* owned */
	size_t stores; /* that use it */
};

static struct opened *all_opened;

struct store {
	char *path; /* owned; symbolic links followed */
	char *lock; /* owned */
	struct file_identity opened; /* the file that is open */
	struct file_identity locked; /* its lock file */
	struct opened *shared; /* with other stores of the same path */
	MDB_env *env; /* borrowed from it */
	MDB_txn *txn; /* owned; at rest between look-ups */
	bool active; /* txn is active */
	size_t page; /* bytes */
	unsigned max_age; /* seconds since the last contact; 0: any */
	bool is_old; /* last contact was too old at the last look-up */
	int64_t away_ms; /* monotonic ms when path went missing; 0: not */
	struct stored_source source;
	struct stored_counts counts;
	struct error ended; /* set: path names another file now */
	struct error failure; /* of the last look-up */
	bool is_new; /* the failure is not reported yet */
};

/* Keep the error of a failed look-up; return false. */
static bool
fail(struct store *store, const struct error *e)
{
	if (strcmp(e->text, store->failure.text) != 0)
		store->is_new = true;
	store->failure = *e;
	return false;
}

static bool
grew(const struct store *store, off_t *size, struct error *e)
{
	struct stat s;
	int fd = -1;

	if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &s) != 0)
		return error_system(e, "%s", store->path);
	*size = s.st_size;
	return true;
}

/* Check that the file has all its pages: a read behind its end raises
 * SIGBUS. */
static bool
check_size(const struct store *store, struct error *e)
{
	MDB_envinfo info;
	off_t size;

	if (!grew(store, &size, e))
		return false;
	if ((uintmax_t)size < 2 * store->page)
		return store_is_cut(store->path, e);
	if (mdb_env_info(store->env, &info) != 0)
		return error_set(e, "%s: cannot be read", store->path);
	uintmax_t least = ((uintmax_t)info.me_last_pgno + 1) * store->page;
	if ((uintmax_t)size >= least)
		return true;
	/* The file may have grown between the two calls. */
	return grew(store, &size, e) &&
	       ((uintmax_t)size >= least || store_is_cut(store->path, e));
}

/* Map the file again, with room for growth. */
static bool
map_again(struct store *store, struct error *e)
{
	off_t size;

	if (!grew(store, &size, e))
		return false;
	int code = mdb_env_set_mapsize(store->env, store_map_size(size));
	return code == 0 || error_set(e, "%s: cannot be mapped: %s",
				      store->path, mdb_strerror(code));
}

static bool
renew(struct store *store, struct error *e)
{
	int code = mdb_txn_renew(store->txn);

	if (code == MDB_MAP_RESIZED) {
		if (!map_again(store, e))
			return false;
		code = mdb_txn_renew(store->txn);
	}
	return code == 0 ||
	       error_set(e, "%s: %s", store->path, mdb_strerror(code));
}

/* Begin a transaction, unless one is active. */
static bool
begin(struct store *store, struct error *e)
{
	if (store->active)
		return true;
	if (store->ended.set) {
		*e = store->ended;
		return false;
	}
	if (!check_size(store, e) || !renew(store, e))
		return false;
	store->active = true;
	/* A later commit may have made the file longer. */
	if (check_size(store, e) &&
	    store_get_counts(store->path, store->txn, &store->counts, e))
		return true;
	store_rest(store);
	return false;
}

int64_t
store_age(struct store *store)
{
	struct span revision = { 0 }, contact = { 0 };
	bool has_revision = false, has_contact = false;
	int64_t age = -1;
	struct error e = { 0 };

	if (store == NULL)
		return age;
	bool was_active = store->active;
	if (begin(store, &e) &&
	    store_get(store->path, store->txn, "revision", &revision,
		      &has_revision, &e) &&
	    revision.len > 0)
		age = store_get(store->path, store->txn, "contact", &contact,
				&has_contact, &e)
			      ? store_contact_age(contact)
			      : INT64_MAX;
	if (!was_active)
		store_rest(store);
	return age;
}

/* Check the last contact; a store without a fleet has none, which counts as too
 * old. */
static bool
check_age(struct store *store, struct error *e)
{
	bool was_old = store->is_old;

	if (store->max_age == 0)
		return true;
	int64_t age = store_age(store);
	store->is_old = age < 0 || age > (int64_t)store->max_age;
	/* The text is without the age: each new text is logged. */
	if (store->is_old)
		return error_set(e,
				 "%s: too old: the last contact with the "
				 "fleet's database is older than "
				 "CERTGATE_STORE_MAX_AGE, %u s (fix: systemctl "
				 "status certgate-sync)",
				 store->path, store->max_age);
	if (was_old)
		store->failure = (struct error){ 0 };
	return true;
}

static bool
begin_source(void *context, struct stored_counts *counts)
{
	struct store *store = context;
	struct error e = { 0 };

	if (!begin(store, &e) || !check_age(store, &e))
		return fail(store, &e);
	*counts = store->counts;
	return true;
}

bool
store_count(struct store *store, struct stored_counts *counts)
{
	struct error e = { 0 };

	if (store == NULL)
		return false;
	if (!begin(store, &e))
		return fail(store, &e);
	*counts = store->counts;
	return true;
}

static enum stored_result
find_source(void *context, const struct thumbprint *pin, struct span *text)
{
	struct store *store = context;
	struct error e = { 0 };
	bool found;

	if (!begin(store, &e) ||
	    !store_get_pin(store->path, store->txn, pin, text, &found, &e)) {
		(void)fail(store, &e);
		return STORED_FAILED;
	}
	return found ? STORED_FOUND : STORED_NONE;
}

void
store_limit_age(struct store *store, unsigned seconds)
{
	if (store != NULL)
		store->max_age = seconds;
}

void
store_rest(struct store *store)
{
	if (store == NULL || !store->active)
		return;
	mdb_txn_reset(store->txn);
	store->active = false;
}

/* Note that LMDB opened without a lock, as on a read-only file system. */
static int
note_no_lock(const char *message, void *context)
{
	bool *none = context;

	*none |= strstr(message, "no reader locks") != NULL;
	return 0;
}

static bool
is_same(const struct file_identity *a, const struct file_identity *b)
{
	return a->inode == b->inode && a->device == b->device;
}

static bool
check_lock(const struct store *store, struct error *e)
{
	struct file_identity now;
	bool none = false;

	file_identify(store->lock, &now);
	if (mdb_reader_list(store->env, note_no_lock, &none) >= 0 && !none &&
	    now.exists && is_same(&now, &store->locked))
		return true;
	return error_set(e, "%s: no lock on the store", store->lock);
}

static bool
is_replaced(const struct store *store, struct error *e)
{
	return error_set(e, "%s: another file is in its place; restart needed",
			 store->path);
}

/* Open the file, or share it if it is open.  EBUSY: the file that is open
 * has this lock file, and is another one. */
static int
share(struct store *store)
{
	unsigned flags = MDB_RDONLY | MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD;
	size_t size = store_map_size(store->opened.size);
	struct opened *one = all_opened;

	while (one != NULL && !is_same(&one->lock, &store->locked))
		one = one->next;
	if (one == NULL) {
		one = calloc(1, sizeof(*one));
		if (one == NULL)
			return ENOMEM;
		*one = (struct opened){ .next = all_opened,
					.data = store->opened,
					.lock = store->locked };
		all_opened = one;
	}
	store->shared = one;
	if (one->stores++ > 0) {
		store->env = one->env;
		return is_same(&one->data, &store->opened) ? 0 : EBUSY;
	}
	int code = mdb_env_create(&one->env);
	store->env = one->env;
	if (code == 0)
		code = mdb_env_set_maxreaders(one->env, STORE_READERS);
	if (code == 0)
		code = mdb_env_set_mapsize(one->env, size);
	if (code == 0)
		code = mdb_env_open(one->env, store->path, flags, 0);
	return code;
}

static void
leave(struct opened *one)
{
	struct opened **at = &all_opened;

	if (--one->stores > 0)
		return;
	while (*at != one)
		at = &(*at)->next;
	*at = one->next;
	if (one->env != NULL)
		mdb_env_close(one->env);
	free(one);
}

/* Begin the transaction that later look-ups renew.  The file may have grown
 * since another store opened it. */
static int
begin_first(struct store *store, struct error *e)
{
	int code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->txn);

	if (code == MDB_MAP_RESIZED && map_again(store, e))
		code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->txn);
	return code;
}

/* A handler in its sandbox cannot look up user and group. */
static bool
set_locked(const char *lock, struct error *e)
{
	const char *user = file_reader();
	char group[ACCOUNT_NAME_SIZE];

	if (user == NULL)
		return error_set(e,
				 "%s: the lock file of the store: Permission "
				 "denied",
				 lock);
	account_group_name(getegid(), group);
	return error_set(e,
			 "%s: user %s cannot write the lock file of the store "
			 "(fix: chgrp %s %s && chmod 660 %s)",
			 lock, user, group, lock, lock);
}

static bool
open_env(struct store *store, struct error *e)
{
	int code = share(store);

	if (code == EBUSY)
		return is_replaced(store, e);
	if (code == EACCES) /* the data was read before */
		return set_locked(store->lock, e);
	if (code == 0 && !check_lock(store, e))
		return false;
	if (code == 0)
		code = begin_first(store, e);
	MDB_dbi dbi = 0;
	if (code == 0)
		code = mdb_dbi_open(store->txn, NULL, 0, &dbi);
	if (code != 0)
		return error_set(e, "%s: %s", store->path, mdb_strerror(code));
	store->active = true;
	bool ok = check_size(store, e) &&
		  store_check_format(store->path, store->txn, e) &&
		  store_get_counts(store->path, store->txn, &store->counts, e);
	store_rest(store);
	return ok;
}

struct store *
store_open(const char *path, const char *owner, struct error *e)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL) {
		error_set(e, "out of memory");
		return NULL;
	}
	bool ok = store_paths(path, &store->path, &store->lock, e) &&
		  store_check_files(store->path, store->lock, owner,
				    &store->opened, &store->locked, e) &&
		  store_check_head(store->path, &store->page, e) &&
		  open_env(store, e);
	store->source = (struct stored_source){
		.begin = begin_source,
		.find = find_source,
		.context = store,
	};
	if (ok)
		return store;
	store_close(store);
	return NULL;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->txn != NULL)
		mdb_txn_abort(store->txn);
	if (store->shared != NULL)
		leave(store->shared);
	free(store->path);
	free(store->lock);
	free(store);
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

	return store == NULL ? &none : &store->source;
}

static bool
is_other(const char *path, const struct file_identity *opened, bool *away)
{
	struct file_identity now;

	file_identify(path, &now);
	*away |= !now.exists && now.error == 0;
	return now.exists && !is_same(&now, opened);
}

bool
store_check(struct store *store, struct error *e)
{
	int64_t now_ms = clock_ms();
	bool away = false;

	if (!store->ended.set &&
	    (is_other(store->path, &store->opened, &away) ||
	     is_other(store->lock, &store->locked, &away)))
		(void)is_replaced(store, &store->ended);
	if (!away)
		store->away_ms = 0;
	else if (store->away_ms == 0)
		store->away_ms = now_ms;
	else if (now_ms - store->away_ms >= FILES_MISSING_MS)
		error_set(&store->ended,
			  "%s: the store, or its lock file, is missing; "
			  "restart needed once it is there",
			  store->path);
	*e = store->ended;
	return !e->set || fail(store, e);
}

bool
store_failed(struct store *store, struct error *e)
{
	bool is_new = store != NULL && store->is_new;

	if (is_new) {
		*e = store->failure;
		store->is_new = false;
	}
	return is_new;
}

bool
store_each(struct store *store, stored_function *take, void *context,
	   struct error *e)
{
	MDB_cursor *cursor = NULL;
	bool was_active = store->active;

	if (!begin(store, e))
		return false;
	int code = mdb_cursor_open(store->txn, STORE_DBI, &cursor);
	bool ok = code == 0 ||
		  error_set(e, "%s: %s", store->path, mdb_strerror(code));
	if (ok)
		ok = store_walk(store->path, cursor, take, context, e);
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	if (!was_active)
		store_rest(store);
	return ok;
}
