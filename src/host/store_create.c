/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "host/store_format.h"
#include "host/store_writer.h"

/* Put the value of a name; return the result of LMDB. */
static int
put(MDB_txn *txn, const char *name, struct span text)
{
	char key[1 + STORED_NAME_MAX];
	struct span k = { key, store_name_key(name, key) };
	struct buffer value;

	buffer_init(&value, STORED_SEAL + STORED_VALUE_MAX);
	stored_seal(k, text, &value);
	MDB_val from = { k.len, key }, to = { value.len, value.data };
	int code =
		value.failed ? ENOMEM : mdb_put(txn, STORE_DBI, &from, &to, 0);
	buffer_free(&value);
	return code;
}

/* Write the records of an empty store. */
static int
put_all(MDB_env *env)
{
	const struct stored_counts none = { .content_denied_until = 0 };
	struct span counts = { (const char *)&none, sizeof(none) };
	MDB_txn *txn = NULL;
	MDB_dbi dbi;
	int code = mdb_txn_begin(env, NULL, 0, &txn);

	if (code == 0)
		code = mdb_dbi_open(txn, NULL, 0, &dbi);
	if (code == 0)
		code = put(txn, STORE_FORMAT, SPAN(STORE_FORMAT_TEXT));
	if (code == 0)
		code = put(txn, STORE_COUNTS, counts);
	if (code == 0)
		return mdb_txn_commit(txn);
	if (txn != NULL)
		mdb_txn_abort(txn);
	return code;
}

/* Make an empty store at path. */
static bool
fill(const char *path, struct error *e)
{
	MDB_env *env = NULL;
	int code = mdb_env_create(&env);

	if (code == 0)
		code = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOTLS, 0600);
	if (code == 0)
		code = put_all(env);
	if (env != NULL)
		mdb_env_close(env);
	return code == 0 || error_set(e, "%s: %s", path, mdb_strerror(code));
}

/* Set owner, group and mode of a new file, and sync it. */
static bool
own(const char *path, uid_t owner, gid_t group, mode_t mode, struct error *e)
{
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	bool ok = fd >= 0 && fchown(fd, owner, group) == 0 &&
		  fchmod(fd, mode) == 0 && fsync(fd) == 0;

	if (!ok)
		error_system(e, "%s", path);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* The lock file of a store that was lost counts the commits of that one. */
static void
unlink_lock(const char *path)
{
	char *lock;

	if (asprintf(&lock, "%s" STORE_LOCK_SUFFIX, path) < 0)
		return;
	(void)unlink(lock);
	free(lock);
}

/* Create the store under a temporary name, so that it appears complete. */
static bool
create_data(const char *path, uid_t owner, gid_t group, bool *made,
	    struct error *e)
{
	char *new;

	if (asprintf(&new, "%s.new", path) < 0)
		return error_set(e, "out of memory");
	(void)unlink(new);
	unlink_lock(new);
	unlink_lock(path);
	mode_t mode = group == (gid_t)-1 ? 0600 : 0640;
	bool ok = fill(new, e) && own(new, owner, group, mode, e);
	*made = ok && link(new, path) == 0;
	if (ok && !*made && errno != EEXIST)
		ok = error_system(e, "%s", path);
	(void)unlink(new);
	unlink_lock(new);
	free(new);
	return ok;
}

static bool
create_lock(const char *path, uid_t owner, gid_t group, struct error *e)
{
	mode_t mode = group == (gid_t)-1 ? 0600 : 0660;
	char *lock;

	if (asprintf(&lock, "%s" STORE_LOCK_SUFFIX, path) < 0)
		return error_set(e, "out of memory");
	int fd = open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = fd >= 0 || errno == EEXIST;
	if (!ok)
		error_system(e, "%s", lock);
	if (fd >= 0) {
		close(fd);
		ok = own(lock, owner, group, mode, e);
	}
	free(lock);
	return ok;
}

bool
store_create(const char *path, uid_t owner, gid_t group, bool *made,
	     struct error *e)
{
	struct stat s;

	*made = false;
	if (path[0] != '/')
		return error_set(e, "%s: expected an absolute path", path);
	if (lstat(path, &s) != 0 && !create_data(path, owner, group, made, e))
		return false;
	char *real = realpath(path, NULL);
	if (real == NULL)
		return error_system(e, "%s", path);
	bool ok = create_lock(real, owner, group, e);
	free(real);
	return ok;
}
